// reciprocal.cuh - 1 / x to the last place or two, without the branches of the division for what is not a normal
// number.
#pragma once

namespace longwave::cuda::detail {

__device__ inline float reciprocal(float x) {
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}

// 20 bits from the table, then r (1 + e + e^2) with e = 1 - x r. Zero gives NaN.
__device__ inline double reciprocal(double x) {
  double r;
  asm("rcp.approx.ftz.f64 %0, %1;" : "=d"(r) : "d"(x));
  const double e = fma(-x, r, 1.0);
  return fma(r, fma(e, e, e), r);
}

}  // namespace longwave::cuda::detail
