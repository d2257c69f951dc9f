#include "longwave/ops/readout.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/readout.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

constexpr ReadoutMode modes[] = {ReadoutMode::last, ReadoutMode::first, ReadoutMode::sum, ReadoutMode::mean};

template <class T>
double expected(const Tensor<T, 3>& x, index_t b, index_t h, index_t j, index_t n, index_t M, ReadoutMode mode) {
  if (mode == ReadoutMode::first) return double(x(b, h, j));
  const index_t t = n - M + j;
  if (mode == ReadoutMode::last) return double(x(b, h, t));
  double sum = 0;
  for (index_t l = 0; l <= t; ++l) sum += double(x(b, h, l));
  return mode == ReadoutMode::mean ? sum / double(t + 1) : sum;
}

}  // namespace

TEMPLATE_TEST_CASE("readout: every mode, with and without lengths, for any size", "", float, double) {
  using T = TestType;
  for (const index_t L : {1, 2, 17, 67})
    for (const index_t M : {index_t(0), index_t(1), (L + 1) / 2, L})
      for (const ReadoutMode mode : modes)
        for (const bool with_lengths : {false, true}) {
          const auto x = random<T>(Extents<3>{3, 2, L});
          Tensor<index_t, 1> lengths(3);
          for (index_t b = 0; b < 3; ++b) lengths(b) = with_lengths ? std::max(M, L - b * L / 3) : L;
          Tensor<T, 3> y(3, 2, M);
          Tensor<double, 3> want(3, 2, M);
          for (index_t b = 0; b < 3; ++b)
            for (index_t h = 0; h < 2; ++h)
              for (index_t j = 0; j < M; ++j) want(b, h, j) = expected(x, b, h, j, lengths(b), M, mode);
          ops::Readout::forward(y.view(), x, with_lengths ? lengths.view() : TensorView<index_t, 1>(), mode);
          INFO("L " << L << " M " << M << " mode " << int(mode));
          CHECK(relative_error(y, want) < (sizeof(T) == 4 ? 1e-6 : 1e-14));  // sums are in double
        }
}

TEST_CASE("readout: gradients agree with differences, padding gets none") {
  Tensor<index_t, 1> lengths(2);
  lengths(0) = 9;
  lengths(1) = 4;
  const TensorView<const index_t, 1> n = lengths.view();
  for (const ReadoutMode mode : modes)
    for (const index_t M : {1, 3, 4}) {
      auto x = random<double>(Extents<3>{2, 2, 9});
      for (const bool with_lengths : {false, true}) {
        const auto check = grad_check(
            [&](auto&, auto v) { return readout(v, M, mode, with_lengths ? n : TensorView<const index_t, 1>()); }, x);
        INFO(check.text());
        CHECK(check.error < 1e-9);  // linear
      }
    }
  auto x = random<double>(Extents<3>{2, 2, 9});
  x(1, 0, 4) = NAN;  // padding is not read
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  const auto y = readout(v, 1, ReadoutMode::mean, n);
  CHECK(std::isfinite(y.value()(1, 0, 0)));
  tape.backward(y, y.value());
  CHECK(v.grad()(1, 0, 4) == 0);
  CHECK(v.grad()(1, 0, 3) != 0);
}

TEST_CASE("readout: strided views, and sizes that do not fit") {
  const auto x = random<double>(Extents<3>{5, 2, 3});
  Tensor<double, 3> dense(3, 2, 5), y(3, 2, 2), z(3, 2, 2), dx(5, 2, 3), dz(3, 2, 5);
  copy(dense.view(), x.view().transpose(0, 2));
  for (const ReadoutMode mode : modes) {
    ops::Readout::forward(y.view(), x.view().transpose(0, 2), {}, mode);
    ops::Readout::forward(z.view(), dense, {}, mode);
    CHECK(relative_error(y, z) == 0);
    ops::Readout::backward(dx.view().transpose(0, 2), y, {}, mode);
    ops::Readout::backward(dz.view(), y, {}, mode);
    CHECK(relative_error(dx.view().transpose(0, 2), dz.view()) == 0);
  }
  Tensor<double, 3> long_y(3, 2, 6);
  CHECK(error_text<ShapeError>([&] { ops::Readout::forward(long_y.view(), dense, {}, ReadoutMode::last); }) ==
        "readout: y is (B=3, H=2, M=6), x is (B=3, H=2, L=5); they share B and H, and M is at most L");
  Tensor<index_t, 1> lengths(3);
  lengths(0) = lengths(2) = 5;
  lengths(1) = 1;
  CHECK(error_text<ValueError>([&] { ops::Readout::forward(y.view(), dense, lengths, ReadoutMode::last); }) ==
        "readout: lengths[1] is 1, expected 2 to L=5");
}
