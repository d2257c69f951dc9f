#include "typed_norm.hpp"

#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: layer_norm and its gradients, any axis, any strides", "", float, double) {
  on_device([] {
    for (const bool turned : {false, true})
      for (int axis = 0; axis < 3; ++axis)
        for (const Extents<3> sizes :
             {Extents(1, 1, 1), Extents(2, 3, 5), Extents(0, 2, 3), Extents(5, 31, 40), Extents(3, 130, 65),
              Extents(1, 300, 37), Extents(1, 17, 4), Extents(3, 33, 36), Extents(2, 130, 68)})
          for (const bool affine : {false, true}) {
            check_layer_norm<TestType, Cuda>(sizes, axis, turned, affine);
            check_layer_norm<TestType, Cuda>(sizes, axis, turned, affine, true);
          }
    check_layer_norm_parts<TestType, Cuda>();
    check_layer_norm_far<TestType, Cuda>();
    check_add_layer_norm_on_tape<TestType, Cuda>();
  });
}
TEMPLATE_TEST_CASE("on the device: layer_norm of many and of long lines", "[large]", float, double) {
  on_device([] {
    for (const index_t H : {256, 512, 600, 1025, 1500}) check_layer_norm<TestType, Cuda>({3, H, 1000}, 1, false, true);
    for (const index_t H : {10, 64, 1000, 1025, 5000, 9001})
      check_layer_norm<TestType, Cuda>({3, 300, H}, 2, false, true);
    check_layer_norm<TestType, Cuda>({16, 64, 20011}, 1, false, true);
    check_layer_norm<TestType, Cuda>({64, 128, 1024}, 1, false, true);
    check_layer_norm<TestType, Cuda>({64, 128, 784}, 1, false, true, true);
    check_layer_norm<TestType, Cuda>({2, 512, 100000}, 1, false, true);
    check_layer_norm<TestType, Cuda>({600, 20, 400}, 1, false, true);
    check_long_lines<TestType, Cuda>({2, 3, 100003});
    check_layer_norm<TestType, Cuda>({16, 5000, 32}, 2, false, true, true);
  });
}
TEMPLATE_TEST_CASE("on the device: scalar_layer_norm and its gradients", "", float, double) {
  on_device([] {
    for (const bool turned : {false, true})
      for (const Extents<3> sizes : {Extents(1, 2, 1), Extents(2, 3, 5), Extents(0, 2, 3), Extents(5, 31, 40),
                                     Extents(3, 130, 65), Extents(2, 300, 1000)})
        check_scalar_layer_norm<TestType, Cuda>(sizes, turned);
  });
}
TEMPLATE_TEST_CASE("on the device: batch_norm and its gradients, training and evaluation", "", float, double) {
  on_device([] {
    for (const bool turned : {false, true})
      for (const bool training : {false, true})
        for (const bool affine : {false, true})
          for (const Extents<3> sizes : {Extents(2, 1, 1), Extents(2, 3, 5), Extents(0, 2, 3), Extents(5, 31, 40),
                                         Extents(3, 130, 65), Extents(16, 5, 3001)})
            check_batch_norm<TestType, Cuda>(sizes, turned, training, affine);
    check_batch_norm_matrix<TestType, Cuda>();
  });
}
