// tensor.hpp - Tensor<T, N, D>: owns its elements, dense row-major, starting on 64 bytes, zero at first.
// Moves are cheap; a copy is spelled clone(). Ops take views: t.view(), or t itself where an In is expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "longwave/core/memory.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

template <class T, int N, device D = Host>
class Tensor {
  static_assert(std::is_trivially_copyable_v<T>, "elements are numbers");

 public:
  using value_type = T;
  static constexpr int rank = N;

  Tensor() = default;
  explicit Tensor(Extents<N> sizes) : Tensor(uninitialized(sizes)) { zero(); }
  template <class... I>  // Tensor<float, 3> u(B, H, L)
    requires(sizeof...(I) == N && N > 0 && (std::is_convertible_v<I, index_t> && ...))
  explicit Tensor(I... sizes) : Tensor(Extents<N>{sizes...}) {}

  static Tensor uninitialized(Extents<N> sizes) {
    std::size_t wanted = sizeof(T);
    for (int i = 0; i < N; ++i) {
      if (sizes[i] < 0) throw_shape_error("Tensor: a negative size in " + to_string(sizes));
      if (__builtin_mul_overflow(wanted, static_cast<std::size_t>(sizes[i]), &wanted) || wanted > SIZE_MAX / 2)
        throw_shape_error("Tensor: " + to_string(sizes) + " is more than memory can address");
    }
    Tensor t;
    t.sizes_ = sizes;
    if (wanted > 0) t.data_ = static_cast<T*>(Memory<D>::allocate(wanted));
    return t;
  }

  Tensor(Tensor&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), sizes_(std::exchange(other.sizes_, Extents<N>())) {}
  Tensor& operator=(Tensor&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(sizes_, other.sizes_);
    return *this;
  }
  ~Tensor() {
    if (data_ != nullptr) Memory<D>::release(data_);
  }

  Tensor clone() const {
    Tensor t = uninitialized(sizes_);
    if (data_ != nullptr) Memory<D>::copy(t.data_, data_, bytes());
    return t;
  }

  TensorView<T, N, D> view() { return {data_, sizes_}; }
  TensorView<const T, N, D> view() const { return {data_, sizes_}; }
  operator TensorView<T, N, D>() { return view(); }
  operator TensorView<const T, N, D>() const { return view(); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  index_t size(int axis) const { return sizes_[axis]; }
  const Extents<N>& sizes() const { return sizes_; }
  index_t count() const { return data_ == nullptr ? 0 : sizes_.count(); }
  std::size_t bytes() const { return static_cast<std::size_t>(count()) * sizeof(T); }

  template <class... I>
    requires(std::is_same_v<D, Host>)
  T& operator()(I... index) { return view()(index...); }
  template <class... I>
    requires(std::is_same_v<D, Host>)
  const T& operator()(I... index) const { return view()(index...); }

  void zero() {
    if (data_ != nullptr) Memory<D>::zero(data_, bytes());
  }

 private:
  T* data_ = nullptr;
  Extents<N> sizes_;
};

}  // namespace longwave
