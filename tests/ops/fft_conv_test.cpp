// Long convolutions against direct sums in double, with FFTW or without it.
#include "longwave/autograd/functions/fft_conv.hpp"
#include "check.hpp"

namespace longwave {
namespace {

using test::random;
using test::relative_error;

// y (B, C, H, L) by the definition; K has C or 2C kernels per feature.
template <class T>
Tensor<double, 4> direct(const Tensor<T, 3>& u, const Tensor<T, 3>& K, const Tensor<T, 2>& D, bool bidirectional) {
  const index_t B = u.size(0), H = u.size(1), L = u.size(2), M = K.size(2);
  const index_t C = bidirectional ? K.size(0) / 2 : K.size(0);
  Tensor<double, 4> y(B, C, H, L);
  auto at = [](const auto& t, auto... i) { return static_cast<double>(t(i...)); };
  for (index_t b = 0; b < B; ++b)
    for (index_t c = 0; c < C; ++c)
      for (index_t h = 0; h < H; ++h)
        for (index_t l = 0; l < L; ++l) {
          double sum = D.count() > 0 ? at(D, c, h) * at(u, b, h, l) : 0;
          for (index_t j = 0; j < M && j <= l; ++j) sum += at(K, c, h, j) * at(u, b, h, l - j);
          for (index_t j = 0; bidirectional && j < M && l + 1 + j < L; ++j)
            sum += at(K, C + c, h, j) * at(u, b, h, l + 1 + j);
          y(b, c, h, l) = sum;
        }
  return y;
}

// Errors of a transform are relative to the whole row and grow with sqrt(log n).
template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 2e-6 : 1e-13;

}  // namespace

TEMPLATE_TEST_CASE("fft_conv: equals the direct sum at any length", "", float, double) {
  using T = TestType;
  const index_t L = GENERATE(1, 2, 3, 17, 31, 64, 100, 997, 1024, 4096);
  const index_t M = GENERATE_COPY(index_t(L), L / 2, index_t(1), index_t(0));
  const auto u = random<T, 3>({2, 3, L}, 1);
  const auto K = random<T, 3>({1, 3, M}, 2);
  const auto D = random<T, 2>({1, 3}, 3);
  Tape<T> tape;
  auto y = fft_conv(tape.input(u), tape.input(K.view()[0]), tape.input(D.view()[0]));
  const auto want = direct(u, K, D, false);
  CHECK(relative_error(y.value(), want.view().reshape(Extents<3>{2, 3, L})) < tolerance<T>);
}

TEMPLATE_TEST_CASE("fft_conv: channels and two-sided kernels equal the direct sum", "", float, double) {
  using T = TestType;
  const index_t L = GENERATE(1, 2, 31, 100, 1000);
  const index_t M = GENERATE_COPY(index_t(L), (L + 2) / 3);
  const bool bidirectional = GENERATE(false, true);
  const auto u = random<T, 3>({2, 3, L}, 1);
  const auto K = random<T, 3>({bidirectional ? 4 : 2, 3, M}, 2);
  const auto D = random<T, 2>({2, 3}, 3);
  Tape<T> tape;
  auto y = bidirectional ? fft_conv_bidirectional(tape.input(u), tape.input(K), tape.input(D))
                         : fft_conv(tape.input(u), tape.input(K), tape.input(D));
  CHECK(relative_error(y.value(), direct(u, K, D, bidirectional).view()) < tolerance<T>);
}

TEST_CASE("fft_conv: the anti-causal half starts one sample later") {
  Tensor<double, 3> u(1, 1, 6), K(2, 1, 6);
  u(0, 0, 3) = 1;
  K(0, 0, 0) = 10;
  K(1, 0, 0) = 1;  // reaches back from sample 3 to sample 2
  Tape<double> tape;
  auto y = fft_conv_bidirectional(tape.input(u), tape.input(K)).value();
  const double want[] = {0, 0, 1, 10, 0, 0};
  for (index_t l = 0; l < 6; ++l) CHECK(y(0, 0, 0, l) == Approx(want[l]).margin(1e-14));
}

TEST_CASE("fft_conv: gradients equal differences") {
  const index_t L = GENERATE(1, 2, 7, 12);
  const index_t M = GENERATE_COPY(index_t(L), (L + 1) / 2);
  auto u = random<double, 3>({2, 2, L}, 1);
  auto K = random<double, 2>({2, M}, 2);
  auto D = random<double, 1>({2}, 3);
  const GradCheck check = grad_check([](auto&, auto a, auto k, auto d) { return fft_conv(a, k, d); }, u, K, D);
  INFO(check.text());
  CHECK(check.error < 1e-8);
}

TEST_CASE("fft_conv: gradients of channels and two-sided kernels equal differences") {
  const index_t L = GENERATE(1, 2, 9);
  const index_t M = GENERATE_COPY(index_t(L), (L + 1) / 2);
  const bool bidirectional = GENERATE(false, true);
  auto u = random<double, 3>({2, 2, L}, 1);
  auto K = random<double, 3>({4, 2, M}, 2);
  auto D = random<double, 2>({bidirectional ? 2 : 4, 2}, 3);
  const GradCheck check =
      grad_check([=](auto&, auto a, auto k,
                     auto d) { return bidirectional ? fft_conv_bidirectional(a, k, d) : fft_conv(a, k, d); },
                 u, K, D);
  INFO(check.text());
  CHECK(check.error < 1e-8);
}

TEST_CASE("fft_conv: long gradients equal direct sums") {
  const index_t L = 997;
  const auto u = random<double, 3>({2, 1, L}, 1), dy = random<double, 3>({2, 1, L}, 4);
  const auto K = random<double, 2>({1, L}, 2);
  const auto D = random<double, 1>({1}, 3);
  Tensor<double, 3> du(2, 1, L), du_want(2, 1, L);
  Tensor<double, 2> dK(1, L), dK_want(1, L);
  Tensor<double, 1> dD(1);
  dD(0) = 100;  // is added to
  double dD_want = 100;
  for (index_t b = 0; b < 2; ++b)
    for (index_t l = 0; l < L; ++l) {
      dD_want += dy(b, 0, l) * u(b, 0, l);
      du_want(b, 0, l) += D(0) * dy(b, 0, l);
      for (index_t j = 0; j <= l; ++j) {
        dK_want(0, j) += dy(b, 0, l) * u(b, 0, l - j);
        du_want(b, 0, l - j) += dy(b, 0, l) * K(0, j);
      }
    }
  ops::FftConv::backward(du.view(), dK, dD, dy, u, K, D);
  CHECK(relative_error(du, du_want) < 1e-13);
  CHECK(relative_error(dK, dK_want) < 1e-13);
  CHECK(dD(0) == Approx(dD_want).epsilon(1e-13));
}

TEST_CASE("fft_conv: gradients may be asked for one at a time") {
  const index_t L = 40;
  const auto u = random<double, 3>({2, 3, L}, 1), dy = random<double, 3>({2, 3, L}, 4);
  const auto K = random<double, 2>({3, 20}, 2);
  const auto D = random<double, 1>({3}, 3);
  Tensor<double, 3> du(u.sizes()), du_alone(u.sizes());
  Tensor<double, 2> dK(K.sizes()), dK_alone(K.sizes());
  Tensor<double, 1> dD(3), dD_alone(3);
  using None3 = TensorView<double, 3>;
  ops::FftConv::backward(du.view(), dK, dD, dy, u, K, D);
  ops::FftConv::backward(du_alone.view(), TensorView<double, 2>(), TensorView<double, 1>(), dy, u, K, D);
  ops::FftConv::backward(None3(), dK_alone, TensorView<double, 1>(), dy, u, K, D);
  ops::FftConv::backward(None3(), TensorView<double, 2>(), dD_alone, dy, u, K, D);
  CHECK(relative_error(du_alone, du) == 0);
  CHECK(relative_error(dK_alone, dK) == 0);
  CHECK(relative_error(dD_alone, dD) == 0);
}

TEST_CASE("fft_conv: later input does not move earlier output") {
  const index_t L = 100;
  auto u = random<double, 3>({1, 2, L}, 1);
  const auto K = random<double, 2>({2, L}, 2);
  Tensor<double, 3> before(1, 2, L), after(1, 2, L);
  ops::FftConv::forward(before.view(), u, K);
  for (index_t l = 60; l < L; ++l) u(0, 0, l) += 5;
  ops::FftConv::forward(after.view(), u, K);
  for (index_t l = 0; l < 60; ++l) CHECK(after(0, 0, l) == Approx(before(0, 0, l)).margin(1e-12));
  CHECK(std::abs(after(0, 0, 60) - before(0, 0, 60)) > 1e-3);
}

TEST_CASE("fft_conv: strided views give the same numbers") {
  const index_t B = 2, H = 3, L = 20;
  const auto u_last = random<double, 3>({B, L, H}, 1), dy_last = random<double, 3>({B, L, H}, 5);
  const auto u = u_last.view().transpose(1, 2), dy = dy_last.view().transpose(1, 2);
  Tensor<double, 3> u_dense(B, H, L), dy_dense(B, H, L);
  detail::add_to(u_dense.view(), u);
  detail::add_to(dy_dense.view(), dy);
  const auto K = random<double, 2>({H, L}, 2);
  const auto D = random<double, 1>({H}, 3);
  Tensor<double, 3> y(B, L, H), want(B, H, L), du(B, L, H), du_want(B, H, L);
  Tensor<double, 2> dK(L, H), dK_want(H, L);
  Tensor<double, 1> dD(H), dD_want(H);
  ops::FftConv::forward(y.view().transpose(1, 2), u, K, D);
  ops::FftConv::forward(want.view(), u_dense, K, D);
  CHECK(relative_error(y.view().transpose(1, 2), want.view()) < 1e-15);
  ops::FftConv::backward(du.view().transpose(1, 2), dK.view().transpose(0, 1), dD, dy, u, K, D);
  ops::FftConv::backward(du_want.view(), dK_want, dD_want, dy_dense, u_dense, K, D);
  CHECK(relative_error(du.view().transpose(1, 2), du_want.view()) < 1e-15);
  CHECK(relative_error(dK.view().transpose(0, 1), dK_want.view()) < 1e-15);
  CHECK(relative_error(dD, dD_want) < 1e-14);
}

TEST_CASE("fft_conv: the same bits for any number of threads") {
  const auto u = random<float, 3>({5, 3, 500}, 1), dy = random<float, 3>({5, 3, 500}, 4);
  const auto K = random<float, 2>({3, 500}, 2);
  const auto D = random<float, 1>({3}, 3);
  auto run = [&](int threads) {
    set_num_threads(threads);
    Tensor<float, 1> all(2 * 7500 + 1500 + 3);
    TensorView<float, 3> y(all.data(), {5, 3, 500}), du(all.data() + 7500, {5, 3, 500});
    TensorView<float, 2> dK(all.data() + 15000, {3, 500});
    ops::FftConv::forward(y, u, K, D);
    ops::FftConv::backward(du, dK, TensorView<float, 1>(all.data() + 16500, {3}), dy, u, K, D);
    set_num_threads(0);
    return all;
  };
  const auto one = run(1);
  CHECK(relative_error(run(2), one) == 0);
  CHECK(relative_error(run(8), one) == 0);
}

TEST_CASE("fft_conv: an empty batch gives zero kernel gradients") {
  Tensor<double, 3> u(0, 2, 5), du(0, 2, 5);
  const auto K = random<double, 2>({2, 5});
  auto dK = random<double, 2>({2, 5});
  ops::FftConv::forward(du.view(), u, K);
  ops::FftConv::backward(du.view(), dK, TensorView<double, 1>(), u, u, K);
  for (index_t i = 0; i < dK.count(); ++i) CHECK(dK.data()[i] == 0);
}

TEST_CASE("fft_conv: errors name arguments and sizes") {
  Tensor<float, 3> u(2, 4, 8), y(2, 4, 8);
  Tensor<float, 2> wrong_H(3, 8), long_K(4, 9), K(4, 8);
  Tensor<float, 4> y4(2, 3, 4, 8);
  CHECK(test::error_text<ShapeError>([&] { ops::FftConv::forward(y.view(), u, wrong_H); }) ==
        "fft_conv: u and K disagree on H: u is (B=2, H=4, L=8), K is (C=1, H=3, M=8)");
  CHECK(test::error_text<ShapeError>([&] { ops::FftConv::forward(y.view(), u, long_K); }) ==
        "fft_conv: K is longer than u: K is (C=1, H=4, M=9), u is (B=2, H=4, L=8); pass its first L samples");
  CHECK(test::error_text<ShapeError>([&] { ops::FftConv::forward(y4.view(), u, Tensor<float, 3>(4, 4, 8)); }) ==
        "fft_conv: K has 4 kernels per feature; y is (B=2, C=3, H=4, L=8) and takes C, or 2C if two-sided");
  CHECK(test::error_text<ShapeError>([&] { ops::FftConv::forward(y.view(), u, K, Tensor<float, 1>(5)); }) ==
        "fft_conv: D is (C=1, H=5), expected (C=1, H=4)");
  CHECK(test::error_text<ShapeError>([&] { ops::FftConv::forward(y.view(), Tensor<float, 3>(2, 4, 7), K); }) ==
        "fft_conv: u and y differ in shape: u is (B=2, H=4, L=7), y is (B=2, C=1, H=4, L=8)");
}

}  // namespace longwave
