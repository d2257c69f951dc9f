// Spoken digits, Speech Commands, and sound as 8-bit mu-law tokens to be continued.
#include <bit>
#include <charconv>
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

// Means, then deviations, exact: the bits of each number as eight digits.
std::string text_of(const PositionScale<float>& scale) {
  std::string text;
  char digits[9];
  for (const Tensor<float, 2>* numbers : {&scale.mean, &scale.deviation})
    for (index_t i = 0; i < numbers->count(); ++i) {
      std::snprintf(digits, sizeof digits, "%08x", std::bit_cast<std::uint32_t>(numbers->data()[i]));
      text += digits;
    }
  return text;
}
PositionScale<float> positions_of(const std::string& text, index_t C, index_t L) {
  PositionScale<float> scale;
  scale.mean = Tensor<float, 2>(C, L);
  scale.deviation = Tensor<float, 2>(C, L);
  const auto n = static_cast<std::size_t>(C * L);
  if (text.size() != 2 * 8 * n)
    throw_value_error("the checkpoint's statistics of speech are of " + std::to_string(text.size() / 16) +
                      " positions, the data here has " + std::to_string(n) + "; name the data it was trained with");
  for (std::size_t i = 0; i < 2 * n; ++i) {
    std::uint32_t bits = 0;
    const char* digits = text.data() + 8 * i;
    if (std::from_chars(digits, digits + 8, bits, 16).ptr != digits + 8)
      throw_value_error("the checkpoint's statistics of speech are damaged");
    (i < n ? scale.mean : scale.deviation).data()[i % n] = std::bit_cast<float>(bits);
  }
  return scale;
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

// Each position standardised for itself, as in the published runs; then what is dropped. With the run's statistics the
// test part alone is read.
RunData load_speech(const RunOptions& options, const Wanted& wanted) {
  const auto& o = options.dataset;
  const bool ten = o.words == "ten";
  const std::string folder = data_folder(options, "speech_commands", ten ? "yes" : "testing_list.txt");
  const index_t L = o.length > 0 ? o.length : 16000;
  const std::string known = wanted.train ? "" : fitted(wanted, "positions");
  const SpeechOptions how{.divide_again = o.divide_again, .test_only = !known.empty()};
  SpeechParts<float> parts =
      ten ? read_speech_commands_ten<float>(folder, how, L) : read_speech_commands<float>(folder, how, L);
  // One part at a time: there are gigabytes of it.
  const auto dense = [&](SequenceSet<float>& set) {
    const SequenceSet<float> part = std::exchange(set, {});
    if (part.size() == 0) return Dataset<float>();
    return o.mfcc ? Mfcc()(padded(part, L)) : padded(part, L);
  };
  Dataset<float> train = dense(parts.train), validation = dense(parts.validation), test = dense(parts.test);
  const PositionScale<float> scale =
      known.empty() ? PositionScale<float>(train.x.view()) : positions_of(known, test.channels(), test.length());
  std::uint32_t stream = 110;  // of random numbers, one for each part, whatever the seed of the run
  const auto finished = [&](Dataset<float>& data) {
    Dataset<float> part = std::exchange(data, {});
    const std::uint32_t own_stream = stream++;
    if (part.size() == 0) return Numbers();
    scale.apply(part.x.view());
    if (o.dropped > 0) part = drop_samples(part, o.dropped, {0, own_stream, 0});
    return sequences_of(part);
  };
  auto train_set = finished(train), validation_set = finished(validation), test_set = finished(test);
  auto held_out = validation_set.size() > 0 ? std::optional(std::move(validation_set)) : std::nullopt;
  RunData data = assemble(options, std::move(train_set), std::move(test_set), std::move(held_out));
  data.classes = ten ? speech_commands_ten : speech_commands_words(folder);
  data.fit["positions"] = known.empty() ? text_of(scale) : known;
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
