// sar_batches.hpp - batches of columns of radar products (sar_product.hpp), read ahead by threads of their own, in an
// order that is a pure function of (seed, epoch).
//
//   SarBatches batches("data/training", sampling, 10, seed);   // epoch 0
//   SarBatch batch;
//   while (batches.next(batch)) ...                            // batch.x (B, L, 3), batch.target (B, L, 2)
//   batches.start(1);                                          // the next epoch; start(e, i) begins with its batch i
//
// A patch of w columns is w neighbouring rows of a batch. A last batch that is smaller is left out. next() swaps memory
// with the batch it is given: nothing is allocated after the first few. An error of a thread is thrown by the next()
// that would have brought its batch.
//
// Shuffling does not read chunks again and again: patches are drawn from as many columns of chunks as the cache holds,
// then from the next ones, in random order. Where the cache holds everything, any order of patches is as likely.
#pragma once

#include <condition_variable>
#include <exception>
#include <limits>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/data/sar_product.hpp"

namespace longwave {

struct SarBatch {
  Tensor<float, 3> x, target;     // (B, L, 3), (B, L, 2)
  std::vector<SarPatch> patches;  // B / w of them
};

class SarBatches {
 public:
  // `folder`: of products, or one product.
  SarBatches(const std::string& folder, SarSampling sampling, index_t batch, std::uint64_t seed)
      : sampling_(std::move(sampling)), batch_(batch), seed_(seed) {
    const index_t w = sampling_.patch_columns;
    if (batch < 1 || w < 1 || batch % w != 0)
      throw_value_error("SarBatches: a batch of " + std::to_string(batch) + " columns from patches of " +
                        std::to_string(w) + "; expected a multiple");
    if (sampling_.workers < 1) throw_value_error("SarBatches: workers is at least 1");
    for (const std::string& name : sar_product_folders(folder, sampling_.max_products)) {
      products_.emplace_back(name, sampling_);
      const auto of_one = sar_patches(products_.back(), sampling_, static_cast<index_t>(products_.size()) - 1);
      patches_.insert(patches_.end(), of_one.begin(), of_one.end());
    }
    if (batches() == 0)
      throw_value_error("SarBatches: " + folder + " holds " + std::to_string(samples()) + " columns of " +
                        std::to_string(sampling_.patch_rows) + " rows, fewer than a batch of " + std::to_string(batch) +
                        "; take a smaller batch or smaller strides");
    slots_.resize(static_cast<std::size_t>(sampling_.workers) + 2);
    start(0);
  }
  SarBatches(const SarBatches&) = delete;
  SarBatches& operator=(const SarBatches&) = delete;
  ~SarBatches() { stop(); }

  index_t samples() const { return static_cast<index_t>(patches_.size()) * sampling_.patch_columns; }
  index_t batches() const { return samples() / batch_; }  // in one epoch
  const SarSampling& sampling() const { return sampling_; }
  const std::vector<SarProduct>& products() const { return products_; }

  // From batch `first` of an epoch on, whatever was read before.
  void start(index_t epoch, index_t first = 0) {
    if (epoch < 0 || epoch > std::numeric_limits<std::uint32_t>::max() || first < 0 || first > batches())
      throw_value_error("SarBatches: there is no batch " + std::to_string(first) + " of epoch " +
                        std::to_string(epoch));
    stop();
    order_ = order_of(epoch);
    for (Slot& slot : slots_) {
      slot.number = -1;
      slot.error = nullptr;
    }
    claimed_ = taken_ = first;
    stopping_ = false;
    for (index_t i = 0; i < sampling_.workers; ++i) threads_.emplace_back([this] { work(); });
  }

  // False at the end of the epoch.
  bool next(SarBatch& batch) {
    std::unique_lock lock(mutex_);
    if (taken_ == batches()) return false;
    Slot& slot = slot_of(taken_);
    ready_.wait(lock, [&] { return slot.number == taken_; });
    std::swap(batch, slot.batch);
    const std::exception_ptr error = std::exchange(slot.error, nullptr);
    slot.number = -1;
    ++taken_;
    lock.unlock();
    free_.notify_all();
    if (error) std::rethrow_exception(error);
    return true;
  }

 private:
  struct Slot {
    SarBatch batch;
    index_t number = -1;  // of the batch that is ready here
    std::exception_ptr error;
  };

  Slot& slot_of(index_t number) { return slots_[static_cast<std::size_t>(number) % slots_.size()]; }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    free_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      free_.wait(lock, [&] {
        return stopping_ || claimed_ == batches() || claimed_ < taken_ + static_cast<index_t>(slots_.size());
      });
      if (stopping_ || claimed_ == batches()) return;
      const index_t number = claimed_++;
      lock.unlock();
      Slot& slot = slot_of(number);
      std::exception_ptr error;
      try {
        fill(slot.batch, number);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
      slot.error = error;
      slot.number = number;
      lock.unlock();
      ready_.notify_one();
    }
  }

  void fill(SarBatch& batch, index_t number) const {
    const index_t w = sampling_.patch_columns, L = sampling_.patch_rows;
    if (batch.x.sizes() != Extents<3>{batch_, L, 3}) batch.x = Tensor<float, 3>(batch_, L, 3);
    if (batch.target.sizes() != Extents<3>{batch_, L, 2}) batch.target = Tensor<float, 3>(batch_, L, 2);
    batch.patches.clear();
    for (index_t b = 0; b < batch_; b += w) {
      const SarPatch& patch = patches_[order_[static_cast<std::size_t>((number * batch_ + b) / w)]];
      products_[static_cast<std::size_t>(patch.product)].read(batch.x.view().slice(0, b, b + w),
                                                              batch.target.view().slice(0, b, b + w), patch, sampling_);
      batch.patches.push_back(patch);
    }
  }

  // Columns of chunks, counted through all products, that a patch starts in; how many of them the cache holds at once.
  struct ChunkColumns {
    std::vector<index_t> of_patch;
    index_t count = 0, held = std::numeric_limits<index_t>::max();
  };
  ChunkColumns chunk_columns() const {
    ChunkColumns found;
    std::vector<index_t> first;
    for (const SarProduct& product : products_) {
      first.push_back(found.count);
      for (const ZarrArray* array : {&product.from(), &product.to()}) {
        const auto& chunks = array->metadata().chunks;
        const index_t high = (product.rows() - 1) / chunks[0] + 1;
        found.held = std::min(found.held, std::max<index_t>(1, sampling_.cache / high));
      }
      found.count += (product.columns() - 1) / product.from().metadata().chunks[1] + 1;
    }
    for (const SarPatch& patch : patches_) {
      const auto p = static_cast<std::size_t>(patch.product);
      found.of_patch.push_back(first[p] + patch.column / products_[p].from().metadata().chunks[1]);
    }
    return found;
  }

  std::vector<std::size_t> order_of(index_t epoch) const {
    std::vector<std::size_t> order(patches_.size());
    std::iota(order.begin(), order.end(), std::size_t(0));
    if (!sampling_.shuffle) return order;
    const auto permutation = [&](index_t n, std::uint32_t stream) {
      Generator generator(seed_, stream);
      generator.set_state({seed_, stream, static_cast<std::uint32_t>(epoch)});
      Tensor<index_t, 1> places(n);
      generator.permutation(places.view());
      return places;
    };
    const ChunkColumns columns = chunk_columns();
    const auto turn = permutation(columns.count, 1), rank = permutation(static_cast<index_t>(patches_.size()), 2);
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      const auto key = [&](std::size_t i) {
        return std::pair(turn(columns.of_patch[i]) / columns.held, rank(static_cast<index_t>(i)));
      };
      return key(a) < key(b);
    });
    return order;
  }

  SarSampling sampling_;
  index_t batch_;
  std::uint64_t seed_;
  std::vector<SarProduct> products_;
  std::vector<SarPatch> patches_;
  std::vector<std::size_t> order_;

  std::vector<std::thread> threads_;
  std::vector<Slot> slots_;
  std::mutex mutex_;
  std::condition_variable free_, ready_;
  index_t claimed_ = 0, taken_ = 0;  // batches of this epoch: given to a thread, handed out
  bool stopping_ = false;
};

}  // namespace longwave
