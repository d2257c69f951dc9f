#include "longwave/cuda/readback.hpp"

#include <atomic>
#include <thread>

#include "kernels/launch.cuh"
#include "launch/capture.cuh"

namespace longwave::cuda {

namespace {

using detail::ReadbackSlot;
using detail::ReadbackSources;
using detail::ScalarKind;

__device__ double read(const ReadbackSources& sources, int k) {
  if (sources.kind[k] == ScalarKind::float32) return *static_cast<const float*>(sources.at[k]);
  if (sources.kind[k] == ScalarKind::float64) return *static_cast<const double*>(sources.at[k]);
  return static_cast<double>(*static_cast<const index_t*>(sources.at[k]));
}

// The number last, so that whoever sees it sees the values.
__global__ void readback_kernel(volatile ReadbackSlot* ring, index_t slots, unsigned long long* counter,
                                ReadbackSources sources) {
  const unsigned long long number = ++*counter;
  volatile ReadbackSlot& slot = ring[(number - 1) % static_cast<unsigned long long>(slots)];
  slot.number = 0;
  __threadfence_system();
  for (int k = 0; k < sources.count; ++k) slot.value[k] = read(sources, k);
  __threadfence_system();
  slot.number = number;
}

}  // namespace

Readback::Readback(index_t slots) : slots_(slots) {
  if (slots < 1) throw_value_error("Readback: slots is " + std::to_string(slots) + ", expected at least 1");
  ring_ = static_cast<ReadbackSlot*>(allocate_pinned(static_cast<std::size_t>(slots) * sizeof(ReadbackSlot)));
  std::memset(ring_, 0, static_cast<std::size_t>(slots) * sizeof(ReadbackSlot));
  try {
    counter_ = static_cast<unsigned long long*>(Memory<Cuda>::allocate(sizeof *counter_));
    Memory<Cuda>::zero(counter_, sizeof *counter_);
  } catch (...) {
    release_pinned(ring_);
    throw;
  }
}

Readback::~Readback() {
  {
    const std::shared_lock lock(capture_mutex());  // another thread may be capturing
    (void)cudaDeviceSynchronize();                 // a kernel that still writes to the ring
  }
  Memory<Cuda>::release(counter_);
  release_pinned(ring_);
}

void Readback::publish(const ReadbackSources& sources) {
  readback_kernel<<<1, 1, 0, stream_handle()>>>(ring_, slots_, counter_, sources);
  check_launch("readback");
  ++published_;
}

unsigned long long Readback::number_in(index_t slot) const {
  return std::atomic_ref<unsigned long long>(ring_[slot].number).load(std::memory_order_acquire);
}

index_t Readback::newest() {
  // They arrive in order. Where the ring went round since the last look, the place of the next one holds a later one.
  for (;;) {
    const auto there = static_cast<index_t>(number_in((newest_ + 1) % slots_)) - 1;
    if (there <= newest_) return newest_;
    newest_ = there;
  }
}

double Readback::value(index_t number, int k) {
  if (number < 0 || number >= published_ || published_ - number > slots_)
    throw_value_error("Readback: publication " + std::to_string(number) + " of " + std::to_string(published_) +
                      "; the last " + std::to_string(slots_) + " can be read");
  const ReadbackSlot& slot = ring_[number % slots_];
  const auto wanted = static_cast<unsigned long long>(number) + 1;
  for (int look = 1; number_in(number % slots_) != wanted; ++look) {
    std::this_thread::yield();
    if (look % 1024 != 0) continue;
    // Late: a kernel before it failed, it is on another stream, or it never ran.
    const cudaError_t status = cudaStreamQuery(stream_handle());
    if (status == cudaErrorNotReady) continue;
    check(status, "cuda::Readback");
    {
      const std::shared_lock lock(capture_mutex());
      check(cudaDeviceSynchronize(), "cuda::Readback");
    }
    if (number_in(number % slots_) != wanted)
      throw_value_error("Readback: publication " + std::to_string(number) + " did not run");
  }
  return slot.value[k];
}

}  // namespace longwave::cuda
