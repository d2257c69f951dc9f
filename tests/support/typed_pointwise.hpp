// typed_pointwise.hpp - tests of the rules of one and two operands, glu, dropout, masks and embeddings on every device,
// against the host's ops in double.
#pragma once

#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/ops/bias_glu.hpp"
#include "longwave/ops/dropout.hpp"
#include "longwave/ops/elementwise.hpp"
#include "longwave/ops/embedding.hpp"
#include "longwave/ops/mask_lengths.hpp"
#include "typed_ops.hpp"

namespace longwave::test {

template <class T, int N>
Tensor<double, N> in_double(const Tensor<T, N>& t) {
  Tensor<double, N> d(t.sizes());
  for (index_t i = 0; i < t.count(); ++i) d.data()[i] = static_cast<double>(t.data()[i]);
  return d;
}

// A few units in the last place of each element; sums of up to 1e4 terms, which are carried in double.
template <class T>
double element_tolerance() {
  return sizeof(T) == 4 ? 2e-6 : 4e-14;
}

template <class U, device E>
TensorView<const U, 1, E> every(const Tensor<U, 1, E>& t, index_t n, index_t step) {
  return {t.data() + 1, Extents(n), Extents(step)};
}

// Dense, off 16 bytes, every second element, and rows with gaps.
template <class T, device D, class Rule>
void check_unary_rule(Rule rule, bool positive) {
  for (const index_t n : {0, 1, 5, 64, 997, 5000})
    for (const index_t step : {1, 2}) {
      INFO(Rule::name << ", n " << n << ", step " << step);
      auto x = random<T>(Extents(n * step + 1), 31, T(2)), dy = random<T>(Extents(n * step + 1), 32);
      if (positive)
        for (index_t i = 0; i < x.count(); ++i) x(i) = std::abs(x(i)) + T(0.01);
      const auto x_wide = in_double(x), dy_wide = in_double(dy);
      const auto part = [&](const auto& t) { return every(t, n, step); };
      Tensor<double, 1> y(n), dx(n);
      ops::Unary<Rule>::forward(y.view(), part(x_wide), rule);
      ops::Unary<Rule>::backward(dx.view(), part(dy_wide), part(x_wide), rule);
      const auto x_there = Place<D>::to(x), dy_there = Place<D>::to(dy);
      auto y_there = unwritten<T, 1, D>(Extents(n)), dx_there = unwritten<T, 1, D>(Extents(n));
      ops::Unary<Rule>::forward(y_there.view(), part(x_there), rule);
      ops::Unary<Rule>::backward(dx_there.view(), part(dy_there), part(x_there), rule);
      CHECK(relative_error(Place<D>::from(y_there), y) <= element_tolerance<T>());
      CHECK(relative_error(Place<D>::from(dx_there), dx) <= element_tolerance<T>());
    }
}

template <class T, device D>
void check_unary_rules() {
  check_unary_rule<T, D>(ScaleRule{2, 1}, false);
  check_unary_rule<T, D>(InverseRule{3}, true);
  check_unary_rule<T, D>(ExpRule(), false);
  check_unary_rule<T, D>(LogRule(), true);
  check_unary_rule<T, D>(SquareRule(), false);
  check_unary_rule<T, D>(SqrtRule(), true);
  check_unary_rule<T, D>(AbsRule(), false);
  check_unary_rule<T, D>(EluRule(), false);
  check_unary_rule<T, D>(LeakyReluRule{0.2}, false);
  check_unary_rule<T, D>(SoftplusRule(), false);
}

// a and b of any sizes that repeat into y's.
template <class T, device D, class Rule>
void check_binary(Rule rule, Extents<3> a_sizes, Extents<3> b_sizes) {
  INFO(Rule::name << " " << to_string(a_sizes) << " " << to_string(b_sizes));
  const auto a = random<T>(a_sizes, 41);
  auto b = random<T>(b_sizes, 42);
  for (index_t i = 0; i < b.count(); ++i) b.data()[i] += b.data()[i] < 0 ? T(-0.5) : T(0.5);
  const Extents<3> sizes = broadcast_sizes("test", a_sizes, b_sizes);
  const auto dy = random<T>(sizes, 43);
  const auto a_wide = in_double(a), b_wide = in_double(b), dy_wide = in_double(dy);
  Tensor<double, 3> y(sizes), da(a_sizes), db(b_sizes);
  ops::Binary<Rule>::forward(y.view(), a_wide, b_wide, rule);
  ops::Binary<Rule>::backward(da.view(), db.view(), dy_wide, a_wide, b_wide, rule);

  const auto a_there = Place<D>::to(a), b_there = Place<D>::to(b), dy_there = Place<D>::to(dy);
  auto y_there = unwritten<T, 3, D>(sizes);
  ops::Binary<Rule>::forward(y_there.view(), a_there, b_there, rule);
  CHECK(relative_error(Place<D>::from(y_there), y) <= element_tolerance<T>());
  for (const int wanted : {1, 2, 3}) {
    auto da_there = unwritten<T, 3, D>(a_sizes), db_there = unwritten<T, 3, D>(b_sizes);
    ops::Binary<Rule>::backward(wanted & 1 ? da_there.view() : TensorView<T, 3, D>(),
                                wanted & 2 ? db_there.view() : TensorView<T, 3, D>(), dy_there, a_there, b_there, rule);
    if (wanted & 1) CHECK(relative_error(Place<D>::from(da_there), da) <= element_tolerance<T>());
    if (wanted & 2) CHECK(relative_error(Place<D>::from(db_there), db) <= element_tolerance<T>());
  }
}

template <class T, device D>
void check_binary_rules() {
  const auto every_rule = [](Extents<3> a, Extents<3> b) {
    check_binary<T, D>(AddRule(), a, b);
    check_binary<T, D>(SubRule(), a, b);
    check_binary<T, D>(MulRule(), a, b);
    check_binary<T, D>(DivRule(), a, b);
    check_binary<T, D>(WeightedSumRule{0.7, -1.5}, a, b);
  };
  for (const index_t L : {1, 7, 64}) {
    every_rule({2, 5, L}, {2, 5, L});
    every_rule({2, 5, L}, {1, 5, 1});
    every_rule({1, 1, L}, {2, 5, L});
    every_rule({2, 5, L}, {1, 1, 1});
    every_rule({2, 1, L}, {1, 5, 1});
  }
  every_rule({3, 17, 300}, {1, 17, 1});
  every_rule({0, 5, 4}, {1, 5, 1});
}

template <class T, device D>
void check_glu() {
  for (const auto& [sizes, axis] : {std::pair{Extents(2, 6, 8), 1},
                                    {Extents(3, 10, 7), -2},
                                    {Extents(2, 3, 14), 2},
                                    {Extents(4, 32, 513), 1},
                                    {Extents(2, 0, 5), 1}}) {
    const auto x = random<T>(sizes, 51);
    const auto dy = random<T>(ops::Glu::output_sizes(sizes, axis), 52);
    const auto x_wide = in_double(x), dy_wide = in_double(dy);
    Tensor<double, 3> y(dy.sizes()), dx(sizes);
    ops::Glu::forward(y.view(), x_wide, axis);
    ops::Glu::backward(dx.view(), dy_wide, x_wide, axis);
    const auto x_there = Place<D>::to(x), dy_there = Place<D>::to(dy);
    auto y_there = unwritten<T, 3, D>(dy.sizes()), dx_there = unwritten<T, 3, D>(sizes);
    ops::Glu::forward(y_there.view(), x_there, axis);
    ops::Glu::backward(dx_there.view(), dy_there, x_there, axis);
    INFO(to_string(sizes));
    CHECK(relative_error(Place<D>::from(y_there), y) <= element_tolerance<T>());
    CHECK(relative_error(Place<D>::from(dx_there), dx) <= element_tolerance<T>());
  }
}

// Dense, or a part of wider tensors (the first half of a product, say).
template <class T, device D>
void check_bias_glu(index_t B, index_t K, index_t L) {
  INFO("B " << B << ", K " << K << ", L " << L);
  const auto z = random<T>(Extents(B, 2 * K, L), 53), dy = random<T>(Extents(B, K, L), 54);
  const auto bias = random<T>(Extents(2 * K), 55), start = random<T>(Extents(2 * K), 56);
  const auto z_wide = in_double(z), dy_wide = in_double(dy);
  const auto bias_wide = in_double(bias);
  Tensor<double, 3> biased(z.sizes()), y(dy.sizes()), dz(z.sizes());
  auto dbias = in_double(start);
  ops::Add::forward(biased.view(), z_wide, bias_wide.view().reshape(Extents<3>(1, 2 * K, 1)));
  ops::Glu::forward(y.view(), biased, 1);
  ops::Glu::backward(dz.view(), dy_wide, biased, 1);
  for (index_t b = 0; b < B; ++b)
    for (index_t k = 0; k < 2 * K; ++k)
      for (index_t l = 0; l < L; ++l) dbias(k) += dz(b, k, l);

  const auto z_there = Place<D>::to(z), dy_there = Place<D>::to(dy);
  const auto bias_there = Place<D>::to(bias);
  const double tolerance = element_tolerance<T>();
  auto y_there = unwritten<T, 3, D>(dy.sizes());
  ops::BiasGlu::forward(y_there.view(), z_there, bias_there);
  CHECK(relative_error(Place<D>::from(y_there), y) <= tolerance);
  auto dz_there = unwritten<T, 3, D>(Extents(B, 2 * K, L + 3));
  auto dbias_there = Place<D>::to(start), alone = Place<D>::to(start);
  ops::BiasGlu::backward(dz_there.view().slice(2, 1, L + 1), dbias_there.view(),
                         TensorView<const T, 3, D>(dy_there.view()), z_there, bias_there);
  const auto back = Place<D>::from(dz_there);
  CHECK(relative_error(back.view().slice(2, 1, L + 1), dz.view()) <= tolerance);
  CHECK(relative_error(Place<D>::from(dbias_there), dbias) <= tolerance);
  ops::BiasGlu::backward({}, alone.view(), TensorView<const T, 3, D>(dy_there.view()), z_there, bias_there);
  CHECK(relative_error(Place<D>::from(alone), dbias) <= tolerance);
  auto dense = unwritten<T, 3, D>(z.sizes());
  ops::BiasGlu::backward(dense.view(), {}, TensorView<const T, 3, D>(dy_there.view()), z_there, bias_there);
  CHECK(relative_error(Place<D>::from(dense), dz) <= tolerance);
  auto again = Place<D>::to(start);  // the same call, the same bits
  ops::BiasGlu::backward(dense.view(), again.view(), TensorView<const T, 3, D>(dy_there.view()), z_there, bias_there);
  auto twice = Place<D>::to(start);
  ops::BiasGlu::backward(dense.view(), twice.view(), TensorView<const T, 3, D>(dy_there.view()), z_there, bias_there);
  CHECK(relative_error(Place<D>::from(twice), Place<D>::from(again)) == 0);
}

template <class T, device D>
void check_bias_glus() {
  for (const index_t L : {1, 3, 4, 64, 997}) check_bias_glu<T, D>(2, 3, L);
  check_bias_glu<T, D>(5, 130, 8);
  check_bias_glu<T, D>(3, 2, 8192);  // several pieces
  check_bias_glu<T, D>(0, 2, 4);
  Tensor<T, 3, D> y(2, 3, 4), z(2, 6, 4);
  const Tensor<T, 1, D> bias(5);
  CHECK(error_text<ShapeError>([&] { ops::BiasGlu::forward(y.view(), z, bias); }) ==
        "bias_glu: bias is (5), expected (6) for z (2, 6, 4)");
  CHECK(error_text<ShapeError>([&] { ops::BiasGlu::forward(z.view(), z, Tensor<T, 1, D>(6)); }) ==
        "bias_glu: y is (2, 6, 4), expected (2, 3, 4) for z (2, 6, 4)");
}

}  // namespace longwave::test
