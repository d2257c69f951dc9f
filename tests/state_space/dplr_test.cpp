#include "longwave/state_space/dplr.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Random systems whose A is dissipative, and their kernels by dense matrices over both modes of each pair.
struct System {
  index_t M, R, C, H, N;
  Tensor<double, 1> dt;
  Tensor<complex<double>, 2> A;
  Tensor<complex<double>, 3> B, P, Ct;

  System(index_t m, index_t r, index_t c, index_t h, index_t n, std::uint64_t seed = 1)
      : M(m), R(r), C(c), H(h), N(n), dt(h), A(h, n), B(m, h, n), P(r, h, n), Ct(c, h, n) {
    Generator gen(seed);
    auto draw = [&](auto& z) {
      for (index_t i = 0; i < z.count(); ++i) gen.normal(TensorView<double, 1>(&z.data()[i].re, Extents<1>{2}));
    };
    draw(A);
    draw(B);
    draw(P);
    draw(Ct);
    gen.uniform(dt.view(), 0.05, 0.3);
    for (index_t i = 0; i < A.count(); ++i) A.data()[i] = {-0.1 - std::abs(A.data()[i].re), 5 * A.data()[i].im};
  }
  DplrSystem views() const { return {dt, A, B, P, Ct}; }

  // Row-major (2N, 2N) A_bar and (2N) B_bar of input m, over [modes, conjugates].
  std::vector<std::complex<double>> a_bar(index_t h) const {
    const index_t n = 2 * N;
    std::vector<std::complex<double>> plus = resolvent(h, +1), inverse = invert(resolvent(h, -1)), out(plus.size());
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < n; ++j)
        for (index_t k = 0; k < n; ++k) out[i * n + j] += inverse[i * n + k] * plus[k * n + j];
    return out;
  }
  std::vector<std::complex<double>> b_bar(index_t m, index_t h) const {
    const index_t n = 2 * N;
    const auto inverse = invert(resolvent(h, -1));
    std::vector<std::complex<double>> out(n);
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < n; ++j) out[i] += inverse[i * n + j] * dt(h) * both(B.view()[m][h], j);
    return out;
  }
  std::complex<double> both(TensorView<const complex<double>, 1> z, index_t j) const {
    const std::complex<double> v = z(j % N);
    return j < N ? v : std::conj(v);
  }
  // I + sign dt/2 A
  std::vector<std::complex<double>> resolvent(index_t h, double sign) const {
    const index_t n = 2 * N;
    std::vector<std::complex<double>> a(n * n);
    for (index_t i = 0; i < n; ++i)
      for (index_t j = 0; j < n; ++j) {
        std::complex<double> sum = i == j ? both(A.view()[h], i) : 0;
        for (index_t r = 0; r < R; ++r) sum -= both(P.view()[r][h], i) * std::conj(both(P.view()[r][h], j));
        a[i * n + j] = (i == j ? 1.0 : 0.0) + sign * dt(h) / 2 * sum;
      }
    return a;
  }
  static std::vector<std::complex<double>> invert(std::vector<std::complex<double>> a) {
    const auto n = static_cast<index_t>(std::llround(std::sqrt(static_cast<double>(a.size()))));
    std::vector<std::complex<double>> b(a.size());
    for (index_t i = 0; i < n; ++i) b[i * n + i] = 1;
    for (index_t i = 0; i < n; ++i) {
      index_t pivot = i;
      for (index_t r = i; r < n; ++r)
        if (std::abs(a[r * n + i]) > std::abs(a[pivot * n + i])) pivot = r;
      for (index_t c = 0; c < n; ++c) {
        std::swap(a[i * n + c], a[pivot * n + c]);
        std::swap(b[i * n + c], b[pivot * n + c]);
      }
      const std::complex<double> scale = 1.0 / a[i * n + i];
      for (index_t c = 0; c < n; ++c) {
        a[i * n + c] *= scale;
        b[i * n + c] *= scale;
      }
      for (index_t r = 0; r < n; ++r) {
        if (r == i) continue;
        const std::complex<double> f = a[r * n + i];
        for (index_t c = 0; c < n; ++c) {
          a[r * n + c] -= f * a[i * n + c];
          b[r * n + c] -= f * b[i * n + c];
        }
      }
    }
    return b;
  }
};

// K~_l = 2 Re sum over all l' = l mod n of C A_bar^l' B_bar with C = C~ (I - A_bar^n)^-1: the first n samples of the
// kernel with C, by dense algebra.
Tensor<double, 4> dense_kernel(const System& s, index_t L, index_t nodes) {
  Tensor<double, 4> K(s.M, s.C, s.H, L);
  const index_t n = 2 * s.N;
  for (index_t h = 0; h < s.H; ++h) {
    const auto a = s.a_bar(h);
    std::vector<std::complex<double>> power(n * n);
    for (index_t i = 0; i < n; ++i) power[i * n + i] = 1;
    for (index_t t = 0; t < nodes; ++t) {
      std::vector<std::complex<double>> next(n * n);
      for (index_t i = 0; i < n; ++i)
        for (index_t j = 0; j < n; ++j)
          for (index_t k = 0; k < n; ++k) next[i * n + j] += power[i * n + k] * a[k * n + j];
      power = next;
    }
    for (index_t i = 0; i < n * n; ++i) power[i] = (i % (n + 1) == 0 ? 1.0 : 0.0) - power[i];
    const auto undo = System::invert(power);
    for (index_t m = 0; m < s.M; ++m) {
      std::vector<std::complex<double>> x = s.b_bar(m, h);
      for (index_t l = 0; l < L; ++l) {
        for (index_t c = 0; c < s.C; ++c) {
          std::complex<double> y = 0;
          for (index_t i = 0; i < n; ++i)
            for (index_t j = 0; j < n; ++j) y += s.both(s.Ct.view()[c][h], i) * undo[i * n + j] * x[j];
          K(m, c, h, l) = y.real();
        }
        std::vector<std::complex<double>> next(n);
        for (index_t i = 0; i < n; ++i)
          for (index_t j = 0; j < n; ++j) next[i] += a[i * n + j] * x[j];
        x = next;
      }
    }
  }
  return K;
}

}  // namespace

TEST_CASE("dplr: the kernel of any rank, length, number of inputs and outputs equals the dense one") {
  for (const index_t R : {0, 1, 2, 3})
    for (const index_t n : {1, 2, 7, 16, 33}) {
      const System s(2, R, 3, 2, 3, 1 + static_cast<std::uint64_t>(R));
      const index_t L = std::max<index_t>(1, n - 2);
      Tensor<double, 4> K(2, 3, 2, L);
      Dplr::forward(K.view(), s.views(), n);
      INFO("rank " << R << ", n " << n);
      CHECK(relative_error(K, dense_kernel(s, L, n)) < 1e-12);
      Tensor<float, 4> f(2, 3, 2, L);
      Dplr::forward(f.view(), s.views(), n);
      CHECK(relative_error(f, K) < 1e-6);
    }
}

TEST_CASE("dplr: gradients of every vector and of dt agree with finite differences") {
  for (const index_t R : {0, 1, 2, 3})
    for (const index_t n : {1, 2, 9, 20}) {
      System s(2, R, 2, 2, 3, 7);
      const index_t L = n > 5 ? n - 3 : n;
      const auto g = random<double>(Extents<4>{2, 2, 2, L}, 9);
      auto loss = [&] {
        Tensor<double, 4> K(2, 2, 2, L);
        Dplr::forward(K.view(), s.views(), n);
        double sum = 0;
        for (index_t i = 0; i < K.count(); ++i) sum += K.data()[i] * g.data()[i];
        return sum;
      };
      System d(2, R, 2, 2, 3);
      for (auto* t : {&d.B, &d.P, &d.Ct}) t->zero();
      d.A.zero();
      d.dt.zero();
      Dplr::backward(DplrGradients{d.dt, d.A, d.B, d.P, d.Ct}, g.view(), s.views(), n);
      auto check = [&](double* x, double got) {
        const double at = *x, step = 1e-5 * std::max(1.0, std::abs(at));
        *x = at + step;
        const double up = loss();
        *x = at - step;
        const double down = loss();
        *x = at;
        const double want = (up - down) / (2 * step);
        INFO("rank " << R << ", n " << n);
        CHECK(std::abs(got - want) < 1e-6 * std::max(1.0, std::abs(want)));
      };
      for (index_t h = 0; h < 2; ++h) check(s.dt.data() + h, d.dt(h));
      auto check_all = [&](auto& x, auto& dx) {
        for (index_t i = 0; i < x.count(); ++i) {
          check(&x.data()[i].re, dx.data()[i].re);
          check(&x.data()[i].im, dx.data()[i].im);
        }
      };
      check_all(s.A, d.A);
      check_all(s.B, d.B);
      check_all(s.P, d.P);
      check_all(s.Ct, d.Ct);
    }
}
