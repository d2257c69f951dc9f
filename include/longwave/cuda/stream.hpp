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
#include "longwave/cuda/device.hpp"
#include "longwave/cuda/memory.hpp"

namespace longwave::cuda {

// A captured step holds the numbers of the step that was captured. A kernel that uses one of these adds what has passed
// since then, from device memory (graph.hpp). All zero outside of replays.
struct Advance {
  std::uint32_t draws;  // of a Generator: PhiloxKey::draw + draws
  std::uint32_t steps;  // of an optimiser or an average
};

class Aside;

class Stream {
 public:
  Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream();

  // Waits for all work so far. An error in a kernel that ran earlier comes out here.
  void synchronize();

  void* handle() const { return handle_; }  // a cudaStream_t
  int device() const { return device_; }    // number of the device it belongs to
  Arena<Cuda>& scratch() { return scratch_; }

  // Device memory: what kernels add to the numbers they were given.
  Advance* advance();

  // What runs beside it (aside.hpp), and what it runs beside itself: nullptr for most.
  Aside& aside();
  Stream* beside() const { return beside_; }

 private:
  friend Stream& current_stream();
  friend class Aside;
  Stream(void* handle, int device) : handle_(handle), device_(device) {}

  void* handle_ = nullptr;
  int device_ = 0;
  bool owned_ = false;
  Advance* advance_ = nullptr;
  Arena<Cuda> scratch_;
  Stream* beside_ = nullptr;  // of a lane: the stream that it runs beside, whose steps count
  Aside* aside_ = nullptr;
};

// The stream of the scope, or the thread's own on its current device (device.hpp).
Stream& current_stream();

// The calling thread's current stream, and with it the device, for a scope.
class UseStream {
 public:
  explicit UseStream(Stream& stream);
  UseStream(const UseStream&) = delete;
  UseStream& operator=(const UseStream&) = delete;
  ~UseStream();

 private:
  Stream* before_;
  int device_before_;
};

inline void synchronize() { current_stream().synchronize(); }

}  // namespace longwave::cuda

namespace longwave {

inline Arena<Cuda>& scratch_arena(Cuda) { return cuda::current_stream().scratch(); }

}  // namespace longwave
