// The state-space part alone, from modes to y: B = 16, H = 256, d_state = 64, so 32 modes. Forward, kernel included.
#include "bench.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/state_space/recurrence.hpp"

namespace longwave::bench {
namespace {

constexpr index_t B = 16, H = 256, N = 32;

struct Set {
  Tensor<float, 3, Cuda> u, y;
};

void scan(Suite& suite, index_t L, bool tf32, double target_ms) {
  const double samples = static_cast<double>(B * H * L), bytes = 8 * samples;
  const auto x = cuda::to_device(start_modes(H, N)), c = cuda::to_device(random_modes(H, N, 2));
  const auto D = random<float>(Extents<1>(H), 3);
  std::vector<Set> sets;
  for (int i = 0; i < suite.sets(bytes); ++i)
    sets.push_back(
        {random<float>(Extents<3>(B, H, L), 4 + static_cast<std::uint64_t>(i)), Tensor<float, 3, Cuda>(B, H, L)});
  const auto forward = [&](int i) {
    Set& set = sets[static_cast<std::size_t>(i) % sets.size()];
    Diagonal::forward(DiagonalOutputs<float, Cuda>{set.y.view(), {}}, DiagonalInputs<float, Cuda>{set.u, x, c, D, {}},
                      Algorithm::chunk);
  };
  // By chunks of 64: 2 x 64 for the products inside a chunk, 4 N each to and from the states, in complex numbers.
  const double flops = samples * (2 * 64 + 2 * 4 * N);
  cuda::set_tf32(tf32);
  const std::string name = std::string("scan forward ") + (tf32 ? "TF32" : "fp32 accuracy") + " L=" + std::to_string(L);
  suite.time({name, bytes, (tf32 ? 1 : 3) * flops, Products::tf32, target_ms}, static_cast<int>(sets.size()), forward);
  cuda::set_tf32(false);
}

const Family family("scan", [](Suite& suite) {
  for (const bool tf32 : {true, false}) {
    for (const index_t L : {1024, 4096}) scan(suite, L, tf32, 0);
    scan(suite, 16384, tf32, tf32 ? 0.27 : 0.46);
  }
});

}  // namespace
}  // namespace longwave::bench
