// staging.hpp - batches of any kind on their way to the device while it works on earlier ones, as longwave's
// cuda/staging.hpp does for one kind. All parts of a batch lie in one block: one copy each. Batches of one shape come
// to lie at the same addresses, as captured steps need.
#pragma once

#include <cstring>

#include "long_sequence/learner.hpp"
#include "long_sequence/parts.hpp"
#include "longwave/cuda.hpp"

namespace longwave::examples {

struct StagedBatch {
  NetworkInput<Cuda> input;
  DeviceTarget<Cuda> target;
};

// Where the parts of a batch lie in its block, in bytes.
struct BatchLayout {
  std::size_t x = 0, lengths = 0, target = 0, end = 0;

  explicit BatchLayout(const HostBatch& b) {
    const auto round = [](std::size_t bytes) { return (bytes + 255) / 256 * 256; };
    const auto bytes = [](const auto& view) {
      return static_cast<std::size_t>(view.sizes().count()) * sizeof(*view.data());
    };
    lengths = round(b.input.x.data() != nullptr ? bytes(b.input.x) : bytes(b.input.tokens));
    target = lengths + round(bytes(b.input.lengths));
    end = target + round(b.values.data() != nullptr ? bytes(b.values) : bytes(b.classes));
  }
};

class BatchStaging {
 public:
  // On return the batch's way to the current stream is queued; the host's memory is free again.
  StagedBatch send(const HostBatch& batch) {
    Slot& slot = slots_[turn_];
    turn_ = 1 - turn_;
    slot.taken.synchronize();  // both sides of the slot are free again
    const BatchLayout at(batch);
    grow(at.end);
    std::byte* here = slot.here.data();
    if (batch.input.x.data() != nullptr)
      put(here + at.x, batch.input.x);
    else
      put(here + at.x, batch.input.tokens);
    put(here + at.lengths, batch.input.lengths);
    if (batch.values.data() != nullptr)
      put(here + at.target, batch.values);
    else
      put(here + at.target, batch.classes);
    {
      const cuda::UseStream use(side_);
      cuda::copy_to_device_async(slot.there.data(), here, at.end);
      slot.arrived.record();
    }
    slot.arrived.wait();
    Memory<Cuda>::copy(block_.data(), slot.there.data(), at.end);
    slot.taken.record();
    return views(batch, at, block_.data());
  }

  // How often batches' place on the device has changed: what was captured before works on memory that is gone.
  index_t moves() const { return moves_; }

 private:
  struct Slot {
    cuda::PinnedTensor<std::byte, 1> here;
    Tensor<std::byte, 1, Cuda> there;
    cuda::Event arrived, taken;
  };

  void grow(std::size_t bytes) {
    if (bytes <= static_cast<std::size_t>(block_.count())) return;
    cuda::synchronize();
    const Extents<1> size{static_cast<index_t>(bytes)};
    for (Slot& slot : slots_) {
      slot.here = cuda::PinnedTensor<std::byte, 1>(size);
      // Not zeroed: that would happen on the current stream, maybe after the copy of the first batch on side_.
      slot.there = Tensor<std::byte, 1, Cuda>::uninitialized(size);
    }
    block_ = Tensor<std::byte, 1, Cuda>(size);
    ++moves_;
  }

  template <class View>
  static void put(std::byte* to, const View& from) {
    std::memcpy(to, from.data(), static_cast<std::size_t>(from.sizes().count()) * sizeof(*from.data()));
  }

  template <class T, int N>
  static TensorView<const T, N, Cuda> view(TensorView<const T, N> like, const std::byte* at) {
    if (like.data() == nullptr) return {};
    return {reinterpret_cast<const T*>(at), like.sizes()};
  }
  static StagedBatch views(const HostBatch& b, const BatchLayout& at, const std::byte* block) {
    return {
        {view(b.input.x, block + at.x), view(b.input.tokens, block + at.x), view(b.input.lengths, block + at.lengths)},
        {view(b.classes, block + at.target), view(b.values, block + at.target)}};
  }

  cuda::Stream side_;
  Tensor<std::byte, 1, Cuda> block_;
  Slot slots_[2];
  int turn_ = 0;
  index_t moves_ = 0;
};

}  // namespace longwave::examples
