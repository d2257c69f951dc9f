// each.hpp - a loop over independent positions whose body is the same text on the host and on the device.
//
//   template <class T, device D>
//   struct Doubled {
//     static constexpr const char* name = "doubled";
//     TensorView<T, 1, D> y;
//     TensorView<const T, 1, D> x;
//     LONGWAVE_HD void operator()(index_t i) const { y(i) = T(2) * x(i); }
//   };
//   for_each_index<D>(n, Doubled<T, D>{y, x});
//
// For the many small maps between parameters, modes and states. A body for Cuda is instantiated once, in
// cuda/instantiate/, with kernels/each.cuh. Bodies of neighbouring indices should touch neighbouring memory.
#pragma once

#include <type_traits>

#include "longwave/core/device.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/cuda/each.hpp"

namespace longwave {

// Two bodies as one, for what one writes and the other reads at the same index: one launch instead of two.
template <class First, class Second>
struct InTurn {
  static constexpr const char* name = First::name;
  First first;
  Second second;

  LONGWAVE_HD void operator()(index_t i) const {
    first(i);
    second(i);
  }
};
template <class First, class Second>
InTurn(First, Second) -> InTurn<First, Second>;

// work: operations of one call of f, roughly, for the choice of threads on the host.
template <device D, class F>
void for_each_index(index_t n, const F& f, index_t work = 100) {
  if (n <= 0) return;
  if constexpr (std::is_same_v<D, Cuda>) {
    cuda::for_each_index(F::name, n, f);
  } else {
    parallel_blocks(
        n, 512,
        [&](index_t begin, index_t end) {
          for (index_t i = begin; i < end; ++i) f(i);
        },
        n * work);
  }
}

}  // namespace longwave
