// Kernels from their modes: Vandermonde (S4D, DSS) and Cauchy (S4), H = 256, d_state = 64, so 32 modes; and an
// activation, which only moves memory.
#include "bench.hpp"
#include "longwave/ops/activation.hpp"
#include "longwave/ops/cauchy.hpp"
#include "longwave/ops/vandermonde.hpp"

namespace longwave::bench {
namespace {

constexpr index_t H = 256, N = 32;

void vandermonde(Suite& suite, index_t L, double target_ms) {
  const double pairs = static_cast<double>(H) * N * static_cast<double>(L), row = static_cast<double>(H * L) * 4;
  const int sets = suite.sets(row);
  const auto x = cuda::to_device(start_modes(H, N)), v = cuda::to_device(random_modes(H, N, 2));
  std::vector<Tensor<float, 2, Cuda>> K, dK;
  for (int i = 0; i < sets; ++i) {
    K.emplace_back(H, L);
    dK.push_back(random<float>(Extents<2>(H, L), 3 + static_cast<std::uint64_t>(i)));
  }
  Tensor<complex<double>, 2, Cuda> dx(H, N), dv(H, N);
  const auto at = [sets](auto& list, int i) { return list[static_cast<std::size_t>(i % sets)].view(); };
  const std::string size = " L=" + std::to_string(L);
  suite.time({"vandermonde forward" + size, row, 4 * pairs}, sets,
             [&](int i) { ops::Vandermonde::forward(at(K, i), x, v); });
  suite.time({"vandermonde forward+backward" + size, 2 * row, 12 * pairs, Products::fp32, target_ms}, sets, [&](int i) {
    ops::Vandermonde::forward(at(K, i), x, v);
    ops::Vandermonde::backward(dx.view(), dv.view(), TensorView<const float, 2, Cuda>(at(dK, i)), x, v);
  });
}

// Nodes of the bilinear transform at the roots of unity, as S4 takes them; poles are S4D-Lin's.
void cauchy(Suite& suite, index_t L, double target_ms) {
  const index_t nodes = L / 2 + 1;
  const double pairs = static_cast<double>(H) * N * static_cast<double>(nodes);
  const double row = static_cast<double>(H * nodes) * 8;
  Tensor<complex<float>, 1> z(nodes);
  for (index_t l = 0; l < nodes; ++l) {
    const double angle = 3.14159265358979 * (static_cast<double>(l) + 0.25) / static_cast<double>(nodes);
    z(l) = {0.0f, static_cast<float>(2 * std::tan(0.5 * angle))};
  }
  Tensor<complex<float>, 2> w(H, N), v(H, N);
  const auto poles = start_modes(H, N), weights = random_modes(H, N, 2);
  for (index_t i = 0; i < w.count(); ++i) {
    w.data()[i] = {static_cast<float>(poles.data()[i].re), static_cast<float>(poles.data()[i].im)};
    v.data()[i] = {static_cast<float>(weights.data()[i].re), static_cast<float>(weights.data()[i].im)};
  }
  const auto z_there = cuda::to_device(z);
  const auto w_there = cuda::to_device(w), v_there = cuda::to_device(v);
  const int sets = suite.sets(row);
  std::vector<Tensor<complex<float>, 2, Cuda>> r;
  for (int i = 0; i < sets; ++i) r.emplace_back(H, nodes);
  const auto at = [&](int i) { return r[static_cast<std::size_t>(i % sets)].view(); };
  suite.time({"cauchy forward L=" + std::to_string(L), row, 20 * pairs, Products::fp32, target_ms}, sets,
             [&](int i) { ops::Cauchy::forward(at(i), v_there, w_there, z_there); });
}

void gelu(Suite& suite, index_t n) {
  const double bytes = static_cast<double>(n) * 4;
  const auto x = random<float>(Extents<1>(n), 4), dy = random<float>(Extents<1>(n), 5);
  Tensor<float, 1, Cuda> y(n);
  suite.time({"gelu forward, 64 M elements", 2 * bytes}, 2, [&](int) { ops::Gelu::forward(y.view(), x); });
  suite.time({"gelu backward, 64 M elements", 3 * bytes}, 2, [&](int) { ops::Gelu::backward(y.view(), dy, x); });
}

const Family family("kernels", [](Suite& suite) {
  for (const index_t L : {1024, 4096}) vandermonde(suite, L, 0);
  vandermonde(suite, 16384, 0.12);
  cauchy(suite, 16384, 0.08);
  gelu(suite, index_t(1) << 26);
});

}  // namespace
}  // namespace longwave::bench
