// sar_focus: azimuth focusing of radar images with S4D, from raw echoes to images beside the classical processor's.
// Exit codes: 0 done, 1 error, 2 wrong command line or no such device, 130 interrupted with a checkpoint written.
#include <algorithm>

#include "common/command_line.hpp"
#include "common/program.hpp"
#include "sar_focus/commands.hpp"

namespace longwave::examples::sar_focus {

namespace {

// One --name for each option of training; switches need no value.
void add_train_options(CLI::App& app, Overrides& overrides) {
  TrainOptions defaults;
  const Settings settings = make_settings(defaults);
  for (const Settings::Entry& entry : settings.entries()) {
    std::string text = entry.help + " [" + settings.value_text(entry.name) + "]";
    for (const ShortName& known : short_names())
      if (entry.name == known.name) text = "-" + std::string(known.letters) + ": " + text;
    const auto keep = [&overrides, name = entry.name](const std::string& value) {
      overrides.emplace_back(name, value);
    };
    if (std::holds_alternative<bool*>(entry.value))
      app.add_flag_function(
          "--" + entry.name + ",!--no_" + entry.name, [keep](std::int64_t on) { keep(on > 0 ? "true" : "false"); },
          text);
    else
      app.add_option_function<std::string>("--" + entry.name, keep, text)->type_name("")->take_last();
  }
}

CLI::App* add_train(CLI::App& app, TrainArguments& a) {
  CLI::App* sub = app.add_subcommand("train", "learn to focus the columns of products");
  sub->add_option("--config", a.config, "JSON file of the options below")->type_name("FILE");
  sub->add_flag("--resume", a.resume, "go on from the last checkpoint of the newest version");
  sub->add_flag("--force", a.force, "replace the model that is there");
  sub->add_flag("--quiet", a.quiet, "the epochs' figures only");
  sub->add_option("--device", a.device, device_help)->type_name("DEVICE");
  add_train_options(*sub, a.overrides);
  return sub;
}

CLI::App* add_sweep(CLI::App& app, SweepArguments& a) {
  CLI::App* sub = app.add_subcommand("sweep", "train with every combination of a grid, or go on with that");
  sub->add_option("grid", a.grid, "JSON file: option of train -> values")->required();
  sub->add_option("--out,--outdir", a.out, "folder of the runs and their summary")->capture_default_str();
  sub->add_option("--jobs", a.jobs, "runs side by side")->check(CLI::Range(1, 1024))->capture_default_str();
  sub->add_option("--limit", a.limit, "runs to start at most; 0: all")->check(at_least_0());
  sub->add_option("--experiment_id", a.experiment_ids, "these runs alone, such as sweep_exp_0001")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("ID");
  sub->add_option("--slice", a.slice, "every n-th run alone: 2/10 is the second of ten parts")->type_name("PART/PARTS");
  sub->add_flag("--list", a.list, "only print the runs' names");
  sub->add_flag("--aggregate", a.aggregate, "only put together the summary of the runs that are there");
  sub->add_flag("--quiet", a.quiet, "the summary only");
  sub->add_option("--device", a.device, device_help)->type_name("DEVICE");
  add_train_options(*sub, a.overrides);
  return sub;
}

CLI::App* add_simulate(CLI::App& app, SimulateArguments& a) {
  CLI::App* sub = app.add_subcommand("simulate", "make products of scatterers over speckle, or their raw echoes");
  sub->add_option("--out", a.out, "folder with training/ and validation/")->capture_default_str();
  sub->add_option("--echoes", a.echoes, "write raw echoes to this npy file in place of products")->type_name("FILE");
  sub->add_option("--radar", a.radar, "JSON file; else one in orbit with short apertures")->type_name("FILE");
  sub->add_option("--rows", a.rows, "azimuth rows")->check(CLI::Range(16, 1 << 24))->capture_default_str();
  sub->add_option("--columns", a.columns, "range columns for training")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  sub->add_option("--validation_columns", a.validation_columns, "range columns for validation")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  sub->add_option("--scatterers", a.scatterers, "in each scene")->check(CLI::Range(0, 1 << 20))->capture_default_str();
  sub->add_option("--brightest", a.brightest, "amplitude of the brightest over the speckle's")
      ->check(at_least_0())
      ->capture_default_str();
  sub->add_option("--delay", a.delay, "rows that the image lies below the columns; half an aperture: focused causally")
      ->check(CLI::Range(-(1 << 20), 1 << 20))
      ->capture_default_str();
  sub->add_option("--scale_share", a.scale_share, "share of I and Q that is to lie in the ranges of training")
      ->check(CLI::Range(0.01, 1.0))
      ->capture_default_str();
  sub->add_option("--mode", a.mode, "stripmap mode in the names")->check(CLI::Range(1, 6))->capture_default_str();
  sub->add_option("--seed", a.seed, "of everything random")->check(at_least_0())->capture_default_str();
  sub->add_flag("--force", a.force, "replace what is there");
  return sub;
}

CLI::App* add_compress(CLI::App& app, CompressArguments& a) {
  CLI::App* sub = app.add_subcommand("compress", "raw echoes to products: range-compressed columns and their image");
  sub->add_option("raw", a.raw, "echoes (pulses, samples): npy of int8 (.., .., 2) or complex, or a Zarr array")
      ->required();
  sub->add_option("--radar", a.radar, "JSON file of the radar's parameters")->required()->type_name("FILE");
  sub->add_option("--out", a.out, "folder with training/ and validation/")->capture_default_str();
  sub->add_option("--name", a.name, "of the products")->capture_default_str();
  sub->add_option("--rows_of", a.rows_of, "where scatterers stand: beam (its centre), zero_doppler")
      ->check(CLI::IsMember({"beam", "zero_doppler"}))
      ->capture_default_str();
  sub->add_flag("--keep_carrier", a.keep_carrier, "leave the Doppler centroid where it is in both arrays");
  sub->add_flag("--estimate_doppler", a.estimate_doppler, "take the centroid's fraction of the PRF from the echoes");
  sub->add_option("--validation_columns", a.validation_columns, "the last columns; 0: one product of all")
      ->check(at_least_0())
      ->capture_default_str();
  sub->add_option("--delay", a.delay, "rows that the image lies below the columns; half an aperture: focused causally")
      ->check(CLI::Range(-(1 << 20), 1 << 20))
      ->capture_default_str();
  sub->add_option("--fft_rows", a.fft_rows, "rows that images count modulo; 0: enough for none to wrap around")
      ->check(at_least_0());
  sub->add_option("--gap", a.gap, "columns left out before them")->check(at_least_0())->capture_default_str();
  sub->add_option("--scale_share", a.scale_share, "share of I and Q that is to lie in the ranges of training")
      ->check(CLI::Range(0.01, 1.0))
      ->capture_default_str();
  sub->add_option("--chunk_rows", a.chunk_rows, "of the Zarr arrays")->check(above_0())->capture_default_str();
  sub->add_option("--chunk_columns", a.chunk_columns, "of the Zarr arrays")->check(above_0())->capture_default_str();
  sub->add_flag("--force", a.force, "replace what is there");
  return sub;
}

template <class Arguments>
void add_inference(CLI::App& sub, Arguments& a) {
  sub.add_option("--chunk", a.chunk, "rows focused at a time")->check(CLI::Range(2, 1 << 24))->capture_default_str();
  sub.add_option("--overlap", a.overlap, "rows that neighbouring chunks share, at most half of them")
      ->check(at_least_0())
      ->capture_default_str();
  sub.add_flag("--whole", a.whole, "whole columns at once");
  sub.add_option("--threads", a.threads, "0: as many as there are")->check(at_least_0());
  sub.add_flag("--force", a.force, "replace what is there");
  add_device(sub, a.device);
}

CLI::App* add_focus(CLI::App& app, FocusArguments& a) {
  CLI::App* sub = app.add_subcommand("focus", "focus a product with a trained model");
  sub->add_option("model", a.model, "file of a model, or the folder of a training")->required();
  sub->add_option("product", a.product, "Zarr group with range-compressed columns")->required();
  sub->add_option("--out", a.out, "Zarr group for az_learned [the product]")->type_name("DIR");
  add_inference(*sub, a);
  return sub;
}

CLI::App* add_evaluate(CLI::App& app, EvaluateArguments& a) {
  CLI::App* sub = app.add_subcommand("evaluate", "compare learned, classical and trivial focusing; write a report");
  sub->add_option("product", a.product, "Zarr group with rc and az")->required();
  sub->add_option("--model", a.model, "file of a model, or the folder of a training");
  sub->add_option("--learned", a.learned, "Zarr array of an image focused before, in place of a model");
  sub->add_option("--radar", a.radar, "JSON file, where the product does not tell its own")->type_name("FILE");
  sub->add_option("--out", a.out, "folder for the report, JSON and PNG files")->capture_default_str();
  sub->add_option("--scatterers", a.scatterers, "brightest scatterers that are measured")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_inference(*sub, a);
  return sub;
}

int run(int argc, char** argv) {
  CLI::App app("Azimuth focusing of radar images with S4D, beside the classical processor.", "sar_focus");
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 error, 2 wrong command line or no such device, 130 interrupted.");
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // so that scripts have defaults
  SimulateArguments simulate_arguments;
  CompressArguments compress_arguments;
  TrainArguments train_arguments;
  FocusArguments focus_arguments;
  EvaluateArguments evaluate_arguments;
  SweepArguments sweep_arguments;
  sweep_arguments.program = "/proc/self/exe";
  CLI::App* simulate_app = add_simulate(app, simulate_arguments);
  CLI::App* compress_app = add_compress(app, compress_arguments);
  CLI::App* train_app = add_train(app, train_arguments);
  CLI::App* focus_app = add_focus(app, focus_arguments);
  CLI::App* evaluate_app = add_evaluate(app, evaluate_arguments);
  add_sweep(app, sweep_arguments);
  std::vector<std::string> arguments = with_long_names(argc, argv);
  std::reverse(arguments.begin(), arguments.end());  // as CLI11 takes them
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (*simulate_app) return simulate(simulate_arguments);
  if (*compress_app) return compress(compress_arguments);
  if (*train_app) return train(train_arguments);
  if (*focus_app) return focus(focus_arguments);
  if (*evaluate_app) return evaluate(evaluate_arguments);
  return sweep(sweep_arguments);
}

}  // namespace

}  // namespace longwave::examples::sar_focus

int main(int argc, char** argv) {
  using namespace longwave::examples;
  return run_program("sar_focus", "sar_focus --help", "a smaller --batch_size, --chunk or --cache needs less", argv,
                     [&] { return sar_focus::run(argc, argv); });
}
