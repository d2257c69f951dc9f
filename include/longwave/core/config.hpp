// config.hpp - the few compiler differences the library knows about. Nothing else asks which compiler runs.
#pragma once

#if defined(__CUDACC__)
#define LONGWAVE_HD __host__ __device__  // callable from kernels as well
#else
#define LONGWAVE_HD
#endif

// Small functions of numbers whose callers' loops become SIMD code only with them inside. In a large translation unit
// GCC stops taking functions in by itself, and the same loop is four times as slow.
#if defined(__OPTIMIZE__) && !defined(__CUDACC__)
#define LONGWAVE_INLINE [[gnu::always_inline]] inline
#else
#define LONGWAVE_INLINE inline
#endif

#define LONGWAVE_COLD [[gnu::cold, gnu::noinline]]  // error paths, kept out of hot code

// True while compiling code that runs on the device, for `if constexpr` around a library call that differs there.
#if defined(__CUDA_ARCH__)
#define LONGWAVE_ON_DEVICE true
#else
#define LONGWAVE_ON_DEVICE false
#endif
