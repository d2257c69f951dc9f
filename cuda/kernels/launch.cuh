// launch.cuh - checked calls of CUDA's run-time and of kernels.
#pragma once

#include <cuda_runtime.h>

#include <cstring>

#include "longwave/cuda/stream.hpp"

namespace longwave::cuda {

// check(cudaMemset(p, 0, n), "cudaMemset"): a DeviceError with the call, the reason and the place.
inline void check(cudaError_t status, const char* call, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // an error that can be recovered from must not fail the next call as well
  const char* slash = std::strrchr(file, '/');
  throw DeviceError(call, cudaGetErrorString(status), slash != nullptr ? slash + 1 : file, line);
}

// After kernel<<<...>>>(...): whether it could be started. What goes wrong while it runs comes out of synchronize().
inline void check_launch(const char* kernel, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  check(cudaGetLastError(), kernel, file, line);
}

inline cudaStream_t stream_handle() { return static_cast<cudaStream_t>(current_stream().handle()); }

// 16 bytes, loaded and stored at once.
template <class T>
struct alignas(16) Vector {
  static constexpr int size = 16 / sizeof(T);
  T at[size];
};

inline bool aligned_for_vectors(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

}  // namespace longwave::cuda
