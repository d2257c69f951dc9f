// typed_dropout.hpp - tests of dropout, its fused forms, masks and embeddings on every device, against the host.
#pragma once

#include "typed_pointwise.hpp"

namespace longwave::test {

// Views of `sizes` in a storage: dense, with axes turned, or rows with gaps.
template <class View>
View laid_out(View storage, int how) {
  if (how == 1) return storage.transpose(0, 2);
  if (how == 2) return storage.slice(2, 1, storage.size(2) - 2);
  return storage;
}
inline Extents<3> storage_of(const Extents<3>& s, int how) {
  if (how == 1) return {s[2], s[1], s[0]};
  return {s[0], s[1], how == 2 ? s[2] + 3 : s[2]};
}

// The host's numbers, whatever the layout on D. Alone: the same bits.
template <class T, device D>
void check_dropout(const Extents<3>& sizes, double p, bool tied, int how) {
  INFO(to_string(sizes) << " p " << p << (tied ? " tied" : "") << ", layout " << how);
  const PhiloxKey key{77, 5, 6};
  const auto x = random<T>(storage_of(sizes, how), 61), dy = random<T>(storage_of(sizes, how), 62);
  const auto x_there = Place<D>::to(x), dy_there = Place<D>::to(dy);
  const auto at = [how](const auto& t) { return laid_out(t.view(), how); };
  const auto compare = [&](double tolerance, auto op) {
    Tensor<T, 3> want(sizes);
    op(want.view(), at(x), at(dy));
    auto got = unwritten<T, 3, D>(storage_of(sizes, how));
    op(laid_out(got.view(), how), at(x_there), at(dy_there));
    const auto back = Place<D>::from(got);
    CHECK(relative_error(at(back), TensorView<const T, 3>(want.view())) <= tolerance);
  };
  const double tolerance = sizeof(T) == 4 ? 3e-6 : 3e-14;  // of one element, where the slope is small
  const WeightedSumRule weights{0.5, -2};
  compare(0, [&](auto y, auto u, auto) { ops::Dropout::forward(y, u, key, p, tied); });
  compare(0, [&](auto dx, auto, auto dv) { ops::Dropout::backward(dx, dv, key, p, tied); });
  compare(tolerance, [&](auto y, auto u, auto) { ops::DropoutAfter<GeluRule>::forward(y, u, key, p, tied); });
  compare(tolerance, [&](auto dx, auto u, auto dv) { ops::DropoutAfter<GeluRule>::backward(dx, dv, u, key, p, tied); });
  compare(tolerance, [&](auto z, auto u, auto v) { ops::DropoutSum::forward(z, u, v, weights, key, p, tied); });
  compare(tolerance, [&](auto dx, auto, auto dz) { ops::DropoutSum::backward(dx, {}, dz, weights, key, p, tied); });
  compare(tolerance, [&](auto d, auto, auto dz) { ops::DropoutSum::backward({}, d, dz, weights, key, p, tied); });
  auto dx = unwritten<T, 3, D>(sizes), dv = unwritten<T, 3, D>(sizes);
  ops::DropoutSum::backward(dx.view(), dv.view(), at(dy_there), weights, key, p, tied);
  Tensor<T, 3> want_x(sizes), want_v(sizes);
  ops::DropoutSum::backward(want_x.view(), want_v.view(), at(dy), weights, key, p, tied);
  CHECK(relative_error(Place<D>::from(dx), want_x) <= tolerance);
  CHECK(relative_error(Place<D>::from(dv), want_v) <= tolerance);
}

template <class T, device D>
void check_dropouts() {
  for (const auto& sizes :
       {Extents(1, 1, 1), Extents(2, 3, 5), Extents(3, 7, 64), Extents(70, 3, 4), Extents(2, 2, 997), Extents(2, 0, 3)})
    for (const double p : {0.0, 0.25})
      for (const bool tied : {false, true})
        for (const int how : {0, 1, 2}) check_dropout<T, D>(sizes, p, tied, how);
  check_dropout<T, D>(Extents(3, 90, 1000), 0.1, false, 0);
  check_dropout<T, D>(Extents(3, 90, 1000), 0.1, true, 0);
}

// On a tape the fused functions are the functions one after the other.
template <class T, device D>
void check_fused_on_tape() {
  const auto x = random<T>(Extents(2, 5, 12), 63), u = random<T>(Extents(2, 5, 12), 64);
  const auto seed = Place<D>::to(random<T>(Extents(2, 5, 12), 65));
  const auto x_there = Place<D>::to(x), u_there = Place<D>::to(u);
  const auto gradients = [&](bool fused, bool training) {
    Tape<T, D> tape;
    Generator gen(8);
    if (training) tape.train(gen);
    const auto a = tape.variable(x_there.view()), b = tape.variable(u_there.view());
    const auto g = fused ? dropout_after(b, GeluRule(), 0.3, true) : dropout(gelu(b), 0.3, true);
    const auto y = fused ? dropout_sum(a, g, {1, 2}, 0.4) : binary(a, dropout(g, 0.4), WeightedSumRule{1, 2});
    tape.backward(y, TensorView<const T, 3, D>(seed.view()));
    Tensor<T, 3, D> all(3, 10, 12);
    copy(all.view()[0], y.value().reshape(Extents(10, 12)));
    copy(all.view()[1], a.grad().reshape(Extents(10, 12)));
    copy(all.view()[2], b.grad().reshape(Extents(10, 12)));
    return Place<D>::from(all);
  };
  for (const bool training : {false, true})
    CHECK(relative_error(gradients(true, training), gradients(false, training)) <= (sizeof(T) == 4 ? 1e-6 : 1e-14));
}

template <class T, device D>
void check_masks() {
  for (const index_t L : {1, 7, 64})
    for (const int how : {0, 2}) {
      const Extents<3> sizes(4, 3, L), room = storage_of(sizes, how);
      const auto x = random<T>(room, 66);
      Tensor<index_t, 1> lengths(4);
      lengths(0) = L, lengths(1) = L / 2, lengths(3) = std::min<index_t>(L, 1);
      Tensor<T, 3> want(sizes);
      ops::MaskLengths::forward(want.view(), laid_out(x.view(), how), lengths);
      const auto x_there = Place<D>::to(x);
      const auto lengths_there = Place<D>::to(lengths);
      auto got = unwritten<T, 3, D>(room);
      ops::MaskLengths::forward(laid_out(got.view(), how), laid_out(x_there.view(), how), lengths_there);
      const auto back = Place<D>::from(got);
      CHECK(relative_error(laid_out(back.view(), how), TensorView<const T, 3>(want.view())) == 0);
    }
  Tensor<T, 3, D> y(2, 3, 4);
  CHECK(error_text<ShapeError>([&] { ops::MaskLengths::forward(y.view(), y, Tensor<index_t, 1, D>(3)); }) ==
        "mask_lengths: lengths is (B=3), expected (B=2)");
}

// Rows of every frequency: all positions the same, few rows, many; the table's gradient against the host's in double.
template <class T, device D, class I>
void check_embedding(index_t A, index_t P, index_t V, index_t E, bool one_row) {
  INFO("index (" << A << ", " << P << "), table (" << V << ", " << E << ")" << (one_row ? ", one row" : ""));
  Tensor<I, 2> index(A, P);
  Tensor<float, 2> drawn(A, P);
  Generator(67).uniform(drawn.view());
  for (index_t i = 0; i < index.count(); ++i)
    index.data()[i] = static_cast<I>(
        one_row ? V / 2 : static_cast<index_t>(drawn.data()[i] * drawn.data()[i] * static_cast<float>(V)));
  const auto table = random<T>(Extents(V, E), 68), start = random<T>(Extents(V, E), 69);
  const auto dy = random<T>(Extents(A, P, E), 70);
  Tensor<T, 3> y(A, P, E);
  ops::Embedding::forward(y.view(), table, index.view());
  auto want = in_double(start);
  const auto dy_wide = in_double(dy);
  ops::Embedding::backward(want.view(), dy_wide.view(), index.view());

  const auto index_there = Place<D>::to(index);
  const auto table_there = Place<D>::to(table);
  const auto dy_there = Place<D>::to(dy);
  auto y_there = unwritten<T, 3, D>(y.sizes());
  ops::Embedding::forward(y_there.view(), table_there, index_there.view());
  CHECK(relative_error(Place<D>::from(y_there), y) == 0);
  auto got = Place<D>::to(start), again = Place<D>::to(start);
  ops::Embedding::backward(got.view(), TensorView<const T, 3, D>(dy_there.view()), index_there.view());
  ops::Embedding::backward(again.view(), TensorView<const T, 3, D>(dy_there.view()), index_there.view());
  const double tolerance = std::is_same_v<D, Host> ? 1e-5 : 1e-6;  // the host adds in T
  CHECK(relative_error(Place<D>::from(got), want) <= (sizeof(T) == 4 ? tolerance : 1e-13));
  CHECK(relative_error(Place<D>::from(again), Place<D>::from(got)) == 0);
  if (A != 1) return;
  auto rank_1 = Place<D>::to(start);  // the same through an index of one axis
  ops::Embedding::backward(rank_1.view(), TensorView<const T, 2, D>(dy_there.view()[0]), index_there.view()[0]);
  CHECK(relative_error(Place<D>::from(rank_1), Place<D>::from(got)) == 0);
}

template <class T, device D>
void check_embeddings() {
  for (const index_t E : {1, 6, 64, 130}) {
    check_embedding<T, D, std::int64_t>(1, 1, 1, E, false);
    check_embedding<T, D, std::int64_t>(3, 37, 5, E, false);
    check_embedding<T, D, std::int32_t>(1, 1000, 7, E, false);
    check_embedding<T, D, std::int32_t>(2, 500, 7, E, true);
    check_embedding<T, D, std::int64_t>(2, 300, 5000, E, false);
    check_embedding<T, D, std::int64_t>(2, 0, 3, E, false);
  }
  check_embedding<T, D, std::int64_t>(1, 70001, 3, 2, false);  // pieces of more than 32 positions
  check_embedding<T, D, std::int64_t>(1, 70001, 3, 2, true);
}

}  // namespace longwave::test
