#include "longwave/metrics/histogram_kl.hpp"

#include <algorithm>
#include <vector>

#include "host_place.hpp"
#include "typed_histogram.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// By edges and their definition alone: a value is in the bin whose edges surround it.
double oracle(const Tensor<double, 2>& P, const Tensor<double, 2>& Q, index_t bins) {
  double total = 0;
  for (index_t k = 0; k < P.size(1); ++k) {
    double low = INFINITY, high = -INFINITY;
    for (index_t i = 0; i < P.size(0); ++i) {
      low = std::min(low, P(i, k));
      high = std::max(high, P(i, k));
    }
    if (low == high) {
      low -= 0.5;
      high += 0.5;
    }
    const double width = (high - low) / static_cast<double>(bins);
    const auto density = [&](const Tensor<double, 2>& x) {
      std::vector<double> h(static_cast<std::size_t>(bins));
      double inside = 0, sum = 0;
      for (index_t b = 0; b < bins; ++b)
        for (index_t i = 0; i < x.size(0); ++i) {
          const double from = low + static_cast<double>(b) * width, to = low + static_cast<double>(b + 1) * width;
          const bool in = b + 1 < bins ? x(i, k) >= from && x(i, k) < to : x(i, k) >= from && x(i, k) <= high;
          if (in) {
            h[static_cast<std::size_t>(b)] += 1;
            inside += 1;
          }
        }
      for (double& v : h) sum += v = v / (inside * width) + 1e-10;
      for (double& v : h) v /= sum;
      return h;
    };
    const auto p = density(P), q = density(Q);
    for (std::size_t b = 0; b < p.size(); ++b) total += q[b] * std::log(q[b] / p[b]);
  }
  return total;
}

}  // namespace

TEMPLATE_TEST_CASE("histogram_kl: histograms by their definition", "", float, double) {
  using T = TestType;
  for (const auto& sizes :
       {Extents<3>{1, 1, 1}, Extents<3>{7, 1, 2}, Extents<3>{97, 89, 5}, Extents<3>{200, 200, 41}}) {
    const index_t n = sizes[0], m = sizes[1], K = sizes[2];
    const auto P = random<T>(Extents<2>{n, K}, 1), Q = random<T>(Extents<2>{m, K}, 2, T(0.5));
    Tensor<double, 2> p(P.sizes()), q(Q.sizes());
    std::copy(P.data(), P.data() + P.count(), p.data());
    std::copy(Q.data(), Q.data() + Q.count(), q.data());
    for (const index_t bins : {index_t(1), index_t(7), histogram_bins}) {
      const double want = oracle(p, q, bins), got = histogram_kl(P.view(), Q, bins);
      if (std::isnan(want))
        CHECK(std::isnan(got));
      else
        CHECK(got == Approx(want).epsilon(1e-12));
    }
  }
}

TEST_CASE("histogram_kl: edges, ties and columns of one value are NumPy's") {
  Tensor<double, 2> P(4, 1), Q(4, 1);
  for (index_t i = 0; i < 4; ++i) P(i, 0) = Q(i, 0) = static_cast<double>(i);
  CHECK(histogram_kl(P.view(), Q) == Approx(0).margin(1e-12));
  Q(0, 0) = 17;  // outside: dropped, the others weigh more
  CHECK(histogram_kl(P.view(), Q) == Approx(std::log(4.0 / 3)).epsilon(1e-6));
  Tensor<double, 2> constant(3, 1), near(2, 1), far(2, 1);
  near(0, 0) = 0.49;
  near(1, 0) = -0.5;
  far(0, 0) = far(1, 0) = 0.51;
  CHECK(histogram_kl(constant.view(), constant) == Approx(0).margin(1e-12));
  CHECK(histogram_kl(constant.view(), near) > 20);        // in bins that P leaves empty
  CHECK(std::isnan(histogram_kl(constant.view(), far)));  // nothing inside
  P(2, 0) = NAN;
  CHECK(std::isnan(histogram_kl(P.view(), Q)));
}

TEST_CASE("histogram_kl: views with strides") {
  const auto P = random<float>(Extents<2>{40, 6}, 1), Q = random<float>(Extents<2>{30, 6}, 2);
  Tensor<float, 2> p(6, 40), q(6, 30);
  copy(p.view().transpose(0, 1), P.view());
  copy(q.view().transpose(0, 1), Q.view());
  CHECK(histogram_kl(p.view().transpose(0, 1), q.view().transpose(0, 1)) == histogram_kl(P.view(), Q));
}

TEST_CASE("histogram_kl: errors name the shapes") {
  const Tensor<float, 2> a(3, 2), b(3, 5), none(0, 2);
  CHECK(error_text<ShapeError>([&] { histogram_kl(a.view(), b); }) ==
        "histogram_kl: predicted and target disagree on K: predicted is (n=3, K=2), target is (m=3, K=5)");
  CHECK(error_text<ValueError>([&] { histogram_kl(a.view(), none); }) ==
        "histogram_kl: no rows: predicted is (n=3, K=2), target is (m=0, K=2)");
  CHECK(error_text<ValueError>([&] { histogram_kl(a.view(), a, 0); }) ==
        "histogram_kl: bins is 0, expected at least 1");
}

TEMPLATE_TEST_CASE("histogram_kl: the tests of every device", "", float, double) {
  check_histogram_kls<TestType, Host>();
}
