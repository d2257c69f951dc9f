// view.hpp - TensorView<T, N, D>: a pointer, N sizes and N strides. Trivially copyable: pass it by value,
// also into kernels. Row-major; strides in elements, so slices and transposes are views too.
#pragma once

#include <cassert>
#include <string>
#include <type_traits>

#include "longwave/core/device.hpp"
#include "longwave/core/error.hpp"
#include "longwave/core/extents.hpp"

namespace longwave {

template <class T, int N, device D = Host>
class TensorView {
 public:
  using value_type = std::remove_const_t<T>;
  static constexpr int rank = N;

  TensorView() = default;  // refers to nothing: data() == nullptr, all sizes 0

  LONGWAVE_HD TensorView(T* data, Extents<N> sizes) : TensorView(data, sizes, dense_strides(sizes)) {}
  LONGWAVE_HD TensorView(T* data, Extents<N> sizes, Extents<N> strides)
      : data_(data), sizes_(sizes), strides_(strides) {}

  // View<T> -> View<const T>
  template <class U>
    requires(std::is_same_v<U, const T> && !std::is_const_v<T>)
  LONGWAVE_HD operator TensorView<U, N, D>() const { return {data_, sizes_, strides_}; }

  LONGWAVE_HD T* data() const { return data_; }
  LONGWAVE_HD index_t size(int axis) const { return sizes_[axis]; }
  LONGWAVE_HD index_t stride(int axis) const { return strides_[axis]; }
  LONGWAVE_HD const Extents<N>& sizes() const { return sizes_; }
  LONGWAVE_HD const Extents<N>& strides() const { return strides_; }
  LONGWAVE_HD index_t count() const { return sizes_.count(); }
  LONGWAVE_HD bool empty() const { return count() == 0; }

  template <class... I>
    requires(sizeof...(I) == N)
  LONGWAVE_HD T& operator()(I... index) const {
    const index_t at[N > 0 ? N : 1] = {static_cast<index_t>(index)...};
    index_t offset = 0;
    for (int i = 0; i < N; ++i) {
      assert(at[i] >= 0 && at[i] < sizes_[i]);
      offset += at[i] * strides_[i];
    }
    return data_[offset];
  }

  // Elements follow one another in row-major order without gaps.
  LONGWAVE_HD bool contiguous() const {
    index_t step = 1;
    for (int i = N - 1; i >= 0; --i) {
      if (sizes_[i] != 1 && strides_[i] != step) return false;
      step *= sizes_[i];
    }
    return true;
  }

  // The part at position `index` of the first axis: one rank less.
  LONGWAVE_HD TensorView<T, N - 1, D> operator[](index_t index) const requires(N > 0) {
    assert(index >= 0 && index < sizes_[0]);
    Extents<N - 1> sizes, strides;
    for (int i = 1; i < N; ++i) {
      sizes[i - 1] = sizes_[i];
      strides[i - 1] = strides_[i];
    }
    return {offset(index * strides_[0]), sizes, strides};
  }

  // Positions [begin, end) of one axis.
  TensorView slice(int axis, index_t begin, index_t end) const {
    if (axis < 0 || axis >= N || begin < 0 || begin > end || end > sizes_[axis])
      throw_shape_error("slice: [" + std::to_string(begin) + ", " + std::to_string(end) + ") of axis " +
                        std::to_string(axis) + " of " + to_string(sizes_));
    Extents<N> sizes = sizes_;
    sizes[axis] = end - begin;
    return {offset(begin * strides_[axis]), sizes, strides_};
  }

  TensorView transpose(int a, int b) const {
    assert(a >= 0 && a < N && b >= 0 && b < N);
    TensorView t = *this;
    t.sizes_[a] = sizes_[b];
    t.sizes_[b] = sizes_[a];
    t.strides_[a] = strides_[b];
    t.strides_[b] = strides_[a];
    return t;
  }

  // The same elements under other sizes; the view must be contiguous.
  template <int M>
  TensorView<T, M, D> reshape(Extents<M> sizes) const {
    if (!contiguous()) throw_shape_error("reshape: the view is not contiguous; copy it first");
    if (sizes.count() != count())
      throw_shape_error("reshape: " + to_string(sizes_) + " and " + to_string(sizes) + " differ in number of elements");
    return {data_, sizes};
  }

  TensorView<T, 1, D> flat() const { return reshape(Extents<1>{count()}); }

 private:
  // An empty tensor has no storage to point into.
  LONGWAVE_HD T* offset(index_t elements) const { return data_ == nullptr ? nullptr : data_ + elements; }

  T* data_ = nullptr;
  Extents<N> sizes_;
  Extents<N> strides_;
};

// Read-only argument of an op. T, N and D are deduced from the op's output, so that a mutable view converts
// and a wrong rank or device does not compile.
template <class T, int N, device D = Host>
using In = std::type_identity_t<TensorView<const T, N, D>>;

// Output argument whose T, N and D are fixed by an earlier argument.
template <class T, int N, device D = Host>
using Out = std::type_identity_t<TensorView<T, N, D>>;

// A gradient that the caller does not want is passed as a default-constructed view.
template <class T, int N, device D>
LONGWAVE_HD bool wanted(const TensorView<T, N, D>& gradient) {
  return gradient.data() != nullptr;
}

// `axis` as 0 .. rank-1; negative axes count from the end.
inline int check_axis(const char* op, int axis, int rank) {
  if (axis < -rank || axis >= rank)
    throw_shape_error(std::string(op) + ": axis " + std::to_string(axis) + " of a tensor of rank " +
                      std::to_string(rank));
  return axis < 0 ? axis + rank : axis;
}

template <int N>
void check_same_shape(const char* op, const char* a_name, const Extents<N>& a, const char* b_name,
                      const Extents<N>& b) {
  if (!(a == b))
    throw_shape_error(std::string(op) + ": " + a_name + " and " + b_name + " differ in shape: " + a_name + " is " +
                      to_string(a) + ", " + b_name + " is " + to_string(b));
}

template <class T, class U, int N, device D>
void check_same_shape(const char* op, const char* a_name, const TensorView<T, N, D>& a, const char* b_name,
                      const TensorView<U, N, D>& b) {
  check_same_shape(op, a_name, a.sizes(), b_name, b.sizes());
}

template <class T, int N, device D>
void check_shape(const char* op, const char* name, const TensorView<T, N, D>& a, const Extents<N>& expected,
                 const char* letters = "") {
  if (!(a.sizes() == expected))
    throw_shape_error(std::string(op) + ": " + name + " is " + to_string(a.sizes(), letters) + ", expected " +
                      to_string(expected, letters));
}

// The same for a gradient, which may be left out (see wanted).
template <class T, int N, device D>
void check_gradient(const char* op, const char* name, const TensorView<T, N, D>& gradient, const Extents<N>& expected,
                    const char* letters = "") {
  if (wanted(gradient)) check_shape(op, name, gradient, expected, letters);
}

}  // namespace longwave
