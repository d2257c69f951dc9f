// staging.hpp - batches on their way to the device while it works on earlier ones.
//
//   cuda::Staging<float> staging(loader.batch_sizes());      // loader: data/loader.hpp, or what fills batches alike
//   for (index_t i = 0; i < loader.batches(); ++i) {
//     const cuda::DeviceBatch<float> batch = staging.next(loader, i);    // x (B, C, L), y (B)
//     ... work on it ...
//   }
//
// The loader writes a batch into pinned memory, a stream of its own copies it to the device, and the current stream
// takes it into the fixed tensors when it gets there. There are two of each, so the host writes batch i while batch
// i - 1 travels and the device works; it waits only when it is two batches ahead. What works on the batch may be a
// captured graph: the addresses never change, and a smaller last batch is their first part.
#pragma once

#include <utility>

#include "longwave/cuda/event.hpp"

namespace longwave::cuda {

// Host memory that copies to and from the device need not wait for. Not zeroed.
template <class T, int N>
class PinnedTensor {
 public:
  PinnedTensor() = default;
  explicit PinnedTensor(Extents<N> sizes) : sizes_(sizes) {
    if (sizes.count() > 0)
      data_ = static_cast<T*>(allocate_pinned(static_cast<std::size_t>(sizes.count()) * sizeof(T)));
  }
  PinnedTensor(PinnedTensor&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), sizes_(std::exchange(other.sizes_, Extents<N>())) {}
  PinnedTensor& operator=(PinnedTensor&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(sizes_, other.sizes_);
    return *this;
  }
  ~PinnedTensor() {
    if (data_ != nullptr) release_pinned(data_);
  }

  TensorView<T, N> view() { return {data_, sizes_}; }
  TensorView<const T, N> view() const { return {data_, sizes_}; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  const Extents<N>& sizes() const { return sizes_; }

 private:
  T* data_ = nullptr;
  Extents<N> sizes_;
};

// Returns at once; the host's side must be pinned, and stay as it is until an Event recorded after this has happened.
template <class T, int N>
void copy_async(TensorView<T, N, Cuda> to, std::type_identity_t<TensorView<const T, N, Host>> from) {
  copy_to_device_async(to.data(), from.data(), detail::check_copy(to, from));
}
template <class T, int N>
void copy_async(TensorView<T, N, Host> to, std::type_identity_t<TensorView<const T, N, Cuda>> from) {
  copy_to_host_async(to.data(), from.data(), detail::check_copy(to, from));
}

template <class T>
struct DeviceBatch {
  TensorView<const T, 3, Cuda> x;        // (B, C, L)
  TensorView<const index_t, 1, Cuda> y;  // (B)
  TensorView<const index_t, 1> labels;   // y on the host, valid until the next but one batch
};

template <class T>
class Staging {
 public:
  explicit Staging(Extents<3> sizes) : x_(sizes), y_(Extents<1>{sizes[0]}), slots_{Slot(sizes), Slot(sizes)} {}

  // Batch i of the loader's epoch. On return its way to x and y of the current stream is queued.
  template <class Loader>
  DeviceBatch<T> next(const Loader& loader, index_t i) {
    Slot& slot = slots_[turn_];
    turn_ = 1 - turn_;
    slot.taken.synchronize();  // both sides of the slot are free again
    const index_t B = loader.fill(i, slot.x.view(), slot.y.view());
    {
      const UseStream use(side_);
      copy_async(first(slot.x_there.view(), B), first(std::as_const(slot.x).view(), B));
      copy_async(first(slot.y_there.view(), B), first(std::as_const(slot.y).view(), B));
      slot.arrived.record();
    }
    slot.arrived.wait();
    const auto x = first(x_.view(), B);
    const auto y = first(y_.view(), B);
    Memory<Cuda>::copy(x.data(), slot.x_there.data(), static_cast<std::size_t>(x.count()) * sizeof(T));
    Memory<Cuda>::copy(y.data(), slot.y_there.data(), static_cast<std::size_t>(B) * sizeof(index_t));
    slot.taken.record();
    return {x, y, first(std::as_const(slot.y).view(), B)};
  }

 private:
  struct Slot {
    // Not zeroed: that would happen on the current stream, maybe after the copy of the first batch on side_.
    explicit Slot(Extents<3> sizes)
        : x(sizes),
          y(Extents<1>{sizes[0]}),
          x_there(Tensor<T, 3, Cuda>::uninitialized(sizes)),
          y_there(Tensor<index_t, 1, Cuda>::uninitialized({sizes[0]})) {}
    PinnedTensor<T, 3> x;
    PinnedTensor<index_t, 1> y;
    Tensor<T, 3, Cuda> x_there;
    Tensor<index_t, 1, Cuda> y_there;
    Event arrived, taken;
  };

  template <class View>
  static View first(View view, index_t B) {
    return view.slice(0, 0, B);
  }

  Stream side_;
  Tensor<T, 3, Cuda> x_;
  Tensor<index_t, 1, Cuda> y_;
  Slot slots_[2];
  int turn_ = 0;
};

}  // namespace longwave::cuda
