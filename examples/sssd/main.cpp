// sssd: trains diffusion models on series and event traces; imputes, forecasts and generates with them.
// Exit codes: 0 done, 1 error, 2 wrong command line or no such device, 130 interrupted with a checkpoint written.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "common/device.hpp"
#include "common/program.hpp"
#include "sssd/commands.hpp"
#include "sssd/config.hpp"
#include "sssd/trace_baselines.hpp"

namespace longwave::examples::sssd {

namespace {

std::string join(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ",") + item;
  return text;
}

template <class Arguments>
void add_common(CLI::App& app, Arguments& a) {
  app.add_option("-c,--config", a.config, "JSON file in the official layout")->type_name("FILE");
  app.add_option("--data", a.data, "folder of the data files [LONGWAVE_DATA]")->type_name("DIR");
  app.add_option_function<std::string>(
         "--device", [&a](const std::string& name) { a.device = open_device(name); },
         "cpu, cuda or cuda:<number> [cpu]")
      ->type_name("DEVICE");
  app.add_flag_callback("--tf32", use_tf32, "on a GPU: products with operands of 11 bits, several times as fast");
  app.add_flag("--force", a.force, "replace what is there");
  app.add_flag("--quiet", a.quiet, "no progress, results only");
}

void add_train(CLI::App& app, TrainArguments& a) {
  add_common(app, a);
  Options defaults;
  const Settings settings = make_settings(defaults);
  for (const Settings::Entry& entry : settings.entries()) {
    const std::vector<std::string> flags = flags_of(entry.name);
    if (flags.empty()) continue;
    const std::string shown = settings.value_text(entry.name);
    CLI::Option* option = app.add_option_function<std::string>(
        join(flags), [&a, name = entry.name](const std::string& value) { a.overrides.emplace_back(name, value); },
        entry.help + (shown.empty() ? "" : " [" + shown + "]"));
    option->type_name("")->group("Options of " + entry.name.substr(0, entry.name.find('.')) + " [default]");
    if (entry.name.ends_with("mask_per_sample")) option->expected(0, 1)->default_str("1");
    if (entry.name.ends_with("consistent_known")) option->expected(0, 1)->default_str("true");
  }
  app.add_option("--stop-after", a.stop_after, "write a checkpoint and leave after this iteration, as Ctrl-C does")
      ->type_name("N");
}

void add_draw(CLI::App& app, DrawArguments& a, const std::string& output_dir) {
  add_common(app, a);
  app.add_option("--checkpoint", a.checkpoint, "checkpoint file, or the folder of a run")->type_name("PATH");
  app.add_option("--checkpoint_iter,--ckpt_iter", a.iteration, "max or the number of an iteration [max]")
      ->type_name("N");
  app.add_option("--output_dir", a.output_dir, "folder to write to [" + output_dir + "]")->type_name("DIR");
  app.add_option("--batch_size", a.batch_size, "series drawn at a time [16]")->check(CLI::PositiveNumber);
  app.add_option("--seed", a.seed, "of all draws [0]")->check(CLI::NonNegativeNumber);
  app.add_option("--threads", a.threads, "0: as many as there are")->check(CLI::NonNegativeNumber);
}

void add_sampler(CLI::App& app, SamplerChoice& s) {
  app.add_option("--sampler", s.name, "ddpm, ddim, dpm++ or dpm++sde [ddpm]")
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(sampler_names), std::end(sampler_names))));
  app.add_option("--steps", s.steps, "diffusion steps [ddpm: all, others: 20]")->check(CLI::PositiveNumber);
  app.add_option("--spacing", s.spacing, "of the steps: even, leading, trailing, quadratic or log_snr [even]")
      ->check(CLI::IsMember(std::vector<std::string>(std::begin(spacing_names), std::end(spacing_names))));
  app.add_option("--eta", s.eta, "ddim: noise after the start, 0 to 1 [0]")->check(CLI::Range(0.0, 1.0));
  app.add_option("--known", s.known, "known values on the way: exact, or trained: as training showed them [exact]")
      ->check(CLI::IsMember({"exact", "trained"}));
  app.add_option("--clip", s.clip, "range of the predicted values as the network sees them; events: 0 1 [any]")
      ->expected(2)
      ->type_name("LEAST MOST");
}

void add_gaps(CLI::App& app, GapArguments& a) {
  app.add_option("--masking", a.masking, "rm, mnr, bm, forecast, or block [as trained]")
      ->check(CLI::IsMember({"rm", "mnr", "bm", "forecast", "block"}));
  app.add_option("--missing_k", a.missing_k, "as in train [as trained]")->check(CLI::PositiveNumber);
  app.add_option("--block_start", a.block_start, "first position of a block, from 0 on [in the middle]")
      ->check(CLI::NonNegativeNumber);
}

void add_samplers(CLI::App& app, SamplersArguments& a) {
  add_draw(app, a, ".");
  add_gaps(app, a);
  app.add_option("--try", a.samplers, "NAME[:steps=N,spacing=S,eta=E,known=K,clip=A/B], as often as you like")
      ->required()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("SAMPLER");
  app.add_option("--draws", a.draws, "seeds, from --seed on [3]")->check(CLI::PositiveNumber);
  app.add_option("--limit", a.limit, "at most so many series of the test data; 0: all")->check(CLI::NonNegativeNumber);
  app.add_option("--output", a.output, "JSON file to write")->type_name("FILE");
}

void add_impute(CLI::App& app, ImputeArguments& a) {
  add_draw(app, a, "imputed_sssd");
  add_sampler(app, a.sampler);
  app.add_option("--input", a.input,
                 "your file with gaps (csv, npy; events as text or npy, 0 where missing); else the "
                 "test data are blanked and scored")
      ->type_name("FILE");
  app.add_option("-n,--num_samples", a.num_samples, "series per imputation<i>.npy [500]")->check(CLI::PositiveNumber);
  app.add_option("--samples", a.samples, "draws of each series, for median and quantiles [1]")
      ->check(CLI::PositiveNumber);
  app.add_option("--limit", a.limit, "at most so many series of the test data; 0: all")->check(CLI::NonNegativeNumber);
  app.add_option("--period", a.period, "of the seasonal baseline, in rows [24]")->check(CLI::PositiveNumber);
  app.add_option("--report", a.report, "HTML file [report.html in the output folder]")->type_name("FILE");
}

void add_generate(CLI::App& app, GenerateArguments& a) {
  add_draw(app, a, "generated_traces_sssd");
  add_sampler(app, a.sampler);
  app.add_option("--num_samples,-n", a.num_samples, "sequences [100]")->check(CLI::PositiveNumber);
  app.add_option("--seq_len", a.seq_len, "their length [as trained]")->check(CLI::PositiveNumber);
}

void add_evaluate(CLI::App& app, EvaluateArguments& a) {
  app.add_option("--generated", a.generated, "sequences to judge: text or npy")->required()->type_name("FILE");
  app.add_option("--real", a.real, "sequences to compare with")->required()->type_name("FILE");
  app.add_option("--output", a.output, "JSON file to write")->type_name("FILE");
  app.add_flag("--force", a.force, "replace what is there");
}

void add_baselines(CLI::App& app, BaselinesArguments& a) {
  app.add_option("--data", a.data, "folder of the kernel traces [$LONGWAVE_DATA]")->type_name("DIR");
  app.add_option("--dataset", a.datasets, "workloads [the nine published ones]")->delimiter(',');
  app.add_option("--sequence_length", a.sequence_length, "events per sequence [200]")->check(CLI::PositiveNumber);
  app.add_option("--missing_k", a.missing_k, "events in the middle to impute [10]")->check(CLI::PositiveNumber);
}

int run(std::vector<std::string> arguments) {
  CLI::App app(
      "Diffusion models with state-space layers: imputes and forecasts series, reconstructs and generates "
      "event traces.",
      "sssd");
  app.require_subcommand(1);
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  app.footer(
      "Exit codes: 0 done, 1 error, 2 wrong command line or no such device, 130 interrupted with a checkpoint "
      "written.");
  TrainArguments train_arguments;
  ImputeArguments impute_arguments;
  ForecastArguments forecast_arguments;
  SamplersArguments samplers_arguments;
  GenerateArguments generate_arguments;
  EvaluateArguments evaluate_arguments;
  BaselinesArguments baselines_arguments;
  CLI::App* train_app = app.add_subcommand("train", "train a network, or go on with it");
  add_train(*train_app, train_arguments);
  CLI::App* impute_app = app.add_subcommand("impute", "fill the gaps of your file, or score gaps in the test data");
  add_impute(*impute_app, impute_arguments);
  add_gaps(*impute_app, impute_arguments);
  CLI::App* forecast_app = app.add_subcommand("forecast", "what follows your file, or scores on the test data");
  add_impute(*forecast_app, forecast_arguments);
  forecast_app->add_option("--horizon", forecast_arguments.horizon, "steps ahead [missing_k as trained]")
      ->check(CLI::PositiveNumber);
  CLI::App* samplers_app = app.add_subcommand("samplers", "which sampler a network imputes events best with");
  add_samplers(*samplers_app, samplers_arguments);
  CLI::App* generate_app = app.add_subcommand("generate", "new event traces from nothing");
  add_generate(*generate_app, generate_arguments);
  CLI::App* evaluate_app = app.add_subcommand("evaluate", "how like real traces generated ones are");
  add_evaluate(*evaluate_app, evaluate_arguments);
  CLI::App* baselines_app =
      app.add_subcommand("baselines", "what imputations without a model reach on the kernel traces, both splits");
  add_baselines(*baselines_app, baselines_arguments);

  for (std::string& argument : arguments)
    if (argument == "-ckpt_iter") argument = "--ckpt_iter";  // the official spelling
  try {
    std::reverse(arguments.begin(), arguments.end());
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (*train_app) return train(train_arguments);
  if (*impute_app) return impute(impute_arguments);
  if (*forecast_app) return forecast(forecast_arguments);
  if (*samplers_app) return samplers(samplers_arguments);
  if (*generate_app) return generate(generate_arguments);
  if (*evaluate_app) return evaluate(evaluate_arguments);
  return baselines(baselines_arguments);
}

}  // namespace

}  // namespace longwave::examples::sssd

int main(int argc, char** argv) {
  using namespace longwave::examples;
  return run_program("sssd", "sssd --help", "a smaller --batch_size needs less", argv, [&] {
    return sssd::run({argv + 1, argv + argc});
  });
}
