#include "longwave/state_space/dplr_table.hpp"

#include "check.hpp"
#include "longwave/state_space/nplr.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// What dplr_table stands for: the kernels of all unit weights, by Cauchy sums and a transform each.
Tensor<double, 3> kernels_of_units(const DplrSystem& system, index_t n, index_t L) {
  const index_t H = system.A.size(0), N = system.A.size(1);
  Tensor<complex<double>, 3> units(2 * N, H, N);
  for (index_t j = 0; j < N; ++j)
    for (index_t h = 0; h < H; ++h) {
      units(2 * j, h, j) = 1;
      units(2 * j + 1, h, j) = {0, 1};
    }
  DplrSystem one = system;
  one.C = units;
  Tensor<double, 4> K(1, 2 * N, H, L);
  Dplr::forward(K.view(), one, n);
  Tensor<double, 3> table(H, 2 * N, L);
  for (index_t h = 0; h < H; ++h)
    for (index_t j = 0; j < 2 * N; ++j)
      for (index_t l = 0; l < L; ++l) table(h, j, l) = K(0, j, h, l);
  return table;
}

struct System {
  Tensor<double, 1> dt;
  Tensor<complex<double>, 2> A;
  Tensor<complex<double>, 3> B, P, C;

  DplrSystem view() const { return {dt, A, B, P, C}; }
};

// A and P of the measure, steps from 0.001 to 0.1 as in a network.
System measured(Measure measure, index_t H, index_t d_state) {
  const Nplr start = nplr(measure, d_state, measure == Measure::legt ? 2 : 1);
  const index_t N = start.A.size(0), R = start.P.size(0);
  System s{Tensor<double, 1>(H), Tensor<complex<double>, 2>(H, N), Tensor<complex<double>, 3>(1, H, N),
           Tensor<complex<double>, 3>(R, H, N), Tensor<complex<double>, 3>(1, H, N)};
  for (index_t h = 0; h < H; ++h) {
    s.dt(h) = 0.001 * std::pow(100.0, H > 1 ? double(h) / double(H - 1) : 0.5);
    for (index_t n = 0; n < N; ++n) {
      s.A(h, n) = start.A(n);
      s.B(0, h, n) = start.B(n);
      for (index_t r = 0; r < R; ++r) s.P(r, h, n) = start.P(r, n);
    }
  }
  return s;
}

}  // namespace

TEST_CASE("dplr_table: the kernels of all unit weights") {
  for (const Measure measure : {Measure::legs, Measure::legt})  // ranks 1 and 2
    for (const index_t d_state : {2, 10, 64}) {
      const System s = measured(measure, 5, d_state);
      for (const auto& [n, L] : {std::pair<index_t, index_t>{1, 1}, {2, 2}, {7, 5}, {16, 16}, {33, 33}, {200, 187}}) {
        INFO("measure " << int(measure) << ", d_state " << d_state << ", n " << n << ", L " << L);
        const Tensor<double, 3> want = kernels_of_units(s.view(), n, L);
        CHECK(relative_error(dplr_table<double>(s.view(), n, L), want) < 1e-9);
        CHECK(relative_error(dplr_table<float>(s.view(), n, L), want) < 2e-7);
      }
    }
}

TEST_CASE("dplr_table: without a correction of low rank it is the diagonal system's") {
  const System full = measured(Measure::legs, 3, 8);
  System s{full.dt.clone(), full.A.clone(), full.B.clone(), Tensor<complex<double>, 3>(0, 3, 4),
           Tensor<complex<double>, 3>(1, 3, 4)};
  const index_t n = 12;
  const Tensor<double, 3> table = dplr_table<double>(s.view(), n, n);
  for (index_t h = 0; h < 3; ++h)
    for (index_t j = 0; j < 4; ++j) {  // A_bar^l (1 - A_bar^n)^-1 B_bar
      const complex<double> half = s.dt(h) / 2 * s.A(h, j), one(1);
      const complex<double> inverse = one / (one - half), a = inverse * (one + half);
      complex<double> power = one;
      for (index_t l = 0; l < n; ++l) power = power * a;
      complex<double> x = inverse * (s.dt(h) * s.B(0, h, j)) / (one - power);
      for (index_t l = 0; l < n; ++l, x = x * a) {
        CHECK(std::abs(table(h, 2 * j, l) - 2 * x.re) < 1e-11 * std::sqrt(norm2(x)));
        CHECK(std::abs(table(h, 2 * j + 1, l) + 2 * x.im) < 1e-11 * std::sqrt(norm2(x)));
      }
    }
}

TEST_CASE("dplr_table: empty tables, and lengths it is not made for") {
  const System s = measured(Measure::legs, 2, 4);
  CHECK(dplr_table<float>(s.view(), 8, 0).count() == 0);
  CHECK(error_text<ValueError>([&] { dplr_table<float>(s.view(), 8, 9); }) ==
        "dplr_table: L is 9, but C~ is for 8 samples");
}
