// loader.hpp - batches of a data set, in an order that is a pure function of (seed, stream, epoch).
//
//   Loader<float> loader(data, {.batch = 64}, Generator(seed, 1));
//   for (auto [x, y] : loader.epoch(3)) ...         // x (B, C, L), y (B)
//
// Epoch e always has the same order, whatever was drawn before, so that a resumed run sees the batches it would have
// seen; epoch(e, first) starts in its middle. The views of a batch refer to one buffer, which the next batch
// overwrites: nothing is allocated after construction and the addresses stay. The data set must outlive the loader.
#pragma once

#include <cstddef>
#include <limits>
#include <string>

#include "longwave/data/dataset.hpp"

namespace longwave {

struct LoaderOptions {
  index_t batch = 32;
  bool shuffle = true;
  bool drop_last = false;  // leave out a last batch that is smaller
};

template <class T = float>
struct Batch {
  TensorView<const T, 3> x;        // (B, C, L)
  TensorView<const index_t, 1> y;  // (B)
};

template <class T = float>
class Loader {
 public:
  Loader(const Dataset<T>& data, LoaderOptions options, const Generator& generator)
      : data_(&data), options_(options), key_(generator.state()) {
    if (options.batch < 1)
      throw_value_error("Loader: a batch of " + std::to_string(options.batch) + " sequences; take 1 or more");
    check_dataset(data);
    if (batches() == 0)
      throw_value_error("Loader: " + data.name + " has " + std::to_string(data.size()) +
                        " sequences, fewer than a batch of " + std::to_string(options.batch) +
                        ", and drop_last is on; take a smaller batch");
    const index_t B = std::min(options.batch, data.size());
    order_ = Tensor<index_t, 1>::uninitialized({data.size()});
    x_ = Tensor<T, 3>::uninitialized({B, data.channels(), data.length()});
    y_ = Tensor<index_t, 1>::uninitialized({B});
    start_epoch(0);
  }

  index_t batches() const {  // in one epoch
    const index_t n = data_->size(), B = options_.batch;
    return options_.drop_last ? n / B : (n - 1) / B + 1;
  }

  void start_epoch(index_t epoch) {
    if (epoch < 0 || epoch > std::numeric_limits<std::uint32_t>::max())
      throw_value_error("Loader: there is no epoch " + std::to_string(epoch));
    Generator generator(key_.seed, key_.stream);
    generator.set_state({key_.seed, key_.stream, static_cast<std::uint32_t>(epoch)});
    if (options_.shuffle) {
      generator.permutation(order_.view());
    } else {
      std::iota(order_.data(), order_.data() + order_.count(), index_t(0));
    }
  }

  // Batch i of the epoch started last; valid until the next call.
  Batch<T> batch(index_t i) {
    const index_t B = fill(i, x_.view(), y_.view());
    return {x_.view().slice(0, 0, B), y_.view().slice(0, 0, B)};
  }

  Extents<3> batch_sizes() const { return x_.sizes(); }  // (B, C, L) of a full batch

  // The same into memory of the caller, dense and of batch_sizes(), as on the way to a device. How many sequences it
  // has.
  index_t fill(index_t i, TensorView<T, 3> x, TensorView<index_t, 1> y) const {
    if (i < 0 || i >= batches())
      throw_value_error("Loader: there is no batch " + std::to_string(i) + " of " + std::to_string(batches()));
    const index_t first = i * options_.batch, B = std::min(options_.batch, data_->size() - first);
    const index_t row = data_->channels() * data_->length();
    if (x.sizes() != batch_sizes() || !x.contiguous() || y.size(0) != x.size(0) || !y.contiguous())
      throw_shape_error("Loader: fill needs dense memory of a batch, " + to_string(batch_sizes(), "BCL") + "; x is " +
                        to_string(x.sizes(), "BCL") + ", y " + to_string(y.sizes(), "B"));
    for (index_t b = 0; b < B; ++b) {
      const index_t from = order_(first + b);
      std::copy_n(data_->x.data() + from * row, row, x.data() + b * row);
      y(b) = data_->y(from);
    }
    return B;
  }

  // Where batch i lies in the data set: sequence numbers, valid until the next start_epoch.
  TensorView<const index_t, 1> places(index_t i) const {
    const index_t first = i * options_.batch;
    return order_.view().slice(0, first, std::min(first + options_.batch, data_->size()));
  }

  class Iterator {
   public:
    Iterator(Loader* loader, index_t i) : loader_(loader), i_(i) {}
    Batch<T> operator*() const { return loader_->batch(i_); }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return i_ == other.i_; }

   private:
    Loader* loader_;
    index_t i_;
  };
  struct Epoch {
    Loader* loader;
    index_t first;
    Iterator begin() const { return {loader, first}; }
    Iterator end() const { return {loader, loader->batches()}; }
  };

  Epoch epoch(index_t number, index_t first_batch = 0) {
    if (first_batch < 0 || first_batch > batches())
      throw_value_error("Loader: an epoch of " + std::to_string(batches()) + " batches cannot start at batch " +
                        std::to_string(first_batch));
    start_epoch(number);
    return {this, first_batch};
  }

 private:
  const Dataset<T>* data_;
  LoaderOptions options_;
  PhiloxKey key_;
  Tensor<index_t, 1> order_;
  Tensor<T, 3> x_;
  Tensor<index_t, 1> y_;
};

}  // namespace longwave
