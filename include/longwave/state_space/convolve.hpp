// convolve.hpp - a state-space layer whose kernel is there as samples, on a tape.
//
//   y = K * u + D u      u (B, H, L)   K (C, H, M), M <= L, two-sided: (2 C, H, M)   D (C, H)   y (B, C H, L)
//
// The op is ops/fft_conv.hpp; y is written with its channels flattened, index c H + h, without a copy.
#pragma once

#include "longwave/autograd/tape.hpp"
#include "longwave/ops/fft_conv.hpp"

namespace longwave {

namespace detail {

// Up to this length the device has no transform that the gradients of u and K share.
inline constexpr index_t convolved_in_parts = 16384;

// Spectra of K for inputs of L samples, where the device takes such: without data elsewhere. They stay on the tape.
template <class T, device D>
TensorView<complex<T>, 3, D> kernel_spectra(Tape<T, D>& tape, TensorView<const T, 3, D> K, index_t C, index_t L) {
  if constexpr (std::is_same_v<D, Cuda>)
    if (const index_t points = cuda::fft_conv_points<T>(L); points > 0 && L <= convolved_in_parts) {
      const auto spectra = tape.template keep<complex<T>>(Extents<3>{C, K.size(1), points});
      cuda::fft_conv_spectra<T>(spectra, K, L);
      return spectra;
    }
  return {};
}

// spectra: of K, or none. activated (B, C H, L): gets gelu(y), with spectra; the memory of y then holds y only where
// the tape records.
template <class T, device D>
Var<T, 3, D> convolve_channels(Var<T, 3, D> u, Var<T, 3, D> K, Var<T, 2, D> skip, index_t C,
                               TensorView<complex<T>, 3, D> spectra = {}, TensorView<T, 3, D> activated = {}) {
  Tape<T, D>& tape = u.tape();
  const index_t B = u.size(0), H = u.size(1), L = u.size(2);
  const Extents<4> channels{B, C, H, L};
  const auto y = tape.make(Extents<3>{B, C * H, L}, u.needs_grad() || K.needs_grad() || skip.needs_grad());
  const TensorView<const T, 2, D> weights = value_or_none(skip);
  const auto convolve = [=] {
    if constexpr (std::is_same_v<D, Cuda>)
      if (wanted(spectra)) {
        const TensorView<T, 4, D> to = y.output().reshape(channels);
        if (!wanted(activated))
          cuda::fft_conv_forward<T>(to, u.value(), K.value(), weights, spectra);
        else
          cuda::fft_conv_gelu_forward<T>(activated.reshape(channels), y.needs_grad() ? to : TensorView<T, 4, D>(),
                                         u.value(), K.value(), weights, spectra);
        return;
      }
    ops::FftConv::forward(y.output().reshape(channels), u.value(), K.value(), weights);
  };
  convolve();
  tape.record("ssm", y, [=, &tape] {
    const TensorView<const T, 4, D> dy = y.grad().reshape(channels);
    if constexpr (std::is_same_v<D, Cuda>)
      if (L <= convolved_in_parts && u.needs_grad() && leaves_room(y.sizes().count())) {
        if (K.needs_grad() || skip.needs_grad())
          tape.beside().run(Lane::kernels, [&] {
            tape.beside().only_reads(y.grad().data());
            const Grad dK(K);
            cuda::fft_conv_backward<T>({}, dK.view(), tape.grad_to_add(skip), dy, u.value(), K.value(), weights, {},
                                       {});
          });
        const GradSum du(u);
        cuda::fft_conv_backward<T>(du.view(), {}, {}, dy, u.value(), K.value(), weights, spectra, du.before());
        return;
      }
    const Grad du(u);
    const Grad dK(K);
    ops::FftConv::backward(du.view(), dK.view(), tape.grad_to_add(skip), dy, u.value(), K.value(), weights);
  });
  return y;
}

}  // namespace detail
}  // namespace longwave
