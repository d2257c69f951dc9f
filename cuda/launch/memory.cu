#include "longwave/cuda/memory.hpp"

#include <cstdio>

#include "kernels/launch.cuh"

namespace longwave {

namespace {

std::string gib(std::size_t bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

}  // namespace

void* Memory<Cuda>::allocate(std::size_t bytes) {
  void* p = nullptr;
  const cudaError_t status = cudaMalloc(&p, bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    std::size_t free = 0, all = 0;
    cuda::check(cudaMemGetInfo(&free, &all), "cudaMemGetInfo");
    throw DeviceError("cudaMalloc",
                      "out of memory: " + gib(bytes) + " asked, " + gib(free) + " free of " + gib(all) +
                          "; use smaller batches or free tensors first",
                      "memory.cu", __LINE__);
  }
  cuda::check(status, "cudaMalloc");
  return p;
}

void Memory<Cuda>::release(void* p) noexcept { (void)cudaFree(p); }

void Memory<Cuda>::zero(void* p, std::size_t bytes) {
  cuda::check(cudaMemsetAsync(p, 0, bytes, cuda::stream_handle()), "cudaMemsetAsync");
}

void Memory<Cuda>::copy(void* to, const void* from, std::size_t bytes) {
  cuda::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cuda::stream_handle()), "cudaMemcpyAsync");
}

namespace cuda {

void copy_to_device(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_handle()), "cudaMemcpyAsync to the device");
  synchronize();
}

void copy_to_host(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_handle()), "cudaMemcpyAsync to the host");
  synchronize();
}

}  // namespace cuda
}  // namespace longwave
