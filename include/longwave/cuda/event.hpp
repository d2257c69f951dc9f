// event.hpp - a point in a stream's work, for order between streams, for waiting, and for time. Defined in
// longwave::cuda.
//
//   cuda::Event copied;
//   { cuda::UseStream use(side); cuda::copy_async(there.view(), pinned.view()); copied.record(); }
//   copied.wait();                                     // what follows on this stream comes after the copy
#pragma once

#include "longwave/cuda/stream.hpp"

namespace longwave::cuda {

class Event {
 public:
  Event();  // counts as having happened
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event();

  void record();             // after all work so far of the current stream
  void wait() const;         // the current stream goes on after it; the host does not wait
  void synchronize() const;  // the host waits
  bool happened() const;

  void* handle() const { return handle_; }  // a cudaEvent_t

 private:
  void* handle_ = nullptr;
};

// Milliseconds on the device between two events that were recorded; waits for the second.
double milliseconds(const Event& from, const Event& to);

}  // namespace longwave::cuda
