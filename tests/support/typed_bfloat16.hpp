// typed_bfloat16.hpp - tests of what is stored in bfloat16, over the device: tests/ops/cast_test.cpp and others run
// them on Host, tests/cuda/bfloat16_test.cpp on Cuda.
#pragma once

#include "longwave/autograd/functions/cast.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/reduce.hpp"
#include "typed_ops.hpp"

namespace longwave::test {

// What is left of x after rounding, and the type that it is rounded to.
template <int N>
Tensor<bfloat16, N> in_bfloat16(const Tensor<float, N>& x) {
  Tensor<bfloat16, N> y(x.sizes());
  for (index_t i = 0; i < x.count(); ++i) y.data()[i] = bfloat16(x.data()[i]);
  return y;
}
template <class T, class U, int N>
Tensor<T, N> converted(const Tensor<U, N>& x) {
  Tensor<T, N> y(x.sizes());
  for (index_t i = 0; i < x.count(); ++i) y.data()[i] = T(x.data()[i]);
  return y;
}

// Numbers of equal bits, NaN and NaN: equal.
inline bool same_number(bfloat16 a, bfloat16 b) {
  return a.bits() == b.bits() || (std::isnan(float(a)) && std::isnan(float(b)));
}

// All 65,536 patterns to float and back, and floats between them: the device rounds as the host does.
template <device D>
void check_cast_patterns() {
  Tensor<bfloat16, 1> all(index_t(65536));
  for (index_t i = 0; i < 65536; ++i) all(i) = bfloat16::from_bits(static_cast<std::uint16_t>(i));
  const auto there = Place<D>::to(all);
  auto wide = unwritten<float, 1, D>(all.sizes());
  auto back = unwritten<bfloat16, 1, D>(all.sizes());
  ops::Cast::forward(wide.view(), there.view());
  ops::Cast::backward(back.view(), TensorView<const float, 1, D>(wide.view()));
  const auto got_wide = Place<D>::from(wide);
  const auto got = Place<D>::from(back);
  int wrong = 0;
  for (index_t i = 0; i < 65536; ++i) {
    const float want = all(i);
    wrong += !(got_wide(i) == want || (std::isnan(got_wide(i)) && std::isnan(want))) || !same_number(got(i), all(i));
  }
  CHECK(wrong == 0);

  Tensor<float, 1> between(index_t(5 * 65536));  // ties and their neighbours
  for (std::uint32_t i = 0; i < 65536; ++i) {
    const std::uint32_t low[] = {0x0001, 0x7fff, 0x8000, 0x8001, 0xffff};
    for (std::uint32_t k = 0; k < 5; ++k) between.data()[5 * i + k] = __builtin_bit_cast(float, i << 16 | low[k]);
  }
  auto rounded = unwritten<bfloat16, 1, D>(between.sizes());
  const auto between_there = Place<D>::to(between);
  ops::Cast::forward(rounded.view(), between_there.view());
  const auto got_rounded = Place<D>::from(rounded);
  wrong = 0;
  for (index_t i = 0; i < between.count(); ++i) wrong += !same_number(got_rounded(i), bfloat16(between(i)));
  CHECK(wrong == 0);
}

// Sizes around the kernels' pieces, off 16 bytes, strided, turned round.
template <device D>
void check_cast_views() {
  for (const index_t n : {0, 1, 2, 7, 8, 9, 31, 997, 4096, 8195, 100003}) {
    const auto x = random<float>(Extents(n + 1), 31);
    const auto x_there = Place<D>::to(x);
    for (const index_t first : {0, 1}) {
      auto y = unwritten<bfloat16, 1, D>(Extents(n));
      ops::Cast::forward(y.view(), x_there.view().slice(0, first, n + first));
      const auto got = Place<D>::from(y);
      int wrong = 0;
      for (index_t i = 0; i < n; ++i) wrong += got(i).bits() != bfloat16(x(i + first)).bits();
      INFO("n " << n << ", first " << first);
      CHECK(wrong == 0);
    }
  }
  const auto x = random<float>(Extents(5, 6, 7), 32);
  const auto x_there = Place<D>::to(x);
  auto y = unwritten<bfloat16, 3, D>(Extents(7, 6, 5));
  ops::Cast::forward(y.view().transpose(0, 2), x_there.view());
  const auto got = Place<D>::from(y);
  for (index_t i = 0; i < 5; ++i)
    for (index_t j = 0; j < 6; ++j)
      for (index_t k = 0; k < 7; ++k) CHECK(got(k, j, i).bits() == bfloat16(x(i, j, k)).bits());

  auto wrong_size = unwritten<bfloat16, 1, D>(Extents(3));
  const auto four = Place<D>::to(random<float>(Extents(4)));
  CHECK(error_text<ShapeError>([&] { ops::Cast::forward(wrong_size.view(), four.view()); }) ==
        "cast: y and x differ in shape: y is (3), x is (4)");
}

// Elements of two bytes through fill, copy, add and the look for NaN.
template <device D>
void check_bfloat16_words() {
  const auto x = in_bfloat16(random<float>(Extents(5, 6, 7), 33));
  const auto there = Place<D>::to(x);
  auto same = unwritten<bfloat16, 3, D>(x.sizes()), turned = unwritten<bfloat16, 3, D>(Extents(7, 6, 5));
  copy(same.view(), there.view());
  copy(turned.view().transpose(0, 2), there.view());
  CHECK(detail::all_finite(TensorView<const bfloat16, 3, D>(same.view())));
  auto sum = unwritten<bfloat16, 3, D>(x.sizes());
  CHECK_FALSE(detail::all_finite(TensorView<const bfloat16, 3, D>(sum.view())));
  detail::fill(sum.view(), bfloat16(1.5f));
  detail::fill(sum.view().slice(2, 1, 3), bfloat16(0.5f));
  detail::add_to(sum.view(), there.view());
  const auto got_same = Place<D>::from(same), got_turned = Place<D>::from(turned), got_sum = Place<D>::from(sum);
  for (index_t i = 0; i < 5; ++i)
    for (index_t j = 0; j < 6; ++j)
      for (index_t k = 0; k < 7; ++k) {
        const float start = k == 1 || k == 2 ? 0.5f : 1.5f;
        CHECK(got_same(i, j, k).bits() == x(i, j, k).bits());
        CHECK(got_turned(k, j, i).bits() == x(i, j, k).bits());
        CHECK(got_sum(i, j, k).bits() == bfloat16(start + x(i, j, k)).bits());
      }
}

// y = cast<float>(cast<bfloat16>(x)): x rounded; the gradient is rounded once, in bfloat16, on its way back.
template <device D>
void check_cast_tape() {
  const auto x = random<float>(Extents(3, 5), 34), seed = random<float>(Extents(3, 5), 35);
  const auto x_there = Place<D>::to(x), seed_there = Place<D>::to(seed);
  Tape<float, D> tape;
  const auto in = tape.variable(x_there.view());
  const Var<bfloat16, 2, D> half = cast<bfloat16>(in);
  const Var<float, 2, D> y = cast<float>(half);
  CHECK(cast<float>(y).node() == y.node());
  tape.backward(y, seed_there.view());
  const auto on_host = [](auto view) {
    using T = typename decltype(view)::value_type;
    auto t = Tensor<T, 2, D>::uninitialized(view.sizes());
    copy(t.view(), view);
    return Place<D>::from(t);
  };
  const auto got_y = on_host(y.value());
  const auto got_dx = on_host(in.grad());
  const auto got_dhalf = on_host(half.grad());
  for (index_t i = 0; i < x.count(); ++i) {
    CHECK(got_y.data()[i] == bfloat16(x.data()[i]));
    CHECK(got_dhalf.data()[i].bits() == bfloat16(seed.data()[i]).bits());
    CHECK(got_dx.data()[i] == bfloat16(seed.data()[i]));
  }
}

// Two uses of a value of bfloat16: their gradients are added in bfloat16.
template <device D>
void check_bfloat16_sum_of_gradients() {
  const auto x = in_bfloat16(random<float>(Extents<1>(9), 36));
  const auto seed = random<float>(Extents<1>(9), 37);
  const auto x_there = Place<D>::to(x);
  const auto seed_there = Place<D>::to(seed);
  Tape<float, D> tape;
  tape.set_finite_check(true);
  const Var<bfloat16, 1, D> in = tape.variable(x_there.view());
  const auto y = cast<float>(in) + cast<float>(in);
  tape.backward(y, seed_there.view());
  auto grad = Tensor<bfloat16, 1, D>::uninitialized(x.sizes());
  copy(grad.view(), in.grad());
  const auto got = Place<D>::from(grad);
  for (index_t i = 0; i < x.count(); ++i) CHECK(got(i) == 2 * bfloat16(seed(i)));
}

}  // namespace longwave::test
