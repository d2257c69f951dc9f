// capture.cuh - what memory and graphs have to know of one another. While a stream is captured, nothing may be queued
// on the legacy stream, whose order memory has: not by this thread, and not by another one.
#pragma once

#include <shared_mutex>

namespace longwave::cuda {

// Shared by those who take or release memory, alone by who captures.
std::shared_mutex& capture_mutex();

// Whether the calling thread is capturing.
bool capturing() noexcept;

// The calling thread captures, for a scope. What it releases meanwhile is released at the end.
class CaptureScope {
 public:
  CaptureScope();
  CaptureScope(const CaptureScope&) = delete;
  CaptureScope& operator=(const CaptureScope&) = delete;
  ~CaptureScope();
};

}  // namespace longwave::cuda
