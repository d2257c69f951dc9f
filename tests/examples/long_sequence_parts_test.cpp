// What long_sequence is made of besides its trainer: schedules, scores, the assembly of data.
#include <set>

#include "check.hpp"
#include "long_sequence/datasets/assemble.hpp"
#include "long_sequence/learning_rate.hpp"
#include "long_sequence/scores.hpp"

using namespace longwave::examples;
using longwave::Extents;
using longwave::index_t;
using longwave::SequenceSet;
using longwave::Tensor;
using longwave::Token;
using longwave::TokenSet;
using longwave::ValueError;
using longwave::test::error_text;

namespace {

RunOptions scheduled(const std::string& name) {
  RunOptions options;
  options.optimizer.lr = 0.5;
  options.scheduler.name = name;
  options.scheduler.min_lr = 0.05;
  options.scheduler.factor = 0.1;
  return options;
}

SequenceSet<float, index_t> ramps(const std::vector<index_t>& lengths) {
  SequenceSet<float, index_t> set{.name = "ramps", .channels = 2, .classes = 3};
  for (const index_t L : lengths) {
    for (int c = 0; c < 2; ++c)
      for (index_t l = 0; l < L; ++l) set.values.push_back(static_cast<float>(10 * c + l));
    set.end_sequence();
    set.y.push_back(L % 3);
  }
  return set;
}

}  // namespace

TEST_CASE("long_sequence batches: padded to the bound of their bucket they have a length for each bucket") {
  const Part part = ramps({3, 7, 4, 8, 2, 6, 5, 1});
  for (const bool pad : {false, true}) {
    const auto batches = make_batches(part, {.batch = 2, .buckets = 2, .pad_to_bound = pad}, longwave::Generator(1));
    std::set<index_t> lengths;
    for (index_t epoch = 0; epoch < 3; ++epoch) {
      batches->start_epoch(epoch);
      for (index_t i = 0; i < batches->batches(); ++i) {
        const HostBatch batch = batches->batch(i);
        const index_t L = batch.input.x.size(2);
        lengths.insert(L);
        for (index_t b = 0; b < batch.items; ++b)
          for (index_t l = batch.input.lengths(b); l < L; ++l) CHECK(batch.input.x(b, 1, l) == 0);
      }
    }
    if (pad) CHECK(lengths == std::set<index_t>{4, 8});
    if (!pad) CHECK(lengths.size() > 2);
  }
}

TEST_CASE("long_sequence options: a bound to pad to needs buckets") {
  RunOptions options;
  options.loader.pad_to_bound = true;
  CHECK(error_text<ValueError>([&] { check(options); }).find("make loader.buckets larger") != std::string::npos);
  options.loader.buckets = 2;
  check(options);
}

TEST_CASE("long_sequence schedules: where each stands at the start, on the way and at the end") {
  RunOptions options = scheduled("cosine");
  options.scheduler.warmup_steps = 10;
  const LearningRate cosine(options, 10, 110);
  CHECK(cosine.factor(0) == Approx(0.1));
  CHECK(cosine.factor(9) == Approx(1));
  CHECK(cosine.factor(60) == Approx(0.55));
  CHECK(cosine.factor(110) == Approx(0.1));
  CHECK(cosine.factor(500) == Approx(0.1));

  options.scheduler.steps = 60;  // shorter than the run
  CHECK(LearningRate(options, 10, 110).factor(35) == Approx(0.55));
  CHECK(LearningRate(options, 10, 110).factor(85) == Approx(0.1));
  options.scheduler.periodic = true;
  CHECK(LearningRate(options, 10, 110).factor(85) == Approx(0.55));
  CHECK(LearningRate(options, 10, 110).factor(110) == Approx(1));

  options = scheduled("linear");
  CHECK(LearningRate(options, 10, 100).factor(50) == Approx(0.55));
  options = scheduled("constant");
  CHECK(LearningRate(options, 10, 100).factor(99) == 1);
  options = scheduled("step");
  options.scheduler.patience = 2;
  options.scheduler.min_lr = 0;
  CHECK(LearningRate(options, 10, 100).factor(19) == 1);
  CHECK(LearningRate(options, 10, 100).factor(20) == Approx(0.1));
  CHECK(LearningRate(options, 10, 100).factor(41) == Approx(0.01));
  options = scheduled("multistep");
  options.scheduler.milestones = "1,2.5";
  options.scheduler.min_lr = 0;
  CHECK(LearningRate(options, 10, 100).factor(9) == 1);
  CHECK(LearningRate(options, 10, 100).factor(10) == Approx(0.1));
  CHECK(LearningRate(options, 10, 100).factor(25) == Approx(0.01));
}

TEST_CASE("long_sequence schedules: a plateau's state survives as text; what cannot be is named") {
  RunOptions options = scheduled("plateau");
  options.scheduler.patience = 0;
  LearningRate rate(options, 10, 100), copy(options, 10, 100);
  for (const double merit : {0.5, 0.4, 0.6}) rate.evaluated(merit);
  copy.set_state(rate.state());
  CHECK(copy.factor(5) == rate.factor(5));
  CHECK(copy.factor(5) == Approx(0.1));
  CHECK(copy.state() == rate.state());
  CHECK(error_text<ValueError>([&] { copy.set_state("1 2"); }).find("not that of a plateau") != std::string::npos);

  options = scheduled("multistep");
  options.scheduler.milestones = "10,x";
  CHECK(error_text<ValueError>([&] { LearningRate(options, 10, 100); }).find("expected epochs such as") !=
        std::string::npos);
  options = scheduled("cosine");
  options.scheduler.warmup_steps = 100;
  CHECK(error_text<ValueError>([&] { LearningRate(options, 10, 100); }).find("the warm-up takes 100") !=
        std::string::npos);
}

TEST_CASE("long_sequence scores: classes at every position, and numbers, against plain sums") {
  Tensor<float, 3> scores(2, 3, 4);  // (B, K, M)
  for (index_t i = 0; i < scores.count(); ++i) scores.data()[i] = static_cast<float>((i * 7) % 11) / 3;
  Tensor<index_t, 2> classes(2, 4);
  for (index_t i = 0; i < classes.count(); ++i) classes.data()[i] = i % 3;
  HostBatch batch;
  batch.classes = std::as_const(classes).view();
  ScoreSums sums;
  sums.add(std::as_const(scores).view(), batch);
  double loss = 0;
  index_t right = 0;
  for (index_t b = 0; b < 2; ++b)
    for (index_t m = 0; m < 4; ++m) {
      double all = 0, best = -1;
      index_t at = 0;
      for (index_t k = 0; k < 3; ++k) {
        const auto s = static_cast<double>(scores(b, k, m));
        all += std::exp(s);
        if (s > best) {
          best = s;
          at = k;
        }
      }
      loss += std::log(all) - static_cast<double>(scores(b, classes(b, m), m));
      right += at == classes(b, m) ? 1 : 0;
    }
  CHECK(mean_of(sums).loss == Approx(loss / 8));
  CHECK(mean_of(sums).accuracy == Approx(static_cast<double>(right) / 8));
  CHECK(std::isnan(mean_of(sums).mae));
  sums.add_loss(2, 8, true, 4);
  CHECK(mean_of(sums).loss == Approx((loss + 16) / 16));
  CHECK(std::isnan(mean_of(sums).accuracy));  // of some only the loss is known

  Tensor<float, 2> values(2, 12);
  HostBatch numbers;
  numbers.values = std::as_const(values).view();
  ScoreSums errors;
  errors.add(std::as_const(scores).view(), numbers);
  double squares = 0, absolute = 0;
  for (index_t i = 0; i < scores.count(); ++i) {
    squares += static_cast<double>(scores.data()[i]) * static_cast<double>(scores.data()[i]);
    absolute += static_cast<double>(scores.data()[i]);
  }
  CHECK(mean_of(errors).loss == Approx(squares / 24));
  CHECK(mean_of(errors).mae == Approx(absolute / 24));
}

TEST_CASE("long_sequence data: sequences are cut and thinned, tokens are windowed with what follows") {
  const auto set = ramps({5, 3});
  const auto every_second = thinned(set, 2);
  CHECK(every_second.values == std::vector<float>{0, 2, 4, 10, 12, 14, 0, 2, 10, 12});
  CHECK(every_second.sequence_length(1) == 2);
  CHECK(every_second.y == set.y);
  CHECK(cut(set, 4).values == std::vector<float>{0, 1, 2, 3, 10, 11, 12, 13, 0, 1, 2, 10, 11, 12});
  CHECK(cut(set, 0).values == set.values);

  const TokenSet next = next_tokens("text", {7, 8, 9, 1, 2, 3, 4}, 10, 3);
  CHECK(next.values == std::vector<Token>{7, 8, 9, 1, 2, 3});
  CHECK(next.y == std::vector<index_t>{8, 9, 1, 2, 3, 4});
  CHECK(next.targets == 3);
}

TEST_CASE("long_sequence data: the network's shape follows from all parts") {
  RunOptions options;
  const RunData same = assemble(options, ramps({4, 4, 4, 4}), ramps({4}));
  CHECK_FALSE(same.shape.variable);
  CHECK(same.shape.length == 4);
  CHECK(same.shape.channels == 2);
  CHECK(same.shape.outputs == 3);
  CHECK(same.classes.size() == 3);
  CHECK_FALSE(same.validation);
  CHECK(assemble(options, ramps({4, 4}), ramps({3})).shape.variable);

  options.dataset.validation = 0.25;
  options.dataset.limit = 4;
  const RunData held_out = assemble(options, ramps({4, 4, 4, 4, 4, 4}), ramps({4, 4}));
  CHECK(size_of(held_out.train) == 3);
  CHECK(size_of(*held_out.validation) == 1);
  CHECK(&held_out.watched() == &*held_out.validation);

  RunOptions thin;
  thin.dataset.subsample = 2;
  CHECK(assemble(thin, ramps({4, 4}), ramps({4})).shape.length == 2);
  const TokenSet tokens = next_tokens("text", {1, 2, 3}, 10, 2);
  CHECK(error_text<ValueError>([&] { assemble(thin, tokens, tokens); }).find("holds tokens") != std::string::npos);
}
