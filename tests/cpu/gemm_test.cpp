#include "longwave/cpu/gemm.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("gemm: equals the triple loop for every edge of the tiles, transposed or not", "", float, double) {
  using T = TestType;
  for (const index_t M : {0, 1, 3, 13, 31})
    for (const index_t N : {0, 1, 5, 16, 33, 70})
      for (const index_t K : {0, 1, 7, 300})
        for (const bool at : {false, true})
          for (const bool bt : {false, true})
            for (const bool accumulate : {false, true}) {
              const auto A = random<T>(Extents{M, K}, 1), B = random<T>(Extents{K, N}, 2);
              auto C = random<T>(Extents{M, N}, 3);
              Tensor<double, 2> want(M, N);
              const index_t ar = at ? 1 : K, ac = at ? M : 1, br = bt ? 1 : N, bc = bt ? K : 1;
              for (index_t i = 0; i < M; ++i)
                for (index_t j = 0; j < N; ++j) {
                  double sum = accumulate ? static_cast<double>(C(i, j)) : 0;
                  for (index_t k = 0; k < K; ++k)
                    sum +=
                        static_cast<double>(A.data()[i * ar + k * ac]) * static_cast<double>(B.data()[k * br + j * bc]);
                  want(i, j) = sum;
                }
              impl::gemm<T>(M, N, K, A.data(), ar, ac, B.data(), br, bc, C.data(), N, accumulate);
              INFO(M << " " << N << " " << K << " " << at << bt << accumulate);
              // K epsilon sum |a||b|, with |a||b| of order one
              CHECK(relative_error(C, want, 1.0) < (sizeof(T) == 4 ? 3e-5 : 3e-14));
            }
}

TEST_CASE("gemm: cutting the product changes no bit") {
  const auto A = random<float>(Extents<2>{50, 300}, 1), B = random<float>(Extents<2>{300, 90}, 2);
  Tensor<float, 2> whole(50, 90), pieces(50, 90);
  impl::gemm<float>(50, 90, 300, A.data(), 300, 1, B.data(), 90, 1, whole.data(), 90, false);
  for (const index_t j : {0, 45})
    impl::gemm<float>(50, 45, 300, A.data(), 300, 1, B.data() + j, 90, 1, pieces.data() + j, 90, false);
  CHECK(relative_error(pieces, whole) == 0);
  impl::parallel_gemm<float>(50, 90, 300, A.data(), 300, 1, B.data(), 90, 1, pieces.data(), 90, false);
  CHECK(relative_error(pieces, whole) == 0);
}
