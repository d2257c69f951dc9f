// typed_mmd.hpp - tests of mmd: bodies over the scalar type and the device. The oracle is the host's op in double.
#pragma once

#include "longwave/autograd/functions/mmd.hpp"
#include "typed_reduce.hpp"

namespace longwave::test {

template <class T, device D>
struct MmdResult {
  double value;
  Tensor<T, 2> dx, dy;
};

template <class T, device D>
MmdResult<T, D> run_mmd(TensorView<const T, 2, D> x, TensorView<const T, 2, D> y, const RbfMixture& kernel,
                        MmdForm form, bool turned = false) {
  auto value = unwritten<T, 0, D>(Extents<0>());
  Result<T, 2, D> dx(x.sizes(), turned), dy(y.sizes(), turned);
  Tensor<T, 0> dvalue{Extents<0>()};
  dvalue() = T(1.5);
  const auto there = Place<D>::to(dvalue);
  ops::Mmd::forward(value.view(), x, y, kernel, form);
  ops::Mmd::backward(dx.view(), dy.view(), there.view(), x, y, kernel, form);
  return {static_cast<double>(Place<D>::from(value)()), dx.back(), dy.back()};
}

template <class T, device D>
void check_mmd(index_t n, index_t m, index_t d, bool turned = false) {
  INFO("n " << n << ", m " << m << ", d " << d << ", turned " << turned);
  const auto x = given<T, D>(Extents<2>(n, d), 31, turned), y = given<T, D>(Extents<2>(m, d), 32, turned, T(1.3));
  // Sums of values up to 1 in float: a few of its last places. Gradients: against the largest of them.
  const double value_tolerance = sizeof(T) == 4 ? 4e-7 : 1e-13, tolerance = sizeof(T) == 4 ? 2e-5 : 1e-12;
  for (const RbfMixture& kernel : {RbfMixture(1.5), RbfMixture({2, 0.5, 1, 3}, {0.2, 0.3, 1, 0.1})})
    for (const MmdForm form : {MmdForm::unbiased, MmdForm::biased}) {
      const auto want = run_mmd<double, Host>(x.wide.view(), y.wide.view(), kernel, form);
      const auto got = run_mmd<T, D>(x.view(), y.view(), kernel, form, turned);
      CHECK(std::abs(got.value - want.value) <= value_tolerance);
      CHECK(relative_error(got.dx, want.dx) <= tolerance);
      CHECK(relative_error(got.dy, want.dy) <= tolerance);
      const auto again = run_mmd<T, D>(x.view(), y.view(), kernel, form, turned);
      CHECK(again.value == got.value);
      CHECK(relative_error(again.dx, got.dx) == 0);
      CHECK(relative_error(again.dy, got.dy) == 0);
    }
}

// Edges of tiles, chunks of coordinates and, from 2500 rows on, several tiles of one block.
template <class T, device D>
void check_mmd_sizes() {
  for (const auto& [n, m] : {std::array<index_t, 2>{2, 2}, {2, 65}, {64, 64}, {63, 129}, {193, 320}})
    for (const index_t d : {1, 2, 3, 4, 5, 8, 9}) check_mmd<T, D>(n, m, d);
  check_mmd<T, D>(70, 80, 0);
  check_mmd<T, D>(131, 67, 37);
  for (const index_t d : {2, 4, 11}) check_mmd<T, D>(97, 131, d, true);
}

// What is far, equal or not a number.
template <class T, device D>
void check_mmd_limits() {
  Tensor<T, 2> x(70, 2), y(66, 2);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = T(1);
  for (index_t i = 0; i < y.count(); ++i) y.data()[i] = T(1);
  const auto value = [&](const RbfMixture& kernel) {
    return run_mmd<T, D>(Place<D>::to(x).view(), Place<D>::to(y).view(), kernel, MmdForm::unbiased);
  };
  CHECK(value(RbfMixture(1.0)).value == Approx(0).margin(1e-15));
  for (index_t i = 0; i < y.count(); ++i) y.data()[i] = T(1e15);  // no pair across counts
  CHECK(value(RbfMixture(1e-3)).value == Approx(2));
  CHECK(value(RbfMixture({1e-3, 2e-3})).value == Approx(2));

  // Near points far from the origin: the same bits as at the origin.
  const auto near = random<T>(Extents<2>(70, 2), 33, T(0.01)), nearer = random<T>(Extents<2>(66, 2), 34, T(0.01));
  const T shift = sizeof(T) == 4 ? T(512) : T(1e6);
  double values[2];
  for (const bool far : {false, true}) {
    for (index_t i = 0; i < x.count(); ++i) x.data()[i] = (near.data()[i] + shift) - (far ? T(0) : shift);
    for (index_t i = 0; i < y.count(); ++i) y.data()[i] = (nearer.data()[i] + shift) - (far ? T(0) : shift);
    values[far] = value(RbfMixture(0.01)).value;
  }
  CHECK(values[0] == values[1]);
  x(69, 1) = T(std::nan(""));
  const auto spoiled = value(RbfMixture(1.0));
  CHECK(std::isnan(spoiled.value));
  CHECK((std::isnan(double(spoiled.dx(0, 0))) && std::isnan(double(spoiled.dy(65, 1)))));
}

// On a tape, as a term of a loss.
template <class T, device D>
void check_mmd_on_tape() {
  const auto x = random<T>(Extents<2>(40, 3), 35), y = random<T>(Extents<2>(50, 3), 36);
  const RbfMixture kernel({0.5, 1, 2});
  auto x_there = Place<D>::to(x), y_there = Place<D>::to(y);
  Tape<T, D> tape;
  const auto leaf = tape.variable(x_there.view());
  const auto loss = mmd(leaf, tape.input(y_there.view()), kernel);
  tape.backward(loss);
  Tape<T, Host> host;
  auto x_here = x.clone(), y_here = y.clone();
  const auto host_leaf = host.variable(x_here.view());
  const auto host_loss = mmd(host_leaf, host.input(y_here.view()), kernel);
  host.backward(host_loss);
  Tensor<T, 2, D> dx(x.sizes());
  copy(dx.view(), TensorView<const T, 2, D>(leaf.grad()));
  CHECK(relative_error(Place<D>::from(dx).view(), host_leaf.grad()) <= (sizeof(T) == 4 ? 2e-5 : 1e-12));
}

template <class T, device D>
void check_mmd_shapes_are_named() {
  const Tensor<T, 2, D> x(3, 2), y(4, 3), one(1, 2);
  Tensor<T, 0, D> value{Extents<0>()};
  CHECK(error_text<ShapeError>([&] { ops::Mmd::forward(value.view(), x, y, RbfMixture(1.0)); }) ==
        "mmd: x and y disagree on d: x is (n=3, d=2), y is (m=4, d=3)");
  CHECK(error_text<ValueError>([&] { ops::Mmd::forward(value.view(), x, one, RbfMixture(1.0)); }) ==
        "mmd: x is (n=3, d=2), y is (m=1, d=2); the unbiased form needs two points of each");
}

}  // namespace longwave::test
