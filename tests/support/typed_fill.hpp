// typed_fill.hpp - tests of what moves or makes elements, on every device: copy, fill, sums of gradients, the finite
// check, functions of shape on a tape, random numbers. Bits must be those of the host.
#pragma once

#include <cstring>

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/shape.hpp"
#include "typed_ops.hpp"

namespace longwave::test {

// n elements of any type, in bytes from a generator of integers; of floats: every bit pattern that is not a NaN.
template <class U>
Tensor<U, 1> any_elements(index_t n, std::uint64_t seed) {
  Tensor<U, 1> t(n);
  for (index_t i = 0; i < n; ++i) {
    const PhiloxWords words = philox({seed, 0, 0}, static_cast<std::uint64_t>(i));
    if constexpr (std::is_integral_v<U>)
      t(i) = static_cast<U>(words.word[0]);
    else
      t(i) = U(static_cast<float>(words.word[0]));
  }
  return t;
}

template <class U>
bool same_elements(const Tensor<U, 1>& a, const Tensor<U, 1>& b) {
  return a.count() == b.count() && (a.count() == 0 || std::memcmp(a.data(), b.data(), a.bytes()) == 0);
}

// The view of `storage` that a layout stands for: an offset and strides.
template <int N>
struct Layout {
  index_t offset;
  Extents<N> strides;

  template <class U, device D>
  TensorView<U, N, D> of(Tensor<U, 1, D>& storage, const Extents<N>& sizes) const {
    return {storage.data() + offset, sizes, strides};
  }
};

// The same copy on the host and on D leaves the same bits, also where nothing may be written.
template <class U, device D, int N>
void check_copy(const Extents<N>& sizes, const Layout<N>& to, const Layout<N>& from, index_t room) {
  INFO(to_string(sizes) << " to " << to_string(to.strides) << " from " << to_string(from.strides));
  auto a = any_elements<U>(room, 1), b = any_elements<U>(room, 2);
  auto a_there = Place<D>::to(a), b_there = Place<D>::to(b);
  copy(to.of(a, sizes), from.of(b, sizes));
  copy(to.of(a_there, sizes), from.of(b_there, sizes));
  CHECK(same_elements(Place<D>::from(a_there), a));
  detail::fill(to.of(b, sizes), a(0));
  detail::fill(to.of(b_there, sizes), a(0));
  CHECK(same_elements(Place<D>::from(b_there), b));
  detail::fill(from.of(b, sizes), U());
  detail::fill(from.of(b_there, sizes), U());
  CHECK(same_elements(Place<D>::from(b_there), b));
}

template <class U, device D>
void check_copies() {
  for (const index_t n : {0, 1, 3, 4, 31, 997, 4096, 5001})
    for (const index_t offset : {0, 1}) {
      check_copy<U, D>(Extents(n), Layout<1>{offset, Extents(1)}, Layout<1>{0, Extents(1)}, n + 1);
      check_copy<U, D>(Extents(n), Layout<1>{0, Extents(1)}, Layout<1>{n - 1 + (n == 0), Extents(-1)}, n + 1);  // flip
      check_copy<U, D>(Extents(n), Layout<1>{offset, Extents(2)}, Layout<1>{0, Extents(1)}, 2 * n + 1);
    }
  for (const auto& [P, Q] :
       {std::pair<index_t, index_t>{1, 1}, {2, 50}, {4, 4}, {32, 64}, {33, 31}, {100, 7}, {130, 257}}) {
    const Extents<3> sizes(3, P, Q), dense(P * Q, Q, 1), turned(P * Q, 1, P);
    check_copy<U, D>(sizes, Layout<3>{0, dense}, Layout<3>{0, turned}, 3 * P * Q);
    check_copy<U, D>(sizes, Layout<3>{0, turned}, Layout<3>{0, dense}, 3 * P * Q);
    check_copy<U, D>(sizes, Layout<3>{1, dense}, Layout<3>{0, Extents<3>(P * Q + 8, 1, P)}, 3 * P * Q + 24);
    check_copy<U, D>(sizes, Layout<3>{0, dense}, Layout<3>{4, Extents<3>(P * (Q + 8), Q + 8, 1)}, 3 * P * (Q + 8) + 4);
    check_copy<U, D>(sizes, Layout<3>{0, dense}, Layout<3>{Q - 1, Extents<3>(P * Q, Q, -1)}, 3 * P * Q);
    // (C, H) and (H, C) before the dense axis, and the first axis last.
    check_copy<U, D>(Extents(P, 5, Q), Layout<3>{0, Extents(5 * Q, Q, 1)}, Layout<3>{0, Extents(Q, P * Q, 1)},
                     5 * P * Q);
    check_copy<U, D>(Extents(P, 5, Q), Layout<3>{0, Extents(5 * Q, Q, 1)}, Layout<3>{0, Extents(1, P, 5 * P)},
                     5 * P * Q);
  }
}

template <class T, device D>
void check_add_and_finite() {
  for (const index_t n : {1, 5, 997, 4100}) {
    const auto x = random<T>(Extents(2, n), 3), start = random<T>(Extents(n, 2), 4);
    auto sum = start.clone();
    detail::add_to(sum.view().transpose(0, 1), x);
    const auto x_there = Place<D>::to(x);
    auto sum_there = Place<D>::to(start);
    detail::add_to(sum_there.view().transpose(0, 1), x_there);
    CHECK(relative_error(Place<D>::from(sum_there), sum) == 0);
    detail::add_to(sum_there.view().reshape(Extents(2, n)), x_there);
    detail::add_to(sum.view().reshape(Extents(2, n)), x);
    CHECK(relative_error(Place<D>::from(sum_there), sum) == 0);

    for (const double bad : {static_cast<double>(NAN), static_cast<double>(-INFINITY)}) {
      auto y = x.clone();
      y(1, n - 1) = static_cast<T>(bad);
      const auto y_there = Place<D>::to(y);
      CHECK(detail::all_finite(x_there.view()));
      CHECK_FALSE(detail::all_finite(y_there.view()));
      CHECK_FALSE(detail::all_finite(y_there.view().transpose(0, 1)));
      CHECK(detail::all_finite(y_there.view().slice(1, 0, n - 1)));
      CHECK(detail::all_finite(y_there.view()[0]));
    }
  }
}

// Every function of shape, a value used twice, a broadcast operand: gradients have the host's bits.
template <class T, device D>
Tensor<T, 3> shape_gradient(const Tensor<T, 3>& x, const Tensor<T, 3>& seed) {
  const auto x_there = Place<D>::to(x), seed_there = Place<D>::to(seed);
  Tape<T, D> tape;
  tape.set_finite_check(true);
  const auto v = tape.variable(x_there.view());
  const auto turned = transpose(flip(v, 2), 1, 2);                 // (B, L, H)
  const auto late = delay(contiguous(transpose(turned, -1, -2)));  // (B, H, L)
  const auto both = concat(1, late, slice(v, 1, 0, 1), v + v);     // (B, 2 H + 1, L)
  const auto last = select_last_axis(both, -1);                    // (B, 2 H + 1)
  const auto y = both * reshape(contiguous(last), Extents<3>{last.size(0), last.size(1), 1});
  tape.backward(y, TensorView<const T, 3, D>(seed_there.view()));
  Tensor<T, 3, D> dx(x.sizes());
  copy(dx.view(), v.grad());
  return Place<D>::from(dx);
}

template <class T, device D>
void check_shape_functions() {
  for (const index_t L : {1, 5, 64}) {
    const auto x = random<T>(Extents(2, 3, L), 5), seed = random<T>(Extents(2, 7, L), 6);
    const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;  // the gradient of the repeated operand is a sum
    CHECK(relative_error(shape_gradient<T, D>(x, seed), shape_gradient<T, Host>(x, seed)) <= tolerance);
  }
}

template <class T, device D>
void check_random_numbers() {
  for (const index_t n : {0, 1, 2, 3, 4, 5, 997, 4096, 100001}) {
    INFO("n " << n);
    Tensor<T, 1> want(n + 1);
    auto there = Place<D>::to(want);
    Generator gen(7, 3), other(7, 3);
    const auto both = [&](auto draw) {
      draw(gen, want.view().slice(0, 1, n + 1));
      draw(other, there.view().slice(0, 1, n + 1));  // off 16 bytes
      const auto got = Place<D>::from(there);
      return relative_error(got, want);
    };
    CHECK(both([](Generator& g, auto out) { g.uniform(out); }) == 0);
    CHECK(both([](Generator& g, auto out) { g.uniform(out, T(-0.3), T(1.7)); }) == 0);
    CHECK(both([](Generator& g, auto out) { g.bernoulli(out, T(0.3)); }) == 0);
    CHECK(both([](Generator& g, auto out) { g.normal(out, T(2), T(0.1)); }) <= (sizeof(T) == 4 ? 1e-6 : 1e-14));
    CHECK(gen.state().draw == other.state().draw);
    other.uniform(there.view());  // on 16 bytes
    gen.uniform(want.view());
    CHECK(relative_error(Place<D>::from(there), want) == 0);
  }
  Tensor<index_t, 1> order(1000);
  auto order_there = Place<D>::to(order);
  Generator(9).permutation(order.view());
  Generator(9).permutation(order_there.view());
  CHECK(same_elements(Place<D>::from(order_there), order));
  Tensor<T, 2, D> wide(4, 6);
  CHECK(error_text<ShapeError>([&] { Generator(1).uniform(wide.view().slice(1, 0, 3)); }) ==
        "reshape: the view is not contiguous; copy it first");
}

}  // namespace longwave::test
