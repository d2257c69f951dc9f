// prelu.hpp - the leaky ReLU whose slope is trained: y = x where x > 0, else a x.
//
//   dx = dy where x > 0, else a dy        da = sum dy min(x, 0)        at x = 0 the slope is a
//
// x, y: same shape, any rank, dense. a (1). The sum runs in double and in an order of the sizes alone.
// Source: He et al. 2015.
#pragma once

#include "longwave/core/each.hpp"
#include "longwave/core/fill.hpp"
#include "longwave/core/math.hpp"
#include "longwave/core/sum.hpp"

namespace longwave {

namespace impl {

template <class T, device D>
struct PreluForward {
  static constexpr const char* name = "prelu_forward";
  TensorView<T, 1, D> y;
  TensorView<const T, 1, D> x, a;

  LONGWAVE_HD void operator()(index_t i) const { y(i) = x(i) * math::select(x(i) > T(0), T(1), a(0)); }
};

template <class T, device D>
struct PreluBackward {
  static constexpr const char* name = "prelu_backward";
  TensorView<T, 1, D> dx;
  TensorView<const T, 1, D> dy, x, a;

  LONGWAVE_HD void operator()(index_t i) const { dx(i) = dy(i) * math::select(x(i) > T(0), T(1), a(0)); }
};

template <class T, device D>
struct PreluBelow {  // min(x, 0)
  static constexpr const char* name = "prelu_below";
  TensorView<T, 1, D> below;
  TensorView<const T, 1, D> x;

  LONGWAVE_HD void operator()(index_t i) const { below(i) = math::select(x(i) > T(0), T(0), x(i)); }
};

}  // namespace impl

namespace ops {

struct Prelu {
  template <class T, int N, device D>
  static void forward(TensorView<T, N, D> y, In<T, N, D> x, In<T, 1, D> a) {
    check_same_shape("prelu", "y", y, "x", x);
    check_shape("prelu", "a", a, Extents<1>{1});
    for_each_index<D>(x.count(), impl::PreluForward<T, D>{y.flat(), x.flat(), a}, 4);
  }

  // dx is assigned, da is added to; each may be left out. dx may be dy.
  template <class T, int N, device D>
  static void backward(TensorView<T, N, D> dx, Out<T, 1, D> da, In<T, N, D> dy, In<T, N, D> x, In<T, 1, D> a) {
    check_same_shape("prelu", "dy", dy, "x", x);
    check_gradient("prelu", "dx", dx, x.sizes());
    check_gradient("prelu", "da", da, Extents<1>{1});
    check_shape("prelu", "a", a, Extents<1>{1});
    ScratchOn<D> scratch;
    const TensorView<const T, 1, D> from = dy.flat();
    if (wanted(da)) {
      const TensorView<T, 1, D> below = scratch.template tensor<T>(Extents<1>{x.count()});
      const TensorView<T, 1, D> sum = scratch.template tensor<T>(Extents<1>{1});
      for_each_index<D>(x.count(), impl::PreluBelow<T, D>{below, x.flat()}, 4);
      sum_to(sum, 1, detail::Times(), from, TensorView<const T, 1, D>(below));
      detail::add_to(da, TensorView<const T, 1, D>(sum));
    }
    if (wanted(dx)) for_each_index<D>(x.count(), impl::PreluBackward<T, D>{dx.flat(), from, x.flat(), a}, 4);
  }
};

}  // namespace ops
}  // namespace longwave
