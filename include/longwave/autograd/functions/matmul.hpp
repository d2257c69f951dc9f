// matmul.hpp - matmul, linear and linear_relu on the tape (ops/matmul.hpp).
#pragma once

#include "longwave/autograd/functions/activation.hpp"
#include "longwave/autograd/tape.hpp"
#include "longwave/ops/matmul.hpp"

namespace longwave {

namespace detail {

// (..., I) as (R, I); the axes before the last must follow one another in memory.
template <class T, int N, device D>
TensorView<T, 2, D> rows_of(TensorView<T, N, D> x) {
  static_assert(N >= 1, "linear: x needs an axis");
  if (x.data() == nullptr) return {};
  index_t R = 1, step = N > 1 ? x.stride(N - 2) : 0;
  for (int axis = N - 2; axis >= 0; --axis) {
    if (x.size(axis) != 1 && R > 1 && x.stride(axis) != R * step)
      throw_shape_error("linear: the axes of x " + to_string(x.sizes()) +
                        " before the last do not follow one another in memory; copy it first");
    if (R == 1) step = x.stride(axis);
    R *= x.size(axis);
  }
  return {x.data(), Extents<2>{R, x.size(N - 1)}, Extents<2>{step, x.stride(N - 1)}};
}

}  // namespace detail

// A (M, K) B (K, N), or the same with a leading axis P on both.
template <class T, int R, device D>
  requires(R == 2 || R == 3)
Var<T, R, D> matmul(Var<T, R, D> A, std::type_identity_t<Var<T, R, D>> B) {
  using Op = std::conditional_t<R == 2, ops::Matmul, ops::BatchedMatmul>;
  Tape<T, D>& tape = A.tape();
  Extents<R> sizes = A.sizes();
  sizes[R - 1] = B.size(R - 1);
  Var<T, R, D> C = tape.make(sizes, A.needs_grad() || B.needs_grad());
  Op::forward(C.output(), A.value(), B.value());
  tape.record("matmul", C, [=] {
    Grad dA(A), dB(B);
    Op::backward(dA.view(), dB.view(), C.grad(), A.value(), B.value());
  });
  return C;
}

// x (..., I), W (O, I), b (O) or left out -> (..., O).
template <class T, int N, device D>
Var<T, N, D> linear(Var<T, N, D> x, std::type_identity_t<Var<T, 2, D>> W, std::type_identity_t<Var<T, 1, D>> b = {}) {
  Tape<T, D>& tape = x.tape();
  Extents<N> sizes = x.sizes();
  sizes[N - 1] = W.size(0);
  Var<T, N, D> y = tape.make(sizes, x.needs_grad() || W.needs_grad() || b.needs_grad());
  ops::Linear::forward(detail::rows_of(y.output()), detail::rows_of(x.value()), W.value(), value_or_none(b));
  tape.record_following("linear", y, [=, &tape] {
    Grad dx(x);
    ops::Linear::backward(detail::rows_of(dx.view()), tape.grad_to_add(W), tape.grad_to_add(b),
                          detail::rows_of(y.grad()), detail::rows_of(x.value()), W.value());
  });
  return y;
}

// relu(linear(x, W, b)); on the device without launches of its own where the layer is small. y says where the slope
// is 1.
template <class T, int N, device D>
Var<T, N, D> linear_relu(Var<T, N, D> x, std::type_identity_t<Var<T, 2, D>> W,
                         std::type_identity_t<Var<T, 1, D>> b = {}) {
  if constexpr (std::is_same_v<D, Cuda>) {
    const TensorView<const T, 2, D> rows = detail::rows_of(x.value());
    const bool agree = rows.size(1) == W.size(1) && (!b || b.size(0) == W.size(0));
    if (agree && cuda::small_linear_fits(rows.size(0), W.sizes())) {
      Tape<T, D>& tape = x.tape();
      Extents<N> sizes = x.sizes();
      sizes[N - 1] = W.size(0);
      const Var<T, N, D> y = tape.make(sizes, x.needs_grad() || W.needs_grad() || b.needs_grad());
      cuda::small_linear<T>(detail::rows_of(y.output()), rows, W.value(), value_or_none(b), true);
      tape.record("linear_relu", y, [=, &tape] {
        Grad dx(x);
        cuda::small_linear_backward<T>(detail::rows_of(dx.view()), tape.grad_to_add(W), tape.grad_to_add(b),
                                       detail::rows_of(y.grad()), detail::rows_of(x.value()), W.value(),
                                       detail::rows_of(y.value()));
      });
      return y;
    }
  }
  return relu(linear(x, W, b));
}

}  // namespace longwave
