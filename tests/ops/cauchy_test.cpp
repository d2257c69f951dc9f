#include <numbers>

#include "check.hpp"
#include "longwave/autograd/functions/cauchy.hpp"
#include "longwave/core/parallel.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

template <class T>
struct Poles {
  Tensor<T, 3> v, w;
  Tensor<T, 2> z;

  // Poles in the left half plane, nodes in the right one and on the axis between: distances of 0.1 to 5.
  Poles(index_t H, index_t N, index_t L)
      : v(random<T>(Extents<3>{H, N, 2}, 1)), w(Extents<3>{H, N, 2}), z(Extents<2>{L, 2}) {
    Generator(2).uniform(w.view(), T(-2), T(2));
    Generator(3).uniform(z.view(), T(0), T(2));
    for (index_t i = 0; i < H * N; ++i) w.data()[2 * i] = T(-0.1) - std::abs(w.data()[2 * i]);
    for (index_t l = 0; l < L; l += 2) z(l, 0) = 0;
    for (index_t l = 0; l < L; l += 3) z(l, 1) = -z(l, 1);
  }
};

std::complex<double> at(const double* pair) { return {pair[0], pair[1]}; }

template <class T>
std::complex<double> pair_at(const Tensor<T, 3>& t, index_t h, index_t n) {
  return {static_cast<double>(t(h, n, 0)), static_cast<double>(t(h, n, 1))};
}

// r (H, L, 2), term by term in std::complex<double>.
template <class T>
Tensor<double, 3> naive(const Poles<T>& p, CauchyTerms terms) {
  Tensor<double, 3> r(p.w.size(0), p.z.size(0), 2);
  for (index_t h = 0; h < r.size(0); ++h)
    for (index_t l = 0; l < r.size(1); ++l) {
      const std::complex<double> z(static_cast<double>(p.z(l, 0)), static_cast<double>(p.z(l, 1)));
      std::complex<double> sum;
      for (index_t n = 0; n < p.w.size(1); ++n) {
        const auto v = pair_at(p.v, h, n), w = pair_at(p.w, h, n);
        sum += v / (z - w);
        if (terms == CauchyTerms::conjugate_pairs) sum += std::conj(v) / (z - std::conj(w));
      }
      r(h, l, 0) = sum.real();
      r(h, l, 1) = sum.imag();
    }
  return r;
}

template <class T>
Tensor<T, 3> on_tape(Poles<T>& p, CauchyTerms terms) {
  Tape<T> tape;
  const auto r = cauchy(tape.input(p.v), tape.input(p.w), tape.input(p.z), terms);
  Tensor<T, 3> copy(r.sizes());
  detail::add_to(copy.view(), r.value());
  return copy;
}

constexpr CauchyTerms both_forms[] = {CauchyTerms::conjugate_pairs, CauchyTerms::given};

}  // namespace

TEMPLATE_TEST_CASE("cauchy: equals the sum of poles at any number of poles and nodes", "", float, double) {
  // 512 nodes are a block; 31 and 997 leave a part of a register.
  for (const CauchyTerms terms : both_forms)
    for (const index_t N : {1, 2, 5, 64})
      for (const index_t L : {1, 2, 31, 511, 512, 513, 997, 1025}) {
        Poles<TestType> p(3, N, L);
        INFO("N " << N << " L " << L << (terms == CauchyTerms::given ? " given" : " pairs"));
        // N terms of a few roundings each, summed in order
        CHECK(relative_error(on_tape(p, terms), naive(p, terms)) < (sizeof(TestType) == 4 ? 2e-6 : 4e-15));
      }
}

TEST_CASE("cauchy: the published example") {
  // [snippet: op_cauchy]
  Tensor<complex<double>, 2> v(1, 1), w(1, 1), r(1, 1);
  Tensor<complex<double>, 1> z(1);
  v(0, 0) = {1, 2};
  w(0, 0) = {-.5, 3};
  z(0) = {0, 1};
  ops::Cauchy::forward(r.view(), v, w, z);
  CHECK(std::abs(r(0, 0).re + 1.28506787) < 1e-8);
  CHECK(std::abs(r(0, 0).im - 0.39819005) < 1e-8);
  // [/snippet]
}

TEST_CASE("cauchy: gradients of weights, poles and nodes agree with finite differences") {
  for (const CauchyTerms terms : both_forms)
    for (const index_t L : {1, 9, 19}) {
      Poles<double> p(2, 3, L);
      const GradCheck check =
          grad_check([&](Tape<double>&, auto v, auto w, auto z) { return cauchy(v, w, z, terms); }, p.v, p.w, p.z);
      INFO("L " << L << ": " << check.text());
      CHECK(check.error < 1e-7);  // differences are good to 1e-9 here, less near a pole
    }
}

TEMPLATE_TEST_CASE("cauchy: gradients over several tiles of channels and nodes equal the sums", "", float, double) {
  // 35 channels are tiles of 3, 4100 nodes two chunks.
  const index_t H = 35, N = 3, L = 4100;
  Poles<TestType> p(H, N, L);
  const auto g = random<TestType>(Extents<3>{H, L, 2}, 7);
  for (const CauchyTerms terms : both_forms) {
    Tensor<double, 3> dv(H, N, 2), dw(H, N, 2);
    Tensor<double, 2> dz(L, 2);
    for (index_t h = 0; h < H; ++h)
      for (index_t l = 0; l < L; ++l)
        for (index_t n = 0; n < N; ++n) {
          const std::complex<double> z(static_cast<double>(p.z(l, 0)), static_cast<double>(p.z(l, 1)));
          const auto v = pair_at(p.v, h, n), w = pair_at(p.w, h, n), c = pair_at(g, h, l);
          const auto P = 1. / (z - w), Q = terms == CauchyTerms::given ? 0. : 1. / (z - std::conj(w));
          const auto at_v = c * std::conj(P) + std::conj(c) * Q;
          const auto at_w = std::conj(v) * (c * std::conj(P * P) + std::conj(c) * Q * Q);
          const auto at_z = -c * std::conj(v * P * P + std::conj(v) * Q * Q);
          for (int part = 0; part < 2; ++part) {
            auto pick = [&](std::complex<double> x) { return part == 0 ? x.real() : x.imag(); };
            dv(h, n, part) += pick(at_v);
            dw(h, n, part) += pick(at_w);
            dz(l, part) += pick(at_z);
          }
        }
    Tape<TestType> tape;
    const auto v = tape.variable(p.v.view()), w = tape.variable(p.w.view());
    const auto z = tape.variable(p.z.view());
    tape.backward(cauchy(v, w, z, terms), g.view());
    const double tolerance = sizeof(TestType) == 4 ? 5e-6 : 1e-14;
    CHECK(relative_error(v.grad(), std::as_const(dv).view()) < tolerance);
    CHECK(relative_error(w.grad(), std::as_const(dw).view()) < tolerance);
    CHECK(relative_error(z.grad(), std::as_const(dz).view()) < tolerance);
  }
}

TEST_CASE("cauchy: unwanted gradients are left out and the others keep their bits") {
  Poles<double> p(5, 4, 600);
  const auto as = [](auto& pairs) {
    return TensorView<complex<double>, 2>(reinterpret_cast<complex<double>*>(pairs.data()),
                                          Extents{pairs.size(0), pairs.size(1)});
  };
  const auto v = as(p.v), w = as(p.w);
  const TensorView<complex<double>, 1> z(reinterpret_cast<complex<double>*>(p.z.data()), Extents<1>{600});
  Tensor<complex<double>, 2> g(5, 600), dv(5, 4), dw(5, 4), dv2(5, 4), dw2(5, 4);
  Tensor<complex<double>, 1> dz(600), dz2(600);
  Generator(4).normal(TensorView<double, 1>(&g.data()->re, Extents<1>{6000}));
  const auto dr = std::as_const(g).view();
  ops::Cauchy::backward(dv, dw, dz, dr, v, w, z);
  ops::Cauchy::backward(dv2, {}, {}, dr, v, w, z);
  ops::Cauchy::backward({}, dw2, {}, dr, v, w, z);
  ops::Cauchy::backward({}, {}, dz2, dr, v, w, z);
  CHECK(std::equal(dv.data(), dv.data() + dv.count(), dv2.data()));
  CHECK(std::equal(dw.data(), dw.data() + dw.count(), dw2.data()));
  CHECK(std::equal(dz.data(), dz.data() + dz.count(), dz2.data()));
}

TEST_CASE("cauchy: the same bits for any number of threads") {
  Poles<double> p(35, 4, 5000);
  const auto g = random<double>(Extents<3>{35, 5000, 2}, 7);
  auto run = [&](int threads) {
    set_num_threads(threads);
    Tape<double> tape;
    const auto v = tape.variable(p.v.view()), w = tape.variable(p.w.view());
    const auto z = tape.variable(p.z.view());
    const auto r = cauchy(v, w, z);
    tape.backward(r, g.view());
    std::vector<double> all;
    auto keep = [&](auto t) { all.insert(all.end(), t.data(), t.data() + t.count()); };
    keep(r.value());
    keep(v.grad());
    keep(w.grad());
    keep(z.grad());
    set_num_threads(0);
    return all;
  };
  const auto one = run(1);
  CHECK(one == run(2));
  CHECK(one == run(5));
}

TEST_CASE("cauchy: a node a millionth from a pole keeps its digits") {
  // The quotient over the common denominator would lose half of them here.
  Tensor<complex<double>, 2> v(1, 1), w(1, 1), r(1, 1);
  Tensor<complex<double>, 1> z(1);
  v(0, 0) = {0.3, -1.7};
  w(0, 0) = {-1e-6, 1000};
  z(0) = {0, 1000};
  ops::Cauchy::forward(r.view(), v, w, z);
  const std::complex<long double> vl(0.3, -1.7), wl(-1e-6, 1000), zl(0, 1000);
  const std::complex<long double> want = vl / (zl - wl) + std::conj(vl) / (zl - std::conj(wl));
  const std::complex<long double> got(r(0, 0).re, r(0, 0).im);
  CHECK(static_cast<double>(std::abs(got - want) / std::abs(want)) < 1e-15);
}

TEST_CASE("cauchy: transform nodes as far as the largest one before Nyquist stay finite in float") {
  // z = 2 (1 - o) / (1 + o) = 2 i tan(pi k / L)
  const index_t L = index_t(1) << 17, nodes = L / 2;
  Poles<float> p(1, 4, nodes);
  for (index_t k = 0; k < nodes; ++k) {
    p.z(k, 0) = 0;
    p.z(k, 1) = static_cast<float>(2 * std::tan(std::numbers::pi * static_cast<double>(k) / static_cast<double>(L)));
  }
  CHECK(relative_error(on_tape(p, CauchyTerms::conjugate_pairs), naive(p, CauchyTerms::conjugate_pairs)) < 2e-6);
}

TEST_CASE("cauchy: strided arguments") {
  const index_t H = 3, N = 4, L = 37;
  Poles<double> p(H, N, L);
  Tensor<complex<double>, 2> v(N, H), w(N, H), r(L, H);
  Tensor<complex<double>, 2> z(L, 2);
  for (index_t n = 0; n < N; ++n)
    for (index_t h = 0; h < H; ++h) {
      v(n, h) = pair_at(p.v, h, n);
      w(n, h) = pair_at(p.w, h, n);
    }
  for (index_t l = 0; l < L; ++l) z(l, 0) = at(&p.z(l, 0));
  ops::Cauchy::forward(r.view().transpose(0, 1), std::as_const(v).view().transpose(0, 1),
                       std::as_const(w).view().transpose(0, 1), std::as_const(z).view().transpose(0, 1)[0]);
  const auto want = naive(p, CauchyTerms::conjugate_pairs);
  double error = 0;
  for (index_t h = 0; h < H; ++h)
    for (index_t l = 0; l < L; ++l)
      error = std::max({error, std::abs(r(l, h).re - want(h, l, 0)), std::abs(r(l, h).im - want(h, l, 1))});
  CHECK(error < 1e-13);
}

TEST_CASE("cauchy: no poles give zero, no nodes and no channels give nothing") {
  for (const Extents<3> size : {Extents<3>{3, 0, 5}, Extents<3>{3, 2, 0}, Extents<3>{0, 2, 5}}) {
    const index_t H = size[0], N = size[1], L = size[2];
    Tensor<complex<double>, 2> v(H, N), w(H, N), dv(H, N), dw(H, N), r(H, L);
    Tensor<complex<double>, 1> z(L), dz(L);
    for (index_t i = 0; i < w.count(); ++i) {
      w.data()[i] = {-1, 1};
      dv.data()[i] = dw.data()[i] = {7, 7};
    }
    for (index_t i = 0; i < r.count(); ++i) r.data()[i] = {7, 7};
    for (index_t i = 0; i < L; ++i) dz(i) = {7, 7};
    ops::Cauchy::forward(r.view(), v, w, z);
    ops::Cauchy::backward(dv, dw, dz, std::as_const(r).view(), v, w, z);
    const complex<double> zero;
    CHECK(std::all_of(r.data(), r.data() + r.count(), [&](auto x) { return x == zero; }));
    CHECK(std::all_of(dv.data(), dv.data() + dv.count(), [&](auto x) { return x == zero; }));
    CHECK(std::all_of(dw.data(), dw.data() + dw.count(), [&](auto x) { return x == zero; }));
    CHECK(std::all_of(dz.data(), dz.data() + dz.count(), [&](auto x) { return x == zero; }));
  }
}

TEST_CASE("cauchy: shape errors name the arguments") {
  Tensor<complex<double>, 2> v(3, 5), w(3, 5), w4(3, 4), r(3, 7), r8(3, 8), dv(3, 4);
  Tensor<complex<double>, 1> z(7), dz(8);
  CHECK(error_text<ShapeError>([&] { ops::Cauchy::forward(r.view(), v, w4, z); }) ==
        "cauchy: v and w differ in shape: v is (H=3, N=5), w is (H=3, N=4)");
  CHECK(error_text<ShapeError>([&] { ops::Cauchy::forward(r8.view(), v, w, z); }) ==
        "cauchy: r is (H=3, L=8), expected (H=3, L=7) from w (H=3, N=5) and z (L=7)");
  const auto dr = std::as_const(r).view();
  CHECK(error_text<ShapeError>([&] { ops::Cauchy::backward(dv, {}, {}, dr, v, w, z); }) ==
        "cauchy: dv is (H=3, N=4), expected (H=3, N=5)");
  CHECK(error_text<ShapeError>([&] { ops::Cauchy::backward({}, {}, dz, dr, v, w, z); }) ==
        "cauchy: dz is (L=8), expected (L=7)");
  Poles<double> p(2, 3, 4);
  Tensor<double, 3> odd(2, 3, 3);
  Tape<double> tape;
  CHECK(error_text<ShapeError>([&] { cauchy(tape.input(p.v), tape.input(odd), tape.input(p.z)); }) ==
        "cauchy: w is (2, 3, 3), expected a last axis of 2 with each (re, im) side by side");
}
