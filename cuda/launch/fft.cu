#include "longwave/cuda/fft.hpp"

#include <cufft.h>

#include <list>

#include "kernels/launch.cuh"

namespace longwave::cuda {

namespace {

inline constexpr std::size_t most_plans = 32;  // of one thread, those in graphs not counted

void check(cufftResult status, const char* call, int line = __builtin_LINE()) {
  if (status == CUFFT_SUCCESS) return;
  const char* reason = status == CUFFT_ALLOC_FAILED   ? "out of memory"
                       : status == CUFFT_INVALID_SIZE ? "the length is not supported"
                                                      : "cuFFT's error";
  throw DeviceError(call, std::string(reason) + " " + std::to_string(static_cast<int>(status)), "fft.cu", line);
}

class Plan {
 public:
  Plan(cufftType type_, index_t n_, index_t rows_) : type(type_), n(n_), rows(rows_) {
    check(cufftCreate(&handle_), "cufftCreate");
    long long length = n, bins = n / 2 + 1, in = type == CUFFT_C2R || type == CUFFT_Z2D ? bins : length,
              out = type == CUFFT_R2C || type == CUFFT_D2Z ? bins : length;
    try {
      check(cufftSetAutoAllocation(handle_, 0), "cufftSetAutoAllocation");
      check(cufftMakePlanMany64(handle_, 1, &length, &in, 1, in, &out, 1, out, type, rows, &work_bytes_),
            "cufftMakePlanMany64");
    } catch (...) {
      (void)cufftDestroy(handle_);
      throw;
    }
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;
  ~Plan() {
    if (!captured) (void)cufftDestroy(handle_);
  }

  // Ready for one transform on the current stream.
  cufftHandle on_stream(ScratchOn<Cuda>& scratch) {
    check(cufftSetStream(handle_, stream_handle()), "cufftSetStream");
    check(cufftSetWorkArea(handle_, scratch.take<char>(static_cast<index_t>(work_bytes_))), "cufftSetWorkArea");
    return handle_;
  }

  const cufftType type;
  const index_t n, rows;
  bool captured = false;

 private:
  cufftHandle handle_ = 0;
  std::size_t work_bytes_ = 0;
};

bool capturing() {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cuda::check(cudaStreamIsCapturing(stream_handle(), &status), "cudaStreamIsCapturing");
  return status == cudaStreamCaptureStatusActive;
}

// The plan used last stands first.
Plan& plan_for(cufftType type, index_t n, index_t rows) {
  thread_local std::list<Plan> plans;
  auto found = plans.begin();
  std::size_t loose = 0;
  while (found != plans.end() && !(found->type == type && found->n == n && found->rows == rows)) ++found;
  if (found == plans.end())
    plans.emplace_front(type, n, rows);
  else
    plans.splice(plans.begin(), plans, found);
  if (capturing()) plans.front().captured = true;
  for (auto plan = plans.begin(); plan != plans.end();) {
    loose += plan->captured ? 0 : 1;
    plan = loose > most_plans && !plan->captured ? plans.erase(plan) : std::next(plan);
  }
  return plans.front();
}

}  // namespace

template <class T>
void fft_real_to_bins(complex<T>* bins, const T* x, index_t n, index_t rows) {
  ScratchOn<Cuda> scratch;
  if constexpr (sizeof(T) == 4)
    check(cufftExecR2C(plan_for(CUFFT_R2C, n, rows).on_stream(scratch), const_cast<cufftReal*>(x),
                       reinterpret_cast<cufftComplex*>(bins)),
          "cufftExecR2C");
  else
    check(cufftExecD2Z(plan_for(CUFFT_D2Z, n, rows).on_stream(scratch), const_cast<cufftDoubleReal*>(x),
                       reinterpret_cast<cufftDoubleComplex*>(bins)),
          "cufftExecD2Z");
}

template <class T>
void fft_bins_to_real(T* x, complex<T>* bins, index_t n, index_t rows) {
  ScratchOn<Cuda> scratch;
  if constexpr (sizeof(T) == 4)
    check(cufftExecC2R(plan_for(CUFFT_C2R, n, rows).on_stream(scratch), reinterpret_cast<cufftComplex*>(bins), x),
          "cufftExecC2R");
  else
    check(cufftExecZ2D(plan_for(CUFFT_Z2D, n, rows).on_stream(scratch), reinterpret_cast<cufftDoubleComplex*>(bins), x),
          "cufftExecZ2D");
}

template <class T>
void fft_complex(complex<T>* x, index_t n, index_t rows, bool inverse) {
  ScratchOn<Cuda> scratch;
  const int direction = inverse ? CUFFT_INVERSE : CUFFT_FORWARD;
  if constexpr (sizeof(T) == 4) {
    auto* data = reinterpret_cast<cufftComplex*>(x);
    check(cufftExecC2C(plan_for(CUFFT_C2C, n, rows).on_stream(scratch), data, data, direction), "cufftExecC2C");
  } else {
    auto* data = reinterpret_cast<cufftDoubleComplex*>(x);
    check(cufftExecZ2Z(plan_for(CUFFT_Z2Z, n, rows).on_stream(scratch), data, data, direction), "cufftExecZ2Z");
  }
}

template void fft_real_to_bins(complex<float>*, const float*, index_t, index_t);
template void fft_real_to_bins(complex<double>*, const double*, index_t, index_t);
template void fft_bins_to_real(float*, complex<float>*, index_t, index_t);
template void fft_bins_to_real(double*, complex<double>*, index_t, index_t);
template void fft_complex(complex<float>*, index_t, index_t, bool);
template void fft_complex(complex<double>*, index_t, index_t, bool);

}  // namespace longwave::cuda
