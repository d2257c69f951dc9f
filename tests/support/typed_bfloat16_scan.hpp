// typed_bfloat16_scan.hpp - diagonal layers whose u, y, dy and du are stored in bfloat16, over the device, against the
// recurrence in float64 on the same rounded inputs.
#pragma once

#include "modes.hpp"
#include "typed_bfloat16.hpp"

namespace longwave::test {

struct ScanSizes {
  index_t B, H, N, L;
};

// The largest |got - want| beyond half a unit in the last place of a bfloat16, 2^-8 |want| at most, over the largest
// |want|; infinity for a NaN.
template <int N>
double beyond_rounding(TensorView<const bfloat16, N> got, TensorView<const double, N> want) {
  double error = 0, scale = 1e-30;
  const Extents<N> strides[2] = {got.strides(), want.strides()};
  const detail::RowPlan<N, 2> plan(got.sizes(), strides);
  for (index_t r = 0; got.count() > 0 && r < plan.rows(); ++r) {
    const Row<2> row = plan.row(r);
    for (index_t i = 0; i < row.length; ++i) {
      const double a = static_cast<double>(float(got.data()[row.offset[0] + i * row.step[0]]));
      const double b = want.data()[row.offset[1] + i * row.step[1]];
      if (!(std::abs(a - b) < INFINITY)) return INFINITY;
      error = std::max(error, std::abs(a - b) - 0x1p-8 * std::abs(b));
      scale = std::max(scale, std::abs(b));
    }
  }
  return error / scale;
}
template <int N>
double beyond_rounding(const Tensor<bfloat16, N>& got, const Tensor<double, N>& want) {
  return beyond_rounding(got.view(), want.view());
}

// What is compared beside y and du, which are bfloat16.
struct ScanResults {
  Tensor<bfloat16, 3> y, du;
  Tensor<float, 4> state, dstate;
  Tensor<complex<double>, 2> dx, dc;
  Tensor<float, 1> dskip;
};

struct ScanCase {
  DiagonalCase<float> c;
  Tensor<bfloat16, 3> u, dy;
  Tensor<float, 4> dend;

  ScanCase(ScanSizes s, std::uint64_t seed)
      : c(s.B, s.H, s.N, s.L, seed),
        u(in_bfloat16(c.u)),
        dy(in_bfloat16(random<float>(c.u.sizes(), seed + 8))),
        dend(random<float>(c.state.sizes(), seed + 9)) {}
};

// Both directions; states: a state comes in and goes out. keep: forward keeps for backward what it may.
template <device D>
ScanResults run_scan(const ScanCase& s, bool states, Algorithm algorithm, bool keep = false) {
  const auto u = Place<D>::to(s.u), dy = Place<D>::to(s.dy);
  const auto x = Place<D>::to(s.c.x), c = Place<D>::to(s.c.c);
  const auto skip = Place<D>::to(s.c.skip);
  const auto state = Place<D>::to(s.c.state), dend = Place<D>::to(s.dend);
  auto y = unwritten<bfloat16, 3, D>(s.u.sizes()), du = unwritten<bfloat16, 3, D>(s.u.sizes());
  auto end = unwritten<float, 4, D>(s.dend.sizes()), dstate = unwritten<float, 4, D>(s.dend.sizes());
  Tensor<complex<double>, 2, D> dx(s.c.x.sizes()), dc(s.c.x.sizes());
  Tensor<float, 1, D> dskip(s.c.skip.sizes());
  using State = TensorView<float, 4, D>;
  DiagonalInputs<float, D, bfloat16> in{u, x, c, skip, states ? state.view() : TensorView<const float, 4, D>()};
  Tensor<float, 1, D> kept(Extents<1>{keep && !states ? impl::kept_numbers(in, algorithm) : 0});
  Diagonal::forward(DiagonalOutputs<float, D, bfloat16>{y, states ? end.view() : State(), kept}, in, algorithm);
  in.kept = kept;
  Diagonal::backward(DiagonalGradients<float, D, bfloat16>{du, dx, dc, dskip, states ? dstate.view() : State()},
                     DiagonalCotangents<float, D, bfloat16>{dy, states ? dend.view() : TensorView<const float, 4, D>()},
                     in, algorithm);
  return {Place<D>::from(y),  Place<D>::from(du), Place<D>::from(end),  Place<D>::from(dstate),
          Place<D>::from(dx), Place<D>::from(dc), Place<D>::from(dskip)};
}

// limit: relative error of the form in float, or of TF32 products.
template <device D>
void check_bfloat16_scan(ScanSizes s, bool states, Algorithm algorithm, double limit, bool keep = false) {
  INFO("B " << s.B << ", H " << s.H << ", N " << s.N << ", L " << s.L << ", states " << states << ", form "
            << name_of(algorithm) << ", kept " << keep);
  const ScanCase a(s, 3);
  const ScanResults got = run_scan<D>(a, states, algorithm, keep);

  const auto u = converted<double>(a.u), dy = converted<double>(a.dy);
  const auto skip = converted<double>(a.c.skip);
  const auto state = converted<double>(a.c.state), dend = converted<double>(a.dend);
  const TensorView<const double, 4> none;
  const DiagonalInputs<double> in{u, a.c.x, a.c.c, skip, states ? state.view() : none};
  Tensor<double, 3> y(u.sizes()), du(u.sizes());
  Tensor<double, 4> end(state.sizes()), dstate(state.sizes());
  Tensor<complex<double>, 2> dx(a.c.x.sizes()), dc(a.c.x.sizes());
  Tensor<double, 1> dskip(skip.sizes());
  ops::DiagScan::forward(DiagonalOutputs<double>{y, end}, in);
  ops::DiagScan::backward(DiagonalGradients<double>{du, dx, dc, dskip, dstate},
                          DiagonalCotangents<double>{dy, states ? dend.view() : none}, in);
  CHECK(beyond_rounding(got.y, y) <= limit);
  CHECK(beyond_rounding(got.du, du) <= limit);
  CHECK(relative_error(got.dx, dx) <= 2 * limit);
  CHECK(relative_error(got.dc, dc) <= 2 * limit);
  CHECK(relative_error(got.dskip, dskip) <= 2 * limit);
  if (!states) return;
  CHECK(relative_error(got.state, end) <= limit);
  CHECK(relative_error(got.dstate, dstate) <= limit);
}

// Rows that start anywhere, with gaps, or whose samples lie H apart: the same bits as dense ones.
template <device D>
void check_bfloat16_scan_views(Algorithm algorithm) {
  const index_t B = 3, H = 2, N = 14, L = 300;
  const ScanCase a({B, H, N, L}, 7);
  Tensor<bfloat16, 3> wide(B, 2 * H, L + 1);
  for (index_t b = 0; b < B; ++b)
    for (index_t h = 0; h < H; ++h)
      for (index_t l = 0; l < L; ++l) wide(b, 2 * h, l + 1) = a.u(b, h, l);
  const auto wide_there = Place<D>::to(wide);
  const auto u = Place<D>::to(a.u);
  const TensorView<const bfloat16, 3, D> gaps(wide_there.data() + 1, Extents<3>{B, H, L},
                                              Extents<3>{2 * H * (L + 1), 2 * (L + 1), 1});
  const auto x = Place<D>::to(a.c.x), c = Place<D>::to(a.c.c);
  auto dense = unwritten<bfloat16, 3, D>(a.u.sizes()), turned = unwritten<bfloat16, 3, D>(Extents<3>{B, L, H});
  using Inputs = DiagonalInputs<float, D, bfloat16>;
  using Outputs = DiagonalOutputs<float, D, bfloat16>;
  Diagonal::forward(Outputs{dense, {}}, Inputs{u, x, c, {}, {}}, algorithm);
  Diagonal::forward(Outputs{turned.view().transpose(1, 2), {}}, Inputs{gaps, x, c, {}, {}}, algorithm);
  CHECK(relative_error(Place<D>::from(turned).view().transpose(1, 2), Place<D>::from(dense).view()) == 0);
  Tensor<bfloat16, 3, D> short_y(B, H, L - 1);
  CHECK(error_text<ShapeError>([&] {
          Diagonal::forward(Outputs{short_y, {}}, Inputs{u, x, c, {}, {}}, algorithm);
        }) == "diagonal: y is (B=3, H=2, L=299), expected (B=3, H=2, L=300)");
}

// A gradient that lies backwards in memory, of one sequence that the device cuts into segments.
template <device D>
void check_bfloat16_scan_backwards(Algorithm algorithm) {
  for (const index_t L : {6400, 6401}) {
    const ScanCase a({1, 1, 14, L}, 6);
    Tensor<bfloat16, 3> turned(a.dy.sizes());
    for (index_t l = 0; l < L; ++l) turned(0, 0, L - 1 - l) = a.dy(0, 0, l);
    const auto dy = Place<D>::to(a.dy), turned_there = Place<D>::to(turned), u = Place<D>::to(a.u);
    const TensorView<const bfloat16, 3, D> reversed(turned_there.data() + L - 1, a.dy.sizes(), Extents<3>{L, L, -1});
    const auto x = Place<D>::to(a.c.x), c = Place<D>::to(a.c.c);
    const auto run = [&](TensorView<const bfloat16, 3, D> from) {
      auto du = unwritten<bfloat16, 3, D>(a.u.sizes());
      Tensor<complex<double>, 2, D> dx(a.c.x.sizes());
      Diagonal::backward(DiagonalGradients<float, D, bfloat16>{du, dx, {}, {}, {}},
                         DiagonalCotangents<float, D, bfloat16>{from, {}},
                         DiagonalInputs<float, D, bfloat16>{u, x, c, {}, {}}, algorithm);
      return std::pair(Place<D>::from(du), Place<D>::from(dx));
    };
    const auto want = run(dy.view()), got = run(reversed);
    CHECK(relative_error(got.first, want.first) <= 0x1p-8);  // a unit in the last place, where another kernel runs
    CHECK(relative_error(got.second, want.second) <= 1e-5);
  }
}

// dx alone has the bits that it has beside the others, and a second run has those of the first.
template <device D>
void check_bfloat16_scan_repeats(Algorithm algorithm) {
  const ScanCase a({20, 9, 30, 1000}, 8);
  const ScanResults one = run_scan<D>(a, false, algorithm), two = run_scan<D>(a, false, algorithm);
  CHECK(relative_error(one.y, two.y) == 0);
  CHECK(relative_error(one.du, two.du) == 0);
  CHECK(relative_error(one.dx, two.dx) == 0);
  CHECK(relative_error(one.dc, two.dc) == 0);
  CHECK(relative_error(one.dskip, two.dskip) == 0);
  const auto u = Place<D>::to(a.u), dy = Place<D>::to(a.dy);
  const auto x = Place<D>::to(a.c.x), c = Place<D>::to(a.c.c);
  const auto skip = Place<D>::to(a.c.skip);
  Tensor<complex<double>, 2, D> dx(a.c.x.sizes());
  Diagonal::backward(DiagonalGradients<float, D, bfloat16>{{}, dx, {}, {}, {}},
                     DiagonalCotangents<float, D, bfloat16>{dy, {}},
                     DiagonalInputs<float, D, bfloat16>{u, x, c, skip, {}}, algorithm);
  CHECK(relative_error(Place<D>::from(dx), one.dx) == 0);
}

}  // namespace longwave::test
