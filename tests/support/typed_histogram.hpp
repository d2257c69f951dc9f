// typed_histogram.hpp - the divergence of histograms over the scalar type and the device, against the host.
#pragma once

#include "longwave/metrics/histogram_kl.hpp"
#include "typed_ops.hpp"

namespace longwave::test {

// Column 0: values on the edges of bins, and bins without any. Then a number that is none.
template <class T, device D>
void check_histogram_kl(index_t n, index_t m, index_t K, index_t bins) {
  INFO("n " << n << ", m " << m << ", K " << K << ", bins " << bins);
  auto P = random<T>(Extents<2>{n, K}, 1);
  auto Q = random<T>(Extents<2>{m, K}, 2);
  for (index_t i = 0; i < n; ++i) P(i, 0) = static_cast<T>(i % 11);
  for (index_t i = 0; i < m; ++i) Q(i, 0) = static_cast<T>(i % 5);
  const auto there = [&] {
    const auto p = Place<D>::to(P), q = Place<D>::to(Q);
    Tensor<double, 0, D> kl{Extents<0>()};
    histogram_kl(kl.view(), p.view(), q.view(), bins);
    return Place<D>::from(kl)();
  };
  const double got = there(), want = histogram_kl(std::as_const(P).view(), std::as_const(Q).view(), bins);
  CHECK(((std::isnan(want) && std::isnan(got)) || std::abs(got - want) <= 1e-12 * (1 + std::abs(want))));
  P(n - 1, K - 1) = static_cast<T>(INFINITY);
  CHECK(std::isnan(there()));
}

template <class T, device D>
void check_histogram_kls() {
  for (const index_t bins : {1, 2, 50}) {
    check_histogram_kl<T, D>(1, 1, 1, bins);  // one value: bins of +- 1/2 around it
    check_histogram_kl<T, D>(100, 100, 41, bins);
    check_histogram_kl<T, D>(7, 300, 3, bins);
    check_histogram_kl<T, D>(513, 2, 70, bins);
  }
}

}  // namespace longwave::test
