// typed_pool.hpp - tests of pools, readouts, weight_norm and counts of predictions: bodies over the scalar type and the
// device. The oracle is the host's op in double on the same numbers.
#pragma once

#include "longwave/metrics/classification.hpp"
#include "longwave/ops/pool.hpp"
#include "longwave/ops/readout.hpp"
#include "longwave/ops/weight_norm.hpp"
#include "typed_reduce.hpp"

namespace longwave::test {

template <class T, device D, class Op>
void check_pool(Op, Extents<3> sizes, index_t factor, bool turned) {
  INFO(to_string(sizes) << " by " << factor << (turned ? " turned" : ""));
  const Extents<3> out = Op::sizes(sizes, factor);
  const auto x = given<T, D>(sizes, 61, turned), dy = given<T, D>(out, 62, turned);
  Tensor<double, 3> want(out), want_dx(sizes);
  Result<T, 3, D> y(out, turned), dx(sizes, turned);
  Op::forward(want.view(), x.wide, factor);
  Op::backward(want_dx.view(), dy.wide, factor);
  Op::forward(y.view(), x.view(), factor);
  Op::backward(dx.view(), dy.view(), factor);
  CHECK(error_of(y, want) <= sum_tolerance<T>());
  CHECK(error_of(dx, want_dx) <= sum_tolerance<T>());
}

template <class T, device D>
void check_pools() {
  for (const bool turned : {false, true})
    for (const index_t factor : {1, 2, 3, 7})
      for (const Extents<3> sizes : {Extents(1, 21, 1), Extents(2, 42, 5), Extents(0, 42, 3), Extents(3, 42, 1009)}) {
        check_pool<T, D>(ops::AvgPool(), sizes, factor, turned);
        check_pool<T, D>(ops::RepeatTime(), sizes, factor, turned);
        check_pool<T, D>(ops::RepeatChannels(), sizes, factor, turned);
        if (sizes[1] % factor == 0) check_pool<T, D>(ops::MeanChannels(), sizes, factor, turned);
      }
}

template <class T, device D>
void check_readout(Extents<3> sizes, index_t M, bool with_lengths, bool turned) {
  const Extents<3> out(sizes[0], sizes[1], M);
  const auto x = given<T, D>(sizes, 63, turned), dy = given<T, D>(out, 64, turned);
  Tensor<index_t, 1> n(sizes[0]);
  for (index_t b = 0; b < n.count(); ++b) n(b) = M + (sizes[2] - M) * b / std::max<index_t>(1, sizes[0] - 1);
  const auto n_there = Place<D>::to(n);
  const auto wide_lengths = with_lengths ? TensorView<const index_t, 1>(n) : TensorView<const index_t, 1>();
  const auto lengths = with_lengths ? TensorView<const index_t, 1, D>(n_there) : TensorView<const index_t, 1, D>();
  for (const auto mode : {ReadoutMode::last, ReadoutMode::first, ReadoutMode::sum, ReadoutMode::mean}) {
    INFO(to_string(sizes) << " M " << M << " mode " << static_cast<int>(mode) << (turned ? " turned" : ""));
    Tensor<double, 3> want(out), want_dx(sizes);
    Result<T, 3, D> y(out, turned), dx(sizes, turned);
    ops::Readout::forward(want.view(), x.wide, wide_lengths, mode);
    ops::Readout::backward(want_dx.view(), dy.wide, wide_lengths, mode);
    ops::Readout::forward(y.view(), x.view(), lengths, mode);
    ops::Readout::backward(dx.view(), dy.view(), lengths, mode);
    CHECK(error_of(y, want) <= sum_tolerance<T>());
    CHECK(error_of(dx, want_dx) <= sum_tolerance<T>());
  }
}

template <class T, device D>
void check_readouts() {
  for (const bool turned : {false, true})
    for (const bool lengths : {false, true}) {
      for (const index_t M : {0, 1, 31, 33, 100}) check_readout<T, D>(Extents(3, 7, 100), M, lengths, turned);
      for (const index_t L : {1, 32, 1009}) check_readout<T, D>(Extents(5, 3, L), 1, lengths, turned);
      check_readout<T, D>(Extents(2, 3, 1009), 1009, lengths, turned);
      check_readout<T, D>(Extents(0, 3, 10), 4, lengths, turned);
    }
}

template <class T, device D>
void check_weight_norm(Extents<2> sizes, bool turned) {
  INFO(to_string(sizes) << (turned ? " turned" : ""));
  const auto v = given<T, D>(sizes, 65, turned), dW = given<T, D>(sizes, 66);
  const auto g = given<T, D>(Extents<1>{sizes[0]}, 67);
  Tensor<double, 2> want(sizes), want_dv = dW.wide.clone();
  Tensor<double, 1> want_dg = g.wide.clone();
  Result<T, 2, D> W(sizes, turned), dv(Place<D>::from(dW.there));
  Result<T, 1, D> dg(Place<D>::from(g.there));
  ops::WeightNorm::forward(want.view(), g.wide, v.wide);
  ops::WeightNorm::backward(want_dg.view(), want_dv.view(), dW.wide.view(), g.wide, v.wide);
  ops::WeightNorm::forward(W.view(), g.view(), v.view());
  ops::WeightNorm::backward(dg.view(), dv.view(), dW.view(), g.view(), v.view());
  CHECK(error_of(W, want) <= sum_tolerance<T>());
  CHECK(error_of(dv, want_dv) <= 4 * sum_tolerance<T>());
  CHECK(error_of(dg, want_dg) <= 4 * sum_tolerance<T>());
}

template <class T, device D>
void check_weight_norms() {
  for (const bool turned : {false, true})
    for (const Extents<2> sizes : {Extents(1, 1), Extents(0, 5), Extents(5, 31), Extents(70, 1009)})
      check_weight_norm<T, D>(sizes, turned);
}

template <class T, device D>
void check_accuracy() {
  const auto logits = given<T, D>(Extents(101, 7), 68);
  Tensor<index_t, 1> y(101);
  for (index_t b = 0; b < 101; ++b) y(b) = 3 * b % 7;
  const auto y_there = Place<D>::to(y);
  ConfusionMatrix m(7);
  m.add(logits.view(), TensorView<const index_t, 1, D>(y_there));
  CHECK(m.total() == 101);
  CHECK(m.accuracy() == accuracy(logits.wide.view(), y.view()));
  CHECK(accuracy(logits.view(), y_there.view()) == m.accuracy());
}

}  // namespace longwave::test
