// Complex transforms, SSIM and the SAR processor: the device against the host.
#include "longwave/ops/ssim.hpp"
#include "longwave/sar/range_doppler.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

template <class T>
Tensor<complex<T>, 2> noise(index_t rows, index_t columns, std::uint64_t seed) {
  const auto parts = random<double>(Extents(rows, columns, 2), seed);
  Tensor<complex<T>, 2> z(rows, columns);
  for (index_t i = 0; i < z.count(); ++i)
    z.data()[i] = {static_cast<T>(parts.data()[2 * i]), static_cast<T>(parts.data()[2 * i + 1])};
  return z;
}

template <class T>
double difference(const Tensor<complex<T>, 2>& got, const Tensor<complex<double>, 2>& want) {
  double most = 0, largest = 0;
  for (index_t i = 0; i < want.count(); ++i) {
    most = std::max(most, std::sqrt(norm2(complex<double>(got.data()[i]) - want.data()[i])));
    largest = std::max(largest, std::sqrt(norm2(want.data()[i])));
  }
  return largest > 0 ? most / largest : most;
}

template <class T>
constexpr double bound = std::is_same_v<T, float> ? 2e-5 : 1e-11;

}  // namespace

TEMPLATE_TEST_CASE("on the device: complex transforms with padding, of columns and in place", "", float, double) {
  on_device([] {
    using T = TestType;
    for (const auto& [L, n] : {std::pair<index_t, index_t>{10, 10}, {10, 31}, {997, 1024}}) {
      const auto x = noise<T>(5, L, 3);
      Tensor<complex<double>, 2> X(5, n), back(5, L);
      const auto x_double = noise<double>(5, L, 3);
      ops::Fft::forward(X.view(), x_double);
      const auto there = cuda::to_device(x);
      Tensor<complex<T>, 2, Cuda> X_there(5, n), back_there(L, 5);
      ops::Fft::forward(X_there.view(), there);
      CHECK(difference(cuda::to_host(X_there), X) < bound<T>);
      ops::Ifft::forward(X_there.view(), X_there);
      ops::Fft::forward(X_there.view(), X_there);
      ops::Ifft::forward(back_there.view().transpose(0, 1), X_there);
      ops::Ifft::forward(back.view(), X);
      const auto turned = cuda::to_host(back_there);
      Tensor<complex<T>, 2> rows(5, L);
      copy(rows.view(), turned.view().transpose(0, 1));
      CHECK(difference(rows, back) < bound<T>);
    }
  });
}

TEMPLATE_TEST_CASE("on the device: ssim and its gradients", "", float, double) {
  on_device([] {
    using T = TestType;
    for (const auto& sizes : {Extents<3>{1, 4, 4}, {2, 31, 20}}) {
      auto a = random<double, 3>(sizes, 1), b = random<double, 3>(sizes, 2);
      const auto dS = random<double, 3>(sizes, 3);
      Tensor<T, 3> a_T(sizes), b_T(sizes), dS_T(sizes);
      for (index_t i = 0; i < a.count(); ++i) {
        a_T.data()[i] = static_cast<T>(a.data()[i] = 0.5 + 0.2 * a.data()[i]);
        b_T.data()[i] = static_cast<T>(b.data()[i] = 0.5 + 0.2 * b.data()[i]);
        dS_T.data()[i] = static_cast<T>(dS.data()[i]);
      }
      Tensor<double, 3> S(sizes), da(sizes), db(sizes);
      ops::Ssim::forward(S.view(), a, b);
      ops::Ssim::backward(da.view(), db.view(), dS, a, b);
      const auto a_there = cuda::to_device(a_T), b_there = cuda::to_device(b_T), dS_there = cuda::to_device(dS_T);
      Tensor<T, 3, Cuda> S_there(sizes), da_there(sizes), db_there(sizes);
      ops::Ssim::forward(S_there.view(), a_there, b_there);
      ops::Ssim::backward(da_there.view(), db_there.view(), dS_there, a_there, b_there);
      const double tolerance = std::is_same_v<T, float> ? 1e-4 : 1e-11;
      CHECK(relative_error(cuda::to_host(S_there), S) < tolerance);
      CHECK(relative_error(cuda::to_host(da_there), da) < tolerance);
      CHECK(relative_error(cuda::to_host(db_there), db) < tolerance);
    }
  });
}

TEMPLATE_TEST_CASE("on the device: raw echoes to an image", "", float, double) {
  on_device([] {
    using T = TestType;
    sar::Radar radar;
    radar.chirp_duration = 2e-6;  // 65 samples
    const index_t A = 96, R = 200, W = sar::compressed_columns(radar, R);
    Tensor<complex<double>, 2> rc(A, W), image(128, W);
    sar::compress_range<double, Host>(rc.view(), noise<double>(A, R, 4), radar);
    sar::range_doppler<double, Host>(image.view(), rc, radar);
    const auto raw = cuda::to_device(noise<T>(A, R, 4));
    Tensor<complex<T>, 2, Cuda> rc_there(A, W), image_there(128, W);
    sar::compress_range<T, Cuda>(rc_there.view(), raw, radar);
    sar::range_doppler<T, Cuda>(image_there.view(), rc_there, radar);
    CHECK(difference(cuda::to_host(rc_there), rc) < bound<T>);
    CHECK(difference(cuda::to_host(image_there), image) < (std::is_same_v<T, float> ? 2e-5 : 1e-7));  // phases of 10^8
  });
}
