// stream.hpp - queues of device work. Defined in longwave::cuda.
//
// Ops go to the calling thread's current stream and return before they have run. Each thread starts on a stream of its
// own (CUDA's per-thread default, which keeps order with the legacy stream), and may use another for a scope:
//
//   cuda::Stream stream;
//   { cuda::UseStream use(stream); ops::Gelu::forward(y.view(), x); }
//   stream.synchronize();
//
// The working memory of ops belongs to the stream: what runs in order can use the same memory again without waiting.
// So one stream is for one thread at a time.
#pragma once

#include <cstdint>

#include "longwave/core/arena.hpp"
#include "longwave/cuda/memory.hpp"

namespace longwave::cuda {

// 0 where there is no device or no driver.
int device_count() noexcept;

// A captured step holds the numbers of the step that was captured. A kernel that uses one of these adds what has passed
// since then, from device memory.
struct Advance {
  std::uint32_t draws;  // of a Generator: PhiloxKey::draw + draws
  std::uint32_t steps;  // of an optimiser
};

class Stream {
 public:
  Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  // Waits for all work so far. An error in a kernel that ran earlier comes out here.
  void synchronize();

  void* handle() const { return handle_; }  // a cudaStream_t
  Arena<Cuda>& scratch() { return scratch_; }

  // Device memory; what kernels add to the numbers below, all zero unless a graph is replayed (graph.hpp).
  const Advance* advance();

 private:
  friend Stream& current_stream();
  explicit Stream(void* handle) : handle_(handle) {}

  void* handle_ = nullptr;
  bool owned_ = false;
  Advance* advance_ = nullptr;
  Arena<Cuda> scratch_;
};

Stream& current_stream();

// The calling thread's current stream, for a scope.
class UseStream {
 public:
  explicit UseStream(Stream& stream);
  UseStream(const UseStream&) = delete;
  UseStream& operator=(const UseStream&) = delete;
  ~UseStream();

 private:
  Stream* before_;
};

inline void synchronize() { current_stream().synchronize(); }

}  // namespace longwave::cuda

namespace longwave {

inline Arena<Cuda>& scratch_arena(Cuda) { return cuda::current_stream().scratch(); }

}  // namespace longwave
