// A stand-in for CUDA's run-time that starts nothing: memory is the host's, and each launch is written down by name.
// For counting what a step starts, where there is no GPU (cuda/launches.sh, which adds functions that only return
// success).
#include <cublas_v2.h>
#include <cuda_runtime.h>
#include <cxxabi.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "launches.hpp"

namespace {

std::map<const void*, std::string>& names() {
  static std::map<const void*, std::string> list;
  return list;
}

std::string part;  // of the step; none while nothing is counted
int in_part = 0, in_all = 0;
dim3 grid, block;
constexpr std::uintptr_t stream_step = 256;  // between handles of streams
std::uintptr_t streams = 0;
cudaStream_t stream = nullptr;  // of the next launch

void started(const std::string& name, dim3 blocks, dim3 threads) {
  if (part.empty()) return;
  ++in_part;
  ++in_all;
  // Streams that were made count from 1: those beside the first (cuda/aside.hpp).
  const auto number = reinterpret_cast<std::uintptr_t>(stream) / stream_step;
  std::printf("%-10s %3d %c %s <%u,%u,%u> x %u\n", part.c_str(), in_part,
              number > 0 ? static_cast<char>('0' + number) : ' ', name.c_str(), blocks.x, blocks.y, blocks.z,
              threads.x);
}

// cuBLAS counts by columns: m and n change places for rows.
void product(cublasOperation_t a, cublasOperation_t b, long long m, long long n, long long k, long long batch) {
  char name[96];
  std::snprintf(name, sizeof(name), "cublas %c%c M%lld N%lld K%lld P%lld", b == CUBLAS_OP_N ? 'N' : 'T',
                a == CUBLAS_OP_N ? 'N' : 'T', n, m, k, batch);
  started(name, 0, 0);
}

// Without the library's namespaces and the parameters.
std::string short_name(const char* mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  std::string name = text != nullptr ? text : mangled;
  std::free(text);
  int depth = 0;
  for (std::size_t i = name.size(); i-- > 0;) {
    if (name[i] == ')') ++depth;
    if (name[i] == '(' && --depth == 0) {
      name.erase(i);
      break;
    }
  }
  for (const std::string space : {"longwave::", "cuda::", "detail::", "impl::", "void "})
    for (std::size_t at; (at = name.find(space)) != std::string::npos;) name.erase(at, space.size());
  return name;
}

}  // namespace

void count_part(const std::string& name) {
  if (!part.empty()) std::printf("%s: %d launches\n\n", part.c_str(), in_part);
  if (name.empty() && in_all > 0) std::printf("together: %d launches\n", in_all);
  part = name;
  in_part = 0;
}

extern "C" {

void** __cudaRegisterFatBinary(void*) {
  static void* handle;
  return &handle;
}
void __cudaRegisterFatBinaryEnd(void**) {}
void __cudaUnregisterFatBinary(void**) {}
void __cudaRegisterVar(void**, char*, char*, const char*, int, std::size_t, int, int) {}
void __cudaRegisterFunction(void**, const char* host, char*, const char* device, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
  names()[host] = short_name(device);
}
unsigned __cudaPushCallConfiguration(dim3 blocks, dim3 threads, std::size_t, CUstream_st* on) {
  stream = on;
  grid = blocks;
  block = threads;
  return 0;
}
cudaError_t __cudaPopCallConfiguration(dim3* blocks, dim3* threads, std::size_t* shared, void* on) {
  *blocks = grid;
  *threads = block;
  *shared = 0;
  *static_cast<cudaStream_t*>(on) = stream;
  return cudaSuccess;
}
cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* host) {
  *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(host));
  return cudaSuccess;
}
cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3 blocks, dim3 threads, void**, std::size_t, cudaStream_t) {
  started(names()[reinterpret_cast<const void*>(kernel)], blocks, threads);
  return cudaSuccess;
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t* config, const void* host, void**) {
  stream = config->stream;
  started(names()[host], config->gridDim, config->blockDim);
  return cudaSuccess;
}
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  *attributes = {};
  attributes->ptxVersion = attributes->binaryVersion = 90;
  return cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveClusters(int* clusters, const void*, const cudaLaunchConfig_t*) {
  *clusters = 8;
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* made) {
  *made = reinterpret_cast<cudaStream_t>(++streams * stream_step);
  return cudaSuccess;
}
cublasStatus_t cublasSetStream_v2(cublasHandle_t, cudaStream_t on) {
  stream = on;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t, cublasOperation_t a, cublasOperation_t b, std::int64_t m, std::int64_t n,
                               std::int64_t k, const void*, const void*, cudaDataType, std::int64_t, const void*,
                               cudaDataType, std::int64_t, const void*, void*, cudaDataType, std::int64_t,
                               cublasComputeType_t, cublasGemmAlgo_t) {
  product(a, b, m, n, k, 1);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGemmStridedBatchedEx_64(cublasHandle_t, cublasOperation_t a, cublasOperation_t b, std::int64_t m,
                                             std::int64_t n, std::int64_t k, const void*, const void*, cudaDataType,
                                             std::int64_t, long long, const void*, cudaDataType, std::int64_t,
                                             long long, const void*, void*, cudaDataType, std::int64_t, long long,
                                             std::int64_t batch, cublasComputeType_t, cublasGemmAlgo_t) {
  product(a, b, m, n, k, batch);
  return CUBLAS_STATUS_SUCCESS;
}

const char* cudaGetErrorString(cudaError_t) { return "the stand-in has no errors"; }
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t on) {
  stream = on;
  std::memcpy(to, from, bytes);
  started("copy", 0, 0);
  return cudaSuccess;
}
cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t on) {
  stream = on;
  std::memset(to, value, bytes);
  started("fill", 0, 0);
  return cudaSuccess;
}
cudaError_t cudaMallocFromPoolAsync(void** to, std::size_t bytes, cudaMemPool_t, cudaStream_t) {
  constexpr std::size_t alignment = 256;
  *to = std::aligned_alloc(alignment, (bytes / alignment + 1) * alignment);
  if (*to == nullptr) return cudaErrorMemoryAllocation;
  std::memset(*to, 0, bytes);
  return cudaSuccess;
}
cudaError_t cudaFreeAsync(void* memory, cudaStream_t) {
  std::free(memory);
  return cudaSuccess;
}
cudaError_t cudaGetDeviceCount(int* count) {
  *count = 1;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {  // as an H100
  *value = attribute == cudaDevAttrMultiProcessorCount            ? 132
           : attribute == cudaDevAttrComputeCapabilityMajor       ? 9
           : attribute == cudaDevAttrMaxSharedMemoryPerBlockOptin ? 232448
                                                                  : 0;
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  *status = cudaStreamCaptureStatusNone;
  return cudaSuccess;
}

}  // extern "C"
