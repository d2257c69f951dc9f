#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "check.hpp"
#include "files.hpp"
#include "longwave/io/file.hpp"
#include "sar_focus/sweep.hpp"

using namespace longwave::examples::sar_focus;
using longwave::file_exists;
using longwave::test::contains;
using longwave::test::error_text;
using longwave::test::read_text;
using longwave::test::TemporaryFolder;
using longwave::test::write_text;

namespace {

// A grid of four and a program that says of each training what it was asked for and a val_loss of 1 / num_layers.
struct Place {
  TemporaryFolder folder;
  SweepArguments arguments;

  Place() {
    write_text(folder / "grid.json", R"({"ssim": [0.3, 0.5], "num_layers": [2, 4], "epochs": 15})");
    arguments.grid = folder / "grid.json";
    arguments.out = folder / "out";
    arguments.program = folder / "program";
    arguments.quiet = true;
    write_program("");
  }
  // more: what it does first, in a shell where $folder is the experiment's.
  void write_program(const std::string& more) {
    write_text(arguments.program, R"(#!/bin/sh
echo "$@"
[ "$2" = --config ] && folder=$(dirname "$3") || folder=$4/$6
)" + more + R"(
layers=$(sed -n 's/.*"num_layers": \([0-9]*\).*/\1/p' "$folder/config.json")
echo "{\"val_loss\": $(echo "$layers" | sed 's/2/0.5/; s/4/0.25/'), \"val_ssim\": 0.9, \"seconds\": 1}" \
  > "$folder/final_metrics.json"
)");
    ::chmod(arguments.program.c_str(), 0700);
  }
  std::string out(const std::string& name) const { return read_text(arguments.out + "/" + name); }
  bool exists(const std::string& name) const { return file_exists(arguments.out + "/" + name); }
};

// What stdout is for elsewhere.
struct Silence {
  int before;
  Silence() : before(::dup(1)) {
    std::fflush(stdout);
    if (std::freopen("/dev/null", "w", stdout) == nullptr) std::abort();
  }
  ~Silence() {
    std::fflush(stdout);
    ::dup2(before, 1);
    ::close(before);
  }
};
int run(const SweepArguments& arguments) {
  const Silence silence;
  return sweep(arguments);
}

}  // namespace

TEST_CASE("sar_focus sweep: the published grids") {
  const std::string configs = LONGWAVE_EXAMPLE_DATA "/../sar_focus/configs/";
  const Grid workflow = read_grid(configs + "grid_workflow.json"), brief = read_grid(configs + "grid_short.json");
  CHECK(workflow.experiments.size() == 5184);
  CHECK(brief.experiments.size() == 81);
  CHECK(workflow.experiments.front().id == "sweep_exp_0001");
  CHECK(workflow.experiments.back().id == "sweep_exp_5184");
  SweepArguments arguments;
  arguments.out = "o";
  arguments.overrides = {{"train_dir", "somewhere"}};
  const TrainOptions last = options_of(workflow, workflow.experiments.back(), arguments);
  CHECK(last.learning_rate == 0.02);
  CHECK(last.batch_size == 32);
  CHECK(last.num_layers == 8);
  CHECK(last.hidden_state_size == 64);
  CHECK(last.act_fun == "leakyrelu");
  CHECK(last.ssim == 0.7);
  CHECK(last.weight_decay == 0.1);
  CHECK(last.epochs == 15);
  CHECK(last.patience == 10);
  CHECK(last.gradient_clip == 1);
  CHECK(last.train_dir == "somewhere");
  CHECK(last.directory == "o");
  CHECK(last.model_name == "sweep_exp_5184");
}

TEST_CASE("sar_focus sweep: the last axis runs fastest; parts of a grid") {
  const Place place;
  const Grid grid = read_grid(place.arguments.grid);
  CHECK(grid.axes == std::vector<std::string>{"ssim", "num_layers"});
  REQUIRE(grid.experiments.size() == 4);
  CHECK(grid.experiments[1].values == std::vector<std::string>{"0.3", "4"});
  CHECK(grid.experiments[2].values == std::vector<std::string>{"0.5", "2"});
  std::string ids;
  for (const char* part : {"1/3", "2/3", "3/3"})
    for (const Experiment& e : slice_of(grid.experiments, part)) ids += e.id.substr(10);
  CHECK(ids == "0001000400020003");
  CHECK(slice_of(grid.experiments, "9/9").empty());
  for (const char* bad : {"0/3", "4/3", "1", "a/b", "1/2x"})
    CHECK(contains(error_text([&] { (void)slice_of(grid.experiments, bad); }), "expected PART/PARTS"));
}

TEST_CASE("sar_focus sweep: the runs' device") {
  Place place;
  CHECK(run(place.arguments) == 0);
  CHECK(contains(place.out("sweep_exp_0001/log.txt"), "--device cpu"));
  place.arguments.out = place.folder / "other";
  place.arguments.overrides = {{"gpu_no", "3"}};
  CHECK(run(place.arguments) == 0);
  CHECK(contains(place.out("sweep_exp_0001/log.txt"), "--device cuda:3"));
  place.arguments.overrides = {{"gpu_no", "1"}};  // another device is no other sweep
  CHECK(run(place.arguments) == 0);
  place.arguments.device = "cuda:0";
  CHECK(contains(error_text([&] { (void)run(place.arguments); }), "--gpu_no 1 is cuda:1"));
}

TEST_CASE("sar_focus sweep: runs all, and on the second time nothing") {
  Place place;
  place.arguments.jobs = 3;
  CHECK(run(place.arguments) == 0);
  CHECK(contains(place.out("sweep_exp_0003/log.txt"), "train --config "));
  const std::string csv = place.out("sweep_summary.csv");
  CHECK(contains(csv, "experiment_id,status,ssim,num_layers,val_loss,val_total,val_ssim"));
  CHECK(contains(csv, "sweep_exp_0002,finished,0.3,4,0.25,,0.9,"));
  const auto best = nlohmann::json::parse(place.out("best_params.json"));
  CHECK(best.at("experiment_id") == "sweep_exp_0002");  // the first of two that are as good
  CHECK(best.at("params").at("num_layers") == 4);
  CHECK(best.at("finished") == 4);
  CHECK(nlohmann::json::parse(place.out("sweep_exp_0004/config.json")).at("ssim") == 0.5);

  place.write_program("exit 1");  // would be noticed
  CHECK(run(place.arguments) == 0);
  write_text(place.folder / "grid.json", R"({"ssim": [0.3, 0.7], "num_layers": [2, 4], "epochs": 15})");
  CHECK(contains(error_text([&] { run(place.arguments); }),
                 "sweep_exp_0003 belongs to another sweep: ssim is 0.5 there and 0.7 here"));
}

TEST_CASE("sar_focus sweep: what was half done goes on, what failed is tried again") {
  Place place;
  place.write_program(R"(case $folder in *0002) mkdir -p "$folder/version_0/checkpoints"
touch "$folder/version_0/checkpoints/last.ckpt"; exit 130;; esac)");
  CHECK(run(place.arguments) == 1);
  CHECK(contains(place.out("sweep_summary.csv"), "sweep_exp_0002,started,0.3,4,,"));
  CHECK(place.exists("sweep_exp_0004/final_metrics.json"));
  place.write_program("");
  CHECK(run(place.arguments) == 0);
  CHECK(contains(place.out("sweep_exp_0002/log.txt"), "train --resume --directory"));
  CHECK(contains(place.out("sweep_summary.csv"), "sweep_exp_0002,finished,0.3,4,0.25,"));
}

TEST_CASE("sar_focus sweep: what failed says why; what diverged is not the best") {
  Place place;
  place.write_program(R"(case $folder in
  *0001) echo '{"val_loss": null, "val_ssim": 0.1, "seconds": 1}' >"$folder/final_metrics.json"; exit 0;;
  *0002) echo 'sar_focus: rc/0.0: damaged' >&2; exit 1;;
esac)");
  CHECK(run(place.arguments) == 1);
  CHECK(contains(place.out("sweep_summary.csv"), "sweep_exp_0001,finished,0.3,2,,"));
  CHECK(contains(place.out("sweep_summary.csv"), "sweep_exp_0002,failed,0.3,4,,"));
  CHECK(place.out("sweep_exp_0002/error.txt") == "ended with 1: sar_focus: rc/0.0: damaged\n");
  CHECK(nlohmann::json::parse(place.out("best_params.json")).at("experiment_id") == "sweep_exp_0004");
  place.write_program("");
  CHECK(run(place.arguments) == 0);
  CHECK_FALSE(place.exists("sweep_exp_0002/error.txt"));
  CHECK(contains(place.out("sweep_summary.csv"), "sweep_exp_0002,finished,0.3,4,0.25,"));
}

TEST_CASE("sar_focus sweep: a part leaves the summary to --aggregate") {
  Place place;
  place.arguments.experiment_ids = {"sweep_exp_0003"};
  CHECK(run(place.arguments) == 0);
  CHECK_FALSE(place.exists("sweep_summary.csv"));
  CHECK_FALSE(place.exists("sweep_exp_0001"));
  place.arguments.experiment_ids = {};
  place.arguments.aggregate = true;
  CHECK(run(place.arguments) == 0);
  CHECK(contains(place.out("sweep_summary.csv"), "sweep_exp_0001,waiting,0.3,2,,"));
  CHECK(contains(place.out("sweep_summary.csv"), "sweep_exp_0003,finished,0.5,2,0.5,"));
  place.arguments.aggregate = false;
  place.arguments.limit = 1;
  CHECK(run(place.arguments) == 0);
  CHECK(place.exists("sweep_exp_0001/final_metrics.json"));
  CHECK_FALSE(place.exists("sweep_exp_0002"));
}

TEST_CASE("sar_focus sweep: grids that make no sense") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& text) {
    write_text(folder / "g.json", text);
    return error_text([&] { (void)read_grid(folder / "g.json"); });
  };
  CHECK(contains(error(R"({"lernrate": [1, 2]})"), "g.json: unknown option \"lernrate\""));
  CHECK(contains(error(R"({"ssim": [0.5, 2]})"), "g.json: ssim is 2, expected a number from 0 to 1"));
  CHECK(contains(error(R"({"ssim": []})"), "ssim has no values"));
  CHECK(contains(error("[1]"), "expected an object"));
  CHECK(contains(error("{"), "g.json"));
  Place place;
  place.arguments.experiment_ids = {"sweep_exp_0009"};
  CHECK(error_text([&] { run(place.arguments); }) ==
        "--experiment_id sweep_exp_0009: the grid goes from sweep_exp_0001 to sweep_exp_0004");
}
