// Spoken digits, Speech Commands, and sound as 8-bit mu-law tokens to be continued.
#include <cmath>

#include "long_sequence/datasets/assemble.hpp"
#include "longwave/data/mu_law.hpp"
#include "longwave/data/speech.hpp"
#include "longwave/data/standardize.hpp"

namespace longwave::examples {

namespace {

// One factor for all of the sound: the training part has deviation 1.
void scale_together(SequenceSet<float>& train, SequenceSet<float>& other) {
  double squares = 0;
  for (const float x : train.values) squares += static_cast<double>(x) * static_cast<double>(x);
  const double mean = squares / static_cast<double>(train.values.size());
  const auto factor = static_cast<float>(mean > 0 ? 1 / std::sqrt(mean) : 1);
  for (auto* set : {&train, &other})
    for (float& x : set->values) x *= factor;
}

std::string digits_folder(const RunOptions& options) { return data_folder(options, "fsdd", "digit_speaker_take.npy"); }

}  // namespace

RunData load_digits(const RunOptions& options) {
  DigitParts<float> parts = read_spoken_digits<float>(digits_folder(options));
  scale_together(parts.train, parts.test);
  return assemble(options, cut(std::move(parts.train), options.dataset.length),
                  cut(std::move(parts.test), options.dataset.length));
}

// Each position standardised for itself, as in the published runs.
RunData load_speech(const RunOptions& options) {
  const std::string folder = data_folder(options, "speech_commands", "testing_list.txt");
  const index_t L = options.dataset.length > 0 ? options.dataset.length : 16000;
  SpeechParts<float> parts = read_speech_commands<float>(folder, {}, L);
  Dataset<float> train = padded(parts.train, L), validation = padded(parts.validation, L), test = padded(parts.test, L);
  const PositionScale<float> scale(train.x.view());
  for (Dataset<float>* part : {&train, &validation, &test}) scale.apply(part->x.view());
  RunData data = assemble(options, sequences_of(train), sequences_of(test), std::optional(sequences_of(validation)));
  data.classes = speech_commands_words(folder);
  return data;
}

RunData load_audio(const RunOptions& options) {
  const DigitParts<float> parts = read_spoken_digits<float>(digits_folder(options));
  const auto windows = [&](const SequenceSet<float>& set) {
    return next_tokens(set.name, mu_law_tokens(set).values, 256,
                       options.dataset.length > 0 ? options.dataset.length : 1024);
  };
  return assemble(options, windows(parts.train), windows(parts.test), {}, Predict::every_position);
}

}  // namespace longwave::examples
