// The SAR models on the device against the host in double.
#include "longwave/models/sar_focus.hpp"

#include "longwave/stream/session.hpp"
#include "place.hpp"
#include "typed_layers.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

SarFocusOptions small_filters(bool bidirectional) {
  auto o = wide_sar_focus(-1, 2);
  o.hidden_state_size = 20;
  o.taps = 12;
  o.bidirectional = bidirectional;
  o.num_layers = 2;
  o.residual = true;
  return o;
}

// A model whose filters, zero at first, are drawn.
auto model(const SarFocusOptions& o) {
  return [=](auto on) {
    using On = decltype(on);
    Generator gen(5);
    SarFocus<typename On::Scalar, typename On::Device> f(o, gen);
    for (auto& one : f.filter) {
      init::normal(gen, one.C.value.view(), 0, 1);
      init::normal(gen, one.rate.value.view(), 0, 1);
      init::normal(gen, one.shift.value.view(), 0, 1);
    }
    return f;
  };
}

// The streams of both devices, sample by sample after a prefill; positions change half-way.
template <class T>
void check_stream(const SarFocusOptions& o) {
  auto there = model(o)(On<T, Cuda>());
  auto here = model(o)(On<T, Host>());
  const index_t B = 3, L = 60;
  const auto x = random<T>(Extents<3>{B, 3, L}, 4);
  Session device(there, B);
  Session host(here, B);
  const TensorView<const T, 3> start = TensorView<const T, 3>(x.view()).slice(2, 0, 10);
  Tensor<T, 3> dense(B, 3, 10);
  copy(dense.view(), start);
  host.prefill(dense.view());
  device.prefill(cuda::to_device(dense).view());
  Tensor<T, 2> sample(B, 3);
  double error = 0;
  for (index_t l = 10; l < L; ++l) {
    for (index_t b = 0; b < B; ++b)
      for (index_t i = 0; i < 3; ++i) sample(b, i) = i < 2 ? x(b, i, l) : T(0.1) * static_cast<T>(b + l / 35);
    copy(host.input(), TensorView<const T, 2>(sample.view()));
    cuda::copy(device.input(), sample.view());
    host.step();
    device.step();
    error = std::max(error, relative_error(cuda::to_host(device.output()).view(), host.output()));
  }
  CHECK(error < (sizeof(T) == 4 ? 1e-4 : 1e-10));
}

}  // namespace

TEMPLATE_TEST_CASE("on the device: the SAR network with every activation", "", float, double) {
  on_device([] {
    for (const std::string act : {"leakyrelu", "relu", "gelu", "tanh", "sigmoid", "silu", "glu", "hardswish",
                                  "hardtanh", "hardsigmoid", "hardshrink", "prelu"}) {
      SarFocusOptions o;
      o.act_fun = act;
      check_module<TestType, Cuda>("sar focus, " + act, Extents(2, 45, 3), model(o), plainly, {2e-4, 1e-9});
      check_stream<TestType>(o);
    }
    SarFocusOptions o;
    o.bidirectional = o.batch_norm = o.residual = true;
    check_module<TestType, Cuda>("sar focus, two-sided", Extents(2, 45, 3), model(o), plainly, {2e-4, 1e-9});
    check_training<TestType, Cuda>("sar focus, two-sided", Extents(2, 45, 3), model(o), plainly, {2e-4, 1e-9});
  });
}

// The position is part of the input here and has no gradient: on both devices it is zero.
TEMPLATE_TEST_CASE("on the device: complex-valued SAR filters, whole lines and streams", "", float, double) {
  on_device([] {
    for (const bool bidirectional : {true, false}) {
      const auto o = small_filters(bidirectional);
      for (const index_t L : {1, 7, 61})
        check_module<TestType, Cuda>("sar filters", Extents<3>(2, L, 3), model(o), plainly, {2e-4, 1e-9});
      check_stream<TestType>(o);
    }
  });
}

TEST_CASE("on the device: a step of a SAR stream is one launch that allocates nothing") {
  on_device([] {
    for (const auto& o : {SarFocusOptions(), small_filters(true)}) {
      auto f = model(o)(On<float, Cuda>());
      Session session(f, 10);
      for (int i = 0; i < 3; ++i) session.step();  // as written, captured, replayed
      const cuda::PeakMemory peak;
      for (int i = 0; i < 10; ++i) session.step();
      cuda::synchronize();
      CHECK(peak.bytes() == 0);
    }
  });
}
