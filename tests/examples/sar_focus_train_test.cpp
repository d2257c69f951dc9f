#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "allocations.hpp"
#include "check.hpp"
#include "common/metrics_log.hpp"
#include "files.hpp"
#include "longwave/io/safetensors.hpp"
#include "sar_focus/commands.hpp"
#include "sar_focus/network.hpp"
#include "sar_focus/run_folder.hpp"
#include "sar_focus/scene.hpp"
#include "sar_focus/trainer_on.hpp"

using namespace longwave::examples::sar_focus;
using longwave::Checkpoint;
using longwave::complex;
using longwave::Generator;
using longwave::index_t;
using longwave::SarBatch;
using longwave::SarBatches;
using longwave::Tensor;
using longwave::examples::read_metrics;
using longwave::test::contains;
using longwave::test::error_text;
using longwave::test::read_text;
using longwave::test::TemporaryFolder;

namespace {

constexpr index_t rows = 24;

// Speckle, and the same a row later: something to learn.
void write_scene(const std::string& folder, index_t columns, std::uint64_t seed) {
  Image rc(rows, columns), az(rows, columns);
  Tensor<float, 3> parts(rows, columns, 2);
  Generator(seed).normal(parts.view(), 0, 1000);
  for (index_t i = 0; i < rows; ++i)
    for (index_t j = 0; j < columns; ++j) {
      rc(i, j) = {parts(i, j, 0), parts(i, j, 1)};
      if (i + 1 < rows) az(i + 1, j) = {4 * parts(i, j, 0), 4 * parts(i, j, 1)};
    }
  write_product(folder, std::as_const(rc).view(), std::as_const(az).view(), Scene(), {16, 4}, true);
}

struct Place {
  TemporaryFolder folder;
  TrainArguments arguments;

  Place() {
    write_scene(folder / "training/s1a-s3-x.zarr", 21, 1);
    write_scene(folder / "validation/s1a-s3-x.zarr", 8, 2);
    arguments.quiet = true;
    arguments.overrides = {{"directory", folder / "out"},
                           {"train_dir", folder / "training"},
                           {"val_dir", folder / "validation"},
                           {"patch_rows", "24"},
                           {"buffer_rows", "0"},
                           {"buffer_columns", "0"},
                           {"batch_size", "4"},
                           {"valid_batch_size", "4"},
                           {"num_layers", "1"},
                           {"epochs", "2"},
                           {"seed", "7"},
                           {"threads", "1"}};
  }
  void set(const std::string& name, const std::string& value) { arguments.overrides.emplace_back(name, value); }
  std::string model() const { return folder / "out/model_1"; }
  TrainOptions options() const {
    TrainOptions o;
    auto settings = make_settings(o);
    for (const auto& [name, value] : arguments.overrides) settings.set(name, value);
    return o;
  }
};

nlohmann::json json_in(const std::string& path) { return nlohmann::json::parse(read_text(path)); }

// Of the newest checkpoint: weights, moments.
std::string bytes_of(const Checkpoint& saved) {
  std::string text;
  for (const auto& [name, entry] : saved.file().entries()) {
    const auto raw = saved.file().raw(name);
    text += name + std::string(reinterpret_cast<const char*>(raw.data()), raw.size());
  }
  return text;
}

}  // namespace

TEST_CASE("sar_focus train: the files of a training, and what they say") {
  Place place;
  place.set("epochs", "5");
  place.set("keep_best", "3");
  CHECK(train(place.arguments) == 0);
  const std::string version = place.model() + "/version_0";
  for (const char* name : {"/model", "/model_weights", "/config.json", "/final_metrics.json", "/version_0/hparams.yaml",
                           "/version_0/metrics.jsonl", "/version_0/checkpoints/last.ckpt"})
    CHECK(longwave::file_exists(place.model() + name));
  CHECK(contains(read_text(version + "/hparams.yaml"), "act_fun: \"leakyrelu\"\n"));
  CHECK(contains(read_text(version + "/hparams.yaml"), "hidden_state_size: 8\n"));
  CHECK(json_in(place.model() + "/config.json").at("seed") == 7);

  const auto steps = read_metrics(version + "/metrics.jsonl", "step");
  REQUIRE(steps.size() == 3);  // 1, 10, 20 of 25
  for (const char* name : {"train_loss", "train_total", "train_ssim", "train_mae", "train_mse", "train_huber",
                           "train_ssim_loss", "train_edge", "lr", "grad_norm"})
    CHECK(std::isfinite(steps[0].at(name)));
  CHECK(steps[0].at("train_total") == Approx(0.5 * steps[0].at("train_mae") + 0.5 * steps[0].at("train_ssim_loss")));
  const auto epochs = read_metrics(version + "/metrics.jsonl", "epoch");
  REQUIRE(epochs.size() == 5);
  for (const char* name : {"epoch_train_loss", "val_loss", "val_ssim", "val_mse", "val_huber", "val_ssim_loss",
                           "val_edge", "val_total", "val_loss_avg", "val_ssim_avg"})
    CHECK(std::isfinite(epochs[4].at(name)));
  CHECK(epochs[4].at("val_loss") < epochs[0].at("val_loss"));

  // The three best of five.
  std::vector<std::pair<double, int>> order;
  for (int e = 0; e < 5; ++e) order.emplace_back(epochs[static_cast<std::size_t>(e)].at("val_loss"), e + 1);
  std::sort(order.begin(), order.end());
  index_t best_files = 0;
  for (const auto& file : std::filesystem::directory_iterator(version + "/checkpoints"))
    best_files += file.path().filename().string().starts_with("best-");
  CHECK(best_files == 3);
  for (int i = 0; i < 3; ++i)
    CHECK(longwave::file_exists(version + "/checkpoints/" + best_name(order[i].second, order[i].first)));

  const auto metrics = json_in(place.model() + "/final_metrics.json");
  CHECK(metrics.at("val_loss").get<double>() == Approx(order[0].first));
  CHECK(metrics.at("epoch") == order[0].second);
  CHECK(metrics.at("steps") == 25);
  CHECK(metrics.at("parameters") == 48);  // 8 + 34 + 6
}

TEST_CASE("sar_focus train: the model file gives the validation's figures, and its weights are plain") {
  Place place;
  CHECK(train(place.arguments) == 0);
  const TrainedNetwork trained = load_trained(place.model());
  CHECK(trained.options.num_layers == 1);
  const auto network = trained.network<longwave::Host>();
  auto sampling = sampling_of(trained.options);
  sampling.shuffle = false;
  SarBatches validation(place.folder / "validation", sampling, 4, 0);
  SarBatch batch;
  longwave::Tape<float> tape;
  double mae = 0;
  index_t n = 0;
  while (validation.next(batch)) {
    tape.rewind();
    mae += static_cast<double>(l1((*network)(tape, tape.input(batch.x)), tape.input(batch.target)).value()());
    ++n;
  }
  CHECK(mae / static_cast<double>(n) ==
        Approx(json_in(place.model() + "/final_metrics.json").at("val_loss").get<double>()));

  const longwave::SafetensorsFile weights(place.model() + "/model_weights");
  index_t count = 0;
  for (const auto& [name, entry] : weights.entries())
    count += longwave::detail::shape_bytes(entry.shape, entry.dtype) / 4;
  CHECK(count == 48);
  CHECK(weights.contains("fc1.weight"));
  CHECK(contains(error_text([&] { (void)load_trained(place.folder.path()); }), "holds no trained model"));
  CHECK(contains(error_text([&] { (void)load_trained(place.model() + "/model_weights"); }), "not a checkpoint"));
}

TEST_CASE("sar_focus train: nothing is replaced unasked; a new start is a new version") {
  Place place;
  place.set("epochs", "1");
  CHECK(train(place.arguments) == 0);
  CHECK(contains(error_text([&] { train(place.arguments); }), "holds a model already"));
  place.arguments.force = true;
  CHECK(train(place.arguments) == 0);
  CHECK(longwave::file_exists(place.model() + "/version_1/checkpoints/last.ckpt"));
}

TEST_CASE("sar_focus train: a run that goes on makes the same bits as one that was never stopped") {
  Place whole, parts;
  for (Place* place : {&whole, &parts}) {
    place->set("epochs", "4");
    place->set("dropout", "0.2");
  }
  CHECK(train(whole.arguments) == 0);
  parts.set("epochs", "2");
  CHECK(train(parts.arguments) == 0);
  parts.set("epochs", "4");
  parts.arguments.resume = true;
  CHECK(train(parts.arguments) == 0);
  const Checkpoint a(whole.model() + "/version_0/checkpoints/last.ckpt");
  const Checkpoint b(parts.model() + "/version_0/checkpoints/last.ckpt");
  CHECK(bytes_of(a) == bytes_of(b));
  CHECK(read_metrics(parts.model() + "/version_0/metrics.jsonl", "epoch").size() == 4);

  parts.set("num_layers", "2");
  CHECK(contains(error_text([&] { train(parts.arguments); }), "--num_layers cannot change in a resumed run"));
  Place none;
  none.arguments.resume = true;
  CHECK(contains(error_text([&] { train(none.arguments); }), "holds no training to go on with"));
}

TEST_CASE("sar_focus train: a checkpoint in the middle of an epoch") {
  Place place;
  place.set("dropout", "0.2");
  const TrainOptions options = place.options();
  SarBatches batches(options.train_dir, sampling_of(options), 4, 7);
  const auto walk = [&](Trainer& trainer, index_t first, index_t last) {
    SarBatch batch;
    batches.start(0, first);
    for (index_t i = first; i < last; ++i) {
      REQUIRE(batches.next(batch));
      StepResult result;
      trainer.step(batch);
      REQUIRE(trainer.next(result, true));
      CHECK(result.step == i + 1);
      CHECK_FALSE(trainer.next(result, true));
    }
  };
  const auto straight = make_trainer(options, 5, {}), first = make_trainer(options, 5, {}),
             second = make_trainer(options, 5, {});
  walk(*straight, 0, 5);
  walk(*first, 0, 2);
  first->save(place.folder / "middle.ckpt", {});
  second->load(Checkpoint(place.folder / "middle.ckpt"));
  walk(*second, 2, 5);
  straight->save(place.folder / "a.ckpt", {});
  second->save(place.folder / "b.ckpt", {});
  CHECK(bytes_of(Checkpoint(place.folder / "a.ckpt")) == bytes_of(Checkpoint(place.folder / "b.ckpt")));
}

TEST_CASE("sar_focus train: no allocation in a step once the first ones are made") {
  Place place;
  place.set("batch_norm", "true");
  place.set("gradient_clip", "1");
  const TrainOptions options = place.options();
  const auto trainer = make_trainer(options, 100, {});
  SarBatch batch;
  REQUIRE(SarBatches(options.train_dir, sampling_of(options), 4, 7).next(batch));  // and its threads are gone
  StepResult result;
  const auto step = [&] {
    trainer->step(batch);
    trainer->next(result, true);
  };
  for (int i = 0; i < 3; ++i) step();
  const auto before = longwave::test::allocations.load();
  for (int i = 0; i < 5; ++i) step();
  CHECK(longwave::test::allocations.load() == before);
}

TEST_CASE("sar_focus train: stops early, follows a cosine, ends after max_steps") {
  Place place;
  place.set("learning_rate", "1e-9");
  place.set("epochs", "9");
  place.set("patience", "2");
  place.set("max_steps", "0");
  CHECK(train(place.arguments) == 0);
  auto metrics = json_in(place.model() + "/final_metrics.json");
  CHECK(metrics.at("stopped_early") == true);
  CHECK(metrics.at("epochs") == 3);

  TrainOptions options;
  CHECK(lr_factor(options, 50, 100) == 1);
  options.schedule = "cosine";
  CHECK(lr_factor(options, 0, 100) == 1);
  CHECK(lr_factor(options, 50, 100) == Approx(0.5));
  CHECK(lr_factor(options, 100, 100) == Approx(0).margin(1e-12));

  Place cut;
  cut.set("max_steps", "7");  // of 5 an epoch
  CHECK(train(cut.arguments) == 0);
  metrics = json_in(cut.model() + "/final_metrics.json");
  CHECK(metrics.at("steps") == 7);
  CHECK(metrics.at("epochs") == 2);
}

TEST_CASE("sar_focus train: filters that follow the position take its range from the products") {
  Place place;
  for (const char* name : {"complex_valued", "bidirectional"}) place.set(name, "true");
  place.set("num_layers", "1");
  place.set("taps", "8");
  place.set("learning_rate", "0.05");
  place.set("epochs", "4");
  CHECK(train(place.arguments) == 0);
  const TrainedNetwork trained = load_trained(place.model());
  CHECK(trained.options.position_first == Approx(1 / 20000.0));
  CHECK(trained.options.position_last == Approx(21 / 20000.0));
  const auto epochs = read_metrics(place.model() + "/version_0/metrics.jsonl", "epoch");
  CHECK(epochs[3].at("val_loss") < 0.7 * epochs[0].at("val_loss"));
}

TEST_CASE("sar_focus: the device is --device's, --gpu_no's, or the processor") {
  TrainOptions options;
  const Overrides none, number = {{"gpu_no", "2"}};
  CHECK(device_name("", options, none) == "cpu");
  CHECK(device_name("cuda:1", options, none) == "cuda:1");
  options.gpu_no = 2;
  CHECK(device_name("", options, number) == "cuda:2");
  CHECK(device_name("", options, none) == "cuda:2");  // of a configuration file
  CHECK(device_name("cpu", options, none) == "cpu");  // it gives way
  CHECK(device_name("cuda:2", options, number) == "cuda:2");
  CHECK(error_text([&] { (void)device_name("cpu", options, number); }) ==
        "--gpu_no 2 is cuda:2, and --device says cpu; leave out one of the two");
  options.gpu_no = 0;
  CHECK(device_name("cuda", options, {{"gpu_no", "0"}}) == "cuda");
}

TEST_CASE("sar_focus train: errors") {
  const auto error = [](auto change) {
    Place place;
    change(place);
    return error_text([&] { train(place.arguments); });
  };
  CHECK(error([](Place& p) { p.set("precision", "bf16"); }) ==
        "--precision bf16 is for GPUs (--device cuda); the processor trains in fp32 alone");
  CHECK(contains(error([](Place& p) { p.set("batch_size", "40"); }), "fewer than a batch of 40"));
  CHECK(contains(error([](Place& p) { p.set("batch_size", "3"); }), "must hold the SSIM's window"));
  CHECK(contains(error([](Place& p) { p.set("patch_rows", "25"); }), "smaller than a patch of (25, 1)"));
  CHECK(contains(error([](Place& p) { p.set("val_dir", "nowhere"); }), "nowhere"));
  StepResult result{.step = 3, .total = 1, .grad_norm = 1};
  CHECK_NOTHROW(check_step(result));
  result.total = NAN;
  CHECK(contains(error_text([&] { check_step(result); }), "training step 3: the loss is nan"));
  CHECK(contains(error_text([&] { check_step(result); }), "lower --learning_rate or set --gradient_clip"));
}
