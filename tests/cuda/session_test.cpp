#include "longwave/stream/session.hpp"

#include "place.hpp"
#include "typed_step.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("on the device: a session of a layer, prefilled or not", "", float, double) {
  on_device(check_layer_sessions<TestType, Cuda>);
}
TEMPLATE_TEST_CASE("on the device: a session of a classifier, prefilled or not", "", float, double) {
  on_device(check_classifier_sessions<TestType, Cuda>);
}

TEMPLATE_TEST_CASE("on the device: a session of a backbone with every norm and residual", "", float, double) {
  on_device(check_backbone_sessions<TestType, Cuda>);
}

TEST_CASE("on the device: a step of a session is one launch that allocates nothing") {
  on_device([] {
    Generator gen(3);
    S4D<float, Cuda> layer({.d_model = 40, .d_state = 64}, gen);
    Session<S4D<float, Cuda>> session(layer, 100);
    for (int i = 0; i < 3; ++i) session.step();  // as written, captured, replayed
    const cuda::PeakMemory peak;
    for (int i = 0; i < 10; ++i) session.step();
    cuda::synchronize();
    CHECK(peak.bytes() == 0);
  });
}
