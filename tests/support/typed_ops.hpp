// typed_ops.hpp - tests of ops that run unchanged on every device: bodies over the scalar type and the device, written
// once. tests/ops/typed_ops_test.cpp runs them on Host, tests/cuda/typed_ops_test.cpp on Cuda.
//
// Place<D> brings a host tensor to the device and back; each of the two files defines it for its device.
#pragma once

#include "longwave/ops/activation.hpp"
#include "longwave/ops/vandermonde.hpp"
#include "modes.hpp"

namespace longwave::test {

template <device D>
struct Place;  // to(host tensor) -> Tensor<T, N, D>;  from(tensor) -> host tensor

// NaN wherever the op does not write.
template <class T, int N, device D>
Tensor<T, N, D> unwritten(Extents<N> sizes) {
  Tensor<T, N> t(sizes);
  for (index_t i = 0; i < t.count(); ++i) t.data()[i] = T(std::nan(""));
  return Place<D>::to(t);
}

template <class T>
double kernel_tolerance() {  // the bounds that ops/vandermonde.hpp states, with room for sums of 1e4 terms
  return sizeof(T) == 4 ? 2e-6 : 1e-12;
}

// y = x Phi(x) and its slope against <cmath> in double, for dense views of any alignment and for strided ones.
template <class T, device D>
void check_gelu() {
  const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-14;  // a few units in the last place
  for (const index_t n : {0, 1, 2, 3, 31, 997, 4096, 100003}) {
    const auto x = random<T>(Extents(n + 1), 21, T(3)), dy = random<T>(Extents(n + 1), 22);
    Tensor<double, 1> want_y(n), want_dx(n);
    for (index_t i = 0; i < n; ++i) {
      const double at = static_cast<double>(x(i + 1)), cdf = 0.5 * std::erfc(-at / std::sqrt(2.0));
      want_y(i) = at * cdf;
      want_dx(i) =
          static_cast<double>(dy(i + 1)) * (cdf + at * std::exp(-0.5 * at * at) / std::sqrt(8 * std::atan(1.0)));
    }
    const auto x_there = Place<D>::to(x), dy_there = Place<D>::to(dy);
    const auto tail = [n](const auto& t) { return t.view().slice(0, 1, n + 1); };  // starts off 16 bytes
    auto y = unwritten<T, 1, D>(Extents(n)), dx = unwritten<T, 1, D>(Extents(n));
    ops::Gelu::forward(y.view(), tail(x_there));
    ops::Gelu::backward(dx.view(), tail(dy_there), tail(x_there));
    INFO("n " << n);
    CHECK(relative_error(Place<D>::from(y), want_y) <= tolerance);
    CHECK(relative_error(Place<D>::from(dx), want_dx) <= tolerance);
  }
}

template <class T, device D>
void check_gelu_strided() {
  const auto x = random<T>(Extents(5, 6, 7), 23), dy = random<T>(Extents(5, 6, 7), 24);
  Tensor<T, 3> y(5, 6, 7), dx(5, 6, 7);
  ops::Gelu::forward(y.view(), x);
  ops::Gelu::backward(dx.view(), dy, x);

  const auto x_there = Place<D>::to(x), dy_there = Place<D>::to(dy);
  auto y_there = unwritten<T, 3, D>(Extents(7, 6, 5)), dx_there = unwritten<T, 3, D>(Extents(7, 6, 5));
  ops::Gelu::forward(y_there.view().transpose(0, 2), x_there);
  ops::Gelu::backward(dx_there.view(), dy_there.view().transpose(0, 2), x_there.view().transpose(0, 2));
  const auto y_back = Place<D>::from(y_there), dx_back = Place<D>::from(dx_there);
  // The device's erfc differs from the host's in the last places.
  const double tolerance = sizeof(T) == 4 ? 1e-6 : 1e-14;
  CHECK(relative_error(y_back.view().transpose(0, 2), y.view()) <= tolerance);
  CHECK(relative_error(dx_back.view().transpose(0, 2), dx.view()) <= tolerance);
}

struct ModeGradients {
  Tensor<complex<double>, 2> dx, dv;
};

inline Tensor<double, 2> naive_kernel(const DiagonalCase<double>& c, index_t L) {
  Tensor<double, 2> K(c.x.size(0), L);
  for (index_t h = 0; h < K.size(0); ++h)
    for (index_t n = 0; n < c.x.size(1); ++n)
      for (index_t l = 0; l < L; ++l) K(h, l) += 2 * (c.c(h, n) * exp(static_cast<double>(l) * c.x(h, n))).re;
  return K;
}

template <class T>
ModeGradients naive_kernel_gradients(const DiagonalCase<double>& c, const Tensor<T, 2>& dK) {
  ModeGradients g{Tensor<complex<double>, 2>(c.x.sizes()), Tensor<complex<double>, 2>(c.x.sizes())};
  for (index_t h = 0; h < c.x.size(0); ++h)
    for (index_t n = 0; n < c.x.size(1); ++n) {
      complex<double> s0, s1;
      for (index_t l = 0; l < dK.size(1); ++l) {
        const complex<double> z = static_cast<double>(dK(h, l)) * exp(static_cast<double>(l) * c.x(h, n));
        s0 += z;
        s1 += static_cast<double>(l) * z;
      }
      g.dv(h, n) = 2.0 * conj(s0);
      g.dx(h, n) = 2.0 * conj(c.c(h, n) * s1);
    }
  return g;
}

inline double relative_error(const Tensor<complex<double>, 2>& got, const Tensor<complex<double>, 2>& want) {
  auto numbers = [](const Tensor<complex<double>, 2>& z) {
    return TensorView<const double, 1>(reinterpret_cast<const double*>(z.data()), Extents<1>{2 * z.count()});
  };
  return relative_error(numbers(got), numbers(want));
}

template <class T, device D>
void check_vandermonde(index_t H, index_t N, index_t L) {
  INFO("H " << H << ", N " << N << ", L " << L);
  const DiagonalCase<double> c(1, H, N, 1);
  const auto dK = random<T>(Extents<2>(H, L), 25);
  const ModeGradients want = naive_kernel_gradients(c, dK);

  const auto x = Place<D>::to(c.x), v = Place<D>::to(c.c);
  const auto dK_there = Place<D>::to(dK);
  auto K = unwritten<T, 2, D>(Extents<2>(H, L));
  Tensor<complex<double>, 2, D> dx(c.x.sizes()), dv(c.x.sizes());
  ops::Vandermonde::forward(K.view(), x, v);
  ops::Vandermonde::backward(dx.view(), dv.view(), dK_there.view(), x, v);
  CHECK(relative_error(Place<D>::from(K), naive_kernel(c, L)) <= kernel_tolerance<T>());
  CHECK(relative_error(Place<D>::from(dv), want.dv) <= kernel_tolerance<T>());
  CHECK(relative_error(Place<D>::from(dx), want.dx) <= kernel_tolerance<T>());
}

// Every tile of the device and their borders; numbers of modes below, at and above those of one round.
template <class T, device D>
void check_vandermonde_sizes() {
  for (const index_t L : {1, 2, 31, 32, 997, 1024, 1025, 3000, 4097}) check_vandermonde<T, D>(3, 5, L);
  for (const index_t N : {1, 15, 16, 17, 32, 33, 70}) check_vandermonde<T, D>(2, N, 300);
  check_vandermonde<T, D>(70, 3, 2100);  // enough channels for the middle tile in float, the largest in double
  check_vandermonde<T, D>(64, 2, 9001);  // and for the largest
  check_vandermonde<T, D>(33, 1, 17000);
}

template <class T, device D>
void check_vandermonde_edges() {
  const DiagonalCase<double> c(1, 3, 5, 1);
  const auto x = Place<D>::to(c.x), v = Place<D>::to(c.c);

  // A transposed kernel, and modes that are every second of a larger tensor.
  auto K = unwritten<T, 2, D>(Extents<2>(70, 3));
  ops::Vandermonde::forward(K.view().transpose(0, 1), x, v);
  const auto back = Place<D>::from(K);
  CHECK(relative_error(back.view().transpose(0, 1), naive_kernel(c, 70).view()) <= kernel_tolerance<T>());
  const auto every_second = [](const Tensor<complex<double>, 2>& z) {
    Tensor<complex<double>, 2> wide(z.size(0), 2 * z.size(1));
    for (index_t h = 0; h < z.size(0); ++h)
      for (index_t n = 0; n < z.size(1); ++n) wide(h, 2 * n) = z(h, n);
    return wide;
  };
  const auto x_wide = Place<D>::to(every_second(c.x)), v_wide = Place<D>::to(every_second(c.c));
  const auto narrow = [](const Tensor<complex<double>, 2, D>& z) {
    return TensorView<const complex<double>, 2, D>(z.data(), Extents<2>(3, 5), Extents<2>(10, 2));
  };
  auto dense = unwritten<T, 2, D>(Extents<2>(3, 70)), strided = unwritten<T, 2, D>(Extents<2>(3, 70));
  ops::Vandermonde::forward(dense.view(), x, v);
  ops::Vandermonde::forward(strided.view(), narrow(x_wide), narrow(v_wide));
  CHECK(relative_error(Place<D>::from(strided), Place<D>::from(dense)) == 0);

  // Either gradient alone; no positions: zeros; no modes: zeros; no channels: nothing.
  const auto dK = Place<D>::to(random<T>(Extents<2>(3, 70), 26));
  Tensor<complex<double>, 2, D> dx(3, 5), dv(3, 5), alone(3, 5);
  ops::Vandermonde::backward(dx.view(), dv.view(), dK.view(), x, v);
  ops::Vandermonde::backward(alone.view(), {}, dK.view(), x, v);
  CHECK(relative_error(Place<D>::from(alone), Place<D>::from(dx)) == 0);
  ops::Vandermonde::backward({}, alone.view(), dK.view(), x, v);
  CHECK(relative_error(Place<D>::from(alone), Place<D>::from(dv)) == 0);
  Tensor<T, 2, D> none(3, 0);
  ops::Vandermonde::forward(none.view(), x, v);
  ops::Vandermonde::backward(dx.view(), dv.view(), none.view(), x, v);
  CHECK(relative_error(Place<D>::from(dx), Tensor<complex<double>, 2>(3, 5)) == 0);
  CHECK(relative_error(Place<D>::from(dv), Tensor<complex<double>, 2>(3, 5)) == 0);
  const Tensor<complex<double>, 2, D> no_modes(3, 0), no_channels(0, 5);
  ops::Vandermonde::forward(dense.view(), no_modes, no_modes);
  CHECK(relative_error(Place<D>::from(dense), Tensor<T, 2>(3, 70)) == 0);
  Tensor<T, 2, D> empty(0, 70);
  ops::Vandermonde::forward(empty.view(), no_channels, no_channels);
}

// Phases of 1e5 rad, which float cannot hold: the last positions are as good as the first.
template <class T, device D>
void check_vandermonde_phases() {
  DiagonalCase<double> c(1, 64, 2, 1);
  for (index_t i = 0; i < c.x.count(); ++i) c.x.data()[i] = {-1e-5, 3.0 + 0.01 * static_cast<double>(i)};
  const auto x = Place<D>::to(c.x), v = Place<D>::to(c.c);
  auto K = unwritten<T, 2, D>(Extents<2>(64, 20000));
  ops::Vandermonde::forward(K.view(), x, v);
  const auto got = Place<D>::from(K);
  const auto want = naive_kernel(c, 20000);
  const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-10;  // double: 7e4 rad are known to 1e-11
  CHECK(relative_error(got.view().slice(1, 19000, 20000), want.view().slice(1, 19000, 20000)) <= tolerance);
}

template <class T, device D>
void check_repeatable() {
  const DiagonalCase<double> c(1, 16, 33, 1);
  const auto x = Place<D>::to(c.x), v = Place<D>::to(c.c);
  const auto dK = Place<D>::to(random<T>(Extents<2>(16, 5000), 27));
  Tensor<complex<double>, 2, D> dx(16, 33), dv(16, 33), dx_again(16, 33), dv_again(16, 33);
  ops::Vandermonde::backward(dx.view(), dv.view(), dK.view(), x, v);
  ops::Vandermonde::backward(dx_again.view(), dv_again.view(), dK.view(), x, v);
  CHECK(relative_error(Place<D>::from(dx_again), Place<D>::from(dx)) == 0);
  CHECK(relative_error(Place<D>::from(dv_again), Place<D>::from(dv)) == 0);
}

template <class T, device D>
void check_shapes_are_named() {
  const Tensor<T, 2, D> x(2, 3);
  Tensor<T, 2, D> y(3, 2);
  CHECK(error_text<ShapeError>([&] { ops::Gelu::forward(y.view(), x); }) ==
        "gelu: y and x differ in shape: y is (3, 2), x is (2, 3)");
  const Tensor<complex<double>, 2, D> modes(3, 5), others(3, 4);
  Tensor<T, 2, D> K(2, 4);
  CHECK(error_text<ShapeError>([&] { ops::Vandermonde::forward(K.view(), modes, modes); }) ==
        "vandermonde: K and x disagree on H: K is (H=2, L=4), x is (H=3, N=5)");
  CHECK(error_text<ShapeError>([&] { ops::Vandermonde::forward(K.view(), modes, others); }) ==
        "vandermonde: x and v differ in shape: x is (H=3, N=5), v is (H=3, N=4)");
}

}  // namespace longwave::test
