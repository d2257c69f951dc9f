// fft_conv.hpp - long convolutions by FFT, one kernel per feature.
//
//   causal      y_l = sum_{j<=l} K_j u_{l-j} + D u_l                           K (H, M), M <= L
//   two-sided   y_l = sum_{j<=l} k0_j u_{l-j} + sum_j k1_j u_{l+1+j} + D u_l   K = [k0; k1]: the anti-causal half
//   starts
//                                                                              one later, so that no sample counts
//                                                                              twice
//   gradients   du_l = sum_j K_j dy_{l+j} + D dy_l,  dK_j = sum_{b,l} dy_l u_{l-j},  dD += sum_{b,l} dy_l u_l
//               (two-sided: dk1_j = sum_{b,l} dy_l u_{l+1+j})
//
//   u (B, H, L)   y (B, H, L)      K (H, M)             D (H), may be left out
//   u (B, H, L)   y (B, C, H, L)   K (C or 2C, H, M)    D (C, H): C kernels per feature, 2C for two-sided ones
//
// A transform of n >= L points is enough, without padding to 2L ("right-angle" convolution, Nussbaumer 1981). With
// w = e^{i pi/2n}, replace a sequence s_t by s_t w^t and fold it modulo n: products of transforms then belong to
// sequences c_t w^t, and because w^n = i, position p of the result divided by w^p is
//   c_p + i c_{p+n} - i c_{p-n}:
// what runs over the end lands in the imaginary part. Negative times t are entered at n + t and read from there.
// One complex transform of n points takes the place of a padded real one of 2 n.
//
// Parallel over features: a kernel is transformed once, and its gradient summed in the frequency domain over the
// batch, in order, by one thread. Working memory per thread: 2C + 4 rows of n. u and K are transformed again in
// backward, which costs less than reading them back would (a transform is two to three times a memory pass).
//
// On the device (cuda/fft_conv.hpp) rows of up to 32768 samples in float, 16384 in double, are convolved within a
// block: u and y move once, the spectrum of K is made once per call. Longer rows go over cuFFT, in slices of features
// and batch that bound the working memory to 256 MiB (more only if one row needs it). dK is summed over the batch in
// fixed order; dD is its entry at lag 0 where dK is wanted as well.
#pragma once

#include <map>
#include <mutex>
#include <numbers>
#include <string>
#include <utility>

#include "longwave/core/tensor.hpp"
#include "longwave/cuda/fft_conv.hpp"
#include "longwave/ops/fft.hpp"

namespace longwave {

namespace impl {

// w^l for l = 0..n, made once per length.
template <class T>
const complex<T>* right_angle_weights(index_t n) {
  static std::mutex lock;
  static std::map<index_t, Tensor<complex<T>, 1>> tables;
  const std::lock_guard<std::mutex> hold(lock);
  const auto known = tables.find(n);
  if (known != tables.end()) return known->second.data();
  auto table = Tensor<complex<T>, 1>::uninitialized({n + 1});
  for (index_t l = 0; l <= n; ++l) {
    const double angle = std::numbers::pi / 2 * static_cast<double>(l) / static_cast<double>(n);
    table(l) = {static_cast<T>(std::cos(angle)), static_cast<T>(std::sin(angle))};
  }
  return tables.emplace(n, std::move(table)).first->second.data();
}

// One row of a strided view.
template <class T>
struct RowOf {
  T* data;
  index_t step;
  index_t length;
};
template <class T, int N, class... I>
  requires(sizeof...(I) == N - 1)
RowOf<T> row_of(const TensorView<T, N, Host>& view, I... index) {
  const index_t at[] = {static_cast<index_t>(index)...};
  T* data = view.data();
  for (int i = 0; i < N - 1; ++i) data += at[i] * view.stride(i);
  return {data, view.stride(N - 1), view.size(N - 1)};
}

// sum_l a_l b_l in lanes of fixed number, so that long rows lose no digits and vectorise.
template <class T>
double dot(RowOf<const T> a, RowOf<const T> b) {
  constexpr index_t lanes = 16;
  T sums[lanes] = {};
  double total = 0;
  const index_t whole = a.length / lanes * lanes;
  if (a.step == 1 && b.step == 1) {
    for (index_t l = 0; l < whole; l += lanes)
      for (index_t i = 0; i < lanes; ++i) sums[i] += a.data[l + i] * b.data[l + i];
  } else {
    for (index_t l = 0; l < whole; ++l) sums[l % lanes] += a.data[l * a.step] * b.data[l * b.step];
  }
  for (index_t l = whole; l < a.length; ++l) total += static_cast<double>(a.data[l * a.step] * b.data[l * b.step]);
  for (const T sum : sums) total += static_cast<double>(sum);
  return total;
}

// The transforms that convolutions of rows of L samples are made of.
template <class T>
class RightAngle {
 public:
  explicit RightAngle(index_t L)
      : n(padded_length(L)), pitch((n + 7) / 8 * 8), fft_(n), w_(right_angle_weights<T>(n)) {}

  const index_t n;
  const index_t pitch;  // n rounded up so that every row of spectra starts on 64 bytes

  // Spectrum of a row that starts at time 0; `work` is overwritten.
  void transform(complex<T>* spectrum, RowOf<const T> x, complex<T>* work) const {
    load(work, x, T(1));
    fft_.forward(spectrum, work);
  }

  // Spectrum of scale times a kernel: k0_j at time j and, unless it is empty, k1_j at time -1-j.
  void transform_kernel(complex<T>* spectrum, RowOf<const T> k0, RowOf<const T> k1, T scale, complex<T>* work) const {
    load(work, k0, scale);
    for (index_t j = 0; j < k1.length; ++j) work[n - 1 - j] += scale * k1.data[j * k1.step] * conj(w_[j + 1]);
    fft_.forward(spectrum, work);
  }

  // y_l = c_l + D u_l. The spectrum is overwritten.
  void result(RowOf<T> y, complex<T>* spectrum, RowOf<const T> u, T D, complex<T>* work) const {
    fft_.inverse(work, spectrum);
    if (y.step == 1 && u.step == 1) {
      for (index_t l = 0; l < y.length; ++l) y.data[l] = work[l].re * w_[l].re + work[l].im * w_[l].im + D * u.data[l];
    } else {
      for (index_t l = 0; l < y.length; ++l)
        y.data[l * y.step] = work[l].re * w_[l].re + work[l].im * w_[l].im + D * u.data[l * u.step];
    }
  }

  // k0_j = scale c_j, k1_j = scale c_{-1-j}. The spectrum is overwritten.
  void result_kernel(RowOf<T> k0, RowOf<T> k1, complex<T>* spectrum, T scale, complex<T>* work) const {
    fft_.inverse(work, spectrum);
    for (index_t j = 0; j < k0.length; ++j) k0.data[j * k0.step] = scale * (work[j] * conj(w_[j])).re;
    for (index_t j = 0; j < k1.length; ++j) k1.data[j * k1.step] = -scale * (work[n - 1 - j] * conj(w_[n - 1 - j])).im;
  }

 private:
  void load(complex<T>* work, RowOf<const T> x, T scale) const {
    if (x.step == 1) {
      for (index_t l = 0; l < x.length; ++l) work[l] = (scale * x.data[l]) * w_[l];
    } else {
      for (index_t l = 0; l < x.length; ++l) work[l] = (scale * x.data[l * x.step]) * w_[l];
    }
    std::fill(work + x.length, work + n, complex<T>());
  }

  ComplexFft<T> fft_;
  const complex<T>* w_;
};

// Products of n numbers, for pointers that do not overlap.
template <class T>
void multiply(complex<T>* __restrict out, const complex<T>* __restrict a, const complex<T>* __restrict b, index_t n) {
  for (index_t k = 0; k < n; ++k) out[k] = a[k] * b[k];
}
template <class T>  // sum += a conj(b)
void add_correlation(complex<T>* __restrict sum, const complex<T>* __restrict a, const complex<T>* __restrict b,
                     index_t n) {
  for (index_t k = 0; k < n; ++k) {
    sum[k].re += a[k].re * b[k].re + a[k].im * b[k].im;
    sum[k].im += a[k].im * b[k].re - a[k].re * b[k].im;
  }
}

// The kernel of channel c and feature h, and its second half if there is one.
template <class T>
RowOf<T> kernel_row(const TensorView<T, 3, Host>& K, index_t c, index_t h) {
  if (wanted(K) && c < K.size(0)) return row_of(K, c, h);
  return {nullptr, 0, 0};
}

// y (B, C, H, L), K (C or 2C, H, M), D (C, H) or without data.
template <class T>
void fft_conv_forward(TensorView<T, 4, Host> y, In<T, 3, Host> u, In<T, 3, Host> K, In<T, 2, Host> D) {
  const index_t B = y.size(0), C = y.size(1), H = y.size(2), L = y.size(3);
  if (y.empty()) return;
  const RightAngle<T> plan(L);
  const index_t n = plan.n;
  const index_t parts = std::min(B, H < 8 ? (7 + H) / H : 1);  // few features: the batch is divided as well
  parallel_for(
      H * parts,
      [&](index_t task) {
        const index_t h = task / parts, part = task % parts;
        Scratch scratch;
        auto* kernels = scratch.take<complex<T>>(C * plan.pitch);
        auto* U = scratch.take<complex<T>>(n);
        auto* product = scratch.take<complex<T>>(n);
        auto* work = scratch.take<complex<T>>(n);
        for (index_t c = 0; c < C; ++c)
          plan.transform_kernel(kernels + c * plan.pitch, kernel_row<const T>(K, c, h),
                                kernel_row<const T>(K, C + c, h), T(1) / static_cast<T>(n), work);
        for (index_t b = B * part / parts; b < B * (part + 1) / parts; ++b) {
          const RowOf<const T> input = row_of(u, b, h);
          plan.transform(U, input, work);
          for (index_t c = 0; c < C; ++c) {
            multiply(product, U, kernels + c * plan.pitch, n);
            plan.result(row_of(y, b, c, h), product, input, wanted(D) ? D(c, h) : T(0), work);
          }
        }
      },
      100 * B * C * H * n);
}

// dy (B, C, H, L). Any of du, dK, dD may be without data.
template <class T>
void fft_conv_backward(TensorView<T, 3, Host> du, Out<T, 3, Host> dK, Out<T, 2, Host> dD, In<T, 4, Host> dy,
                       In<T, 3, Host> u, In<T, 3, Host> K, In<T, 2, Host> D) {
  const index_t B = dy.size(0), C = dy.size(1), H = dy.size(2), L = dy.size(3);
  if (H == 0) return;
  const RightAngle<T> plan(std::max<index_t>(L, 1));
  const index_t n = plan.n;
  const T scale = T(1) / static_cast<T>(n);
  parallel_for(
      H,
      [&](index_t h) {
        Scratch scratch;
        auto* kernels = scratch.take<complex<T>>(C * plan.pitch);
        auto* dkernels = scratch.take<complex<T>>(C * plan.pitch);
        auto* U = scratch.take<complex<T>>(n);
        auto* Y = scratch.take<complex<T>>(n);
        auto* dU = scratch.take<complex<T>>(n);
        auto* work = scratch.take<complex<T>>(n);
        if (wanted(du))
          for (index_t c = 0; c < C; ++c)
            plan.transform_kernel(kernels + c * plan.pitch, kernel_row(K, c, h), kernel_row(K, C + c, h), scale, work);
        if (wanted(dK)) std::fill(dkernels, dkernels + C * plan.pitch, complex<T>());
        for (index_t b = 0; b < B; ++b) {
          if (wanted(dK)) plan.transform(U, row_of(u, b, h), work);
          if (wanted(du)) std::fill(dU, dU + n, complex<T>());
          for (index_t c = 0; c < C; ++c) {
            plan.transform(Y, row_of(dy, b, c, h), work);
            if (wanted(dK)) add_correlation(dkernels + c * plan.pitch, Y, U, n);
            if (wanted(du)) add_correlation(dU, Y, kernels + c * plan.pitch, n);
            if (wanted(dD)) dD(c, h) += static_cast<T>(dot(row_of(dy, b, c, h), row_of(u, b, h)));
          }
          if (wanted(du)) plan.result(row_of(du, b, h), dU, row_of(dy, b, 0, h), wanted(D) ? D(0, h) : T(0), work);
          for (index_t c = 1; c < C && wanted(du) && wanted(D); ++c)
            for (index_t l = 0; l < L; ++l) du(b, h, l) += D(c, h) * dy(b, c, h, l);
        }
        for (index_t c = 0; c < C && wanted(dK); ++c)
          plan.result_kernel(kernel_row(dK, c, h), kernel_row(dK, C + c, h), dkernels + c * plan.pitch, scale, work);
      },
      200 * B * C * H * n);
}

// A view with an axis of size 1 put in at position `axis`: (B, H, L) as (B, 1, H, L).
template <class T, int N, device D>
TensorView<T, N + 1, D> insert_axis(const TensorView<T, N, D>& view, int axis) {
  Extents<N + 1> sizes, strides;
  sizes[axis] = strides[axis] = 1;
  for (int i = 0; i < N; ++i) {
    sizes[i < axis ? i : i + 1] = view.size(i);
    strides[i < axis ? i : i + 1] = view.stride(i);
  }
  return {view.data(), sizes, strides};
}

// Sizes that forward and backward share.
inline void check_fft_conv(const Extents<4>& y, const char* y_name, const Extents<3>& u, const Extents<3>& K) {
  const index_t C = y[1], H = y[2], L = y[3];
  if (!(u == Extents<3>{y[0], H, L}))
    throw_shape_error(std::string("fft_conv: u and ") + y_name + " differ in shape: u is " + to_string(u, "BHL") +
                      ", " + y_name + " is " + to_string(y, "BCHL"));
  if (K[1] != H)
    throw_shape_error("fft_conv: u and K disagree on H: u is " + to_string(u, "BHL") + ", K is " + to_string(K, "CHM"));
  if (K[0] != C && K[0] != 2 * C)
    throw_shape_error("fft_conv: K has " + std::to_string(K[0]) + " kernels per feature; " + y_name + " is " +
                      to_string(y, "BCHL") + " and takes C, or 2C if two-sided");
  if (K[2] > L)
    throw_shape_error("fft_conv: K is longer than u: K is " + to_string(K, "CHM") + ", u is " + to_string(u, "BHL") +
                      "; pass its first L samples");
}

}  // namespace impl

namespace ops {

struct FftConv {
  // One kernel per feature: y, u (B, H, L), K (H, M), D (H) or left out.
  template <class T, device Dev>
  static void forward(TensorView<T, 3, Dev> y, In<T, 3, Dev> u, In<T, 2, Dev> K, In<T, 1, Dev> D = {}) {
    forward(impl::insert_axis(y, 1), u, impl::insert_axis(K, 0), skip(D));
  }

  template <class T, device Dev>  // du and dK are assigned, dD is added to
  static void backward(TensorView<T, 3, Dev> du, Out<T, 2, Dev> dK, Out<T, 1, Dev> dD, In<T, 3, Dev> dy,
                       In<T, 3, Dev> u, In<T, 2, Dev> K, In<T, 1, Dev> D = {}) {
    backward(du, wanted(dK) ? impl::insert_axis(dK, 0) : TensorView<T, 3, Dev>(), skip(dD), impl::insert_axis(dy, 1), u,
             impl::insert_axis(K, 0), skip(D));
  }

  // C kernels per feature: y (B, C, H, L), u (B, H, L), K (C, H, M) causal or (2C, H, M) two-sided, D (C, H).
  template <class T, device Dev>
  static void forward(TensorView<T, 4, Dev> y, In<T, 3, Dev> u, In<T, 3, Dev> K, In<T, 2, Dev> D = {}) {
    impl::check_fft_conv(y.sizes(), "y", u.sizes(), K.sizes());
    check_gradient("fft_conv", "D", D, Extents<2>{y.size(1), y.size(2)}, "CH");
    impl::fft_conv_forward<T>(y, u, K, D);
  }

  template <class T, device Dev>
  static void backward(TensorView<T, 3, Dev> du, Out<T, 3, Dev> dK, Out<T, 2, Dev> dD, In<T, 4, Dev> dy,
                       In<T, 3, Dev> u, In<T, 3, Dev> K, In<T, 2, Dev> D = {}) {
    impl::check_fft_conv(dy.sizes(), "dy", u.sizes(), K.sizes());
    const Extents<2> channels{dy.size(1), dy.size(2)};
    check_gradient("fft_conv", "D", D, channels, "CH");
    check_gradient("fft_conv", "dD", dD, channels, "CH");
    check_gradient("fft_conv", "dK", dK, K.sizes(), "CHM");
    check_gradient("fft_conv", "du", du, u.sizes(), "BHL");
    impl::fft_conv_backward<T>(du, dK, dD, dy, u, K, D);
  }

 private:
  template <class T, device Dev>
  static TensorView<T, 2, Dev> skip(const TensorView<T, 1, Dev>& D) {
    return wanted(D) ? impl::insert_axis(D, 0) : TensorView<T, 2, Dev>();
  }
};

}  // namespace ops
}  // namespace longwave
