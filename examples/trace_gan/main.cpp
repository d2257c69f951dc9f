// trace_gan: learns a trace of block I/O with a GAN of two LSTMs, writes synthetic traces, compares traces.
// Exit codes: 0 done, 1 error, 2 wrong command line or no such device, 130 interrupted with the model written.
#include <CLI/CLI.hpp>

#include "common/command_line.hpp"
#include "common/program.hpp"
#include "trace_gan/commands.hpp"

namespace longwave::examples::trace_gan {

namespace {

// One --name for each option there is; switches need no value.
void add_options(CLI::App& app, std::vector<std::pair<std::string, std::string>>& overrides) {
  TrainOptions defaults;
  const Settings settings = make_settings(defaults);
  for (const Settings::Entry& entry : settings.entries()) {
    const std::string text = entry.help + " [" + settings.value_text(entry.name) + "]";
    if (std::holds_alternative<bool*>(entry.value))
      app.add_flag_function(
          "--" + entry.name,
          [&overrides, name = entry.name](std::int64_t on) { overrides.emplace_back(name, on > 0 ? "true" : "false"); },
          text);
    else
      app.add_option_function<std::string>(
             "--" + entry.name,
             [&overrides, name = entry.name](const std::string& value) { overrides.emplace_back(name, value); }, text)
          ->type_name("")
          ->take_last();
  }
}

CLI::App* add_train(CLI::App& app, TrainArguments& a) {
  CLI::App* train_app = app.add_subcommand("train", "learn a trace; write the model and a synthetic trace");
  train_app->add_option("--config", a.config, "JSON file of the options below")->type_name("FILE");
  train_app->add_flag("--force", a.force, "replace files that are there");
  train_app->add_flag("--quiet", a.quiet, "the epochs' losses only");
  add_device(*train_app, a.device);
  add_options(*train_app, a.overrides);
  return train_app;
}

CLI::App* add_generate(CLI::App& app, GenerateArguments& a) {
  CLI::App* sub = app.add_subcommand("generate", "write a synthetic trace with a trained model");
  sub->add_option("model", a.model, "folder and prefix of its files, such as models/model")->required();
  sub->add_option("--out", a.out, "file to write [synth.txt]")->type_name("FILE");
  sub->add_option("--num_entries", a.rows, "rows; 0: as many as were learnt from")->check(CLI::Range(0, 1'000'000'000));
  sub->add_option("--seed", a.seed, "of the noise; that of the training if not given")->check(at_least_0());
  sub->add_flag("--sort_time", a.sort_time, "rows in the order of their times");
  sub->add_option("--align", a.align, "round lengths and addresses to multiples of so many bytes")->check(at_least_0());
  sub->add_option("--threads", a.threads, "0: as many as there are")->check(at_least_0());
  sub->add_flag("--force", a.force, "replace a file that is there");
  add_device(*sub, a.device);
  return sub;
}

CLI::App* add_mmd(CLI::App& app, MmdArguments& a) {
  CLI::App* sub = app.add_subcommand("mmd", "compare two traces by MMD^2");
  sub->add_option("original", a.original, "trace")->required();
  sub->add_option("synthetic", a.synthetic, "trace, of any layout too")->required();
  sub->add_option("--layout", a.layout, "of the original: automatic, six, comma, msr, rows");
  sub->add_option("--protocol", a.protocol, "p1, p2 or p3 (see README) [p1]")->check(CLI::IsMember({"p1", "p2", "p3"}));
  sub->add_option("--columns", a.columns, "of timestamp, length, lba, latency; else the protocol's")->delimiter(',');
  sub->add_option("--max_lines", a.max_lines, "raw lines read of each; 0: all")->check(at_least_0());
  sub->add_option("--max_rows", a.max_rows, "rows drawn of each; 0: all [10000]")->check(at_least_0());
  sub->add_option("--seed", a.seed, "of what is drawn [42]")->check(at_least_0());
  sub->add_option("--permutations", a.permutations, "a p-value from so many")->check(CLI::Range(0, 100000));
  sub->add_option("--fourier", a.features, "an approximate value from so many random features besides")
      ->check(CLI::Range(0, 1 << 20));
  sub->add_flag("--float", a.single_precision, "pairs in single precision");
  sub->add_flag("--no_references", a.no_references, "without floor and ceilings");
  sub->add_option("--curves", a.curves, "CSV file of each column's distribution")->type_name("FILE");
  sub->add_option("--threads", a.threads, "0: as many as there are")->check(at_least_0());
  sub->add_flag("--force", a.force, "replace a file that is there");
  return sub;
}

CLI::App* add_report(CLI::App& app, ReportArguments& a) {
  CLI::App* sub =
      app.add_subcommand("report", "an HTML page that compares two traces, with the losses of the training");
  sub->add_option("original", a.original, "trace")->required();
  sub->add_option("synthetic", a.synthetic, "trace")->required();
  sub->add_option("--layout", a.layout, "of the original: automatic, six, comma, msr, rows");
  sub->add_option("--model", a.model, "folder and prefix of the model, for its losses");
  sub->add_option("--out", a.out, "file to write [report.html]")->type_name("FILE");
  sub->add_option("--max_lines", a.max_lines, "raw lines read of each; 0: all")->check(at_least_0());
  sub->add_option("--seed", a.seed, "of what is drawn [42]")->check(at_least_0());
  sub->add_option("--threads", a.threads, "0: as many as there are")->check(at_least_0());
  sub->add_flag("--force", a.force, "replace a file that is there");
  return sub;
}

CLI::App* add_tune(CLI::App& app, TuneArguments& a) {
  CLI::App* sub = app.add_subcommand("tune", "search options of train in processes side by side; print the best");
  sub->add_option("--trace-name", a.trace_name, "trace <trace_dir>/<name>.txt");
  sub->add_option("--trace_dir", a.trace_dir, "folder of the traces [.]");
  sub->add_option("--trace_path", a.trace_path, "trace, in place of a name");
  sub->add_option("--space", a.space, "of options: main, w44 or third [main]")
      ->check(CLI::IsMember({"main", "w44", "third"}));
  sub->add_option("--sampler", a.sampler, "tpe or random [tpe]")->check(CLI::IsMember({"tpe", "random"}));
  sub->add_option("--target", a.target, "of the discriminator's loss: 0.5 or 2ln2 [0.5]")
      ->check(CLI::IsMember({"0.5", "2ln2"}));
  sub->add_option("--n-trials", a.n_trials, "trials in all, those of the study file included [50]")
      ->check(CLI::Range(1, 1000000));
  sub->add_option("--jobs", a.jobs, "trials at a time [1]")->check(CLI::Range(1, 1024));
  sub->add_option("--storage", a.storage, "study file, which is gone on with [study.jsonl]")->type_name("FILE");
  sub->add_option("--study-name", a.study_name, "kept in the study file [trace_gan]");
  sub->add_option("--seed", a.seed, "of the search and of every trial [77]")->check(at_least_0());
  sub->add_option("--num_epochs", a.num_epochs, "in place of the space's")->check(above_0());
  sub->add_option("--max_lines", a.max_lines, "in place of the space's")->check(above_0());
  sub->add_option("--device", a.device, "of the trials: cpu, cuda or cuda:<number> [cpu]");
  sub->add_option_function<std::vector<std::string>>(
      "--set",
      [&a](const std::vector<std::string>& assignments) {
        for (const std::string& text : assignments) {
          const auto equals = text.find('=');
          if (equals == std::string::npos || equals == 0)
            throw CLI::ValidationError("--set takes NAME=VALUE, such as transform=quantile; got \"" + text + "\"");
          a.extra.emplace_back(text.substr(0, equals), text.substr(equals + 1));
        }
      },
      "further options of train, NAME=VALUE");
  return sub;
}

CLI::App* add_record(CLI::App& app, RecordArguments& a) {
  CLI::App* sub =
      app.add_subcommand("record", "make a trace of this machine: do file I/O in a scratch file and time it");
  sub->add_option("--out", a.out, "trace to write [trace.txt]")->type_name("FILE");
  sub->add_option("--folder", a.folder, "where the scratch file goes; else where the trace goes")->type_name("DIR");
  sub->add_option("--requests", a.requests, "how many [20000]")->check(CLI::Range(1, 100'000'000));
  sub->add_option("--size_mb", a.size_mb, "of the scratch file, MiB [64]")->check(CLI::Range(1, 4096));
  sub->add_option("--seconds", a.seconds, "at most [30]")->check(CLI::Range(0.1, 86400.0));
  sub->add_option("--write_share", a.write_share, "part of the requests that write [0.4]")->check(CLI::Range(0.0, 1.0));
  sub->add_option("--seed", a.seed, "of the pattern [77]")->check(at_least_0());
  sub->add_flag("--force", a.force, "replace a file that is there");
  return sub;
}

int run(int argc, char** argv) {
  CLI::App app("Learns a trace of block I/O with a GAN of two LSTMs, writes synthetic traces, compares traces.",
               "trace_gan");
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 done, 1 error, 2 wrong command line or no such device, 130 interrupted with the model written.");
  TrainArguments train_arguments;
  GenerateArguments generate_arguments;
  MmdArguments mmd_arguments;
  ReportArguments report_arguments;
  TuneArguments tune_arguments;
  RecordArguments record_arguments;
  tune_arguments.program = "/proc/self/exe";
  CLI::App* train_app = add_train(app, train_arguments);
  CLI::App* generate_app = add_generate(app, generate_arguments);
  CLI::App* mmd_app = add_mmd(app, mmd_arguments);
  CLI::App* report_app = add_report(app, report_arguments);
  CLI::App* tune_app = add_tune(app, tune_arguments);
  add_record(app, record_arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (*train_app) return train(train_arguments);
  if (*generate_app) return generate(generate_arguments);
  if (*mmd_app) return mmd_command(mmd_arguments);
  if (*report_app) return report(report_arguments);
  if (*tune_app) return tune(tune_arguments);
  return record(record_arguments);
}

}  // namespace

}  // namespace longwave::examples::trace_gan

int main(int argc, char** argv) {
  using namespace longwave::examples;
  return run_program("trace_gan", "trace_gan --help", "fewer rows (--max_lines, --num_entries) need less", argv,
                     [&] { return trace_gan::run(argc, argv); });
}
