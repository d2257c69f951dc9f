#include "sssd/config.hpp"

#include <charconv>
#include <cmath>

#include "longwave/io/json.hpp"

namespace longwave::examples::sssd {

namespace {

using Json = nlohmann::ordered_json;
constexpr std::int64_t many = std::int64_t(1) << 40;

// Official files hold numbers where we want texts, and texts of our own switches may come as true or false.
Json as_ours(const Json& root) {
  Json ours = root;
  for (auto& [section, object] : ours.items()) {
    if (!object.is_object()) continue;
    for (auto& [key, value] : object.items()) {
      const bool own_switch = key == "consistent_known" || key == "shuffle";
      if (key == "ckpt_iter" && value.is_number_integer()) value = std::to_string(value.get<std::int64_t>());
      if (value.is_boolean() && !own_switch) value = value.get<bool>() ? 1 : 0;
    }
  }
  return ours;
}

void wavenet_settings(Settings& s, Options::Wavenet& w) {
  const std::string at = "wavenet_config.";
  s.integer(at + "in_channels", w.in_channels, 0, 65536, "channels of the data; 0: as they are");
  s.integer(at + "out_channels", w.out_channels, 0, 65536, "the same number");
  s.integer(at + "num_res_layers", w.num_res_layers, 1, 1024, "residual blocks");
  s.integer(at + "res_channels", w.res_channels, 1, 8192, "channels between the blocks");
  s.integer(at + "skip_channels", w.skip_channels, 1, 8192, "channels of the blocks' common output");
  s.integer(at + "diffusion_step_embed_dim_in", w.embed_in, 4, 65536, "sines and cosines of the diffusion step");
  s.integer(at + "diffusion_step_embed_dim_mid", w.embed_mid, 1, 65536, "width of the step's first layer");
  s.integer(at + "diffusion_step_embed_dim_out", w.embed_out, 1, 65536, "width of the step's second layer");
  s.integer(at + "s4_lmax", w.s4_lmax, 0, many, "length that S4 starts with; 0: the segment's");
  s.integer(at + "s4_d_state", w.s4_d_state, 2, 4096, "states per channel, an even number");
  s.number(at + "s4_dropout", w.s4_dropout, 0, 0.95, "features set to zero while training");
  s.integer(at + "s4_bidirectional", w.s4_bidirectional, 0, 1, "1: S4 looks both ways");
  s.integer(at + "s4_layernorm", w.s4_layernorm, 0, 1, "1: LayerNorm after each S4");
  s.integer(at + "dilation_cycle", w.dilation_cycle, 1, 30, "DiffWave: dilation 2^(n mod this)");
}

void train_settings(Settings& s, Options::Train& t) {
  const std::string at = "train_config.";
  s.text(at + "output_directory", t.output_directory, {}, "folder of the checkpoints");
  s.text(at + "ckpt_iter", t.ckpt_iter, {}, "iteration to go on from: max, a number, or -1 to start afresh");
  s.integer(at + "iters_per_ckpt", t.iters_per_ckpt, 1, many, "iterations between two checkpoints");
  s.integer(at + "iters_per_logging", t.iters_per_logging, 1, many, "iterations between two lines of losses");
  s.integer(at + "n_iters", t.n_iters, 1, many, "iterations in all");
  s.number(at + "learning_rate", t.learning_rate, 1e-12, 10, "of Adam");
  s.integer(at + "only_generate_missing", t.only_generate_missing, 0, 1, "1: noise and loss at missing places only");
  s.integer(at + "use_model", t.use_model, 0, 2, "official number: 0 DiffWave, 2 SSSD-S4");
  s.text(at + "masking", t.masking, {"rm", "mnr", "bm", "forecast"},
         "rm, mnr, bm or forecast: what is blanked while training");
  s.integer(at + "missing_k", t.missing_k, 1, many, "rm: points; mnr, bm: length of the gap; forecast: horizon");
  s.text(at + "model", t.model, {"", "s4", "s4d", "diffwave", "categorical"},
         "s4, s4d, diffwave or categorical, instead of use_model");
  s.integer(at + "batch_size", t.batch_size, 1, many, "series per iteration");
  s.integer(at + "mask_per_sample", t.mask_per_sample, -1, 1,
            "1: a mask for each series, 0: one for the batch, -1: 0 for official npy files, else 1");
  s.number(at + "uncond_prob", t.uncond_prob, 0, 1, "share of series with nothing known; 0.5 to generate well");
  s.flag(at + "consistent_known", t.consistent_known, "known values enter the network as they do in sampling");
  s.flag(at + "shuffle", t.shuffle, "distinct random series per iteration; false: in order, as the official trainer");
  s.text(at + "lr_schedule", t.lr_schedule, {"constant", "cosine"}, "constant, or cosine: to 0 over n_iters");
  s.integer(at + "warmup", t.warmup, 0, many, "iterations of linear rise of the learning rate");
  s.number(at + "clip", t.clip, 0, 1e12, "largest norm of all gradients; 0: any");
  s.number(at + "ema", t.ema, 0, 0.99999, "decay of averaged weights to draw with; 0: none");
  s.integer(at + "seed", t.seed, 0, many, "of everything random");
  s.integer(at + "threads", t.threads, 0, 4096, "0: as many as there are");
}

void trainset_settings(Settings& s, Options::TrainSet& d) {
  const std::string at = "trainset_config.";
  s.text(at + "train_data_path", d.train_data_path, {}, "csv file, or npy (N, L, C)");
  s.text(at + "test_data_path", d.test_data_path, {}, "the same for tests; a csv file may be one for both");
  s.integer(at + "segment_length", d.segment_length, 1, many, "length of a series");
  s.integer(at + "sampling_rate", d.sampling_rate, 0, many, "of official files; has no effect, there or here");
  s.text(at + "dataset", d.dataset, {}, "name of a kernel trace in the data folder, such as compress-gzip");
  s.text(at + "split", d.split, {"published", "honest"},
         "published, or honest: traces, tested on windows that training lacks");
  s.text(at + "columns", d.columns, {}, "csv: names with commas between; empty: all columns of numbers");
  s.text(at + "train_rows", d.train_rows, {}, "csv: rows to train on, begin:end; empty: all");
  s.text(at + "test_rows", d.test_rows, {}, "csv: rows to test on, begin:end; empty: all");
  s.text(at + "normalize", d.normalize, {"auto", "none", "minmax", "zscore"},
         "none, minmax, zscore, or auto: minmax for traces, zscore for csv, none for npy");
  s.text(at + "guess", d.guess, {"none", "linear", "seasonal"},
         "none, linear or seasonal: series as what this guess of the missing values leaves");
  s.integer(at + "period", d.period, 1, many, "of the seasonal guess, in steps");
}

}  // namespace

Settings make_settings(Options& c) {
  Settings s;
  s.integer("diffusion_config.T", c.diffusion.T, 2, 100000, "diffusion steps");
  s.number("diffusion_config.beta_0", c.diffusion.beta_0, 1e-12, 0.999, "first beta");
  s.number("diffusion_config.beta_T", c.diffusion.beta_T, 1e-12, 0.999, "last beta");
  s.text("diffusion_config.schedule", c.diffusion.schedule, {"linear", "cosine", "quadratic"},
         "linear, cosine or quadratic: beta over the steps");
  s.text("diffusion_config.prediction", c.diffusion.prediction, {"noise", "velocity"},
         "noise or velocity: what the network tells");
  wavenet_settings(s, c.wavenet);
  train_settings(s, c.train);
  trainset_settings(s, c.trainset);
  s.text("gen_config.output_directory", c.gen.output_directory, {}, "where imputations go");
  s.text("gen_config.ckpt_path", c.gen.ckpt_path, {}, "folder of checkpoints to impute with");
  return s;
}

void load_config_text(Settings& settings, const std::string& text, const std::string& origin) {
  const Json root = detail::parse_json(text, origin);
  if (root.is_object() && root.contains("sashimi_config"))
    throw_value_error(origin +
                      ": sashimi_config: SSSD-SA is not in this program; use_model 0 (DiffWave) and 2 (SSSD-S4) are");
  settings.load_json(root.is_object() ? as_ours(root).dump() : text, origin);
}

void load_config_file(Settings& settings, const std::string& path) {
  const MappedFile file(path);
  load_config_text(settings, {reinterpret_cast<const char*>(file.bytes().data()), file.size()}, path);
}

std::vector<std::string> flags_of(const std::string& name) {
  if (name.starts_with("gen_config.")) return {};
  const std::string leaf = "--" + name.substr(name.rfind('.') + 1);
  if (leaf == "--learning_rate") return {"--lr", leaf};
  if (leaf == "--segment_length") return {"--sequence_length", leaf};
  if (leaf == "--output_directory") return {"--output_dir", leaf};
  if (leaf == "--ckpt_iter") return {"--resume", leaf};
  return {leaf};
}

void check(const Options& c) {
  if (c.train.model.empty() && c.train.use_model == 1)
    throw_value_error("train_config.use_model is 1 (SSSD-SA), which is not in this program; 0 is DiffWave, 2 SSSD-S4");
  if (c.wavenet.embed_in % 2 != 0 || c.wavenet.s4_d_state % 2 != 0)
    throw_value_error("wavenet_config: diffusion_step_embed_dim_in and s4_d_state must be even");
  if (c.diffusion.beta_0 > c.diffusion.beta_T)
    throw_value_error("diffusion_config.beta_0 is above beta_T: the noise grows from the first step to the last");
  if (c.train.missing_k >= c.trainset.segment_length)
    throw_value_error("missing_k is " + std::to_string(c.train.missing_k) + " and sequences have length " +
                      std::to_string(c.trainset.segment_length) +
                      ": the mask would observe nothing; choose missing_k below the length");
  if (c.wavenet.in_channels != c.wavenet.out_channels)
    throw_value_error("wavenet_config.in_channels and out_channels differ: what goes in comes out imputed");
  if (!c.trainset.dataset.empty() && !c.trainset.train_data_path.empty())
    throw_value_error("trainset_config: dataset and train_data_path are both given; leave out one of the two");
  if (c.trainset.guess != "none" && !c.trainset.dataset.empty())
    throw_value_error("trainset_config.guess is for series; between the numbers of events there is nothing");
  if (c.train.only_generate_missing == 0 && (c.train.consistent_known || c.trainset.guess != "none"))
    throw_value_error("consistent_known and guess need only_generate_missing 1: known values are then no noise");
  const std::string& iter = c.train.ckpt_iter;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(iter.data(), iter.data() + iter.size(), number);
  if (iter != "max" && (error != std::errc() || end != iter.data() + iter.size() || number < -1))
    throw_value_error("--resume (train_config.ckpt_iter) is \"" + iter +
                      "\", expected max or the number of an iteration");
}

ModelKind model_kind(const Options& c) {
  if (c.train.model == "s4d") return ModelKind::s4d;
  if (c.train.model == "categorical") return ModelKind::categorical;
  if (c.train.model == "diffwave" || (c.train.model.empty() && c.train.use_model == 0)) return ModelKind::diffwave;
  return ModelKind::s4;
}

const char* model_name(ModelKind kind) {
  switch (kind) {
    case ModelKind::s4d:
      return "SSSD with S4D";
    case ModelKind::diffwave:
      return "DiffWave";
    case ModelKind::categorical:
      return "SSSD for events";
    default:
      return "SSSD-S4";
  }
}

std::string section_json(const std::string& config, const std::string& section) {
  return Json(detail::parse_json(config, "config")).at(section).dump();
}

std::string first_difference(const std::string& saved, const std::string& here) {
  const auto may_change = [](const std::string& key) {
    for (const char* free : {"output_directory", "ckpt_iter", "iters_per_ckpt", "iters_per_logging", "n_iters",
                             "threads", "sampling_rate", "test_data_path", "test_rows", "ckpt_path"})
      if (key == free) return true;
    return false;
  };
  Options a, b;
  Settings of_a = make_settings(a), of_b = make_settings(b);
  load_config_text(of_a, saved, "the checkpoint's configuration");
  load_config_text(of_b, here, "this configuration");
  for (const Settings::Entry& entry : of_a.entries()) {
    if (may_change(entry.name.substr(entry.name.rfind('.') + 1))) continue;
    const std::string x = of_a.value_text(entry.name), y = of_b.value_text(entry.name);
    if (x != y)
      return entry.name + " is " + (x.empty() ? "empty" : x) + " in the checkpoint, " + (y.empty() ? "empty" : y) +
             " here";
  }
  return "";
}

std::string python_float(double x) {
  char text[64];
  const double size = std::abs(x);
  const bool plain = size == 0 || (size >= 1e-4 && size < 1e16);
  const auto end =
      std::to_chars(text, text + sizeof text, x, plain ? std::chars_format::fixed : std::chars_format::scientific).ptr;
  std::string result(text, end);
  if (plain && result.find('.') == std::string::npos) result += ".0";
  return result;
}

std::string diffusion_folder(const Options& c) {
  return "T" + std::to_string(c.diffusion.T) + "_beta0" + python_float(c.diffusion.beta_0) + "_betaT" +
         python_float(c.diffusion.beta_T);
}

}  // namespace longwave::examples::sssd
