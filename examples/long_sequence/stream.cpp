// stream.cpp - the subcommand stream: the network as a filter that takes one sample at a time, beside its batch form.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "long_sequence/commands.hpp"
#include "long_sequence/datasets.hpp"
#include "long_sequence/judge.hpp"
#include "longwave/core/parallel.hpp"

namespace longwave::examples {

namespace {

using Clock = std::chrono::steady_clock;
double passed(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The items of a part side by side, position by position.
class Feed {
 public:
  Feed(Predictor& predictor, const HostBatch& batch, index_t outputs, index_t streams, StepMode mode)
      : predictor_(predictor),
        batch_(batch),
        stream_(predictor.make_stream(streams, {.mode = mode})),
        x_(streams, batch.input.x.data() == nullptr ? 0 : batch.input.x.size(1)),
        tokens_(streams),
        scores_(streams, outputs) {}

  void reset() { stream_->reset(); }
  void step(index_t first, index_t t) {
    const index_t B = scores_.size(0);
    if (batch_.input.tokens.data() != nullptr) {
      for (index_t b = 0; b < B; ++b) tokens_(b) = batch_.input.tokens(first + b, t);
      return stream_->step_tokens(tokens_.view(), scores_.view());
    }
    for (index_t b = 0; b < B; ++b)
      for (index_t c = 0; c < x_.size(1); ++c) x_(b, c) = batch_.input.x(first + b, c, t);
    stream_->step(x_.view(), scores_.view());
  }
  TensorView<const float, 2> scores() {
    predictor_.wait();
    return std::as_const(scores_).view();
  }

 private:
  Predictor& predictor_;
  const HostBatch& batch_;
  std::unique_ptr<NetworkStream<Host>> stream_;
  Tensor<float, 2> x_;
  Tensor<index_t, 1> tokens_;
  Tensor<float, 2> scores_;
};

double ns_per_step(Predictor& predictor, const HostBatch& batch, index_t outputs, index_t L, StepMode mode) {
  Feed feed(predictor, batch, outputs, 1, mode);
  double best = INFINITY;
  for (index_t repeat = 0; repeat < 20; ++repeat) {
    feed.reset();
    feed.scores();
    const auto start = Clock::now();
    for (index_t t = 0; t < L; ++t) feed.step(repeat % batch.items, t);
    feed.scores();
    best = std::min(best, 1e9 * passed(start) / static_cast<double>(L));
  }
  return best;
}

}  // namespace

int stream(const StreamArguments& arguments) {
  set_num_threads(static_cast<int>(arguments.threads));
  Trained trained = load_trained(arguments.checkpoint);
  const NetworkShape& shape = trained.shape;
  if (!shape.one_each || shape.variable)
    throw_value_error("stream compares one prediction per item, of items of one length; " + trained.path +
                      " is of another kind");
  if (arguments.count > 0) trained.options.dataset.limit_test = arguments.count;
  const RunData data = load_data_of(trained, arguments.data_folder);
  const auto predictor = backend_of(arguments.device).make_predictor(*trained.network, trained.options, shape);
  const index_t n = size_of(data.test), L = data.shape.length, K = shape.outputs;
  const auto batches = make_batches(data.test, {.batch = n, .shuffle = false}, Generator(0));
  Tensor<float, 2> batch_scores(n, K);
  HostBatch all;
  predictor->predict(*batches, 1, [&](index_t, TensorView<const float, 3> scores, const HostBatch& batch) {
    copy(batch_scores.view(), scores.reshape(Extents<2>{n, K}));
    all = batch;
  });

  const StepMode mode = parse_step_mode(arguments.mode);
  Feed feed(*predictor, all, K, n, mode);
  std::vector<Scores> by_time;
  double seconds = 0;
  for (index_t t = 0; t < L; ++t) {
    const auto start = Clock::now();
    feed.step(0, t);
    const TensorView<const float, 2> now = feed.scores();
    seconds += passed(start);
    ScoreSums sums;
    sums.add(now.reshape(Extents<3>{n, K, 1}), all);
    by_time.push_back(mean_of(sums));
  }
  const TensorView<const float, 2> streamed = feed.scores();

  double difference = 0, scale = 0;
  index_t agree = 0;
  for (index_t i = 0; i < n; ++i) {
    for (index_t k = 0; k < K; ++k) {
      difference = std::max(difference, std::abs(static_cast<double>(streamed(i, k) - batch_scores(i, k))));
      scale = std::max(scale, std::abs(static_cast<double>(batch_scores(i, k))));
    }
    agree += largest(streamed[i]) == largest(std::as_const(batch_scores).view()[i]) ? 1 : 0;
  }
  const auto number = [](index_t x) { return static_cast<long long>(x); };
  std::printf("%lld sequences of %lld samples, one sample at a time\n", number(n), number(L));
  std::printf("same prediction as in a batch: %lld of %lld; largest difference of scores %.2e (largest score %.2f)\n",
              number(agree), number(n), difference, scale);
  std::printf("after part of the sequence:");
  for (int quarter = 1; quarter <= 4; ++quarter) {
    const index_t seen = std::max<index_t>(1, L * quarter / 4);
    const Scores& scores = by_time[static_cast<std::size_t>(seen - 1)];
    if (std::isnan(scores.accuracy))
      std::printf("  %lld samples error %.4g", number(seen), scores.mae);
    else
      std::printf("  %lld samples accuracy %.1f %%", number(seen), 100 * scores.accuracy);
  }
  std::printf("\n%.0f ns per step of one sequence alone, %.0f ns per sequence and step with all side by side\n",
              ns_per_step(*predictor, all, K, L, mode), 1e9 * seconds / static_cast<double>(L * n));
  // The forms sum in different orders in float32; three digits are far outside of that.
  if (difference > 1e-3 * std::max(1.0, scale)) throw_value_error("stream: the step form differs from the batch form");
  return 0;
}

}  // namespace longwave::examples
