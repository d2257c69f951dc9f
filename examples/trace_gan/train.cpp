#include <chrono>
#include <cstdio>

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
  GanStopping stopping(value_of_name("--early_stop", options.early_stop, gan_stop_rules), target_of(options.target));
  Interrupt interrupt;
  const auto start = std::chrono::steady_clock::now();
  const char* advised = "";
  backend.train(options, gan, set.chunks.view(), [&](index_t epoch, const GanLosses& losses) {
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
  });
  save_model(stem, gan, set.codec, options);
  std::fprintf(stderr, "model: %s, %.1f s\n", paths.generator.c_str(), seconds_since(start));
  if (writes_rows) write_synthetic(options, set, gan, backend);
  return interrupt.requested() ? Interrupt::exit_code : 0;
}

}  // namespace longwave::examples::trace_gan
