#include "typed_reduce.hpp"

#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: sums over any set of axes, any strides, the same bits again", "", float, double) {
  on_device([] {
    for (const Extents<3> sizes : {Extents(1, 1, 1), Extents(2, 3, 5), Extents(3, 1, 40), Extents(1, 7, 31),
                                   Extents(0, 2, 3), Extents(2, 3, 0), Extents(40, 64, 100), Extents(3, 5, 2003)})
      check_sum_to<TestType, Cuda>(sizes);
    check_sum_to_strides<TestType, Cuda>();
  });
}
TEMPLATE_TEST_CASE("on the device: sums in several pieces", "[large]", float, double) {
  on_device([] {
    for (const Extents<3> sizes : {Extents(20011, 3, 5), Extents(1, 1, 700001), Extents(5, 300, 1009),
                                   Extents(2, 100003, 3), Extents(1, 3, 300007), Extents(8, 160, 1100)})
      check_sum_to<TestType, Cuda>(sizes);
  });
}
TEMPLATE_TEST_CASE("on the device: reductions along an axis and their gradients", "", float, double) {
  on_device([] {
    for (const bool turned : {false, true})
      for (int axis = 0; axis < 3; ++axis) {
        for (const Extents<3> sizes : {Extents(1, 1, 1), Extents(2, 3, 5), Extents(0, 2, 3), Extents(7, 40, 33),
                                       Extents(3, 130, 65), Extents(1, 1, 1025)})
          check_along<TestType, Cuda>(sizes, axis, turned);
        check_along<TestType, Cuda>(Extents(4, 37, 10), axis, turned, TestType(30));
      }
    for (const Extents<3> sizes : {Extents(1, 1, 1), Extents(2, 3, 5), Extents(7, 40, 33), Extents(3, 130, 65)})
      check_over_all<TestType, Cuda>(sizes);
    check_softmax_limits<TestType, Cuda>();
  });
}
TEMPLATE_TEST_CASE("on the device: reductions along long axes", "[large]", float, double) {
  on_device([] {
    for (const bool turned : {false, true})
      for (const index_t K : {300, 600, 1100, 2100, 5000, 9001}) {
        check_along<TestType, Cuda>(Extents(2, K, 35), 1, turned);
        check_along<TestType, Cuda>(Extents(3, 2, K), 2, turned);
      }
  });
}
TEMPLATE_TEST_CASE("on the device: losses of every rule, reduction and weighting", "", float, double) {
  on_device(check_losses<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: cross_entropy, smoothed, weighted, with ignored targets", "", float, double) {
  on_device(check_cross_entropies<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: a class that does not exist, a mean over nothing: NaN", "", float, double) {
  on_device(check_unknown_classes<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: a reduction's wrong shape is named", "", float, double) {
  on_device(check_reduce_shapes_are_named<TestType, Cuda>);
}
