// The trainer on a GPU; where there is none these tests say so and pass.
#include <cmath>

#include "check.hpp"
#include "common/device.hpp"
#include "long_sequence/backend.hpp"

using namespace longwave::examples;
using longwave::index_t;

namespace {

template <class F>
void on_gpu(F&& body) {
  longwave::DeviceChoice device;
  try {
    device = open_device("cuda");
  } catch (const NoDeviceError&) {
    WARN("skipped: no CUDA device");
    return;
  }
  body(device);
}

// Two classes of waves, of one length or of several.
RunData waves(bool variable, index_t items = 96) {
  RunData data;
  for (Part* part : {&data.train, &data.test}) {
    longwave::SequenceSet<float, index_t> set{.name = "waves", .classes = 2};
    for (index_t i = 0; i < items; ++i) {
      for (index_t l = 0; l < (variable ? 40 + i % 30 : 90); ++l)
        set.values.push_back(std::sin(static_cast<float>(l) * (i % 2 == 0 ? 0.2f : 0.9f) + static_cast<float>(i)));
      set.end_sequence();
      set.y.push_back(i % 2);
    }
    *part = set;
  }
  data.shape.length = variable ? 69 : 90;
  data.shape.outputs = 2;
  data.shape.variable = variable;
  return data;
}

RunOptions options_of(const char* layer) {
  RunOptions options;
  options.model.layer = layer;
  options.model.d_model = 16;
  options.model.d_state = 32;
  options.model.n_layers = 2;
  options.model.dropout = 0;
  options.model.final_act = "glu";
  options.loader.batch = 32;
  options.trainer.epochs = 30;
  options.optimizer.clip = 1;
  return options;
}

std::vector<StepResult> run(const RunOptions& options, const RunData& data, const longwave::DeviceChoice& device,
                            int steps) {
  const auto trainer = backend_of(device).make_trainer(options, "{}", data);
  std::vector<StepResult> results;
  for (int i = 0; i < steps; ++i) {
    trainer->step();
    for (StepResult result; trainer->next(result, true);) results.push_back(result);
  }
  return results;
}

void check_close(const std::vector<StepResult>& got, const std::vector<StepResult>& want, double loss, double norm) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("step " << i + 1);
    CHECK(got[i].step == want[i].step);
    CHECK(got[i].items == want[i].items);
    CHECK(got[i].loss == Approx(want[i].loss).epsilon(loss));
    CHECK(got[i].grad_norm == Approx(want[i].grad_norm).epsilon(norm));
  }
}

void check_same(const std::vector<StepResult>& got, const std::vector<StepResult>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("step " << i + 1);
    CHECK(got[i].loss == want[i].loss);
    CHECK(got[i].grad_norm == want[i].grad_norm);
  }
}

}  // namespace

TEST_CASE("trainer on the device: passes with held kernels, captured, make the step of the whole batch") {
  on_gpu([](const longwave::DeviceChoice& device) {
    for (const bool variable : {false, true}) {
      const RunData data = waves(variable);
      for (const char* layer : {"s4d", "s4_diag", "s4", "dss"})
        for (const bool both_ways : {false, true}) {
          INFO(layer << (both_ways ? ", bidirectional" : "") << (variable ? ", lengths" : ""));
          if (variable && both_ways && std::string(layer) == "s4d") continue;  // refuses lengths
          if (variable && std::string(layer) == "dss") continue;  // its kernel depends on the longest item of a batch
          RunOptions options = options_of(layer);
          options.model.bidirectional = both_ways;
          const auto whole = run(options, data, device, 6);
          options.loader.batch = 8;
          options.trainer.accumulate = 4;
          const auto parts = run(options, data, device, 6);
          check_close(parts, whole, 1e-3, 1e-2);
          options.trainer.finite_check = true;  // op by op
          check_same(parts, run(options, data, device, 6));
          options.trainer.finite_check = false;
          check_close(parts, run(options, data, {}, 6), 1e-3, 1e-2);
        }
    }
  });
}

TEST_CASE("trainer on the device: more passes to a step than numbers are kept by default") {
  on_gpu([](const longwave::DeviceChoice& device) {
    RunOptions options = options_of("s4d");
    options.loader.batch = 1;
    options.trainer.accumulate = 48;
    const RunData data = waves(false, 384);
    const auto trainer = backend_of(device).make_trainer(options, "{}", data);
    for (int i = 0; i < 8; ++i) trainer->step();
    int told = 0;
    for (StepResult result; trainer->next(result, true); ++told) CHECK(result.grad_norm > 0);
    CHECK(told == 8);
  });
}

TEST_CASE("trainer on the device: values in bfloat16 train as floats do") {
  on_gpu([](const longwave::DeviceChoice& device) {
    for (const bool variable : {false, true}) {
      const RunData data = waves(variable);
      for (const char* layer : {"s4d", "s4_diag", "s4", "dss"})
        for (const double dropout : {0.0, 0.2})
          for (const index_t accumulate : {1, 4}) {
            INFO(layer << ", dropout " << dropout << ", accumulate " << accumulate << (variable ? ", lengths" : ""));
            RunOptions options = options_of(layer);
            options.model.dropout = dropout;
            options.trainer.accumulate = accumulate;
            options.loader.batch = 32 / accumulate;
            const auto wide = run(options, data, device, 6);
            options.trainer.precision = "bf16";
            const auto narrow = run(options, data, device, 6);
            // Steps of Adam go by the sign of small gradients, so later ones drift apart.
            CHECK(narrow[0].loss == Approx(wide[0].loss).epsilon(0.01));
            CHECK(narrow[0].grad_norm == Approx(wide[0].grad_norm).epsilon(0.05));
            CHECK(narrow[0].loss != wide[0].loss);  // or it was not in bfloat16
            CHECK(narrow.back().loss == Approx(wide.back().loss).epsilon(0.2));
            options.trainer.finite_check = true;  // op by op
            check_same(narrow, run(options, data, device, 6));
          }
    }
    RunOptions options = options_of("s4d");
    options.trainer.precision = "bf16";
    const RunData data = waves(false);
    const auto trainer = backend_of(device).make_trainer(options, "{}", data);
    while (!trainer->done()) {
      trainer->step();
      for (StepResult result; trainer->next(result, false);) {
      }
    }
    CHECK(trainer->evaluate(data.test).accuracy == 1);
  });
}
