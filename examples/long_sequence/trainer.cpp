#include <cmath>
#include <cstdio>

#include "long_sequence/trainer_on.hpp"

namespace longwave::examples {

namespace {

// Exact: hexadecimal.
std::string text_of(double x) {
  char text[48];
  std::snprintf(text, sizeof text, "%a", x);
  return text;
}

double number_in(const Checkpoint& saved, const char* key) {
  const auto at = saved.info().more.find(key);
  if (at == saved.info().more.end()) throw IoError(saved.path(), std::string("the checkpoint lacks ") + key);
  char* end = nullptr;
  const double x = std::strtod(at->second.c_str(), &end);
  if (end == at->second.c_str() || *end != '\0') throw IoError(saved.path(), std::string(key) + " is not a number");
  return x;
}

index_t whole_number_in(const Checkpoint& saved, const char* key) {
  return static_cast<index_t>(number_in(saved, key));
}

}  // namespace

void check_step(const StepResult& result) {
  if (!std::isfinite(result.loss) || !std::isfinite(result.grad_norm))
    throw_value_error("training step " + std::to_string(result.step) + ": the loss is " + std::to_string(result.loss) +
                      " and its gradient's norm " + std::to_string(result.grad_norm) +
                      "; lower optimizer.lr or set optimizer.clip (trainer.finite_check=true names the operation)");
}

BatchOptions training_batches(const RunOptions& options, const RunData& data) {
  // A smaller last batch would weigh its items more; where there is only one batch it stays.
  return {.batch = options.loader.batch,
          .buckets = options.loader.buckets,
          .pad_to_bound = options.loader.pad_to_bound,
          .shuffle = true,
          .drop_last = size_of(data.train) >= options.loader.batch * options.loader.buckets,
          .augmentation = data.augmentation,
          .fresh = data.fresh,
          .contiguous = options.trainer.state != "none"};
}

BatchOptions evaluation_batches(const RunOptions& options, const NetworkShape& shape) {
  index_t batch = options.loader.evaluation_batch;
  if (batch == 0)
    batch = std::max<index_t>(options.loader.batch,
                              std::min<index_t>(256, (index_t(1) << 18) / std::max<index_t>(1, shape.length)));
  return {.batch = batch,
          .buckets = options.loader.buckets,
          .pad_to_bound = options.loader.pad_to_bound,
          .shuffle = false,
          .contiguous = options.trainer.state != "none"};
}

CheckpointInfo checkpoint_info(const Trainer& trainer, const SavedRun& run, const NetworkShape& shape,
                               index_t batches) {
  const ScoreSums& sums = run.sums.scores;
  CheckpointInfo info;
  info.epoch = trainer.epoch();
  info.step = trainer.steps();
  info.more = {{"batch", std::to_string(run.batch)},
               {"batches", std::to_string(batches)},
               {"loss", text_of(sums.loss)},
               {"absolute", text_of(sums.absolute)},
               {"right", std::to_string(sums.right)},
               {"count", std::to_string(sums.count)},
               {"of_classes", sums.of_classes ? "1" : "0"},
               {"items", std::to_string(run.sums.items)},
               {"seconds", text_of(run.seconds)},
               {"best", text_of(run.best)},
               {"since_best", std::to_string(run.since_best)},
               {"channels", std::to_string(shape.channels)},
               {"vocabulary", std::to_string(shape.vocabulary)},
               {"length", std::to_string(shape.length)},
               {"outputs", std::to_string(shape.outputs)},
               {"output_length", std::to_string(shape.output_length)},
               {"one_each", shape.one_each ? "1" : "0"},
               {"pairs", shape.pairs ? "1" : "0"},
               {"variable", shape.variable ? "1" : "0"}};
  return info;
}

SavedRun read_saved_run(const Checkpoint& saved, index_t batches) {
  SavedRun run;
  run.batch = whole_number_in(saved, "batch");
  const index_t per_epoch = whole_number_in(saved, "batches");
  if (per_epoch != batches || run.batch < 0 || run.batch >= batches)
    throw IoError(saved.path(), "was written in epochs of " + std::to_string(per_epoch) +
                                    " batches, the data here makes " + std::to_string(batches) +
                                    "; name the data it was trained with (--data)");
  if (saved.info().generators.count("dropout") == 0)
    throw IoError(saved.path(), "the checkpoint lacks its dropout generator");
  ScoreSums& sums = run.sums.scores;
  sums.loss = number_in(saved, "loss");
  sums.absolute = number_in(saved, "absolute");
  sums.right = whole_number_in(saved, "right");
  sums.count = whole_number_in(saved, "count");
  sums.of_classes = whole_number_in(saved, "of_classes") == 1;
  run.sums.items = whole_number_in(saved, "items");
  run.seconds = number_in(saved, "seconds");
  run.best = number_in(saved, "best");
  run.since_best = whole_number_in(saved, "since_best");
  return run;
}

NetworkShape saved_shape(const Checkpoint& saved) {
  NetworkShape shape;
  shape.channels = whole_number_in(saved, "channels");
  shape.vocabulary = whole_number_in(saved, "vocabulary");
  shape.length = whole_number_in(saved, "length");
  shape.outputs = whole_number_in(saved, "outputs");
  shape.output_length = whole_number_in(saved, "output_length");
  shape.one_each = whole_number_in(saved, "one_each") == 1;
  shape.pairs = whole_number_in(saved, "pairs") == 1;
  shape.variable = whole_number_in(saved, "variable") == 1;
  const auto bad = [](index_t n, index_t low) { return n < low || n > index_t(1) << 30; };
  if (bad(shape.channels, 1) || bad(shape.vocabulary, 0) || bad(shape.length, 1) || bad(shape.outputs, 1))
    throw IoError(saved.path(), "the checkpoint does not say what its network takes: was it written by long_sequence?");
  return shape;
}

}  // namespace longwave::examples
