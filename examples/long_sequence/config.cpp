#include "long_sequence/config.hpp"

namespace longwave::examples {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::int64_t many = std::int64_t(1) << 40;

void add_data(Settings& s, RunOptions& c) {
  s.text("dataset.name", c.dataset.name,
         {"mnist1d", "smnist", "pmnist", "cifar", "listops", "text", "retrieval", "pathfinder", "speech", "digits",
          "adding", "copying", "delay", "reconstruct", "bytes", "audio"},
         "data set");
  s.text("dataset.folder", c.dataset.folder, {}, "folder of the data files");
  s.number("dataset.validation", c.dataset.validation, 0, 0.9,
           "part of the training set held out to choose by, where the set has no validation part");
  s.integer("dataset.limit", c.dataset.limit, 0, many, "at most this many training items; 0: all");
  s.integer("dataset.limit_test", c.dataset.limit_test, 0, many, "at most this many test items; 0: all");
  s.integer("dataset.length", c.dataset.length, 0, many, "longest sequence, or that of made ones; 0: the set's own");
  s.text("dataset.permutation", c.dataset.permutation, {"none", "bit_reversal", "snake", "hilbert", "transpose"},
         "order of the pixels");
  s.flag("dataset.tokens", c.dataset.tokens, "bytes as tokens instead of numbers");
  s.flag("dataset.gray", c.dataset.gray, "colour images without their colours");
  s.integer("dataset.subsample", c.dataset.subsample, 1, 1024, "only every so many samples");
  s.integer("dataset.symbols", c.dataset.symbols, 3, 65536, "alphabet of copying");
  s.integer("dataset.items", c.dataset.items, 0, many, "items per epoch of sets that are made; 0: the set's own");
  s.integer("dataset.crop", c.dataset.crop, 0, 31, "training images of cifar are moved by up to so many pixels");
  s.flag("dataset.flip", c.dataset.flip, "every second training image of cifar, drawn anew each epoch, is mirrored");
  s.flag("dataset.example_scale", c.dataset.example_scale,
         "colours of cifar divided by the deviations that the S4 repository's example.py has");
  s.text("dataset.words", c.dataset.words, {"all", "ten"}, "of speech: all 35, or those of the ten-word experiments");
  s.flag("dataset.mfcc", c.dataset.mfcc, "speech as 20 cepstral coefficients every 100 samples");
  s.flag("dataset.divide_again", c.dataset.divide_again,
         "samples of speech by 2^15 a second time before they are standardised, as in the published runs");
  s.number("dataset.dropped", c.dataset.dropped, 0, 0.99,
           "share of the samples of speech that are 0, with a channel that says which are there");
  s.flag("dataset.reverse", c.dataset.reverse, "copying backwards");
  s.flag("dataset.variable", c.dataset.variable, "copying from places drawn anew for each item");
  s.flag("dataset.fresh", c.dataset.fresh,
         "adding, copying, delay, reconstruct: other training items in each epoch; listops: operands in other orders");

  s.integer("loader.batch", c.loader.batch, 1, many, "items per pass");
  s.integer("loader.evaluation_batch", c.loader.evaluation_batch, 0, many, "items at a time to evaluate; 0: chosen");
  s.integer("loader.buckets", c.loader.buckets, 1, 1024, "groups of similar length that batches are made of");
  s.flag("loader.pad_to_bound", c.loader.pad_to_bound,
         "batches are as long as their group's longest item: few lengths, which a device captures");
}

// What a layer does besides its kernel.
void add_layer(Settings& s, RunOptions& c) {
  const std::vector<std::string> maps = {"none", "gelu",     "relu",      "elu",      "tanh",        "sigmoid",
                                         "silu", "softplus", "hardswish", "hardtanh", "hardsigmoid", "hardshrink"};
  std::vector<std::string> maps_or_off = maps;
  maps_or_off.insert(maps_or_off.begin(), "off");
  s.text("model.activation", c.model.activation, {"default", "none", "gelu", "relu", "tanh", "silu"}, "in a layer");
  s.text("model.final_act", c.model.final_act, {"default", "glu", "id"}, "after a layer's last linear map");
  s.integer("model.gate", c.model.gate, 0, 64, "width factor of a gate from the layer's input; 0: none");
  s.text("model.gate_act", c.model.gate_act, maps, "of the gate");
  s.text("model.mult_act", c.model.mult_act, maps, "after the product with the gate");
  s.text("model.hyper_act", c.model.hyper_act, maps_or_off, "twice the kernels, one half times this of the other");
  s.integer("model.bottleneck", c.model.bottleneck, 0, 8192, "the kernel sees d_model / bottleneck features; 0: all");
  s.integer("model.channels", c.model.channels, 1, 64, "kernels per feature");
  s.flag("model.swap_channels", c.model.swap_channels, "features before channels where they are side by side");
  s.flag("model.weight_norm", c.model.weight_norm, "of the linear maps in a layer");
  s.number("model.drop_kernel", c.model.drop_kernel, 0, 0.95,
           "part of the kernel's samples set to zero while training");
  s.integer("model.l_max", c.model.l_max, 0, many, "samples of the kernel; 0: as many as the items have");
  s.number("model.feed_forward", c.model.feed_forward, 0, 64,
           "a feed-forward block after every layer, so many times d_model wide; 0: none");
}

// Fewer positions and more features on the way.
void add_pools(Settings& s, RunOptions& c) {
  s.text("model.pool", c.model.pool, {"none", "sample", "average", "linear", "spectral"},
         "after every layer, or every n_repeat-th");
  s.integer("model.pool_stride", c.model.pool_stride, 1, 1024, "positions that become one in a pool");
  s.integer("model.pool_expand", c.model.pool_expand, 0, 64, "features that a feature becomes in a pool; 0: one");
  s.integer("model.n_repeat", c.model.n_repeat, 1, 256, "the layers are repeated so often, with a pool at the end");
}

// Where A, B, C, P and the time steps start, and how they are stored.
void add_start(Settings& s, RunOptions& c) {
  s.number("model.dt_min", c.model.dt_min, 1e-9, 1e3, "smallest time step at the start");
  s.number("model.dt_max", c.model.dt_max, 1e-9, 1e3, "largest time step at the start");
  s.text("model.init", c.model.init, {}, "start of A in s4 and s4_diag: legs, diag-lin, ..; empty: the layer's own");
  s.text("model.disc", c.model.disc, {"zoh", "bilinear", "dss"}, "discretisation of s4_diag");
  s.optional_number("model.B_clip", c.model.B_clip, 0, 1e9,
                    "s4, s4_diag: imaginary parts of B from HiPPO are cut to it; none: the exact system");
  s.text("model.B_init", c.model.B_init, {"constant", "random", "alternating", "unit-cw", "unit-ccw"},
         "B of the diagonal starts (diag-lin, dplr-lin, ..)");
  s.number("model.B_scale", c.model.B_scale, 0, 1e9, "factor of that B");
  s.number("model.P_scale", c.model.P_scale, 0, 1e9, "of s4: factor of P in starts dplr-lin, ..");
  s.flag("model.real_random", c.model.real_random, "diagonal starts: real parts uniform in [0, 1]");
  s.flag("model.imag_random", c.model.imag_random, "diagonal starts: the modes' numbers uniform in [0, d_state / 2]");
  s.number("model.real_scale", c.model.real_scale, 0, 1e9, "factor of those real parts");
  s.number("model.imag_scale", c.model.imag_scale, 0, 1e9, "factor of those imaginary parts");
  s.flag("model.normalize", c.model.normalize, "diagonal starts: B such that the output has unit variance");
  for (const auto& [name, value] : {std::pair("dt", &c.model.dt_transform), std::pair("real", &c.model.real_transform),
                                    std::pair("imag", &c.model.imag_transform)})
    s.text(std::string("model.") + name + "_transform", *value, {"exp", "none", "relu", "sigmoid", "softplus"},
           "s4, s4_diag: from what is trained to the time step, or to the real or imaginary part of A");
  s.flag("model.dt_tie", c.model.dt_tie, "of s4_diag: one time step per feature, not per mode");
  s.flag("model.dt_fast", c.model.dt_fast, "s4, s4_diag: what is trained is the inverse hyperbolic sine of it");
  s.flag("model.is_real", c.model.is_real, "of s4_diag: d_state real modes");
  s.number("model.bandlimit", c.model.bandlimit, 0, 1e9,
           "s4, s4_diag: modes that turn faster than half of this per sample are left out; 0: off");
  s.integer("model.n_ssm", c.model.n_ssm, 0, 8192, "copies of A and B in s4 and s4_diag; 0: one per feature");
  s.integer("model.rank", c.model.rank, 1, 8, "rank of the correction of s4");
  s.flag("model.deterministic", c.model.deterministic, "s4, s4_diag: steps spread evenly, C the first basis vector");
  s.text("model.version", c.model.version, {"softmax", "exp", "exp-re-im", "clip", "exp-no-scale", "clip-no-scale"},
         "form of the dss kernel");
  s.text("model.Lambda_init", c.model.Lambda_init, {"hippo_skew_pos_imag", "randn"}, "start of Lambda in dss");
  s.flag("model.separate_dt", c.model.separate_dt, "of dss: a time step each for real and imaginary parts of Lambda");
}

void add_model(Settings& s, RunOptions& c) {
  s.text("model.layer", c.model.layer, {"s4d", "s4_diag", "s4", "dss", "lstm", "gru", "conv"}, "the sequence layer");
  s.integer("model.d_model", c.model.d_model, 1, 8192, "channels between the layers");
  s.integer("model.d_state", c.model.d_state, 1, 4096, "states per channel; even, but for dss");
  s.integer("model.n_layers", c.model.n_layers, 1, 256, "layers");
  s.number("model.dropout", c.model.dropout, 0, 0.95, "part of the features set to zero while training");
  s.flag("model.tie_dropout", c.model.tie_dropout, "one draw for all of the length");
  s.flag("model.prenorm", c.model.prenorm, "normalise before a layer instead of after it");
  s.text("model.norm", c.model.norm, {"layer", "transposed_layer", "batch", "instance", "group", "none"}, "which norm");
  s.text("model.residual", c.model.residual, {"R", "F", "H", "D", "A"}, "how a layer's output joins its input");
  s.flag("model.bidirectional", c.model.bidirectional, "kernels that look both ways; no streaming");
  add_layer(s, c);
  add_pools(s, c);
  add_start(s, c);
  s.integer("model.kernel_size", c.model.kernel_size, 1, 8192, "taps of conv");

  s.number("encoder.dropout", c.encoder.dropout, 0, 0.95, "of its output, while training");
  s.text("decoder.pool", c.decoder.pool, {"mean", "last", "first", "sum"}, "over time, before the last linear map");
  s.flag("decoder.nli", c.decoder.nli, "of pairs: also their difference and product");
  s.text("task.loss", c.task.loss, {"mse", "mae", "huber"}, "where numbers are to be found");
  s.number("task.smoothing", c.task.smoothing, 0, 0.99,
           "where classes are: this part of the target spread over all of them");
}

void add_training(Settings& s, RunOptions& c) {
  s.number("optimizer.lr", c.optimizer.lr, 1e-12, 10, "learning rate at the start");
  s.optional_number("optimizer.ssm_lr", c.optimizer.ssm_lr, 0, 10, "of time steps, A and B; none: as lr; 0: constants");
  s.optional_number("optimizer.dt_lr", c.optimizer.dt_lr, 0, 10, "of time steps alone, not s4d's; none: as ssm_lr");
  s.optional_number("optimizer.B_lr", c.optimizer.B_lr, 0, 10, "of B in s4 and s4_diag alone; none: as ssm_lr");
  s.optional_number("optimizer.C_lr", c.optimizer.C_lr, 0, 10, "of C (dss: W), not s4d's; none: as lr");
  s.number("optimizer.weight_decay", c.optimizer.weight_decay, 0, 10, "of AdamW, not for SSM parameters");
  s.flag("optimizer.decay_all", c.optimizer.decay_all, "false: no weight decay of biases, norms and embeddings");
  s.optional_number("optimizer.clip", c.optimizer.clip, 1e-9, infinity, "largest norm of all gradients; none: any");
  s.number("optimizer.ema", c.optimizer.ema, 0, 0.99999, "decay of averaged weights to evaluate with; 0: none");

  s.text("scheduler.name", c.scheduler.name, {"cosine", "constant", "linear", "plateau", "step", "multistep"},
         "learning rate over time");
  s.number("scheduler.warmup_epochs", c.scheduler.warmup_epochs, 0, 1e6, "epochs of linear rise before it");
  s.integer("scheduler.warmup_steps", c.scheduler.warmup_steps, 0, many, "the same in steps");
  s.integer("scheduler.steps", c.scheduler.steps, 0, many,
            "optimiser steps after which cosine and linear have come to their end; 0: those of the run");
  s.flag("scheduler.periodic", c.scheduler.periodic, "after that cosine rises again, as in the published runs");
  s.number("scheduler.min_lr", c.scheduler.min_lr, 0, 10, "where it ends");
  s.number("scheduler.factor", c.scheduler.factor, 1e-6, 1, "of plateau, step and multistep: lower by");
  s.integer("scheduler.patience", c.scheduler.patience, 0, many,
            "epochs without a better validation accuracy before plateau lowers the rate; step: epochs between two");
  s.text("scheduler.milestones", c.scheduler.milestones, {}, "epochs of multistep, as in 100,200");

  s.integer("trainer.epochs", c.trainer.epochs, 1, many, "passes over the training set");
  s.integer("trainer.steps", c.trainer.steps, 0, many, "optimiser steps that end a run earlier; 0: epochs count");
  s.integer("trainer.accumulate", c.trainer.accumulate, 1, 4096, "passes whose gradients make one optimiser step");
  s.integer("trainer.seed", c.trainer.seed, 0, many, "of everything random");
  s.integer("trainer.threads", c.trainer.threads, 0, 4096, "0: as many as there are");
  s.integer("trainer.log_every", c.trainer.log_every, 0, many, "steps between two lines of metrics; 0: epochs only");
  s.integer("trainer.evaluate_every", c.trainer.evaluate_every, 1, many, "epochs between two evaluations");
  s.integer("trainer.checkpoint_every", c.trainer.checkpoint_every, 1, many, "epochs between two checkpoints");
  s.integer("trainer.keep_best", c.trainer.keep_best, 1, 1000,
            "so many of the best checkpoints by the validation part are kept, more than one in the folder best");
  s.integer("trainer.stop_patience", c.trainer.stop_patience, 0, many,
            "evaluations without a better one that end the run; 0: never");
  s.text("trainer.state", c.trainer.state, {"none", "reset", "bptt", "tbptt"},
         "bytes and audio, window after window: tbptt: from the state that the one before left, without its gradient; "
         "reset: the same, zero again after every context + 1 windows; bptt: from that of the context windows before, "
         "worked out anew; none: windows in any order, each from zero");
  s.integer("trainer.context", c.trainer.context, 0, 4096, "windows before the present one, of reset and bptt");
  s.text("trainer.precision", c.trainer.precision, {"float32", "bf16"},
         "values inside state-space layers; bf16: on a GPU, half the bytes, parameters stay float32");
  s.flag("trainer.finite_check", c.trainer.finite_check, "name the first op that makes a NaN or infinity (slower)");
}

// What has a form for values in bfloat16: the state space, an activation and a gated linear map after it.
void check_precision(const RunOptions& c) {
  if (c.trainer.precision == "float32") return;
  const auto refuse = [](const std::string& why) {
    throw_value_error("trainer.precision = bf16: " + why + "; take trainer.precision = float32");
  };
  const auto& m = c.model;
  if (m.layer == "lstm" || m.layer == "gru" || m.layer == "conv")
    refuse("model.layer = " + m.layer + " has no form for it, s4d, s4_diag, s4 and dss have");
  for (const auto& [option, on] :
       {std::pair("gate", m.gate > 0), std::pair("mult_act", m.mult_act != "none"),
        std::pair("hyper_act", m.hyper_act != "off"), std::pair("bottleneck", m.bottleneck > 0),
        std::pair("swap_channels", m.swap_channels), std::pair("drop_kernel", m.drop_kernel > 0)})
    if (on) refuse(std::string("a layer with model.") + option + " has no form for it");
  if (m.final_act == "id" || (m.layer == "dss" && m.final_act == "default"))
    refuse(
        "layers whose last linear map has no gate after it have no form for it, those with model.final_act = glu do");
  if (m.activation == "none") refuse("layers without an activation have no form for it");
}

// An option that the data set does not look at is a mistake, not a wish.
void check_data(const RunOptions& c) {
  const auto& d = c.dataset;
  const bool cifar = d.name == "cifar", text = d.name == "text" || d.name == "retrieval";
  const auto refuse = [&](const char* option, const char* of) {
    throw_value_error(std::string("dataset.") + option + " is an option of " + of + ", not of " + d.name);
  };
  if (d.permutation != "none" && !cifar) refuse("permutation", "cifar");
  if (d.gray && !cifar) refuse("gray", "cifar");
  if (d.tokens && !cifar && !text) refuse("tokens", "cifar, text and retrieval");
  if (d.crop > 0 && !cifar) refuse("crop", "cifar");
  if (d.flip && !cifar) refuse("flip", "cifar");
  if (d.example_scale && (!cifar || d.gray || d.tokens)) refuse("example_scale", "cifar as numbers in colour");
  if (d.subsample > 1 && (d.crop > 0 || d.flip))
    throw_value_error("dataset.subsample leaves no image to crop or flip; leave out dataset.crop and dataset.flip");
  const bool speech = d.name == "speech";
  if (d.words != "all" && !speech) refuse("words", "speech");
  if (d.mfcc && !speech) refuse("mfcc", "speech");
  if (d.divide_again && !speech) refuse("divide_again", "speech");
  if (d.dropped > 0 && !speech) refuse("dropped", "speech");
  if (d.reverse && d.name != "copying") refuse("reverse", "copying");
  if (d.variable && d.name != "copying") refuse("variable", "copying");
  const bool made = d.name == "adding" || d.name == "copying" || d.name == "delay" || d.name == "reconstruct";
  if (d.fresh && !made && d.name != "listops") refuse("fresh", "adding, copying, delay, reconstruct and listops");
}

// Options that say nothing without another one.
void check_model(const RunOptions& c) {
  const auto& m = c.model;
  const auto needs = [](bool given, const char* option, bool there, const char* other) {
    if (given && !there) throw_value_error(std::string("model.") + option + " says nothing without model." + other);
  };
  needs(m.gate_act != "none", "gate_act", m.gate > 0, "gate");
  needs(m.swap_channels, "swap_channels", m.channels > 1 || m.hyper_act != "off", "channels");
  needs(m.pool_expand > 0, "pool_expand", m.pool != "none", "pool");
  if (m.bottleneck > 0 && m.d_model % m.bottleneck != 0)
    throw_value_error("model.bottleneck is " + std::to_string(m.bottleneck) +
                      ", expected a divisor of model.d_model = " + std::to_string(m.d_model));
  if (m.layer == "dss" && m.Lambda_init == "randn" && m.version.starts_with("exp"))
    throw_value_error("model.Lambda_init = randn draws real parts of either sign, model.version = " + m.version +
                      " has negative ones; take softmax or clip");
}

// What windows hand on to one another.
void check_state(const RunOptions& c) {
  const std::string& state = c.trainer.state;
  const auto refuse = [&](const std::string& why) { throw_value_error("trainer.state = " + state + ": " + why); };
  const bool counts = state == "reset" || state == "bptt";
  if (c.trainer.context > 0 && !counts)
    throw_value_error("trainer.context is an option of trainer.state = reset and bptt, not of " + state);
  if (state == "none") return;
  if (counts && c.trainer.context == 0)
    refuse("name the windows before with trainer.context; none is trainer.state = none");
  if (c.dataset.name != "bytes" && c.dataset.name != "audio")
    refuse("the items of dataset.name = " + c.dataset.name + " do not follow one another, those of bytes and audio do");
  if (c.dataset.validation > 0) refuse("dataset.validation draws windows at random, which leaves gaps; leave it out");
  if (c.model.bidirectional) refuse("a layer that looks both ways (model.bidirectional) has no state");
}

}  // namespace

Settings make_settings(RunOptions& c) {
  Settings s;
  add_data(s, c);
  add_model(s, c);
  add_training(s, c);
  return s;
}

void check(const RunOptions& c) {
  check_data(c);
  check_precision(c);
  check_model(c);
  check_state(c);
  if (c.model.layer != "dss" && !c.model.is_real && c.model.d_state % 2 != 0)
    throw_value_error("model.d_state is " + std::to_string(c.model.d_state) + ", expected an even number");
  if (c.model.dt_min > c.model.dt_max)
    throw_value_error("model.dt_min is above model.dt_max: the time steps are drawn between the two");
  if (c.loader.pad_to_bound && c.loader.buckets == 1)
    throw_value_error(
        "loader.pad_to_bound pads to the longest item of a bucket and there is one of all items (loader.buckets = 1); "
        "make loader.buckets larger or leave it out");
  if (c.scheduler.min_lr > c.optimizer.lr)
    throw_value_error("scheduler.min_lr is above optimizer.lr, where the schedule starts");
  if (c.scheduler.warmup_epochs >= static_cast<double>(c.trainer.epochs))
    throw_value_error("scheduler.warmup_epochs leaves nothing of the " + std::to_string(c.trainer.epochs) +
                      " epochs (trainer.epochs); make it smaller");
  if (c.model.layer == "s4d" && !(std::isnan(c.optimizer.dt_lr) && std::isnan(c.optimizer.C_lr)))
    throw_value_error("optimizer.dt_lr and optimizer.C_lr are not for model.layer = s4d; take s4_diag");
  if (c.scheduler.periodic && c.scheduler.name != "cosine")
    throw_value_error("scheduler.periodic is an option of scheduler.name = cosine, not of " + c.scheduler.name);
  if (c.scheduler.warmup_epochs > 0 && c.scheduler.warmup_steps > 0)
    throw_value_error("scheduler.warmup_epochs and scheduler.warmup_steps are both given; leave one of them 0");
}

}  // namespace longwave::examples
