// matmul.hpp - dense products.
//
//   Matmul          C = A B             A (M, K), B (K, N), C (M, N)          dA = dC B^T,  dB = A^T dC
//   BatchedMatmul   C_p = A_p B_p       the same with a leading axis P
//   Linear          y = x W^T + b       x (R, I), W (O, I), b (O), y (R, O)   dx = dy W,  dW += dy^T x,  db += sum dy
//
// Sums run over k in order in the type of the operands: error at most about K epsilon sum |a||b|. On the device they
// are cuBLAS's, in float32 unless cuda::set_tf32 says otherwise (cuda/blas.hpp): 2 M N K flops bound them.
#pragma once

#include "longwave/core/view.hpp"
#include "longwave/cpu/gemm.hpp"
#include "longwave/cuda/matmul.hpp"

namespace longwave {

namespace impl {

// C [+]= A B for strided views; C's rows must have unit stride.
template <class T>
void matmul(TensorView<T, 2, Host> C, In<T, 2> A, In<T, 2> B, bool accumulate) {
  if (C.empty()) return;
  if (C.stride(1) != 1 && C.size(1) > 1) throw_shape_error("matmul: the rows of C must be contiguous");
  parallel_gemm(C.size(0), C.size(1), A.size(1), A.data(), A.stride(0), A.stride(1), B.data(), B.stride(0), B.stride(1),
                C.data(), C.stride(0), accumulate);
}

template <class T>
void batched_matmul(TensorView<T, 3, Host> C, In<T, 3> A, In<T, 3> B) {
  for (index_t p = 0; p < C.size(0); ++p) matmul<T>(C[p], A[p], B[p], false);
}

// C += A^T B: the sum is over rows, often many more than C has.
template <class T>
void add_product_over_rows(TensorView<T, 2, Host> C, In<T, 2> A, In<T, 2> B) {
  matmul(C, A.transpose(0, 1), B, true);
}

// y's rows start as the bias b.
template <class T>
void fill_rows(TensorView<T, 2, Host> y, In<T, 1> b) {
  for (index_t r = 0; r < y.size(0); ++r)
    for (index_t o = 0; o < y.size(1); ++o) y(r, o) = b(o);
}

// db += column sums of dy.
template <class T>
void add_column_sums(TensorView<T, 1, Host> db, In<T, 2> dy) {
  parallel_blocks(db.size(0), 64, [&](index_t begin, index_t end) {
    for (index_t r = 0; r < dy.size(0); ++r)
      for (index_t o = begin; o < end; ++o) db(o) += dy(r, o);
  });
}

// The host does a linear layer in parts.
template <class T>
bool linear_at_once(TensorView<T, 2, Host>, In<T, 2>, In<T, 2>, In<T, 1>) {
  return false;
}
template <class T>
bool linear_backward_at_once(TensorView<T, 2, Host>, TensorView<T, 2, Host>, TensorView<T, 1, Host>, In<T, 2>, In<T, 2>,
                             In<T, 2>) {
  return false;
}

}  // namespace impl

namespace ops {

struct Matmul {
  template <class T, device D>
  static void forward(TensorView<T, 2, D> C, In<T, 2, D> A, In<T, 2, D> B) {
    check(C.sizes(), A.sizes(), B.sizes());
    impl::matmul(C, A, B, false);
  }

  // dA and dB are assigned; either may be left out.
  template <class T, device D>
  static void backward(Out<T, 2, D> dA, Out<T, 2, D> dB, TensorView<const T, 2, D> dC, In<T, 2, D> A, In<T, 2, D> B) {
    check(dC.sizes(), A.sizes(), B.sizes());
    check_gradient("matmul", "dA", dA, A.sizes(), "MK");
    check_gradient("matmul", "dB", dB, B.sizes(), "KN");
    if (wanted(dA)) impl::matmul(dA, dC, B.transpose(0, 1), false);
    if (wanted(dB)) impl::matmul(dB, A.transpose(0, 1), dC, false);
  }

  static void check(const Extents<2>& C, const Extents<2>& A, const Extents<2>& B) {
    if (A[1] != B[0])
      throw_shape_error("matmul: A and B disagree on K: A is " + to_string(A, "MK") + ", B is " + to_string(B, "KN"));
    if (C[0] != A[0] || C[1] != B[1])
      throw_shape_error("matmul: C is " + to_string(C, "MN") + ", expected " + to_string(Extents{A[0], B[1]}, "MN"));
  }
};

struct BatchedMatmul {
  template <class T, device D>
  static void forward(TensorView<T, 3, D> C, In<T, 3, D> A, In<T, 3, D> B) {
    check(C, A, B);
    impl::batched_matmul(C, A, B);
  }

  template <class T, device D>
  static void backward(Out<T, 3, D> dA, Out<T, 3, D> dB, TensorView<const T, 3, D> dC, In<T, 3, D> A, In<T, 3, D> B) {
    check(dC, A, B);
    check_gradient("batched_matmul", "dA", dA, A.sizes(), "PMK");
    check_gradient("batched_matmul", "dB", dB, B.sizes(), "PKN");
    if (wanted(dA)) impl::batched_matmul(dA, dC, B.transpose(1, 2));
    if (wanted(dB)) impl::batched_matmul(dB, A.transpose(1, 2), dC);
  }

 private:
  template <class C, class A, class B>
  static void check(const C& c, const A& a, const B& b) {
    if (a.size(0) != c.size(0) || b.size(0) != c.size(0))
      throw_shape_error("batched_matmul: C, A and B disagree on P: C is " + to_string(c.sizes(), "PMN") + ", A is " +
                        to_string(a.sizes(), "PMK") + ", B is " + to_string(b.sizes(), "PKN"));
    if (c.size(0) > 0) Matmul::check(c[0].sizes(), a[0].sizes(), b[0].sizes());
  }
};

struct Linear {
  // b may be left out (a default view).
  template <class T, device D>
  static void forward(TensorView<T, 2, D> y, In<T, 2, D> x, In<T, 2, D> W, In<T, 1, D> b) {
    check(y.sizes(), x.sizes(), W.sizes());
    if (b.data() != nullptr) check_shape("linear", "b", b, Extents<1>{W.size(0)}, "O");
    if (impl::linear_at_once(y, x, W, b)) return;
    if (b.data() != nullptr) impl::fill_rows(y, b);
    impl::matmul(y, x, W.transpose(0, 1), b.data() != nullptr);
  }

  // dx is assigned, dW and db are added to; each may be left out.
  template <class T, device D>
  static void backward(Out<T, 2, D> dx, Out<T, 2, D> dW, Out<T, 1, D> db, TensorView<const T, 2, D> dy, In<T, 2, D> x,
                       In<T, 2, D> W) {
    check(dy.sizes(), x.sizes(), W.sizes());
    check_gradient("linear", "dx", dx, x.sizes(), "RI");
    check_gradient("linear", "dW", dW, W.sizes(), "OI");
    check_gradient("linear", "db", db, Extents<1>{W.size(0)}, "O");
    if (impl::linear_backward_at_once(dx, dW, db, dy, x, W)) return;
    if (wanted(dx)) impl::matmul(dx, dy, W, false);
    if (wanted(dW)) impl::add_product_over_rows(dW, dy, x);
    if (wanted(db)) impl::add_column_sums(db, dy);
  }

 private:
  static void check(const Extents<2>& y, const Extents<2>& x, const Extents<2>& W) {
    if (x[1] != W[1])
      throw_shape_error("linear: x and W disagree on I: x is " + to_string(x, "RI") + ", W is " + to_string(W, "OI"));
    if (y[0] != x[0] || y[1] != W[0])
      throw_shape_error("linear: y is " + to_string(y, "RO") + ", expected " + to_string(Extents{x[0], W[0]}, "RO"));
  }
};

}  // namespace ops
}  // namespace longwave
