#include "trace_gan/options.hpp"

#include <numbers>

namespace longwave::examples::trace_gan {

Settings make_settings(TrainOptions& o) {
  constexpr std::int64_t many = std::int64_t(1) << 40;
  Settings s;
  s.text("trace_path", o.trace_path, {}, "the trace to learn");
  s.text("layout", o.layout, {"automatic", "six", "comma", "msr", "rows"}, "of the trace's lines (see README)");
  s.integer("max_lines", o.max_lines, 0, many, "raw lines to read, those left out included; 0: all");
  s.integer("seq_len", o.seq_len, 1, 4096, "rows of a chunk");
  s.integer("hidden_dim", o.hidden_dim, 1, 8192, "units of both LSTMs");
  s.integer("latent_dim", o.latent_dim, 1, 8192, "noise numbers per row");
  s.integer("batch_size", o.batch_size, 1, 1 << 20, "chunks per step");
  s.integer("num_epochs", o.num_epochs, 1, many, "passes over the chunks");
  s.number("lrG", o.lrG, 1e-12, 10, "learning rate of the generator");
  s.number("lrD", o.lrD, 1e-12, 10, "learning rate of the discriminator");
  s.text("lr_schedule", o.lr_schedule, {"constant", "linear", "half"},
         "of both rates: constant, falling to 0 over the run, or over its second half");
  s.integer("d_updates", o.d_updates, 1, 1000, "steps of the discriminator per batch");
  s.integer("g_updates", o.g_updates, 1, 1000, "steps of the generator per batch");
  s.number("label_smoothing", o.label_smoothing, 0, 0.99, "the discriminator's target for real chunks is 1 less this");
  s.number("instance_noise", o.instance_noise, 0, 10, "deviation of noise on all that the discriminator sees");
  s.number("instance_noise_last", o.instance_noise_last, 0, 10,
           "deviation in the last epoch, which it goes to by a factor per epoch; 0: as in the first");
  s.number("weight_decay", o.weight_decay, 0, 10, "of both optimisers");
  s.number("generator_ema", o.generator_ema, 0, 0.99999, "decay of averaged weights, which are then saved; 0: none");
  s.number("mmd_weight", o.mmd_weight, 0, 1e6, "weight of MMD^2 between rows in the generator's loss; 0: plain GAN");
  s.integer("mmd_chunks", o.mmd_chunks, 1, 1 << 20, "chunks of a batch whose rows that term compares");
  s.text("early_stop", o.early_stop, {"off", "normal", "adv", "eq"}, "rule that ends training (see README)");
  s.text("target", o.target, {"0.5", "2ln2"}, "of the discriminator's loss in these rules");
  s.text("keep", o.keep, {"last", "best_mmd"},
         "generator that is saved: the last, or that of the least MMD^2 (see README)");
  s.integer("keep_every", o.keep_every, 1, many, "epochs between two that best_mmd looks at; the last is always one");
  s.number("hold_out", o.hold_out, 0, 0.9, "share of the chunks that best_mmd compares with and that is not learnt");
  s.integer("seed", o.seed, 0, many, "of everything random");
  s.integer("threads", o.threads, 0, 4096, "0: as many as there are");
  s.text("transform", o.transform, {}, "of the columns: linear, log, quantile, or four of them with commas");
  s.flag("inter_arrival", o.inter_arrival, "learn the gaps between requests in place of their times");
  s.text("save_dir", o.save_dir, {}, "folder of the model's files");
  s.text("save_prefix", o.save_prefix, {}, "start of their names");
  s.text("output_synth", o.output_synth, {}, "synthetic trace written after training; none: do not");
  s.integer("num_entries", o.num_entries, 0, 1'000'000'000, "rows of it; 0: as many as were learnt from");
  s.flag("sort_time", o.sort_time, "rows in the order of their times");
  s.integer("align", o.align, 0, 1 << 30, "round lengths and addresses to multiples of so many bytes; 0: do not");
  return s;
}

void check(const TrainOptions& o) {
  if (o.trace_path.empty()) throw UsageError("--trace_path is needed: the trace to learn");
  if (o.align != 0 && o.align % 512 != 0)
    throw UsageError("--align is " + std::to_string(o.align) + ", expected a multiple of 512, the bytes of a sector");
  if (o.save_prefix.empty() || o.save_prefix.find('/') != std::string::npos)
    throw UsageError("--save_prefix is \"" + o.save_prefix + "\", expected a name without a folder");
  if (o.instance_noise_last > 0 && o.instance_noise == 0)
    throw UsageError("--instance_noise_last needs an --instance_noise above 0 to start from");
  static_cast<void>(transforms_of(o.transform));
}

std::vector<ColumnTransform> transforms_of(const std::string& text) {
  std::vector<ColumnTransform> transforms;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    transforms.push_back(column_transform(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  if (transforms.size() == 1) transforms.assign(features, transforms[0]);
  if (transforms.size() != features)
    throw UsageError("--transform is \"" + text + "\", expected one name or four (timestamp, length, lba, latency)");
  return transforms;
}

double target_of(const std::string& text) { return text == "2ln2" ? 2 * std::numbers::ln2 : 0.5; }

LstmGanOptions gan_options(const TrainOptions& o) {
  return {.features = features, .hidden = o.hidden_dim, .latent = o.latent_dim};
}

}  // namespace longwave::examples::trace_gan
