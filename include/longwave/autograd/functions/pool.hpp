// functions/pool.hpp - other sampling rates on the tape: the ops of ops/pool.hpp, every s-th sample, groups of features
// laid out over time, and band-limited resampling.
//
//   subsample      y_m = x_{m s}                                      (B, H, L) -> (B, H, ceil(L / s))
//   unfold_time    y[b, h, l s + j] = x[b, h s + j, l]                (B, H s, L) -> (B, H, L s)
//   spectral_pool  the lowest frequencies of x sampled at L/s points  (B, H, L) -> (B, H, L / s)
//                  Y_k = X_k / s, k <= L / (2 s); of an even L/s, the last one's real part (Rippel et al. 2015)
#pragma once

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/fft.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "longwave/ops/pool.hpp"

namespace longwave {

namespace detail {

template <class Op, class T, device D>
Var<T, 3, D> resample(const char* op, Var<T, 3, D> x, index_t factor) {
  const Extents<3> sizes = Op::sizes(x.sizes(), factor);
  if (factor == 1) return x;
  const Var<T, 3, D> y = x.tape().make(sizes, x.needs_grad());
  Op::forward(y.output(), x.value(), factor);
  x.tape().record(op, y, [=] {
    const Grad dx(x);
    Op::backward(dx.view(), y.grad(), factor);
  });
  return y;
}

}  // namespace detail

template <class T, device D>
Var<T, 3, D> avg_pool(Var<T, 3, D> x, index_t stride) {
  return detail::resample<ops::AvgPool>("avg_pool", x, stride);
}
template <class T, device D>
Var<T, 3, D> repeat_time(Var<T, 3, D> x, index_t stride) {
  return detail::resample<ops::RepeatTime>("repeat_time", x, stride);
}
template <class T, device D>
Var<T, 3, D> repeat_channels(Var<T, 3, D> x, index_t expand) {
  return detail::resample<ops::RepeatChannels>("repeat_channels", x, expand);
}
template <class T, device D>
Var<T, 3, D> mean_channels(Var<T, 3, D> x, index_t expand) {
  return detail::resample<ops::MeanChannels>("mean_channels", x, expand);
}

template <class T, device D>
Var<T, 3, D> subsample(Var<T, 3, D> x, index_t stride) {
  impl::check_factor("subsample", "stride", stride);
  if (stride == 1) return x;
  return detail::copy_of<3, false>("subsample", x, [=](TensorView<T, 3, D> v) {
    return TensorView<T, 3, D>(v.data(), {v.size(0), v.size(1), (v.size(2) + stride - 1) / stride},
                               {v.stride(0), v.stride(1), v.stride(2) * stride});
  });
}

template <class T, device D>
Var<T, 3, D> unfold_time(Var<T, 3, D> x, index_t stride) {
  impl::check_factor("unfold_time", "stride", stride);
  if (x.size(1) % stride != 0)
    throw_shape_error("unfold_time: x is " + to_string(x.sizes(), "BHL") +
                      ", H must be a multiple of stride=" + std::to_string(stride));
  if (stride == 1) return x;
  const auto groups = detail::copy_of<4, true>(
      "unfold_time", x, [=](TensorView<T, 3, D> v) { return split_axis(v, 1, stride).transpose(2, 3); });
  return reshape(groups, Extents<3>{x.size(0), x.size(1) / stride, x.size(2) * stride});
}

template <class T, device D>
Var<T, 3, D> spectral_pool(Var<T, 3, D> x, index_t stride) {
  impl::check_factor("spectral_pool", "stride", stride);
  const index_t B = x.size(0), H = x.size(1), L = x.size(2), M = L / stride;
  if (L % stride != 0 || L == 0)
    throw_shape_error("spectral_pool: x is " + to_string(x.sizes(), "BHL") +
                      ", L must be a multiple of stride=" + std::to_string(stride));
  if (stride == 1) return x;
  const auto bins = rfft(reshape(contiguous(x), Extents<2>{B * H, L}), L);
  const auto y = scale(irfft(slice(bins, 1, 0, M / 2 + 1), M), 1 / static_cast<double>(stride));
  return reshape(y, Extents<3>{B, H, M});
}

}  // namespace longwave
