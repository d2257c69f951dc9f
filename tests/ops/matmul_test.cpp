#include "longwave/ops/matmul.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

Tensor<double, 2> naive(TensorView<const double, 2> A, TensorView<const double, 2> B) {
  Tensor<double, 2> C(A.size(0), B.size(1));
  for (index_t i = 0; i < C.size(0); ++i)
    for (index_t j = 0; j < C.size(1); ++j)
      for (index_t k = 0; k < A.size(1); ++k) C(i, j) += A(i, k) * B(k, j);
  return C;
}

template <int N>
Tensor<double, N> widen(const Tensor<float, N>& t) {
  Tensor<double, N> wide(t.sizes());
  for (index_t i = 0; i < t.count(); ++i) wide.data()[i] = static_cast<double>(t.data()[i]);
  return wide;
}

}  // namespace

TEST_CASE("matmul: forward and both gradients, prime and large sizes") {
  for (const index_t M : {1, 7, 101})
    for (const index_t K : {1, 31, 257})
      for (const index_t N : {1, 13, 600}) {
        const auto A = random<float>(Extents{M, K}, 1), B = random<float>(Extents{K, N}, 2);
        const auto dC = random<float>(Extents{M, N}, 3);
        Tensor<float, 2> C(M, N), dA(M, K), dB(K, N);
        ops::Matmul::forward(C.view(), A, B);
        ops::Matmul::backward(dA.view(), dB.view(), TensorView<const float, 2>(dC), A, B);
        const auto a = widen(A), b = widen(B), d = widen(dC);
        INFO(M << " " << K << " " << N);
        CHECK(relative_error(C, naive(a, b), 1.0) < 2e-5);
        CHECK(relative_error(dA.view(), naive(d, b.view().transpose(0, 1)).view(), 1.0) < 2e-5);
        CHECK(relative_error(dB.view(), naive(a.view().transpose(0, 1), d).view(), 1.0) < 2e-5);
      }
}

TEST_CASE("matmul: transposed views, empty operands") {
  const auto A = random<double>(Extents<2>{5, 9}, 1), B = random<double>(Extents<2>{4, 9}, 2);
  Tensor<double, 2> C(5, 4);
  ops::Matmul::forward(C.view(), A, B.view().transpose(0, 1));
  CHECK(relative_error(C, naive(A, B.view().transpose(0, 1))) < 1e-14);
  Tensor<double, 2> none(0, 4), no_k(5, 0), b0(0, 4);
  ops::Matmul::forward(none.view(), Tensor<double, 2>(0, 9), B.view().transpose(0, 1));
  ops::Matmul::forward(C.view(), no_k, b0);
  CHECK(relative_error(C, Tensor<double, 2>(5, 4)) == 0);
}

TEST_CASE("batched_matmul: every entry is its own product") {
  const auto A = random<double>(Extents<3>{3, 5, 9}, 1), B = random<double>(Extents<3>{3, 9, 4}, 2);
  const auto dC = random<double>(Extents<3>{3, 5, 4}, 3);
  Tensor<double, 3> C(3, 5, 4), dA(3, 5, 9), dB(3, 9, 4);
  ops::BatchedMatmul::forward(C.view(), A, B);
  ops::BatchedMatmul::backward(dA.view(), dB.view(), TensorView<const double, 3>(dC), A, B);
  for (index_t p = 0; p < 3; ++p) {
    CHECK(relative_error(C.view()[p], naive(A.view()[p], B.view()[p]).view()) < 1e-14);
    CHECK(relative_error(dA.view()[p], naive(dC.view()[p], B.view()[p].transpose(0, 1)).view()) < 1e-14);
    CHECK(relative_error(dB.view()[p], naive(A.view()[p].transpose(0, 1), dC.view()[p]).view()) < 1e-14);
  }
}

TEST_CASE("linear: y = x W^T + b, and its gradients are added to for parameters") {
  const auto x = random<double>(Extents<2>{6, 5}, 1), W = random<double>(Extents<2>{3, 5}, 2);
  const auto b = random<double>(Extents<1>{3}, 3);
  const auto dy = random<double>(Extents<2>{6, 3}, 4);
  Tensor<double, 2> y(6, 3), want = naive(x, W.view().transpose(0, 1));
  for (index_t r = 0; r < 6; ++r)
    for (index_t o = 0; o < 3; ++o) want(r, o) += b(o);
  ops::Linear::forward(y.view(), x, W, b);
  CHECK(relative_error(y, want) < 1e-14);

  Tensor<double, 2> dx(6, 5), dW(3, 5), once(3, 5);
  Tensor<double, 1> db(3);
  ops::Linear::backward(dx.view(), once.view(), {}, TensorView<const double, 2>(dy), x, W);
  for (int i = 0; i < 2; ++i)
    ops::Linear::backward(dx.view(), dW.view(), db.view(), TensorView<const double, 2>(dy), x, W);
  CHECK(relative_error(dx, naive(dy, W)) < 1e-14);
  CHECK(relative_error(once.view(), naive(dy.view().transpose(0, 1), x).view()) < 1e-14);
  for (index_t i = 0; i < dW.count(); ++i) CHECK(dW.data()[i] == Approx(2 * once.data()[i]));
  for (index_t o = 0; o < 3; ++o) {
    double sum = 0;
    for (index_t r = 0; r < 6; ++r) sum += dy(r, o);
    CHECK(db(o) == Approx(2 * sum));
  }
}

TEST_CASE("matmul, linear: shape errors name the arguments") {
  Tensor<float, 2> C(2, 3), A(2, 4), B(5, 3), y(2, 7);
  CHECK(error_text<ShapeError>([&] { ops::Matmul::forward(C.view(), A, B); }) ==
        "matmul: A and B disagree on K: A is (M=2, K=4), B is (K=5, N=3)");
  CHECK(error_text<ShapeError>([&] { ops::Matmul::forward(y.view(), A, Tensor<float, 2>(4, 3)); }) ==
        "matmul: C is (M=2, N=7), expected (M=2, N=3)");
  CHECK(error_text<ShapeError>([&] { ops::Linear::forward(C.view(), A, B, {}); }) ==
        "linear: x and W disagree on I: x is (R=2, I=4), W is (O=5, I=3)");
}
