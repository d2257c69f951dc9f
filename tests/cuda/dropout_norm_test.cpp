#include "typed_dropout_norm.hpp"

#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: layer norm of x + dropout(r) and its gradients", "", float, double) {
  on_device([] {
    check_dropout_add_norms<TestType, Cuda>();
    check_dropout_add_norm_on_tape<TestType, Cuda>();
  });
}
TEMPLATE_TEST_CASE("on the device: layer norm of x + dropout(r), as large as a classifier's", "[large]", float,
                   double) {
  on_device([] {
    for (const index_t H : {32, 128, 256, 512, 600})
      check_dropout_add_norm<TestType, Cuda>({7, H, 1000}, 1, 0.1, false, true);
    check_dropout_add_norm<TestType, Cuda>({64, 128, 784}, 1, 0.1, false, true);
    check_dropout_add_norm<TestType, Cuda>({300, 128, 1024}, 1, 0.1, false, true);
  });
}
