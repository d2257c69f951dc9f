// long_sequence: trains state-space models on long sequences, evaluates them, runs them sample by sample.
// Exit codes: 0 done, 1 error, 2 wrong command line or no such device, 130 interrupted with a checkpoint written.
#include <CLI/CLI.hpp>

#include "common/command_line.hpp"
#include "common/program.hpp"
#include "long_sequence/commands.hpp"
#include "long_sequence/config.hpp"

namespace longwave::examples {

namespace {

// --config, --set and one --group.name for each option there is.
template <class Arguments>
void add_options(CLI::App& app, Arguments& arguments) {
  app.add_option("--config", arguments.config, "JSON file of options")->type_name("FILE");
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&arguments](const std::vector<std::string>& assignments) {
           for (const std::string& text : assignments) {
             const auto equals = text.find('=');
             if (equals == std::string::npos || equals == 0)
               throw CLI::ValidationError("--set takes NAME=VALUE, such as model.d_model=64; got \"" + text + "\"");
             arguments.overrides.emplace_back(text.substr(0, equals), text.substr(equals + 1));
           }
         },
         "options of a run, one or more; the same as --NAME VALUE")
      ->type_name("NAME=VALUE");
  RunOptions defaults;
  const Settings settings = make_settings(defaults);
  for (const Settings::Entry& entry : settings.entries())
    app.add_option_function<std::string>(
           "--" + entry.name,
           [&arguments, name = entry.name](const std::string& value) { arguments.overrides.emplace_back(name, value); },
           entry.help + " [" + settings.value_text(entry.name) + "]")
        ->type_name("")
        ->group("Options of a run, also by JSON file [default]");
}

void add_train(CLI::App& app, TrainArguments& a) {
  add_options(app, a);
  app.add_option_function<std::string>(
         "--data", [&a](const std::string& folder) { a.overrides.emplace_back("dataset.folder", folder); },
         "folder of the data files, as --dataset.folder")
      ->type_name("DIR");
  app.add_option_function<std::string>(
         "--seed", [&a](const std::string& seed) { a.overrides.emplace_back("trainer.seed", seed); },
         "as --trainer.seed")
      ->type_name("N");
  app.add_option("--seeds", a.seeds, "a run for each seed, such as 0,1,2")->delimiter(',')->type_name("N,N,...");
  app.add_option("--out", a.out, "folder for checkpoints, metrics and the report")->type_name("DIR");
  app.add_option("--resume", a.resume_from, "go on from this run's checkpoint, or from that of --out")
      ->expected(0, 1)
      ->type_name("[PATH]");
  app.add_flag("--continue", a.go_on,
               "go on with the run that the folder holds, or leave it if it is done; its options must be the same");
  app.add_option("--stop-after", a.stop_after,
                 "write a checkpoint and leave after so many steps in all, as Ctrl-C does")
      ->check(at_least_0())
      ->type_name("STEPS");
  app.add_flag("--overwrite", a.overwrite, "replace the run that the folder holds");
  app.add_flag("--quiet", a.quiet, "no progress, results only");
}

template <class Arguments>
void add_checkpoint(CLI::App& app, Arguments& a) {
  app.add_option("checkpoint", a.checkpoint, "checkpoint file, or the folder of a run")->required()->type_name("PATH");
  app.add_option("--data", a.data_folder, "folder of the data files, if not the one trained with")->type_name("DIR");
  app.add_option("--threads", a.threads, "0: as many as there are")->check(at_least_0())->type_name("N");
}

template <class Arguments>
void add_where(CLI::App& app, Arguments& a) {
  add_device(app, a.device);
  app.add_flag_callback("--tf32", use_tf32, "on a GPU: products with operands of 11 bits, several times as fast");
}

template <class Arguments>
void add_mode(CLI::App& app, Arguments& a, const std::vector<std::string>& modes) {
  app.add_option("--mode", a.mode, "how s4 takes a step: by its low rank, by matrices, in its eigenvectors [linear]")
      ->check(CLI::IsMember(modes));
}

void add_generate(CLI::App& app, GenerateArguments& a) {
  add_mode(app, a, {"linear", "dense"});  // the other has a state of its own, which no prefix gives
  app.add_option("checkpoint", a.checkpoint, "checkpoint file, or the folder of a run")->required()->type_name("PATH");
  app.add_option("--prefix", a.prefix, "the text to go on from, or a wav file")->type_name("TEXT|FILE");
  app.add_option("--length", a.length, "tokens to generate")->check(at_least_0())->type_name("N");
  app.add_option("--count", a.count, "sequences, side by side")->check(above_0())->type_name("N");
  app.add_option("--temperature", a.temperature, "0: always the most probable token")->check(at_least_0());
  app.add_option("--top-p", a.top_p, "only the most probable tokens that together have this much")
      ->check(CLI::Range(1e-6, 1.0));
  app.add_option("--seed", a.seed, "of the draws")->check(at_least_0())->type_name("N");
  app.add_option("--out", a.out, "folder to write to")->type_name("DIR");
  app.add_option("--threads", a.threads, "0: as many as there are")->check(at_least_0())->type_name("N");
}

void add_convert(CLI::App& app, ConvertArguments& a) {
  app.add_option("--from", a.from, "state dict as safetensors; or, for the way back, a checkpoint or folder of a run")
      ->required()
      ->type_name("PATH");
  app.add_option("--to", a.to, "the folder of a run, or a file *.safetensors or *.ckpt")->required()->type_name("PATH");
  app.add_option("--prefix", a.prefix, "before all names of the state dict, such as module.")->type_name("TEXT");
  app.add_option("--ignore", a.ignore, "entries that may be too much; NAME.* for all that begin so")->type_name("NAME");
  app.add_option("--names", a.names, "to write: those of a training run, or of example.py [run]")
      ->check(CLI::IsMember({"run", "example"}))
      ->type_name("run|example");
  app.add_option("--transposed", a.transposed, "of dss, to write: output_linear.bias as (O, 1), not (O) [true]")
      ->type_name("BOOL");
  app.add_flag("--force", a.force, "replace what is there");
  add_options(app, a);
  app.add_option_function<std::string>(
         "--data", [&a](const std::string& folder) { a.overrides.emplace_back("dataset.folder", folder); },
         "folder of the data files, as --dataset.folder")
      ->type_name("DIR");
}

int run(int argc, char** argv) {
  CLI::App app("Trains state-space models on long sequences, evaluates them, streams and generates with them.",
               "long_sequence");
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 error, 2 wrong command line or no such device, 130 interrupted with a checkpoint "
      "written.");

  TrainArguments train_arguments;
  EvaluateArguments evaluate_arguments;
  StreamArguments stream_arguments;
  GenerateArguments generate_arguments;
  InfoArguments info_arguments;
  CLI::App* train_app = app.add_subcommand("train", "train a model, or go on with a run");
  add_train(*train_app, train_arguments);
  CLI::App* evaluate_app = app.add_subcommand("evaluate", "accuracy, tables and report of a trained model");
  add_checkpoint(*evaluate_app, evaluate_arguments);
  evaluate_app->add_option("--report", evaluate_arguments.report, "HTML file to write")->type_name("FILE");
  evaluate_app->add_option("--batch", evaluate_arguments.batch, "items at a time; 0: chosen")->check(at_least_0());
  evaluate_app->add_option("--subsample", evaluate_arguments.subsample, "only every so many samples of the test set")
      ->check(above_0());
  evaluate_app->add_option("--rate", evaluate_arguments.rate,
                           "step between samples against that of training [as --subsample]");
  CLI::App* stream_app = app.add_subcommand("stream", "feed a trained model sample by sample and compare");
  add_checkpoint(*stream_app, stream_arguments);
  stream_app->add_option("--count", stream_arguments.count, "sequences of the test set; 0: all")->check(at_least_0());
  add_mode(*stream_app, stream_arguments, {"linear", "dense", "diagonal"});
  CLI::App* generate_app = app.add_subcommand("generate", "go on after a text or a sound, token by token");
  add_generate(*generate_app, generate_arguments);
  CLI::App* info_app = app.add_subcommand("info", "structure and sizes of a model, content of a checkpoint");
  info_app->add_option("checkpoint", info_arguments.checkpoint, "checkpoint file, or the folder of a run");
  add_options(*info_app, info_arguments);
  TableArguments table_arguments;
  CLI::App* table_app = app.add_subcommand("table", "finished runs side by side, as Markdown");
  table_app->add_option("folder", table_arguments.folder, "runs are looked for in it and below")
      ->required()
      ->type_name("DIR");
  ConvertArguments convert_arguments;
  CLI::App* convert_app =
      app.add_subcommand("convert", "state dicts of the S4 and DSS repositories into runs, and runs into state dicts");
  add_convert(*convert_app, convert_arguments);
  add_where(*train_app, train_arguments);
  add_where(*evaluate_app, evaluate_arguments);
  add_where(*stream_app, stream_arguments);
  add_where(*generate_app, generate_arguments);
  add_where(*info_app, info_arguments);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  train_arguments.resume = train_app->count("--resume") > 0;
  if (*train_app) return train(train_arguments);
  if (*evaluate_app) return evaluate(evaluate_arguments);
  if (*stream_app) return stream(stream_arguments);
  if (*generate_app) return generate(generate_arguments);
  if (*table_app) return table(table_arguments);
  if (*convert_app) return convert(convert_arguments);
  return info(info_arguments);
}

}  // namespace

}  // namespace longwave::examples

int main(int argc, char** argv) {
  using namespace longwave::examples;
  return run_program("long_sequence", "long_sequence --help", "a smaller loader.batch or --batch needs less", argv,
                     [&] { return run(argc, argv); });
}
