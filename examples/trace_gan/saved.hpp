// saved.hpp - a trained model as files: <folder>/<prefix>_generator.safetensors and _discriminator.safetensors (weights
// under PyTorch's names), _scaler.safetensors, _losses.jsonl.
#pragma once

#include "trace_gan/rows.hpp"

namespace longwave::examples::trace_gan {

struct ModelPaths {
  std::string generator, discriminator, scaler, losses;
};
// `stem`: folder and prefix, as in models/model.
ModelPaths model_paths(const std::string& stem);
std::string stem_of(const TrainOptions& options);

// What the first of these says that is there already, unless `force`: throws UsageError.
void refuse_to_replace(const std::vector<std::string>& paths, bool force);

void make_folder(const std::string& path);

void save_model(const std::string& stem, LstmGan<float>& gan, const RowCodec& codec, const TrainOptions& options);

struct SavedModel {
  TrainOptions options;
  RowCodec codec;
  LstmGan<float> gan;
};
// with_discriminator: else it is as it was drawn. A scaler of another model is an error.
SavedModel load_model(const std::string& stem, bool with_discriminator = false);

}  // namespace longwave::examples::trace_gan
