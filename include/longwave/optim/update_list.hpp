// update_list.hpp - the parameters that an optimiser moves, as its loops take them: a record per parameter on the host,
// a table in device memory with a record per piece on the device, built once. The tensors must stay where they are.
#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include "longwave/core/fill.hpp"
#include "longwave/cuda/memory.hpp"
#include "longwave/cuda/optim.hpp"

namespace longwave {

namespace impl {

inline void set_number(TensorView<double, 0, Host> to, double value) { to() = value; }

template <class T>
void zero_gradients(const Updates<T, Host>& updates) {
  for (index_t i = 0; i < updates.list.size(0); ++i) {
    const Update<T>& u = updates.list(i);
    longwave::detail::fill(TensorView<T, 1>(u.grad, Extents<1>{u.count}), T(0));
  }
}

}  // namespace impl

namespace detail {

template <class T, device D>
class UpdateList {
 public:
  UpdateList() = default;
  explicit UpdateList(const std::vector<impl::Update<T>>& updates) {
    set_lr_factor(1);
    const auto pieces = cut(updates);
    Tensor<impl::Update<T>, 1> list(static_cast<index_t>(pieces.size()));
    std::copy(pieces.begin(), pieces.end(), list.data());
    if constexpr (std::is_same_v<D, Host>)
      list_ = std::move(list);
    else
      list_ = cuda::to_device(list);
  }

  // On the device: in the order of the stream, and seen by steps that were captured before.
  void set_lr_factor(double factor) { impl::set_number(lr_factor_.view(), factor); }

  impl::Updates<T, D> updates() const { return {list_.view(), lr_factor_.data()}; }

 private:
  static std::vector<impl::Update<T>> cut(const std::vector<impl::Update<T>>& whole) {
    if constexpr (std::is_same_v<D, Host>) return whole;
    std::vector<impl::Update<T>> pieces;
    for (const impl::Update<T>& u : whole)
      for (index_t at = 0; at < u.count; at += cuda::update_piece<T>) {
        const auto moved = [at](T* p) { return p == nullptr ? nullptr : p + at; };
        pieces.push_back({moved(u.value), moved(u.grad), moved(u.first), moved(u.second),
                          std::min(cuda::update_piece<T>, u.count - at), u.lr, u.weight_decay});
      }
    return pieces;
  }

  Tensor<impl::Update<T>, 1, D> list_;
  Tensor<double, 0, D> lr_factor_{Extents<0>()};
};

}  // namespace detail
}  // namespace longwave
