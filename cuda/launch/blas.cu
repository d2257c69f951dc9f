#include "longwave/cuda/blas.hpp"

#include <cublas_v2.h>

#include <atomic>
#include <mutex>
#include <vector>

#include "kernels/map.cuh"
#include "kernels/partials.cuh"

namespace longwave::cuda {

namespace {

std::atomic<bool> use_tf32{false};

inline constexpr index_t workspace_bytes = index_t(32) << 20;  // what cuBLAS asks for on Hopper
inline constexpr index_t tile = 128;                           // of C, per block of cuBLAS's usual kernels
inline constexpr index_t enough_tiles = 96;                    // keep most multiprocessors busy (H100: 132)
inline constexpr index_t longest_sum = 4096;                   // of one piece of gemm_sum
inline constexpr index_t partial_bytes = index_t(64) << 20;    // of all pieces of gemm_sum together

void check(cublasStatus_t status, const char* call, int line = __builtin_LINE()) {
  if (status != CUBLAS_STATUS_SUCCESS) throw DeviceError(call, cublasGetStatusString(status), "blas.cu", line);
}

// Handles are costly to make, so those of threads that have ended are used again. The list is never destroyed: at the
// end of the program the driver may be gone before it.
struct Handles {
  std::mutex lock;
  std::vector<cublasHandle_t> idle;
};
Handles& handles() {
  static Handles* const all = new Handles;
  return *all;
}

class ThreadHandle {
 public:
  ThreadHandle() {
    Handles& all = handles();
    {
      const std::lock_guard<std::mutex> hold(all.lock);
      if (!all.idle.empty()) {
        handle_ = all.idle.back();
        all.idle.pop_back();
        return;
      }
    }
    check(cublasCreate(&handle_), "cublasCreate");
    // Partial sums of a product with results in bfloat16 stay in float.
    check(cublasSetMathMode(handle_, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION), "cublasSetMathMode");
  }
  ThreadHandle(const ThreadHandle&) = delete;
  ThreadHandle& operator=(const ThreadHandle&) = delete;
  ~ThreadHandle() {
    Handles& all = handles();
    const std::lock_guard<std::mutex> hold(all.lock);
    all.idle.push_back(handle_);
  }

  // Ready for one product on the current stream. A stream that is set takes the working memory away, hence the order.
  cublasHandle_t on_stream(ScratchOn<Cuda>& scratch) const {
    check(cublasSetStream(handle_, stream_handle()), "cublasSetStream");
    check(cublasSetWorkspace(handle_, scratch.take<char>(workspace_bytes), workspace_bytes), "cublasSetWorkspace");
    return handle_;
  }

 private:
  cublasHandle_t handle_ = nullptr;
};

// A row-major matrix (R, C) as cuBLAS, which counts by columns, sees it: rows of unit stride are a matrix (C, R) as it
// is, columns of unit stride one to be transposed.
struct Layout {
  cublasOperation_t op;
  index_t pitch;
  bool possible;
};

template <class T>
Layout layout_of(const TensorView<T, 3, Cuda>& X) {
  const index_t R = X.size(1), C = X.size(2), r = X.stride(1), c = X.stride(2);
  if ((c == 1 || C == 1) && (R == 1 || r >= C)) return {CUBLAS_OP_N, R == 1 ? C : r, true};
  if ((r == 1 || R == 1) && (C == 1 || c >= R)) return {CUBLAS_OP_T, C == 1 ? R : c, true};
  return {CUBLAS_OP_N, 0, false};
}

template <class T>
bool fits(const TensorView<T, 3, Cuda>& X) {
  return layout_of(X).possible && (X.size(0) <= 1 || X.stride(0) >= 0);
}

struct Copied {
  template <class T>
  __device__ void operator()(T& y, T x) const {
    y = x;
  }
};
struct Zero {
  template <class T>
  __device__ void operator()(T& y, T) const {
    y = T(0);
  }
};

template <class T>
void copy_elements(TensorView<T, 3, Cuda> to, TensorView<const T, 3, Cuda> from) {
  map_elements<1>("gemm: copy", Elements<T, 2>(to, from), Copied());
}

// X or a dense copy of it; what repeats is copied once.
template <class T>
TensorView<const T, 3, Cuda> fitting(const TensorView<const T, 3, Cuda>& X, ScratchOn<Cuda>& scratch) {
  if (fits(X)) return X;
  const bool repeats = X.stride(0) == 0;
  const auto once = repeats ? X.slice(0, 0, 1) : X;
  const auto dense = scratch.tensor<T>(once.sizes());
  copy_elements<T>(dense, once);
  return {dense.data(), X.sizes(), Extents<3>(repeats ? 0 : dense.stride(0), dense.stride(1), dense.stride(2))};
}

template <class T>
constexpr cudaDataType type_of = sizeof(T) == 2   ? CUDA_R_16BF
                                 : sizeof(T) == 4 ? CUDA_R_32F
                                                  : CUDA_R_64F;

// C, A and B all fit and C's rows have unit stride: C^T = B^T A^T counted by columns.
template <class T, class S>
void call_cublas(TensorView<T, 3, Cuda> C, TensorView<const S, 3, Cuda> A, TensorView<const S, 3, Cuda> B,
                 bool accumulate, double factor) {
  constexpr index_t batch = 1 << 15;  // products per call
  const cublasComputeType_t compute = sizeof(S) == 8             ? CUBLAS_COMPUTE_64F
                                      : sizeof(S) == 4 && tf32() ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                                 : CUBLAS_COMPUTE_32F;
  thread_local const ThreadHandle own;
  ScratchOn<Cuda> scratch;
  const cublasHandle_t handle = own.on_stream(scratch);
  const index_t M = C.size(1), N = C.size(2), K = A.size(2);
  const Layout a = layout_of(A), b = layout_of(B), c = layout_of(C);
  using Scale = Arithmetic<T>;
  const Scale alpha = static_cast<Scale>(factor), beta = accumulate ? Scale(1) : Scale(0);
  if (C.size(0) == 1) {
    check(cublasGemmEx_64(handle, b.op, a.op, N, M, K, &alpha, B.data(), type_of<S>, b.pitch, A.data(), type_of<S>,
                          a.pitch, &beta, C.data(), type_of<T>, c.pitch, compute, CUBLAS_GEMM_DEFAULT),
          "cublasGemmEx");
    return;
  }
  for (index_t p = 0; p < C.size(0); p += batch)
    check(cublasGemmStridedBatchedEx_64(handle, b.op, a.op, N, M, K, &alpha, B.data() + p * B.stride(0), type_of<S>,
                                        b.pitch, B.stride(0), A.data() + p * A.stride(0), type_of<S>, a.pitch,
                                        A.stride(0), &beta, C.data() + p * C.stride(0), type_of<T>, c.pitch,
                                        C.stride(0), std::min(batch, C.size(0) - p), compute, CUBLAS_GEMM_DEFAULT),
          "cublasGemmStridedBatchedEx");
}

}  // namespace

void set_tf32(bool on) noexcept { use_tf32 = on; }
bool tf32() noexcept { return use_tf32; }

template <class T, class S>
void gemm(TensorView<T, 3, Cuda> C, std::type_identity_t<TensorView<const S, 3, Cuda>> A,
          std::type_identity_t<TensorView<const S, 3, Cuda>> B, bool accumulate, double factor) {
  if (C.empty()) return;
  if (A.size(2) == 0) {
    if (!accumulate) map_elements<1>("gemm: zero", Elements<T, 2>(C, C), Zero());
    return;
  }
  ScratchOn<Cuda> scratch;
  if (!fits(C)) {
    const auto dense = scratch.tensor<T>(C.sizes());
    if (accumulate) copy_elements<T>(dense, C);
    gemm<T, S>(dense, A, B, accumulate, factor);
    copy_elements<T>(C, dense);
    return;
  }
  A = fitting(A, scratch);
  B = fitting(B, scratch);
  if (layout_of(C).op == CUBLAS_OP_N)
    call_cublas(C, A, B, accumulate, factor);
  else
    call_cublas(C.transpose(1, 2), B.transpose(1, 2), A.transpose(1, 2), accumulate, factor);
}

template <class T, class S>
void gemm_sum(TensorView<T, 2, Cuda> C, std::type_identity_t<TensorView<const S, 3, Cuda>> A,
              std::type_identity_t<TensorView<const S, 3, Cuda>> B) {
  const index_t P = A.size(0), M = C.size(0), N = C.size(1), K = A.size(2);
  if (C.empty() || P == 0 || K == 0) return;
  const index_t tiles = P * ((M + tile - 1) / tile) * ((N + tile - 1) / tile);
  const index_t most = std::max<index_t>(1, partial_bytes / (M * N * index_t(sizeof(T))));
  index_t cuts = (K + longest_sum - 1) / longest_sum;  // pieces of K
  if (tiles * cuts < enough_tiles) cuts = std::min((enough_tiles + tiles - 1) / tiles, (K + 255) / 256);
  cuts = std::max<index_t>(1, std::min(cuts, most / P));
  if (P * cuts == 1) return gemm<T, S>(repeated(C, 1), A, B, true);

  const index_t length = ((K + cuts - 1) / cuts + 31) / 32 * 32, entries = std::min(P, most);
  cuts = (K + length - 1) / length;
  ScratchOn<Cuda> scratch;
  const auto partials = scratch.tensor<T>(Extents<4>(cuts, entries, M, N));
  if (P == 1 && cuts > 1) {  // all pieces of full length at once
    const index_t whole = K / length;
    const auto pieces = [length, whole](const TensorView<const S, 3, Cuda>& X, int axis) {
      Extents<3> sizes = X.sizes(), strides = X.strides();
      sizes[0] = whole;
      strides[0] = length * strides[axis];
      sizes[axis] = length;
      return TensorView<const S, 3, Cuda>(X.data(), sizes, strides);
    };
    const auto all = TensorView<T, 3, Cuda>(partials.data(), Extents<3>(cuts, M, N));
    gemm<T, S>(all.slice(0, 0, whole), pieces(A, 2), pieces(B, 1), false);
    if (whole < cuts)
      gemm<T, S>(all.slice(0, whole, cuts), A.slice(2, whole * length, K), B.slice(1, whole * length, K), false);
  } else {
    for (index_t cut = 0; cut < cuts; ++cut)
      for (index_t p = 0; p < P; p += entries) {
        const index_t begin = cut * length, end = std::min(K, begin + length), last = std::min(P, p + entries);
        gemm<T, S>(partials[cut].slice(0, 0, last - p), A.slice(0, p, last).slice(2, begin, end),
                   B.slice(0, p, last).slice(1, begin, end), p > 0);
      }
  }
  add_partials<T>(C, partials.data(), cuts * entries);
}

template <class T, class S>
using Gemm = void(TensorView<T, 3, Cuda>, TensorView<const S, 3, Cuda>, TensorView<const S, 3, Cuda>, bool, double);
template <class T, class S>
using GemmSum = void(TensorView<T, 2, Cuda>, TensorView<const S, 3, Cuda>, TensorView<const S, 3, Cuda>);

template Gemm<float, float> gemm<float>;
template Gemm<double, double> gemm<double>;
template Gemm<float, bfloat16> gemm<float, bfloat16>;
template Gemm<bfloat16, bfloat16> gemm<bfloat16>;
template GemmSum<float, float> gemm_sum<float>;
template GemmSum<double, double> gemm_sum<double>;
template GemmSum<float, bfloat16> gemm_sum<float, bfloat16>;

}  // namespace longwave::cuda
