#include "longwave/cuda/stream.hpp"

#include "kernels/launch.cuh"

namespace longwave::cuda {

namespace {

thread_local Stream* current = nullptr;  // nullptr: the thread's own

}  // namespace

int device_count() noexcept {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  (void)cudaGetLastError();
  return 0;
}

Stream::Stream() : owned_(true) {
  cudaStream_t handle = nullptr;
  check(cudaStreamCreate(&handle), "cudaStreamCreate");
  handle_ = handle;
}

Stream::~Stream() {
  if (advance_ != nullptr) (void)cudaFree(advance_);
  if (owned_) (void)cudaStreamDestroy(static_cast<cudaStream_t>(handle_));
}

void Stream::synchronize() {
  check(cudaStreamSynchronize(static_cast<cudaStream_t>(handle_)), "cudaStreamSynchronize");
}

const Advance* Stream::advance() {
  if (advance_ == nullptr) {
    void* p = nullptr;
    check(cudaMalloc(&p, sizeof(Advance)), "cudaMalloc");
    check(cudaMemset(p, 0, sizeof(Advance)), "cudaMemset");
    advance_ = static_cast<Advance*>(p);
  }
  return advance_;
}

Stream& current_stream() {
  thread_local Stream own(static_cast<void*>(cudaStreamPerThread));
  return current != nullptr ? *current : own;
}

UseStream::UseStream(Stream& stream) : before_(current) { current = &stream; }
UseStream::~UseStream() { current = before_; }

}  // namespace longwave::cuda
