#include "mnist1d_diffusion/sweep.hpp"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "check.hpp"
#include "common/settings.hpp"
#include "files.hpp"
#include "mnist1d_diffusion/page.hpp"

using namespace longwave;
using namespace longwave::examples;
using namespace longwave::examples::mnist1d_diffusion;
using longwave::test::contains;
using longwave::test::error_text;
using longwave::test::TemporaryFolder;

namespace {

Options tiny() {
  Options options;
  options.task = "ancestor";
  options.n_samples = 40;
  options.n_test = 20;
  options.epochs = 2;
  check_options(options);
  return options;
}

// Answers at once with the condition; fails where it is told to. Counts its calls.
int calls = 0, failing = 0;
Outcome pretend(const Options& options, const Experiment& e, const Task& task, std::int64_t seed, const LogLine& log) {
  ++calls;
  if (e.id == failing) throw_value_error("experiment " + std::to_string(e.id) + " was told to fail");
  log("Epoch 0/2, Loss: 1.000000");
  Outcome outcome{7, {2.0, 1.0 + 0.1 * static_cast<double>(seed)}, task.test.condition.clone(), {}};
  outcome.train = Tensor<float, 2>(options.n_test, task.points());
  return outcome;
}
const Backend fake = {pretend, nullptr};

RunSettings quiet(const std::string& out) {
  RunSettings settings;
  settings.out = out;
  settings.quiet = true;
  return settings;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

TEST_CASE("mnist1d_diffusion: eight experiments in the published order") {
  const auto& all = all_experiments();
  REQUIRE(all.size() == 8);
  CHECK(all[1].id == 2);
  CHECK(all[1].training == Training::semi_implicit);
  CHECK(all[2].mixing == Mixing::convex);
  CHECK(all[3].loss == Loss::mse);
  CHECK(all[4].loss == Loss::kl);
  CHECK(all[6].mixing == Mixing::convex);
}

TEST_CASE("mnist1d_diffusion: options that make no sense") {
  const auto text = [](auto change) {
    Options o;
    change(o);
    return error_text<UsageError>([&] { check_options(o); });
  };
  CHECK(text([](Options& o) { o.only = {1, 9}; }) == "--only: there is no experiment 9, expected 1 to 8");
  CHECK(text([](Options& o) { o.epochs = 0; }) == "--epochs is 0, expected 1 to 1000000");
  CHECK(text([](Options& o) { o.n_samples = 7; }) == "--n_samples is 7, expected an even number: half of each set");
  CHECK(text([](Options& o) { o.beta_end = 1.5; }) == "--beta_end is 1.500000, expected 0.0001 to 0.999");
  CHECK(text([](Options& o) { o.convex_target = "x"; }) ==
        "--convex_target is \"x\", expected one of noise, effective, gauss_pairs");
  CHECK(text([](Options& o) { o.sampling_steps = 5; }) == "--sampling_steps needs --sampler ddim");
  Options o;
  o.only = {5, 2, 5};
  check_options(o);
  CHECK(o.only == std::vector<int>{2, 5});
}

TEST_CASE("mnist1d_diffusion: rows and targets of MNIST-1D") {
  Options o;
  o.n_samples = 400;
  const Task task = make_task(o, 3);
  CHECK(task.train.condition.sizes() == Extents<2>{400, 41});
  CHECK(task.test.condition.sizes() == Extents<2>{200, 41});
  for (index_t r = 0; r < 400; ++r) {
    const bool second = r >= 200;
    REQUIRE((task.train.digit[static_cast<std::size_t>(r)] >= 5) == second);
    CHECK(task.train.target(r, 40) == (second ? 1 : 0));
    for (index_t i = 0; i < 40; ++i) {
      const float u = task.train.condition(r, i);
      REQUIRE(std::abs(u) <= 5);
      REQUIRE((second ? task.train.target(r, i) == -0.8f * u : task.train.target(r, (i + 5) % 40) == u));
    }
  }
  const Task again = make_task(o, 3), other = make_task(o, 4);
  CHECK(again.train.condition(0, 0) == task.train.condition(0, 0));
  CHECK(other.train.condition(0, 0) != task.train.condition(0, 0));
  const auto trivial = trivial_answers(task);
  CHECK(trivial[0].second.mse == Approx(2.96).epsilon(0.1));  // all zeros
  CHECK(trivial[2].second.mse == Approx(9.0).epsilon(0.1));   // the condition
  o.n_samples = 4002;
  CHECK(contains(error_text<ValueError>([&] { make_task(o, 3); }),
                 "2001 rows of set 1 were asked for, there are 1993; use fewer samples"));
}

TEST_CASE("mnist1d_diffusion: the three-dimensional ancestor") {
  const Task task = make_task(tiny(), 1);
  for (index_t r = 0; r < 40; ++r) {
    const float x = task.train.condition(r, 0);
    CHECK(task.train.target(r, 0) == x);
    CHECK(task.train.target(r, 1) == Approx(r < 20 ? std::sin(x) : std::cos(x) + 1));
    if (r >= 20) CHECK(task.train.condition(r, 1) == Approx(std::sin(x)));
  }
}

TEST_CASE("mnist1d_diffusion: a run writes its files and leaves nothing partial") {
  const TemporaryFolder folder;
  calls = failing = 0;
  const SweepOutcome run = run_sweep(tiny(), quiet(folder / "run"), fake);
  CHECK(calls == 8);
  CHECK(names_in(folder / "run").size() == 3);
  const auto json = nlohmann::json::parse(test::read_text(run.files.results));
  CHECK(json.at("metadata").at("total_experiments") == 8);
  CHECK(json.at("metadata").at("feature_dim") == 3);
  CHECK(json.at("summary").at("successful") == 8);
  const auto& first = json.at("results").at(0);
  for (const char* key : {"experiment_id", "architecture", "loss_function", "sampling_method", "training_method",
                          "num_parameters", "feature_dim", "final_training_loss", "test_mse", "test_mae",
                          "test_kl_divergence", "runtime_seconds", "epochs", "convergence_rate"})
    CHECK(first.contains(key));
  CHECK(first.at("convergence_rate") == Approx(0.5));
  CHECK(json.at("results").at(7).at("loss_function") == "kl_divergence");
  const std::string text = test::read_text(run.files.report);
  CHECK(contains(text, "| 4 | MSE | Convex | Semi-implicit |"));
  CHECK(contains(text, "Best by MSE"));
  const SweepResult back = read_details(find_details(folder / "run"));
  CHECK(details_json(back) == details_json(run.result));
  CHECK(contains(page_html(back), "</html>"));
  run_sweep(tiny(), quiet(folder / "run"), fake);  // beside the first, not over it
  CHECK(names_in(folder / "run").size() == 6);
}

TEST_CASE("mnist1d_diffusion: experiments that fail are recorded, the others run") {
  const TemporaryFolder folder;
  calls = 0;
  failing = 3;
  RunSettings settings = quiet(folder / "run");
  settings.jobs = 3;
  const SweepOutcome run = run_sweep(tiny(), settings, fake);
  failing = 0;
  CHECK(calls == 8);
  const auto json = nlohmann::json::parse(test::read_text(run.files.results));
  CHECK(json.at("summary").at("failed") == 1);
  CHECK(json.at("results").at(2).at("status") == "failed");
  CHECK(json.at("results").at(2).at("error") == "experiment 3 was told to fail");
  CHECK(contains(test::read_text(run.files.report), "| 3 | MSE | Convex | Implicit | failed |"));
  set_num_threads(0);
}

TEST_CASE("mnist1d_diffusion: a stopped run goes on, another configuration does not mix in") {
  const TemporaryFolder folder;
  Options options = tiny();
  SweepResult part;
  part.options = options_json(options);
  part.start_time = part.end_time = part.device = "then";
  for (const int id : {1, 2, 3}) {
    Record record;
    record.experiment = all_experiments()[static_cast<std::size_t>(id - 1)];
    record.losses = {5, 4};
    if (id == 3) record.error = "was interrupted";  // failed ones are tried again
    part.records.push_back(record);
  }
  std::filesystem::create_directories(folder / "run");
  test::write_text(folder / "run/mnist1d_experiment_results_partial.json", details_json(part));
  Options other = options;
  other.epochs = 9;
  calls = 0;
  CHECK(contains(error_text<ValueError>([&] { run_sweep(other, quiet(folder / "run"), fake); }),
                 "max_epochs is 2 there and 9 here; use another --out, or --force to replace it"));
  CHECK(calls == 0);
  const SweepOutcome run = run_sweep(options, quiet(folder / "run"), fake);
  CHECK(calls == 6);
  REQUIRE(run.result.records.size() == 8);
  CHECK(run.result.records[0].losses == std::vector<double>{5, 4});
  CHECK(run.result.records[2].losses == std::vector<double>{2, 1});
  test::write_text(folder / "run/mnist1d_experiment_results_partial.json", details_json(part));
  RunSettings force = quiet(folder / "run");
  force.force = true;
  run_sweep(other, force, fake);
  CHECK(calls == 14);
  test::write_text(folder / "run/mnist1d_experiment_results_partial.json", "{\"records\": 3}");
  CHECK(contains(error_text<IoError>([&] { run_sweep(options, quiet(folder / "run"), fake); }),
                 "is no file of results of this program"));
}

TEST_CASE("mnist1d_diffusion: partial results hold what is done, to the bit") {
  const TemporaryFolder folder;
  Options options = tiny();
  options.repeats = 2;
  calls = failing = 0;
  const SweepOutcome run = run_sweep(options, quiet(folder / "run"), fake);
  CHECK(calls == 16);
  const SweepResult back = parse_details(details_json(run.result), "text");
  CHECK(back.records[5].test.mse == run.result.records[5].test.mse);
  CHECK(back.records[5].samples[0].predicted == run.result.records[5].samples[0].predicted);
  CHECK(back.options == options_json(options));
  const auto rows = rows_of(back);
  CHECK(rows[0].repeats == 2);
  CHECK(rows[0].loss.mean == Approx(1.05));
  CHECK(rows[0].loss.deviation == Approx(0.1 / std::sqrt(2.0)));
}

TEST_CASE("mnist1d_diffusion: folders that cannot be") {
  const TemporaryFolder folder;
  test::write_text(folder / "file", "x");
  calls = 0;
  CHECK(contains(error_text<IoError>([&] { run_sweep(tiny(), quiet(folder / "file/run"), fake); }),
                 "cannot make this folder"));
  CHECK(calls == 0);
  CHECK(contains(error_text<ValueError>([&] { find_details(folder.path()); }), "mnist1d_diffusion_details_*.json"));
}
