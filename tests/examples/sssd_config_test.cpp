#include "check.hpp"
#include "files.hpp"
#include "longwave/io/file.hpp"
#include "sssd/config.hpp"
#include "sssd/files.hpp"

using namespace longwave::examples;
using namespace longwave::examples::sssd;
using longwave::test::contains;
using longwave::test::error_text;
using longwave::test::TemporaryFolder;

namespace {

const char* const official = R"({
    "diffusion_config": {"T": 200, "beta_0": 0.0001, "beta_T": 0.02},
    "wavenet_config": {"in_channels": 14, "out_channels": 14, "num_res_layers": 36, "res_channels": 256,
        "skip_channels": 256, "diffusion_step_embed_dim_in": 128, "diffusion_step_embed_dim_mid": 512,
        "diffusion_step_embed_dim_out": 512, "s4_lmax": 100, "s4_d_state": 64, "s4_dropout": 0.0,
        "s4_bidirectional": 1, "s4_layernorm": 1},
    "train_config": {"output_directory": "./results/mujoco/90", "ckpt_iter": "max", "iters_per_ckpt": 100,
        "iters_per_logging": 100, "n_iters": 150000, "learning_rate": 2e-4, "only_generate_missing": 1,
        "use_model": 2, "masking": "rm", "missing_k": 90},
    "trainset_config": {"train_data_path": "./datasets/Mujoco/train_mujoco.npy",
        "test_data_path": "./datasets/Mujoco/test_mujoco.npy", "segment_length": 100, "sampling_rate": 100},
    "gen_config": {"output_directory": "./results/mujoco/90", "ckpt_path": "./results/mujoco/90/"}
})";

Options options_from(const std::string& text) {
  Options options;
  Settings settings = make_settings(options);
  load_config_text(settings, text, "config.json");
  return options;
}

}  // namespace

TEST_CASE("sssd config: an official file as it is") {
  const Options o = options_from(official);
  check(o);
  CHECK(o.wavenet.in_channels == 14);
  CHECK(o.wavenet.num_res_layers == 36);
  CHECK(o.wavenet.embed_mid == 512);
  CHECK(o.wavenet.s4_bidirectional == 1);
  CHECK(o.train.n_iters == 150000);
  CHECK(o.train.missing_k == 90);
  CHECK(o.trainset.segment_length == 100);
  CHECK(o.gen.ckpt_path == "./results/mujoco/90/");
  CHECK(model_kind(o) == ModelKind::s4);
  CHECK(run_folder(o) == "./results/mujoco/90/T200_beta00.0001_betaT0.02");
}

TEST_CASE("sssd config: numbers where the official files differ among themselves") {
  CHECK(options_from(R"({"train_config": {"ckpt_iter": 300}})").train.ckpt_iter == "300");
  CHECK(options_from(R"({"wavenet_config": {"s4_layernorm": false}})").wavenet.s4_layernorm == 0);
  CHECK(model_kind(options_from(R"({"train_config": {"use_model": 0}})")) == ModelKind::diffwave);
  CHECK(options_from(R"({"train_config": {"consistent_known": true}})").train.consistent_known);
}

TEST_CASE("sssd config: a key that is not known names the nearest") {
  const std::string text = error_text([] { options_from(R"({"wavenet_config": {"res_chanels": 64}})"); });
  CHECK(contains(text, "config.json: unknown option \"wavenet_config.res_chanels\""));
  CHECK(contains(text, "did you mean \"wavenet_config.res_channels\""));
  CHECK(contains(error_text([] { options_from(R"({"sashimi_config": {}})"); }), "SSSD-SA is not in this program"));
  CHECK(contains(error_text([] { options_from(R"({"train_config": {"masking": "random"}})"); }),
                 "expected one of rm, mnr, bm, forecast"));
}

TEST_CASE("sssd config: options that contradict one another") {
  const auto refused = [](auto change) {
    Options o;
    change(o);
    return error_text([&] { check(o); });
  };
  CHECK(refused([](Options&) {}) == "");
  CHECK(contains(refused([](Options& o) { o.train.missing_k = 200; }), "the mask would observe nothing"));
  CHECK(contains(refused([](Options& o) { o.train.use_model = 1; }), "SSSD-SA"));
  CHECK(contains(refused([](Options& o) { o.train.ckpt_iter = "last"; }), "expected max or the number"));
  CHECK(contains(refused([](Options& o) { o.wavenet.s4_d_state = 3; }), "must be even"));
  CHECK(contains(refused([](Options& o) { o.diffusion.beta_0 = 0.5; }), "above beta_T"));
  CHECK(contains(refused([](Options& o) { o.trainset.dataset = o.trainset.train_data_path = "x"; }), "leave out"));
  CHECK(refused([](Options& o) { o.train.ckpt_iter = "-1"; }) == "");
}

TEST_CASE("sssd config: the first difference of two runs, of what may not change on the way") {
  Options a, b;
  const Settings of_a = make_settings(a), of_b = make_settings(b);
  CHECK(first_difference(of_a.to_json(), of_b.to_json()) == "");
  b.train.n_iters = 7;
  b.train.output_directory = "elsewhere";
  CHECK(first_difference(of_a.to_json(), of_b.to_json()) == "");
  b.wavenet.res_channels = 64;
  b.train.masking = "bm";
  CHECK(first_difference(of_a.to_json(), of_b.to_json()) ==
        "wavenet_config.res_channels is 128 in the checkpoint, 64 here");
}

TEST_CASE("sssd config: floats and folders as Python writes them") {
  CHECK(python_float(0.0001) == "0.0001");
  CHECK(python_float(0.02) == "0.02");
  CHECK(python_float(1) == "1.0");
  CHECK(python_float(1e-5) == "1e-05");
  Options o;
  o.trainset.dataset = "ffmpeg";
  CHECK(run_folder(o) == "checkpoints_sssd/ffmpeg/T200_beta00.0001_betaT0.02");
}

TEST_CASE("sssd files: checkpoints by iteration, in a run's folder or above it") {
  const TemporaryFolder folder;
  const std::string run = folder / "data/T200_beta00.0001_betaT0.02";
  longwave::make_folders(run);
  CHECK(contains(error_text([&] { find_checkpoint(folder.path(), "max"); }), "holds no checkpoint"));
  for (const char* name : {"20.ckpt", "100.ckpt", "x.ckpt", "100.ckpt.previous"})
    longwave::test::write_text(run + "/" + name, "");
  CHECK(iterations_in(run) == std::vector<std::int64_t>{20, 100});
  CHECK(find_checkpoint(folder.path(), "max") == run + "/100.ckpt");
  CHECK(find_checkpoint(run, "20") == run + "/20.ckpt");
  CHECK(find_checkpoint(run + "/20.ckpt", "max") == run + "/20.ckpt");
  CHECK(contains(error_text([&] { find_checkpoint(run, "30"); }),
                 "no checkpoint of iteration 30; the last ones are 20, 100"));
  CHECK(contains(error_text([&] { find_checkpoint(run, "1x"); }), "expected max or a number"));
  CHECK(contains(error_text([&] { find_checkpoint(folder / "none", "max"); }), "is not there"));
  CHECK(contains(error_text([&] { check_overwrite({run + "/20.ckpt"}, false); }), "--force"));
  check_overwrite({run + "/20.ckpt"}, true);
  longwave::make_folders(folder / "other");
  longwave::test::write_text(folder / "other/1.ckpt", "");
  CHECK(contains(error_text([&] { find_checkpoint(folder.path(), "max"); }), "several runs"));
  remove_checkpoints(run, 20);
  CHECK(iterations_in(run) == std::vector<std::int64_t>{20});
}
