#include <chrono>
#include <cstdio>
#include <limits>

#include "common/device.hpp"
#include "common/interrupt.hpp"
#include "common/metrics_log.hpp"
#include "trace_gan/backend.hpp"
#include "trace_gan/commands.hpp"
#include "trace_gan/saved.hpp"

namespace longwave::examples::trace_gan {

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

TrainOptions options_of(const TrainArguments& arguments) {
  TrainOptions options;
  Settings settings = make_settings(options);
  if (!arguments.config.empty()) settings.load_file(arguments.config);
  for (const auto& [name, value] : arguments.overrides) settings.set(name, value);
  check(options);
  return options;
}

void write_synthetic(const TrainOptions& o, const LearningSet& set, LstmGan<float>& gan, const Backend& backend) {
  const index_t rows = o.num_entries > 0 ? o.num_entries : set.rows;
  const auto scaled = backend.generate(gan, rows, o.seq_len, generator_of(o.seed, noise_of_rows));
  write_rows(o.output_synth, decode_rows(scaled, set.codec, {o.sort_time, o.align}));
  std::fprintf(stderr, "synthetic trace: %s, %lld rows\n", o.output_synth.c_str(), static_cast<long long>(rows));
}

// The generator of least MMD^2 against `rows`, scaled; four times as many are generated.
class LeastMmd {
 public:
  LeastMmd(TensorView<const float, 2> rows, const RowCodec& codec, MetricsLog& log)
      : rows_(rows), codec_(codec), log_(log) {}

  RowJudge judge() {
    return {std::min<index_t>(4 * rows_.size(0), MmdProtocolOptions().max_rows),
            [this](index_t epoch, TensorView<const float, 2> generated) {
              const double mmd2 = score_rows(generated, rows_, codec_);
              log_.write("score", epoch, {{"mmd2", mmd2}});
              if (!(mmd2 < least_)) return false;
              least_ = mmd2;
              epoch_ = epoch;
              return true;
            }};
  }
  void tell() const {
    std::fprintf(stderr, "kept: the generator of epoch %lld, MMD^2 %.6g against %lld rows\n",
                 static_cast<long long>(epoch_), least_, static_cast<long long>(rows_.size(0)));
  }

 private:
  TensorView<const float, 2> rows_;
  const RowCodec& codec_;
  MetricsLog& log_;
  double least_ = std::numeric_limits<double>::infinity();
  index_t epoch_ = 0;
};

TensorView<const float, 2> rows_of(TensorView<const float, 3> chunks) {
  return chunks.reshape(Extents<2>{chunks.size(0) * chunks.size(1), chunks.size(2)});
}

}  // namespace

int train(const TrainArguments& arguments) {
  TrainOptions options = options_of(arguments);
  const std::string stem = stem_of(options);
  const ModelPaths paths = model_paths(stem);
  const bool writes_rows = options.output_synth != "none" && !options.output_synth.empty();
  std::vector<std::string> outputs = {paths.generator, paths.discriminator, paths.scaler, paths.losses};
  if (writes_rows) outputs.push_back(options.output_synth);
  refuse_to_replace(outputs, arguments.force);
  set_num_threads(static_cast<int>(options.threads));
  BlockTraceOptions reading;
  reading.layout = trace_layout(options.layout);
  reading.max_lines = options.max_lines;
  LearningSet set = make_learning_set(read_block_trace(options.trace_path, reading), options);
  if (options.num_entries == 0) options.num_entries = set.rows;
  const bool selects = options.keep == "best_mmd";
  TensorView<const float, 3> learnt = set.chunks.view();
  TensorView<const float, 2> compared = rows_of(learnt);  // held out, or with a share of 0 those that are learnt
  HeldOut parts;
  if (selects && options.hold_out > 0) {
    parts = hold_out(learnt, options.hold_out, generator_of(options.seed, chunks_held_out));
    learnt = parts.chunks.view();
    compared = parts.rows.view();
  }
  make_folder(options.save_dir.empty() ? "." : options.save_dir);

  Generator init = generator_of(options.seed, initial_weights);
  LstmGan<float> gan(gan_options(options), init);
  if (!set.notes.empty()) std::fprintf(stderr, "%s\n", set.notes.c_str());
  if (!arguments.quiet)
    std::fprintf(
        stderr, "%s: %lld rows, %lld chunks of %lld; generator %lld, discriminator %lld parameters; %s\n",
        options.trace_path.c_str(), static_cast<long long>(set.rows), static_cast<long long>(set.chunks.size(0)),
        static_cast<long long>(options.seq_len), static_cast<long long>(count_parameters(gan.generator)),
        static_cast<long long>(count_parameters(gan.discriminator)), describe_device(arguments.device).c_str());

  const Backend& backend = backend_of(arguments.device);
  MetricsLog log(paths.losses);
  LeastMmd least(compared, set.codec, log);
  GanStopping stopping(value_of_name("--early_stop", options.early_stop, gan_stop_rules), target_of(options.target));
  Interrupt interrupt;
  const auto start = std::chrono::steady_clock::now();
  const char* advised = "";
  const EpochEnd epoch_end = [&](index_t epoch, const GanLosses& losses) {
    std::printf("[Epoch %lld/%lld] D Loss: %.4f | G Loss: %.4f\n", static_cast<long long>(epoch),
                static_cast<long long>(options.num_epochs), losses.discriminator, losses.generator);
    std::fflush(stdout);
    log.write("epoch", epoch,
              {{"d_loss", losses.discriminator}, {"g_loss", losses.generator}, {"seconds", seconds_since(start)}});
    if (!std::isfinite(losses.discriminator) || !std::isfinite(losses.generator))
      throw_value_error("the losses are not finite after epoch " + std::to_string(epoch) + "; lower lrG and lrD");
    const bool stop = stopping.stop(losses);
    if (stop) std::fprintf(stderr, "stopped (%s): %s\n", options.early_stop.c_str(), stopping.reason());
    const GanDiagnosis diagnosis = diagnose_gan(stopping.epochs());
    if (!arguments.quiet && diagnosis.name != advised && epoch >= 5) {
      std::fprintf(stderr, "epoch %lld: %s. %s\n", static_cast<long long>(epoch), diagnosis.name, diagnosis.advice);
      advised = diagnosis.name;
    }
    return stop || interrupt.requested();
  };
  backend.train(options, gan, learnt, epoch_end, selects ? least.judge() : RowJudge());
  if (selects) least.tell();
  save_model(stem, gan, set.codec, options);
  std::fprintf(stderr, "model: %s, %.1f s\n", paths.generator.c_str(), seconds_since(start));
  if (writes_rows) write_synthetic(options, set, gan, backend);
  return interrupt.requested() ? Interrupt::exit_code : 0;
}

}  // namespace longwave::examples::trace_gan
