#include "typed_pool.hpp"

#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: pools over time and features", "", float, double) {
  on_device(check_pools<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: readouts in every mode, with and without lengths", "", float, double) {
  on_device(check_readouts<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: weight_norm and its gradients", "", float, double) {
  on_device(check_weight_norms<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: predictions are counted", "", float, double) {
  on_device(check_accuracy<TestType, Cuda>);
}

// What is an error on the host counts as the nearest length there is.
TEST_CASE("on the device: lengths out of range") {
  on_device([] {
    const auto x = given<float, Cuda>(Extents(2, 3, 10), 69);
    Tensor<index_t, 1> wrong(2), meant(2);
    wrong(0) = -5;
    wrong(1) = 99;
    meant(0) = 2;
    meant(1) = 10;
    const auto wrong_there = cuda::to_device(wrong), meant_there = cuda::to_device(meant);
    Result<float, 3, Cuda> y(Extents(2, 3, 2)), want(Extents(2, 3, 2));
    ops::Readout::forward(y.view(), x.view(), wrong_there, ReadoutMode::mean);
    ops::Readout::forward(want.view(), x.view(), meant_there, ReadoutMode::mean);
    CHECK(relative_error(y.back(), want.back()) == 0);
    CHECK(error_text<ShapeError>([&] {
            ops::Readout::forward(y.view(), x.view(), wrong_there.view().slice(0, 0, 1), ReadoutMode::sum);
          }) == "readout: lengths is (B=1), expected (B=2)");
  });
}
