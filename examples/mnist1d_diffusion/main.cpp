// mnist1d_diffusion: the eight MNIST-1D conditional diffusion experiments, and their report.
// Exit codes: 0 done, 1 error or a failed experiment, 2 wrong command line or no such device, 130 interrupted.
#include <cstdio>
#include <thread>

#include "common/command_line.hpp"
#include "common/interrupt.hpp"
#include "common/program.hpp"
#include "common/settings.hpp"
#include "longwave/io/file.hpp"
#include "mnist1d_diffusion/explain.hpp"
#include "mnist1d_diffusion/page.hpp"
#include "mnist1d_diffusion/sweep.hpp"

namespace longwave::examples::mnist1d_diffusion {

namespace {

struct ReportArguments {
  std::string from = "out/mnist1d_diffusion", out;
  bool force = false;
};

void add_options(CLI::App& app, Options& o) {
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // so that scripts have defaults
  app.add_option("--epochs,--max_epochs", o.epochs, "epochs of each experiment")->capture_default_str();
  app.add_option("--batch_size", o.batch_size, "rows of a batch")->capture_default_str();
  app.add_option("--n_samples", o.n_samples, "training rows, half of each set")->capture_default_str();
  app.add_option("--n_test", o.n_test, "test rows, half of each set")->capture_default_str();
  app.add_option("--timesteps", o.timesteps, "steps of the diffusion")->capture_default_str();
  app.add_option("--beta_end", o.beta_end, "noise of its last step")->capture_default_str();
  app.add_option("--seed", o.seed, "of weights, rows, batches and noise")->capture_default_str();
  app.add_option("--repeats", o.repeats, "each experiment with the seeds SEED, SEED+1, ..")->capture_default_str();
  app.add_option("--only", o.only, "experiments, such as 1,2,5")
      ->delimiter(',')
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("ID,ID,...");
  app.add_option("--task", o.task, "mnist1d, or its 3-dimensional ancestor")->capture_default_str();
  app.add_option("--data", o.data, "folder with x.npy, y.npy, x_test.npy, y_test.npy [made by the program]");
  app.add_option("--convex_target", o.convex_target, "what convex experiments predict: noise, effective, gauss_pairs")
      ->capture_default_str();
  const char* extensions = "Extensions, off by default";
  app.add_option("--denoiser", o.denoiser, "unet or s4d")->capture_default_str()->group(extensions);
  app.add_option("--prediction", o.prediction, "noise, or clean: the signal itself")
      ->capture_default_str()
      ->group(extensions);
  app.add_option("--sampler", o.sampler, "ddpm or ddim")->capture_default_str()->group(extensions);
  app.add_option("--sampling_steps", o.sampling_steps, "of ddim; 0: all")->capture_default_str()->group(extensions);
  app.add_option("--mmd_weight", o.mmd_weight, "of the MMD loss, added to the MSE of implicit training")
      ->capture_default_str()
      ->group(extensions);
  app.add_option("--lr", o.lr, "learning rate")->capture_default_str()->group(extensions);
  app.add_flag("--cosine_lr", o.cosine_lr, "learning rate along half a cosine down to 0")->group(extensions);
}

void add_settings(CLI::App& app, RunSettings& s) {
  app.add_option("--out", s.out, "folder for the results")->capture_default_str();
  app.add_option("--jobs", s.jobs, "experiments at a time; 0: one per core, 4 on a GPU")->check(at_least_0());
  app.add_flag("--force", s.force,
               "start anew: partial results in --out are replaced, also those of another configuration");
  app.add_flag("--regressor", s.regressor, "train the network as a plain regressor too, beside the other answers");
  app.add_flag("--quiet", s.quiet, "the table only");
  add_device(app, s.device);
}

// The kernels of one experiment are too small to fill a GPU, and each waits for the one before.
constexpr int jobs_on_cuda = 4;

int run_command(Options options, RunSettings settings) {
  check_options(options);
  if (settings.out.empty()) throw UsageError("--out is \"\", expected a folder");
  if (settings.jobs == 0)
    settings.jobs =
        settings.device.on_cuda ? jobs_on_cuda : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  const SweepOutcome outcome = run_sweep(options, settings, backend_of(settings.device));
  std::fputs(("\n" + console_table(outcome.result)).c_str(), stdout);
  if (outcome.interrupted) {
    std::printf("interrupted; the same command goes on from %s/%s\n", settings.out.c_str(), partial_name);
    return Interrupt::exit_code;
  }
  std::printf("results: %s\ndetails: %s\nreport: %s\n", outcome.files.results.c_str(), outcome.files.details.c_str(),
              outcome.files.report.c_str());
  for (const Record& record : outcome.result.records)
    if (record.failed()) return 1;
  return 0;
}

int report_command(const ReportArguments& a) {
  const std::string from = find_details(a.from);
  const std::string out = a.out.empty() ? from.substr(0, from.rfind('.')) + ".html" : a.out;
  if (file_exists(out) && !a.force) throw_value_error(out + ": is there already; --force replaces it");
  const SweepResult result = read_details(from);
  write_page(result, out);
  std::fputs(console_table(result).c_str(), stdout);
  std::printf("page: %s\n", out.c_str());
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app("The eight MNIST-1D conditional diffusion experiments.", "mnist1d_diffusion");
  app.require_subcommand(1);
  app.footer("Exit codes: 0 done, 1 error or a failed experiment, 2 wrong command line, 130 interrupted.");
  Options options;
  RunSettings settings;
  settings.jobs = 0;
  ReportArguments report;
  CLI::App* run_app = app.add_subcommand("run", "train and test the experiments, or go on with a run");
  add_options(*run_app, options);
  add_settings(*run_app, settings);
  CLI::App* report_app = app.add_subcommand("report", "the HTML page of a run");
  report_app->add_option("from", report.from, "folder of a run, or its details file")->capture_default_str();
  report_app->add_option("--out", report.out, "HTML file [beside the details]");
  report_app->add_flag("--force", report.force, "replace a page that is there");
  std::vector<std::int64_t> explained = {0, 50};
  Options explain_options;
  CLI::App* explain_app = app.add_subcommand("explain", "one batch of semi-implicit training, taken apart");
  explain_app->add_option("--epochs", explained, "epochs of training before the batch, one or more")
      ->delimiter(',')
      ->check(at_least_0())
      ->type_name("N,N,...");
  explain_app->add_option("--seed", explain_options.seed, "as for run")->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (*run_app) return run_command(options, settings);
  if (*report_app) return report_command(report);
  for (const std::int64_t epochs : explained)
    std::fputs(explanation_text(explain_batch(explain_options, epochs), epochs).c_str(), stdout);
  return 0;
}

}  // namespace

}  // namespace longwave::examples::mnist1d_diffusion

int main(int argc, char** argv) {
  using namespace longwave::examples;
  return run_program("mnist1d_diffusion", "mnist1d_diffusion run --help",
                     "a smaller --batch_size or --n_samples needs less", argv,
                     [&] { return mnist1d_diffusion::run(argc, argv); });
}
