// cluster.cuh - blocks that run at the same time and write to one another's shared memory (compute capability 9.0; a
// cluster of one block anywhere), and copies into shared memory that pass no register.
#pragma once

#include "kernels/launch.cuh"

namespace longwave::cuda {

namespace detail {

// The block's dynamic shared memory.
template <class T>
__device__ T* block_memory() {
  extern __shared__ __align__(16) unsigned char memory[];
  return reinterpret_cast<T*>(memory);
}

// A barrier of all threads of the cluster in two halves: what was written before the first is there after the second.
// Warps reach either as a whole.
__device__ inline void cluster_arrive() {
#if __CUDA_ARCH__ >= 900
  __syncwarp();
  asm volatile("barrier.cluster.arrive.release.aligned;" ::: "memory");
#endif
}
__device__ inline void cluster_wait() {
#if __CUDA_ARCH__ >= 900
  __syncwarp();
  asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory");
#else
  __syncthreads();
#endif
}

#if __CUDA_ARCH__ >= 900
// Address in block `rank` of what this block has at p.
__device__ inline unsigned in_block(const void* p, int rank) {
  unsigned there;
  asm("mapa.shared::cluster.u32 %0, %1, %2;"
      : "=r"(there)
      : "r"(static_cast<unsigned>(__cvta_generic_to_shared(p))), "r"(rank));
  return there;
}
#endif

// One number, or four that follow one another on 16 bytes, into shared memory of block `rank`, at the place that `to`
// is in this block's.
__device__ inline void store_in_block(float* to, int rank, float value) {
#if __CUDA_ARCH__ >= 900
  asm volatile("st.shared::cluster.f32 [%0], %1;" ::"r"(in_block(to, rank)), "f"(value) : "memory");
#else
  *to = value;
#endif
}
__device__ inline void store_in_block(double* to, int rank, double value) {
#if __CUDA_ARCH__ >= 900
  asm volatile("st.shared::cluster.f64 [%0], %1;" ::"r"(in_block(to, rank)), "d"(value) : "memory");
#else
  *to = value;
#endif
}
__device__ inline void store_in_block(float* to, int rank, const float (&value)[4]) {
#if __CUDA_ARCH__ >= 900
  asm volatile("st.shared::cluster.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(in_block(to, rank)), "f"(value[0]),
               "f"(value[1]), "f"(value[2]), "f"(value[3])
               : "memory");
#else
  for (int i = 0; i < 4; ++i) to[i] = value[i];
#endif
}
__device__ inline void store_in_block(double* to, int rank, const double (&value)[4]) {
#if __CUDA_ARCH__ >= 900
  const unsigned there = in_block(to, rank);
  asm volatile("st.shared::cluster.v2.f64 [%0], {%1, %2};" ::"r"(there), "d"(value[0]), "d"(value[1]) : "memory");
  asm volatile("st.shared::cluster.v2.f64 [%0], {%1, %2};" ::"r"(there + 16), "d"(value[2]), "d"(value[3]) : "memory");
#else
  for (int i = 0; i < 4; ++i) to[i] = value[i];
#endif
}

// One number of 4 or 8 bytes from global into shared memory; there after copies_arrived() and a barrier.
template <class T>
__device__ void copy_to_block(T* to, const T* from) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(static_cast<unsigned>(__cvta_generic_to_shared(to))),
               "l"(from), "n"(sizeof(T))
               : "memory");
}
__device__ inline void copies_arrived() { asm volatile("cp.async.wait_all;" ::: "memory"); }

}  // namespace detail

// Whether what runs as `kernel` on the current device was compiled for clusters. A device that came later may run the
// code of 8.0.
template <class P>
bool has_clusters(void (*kernel)(P)) {
  cudaFuncAttributes attributes = {};
  check(cudaFuncGetAttributes(&attributes, kernel), "cudaFuncGetAttributes");
  return attributes.ptxVersion >= 90;
}

// kernel<<<clusters * blocks, threads, bytes>>>(argument), `blocks` that follow one another being a cluster.
template <class P>
void launch_clusters(const char* name, void (*kernel)(P), index_t clusters, int blocks, int threads, std::size_t bytes,
                     const std::type_identity_t<P>& argument) {
  if (clusters * blocks > 0x7fffffff)
    throw_shape_error(std::string("cuda: ") + name + " has more sequences than one launch takes");
  cudaLaunchAttribute cluster = {};
  cluster.id = cudaLaunchAttributeClusterDimension;
  cluster.val.clusterDim = {static_cast<unsigned>(blocks), 1, 1};
  cudaLaunchConfig_t config = {};
  config.gridDim = dim3(static_cast<unsigned>(clusters * blocks));
  config.blockDim = dim3(static_cast<unsigned>(threads));
  config.dynamicSmemBytes = bytes;
  config.stream = stream_handle();
  config.attrs = &cluster;
  config.numAttrs = blocks > 1 ? 1 : 0;
  check(cudaLaunchKernelEx(&config, kernel, argument), name);
}

}  // namespace longwave::cuda
