#include "longwave/cuda/blas.hpp"
#include "longwave/cuda/graph.hpp"
#include "place.hpp"
#include "typed_linalg.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: matmul of any size", "", float, double) {
  on_device(check_matmul_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: matmul of views of any strides", "", float, double) {
  on_device(check_matmul_strided<TestType, Cuda>);
  on_device(check_batched_matmul<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: linear adds to the gradients of its parameters", "[large]", float, double) {
  on_device(check_linear_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: linear with gradients left out", "", float, double) {
  on_device(check_linear_parts<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: conv1d with all its options", "", float, double) {
  on_device(check_conv1d_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: conv1d of long rows", "[large]", float, double) {
  on_device(check_conv1d_large<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: transforms of any length", "", float, double) {
  on_device(check_fft_lengths<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: fft_conv of short rows", "", float, double) {
  on_device(check_fft_conv_sizes<TestType, Cuda>);
  on_device(check_fft_conv_strided<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: fft_conv adds a gradient that is there to du, and applies gelu on its way out",
                   "[large]", float, double) {
  on_device([] {
    using T = TestType;
    const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-14;
    for (const index_t L : {1, 20, 200, 301, 9000, 40000})  // the last: by cuFFT
      for (const index_t C : {1, 2}) {
        INFO("L " << L << ", C " << C);
        const Extents<3> sizes{3, 5, L};
        const Extents<4> channels{3, C, 5, L};
        const auto dy = cuda::to_device(random<T>(channels, 1));
        const auto u = cuda::to_device(random<T>(sizes, 2)), K = cuda::to_device(random<T>(Extents<3>{2 * C, 5, L}, 3));
        const auto D = cuda::to_device(random<T>(Extents<2>{C, 5}, 4));
        const auto there = random<T>(sizes, 5);
        const auto before = cuda::to_device(there);
        Tensor<T, 3, Cuda> alone(sizes), both(sizes);
        cuda::fft_conv_backward<T>(alone.view(), {}, {}, dy.view(), u.view(), K.view(), D.view(), {}, {});
        cuda::fft_conv_backward<T>(both.view(), {}, {}, dy.view(), u.view(), K.view(), D.view(), {}, before.view());
        Tensor<T, 3> want = cuda::to_host(alone);
        longwave::detail::add_to<T, 3>(want.view(), there.view());
        CHECK(relative_error(cuda::to_host(both), want) < tolerance);

        Tensor<T, 4, Cuda> y(channels), z(channels), of_z(channels), of_none(channels), want_y(channels);
        cuda::fft_conv_forward<T>(y.view(), u.view(), K.view(), D.view(), {});
        ops::Gelu::forward<T, 4, Cuda>(want_y.view(), y.view());
        cuda::fft_conv_gelu_forward<T>(of_z.view(), z.view(), u.view(), K.view(), D.view(), {});
        cuda::fft_conv_gelu_forward<T>(of_none.view(), {}, u.view(), K.view(), D.view(), {});
        CHECK(relative_error(cuda::to_host(z), cuda::to_host(y)) < tolerance);
        CHECK(relative_error(cuda::to_host(of_z), cuda::to_host(want_y)) < tolerance);
        CHECK(relative_error(cuda::to_host(of_none), cuda::to_host(of_z)) == 0);
      }
  });
}
TEMPLATE_TEST_CASE("on the device: fft_conv of long rows", "[large]", float, double) {
  on_device(check_fft_conv_large<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: gradients of products and convolutions repeat bit for bit", "[large]", float,
                   double) {
  on_device(check_linalg_repeatable<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: products and convolutions name a wrong shape", "", float, double) {
  on_device(check_linalg_shapes_are_named<TestType, Cuda>);
}

// One call of everything; parameters' gradients are added to.
struct Everything {
  Tensor<float, 3, Cuda> x{3, 8, 300}, y{3, 12, 300}, dx{3, 8, 300}, W{12, 8, 3}, dW{12, 8, 3};
  Tensor<float, 3, Cuda> u{2, 2, 40000}, v{2, 2, 40000}, du{3, 8, 300};
  Tensor<float, 2, Cuda> K{8, 300}, dK{8, 300}, K_long{2, 40000};
  Tensor<complex<float>, 2, Cuda> X{24, 151};

  Everything() {
    cuda::copy(W.view(), random<float>(W.sizes(), 2).view());
    cuda::copy(u.view(), random<float>(u.sizes(), 3).view());
    cuda::copy(K.view(), random<float>(K.sizes(), 4).view());
    cuda::copy(K_long.view(), random<float>(K_long.sizes(), 5).view());
  }

  void input(std::uint64_t seed) { cuda::copy(x.view(), random<float>(x.sizes(), seed).view()); }

  void run() {
    ops::Conv1d::forward(y.view(), x, W, {}, {.padding = 1});
    ops::Conv1d::backward(dx.view(), dW.view(), {}, read(y), x, W, {.padding = 1});
    ops::FftConv::backward(du.view(), dK.view(), {}, x.view(), x, K);
    ops::FftConv::forward(v.view(), u, K_long);
    ops::Rfft::forward(X.view(), x.view().reshape(Extents<2>(24, 300)), 300);
  }
};

TEST_CASE("on the device: products, transforms and convolutions in a graph", "[large]") {
  on_device([] {
    Everything called, replayed;
    cuda::Graph graph;
    for (std::uint64_t step = 0; step < 4; ++step) {
      called.input(10 + step);
      replayed.input(10 + step);
      called.run();
      graph.run([&] { replayed.run(); });
    }
    const auto same = [](const auto& a, const auto& b) {
      return relative_error(cuda::to_host(a), cuda::to_host(b)) == 0;
    };
    CHECK(same(replayed.y, called.y));
    CHECK(same(replayed.dx, called.dx));
    CHECK(same(replayed.dW, called.dW));
    CHECK(same(replayed.du, called.du));
    CHECK(same(replayed.dK, called.dK));
    CHECK(same(replayed.v, called.v));
    CHECK(relative_error(pairs_of(cuda::to_host(replayed.X)), pairs_of(cuda::to_host(called.X))) == 0);
  });
}

// More plans than are kept, twice: those thrown away are made again.
TEST_CASE("on the device: transforms of many lengths in turn", "[large]") {
  on_device([] {
    for (int round = 0; round < 2; ++round)
      for (index_t n = 100; n < 140; ++n) check_fft<float, Cuda>(2, n, n);
  });
}

TEST_CASE("on the device: TF32 is off until it is asked for, and then as exact as it says", "[large]") {
  on_device([] {
    const auto A = random<float>(Extents(256, 512), 1), B = random<float>(Extents(512, 256), 2);
    Tensor<double, 2> want(256, 256), bound(256, 256);
    auto A_wide = in_double(A), B_wide = in_double(B);
    ops::Matmul::forward(want.view(), A_wide, B_wide);
    for (index_t i = 0; i < A_wide.count(); ++i) A_wide.data()[i] = std::abs(A_wide.data()[i]);
    for (index_t i = 0; i < B_wide.count(); ++i) B_wide.data()[i] = std::abs(B_wide.data()[i]);
    ops::Matmul::forward(bound.view(), A_wide, B_wide);
    const auto a = cuda::to_device(A), b = cuda::to_device(B);
    const auto worst = [&] {  // max |got - want| / sum |a||b|
      auto C = unwritten<float, 2, Cuda>({256, 256});
      ops::Matmul::forward(C.view(), a, b);
      const auto got = cuda::to_host(C);
      double error = 0;
      for (index_t i = 0; i < got.count(); ++i)
        error = std::max(error, std::abs(static_cast<double>(got.data()[i]) - want.data()[i]) / bound.data()[i]);
      return error;
    };
    CHECK(!cuda::tf32());
    CHECK(worst() < 1e-6);
    cuda::set_tf32(true);
    const double rounded = worst();
    cuda::set_tf32(false);
    CAPTURE(rounded);
    CHECK(rounded < 1e-3);
    CHECK(rounded > 1e-6);
    CHECK(worst() < 1e-6);
  });
}
