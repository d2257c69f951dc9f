#include "long_sequence/config.hpp"

namespace longwave::examples {

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t many = std::int64_t(1) << 40;
}  // namespace

Settings make_settings(RunOptions& c) {
  Settings s;
  s.text("data.name", c.data.name, {"mnist1d", "smnist", "pmnist"}, "data set: MNIST-1D, sequential or permuted MNIST");
  s.text("data.folder", c.data.folder, {}, "folder of the data files");
  s.number("data.validation", c.data.validation, 0, 0.9, "part of the training set held out, to tune with");
  s.integer("data.limit", c.data.limit, 0, many, "at most this many training sequences; 0: all");
  s.integer("data.limit_test", c.data.limit_test, 0, many, "at most this many test sequences; 0: all");

  s.integer("model.d_model", c.model.d_model, 1, 8192, "channels between the layers");
  s.integer("model.d_state", c.model.d_state, 2, 4096, "states per channel, an even number");
  s.integer("model.n_layers", c.model.n_layers, 1, 256, "S4D layers");
  s.number("model.dropout", c.model.dropout, 0, 0.95, "part of the features set to zero while training");
  s.flag("model.prenorm", c.model.prenorm, "normalise before a layer instead of after it");
  s.text("model.pooling", c.model.pooling, {"mean", "last"}, "over time, before the decoder");
  s.number("model.dt_min", c.model.dt_min, 1e-9, 1e3, "smallest time step at the start");
  s.number("model.dt_max", c.model.dt_max, 1e-9, 1e3, "largest time step at the start");

  s.number("optimizer.lr", c.optimizer.lr, 1e-12, 10, "learning rate at the start");
  s.optional_number("optimizer.ssm_lr", c.optimizer.ssm_lr, 0, 10, "the same of the SSM parameters; none: as lr");
  s.number("optimizer.weight_decay", c.optimizer.weight_decay, 0, 10, "of AdamW, not for SSM parameters");
  s.optional_number("optimizer.clip", c.optimizer.clip, 1e-9, infinity, "largest norm of all gradients; none: any");
  s.number("optimizer.ema", c.optimizer.ema, 0, 0.99999, "decay of averaged weights to evaluate with; 0: none");

  s.text("schedule.name", c.schedule.name, {"cosine", "constant"}, "learning rate over time");
  s.number("schedule.warmup_epochs", c.schedule.warmup_epochs, 0, 1e6, "epochs of linear rise before it");
  s.number("schedule.min_lr", c.schedule.min_lr, 0, 10, "where the cosine ends");

  s.integer("train.epochs", c.train.epochs, 1, many, "passes over the training set");
  s.integer("train.batch", c.train.batch, 1, many, "sequences per step");
  s.integer("train.seed", c.train.seed, 0, many, "of everything random");
  s.integer("train.threads", c.train.threads, 0, 4096, "0: as many as there are");
  s.integer("train.log_every", c.train.log_every, 0, many, "steps between two lines of metrics; 0: epochs only");
  s.integer("train.evaluate_every", c.train.evaluate_every, 1, many, "epochs between two evaluations");
  s.integer("train.checkpoint_every", c.train.checkpoint_every, 1, many, "epochs between two checkpoints");
  s.flag("train.finite_check", c.train.finite_check, "name the first op that makes a NaN or infinity (slower)");
  return s;
}

void check(const RunOptions& c) {
  if (c.model.d_state % 2 != 0)
    throw_value_error("model.d_state is " + std::to_string(c.model.d_state) + ", expected an even number");
  if (c.model.dt_min > c.model.dt_max)
    throw_value_error("model.dt_min is above model.dt_max: the time steps are drawn between the two");
  if (c.schedule.min_lr > c.optimizer.lr)
    throw_value_error("schedule.min_lr is above optimizer.lr, where the cosine starts");
  if (c.schedule.warmup_epochs >= static_cast<double>(c.train.epochs))
    throw_value_error("schedule.warmup_epochs leaves nothing of the " + std::to_string(c.train.epochs) +
                      " epochs (train.epochs); make it smaller");
}

}  // namespace longwave::examples
