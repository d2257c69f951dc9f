// optim.hpp - what optimisers hand to their loops, and the device's overloads of those loops (optim/*.hpp include this
// before their classes).
//
// On the device one launch moves all parameters: the list is in device memory, in pieces of `update_piece` elements, a
// block each. Learning rates change without a new launch's arguments: kernels multiply them by *lr_factor. Step counts
// add Advance::steps (stream.hpp). So a captured step stays right when it is replayed.
#pragma once

#include "longwave/core/tensor.hpp"

namespace longwave {

namespace impl {

// A parameter, or a piece of one, with its moments or average. What an algorithm does not use is nullptr.
template <class T>
struct Update {
  T* value = nullptr;
  T* grad = nullptr;
  T* first = nullptr;   // exp_avg, velocity, average
  T* second = nullptr;  // exp_avg_sq
  index_t count = 0;
  double lr = 0, weight_decay = 0;
};

template <class T, device D>
struct Updates {
  TensorView<const Update<T>, 1, D> list;
  const double* lr_factor = nullptr;  // on the device D
};

struct AdamNumbers {
  double beta1, beta2, eps;
  bool decoupled;  // weight decay beside the gradient, not in it
  index_t steps;   // this one included
};

struct SgdNumbers {
  double momentum;
  bool nesterov;
};

struct EmaNumbers {
  double decay;
  bool warm_up;
  index_t updates;  // before this one
};

}  // namespace impl

namespace cuda {

template <class T>
inline constexpr index_t update_piece = 256 * 16 / static_cast<index_t>(sizeof(T));  // 16 bytes for each thread

void set_number(double* to, double value);
template <class T>
void adam_step(const impl::Updates<T, Cuda>& updates, const impl::AdamNumbers& numbers);
template <class T>
void sgd_step(const impl::Updates<T, Cuda>& updates, const impl::SgdNumbers& numbers);
template <class T>
void ema_update(const impl::Updates<T, Cuda>& updates, const impl::EmaNumbers& numbers);
template <class T>
void swap_values(const impl::Updates<T, Cuda>& updates);
template <class T>
void zero_gradients(const impl::Updates<T, Cuda>& updates);
// The gradients' norm to *norm (device memory), and the gradients scaled down to max_norm.
template <class T>
void clip_gradients(const impl::Updates<T, Cuda>& updates, double max_norm, double* norm);

}  // namespace cuda

namespace impl {

inline void set_number(TensorView<double, 0, Cuda> to, double value) { cuda::set_number(to.data(), value); }

template <class T>
void adam_step(const Updates<T, Cuda>& updates, const AdamNumbers& numbers) {
  cuda::adam_step(updates, numbers);
}
template <class T>
void sgd_step(const Updates<T, Cuda>& updates, const SgdNumbers& numbers) {
  cuda::sgd_step(updates, numbers);
}
template <class T>
void ema_update(const Updates<T, Cuda>& updates, const EmaNumbers& numbers) {
  cuda::ema_update(updates, numbers);
}
template <class T>
void swap_values(const Updates<T, Cuda>& updates) {
  cuda::swap_values(updates);
}
template <class T>
void zero_gradients(const Updates<T, Cuda>& updates) {
  cuda::zero_gradients(updates);
}
template <class T>
void clip_gradients(const Updates<T, Cuda>& updates, double max_norm, TensorView<double, 0, Cuda> norm) {
  cuda::clip_gradients(updates, max_norm, norm.data());
}

}  // namespace impl
}  // namespace longwave
