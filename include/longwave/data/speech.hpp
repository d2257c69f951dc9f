// speech.hpp - spoken words with a class each: folders of wav files, Speech Commands, spoken digits.
//
//   SequenceSet<float> set = read_wav_folders<float>(root, {"no", "yes"});       // root/<class>/*.wav
//   SpeechParts<float> parts = read_speech_commands<float>(root);                  // 35 words, the official lists
//   SpeechParts<float> parts = read_speech_commands_ten<float>(root);              // 10 words, 70/15/15
//   DigitParts<float> digits = read_spoken_digits<float>(folder);                  // packed or wav; takes 0-4 for
//   testing
//
// Speech Commands (Warden 2018) in 35 classes: folders in alphabetic order, clips end in zeros up to 16000 samples. In
// 10 classes: only clips of exactly 16000 samples, each word cut into 70, 15 and 15 %. How the samples are scaled is
// told in data/standardize.hpp; divide_again repeats the published runs' second division by 2^15.
#pragma once

#include <algorithm>
#include <charconv>
#include <string>
#include <unordered_set>
#include <vector>

#include "longwave/data/csv.hpp"
#include "longwave/data/sequence_set.hpp"
#include "longwave/data/wav.hpp"
#include "longwave/io/folder.hpp"
#include "longwave/io/npy.hpp"

namespace longwave {

struct SpeechOptions {
  index_t rate = 16000;       // that every file must have
  bool divide_again = false;  // samples by 2^15 once more
  bool test_only = false;     // of Speech Commands: the other parts stay empty, their files unread
};

template <class T>
struct SpeechParts {
  SequenceSet<T> train, validation, test;
};

inline const std::vector<std::string> speech_commands_ten = {"yes",   "no", "up",  "down", "left",
                                                             "right", "on", "off", "stop", "go"};

namespace detail {

template <class T>
SequenceSet<T> no_speech(std::string name, index_t classes) {
  return {.name = std::move(name), .classes = classes};
}

// Appends a file of one channel; `length` 0 takes any, else shorter ones end in zeros.
template <class T>
void add_wav(SequenceSet<T>& set, const Wav<T>& wav, const std::string& path, index_t label, const SpeechOptions& how,
             index_t length) {
  if (wav.channels() != 1 || wav.rate != how.rate || wav.length() == 0 || (length > 0 && wav.length() > length))
    throw_io_error(path, "holds " + std::to_string(wav.length()) + " samples of " + std::to_string(wav.channels()) +
                             " channels at " + std::to_string(wav.rate) + " Hz, expected " +
                             (length > 0 ? "at most " + std::to_string(length) : std::string("some")) +
                             " of one channel at " + std::to_string(how.rate));
  const T factor = how.divide_again ? T(1) / T(32768) : T(1);
  for (index_t l = 0; l < wav.length(); ++l) set.values.push_back(factor * wav.samples(0, l));
  if (length > 0) set.values.insert(set.values.end(), static_cast<std::size_t>(length - wav.length()), T(0));
  set.end_sequence();
  set.y.push_back(label);
}

// The lines "word/file.wav" of a list.
inline std::unordered_set<std::string> read_file_list(const std::string& path) {
  const MappedFile file(path);
  LineReader lines({reinterpret_cast<const char*>(file.bytes().data()), file.size()});
  std::unordered_set<std::string> names;
  for (std::string_view line; lines.next(line);) {
    if (trimmed(line).empty()) continue;
    if (line.find('/') == std::string_view::npos || !line.ends_with(".wav"))
      throw_io_error(
          path, "line " + std::to_string(lines.number()) + " is " + quoted_start(line) + ", expected word/file.wav");
    names.emplace(line);
  }
  return names;
}

}  // namespace detail

// root/<class>/*.wav, of any length, in the order of the list of classes and by the files' numbers.
template <class T = float>
SequenceSet<T> read_wav_folders(const std::string& root, const std::vector<std::string>& classes,
                                const SpeechOptions& how = {}) {
  SequenceSet<T> set = detail::no_speech<T>(root, static_cast<index_t>(classes.size()));
  for (std::size_t c = 0; c < classes.size(); ++c)
    for (const std::string& name : list_folder(root + "/" + classes[c], ".wav")) {
      const std::string path = root + "/" + classes[c] + "/" + name;
      detail::add_wav(set, read_wav<T>(path), path, static_cast<index_t>(c), how, 0);
    }
  if (set.size() == 0) detail::throw_io_error(root, "holds no wav file in the folders of its classes");
  return set;
}

// The words of a Speech Commands folder: those that do not start with '_', such as _background_noise_.
inline std::vector<std::string> speech_commands_words(const std::string& root) {
  std::vector<std::string> words = list_folder(root);
  std::erase_if(words, [&](const std::string& name) { return name[0] == '_' || !is_folder(root + "/" + name); });
  return words;
}

// All words; validation_list.txt and testing_list.txt say what is held out. Every clip takes `length` samples.
template <class T = float>
SpeechParts<T> read_speech_commands(const std::string& root, const SpeechOptions& how = {}, index_t length = 16000) {
  const auto validation = detail::read_file_list(root + "/validation_list.txt"),
             testing = detail::read_file_list(root + "/testing_list.txt");
  const std::vector<std::string> words = speech_commands_words(root);
  const auto n = static_cast<index_t>(words.size());
  SpeechParts<T> parts{detail::no_speech<T>("Speech Commands (train)", n),
                       detail::no_speech<T>("Speech Commands (validation)", n),
                       detail::no_speech<T>("Speech Commands (test)", n)};
  for (index_t c = 0; c < n; ++c)
    for (const std::string& file : list_folder(root + "/" + words[static_cast<std::size_t>(c)], ".wav")) {
      const std::string name = words[static_cast<std::size_t>(c)] + "/" + file, path = root + "/" + name;
      SequenceSet<T>& part = validation.count(name) > 0 ? parts.validation
                             : testing.count(name) > 0  ? parts.test
                                                        : parts.train;
      if (how.test_only && &part != &parts.test) continue;
      detail::add_wav(part, read_wav<T>(path), path, c, how, length);
    }
  for (const SequenceSet<T>* part : {&parts.train, &parts.validation, &parts.test})
    if (part->size() == 0 && (part == &parts.test || !how.test_only))
      detail::throw_io_error(root, "holds no clip of " + part->name);
  return parts;
}

// Places of each class cut at random into shares, the same ones of every class; the rest goes to the first part.
inline std::vector<std::vector<index_t>> stratified_places(const std::vector<index_t>& y, index_t classes,
                                                           const std::vector<double>& shares, Generator& generator) {
  std::vector<std::vector<index_t>> parts(shares.size() + 1);
  for (index_t c = 0; c < classes; ++c) {
    std::vector<index_t> of_class;
    for (std::size_t i = 0; i < y.size(); ++i)
      if (y[i] == c) of_class.push_back(static_cast<index_t>(i));
    std::vector<index_t> order(of_class.size());
    const auto n = static_cast<index_t>(order.size());
    generator.permutation(TensorView<index_t, 1>(order.data(), {n}));
    index_t at = 0;
    for (std::size_t p = 0; p <= shares.size(); ++p) {
      const index_t end =
          p == shares.size() ? n
                             : std::min(n, at + static_cast<index_t>(std::llround(shares[p] * static_cast<double>(n))));
      std::vector<index_t>& to = parts[p == shares.size() ? 0 : p + 1];
      for (; at < end; ++at) to.push_back(of_class[static_cast<std::size_t>(order[static_cast<std::size_t>(at)])]);
    }
  }
  for (std::vector<index_t>& part : parts) std::sort(part.begin(), part.end());
  return parts;
}

// Ten words, clips of exactly `length` samples; of every word 15 % for validation and 15 % for testing.
template <class T = float>
SpeechParts<T> read_speech_commands_ten(const std::string& root, const SpeechOptions& how = {},
                                        index_t length = 16000) {
  const std::string set_name = "Speech Commands (10 words)";
  const auto n = static_cast<index_t>(speech_commands_ten.size());
  std::vector<std::string> paths;
  std::vector<index_t> y;
  for (index_t c = 0; c < n; ++c) {
    const std::string folder = root + "/" + speech_commands_ten[static_cast<std::size_t>(c)];
    for (const std::string& file : list_folder(folder, ".wav")) {
      if (wav_length(folder + "/" + file) != length) continue;
      paths.push_back(folder + "/" + file);
      y.push_back(c);
    }
  }
  if (paths.empty())
    detail::throw_io_error(root, "holds no clip of " + std::to_string(length) + " samples of the ten words");
  Generator generator(0);
  const auto places = stratified_places(y, n, {0.15, 0.15}, generator);
  const auto read = [&](std::size_t part, const char* part_name) {
    SequenceSet<T> set = detail::no_speech<T>(set_name + part_name, n);
    for (const index_t place : places[part]) {
      const std::string& path = paths[static_cast<std::size_t>(place)];
      detail::add_wav(set, read_wav<T>(path), path, y[static_cast<std::size_t>(place)], how, length);
    }
    return set;
  };
  const auto unless_test_only = [&](std::size_t part, const char* part_name) {
    return how.test_only ? detail::no_speech<T>(set_name + part_name, n) : read(part, part_name);
  };
  return {unless_test_only(0, " (train)"), unless_test_only(1, " (validation)"), read(2, " (test)")};
}

// Sound packed into arrays: samples.npy (int16, divided by 2^15, or floats), offsets.npy (n + 1), and a table of labels
// (n, K), of which column `label` is the class.
template <class T = float>
SequenceSet<T> read_packed_audio(const std::string& folder, TensorView<const index_t, 2> labels, index_t label,
                                 index_t classes) {
  const NpyArray samples(folder + "/samples.npy");
  const auto offsets = read_npy<index_t, 1>(folder + "/offsets.npy");
  const auto values = samples.read<T, 1>();
  const T factor = samples.dtype() == DType::i16 ? T(1) / T(32768) : T(1);
  const index_t n = labels.size(0);
  if (offsets.count() != n + 1 || offsets(0) != 0 || offsets(n) != values.count())
    throw_shape_error(folder + ": " + std::to_string(n) + " labels and " + std::to_string(offsets.count()) +
                      " offsets do not fit " + std::to_string(values.count()) + " samples");
  SequenceSet<T> set{.name = folder, .classes = classes};
  set.values.reserve(static_cast<std::size_t>(values.count()));
  for (index_t l = 0; l < values.count(); ++l) set.values.push_back(factor * values(l));
  for (index_t i = 0; i < n; ++i) {
    if (offsets(i + 1) <= offsets(i))
      detail::throw_io_error(folder + "/offsets.npy", "recording " + std::to_string(i) + " ends at " +
                                                          std::to_string(offsets(i + 1)) + ", not after its start " +
                                                          std::to_string(offsets(i)));
    set.offsets.push_back(offsets(i + 1));
    set.y.push_back(labels(i, label));
  }
  check_sequences(set);
  return set;
}

template <class T>
struct DigitParts {
  SequenceSet<T> train, test;
};

namespace detail {

// {digit}_{speaker}_{take}.wav
inline bool parse_digit_name(std::string_view name, index_t& digit, index_t& take) {
  const std::size_t first = name.find('_'), last = name.rfind('_');
  if (first == std::string_view::npos || last <= first || !name.ends_with(".wav")) return false;
  const auto number = [](std::string_view text, index_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value >= 0;
  };
  return number(name.substr(0, first), digit) && digit <= 9 &&
         number(name.substr(last + 1, name.size() - last - 5), take);
}

}  // namespace detail

// The Free Spoken Digit Dataset, 8 kHz: packed (digit_speaker_take.npy, samples.npy, offsets.npy), or the wav files
// {digit}_{speaker}_{take}.wav in folder or folder/recordings. Takes 0 to 4 are the test set, as its authors say.
template <class T = float>
DigitParts<T> read_spoken_digits(const std::string& folder) {
  SequenceSet<T> all = detail::no_speech<T>("spoken digits", 10);
  std::vector<index_t> takes;
  if (file_exists(folder + "/digit_speaker_take.npy")) {
    const auto labels = read_npy<index_t, 2>(folder + "/digit_speaker_take.npy");
    if (labels.size(1) != 3)
      throw_shape_error(folder + "/digit_speaker_take.npy: the labels are " + to_string(labels.sizes()) +
                        ", expected (n, 3)");
    all = read_packed_audio<T>(folder, labels.view(), 0, 10);
    for (index_t i = 0; i < labels.size(0); ++i) takes.push_back(labels(i, 2));
  } else {
    const std::string place = file_exists(folder + "/recordings") ? folder + "/recordings" : folder;
    for (const std::string& name : list_folder(place, ".wav")) {
      index_t digit = 0, take = 0;
      if (!detail::parse_digit_name(name, digit, take))
        detail::throw_io_error(place + "/" + name, "is not called {digit}_{speaker}_{take}.wav");
      detail::add_wav(all, read_wav<T>(place + "/" + name), place + "/" + name, digit, {.rate = 8000}, 0);
      takes.push_back(take);
    }
  }
  std::vector<index_t> train, test;
  for (std::size_t i = 0; i < takes.size(); ++i) (takes[i] < 5 ? test : train).push_back(static_cast<index_t>(i));
  if (train.empty() || test.empty())
    detail::throw_io_error(folder, "holds " + std::to_string(train.size()) + " recordings to train on and " +
                                       std::to_string(test.size()) + " of takes 0 to 4 to test on");
  return {subset(all, train, "spoken digits (train)"), subset(all, test, "spoken digits (test)")};
}

}  // namespace longwave
