// Spoken digits, Speech Commands, and sound as 8-bit mu-law tokens to be continued.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "long_sequence/datasets/assemble.hpp"
#include "longwave/data/mfcc.hpp"
#include "longwave/data/mu_law.hpp"
#include "longwave/data/speech.hpp"
#include "longwave/data/standardize.hpp"

namespace longwave::examples {

namespace {

// One factor for all of the sound, with which the training part has deviation 1.
float factor_of(const Numbers& train) {
  double squares = 0;
  for (const float x : train.values) squares += static_cast<double>(x) * static_cast<double>(x);
  const double mean = squares / static_cast<double>(train.values.size());
  return static_cast<float>(mean > 0 ? 1 / std::sqrt(mean) : 1);
}

Numbers scaled(Numbers set, float factor) {
  for (float& x : set.values) x *= factor;
  return set;
}

std::string digits_folder(const RunOptions& options) { return data_folder(options, "fsdd", "digit_speaker_take.npy"); }

}  // namespace

RunData load_digits(const RunOptions& options, const Wanted& wanted) {
  DigitParts<float> parts = read_spoken_digits<float>(digits_folder(options));
  const std::string known = fitted(wanted, "factor");
  const float factor = known.empty() ? factor_of(parts.train) : std::strtof(known.c_str(), nullptr);
  const index_t L = options.dataset.length;
  RunData data = assemble(options, wanted.train ? cut(scaled(std::move(parts.train), factor), L) : Numbers(),
                          cut(scaled(std::move(parts.test), factor), L));
  char text[48];
  std::snprintf(text, sizeof text, "%a", static_cast<double>(factor));  // exact
  data.fit["factor"] = text;
  return data;
}

// Each position standardised for itself, as in the published runs; then what is dropped.
// All parts, which standardising needs.
RunData load_speech(const RunOptions& options, const Wanted&) {
  const auto& o = options.dataset;
  const bool ten = o.words == "ten";
  const std::string folder = data_folder(options, "speech_commands", ten ? "yes" : "testing_list.txt");
  const index_t L = o.length > 0 ? o.length : 16000;
  const SpeechOptions how{.divide_again = o.divide_again};
  SpeechParts<float> parts =
      ten ? read_speech_commands_ten<float>(folder, how, L) : read_speech_commands<float>(folder, how, L);
  // One part at a time: there are gigabytes of it.
  const auto dense = [&](SequenceSet<float>& set) {
    const SequenceSet<float> part = std::exchange(set, {});
    return o.mfcc ? Mfcc()(padded(part, L)) : padded(part, L);
  };
  Dataset<float> train = dense(parts.train), validation = dense(parts.validation), test = dense(parts.test);
  const PositionScale<float> scale(train.x.view());
  std::uint32_t stream = 110;  // of random numbers, one for each part, whatever the seed of the run
  const auto finished = [&](Dataset<float>& data) {
    Dataset<float> part = std::exchange(data, {});
    scale.apply(part.x.view());
    if (o.dropped > 0) part = drop_samples(part, o.dropped, {0, stream++, 0});
    return sequences_of(part);
  };
  auto train_set = finished(train), validation_set = finished(validation), test_set = finished(test);
  RunData data = assemble(options, std::move(train_set), std::move(test_set), std::optional(std::move(validation_set)));
  data.classes = ten ? speech_commands_ten : speech_commands_words(folder);
  return data;
}

RunData load_audio(const RunOptions& options, const Wanted& wanted) {
  const DigitParts<float> parts = read_spoken_digits<float>(digits_folder(options));
  const auto windows = [&](const SequenceSet<float>& set) {
    return next_tokens(set.name, mu_law_tokens(set).values, 256,
                       options.dataset.length > 0 ? options.dataset.length : 1024);
  };
  return assemble(options, wanted.train ? windows(parts.train) : TokenSet(), windows(parts.test), {},
                  Predict::every_position);
}

}  // namespace longwave::examples
