// dataset.hpp - labelled sequences in memory: x (n, C, L), y (n), one class number per sequence.
#pragma once

#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/core/tensor.hpp"

namespace longwave {

template <class T = float>
struct Dataset {
  std::string name;      // appears in errors
  Tensor<T, 3> x;        // (n, C, L)
  Tensor<index_t, 1> y;  // (n)
  index_t classes = 0;   // labels are 0 .. classes-1

  index_t size() const { return x.size(0); }
  index_t channels() const { return x.size(1); }
  index_t length() const { return x.size(2); }
};

// Throws with the place of the first number that is not finite.
template <class T, int N>
void check_finite(const std::string& name, TensorView<const T, N> view) {
  const TensorView<const T, 1> flat = view.flat();
  for (index_t i = 0; i < flat.size(0); ++i) {
    if (std::isfinite(flat(i))) continue;
    std::string place;
    index_t rest = i;
    for (int axis = N - 1; axis >= 0; --axis) {
      place = std::to_string(rest % view.size(axis)) + (place.empty() ? "" : ", ") + place;
      rest /= view.size(axis);
    }
    throw_value_error(name + ": the value at (" + place + ") is " + std::to_string(flat(i)) +
                      "; remove or replace what is not finite");
  }
}

// Sizes agree, every number is finite, every label is a class.
template <class T>
void check_dataset(const Dataset<T>& data) {
  const std::string& name = data.name;
  if (data.size() == 0 || data.channels() == 0 || data.length() == 0)
    throw_value_error(name + ": the data set is empty: x is " + to_string(data.x.sizes(), "nCL"));
  if (data.y.size(0) != data.size())
    throw_shape_error(name + ": " + std::to_string(data.size()) + " sequences but " + std::to_string(data.y.size(0)) +
                      " labels");
  check_finite(name + ": x", data.x.view());
  for (index_t i = 0; i < data.size(); ++i)
    if (data.y(i) < 0 || data.y(i) >= data.classes)
      throw_value_error(name + ": the label at (" + std::to_string(i) + ") is " + std::to_string(data.y(i)) +
                        ", expected 0 to " + std::to_string(data.classes - 1));
}

// The sequences at these places, copied.
template <class T>
Dataset<T> subset(const Dataset<T>& data, const std::vector<index_t>& places, std::string name) {
  Dataset<T> out{std::move(name), {}, {}, data.classes};
  const auto n = static_cast<index_t>(places.size()), row = data.channels() * data.length();
  out.x = Tensor<T, 3>::uninitialized({n, data.channels(), data.length()});
  out.y = Tensor<index_t, 1>::uninitialized({n});
  for (index_t i = 0; i < n; ++i) {
    const index_t from = places[static_cast<std::size_t>(i)];
    if (from < 0 || from >= data.size())
      throw_value_error(data.name + ": there is no sequence " + std::to_string(from) + " of " +
                        std::to_string(data.size()));
    std::copy_n(data.x.data() + from * row, row, out.x.data() + i * row);
    out.y(i) = data.y(from);
  }
  return out;
}

template <class T>
struct TrainValidation {
  Dataset<T> train;
  Dataset<T> validation;
};

struct SplitPlaces {
  std::vector<index_t> train, validation;
};

// 0 .. n-1 cut into a random part of round(fraction n) for validation and the rest for training, each ascending. The
// same generator state gives the same parts.
inline SplitPlaces split_places(const std::string& name, index_t n, double fraction, Generator& generator) {
  const auto held_out = static_cast<index_t>(std::llround(fraction * static_cast<double>(n)));
  if (!(fraction > 0 && fraction < 1) || held_out < 1 || held_out >= n)
    throw_value_error(name + ": a validation part of " + std::to_string(fraction) + " of " + std::to_string(n) +
                      " sequences leaves one of the two parts empty");
  std::vector<index_t> order(static_cast<std::size_t>(n));
  generator.permutation(TensorView<index_t, 1>(order.data(), {n}));
  SplitPlaces places{{order.begin() + held_out, order.end()}, {order.begin(), order.begin() + held_out}};
  std::sort(places.train.begin(), places.train.end());
  std::sort(places.validation.begin(), places.validation.end());
  return places;
}

// The same of a data set; what is held out comes in the order it had.
template <class T>
TrainValidation<T> split(const Dataset<T>& data, double fraction, Generator& generator) {
  const SplitPlaces places = split_places(data.name, data.size(), fraction, generator);
  return {subset(data, places.train, data.name + " (training part)"),
          subset(data, places.validation, data.name + " (validation part)")};
}

// Reorders time: new x[..., l] = old x[..., order[l]]. x (n, C, L), dense; `name` appears in errors.
template <class T>
void permute_time(TensorView<T, 3> x, const std::vector<index_t>& order, const std::string& name) {
  const index_t L = x.size(2);
  std::vector<bool> seen(static_cast<std::size_t>(L));
  if (static_cast<index_t>(order.size()) != L)
    throw_shape_error(name + ": an order of " + std::to_string(order.size()) + " for length " + std::to_string(L));
  for (const index_t l : order) {
    if (l < 0 || l >= L || seen[static_cast<std::size_t>(l)])
      throw_value_error(name + ": the order of time is no permutation: " + std::to_string(l) +
                        " comes twice or is out of range");
    seen[static_cast<std::size_t>(l)] = true;
  }
  const TensorView<T, 1> flat = x.flat();
  std::vector<T> row(static_cast<std::size_t>(L));
  for (index_t r = 0; r < x.size(0) * x.size(1); ++r) {
    T* at = flat.data() + r * L;
    std::copy_n(at, L, row.begin());
    for (index_t l = 0; l < L; ++l) at[l] = row[static_cast<std::size_t>(order[static_cast<std::size_t>(l)])];
  }
}
template <class T>
void permute_time(Dataset<T>& data, const std::vector<index_t>& order) {
  permute_time(data.x.view(), order, data.name);
}

// The bit reversals of 0 .. 2^k - 1 in order, 2^k the first power of two from L on; those below L stay. This is the
// fixed permutation of "permuted MNIST" in the S4 experiments (L = 784, 2^k = 1024).
inline std::vector<index_t> bit_reversal_order(index_t L) {
  int bits = 0;
  while ((index_t(1) << bits) < L) ++bits;
  std::vector<index_t> order;
  for (index_t i = 0; i < index_t(1) << bits; ++i) {
    index_t reversed = 0;
    for (int b = 0; b < bits; ++b) reversed |= (i >> b & 1) << (bits - 1 - b);
    if (reversed < L) order.push_back(reversed);
  }
  return order;
}

inline std::vector<index_t> random_order(index_t L, Generator& generator) {
  std::vector<index_t> order(static_cast<std::size_t>(L));
  generator.permutation(TensorView<index_t, 1>(order.data(), {L}));
  return order;
}

}  // namespace longwave
