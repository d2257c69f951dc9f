#include "long_sequence/backend.hpp"

#include <cstdlib>
#include <new>

#include "allocations.hpp"
#include "check.hpp"

namespace {
using longwave::test::allocations;

void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  void* p = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t a) { return counted(bytes, static_cast<std::size_t>(a)); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(bytes);
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }

using namespace longwave::examples;
using longwave::index_t;

namespace {

RunOptions small_options() {
  RunOptions options;
  options.model.d_model = 8;
  options.model.d_state = 4;
  options.model.n_layers = 2;
  options.loader.batch = 16;
  options.trainer.epochs = 30;
  options.optimizer.clip = 1;
  options.optimizer.ema = 0.9;
  options.scheduler.warmup_epochs = 1;
  return options;
}

// Two classes: a slow and a fast oscillation.
RunData two_waves() {
  RunData data;
  for (Part* part : {&data.train, &data.test}) {
    longwave::SequenceSet<float, index_t> waves{.name = "waves", .classes = 2};
    for (index_t i = 0; i < 64; ++i) {
      for (index_t l = 0; l < 37; ++l)
        waves.values.push_back(std::sin(static_cast<float>(l) * (i % 2 == 0 ? 0.2f : 0.9f) + static_cast<float>(i)));
      waves.end_sequence();
      waves.y.push_back(i % 2);
    }
    *part = waves;
  }
  data.shape.length = 37;
  data.shape.outputs = 2;
  return data;
}

index_t steps_per_epoch(const RunOptions& options) { return 64 / options.loader.batch / options.trainer.accumulate; }

}  // namespace

TEST_CASE("trainer: after the first steps a step allocates nothing") {
  const RunOptions options = small_options();
  const RunData data = two_waves();
  const auto made = backend_of({}).make_trainer(options, "{}", data);
  Trainer& trainer = *made;
  for (index_t i = 0; i < 2 * steps_per_epoch(options); ++i) trainer.step();
  const long before = allocations;
  for (index_t i = 0; i < 2 * steps_per_epoch(options); ++i) trainer.step();
  CHECK(allocations - before == 0);
}

TEST_CASE("trainer: learns to tell a slow wave from a fast one") {
  const RunOptions options = small_options();
  const RunData data = two_waves();
  const auto made = backend_of({}).make_trainer(options, "{}", data);
  Trainer& trainer = *made;
  const Scores before = trainer.evaluate(data.test);
  while (!trainer.done()) trainer.step();
  const Scores after = trainer.evaluate(data.test);
  CHECK(after.accuracy == 1);
  CHECK(after.loss < before.loss / 2);
}

TEST_CASE("trainer: the learning rate rises over the warm-up and then falls to its floor") {
  RunOptions options = small_options();
  options.scheduler.min_lr = 1e-4;
  const RunData data = two_waves();
  const auto made = backend_of({}).make_trainer(options, "{}", data);
  Trainer& trainer = *made;
  std::vector<double> lr;
  for (StepResult result; !trainer.done();) {
    trainer.step();
    REQUIRE(trainer.next(result, false));
    CHECK(result.step == trainer.steps());
    lr.push_back(result.lr);
  }
  const auto warmup = static_cast<std::size_t>(steps_per_epoch(options));
  for (std::size_t i = 1; i < warmup; ++i) CHECK(lr[i] > lr[i - 1]);
  CHECK(lr[warmup - 1] == Approx(options.optimizer.lr));
  for (std::size_t i = warmup + 1; i < lr.size(); ++i) CHECK(lr[i] < lr[i - 1]);
  CHECK(lr.back() == Approx(options.scheduler.min_lr).epsilon(0.1));
}

TEST_CASE("trainer: accumulated gradients of parts make the step of the whole batch, for every layer") {
  RunOptions options = small_options();
  options.model.dropout = 0;
  const RunData data = two_waves();
  const auto last_step = [&](index_t batch, index_t accumulate) {
    options.loader.batch = batch;  // the same items: the order of an epoch does not depend on the batch
    options.trainer.accumulate = accumulate;
    const auto trainer = backend_of({}).make_trainer(options, "{}", data);
    for (int i = 0; i < 3; ++i) trainer->step();
    StepResult result;
    REQUIRE(trainer->next(result, false));
    return result;
  };
  for (const char* layer : {"s4d", "s4_diag", "s4", "dss", "lstm", "gru", "conv"})
    for (const bool both_ways : {false, true}) {
      INFO(layer << (both_ways ? ", bidirectional" : ""));
      options.model.layer = layer;
      options.model.bidirectional = both_ways;
      const StepResult whole = last_step(16, 1), parts = last_step(4, 4);
      CHECK(parts.loss == Approx(whole.loss).epsilon(1e-4));
      CHECK(parts.grad_norm == Approx(whole.grad_norm).epsilon(1e-3));
      CHECK(parts.items == whole.items);
    }
}

TEST_CASE("trainer: accumulating allocates nothing after the first steps, and no number of threads changes a bit") {
  RunOptions options = small_options();
  options.loader.batch = 4;
  options.trainer.accumulate = 4;
  const RunData data = two_waves();
  const auto run = [&](int threads) {
    longwave::set_num_threads(threads);
    const auto trainer = backend_of({}).make_trainer(options, "{}", data);
    std::vector<double> norms;
    for (StepResult result; trainer->steps() < 6;) {
      trainer->step();
      REQUIRE(trainer->next(result, false));
      norms.push_back(result.grad_norm);
    }
    longwave::set_num_threads(0);
    return norms;
  };
  CHECK(run(1) == run(3));
  const auto trainer = backend_of({}).make_trainer(options, "{}", data);
  for (index_t i = 0; i < 2 * steps_per_epoch(options); ++i) trainer->step();
  const long before = allocations;
  for (index_t i = 0; i < 2 * steps_per_epoch(options); ++i) trainer->step();
  CHECK(allocations - before == 0);
}

TEST_CASE("trainer: values in bfloat16 are refused where they have no form, and without a GPU") {
  RunOptions options = small_options();
  options.trainer.precision = "bf16";
  const RunData data = two_waves();
  CHECK(longwave::test::error_text([&] { backend_of({}).make_trainer(options, "{}", data); }) ==
        "trainer.precision = bf16 is for training on a GPU: add --device cuda, or take float32");
  check(options);
  const auto text = [&] { return longwave::test::error_text([&] { check(options); }); };
  options.model.layer = "lstm";
  CHECK(text() ==
        "trainer.precision = bf16: model.layer = lstm has no form for it, s4d, s4_diag, s4 and dss have; take "
        "trainer.precision = float32");
  options.model.layer = "dss";
  CHECK(text().find("those with model.final_act = glu do") != std::string::npos);
  options.model.final_act = "glu";
  CHECK(text().empty());
  options.model.gate = 2;
  CHECK(text().find("model.gate") != std::string::npos);
  options.model.gate = 0;
  options.model.activation = "none";
  CHECK(text().find("without an activation") != std::string::npos);
}

TEST_CASE("trainer: the plateau schedule lowers the rate when judgements stop getting better") {
  RunOptions options = small_options();
  options.scheduler.name = "plateau";
  options.scheduler.warmup_epochs = 0;
  options.scheduler.patience = 1;
  const RunData data = two_waves();
  const auto trainer = backend_of({}).make_trainer(options, "{}", data);
  const auto lr = [&] {
    StepResult result;
    trainer->step();
    REQUIRE(trainer->next(result, false));
    return result.lr;
  };
  CHECK(lr() == Approx(options.optimizer.lr));
  CHECK(trainer->judge({.loss = 1, .accuracy = 0.5}));
  for (int i = 0; i < 2; ++i) CHECK_FALSE(trainer->judge({.loss = 1, .accuracy = 0.5}));
  CHECK(lr() == Approx(options.optimizer.lr * options.scheduler.factor));
}
