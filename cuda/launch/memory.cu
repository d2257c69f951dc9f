#include "longwave/cuda/memory.hpp"

#include <cstdint>
#include <cstdio>
#include <mutex>
#include <vector>

#include "kernels/launch.cuh"
#include "launch/capture.cuh"

namespace longwave {

namespace {

constexpr int most_devices = 64;

std::string gib(std::size_t bytes) {
  char text[64];
  std::snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / (1 << 30));
  return text;
}

cudaMemPool_t make_pool(int device) {
  cudaMemPoolProps properties = {};
  properties.allocType = cudaMemAllocationTypePinned;
  properties.location.type = cudaMemLocationTypeDevice;
  properties.location.id = device;
  cudaMemPool_t pool = nullptr;
  cuda::check(cudaMemPoolCreate(&pool, &properties), "cudaMemPoolCreate");
  std::uint64_t keep = UINT64_MAX;
  cuda::check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &keep), "cudaMemPoolSetAttribute");
  return pool;
}

// The current device's; lives as long as the program.
cudaMemPool_t pool() {
  static std::mutex mutex;
  static cudaMemPool_t pools[most_devices] = {};
  int device = 0;
  cuda::check(cudaGetDevice(&device), "cudaGetDevice");
  const std::lock_guard lock(mutex);
  cudaMemPool_t& mine = pools[device % most_devices];
  if (mine == nullptr) mine = make_pool(device);
  return mine;
}

std::size_t pool_attribute(cudaMemPoolAttr attribute) {
  std::uint64_t value = 0;
  cuda::check(cudaMemPoolGetAttribute(pool(), attribute, &value), "cudaMemPoolGetAttribute");
  return static_cast<std::size_t>(value);
}

[[noreturn]] void throw_out_of_memory(std::size_t bytes) {
  std::size_t free = 0, all = 0;
  cuda::check(cudaMemGetInfo(&free, &all), "cudaMemGetInfo");
  // What the pool keeps but has not handed out is free for us, though not for others.
  free += pool_attribute(cudaMemPoolAttrReservedMemCurrent) - pool_attribute(cudaMemPoolAttrUsedMemCurrent);
  throw DeviceError("cudaMallocAsync",
                    "out of memory: " + gib(bytes) + " asked, " + gib(free) + " free of " + gib(all) +
                        "; use smaller batches or free tensors first",
                    "memory.cu", __LINE__);
}

thread_local bool captures = false;
thread_local std::vector<void*>* released_meanwhile = nullptr;

void release_now(void* p) noexcept {
  const std::shared_lock lock(cuda::capture_mutex());
  int devices = 1, before = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 1) {
    (void)cudaFreeAsync(p, cudaStreamLegacy);
    return;
  }
  // The legacy stream is that of the current device; memory is released in the order of its own.
  cudaPointerAttributes attributes = {};
  if (cudaGetDevice(&before) != cudaSuccess || cudaPointerGetAttributes(&attributes, p) != cudaSuccess) return;
  (void)cudaSetDevice(attributes.device);
  (void)cudaFreeAsync(p, cudaStreamLegacy);
  (void)cudaSetDevice(before);
}

}  // namespace

void* Memory<Cuda>::allocate(std::size_t bytes) {
  if (cuda::capturing())
    throw DeviceError("cuda::Graph",
                      gib(bytes) +
                          " of device memory asked while a step is captured; let the step run eagerly first "
                          "with these sizes (GraphOptions::warm_up)",
                      "memory.cu", __LINE__);
  const std::shared_lock lock(cuda::capture_mutex());
  void* p = nullptr;
  cudaError_t status = cudaMallocFromPoolAsync(&p, bytes, pool(), cudaStreamLegacy);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    cuda::release_unused_memory();  // kept in pieces too small for this one
    status = cudaMallocFromPoolAsync(&p, bytes, pool(), cudaStreamLegacy);
  }
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw_out_of_memory(bytes);
  }
  cuda::check(status, "cudaMallocAsync");
  return p;
}

void Memory<Cuda>::release(void* p) noexcept {
  if (cuda::capturing())
    released_meanwhile->push_back(p);
  else
    release_now(p);
}

void Memory<Cuda>::zero(void* p, std::size_t bytes) {
  cuda::check(cudaMemsetAsync(p, 0, bytes, cuda::stream_handle()), "cudaMemsetAsync");
}

void Memory<Cuda>::copy(void* to, const void* from, std::size_t bytes) {
  cuda::check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, cuda::stream_handle()), "cudaMemcpyAsync");
}

namespace cuda {

std::shared_mutex& capture_mutex() {
  static std::shared_mutex mutex;
  return mutex;
}

bool capturing() noexcept { return captures; }

CaptureScope::CaptureScope() {
  released_meanwhile = new std::vector<void*>;
  capture_mutex().lock();
  captures = true;
}

CaptureScope::~CaptureScope() {
  captures = false;
  capture_mutex().unlock();
  for (void* p : *released_meanwhile) release_now(p);
  delete released_meanwhile;
  released_meanwhile = nullptr;
}

MemoryUse memory_use() {
  return {pool_attribute(cudaMemPoolAttrUsedMemCurrent), pool_attribute(cudaMemPoolAttrReservedMemCurrent),
          pool_attribute(cudaMemPoolAttrUsedMemHigh)};
}

void reset_peak_memory() {
  std::uint64_t zero = 0;
  check(cudaMemPoolSetAttribute(pool(), cudaMemPoolAttrUsedMemHigh, &zero), "cudaMemPoolSetAttribute");
}

void release_unused_memory() {
  check(cudaDeviceSynchronize(), "cudaDeviceSynchronize");
  check(cudaMemPoolTrimTo(pool(), 0), "cudaMemPoolTrimTo");
}

void* allocate_pinned(std::size_t bytes) {
  void* p = nullptr;
  const cudaError_t status = cudaHostAlloc(&p, bytes, cudaHostAllocPortable | cudaHostAllocMapped);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw DeviceError("cudaHostAlloc", "out of memory: " + gib(bytes) + " of pinned host memory asked", "memory.cu",
                      __LINE__);
  }
  check(status, "cudaHostAlloc");
  return p;
}

void release_pinned(void* p) noexcept { (void)cudaFreeHost(p); }

void copy_to_device_async(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream_handle()), "cudaMemcpyAsync to the device");
}

void copy_to_host_async(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream_handle()), "cudaMemcpyAsync to the host");
}

void copy_to_device(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  copy_to_device_async(to, from, bytes);
  synchronize();
}

void copy_to_host(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  copy_to_host_async(to, from, bytes);
  synchronize();
}

}  // namespace cuda
}  // namespace longwave
