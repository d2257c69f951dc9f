#include "host_place.hpp"
#include "longwave/cuda/graph.hpp"
#include "place.hpp"
#include "typed_dropout.hpp"
#include "typed_fill.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: copies and fills of any layout", "", float, double, complex<double>, std::int32_t,
                   std::int64_t) {
  on_device(check_copies<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: sums of gradients, the finite check", "", float, double) {
  on_device(check_add_and_finite<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: functions of shape on a tape", "", float, double) {
  on_device(check_shape_functions<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: random numbers are those of the host", "", float, double) {
  on_device(check_random_numbers<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: rules of one operand", "", float, double) {
  on_device(check_unary_rules<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: rules of two operands, repeated and left out", "", float, double) {
  on_device(check_binary_rules<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: glu", "", float, double) { on_device(check_glu<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: bias and glu", "", float, double) { on_device(check_bias_glus<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: dropout of any layout", "", float, double) {
  on_device(check_dropouts<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: fused dropout on a tape", "", float, double) {
  on_device(check_fused_on_tape<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: masks", "", float, double) { on_device(check_masks<TestType, Cuda>); }
TEMPLATE_TEST_CASE("on the device: embeddings", "", float, double) { on_device(check_embeddings<TestType, Cuda>); }

TEST_CASE("on the device: an index outside the table gives NaN and no gradient") {
  on_device([] {
    Tensor<index_t, 1> index(3);
    index(0) = 1, index(1) = 4, index(2) = -1;
    const auto there = cuda::to_device(index);
    const auto table = cuda::to_device(random<float>(Extents(4, 3), 71));
    Tensor<float, 2, Cuda> y(3, 3), dtable(4, 3);
    ops::Embedding::forward(y.view(), table, there.view());
    const auto got = cuda::to_host(y);
    CHECK(std::isfinite(got(0, 0)));
    CHECK(std::isnan(got(1, 2)));
    CHECK(std::isnan(got(2, 0)));
    const auto dy = cuda::to_device(random<float>(Extents(3, 3), 72));
    ops::Embedding::backward(dtable.view(), dy.view(), there.view());
    double sum = 0;
    const auto rows = cuda::to_host(dtable), up = cuda::to_host(dy);
    for (index_t i = 0; i < rows.count(); ++i) sum += std::abs(static_cast<double>(rows.data()[i]));
    CHECK(sum == Approx(std::abs(up(0, 0)) + std::abs(up(0, 1)) + std::abs(up(0, 2))));
  });
}

TEST_CASE("on the device: replays draw numbers of their own, those of calls") {
  on_device([] {
    const auto x = cuda::to_device(random<float>(Extents(3, 5, 64), 73));
    const auto run = [&](bool eager) {
      Tensor<float, 3, Cuda> sum(x.sizes()), y(x.sizes());
      Generator gen(12);
      cuda::Graph graph({.eager = eager});
      graph.advances(gen);
      for (int step = 0; step < 4; ++step)
        graph.run([&] {
          ops::Dropout::forward(y.view(), x, gen.next(), 0.3, false);
          detail::add_to(sum.view(), y);
          ops::DropoutAfter<GeluRule>::forward(y.view(), x, gen.next(), 0.3, true);
          detail::add_to(sum.view(), y);
          gen.normal(y.view());
          detail::add_to(sum.view(), y);
        });
      return cuda::to_host(sum);
    };
    CHECK(relative_error(run(false), run(true)) == 0);
  });
}

// A hundred thousand rows and 2^24 elements: more than one launch's blocks run at a time.
TEST_CASE("on the device: many elements", "[large]") {
  on_device([] {
    check_copy<float, Cuda>(Extents(8, 2048, 1024), Layout<3>{0, Extents(1 << 21, 1024, 1)},
                            Layout<3>{0, Extents(1 << 21, 1, 2048)}, index_t(1) << 24);
    check_bias_glu<float, Cuda>(8, 256, 2048);
    check_embedding<float, Cuda, std::int64_t>(16, 4096, 256, 128, false);
    check_dropout<float, Cuda>(Extents(16, 256, 1024), 0.1, false, 0);
  });
}
