// kernel_linear.hpp - kernels of a system whose output weights alone are trained: linear in C, with a table.
//
//   K_l[c] = sum_n Re C_n R_l[n] + Im C_n I_l[n]        R_l[n], I_l[n]: the kernel for C = e_n and for C = i e_n
//   dC += sum_l dK_l (R_l, I_l)
//
//   C (C, H, N, 2)   table (H, 2 N, L'), rows R_0, I_0, R_1, ..   K (C, H, L), L <= L'
//
// The table is made once (dplr_table.hpp); a pass then reads it once, 4 C multiply-adds per mode and sample, without an
// exponential, a reciprocal or a transform. It is the one thing of size (H, N, L) in this library: 13 MB in float for H
// = 256, N = 32, L = 200.
#pragma once

#include "longwave/core/fill.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/core/view.hpp"
#include "longwave/cpu/gemm.hpp"
#include "longwave/cpu/lane_sum.hpp"
#include "longwave/cuda/matmul.hpp"
#include "longwave/ops/matmul.hpp"

namespace longwave {

namespace impl {

// (C, H, ..) as one matrix per feature, (H, C, columns).
template <class T, device D>
TensorView<T, 3, D> by_feature(const TensorView<T, 4, D>& C) {
  const Extents<3> sizes{C.size(0), C.size(1), C.size(2) * C.size(3)};
  return TensorView<T, 3, D>(C.reshape(sizes)).transpose(0, 1);
}

template <class T>
void kernel_linear_forward(TensorView<T, 3, Host> K, TensorView<const T, 3, Host> C,
                           TensorView<const T, 3, Host> table) {
  parallel_for(
      K.size(0),
      [&](index_t h) {
        gemm(K.size(1), K.size(2), C.size(2), &C(h, 0, 0), C.stride(1), C.stride(2), &table(h, 0, 0), table.stride(1),
             table.stride(2), &K(h, 0, 0), K.stride(1), false);
      },
      K.count() * C.size(2));
}

// One pass over the table, all channels at a row: it is what the time goes to.
template <class T>
void kernel_linear_backward(TensorView<T, 3, Host> dC, TensorView<const T, 3, Host> dK,
                            TensorView<const T, 3, Host> table) {
  const index_t L = dK.size(2);
  parallel_for(
      dK.size(0),
      [&](index_t h) {
        for (index_t n = 0; n < table.size(1); ++n) {
          const T* row = &table(h, n, 0);
          for (index_t c = 0; c < dK.size(1); ++c) {
            const T* d = &dK(h, c, 0);
            dC(h, c, n) += lane_sum<T>(L, [=](index_t l) { return row[l] * d[l]; });
          }
        }
      },
      dK.count() * table.size(1));
}

template <class T>
void kernel_linear_forward(TensorView<T, 3, Cuda> K, TensorView<const T, 3, Cuda> C,
                           TensorView<const T, 3, Cuda> table) {
  batched_matmul(K, C, table);
}
template <class T>
void kernel_linear_backward(TensorView<T, 3, Cuda> dC, TensorView<const T, 3, Cuda> dK,
                            TensorView<const T, 3, Cuda> table) {
  ScratchOn<Cuda> scratch;
  const auto sum = scratch.template tensor<T>(dC.sizes());
  batched_matmul<T>(sum, dK, table.transpose(1, 2));
  longwave::detail::add_to(dC, TensorView<const T, 3, Cuda>(sum));
}

}  // namespace impl

namespace ops {

struct KernelLinear {
  template <class T, device D>
  static void forward(TensorView<T, 3, D> K, In<T, 4, D> C, In<T, 3, D> table) {
    check("K", K.sizes(), C.sizes(), table.sizes());
    if (!K.empty()) impl::kernel_linear_forward(K.transpose(0, 1), impl::by_feature(C), table.slice(2, 0, K.size(2)));
  }

  // Added to.
  template <class T, device D>
  static void backward(TensorView<T, 4, D> dC, In<T, 3, D> dK, In<T, 3, D> table) {
    check("dK", dK.sizes(), dC.sizes(), table.sizes());
    if (!dK.empty())
      impl::kernel_linear_backward(impl::by_feature(dC), dK.transpose(0, 1), table.slice(2, 0, dK.size(2)));
  }

 private:
  static void check(const char* name, const Extents<3>& K, const Extents<4>& C, const Extents<3>& table) {
    const Extents<3> expected{C[0], C[1], K[2]};
    if (C[3] != 2) throw_shape_error("kernel_linear: C is " + to_string(C) + ", expected a last axis of 2: Re, Im");
    if (!(K == expected))
      throw_shape_error(std::string("kernel_linear: ") + name + " is " + to_string(K, "CHL") + ", expected " +
                        to_string(expected, "CHL"));
    if (table[0] != C[1] || table[1] != 2 * C[2] || table[2] < K[2])
      throw_shape_error("kernel_linear: the table is " + to_string(table, "HNL") + ", expected " +
                        to_string(Extents<3>{C[1], 2 * C[2], K[2]}, "HNL") + " or longer");
  }
};

}  // namespace ops

}  // namespace longwave
