#include "sar_focus/options.hpp"

#include <algorithm>

namespace longwave::examples::sar_focus {

Settings make_settings(TrainOptions& o) {
  constexpr std::int64_t many = std::int64_t(1) << 40;
  Settings s;
  s.text("directory", o.directory, {}, "folder of the results");
  s.text("model_name", o.model_name, {}, "folder of this model in it");
  s.integer("gpu_no", o.gpu_no, -1, 4095, "number of the GPU, as in --device cuda:<number>; -1: what --device says");
  s.integer("num_layers", o.num_layers, 1, 64, "S4D layers");
  s.integer("hidden_state_size", o.hidden_state_size, 2, 1024, "states of each, an even number");
  s.integer("epochs", o.epochs, 1, 1'000'000, "passes over the training patches");
  s.integer("batch_size", o.batch_size, 1, 4096, "columns of a step");
  s.integer("valid_batch_size", o.valid_batch_size, 1, 4096, "columns of a validation step");
  s.number("learning_rate", o.learning_rate, 1e-12, 10, "of AdamW");
  s.number("weight_decay", o.weight_decay, 0, 10, "of all but the layers' poles and steps");
  s.number("ssim", o.ssim, 0, 1, "weight of the SSIM loss; 1 less this is the weight of the mean absolute error");
  s.text("act_fun", o.act_fun,
         {"leakyrelu", "relu", "gelu", "tanh", "sigmoid", "silu", "glu", "hardswish", "hardtanh", "hardsigmoid",
          "hardshrink", "prelu"},
         "activation of each layer");
  s.text("train_dir", o.train_dir, {}, "folder of products *.zarr to learn from");
  s.text("val_dir", o.val_dir, {}, "folder of products *.zarr to validate with");

  s.integer("width", o.width, 1, 1024, "channels between the layers");
  s.flag("bidirectional", o.bidirectional, "layers that look ahead as well as back");
  s.flag("complex_valued", o.complex_valued, "complex kernels that follow the position, in place of the layers");
  s.integer("taps", o.taps, 1, 1 << 20, "complex_valued: length of the kernels, of each side");
  s.optional_number("position_first", o.position_first, -1e6, 1e6,
                    "complex_valued: position of the first column; none: of the products");
  s.optional_number("position_last", o.position_last, -1e6, 1e6, "and of the last one");
  s.flag("residual", o.residual, "add each layer's input to its output");
  s.flag("batch_norm", o.batch_norm, "normalise after each layer");
  s.number("dropout", o.dropout, 0, 0.99, "share of the layers' outputs set to 0 in training");
  s.number("w_mse", o.w_mse, 0, 1e6, "weight of the mean squared error in the loss");
  s.number("w_huber", o.w_huber, 0, 1e6, "weight of the Huber loss");
  s.number("w_edge", o.w_edge, 0, 1e6, "weight of the edge loss");

  s.text("schedule", o.schedule, {"constant", "cosine"}, "of the learning rate");
  s.number("gradient_clip", o.gradient_clip, 0, 1e6, "largest norm of the gradients; 0: any");
  s.integer("patience", o.patience, 0, 1'000'000,
            "epochs without a smaller val_loss before training stops; 0: no stop");
  s.number("min_delta", o.min_delta, 0, 1e6, "how much smaller counts");
  s.integer("keep_best", o.keep_best, 0, 1000, "checkpoints of the smallest val_loss kept");
  s.text("precision", o.precision, {"fp32", "bf16"}, "bf16: layers in mixed precision");
  s.integer("max_steps", o.max_steps, 0, many, "end training after so many steps; 0: after the epochs");
  s.integer("seed", o.seed, 0, many, "of weights and order");
  s.integer("threads", o.threads, 0, 4096, "0: as many as there are");

  s.integer("patch_rows", o.patch_rows, 1, many, "length of a column");
  s.integer("patch_columns", o.patch_columns, 1, 4096, "neighbouring columns of a patch");
  s.integer("buffer_rows", o.buffer_rows, 0, many, "rows left out at both ends");
  s.integer("buffer_columns", o.buffer_columns, 0, many, "columns left out on both sides");
  s.integer("stride_rows", o.stride_rows, 1, many, "rows from one patch to the next");
  s.integer("stride_columns", o.stride_columns, 1, many, "columns from one patch to the next");
  s.text("order", o.order, {"col", "row"}, "of the patches; col: along a column first");
  s.text("patch_mode", o.patch_mode, {"rectangular"}, "shape of the patches");
  s.text("position", o.position, {"column", "mode", "none"}, "third input: by column, by stripmap mode and column, 0");
  s.text("ranges", o.ranges, {"broad", "medium", "tight", "extra_tight", "extra_extra_tight"},
         "of rc and az that become [0, 1]");
  s.text("level_from", o.level_from, {}, "array of the input");
  s.text("level_to", o.level_to, {}, "array of the target");
  s.integer("samples_per_prod", o.samples_per_prod, 1, many, "patches of a product, the first ones");
  s.integer("max_products", o.max_products, 1, many, "products of a folder, the first ones by name");
  s.integer("cache", o.cache, 0, 1 << 20, "unpacked chunks kept of each array");
  s.integer("workers", o.workers, 1, 64, "threads that read ahead");
  s.flag("clip", o.clip, "clip normalised values to [0, 1]");
  s.flag("shuffle", o.shuffle, "patches in random order");
  return s;
}

std::string device_name(const std::string& device, const TrainOptions& o, const Overrides& overrides) {
  const std::string gpu = o.gpu_no < 0 ? "" : "cuda:" + std::to_string(o.gpu_no);
  if (gpu.empty() || device.empty()) return !device.empty() ? device : !gpu.empty() ? gpu : "cpu";
  const bool said = std::any_of(overrides.begin(), overrides.end(), [](const auto& x) { return x.first == "gpu_no"; });
  if (said && device != gpu && !(device == "cuda" && o.gpu_no == 0))
    throw UsageError("--gpu_no " + std::to_string(o.gpu_no) + " is " + gpu + ", and --device says " + device +
                     "; leave out one of the two");
  return device;
}

void check(const TrainOptions& o) {
  if (o.hidden_state_size % 2 != 0)
    throw UsageError("--hidden_state_size is " + std::to_string(o.hidden_state_size) +
                     ", expected an even number: states come in conjugate pairs");
  // The image of a batch, rows by twice the columns, must hold the 7 x 7 window of the SSIM.
  for (const auto& [name, size] : {std::pair("batch_size", o.batch_size), {"valid_batch_size", o.valid_batch_size}}) {
    if (size < 4)
      throw UsageError(std::string("--") + name + " is " + std::to_string(size) +
                       ", expected 4 or more: I and Q of a batch side by side must hold the SSIM's window of 7 x 7");
    if (size % o.patch_columns != 0)
      throw UsageError(std::string("--") + name + " is " + std::to_string(size) + ", expected a multiple of the " +
                       std::to_string(o.patch_columns) + " columns of a patch");
  }
  if (o.patch_rows < 7)
    throw UsageError("--patch_rows is " + std::to_string(o.patch_rows) + ", expected 7 or more: the SSIM's window");
  if (o.model_name.empty() || o.model_name.find('/') != std::string::npos)
    throw UsageError("--model_name is \"" + o.model_name + "\", expected a name without a folder");
}

SarSampling sampling_of(const TrainOptions& o) {
  SarSampling s;
  s.level_from = o.level_from;
  s.level_to = o.level_to;
  s.patch_rows = o.patch_rows;
  s.patch_columns = o.patch_columns;
  s.buffer_rows = o.buffer_rows;
  s.buffer_columns = o.buffer_columns;
  s.stride_rows = o.stride_rows;
  s.stride_columns = o.stride_columns;
  s.rows_first = o.order == "col";
  s.samples_per_product = o.samples_per_prod;
  s.max_products = o.max_products;
  s.position = o.position == "mode"   ? SarPosition::mode
               : o.position == "none" ? SarPosition::none
                                      : SarPosition::column;
  s.ranges = sar_ranges(o.ranges);
  s.clip = o.clip;
  s.shuffle = o.shuffle;
  s.cache = o.cache;
  s.workers = o.workers;
  return s;
}

const std::vector<ShortName>& short_names() {
  static const std::vector<ShortName> names = {
      {"dn", "directory"},         {"mn", "model_name"},   {"gpu", "gpu_no"},    {"nl", "num_layers"},
      {"hs", "hidden_state_size"}, {"ep", "epochs"},       {"bs", "batch_size"}, {"vb", "valid_batch_size"},
      {"lr", "learning_rate"},     {"wd", "weight_decay"}, {"sp", "ssim"},       {"af", "act_fun"},
      {"td", "train_dir"},         {"vd", "val_dir"}};
  return names;
}

std::vector<std::string> with_long_names(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  for (std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument.size() < 2 || argument[0] != '-' || argument[1] == '-') continue;
    const std::size_t end = std::min(argument.find('='), argument.size());
    for (const ShortName& known : short_names())
      if (argument.compare(1, end - 1, known.letters) == 0) {
        argument = "--" + std::string(known.name) + argument.substr(end);
        break;
      }
  }
  return arguments;
}

}  // namespace longwave::examples::sar_focus
