#include "typed_mmd.hpp"

#include "host_place.hpp"
#include "longwave/metrics/mmd_permutation.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: mmd and its gradients in tiles, any sizes and strides", "", float, double) {
  on_device(check_mmd_sizes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: mmd, several tiles of a block and pieces of a gradient", "[large]", float, double) {
  on_device([] {
    check_mmd<TestType, Cuda>(6007, 4099, 4);
    check_mmd<TestType, Cuda>(150, 8011, 3);
  });
}
TEMPLATE_TEST_CASE("on the device: mmd of far, equal and missing points", "", float, double) {
  on_device(check_mmd_limits<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: mmd as a loss on a tape", "", float, double) {
  on_device(check_mmd_on_tape<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: mmd's wrong shapes are named", "", float, double) {
  on_device(check_mmd_shapes_are_named<TestType, Cuda>);
}
// Two strips of the kernel, and a last one of a single row.
TEMPLATE_TEST_CASE("on the device: the permutation test has the host's values", "", float, double) {
  on_device([] {
    using T = TestType;
    for (const auto& [n, m, d] : {std::array<index_t, 3>{700, 500, 4}, {1000, 25, 2}, {30, 41, 9}}) {
      const auto x = random<T>(Extents<2>(n, d), 37), y = random<T>(Extents<2>(m, d), 38, T(1.1));
      const auto x_there = cuda::to_device(x), y_there = cuda::to_device(y);
      for (const MmdForm form : {MmdForm::unbiased, MmdForm::biased}) {
        const RbfMixture kernel({1, 2});
        const PermutationTest want = mmd_permutation_test<T>(x, y, kernel, 19, 5, form);
        const PermutationTest got = mmd_permutation_test<T>(x_there.view(), y_there.view(), kernel, 19, 5, form);
        const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12;  // float: sums of as many numbers as points
        CHECK(std::abs(got.mmd2 - want.mmd2) < tolerance);
        REQUIRE(got.permuted.size() == want.permuted.size());
        for (std::size_t p = 0; p < want.permuted.size(); ++p)
          CHECK(std::abs(got.permuted[p] - want.permuted[p]) < tolerance);
        CHECK(got.p_value == want.p_value);
      }
    }
  });
}
