// typed_dplr.hpp - tests of S4's parts that run unchanged on every device: sums of poles, kernels by the generating
// function and the recurrence, against float64 on the host. tests/state_space/typed_dplr_test.cpp runs them on Host,
// tests/cuda/dplr_test.cpp on Cuda.
#pragma once

#include <numbers>

#include "longwave/ops/cauchy.hpp"
#include "longwave/state_space/dplr_scan.hpp"
#include "typed_ops.hpp"

namespace longwave::test {

// --- numbers that float holds as well -------------------------------------------------------------------------------

template <int N>
Tensor<complex<double>, N> complex_numbers(Extents<N> sizes, std::uint64_t seed) {
  Tensor<complex<double>, N> z(sizes);
  const auto draw = random<float>(Extents<1>{2 * z.count()}, seed);
  for (index_t i = 0; i < z.count(); ++i) z.data()[i] = {draw(2 * i), draw(2 * i + 1)};
  return z;
}

template <class T, int N>
Tensor<complex<T>, N> complex_as(const Tensor<complex<double>, N>& z) {
  Tensor<complex<T>, N> to(z.sizes());
  for (index_t i = 0; i < z.count(); ++i) to.data()[i] = complex<T>(z.data()[i]);
  return to;
}

template <class T, int N>
Tensor<T, N> real_as(const Tensor<double, N>& x) {
  Tensor<T, N> to(x.sizes());
  for (index_t i = 0; i < x.count(); ++i) to.data()[i] = static_cast<T>(x.data()[i]);
  return to;
}

template <int N>
Tensor<double, N> float_draw(Extents<N> sizes, std::uint64_t seed) {
  Tensor<double, N> x(sizes);
  const auto draw = random<float>(sizes, seed);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = draw.data()[i];
  return x;
}

// max |got - want| over max |want|, over the real and imaginary parts.
template <class T, class U, int N>
double complex_error(const Tensor<complex<T>, N>& got, const Tensor<complex<U>, N>& want) {
  if (!(got.sizes() == want.sizes())) return INFINITY;
  const auto parts = [](const auto& z) {
    using Real = std::remove_cvref_t<decltype(z.data()->re)>;
    return TensorView<const Real, 1>(z.count() == 0 ? nullptr : &z.data()->re, Extents<1>{2 * z.count()});
  };
  return relative_error(parts(got), parts(want));
}

// --- sums of poles --------------------------------------------------------------------------------------------------

struct CauchyCase {
  Tensor<complex<double>, 2> v, w, dr;
  Tensor<complex<double>, 1> z;

  // Poles in the left half plane, nodes right of them, on the imaginary axis if `vertical`: distances of 0.1 to 5.
  CauchyCase(index_t H, index_t N, index_t L, bool vertical)
      : v(complex_numbers(Extents{H, N}, 1)),
        w(complex_numbers(Extents{H, N}, 2)),
        dr(complex_numbers(Extents{H, L}, 3)),
        z(complex_numbers(Extents<1>{L}, 4)) {
    for (index_t i = 0; i < w.count(); ++i) w.data()[i].re = static_cast<float>(-0.1 - std::abs(w.data()[i].re));
    for (index_t l = 0; l < L; ++l) z(l).re = vertical ? 0 : std::abs(z(l).re);
  }
};

template <class T, device D>
struct CauchyResult {
  Tensor<complex<T>, 2> r, dv, dw;
  Tensor<complex<T>, 1> dz;

  CauchyResult(const CauchyCase& c, CauchyTerms terms) {
    const auto v = Place<D>::to(complex_as<T>(c.v)), w = Place<D>::to(complex_as<T>(c.w));
    const auto dr = Place<D>::to(complex_as<T>(c.dr));
    const auto z = Place<D>::to(complex_as<T>(c.z));
    auto r_there = nowhere<2>(c.dr.sizes()), dv_there = nowhere<2>(c.v.sizes()), dw_there = nowhere<2>(c.v.sizes());
    auto dz_there = nowhere<1>(c.z.sizes());
    ops::Cauchy::forward(r_there.view(), v, w, z, terms);
    ops::Cauchy::backward(dv_there.view(), dw_there.view(), dz_there.view(), dr.view(), v, w, z, terms);
    r = Place<D>::from(r_there);
    dv = Place<D>::from(dv_there);
    dw = Place<D>::from(dw_there);
    dz = Place<D>::from(dz_there);
  }

  template <int N>
  static Tensor<complex<T>, N, D> nowhere(Extents<N> sizes) {
    Tensor<complex<T>, N> t(sizes);
    for (index_t i = 0; i < t.count(); ++i) t.data()[i] = complex<T>(T(NAN), T(NAN));
    return Place<D>::to(t);
  }
};

template <class T, device D>
void check_cauchy(index_t H, index_t N, index_t L) {
  for (const CauchyTerms terms : {CauchyTerms::conjugate_pairs, CauchyTerms::given})
    for (const bool vertical : {false, true}) {
      INFO("H " << H << ", N " << N << ", L " << L << (terms == CauchyTerms::given ? ", given" : ", pairs")
                << (vertical ? ", vertical" : ""));
      const CauchyCase c(H, N, L, vertical);
      const CauchyResult<T, D> got(c, terms);
      const CauchyResult<double, Host> want(c, terms);
      // some roundings for each of N terms near a pole; gradients: squares of them
      CHECK(complex_error(got.r, want.r) <= (sizeof(T) == 4 ? 3e-6 : 1e-14));
      CHECK(complex_error(got.dv, want.dv) <= (sizeof(T) == 4 ? 5e-6 : 2e-14));
      CHECK(complex_error(got.dw, want.dw) <= (sizeof(T) == 4 ? 5e-6 : 2e-14));
      CHECK(complex_error(got.dz, want.dz) <= (sizeof(T) == 4 ? 5e-6 : 2e-14));
    }
}

template <class T, device D>
void check_cauchy_sizes() {
  for (const index_t L : {1, 2, 31, 127, 128, 513, 997, 2049, 5000}) check_cauchy<T, D>(3, 5, L);
  for (const index_t N : {1, 4, 31, 33, 64, 65, 130}) check_cauchy<T, D>(2, N, 300);
  check_cauchy<T, D>(35, 3, 4100);   // rows of three features, two nodes a thread
  check_cauchy<T, D>(64, 2, 16500);  // eight
}

template <class T, device D>
void check_cauchy_empty() {
  for (const Extents<3> size : {Extents<3>{3, 0, 5}, Extents<3>{3, 2, 0}, Extents<3>{0, 2, 5}}) {
    const CauchyCase c(size[0], size[1], size[2], false);
    const CauchyResult<T, D> got(c, CauchyTerms::conjugate_pairs);
    const auto zero = [](const auto& t) {
      return std::all_of(t.data(), t.data() + t.count(), [](auto x) { return x == complex<T>(); });
    };
    CHECK(zero(got.r));
    CHECK(zero(got.dv));
    CHECK(zero(got.dw));
    CHECK(zero(got.dz));
  }
}

// The same bits twice, and for each gradient alone.
template <class T, device D>
void check_cauchy_repeats() {
  const CauchyCase c(17, 33, 5000, false);
  const auto v = Place<D>::to(complex_as<T>(c.v)), w = Place<D>::to(complex_as<T>(c.w));
  const auto dr = Place<D>::to(complex_as<T>(c.dr));
  const auto z = Place<D>::to(complex_as<T>(c.z));
  const CauchyResult<T, D> all(c, CauchyTerms::conjugate_pairs);
  auto dv = CauchyResult<T, D>::nowhere(c.v.sizes()), dw = CauchyResult<T, D>::nowhere(c.v.sizes());
  auto dz = CauchyResult<T, D>::nowhere(c.z.sizes());
  ops::Cauchy::backward(dv.view(), {}, {}, dr.view(), v, w, z);
  ops::Cauchy::backward({}, dw.view(), {}, dr.view(), v, w, z);
  ops::Cauchy::backward({}, {}, dz.view(), dr.view(), v, w, z);
  CHECK(complex_error(Place<D>::from(dv), all.dv) == 0);
  CHECK(complex_error(Place<D>::from(dw), all.dw) == 0);
  CHECK(complex_error(Place<D>::from(dz), all.dz) == 0);
}

template <class T, device D>
void check_cauchy_strided() {
  const CauchyCase c(3, 4, 37, false);
  const CauchyResult<double, Host> want(c, CauchyTerms::conjugate_pairs);
  const auto turned = [](const auto& t) {
    Tensor<complex<T>, 2> out(t.size(1), t.size(0));
    for (index_t i = 0; i < t.size(0); ++i)
      for (index_t j = 0; j < t.size(1); ++j) out(j, i) = complex<T>(t(i, j));
    return Place<D>::to(out);
  };
  const auto v = turned(c.v), w = turned(c.w);
  const auto z = Place<D>::to(complex_as<T>(c.z));
  auto r = CauchyResult<T, D>::nowhere(Extents<2>{37, 3});
  ops::Cauchy::forward(r.view().transpose(0, 1), v.view().transpose(0, 1), w.view().transpose(0, 1), z);
  const auto back = Place<D>::from(r);
  Tensor<complex<T>, 2> got(3, 37);
  for (index_t h = 0; h < 3; ++h)
    for (index_t l = 0; l < 37; ++l) got(h, l) = back(l, h);
  CHECK(complex_error(got, want.r) <= (sizeof(T) == 4 ? 3e-6 : 1e-14));
}

// A node a millionth from a pole keeps its digits, and nodes of a transform up to the last before Nyquist stay finite.
template <class T, device D>
void check_cauchy_extremes() {
  CauchyCase near(1, 1, 2, false);
  near.w(0, 0) = {-1.0 / (1 << 20), 1024};
  near.z(0) = {0, 1024};
  near.z(1) = {1.0 / 1024, 1024};
  CHECK(complex_error(CauchyResult<T, D>(near, CauchyTerms::conjugate_pairs).r,
                      CauchyResult<double, Host>(near, CauchyTerms::conjugate_pairs).r) <=
        (sizeof(T) == 4 ? 1e-6 : 1e-14));
  const index_t L = index_t(1) << 17;
  CauchyCase far(1, 4, L / 2, true);
  for (index_t k = 0; k < L / 2; ++k)
    far.z(k).im = static_cast<float>(2 * std::tan(std::numbers::pi * static_cast<double>(k) / static_cast<double>(L)));
  CHECK(complex_error(CauchyResult<T, D>(far, CauchyTerms::conjugate_pairs).r,
                      CauchyResult<double, Host>(far, CauchyTerms::conjugate_pairs).r) <=
        (sizeof(T) == 4 ? 3e-6 : 1e-13));
}

template <class T, device D>
void check_cauchy_shapes() {
  const Tensor<complex<T>, 2, D> v(3, 5), w(3, 5), w4(3, 4);
  Tensor<complex<T>, 2, D> r(3, 7), r8(3, 8);
  const Tensor<complex<T>, 1, D> z(7);
  CHECK(error_text<ShapeError>([&] { ops::Cauchy::forward(r.view(), v, w4, z); }) ==
        "cauchy: v and w differ in shape: v is (H=3, N=5), w is (H=3, N=4)");
  CHECK(error_text<ShapeError>([&] { ops::Cauchy::forward(r8.view(), v, w, z); }) ==
        "cauchy: r is (H=3, L=8), expected (H=3, L=7) from w (H=3, N=5) and z (L=7)");
}

// --- kernels by the generating function -----------------------------------------------------------------------------

struct DplrSizes {
  index_t M, R, C, H, N;
};

// A system on a device, or gradients of one: dissipative, so that its kernels stay bounded.
template <device D>
struct DplrTensors {
  Tensor<double, 1, D> dt;
  Tensor<complex<double>, 2, D> A;
  Tensor<complex<double>, 3, D> B, P, C;

  DplrSystemOn<D> system() const { return {dt.view(), A.view(), B.view(), P.view(), C.view()}; }
  DplrGradientsOn<D> gradients() { return {dt.view(), A.view(), B.view(), P.view(), C.view()}; }
};

inline DplrTensors<Host> dplr_case(const DplrSizes& s) {
  DplrTensors<Host> t{float_draw(Extents<1>{s.H}, 1), complex_numbers(Extents{s.H, s.N}, 2),
                      complex_numbers(Extents<3>{s.M, s.H, s.N}, 3), complex_numbers(Extents<3>{s.R, s.H, s.N}, 4),
                      complex_numbers(Extents<3>{s.C, s.H, s.N}, 5)};
  for (index_t h = 0; h < s.H; ++h) t.dt(h) = 0.05 + 0.1 * std::abs(t.dt(h));
  for (index_t i = 0; i < t.A.count(); ++i) t.A.data()[i] = {-0.1 - std::abs(t.A.data()[i].re), 5 * t.A.data()[i].im};
  return t;
}

template <device D>
DplrTensors<D> placed_dplr(const DplrTensors<Host>& t) {
  return {Place<D>::to(t.dt), Place<D>::to(t.A), Place<D>::to(t.B), Place<D>::to(t.P), Place<D>::to(t.C)};
}

// Gradients that start at 1, since they are added to.
inline DplrTensors<Host> dplr_ones(const DplrSizes& s) {
  DplrTensors<Host> t = dplr_case(s);
  for (index_t h = 0; h < s.H; ++h) t.dt(h) = 1;
  const auto ones = [](auto& z) {
    for (index_t i = 0; i < z.count(); ++i) z.data()[i] = {1, 1};
  };
  ones(t.A);
  ones(t.B);
  ones(t.P);
  ones(t.C);
  return t;
}

template <device D>
void check_dplr_gradients(DplrTensors<D>& got, const DplrTensors<Host>& want, double tolerance) {
  CHECK(relative_error(Place<D>::from(got.dt), want.dt) <= tolerance);
  CHECK(complex_error(Place<D>::from(got.A), want.A) <= tolerance);
  CHECK(complex_error(Place<D>::from(got.B), want.B) <= tolerance);
  CHECK(complex_error(Place<D>::from(got.P), want.P) <= tolerance);
  CHECK(complex_error(Place<D>::from(got.C), want.C) <= tolerance);
}

template <class T, device D>
void check_dplr(const DplrSizes& s, index_t n, index_t L) {
  INFO("M " << s.M << ", R " << s.R << ", C " << s.C << ", H " << s.H << ", N " << s.N << ", n " << n << ", L " << L);
  const DplrTensors<Host> host = dplr_case(s);
  const DplrTensors<D> there = placed_dplr<D>(host);
  const Extents<4> sizes{s.M, s.C, s.H, L};
  const auto base = float_draw(sizes, 6), dK = float_draw(sizes, 7);
  Tensor<double, 4> want(sizes);
  auto got = unwritten<T, 4, D>(sizes);
  Dplr::forward(want.view(), host.system(), n);
  Dplr::forward(got.view(), there.system(), n);
  CHECK(relative_error(Place<D>::from(got), want) <= (sizeof(T) == 4 ? 2e-7 : 1e-11));
  const auto base_there = Place<D>::to(real_as<T>(base));
  Dplr::forward(want.view(), host.system(), n, base);
  Dplr::forward(got.view(), there.system(), n, base_there);
  CHECK(relative_error(Place<D>::from(got), want) <= (sizeof(T) == 4 ? 2e-7 : 1e-11));

  DplrTensors<Host> d = dplr_ones(s);
  DplrTensors<D> d_there = placed_dplr<D>(d);
  const auto dK_there = Place<D>::to(real_as<T>(dK));
  Dplr::backward(d.gradients(), dK.view(), host.system(), n);
  Dplr::backward(d_there.gradients(), dK_there.view(), there.system(), n);
  check_dplr_gradients(d_there, d, 1e-11);  // in double for every T; differences in Khat cancel up to three digits
}

template <class T, device D>
void check_dplr_sizes() {
  for (const index_t R : {0, 1, 2, 3, 8})
    for (const index_t n : {1, 2, 7, 33, 300}) check_dplr<T, D>({2, R, 3, 2, 3}, n, std::max<index_t>(1, n - 2));
  for (const index_t N : {1, 4, 31, 32, 33, 70}) check_dplr<T, D>({1, 1, 1, 3, N}, 150, 150);
  for (const index_t C : {1, 2, 7}) check_dplr<T, D>({1, 1, C, 5, 4}, 64, 64);
  check_dplr<T, D>({9, 2, 2, 2, 5}, 40, 31);
}

template <class T, device D>
void check_dplr_large() {
  check_dplr<T, D>({1, 1, 1, 70, 32}, 16384, 16384);  // more than one group of features
  check_dplr<T, D>({1, 1, 2, 3, 32}, 5003, 5003);     // a prime
}

template <class T, device D>
void check_dplr_repeats() {
  const DplrSizes s{1, 1, 1, 5, 33};
  const DplrTensors<D> there = placed_dplr<D>(dplr_case(s));
  const auto dK = Place<D>::to(real_as<T>(float_draw(Extents<4>{1, 1, 5, 3000}, 7)));
  const DplrTensors<Host> ones = dplr_ones(s);
  DplrTensors<D> one = placed_dplr<D>(ones), two = placed_dplr<D>(ones);
  Dplr::backward(one.gradients(), dK.view(), there.system(), 3000);
  Dplr::backward(two.gradients(), dK.view(), there.system(), 3000);
  const DplrTensors<Host> back{Place<D>::from(two.dt), Place<D>::from(two.A), Place<D>::from(two.B),
                               Place<D>::from(two.P), Place<D>::from(two.C)};
  check_dplr_gradients(one, back, 0);
}

// --- the recurrence -------------------------------------------------------------------------------------------------

template <device D>
struct DplrStepTensors {
  Tensor<complex<double>, 2, D> F, b;
  Tensor<complex<double>, 3, D> G, w;

  explicit DplrStepTensors(const DplrSizes& s) : F(s.H, s.N), b(s.H, s.N), G(s.R, s.H, s.N), w(s.R, s.H, s.N) {}
  DplrStepOn<D> views() { return {F.view(), b.view(), G.view(), w.view()}; }
};

template <device D>
void check_dplr_step(const DplrStepTensors<D>& got, const DplrStepTensors<Host>& want, double tolerance) {
  CHECK(complex_error(Place<D>::from(got.F), want.F) <= tolerance);
  CHECK(complex_error(Place<D>::from(got.b), want.b) <= tolerance);
  CHECK(complex_error(Place<D>::from(got.G), want.G) <= tolerance);
  CHECK(complex_error(Place<D>::from(got.w), want.w) <= tolerance);
}

template <class T, device D>
void check_dplr_scan(index_t B, const DplrSizes& s, index_t L) {
  INFO("B " << B << ", R " << s.R << ", H " << s.H << ", N " << s.N << ", L " << L);
  const DplrTensors<Host> host = dplr_case(s);
  const DplrTensors<D> there = placed_dplr<D>(host);
  DplrStepTensors<Host> step(s), dstep(s);
  DplrStepTensors<D> step_there(s), dstep_there(s);
  DplrScan::discretise(step.views(), host.system());
  DplrScan::discretise(step_there.views(), there.system());
  check_dplr_step(step_there, step, 1e-12);

  const Extents<3> inputs{B, s.H, L};
  const Extents<4> states{B, 2, s.N, s.H};
  const auto u = float_draw(inputs, 11), du_start = float_draw(inputs, 12);
  const auto start = float_draw(states, 13), dend = float_draw(states, 14), dstart_start = float_draw(states, 15);
  const auto u_there = Place<D>::to(real_as<T>(u));
  const auto start_there = Place<D>::to(real_as<T>(start)), dend_there = Place<D>::to(real_as<T>(dend));
  for (const bool with_state : {true, false}) {
    Tensor<double, 4> end(states);
    auto end_there = unwritten<T, 4, D>(states);
    const TensorView<const double, 4> none;
    const TensorView<const T, 4, D> none_there;
    impl::dplr_scan_forward<double>(end.view(), u, step.views(), with_state ? start.view() : none);
    impl::dplr_scan_forward<T>(end_there.view(), u_there, step_there.views(),
                               with_state ? start_there.view() : none_there);
    const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-11;
    CHECK(relative_error(Place<D>::from(end_there), end) <= tolerance);
    auto du = du_start.clone();
    auto dstart = dstart_start.clone();
    auto du_there = Place<D>::to(real_as<T>(du_start));
    auto dstart_there = Place<D>::to(real_as<T>(dstart_start));
    impl::dplr_scan_backward<double>(with_state ? du.view() : TensorView<double, 3>(), dstart.view(), dstep.views(),
                                     dend, u, step.views(), with_state ? start.view() : none);
    impl::dplr_scan_backward<T>(with_state ? du_there.view() : TensorView<T, 3, D>(), dstart_there.view(),
                                dstep_there.views(), dend_there, u_there, step_there.views(),
                                with_state ? start_there.view() : none_there);
    CHECK(relative_error(Place<D>::from(du_there), du) <= tolerance);
    CHECK(relative_error(Place<D>::from(dstart_there), dstart) <= tolerance);
    check_dplr_step(dstep_there, dstep, 1e-11);
    DplrTensors<Host> d = dplr_ones(s);
    DplrTensors<D> d_there = placed_dplr<D>(d);
    DplrScan::discretise_backward(d.gradients(), dstep.views(), host.system());
    DplrScan::discretise_backward(d_there.gradients(), dstep_there.views(), there.system());
    check_dplr_gradients(d_there, d, 1e-10);
  }
}

template <class T, device D>
void check_dplr_scans() {
  for (const index_t L : {0, 1, 31, 32, 33, 64, 65, 150}) check_dplr_scan<T, D>(2, {1, 1, 1, 3, 5}, L);
  for (const index_t N : {1, 31, 33, 65, 130}) check_dplr_scan<T, D>(2, {1, 1, 1, 3, N}, 70);
  for (const index_t R : {0, 1, 2, 3, 8}) check_dplr_scan<T, D>(3, {1, R, 1, 2, 6}, 70);
}

template <class T, device D>
void check_dplr_scan_large() {
  check_dplr_scan<T, D>(5, {1, 1, 1, 900, 4}, 130);  // more rows than warps at once
  check_dplr_scan<T, D>(1, {1, 2, 1, 3, 40}, 2000);
}

}  // namespace longwave::test
