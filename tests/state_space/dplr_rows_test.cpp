#include "longwave/state_space/dplr_rows.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("dplr_rows: C (I - A_bar^L) by steps is that by powers, whatever the rank") {
  const index_t H = 3, N = 4;
  for (const index_t R : {1, 2})
    for (const index_t L : {0, 1, 6, 40}) {
      Tensor<double, 1> dt(H);
      Tensor<complex<double>, 2> A(H, N), F(H, N), b(H, N);
      Tensor<complex<double>, 3> B(1, H, N), P(R, H, N), C(2, H, N), G(R, H, N), w(R, H, N), powers(2, H, N);
      const auto numbers = random<double>(Extents<1>{2 * (2 + R) * H * N + 2 * H * N}, 5);
      index_t at = 0;
      const auto next = [&] { return numbers(at++); };
      for (index_t h = 0; h < H; ++h) {
        dt(h) = 0.1 * static_cast<double>(h + 1);
        for (index_t n = 0; n < N; ++n) {
          A(h, n) = {-0.5, 2.0 * static_cast<double>(n + 1)};
          B(0, h, n) = {next(), next()};
          for (index_t r = 0; r < R; ++r) P(r, h, n) = {0.3 * next(), 0.3 * next()};
          for (index_t c = 0; c < 2; ++c) powers(c, h, n) = C(c, h, n) = {next(), 1};
        }
      }
      const DplrStep step{F.view(), b.view(), G.view(), w.view()};
      DplrScan::discretise(step, DplrSystem{dt, A, B, P, C});
      dplr_truncate_rows(C.view(), step, L);
      DplrLength::truncate(powers.view(), step, L);
      double error = 0;
      for (index_t i = 0; i < C.count(); ++i) error = std::max(error, norm2(C.data()[i] - powers.data()[i]));
      CHECK(std::sqrt(error) < 1e-12);
    }
}
