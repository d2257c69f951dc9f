#include "trace_gan/saved.hpp"

#include <charconv>
#include <filesystem>

#include "longwave/io/safetensors.hpp"
#include "longwave/nn/module.hpp"

namespace longwave::examples::trace_gan {

namespace {

template <class Module>
void save_weights(const std::string& path, Module& module, const std::map<std::string, std::string>& metadata) {
  std::vector<NamedArray> arrays;
  for (const auto& ref : state<float>(module))
    arrays.push_back({ref.name, DType::f32, {ref.shape.begin(), ref.shape.end()}, ref.value});
  write_safetensors(path, arrays, metadata);
}

// All of a module's weights, or an error and none.
template <class Module>
void load_weights(const SafetensorsFile& file, Module& module) {
  const auto refs = state<float>(module);
  for (const auto& ref : refs)
    if (!file.contains(ref.name) || file.shape(ref.name) != std::vector<index_t>(ref.shape.begin(), ref.shape.end()))
      throw IoError(file.path(),
                    "has no weights " + ref.name + " of the size that its options say; the file is damaged");
  for (const auto& ref : refs) {
    const std::vector<float> values = file.values<float>(ref.name);
    std::copy(values.begin(), values.end(), ref.value);
  }
}

std::string metadata_text(const std::map<std::string, std::string>& metadata, const std::string& path,
                          const std::string& key) {
  const auto found = metadata.find(key);
  if (found == metadata.end()) throw IoError(path, "is not a file of this program: it says nothing about its " + key);
  return found->second;
}

double number_in(const std::string& text, const std::string& path) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size())
    throw IoError(path, "holds \"" + text + "\" where a number belongs");
  return value;
}

std::string exact_text(double x) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, x).ptr};
}

}  // namespace

ModelPaths model_paths(const std::string& stem) {
  return {stem + "_generator.safetensors", stem + "_discriminator.safetensors", stem + "_scaler.safetensors",
          stem + "_losses.jsonl"};
}

std::string stem_of(const TrainOptions& o) {
  std::string stem = o.save_dir;
  if (!stem.empty() && stem.back() != '/') stem.push_back('/');
  return stem.append(o.save_prefix);
}

void refuse_to_replace(const std::vector<std::string>& paths, bool force) {
  for (const std::string& path : paths)
    if (!force && file_exists(path)) throw UsageError(path + " is there already; --force replaces it");
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw IoError(path, "cannot make this folder: " + error.message());
}

void save_model(const std::string& stem, LstmGan<float>& gan, const RowCodec& codec, const TrainOptions& options) {
  TrainOptions copy = options;
  const std::string config = make_settings(copy).to_json();
  const ModelPaths paths = model_paths(stem);
  const std::string id = codec.scaler.id();
  save_weights(paths.generator, gan.generator, {{"format", "pt"}, {"config", config}, {"scaler", id}});
  save_weights(paths.discriminator, gan.discriminator, {{"format", "pt"}, {"config", config}, {"scaler", id}});
  codec.scaler.save(paths.scaler, {{"trace", options.trace_path},
                                   {"inter_arrival", codec.inter_arrival ? "true" : "false"},
                                   {"start", exact_text(codec.start)},
                                   {"id", id}});
}

SavedModel load_model(const std::string& stem, bool with_discriminator) {
  const ModelPaths paths = model_paths(stem);
  const SafetensorsFile weights(paths.generator);
  TrainOptions options;
  make_settings(options).load_json(metadata_text(weights.metadata(), paths.generator, "config"), paths.generator);
  std::map<std::string, std::string> metadata;
  RowCodec codec;
  codec.scaler = ColumnScaler::load(paths.scaler, &metadata);
  if (codec.scaler.columns() != features ||
      codec.scaler.id() != metadata_text(weights.metadata(), paths.generator, "scaler"))
    throw IoError(paths.scaler, "is not the scaler that this generator was trained with but one of " +
                                    metadata_text(metadata, paths.scaler, "trace") +
                                    "; keep the files of a run together");
  codec.inter_arrival = metadata_text(metadata, paths.scaler, "inter_arrival") == "true";
  codec.start = number_in(metadata_text(metadata, paths.scaler, "start"), paths.scaler);
  // A size that the file does not bear out is refused before it takes memory.
  if (!weights.contains("lstm.weight_ih_l0")) throw IoError(paths.generator, "holds no generator");
  const auto& shape = weights.shape("lstm.weight_ih_l0");
  if (shape.size() != 2 || shape[0] != 4 * options.hidden_dim || shape[1] != options.latent_dim)
    throw IoError(paths.generator, "holds other sizes than its options say; the file is damaged");
  Generator unused(0);
  SavedModel model{options, std::move(codec), LstmGan<float>(gan_options(options), unused)};
  load_weights(weights, model.gan.generator);
  if (with_discriminator) load_weights(SafetensorsFile(paths.discriminator), model.gan.discriminator);
  return model;
}

}  // namespace longwave::examples::trace_gan
