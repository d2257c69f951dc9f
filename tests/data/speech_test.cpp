#include "longwave/data/speech.hpp"

#include <set>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Writes a file of n samples that all are `value` / 32768.
void sound(const std::string& path, index_t n, int value, index_t rate = 16000) {
  Tensor<float, 2> samples(1, n);
  for (index_t l = 0; l < n; ++l) samples(0, l) = static_cast<float>(value) / 32768;
  make_folders(path.substr(0, path.rfind('/')));
  write_wav<float>(path, samples.view(), rate);
}

}  // namespace

TEST_CASE("speech: a class for every folder, clips of any length") {
  const TemporaryFolder folder;
  sound(folder / "no/b10.wav", 3, 1);
  sound(folder / "no/b9.wav", 5, 2);
  sound(folder / "yes/a.wav", 4, 16384);
  const auto set = read_wav_folders<float>(folder.path(), {"no", "yes"});
  check_sequences(set);
  CHECK(set.lengths() == std::vector<index_t>{5, 3, 4});
  CHECK(set.y == std::vector<index_t>{0, 0, 1});
  CHECK(set.sequence(2)(0, 0) == 0.5f);
  const auto again = read_wav_folders<float>(folder.path(), {"no", "yes"}, {.divide_again = true});
  CHECK(again.sequence(2)(0, 0) == 0x1p-16f);
  sound(folder / "yes/b.wav", 4, 1, 8000);
  CHECK(contains(error_text<IoError>([&] { read_wav_folders<float>(folder.path(), {"yes"}); }),
                 "yes/b.wav: holds 4 samples of 1 channels at 8000 Hz, expected some of one channel at 16000"));
  make_folders(folder / "none");
  CHECK(contains(error_text<IoError>([&] { read_wav_folders<float>(folder.path(), {"none"}); }), "holds no wav file"));
}

TEST_CASE("speech: 35 words by the official lists, ending in zeros") {
  const TemporaryFolder folder;
  sound(folder / "_background_noise_/hum.wav", 50, 1);
  for (const char* name : {"bed/1.wav", "bed/2.wav", "cat/1.wav", "cat/2.wav"}) sound(folder / name, 8, 4);
  write_text(folder / "validation_list.txt", "bed/2.wav\n");
  write_text(folder / "testing_list.txt", "cat/1.wav\r\n\n");
  const auto parts = read_speech_commands<float>(folder.path(), {}, 10);
  CHECK(parts.train.size() == 2);
  CHECK(parts.validation.y == std::vector<index_t>{0});
  CHECK(parts.test.y == std::vector<index_t>{1});
  CHECK(parts.test.classes == 2);
  CHECK(parts.test.sequence(0)(0, 7) == 0x1p-13f);
  CHECK(parts.test.sequence(0)(0, 8) == 0);
  CHECK(parts.test.length(0) == 10);
  const auto test = read_speech_commands<float>(folder.path(), {.test_only = true}, 10);
  CHECK(test.test.values == parts.test.values);
  CHECK(test.train.size() + test.validation.size() == 0);
  CHECK(contains(error_text<IoError>([&] { read_speech_commands<float>(folder.path(), {}, 7); }),
                 "bed/1.wav: holds 8 samples of 1 channels at 16000 Hz, expected at most 7"));
  write_text(folder / "testing_list.txt", "cat/1.wav\ncat.wav\n");
  CHECK(contains(error_text<IoError>([&] { read_speech_commands<float>(folder.path()); }),
                 "testing_list.txt: line 2 is 'cat.wav', expected word/file.wav"));
  write_text(folder / "testing_list.txt", "");
  CHECK(contains(error_text<IoError>([&] { read_speech_commands<float>(folder.path(), {}, 10); }),
                 "holds no clip of Speech Commands (test)"));
}

TEST_CASE("speech: ten words, full clips only, 70/15/15 of every word") {
  const TemporaryFolder folder;
  for (const std::string& word : speech_commands_ten) {
    for (int i = 0; i < 20; ++i) sound(folder / (word + "/" + std::to_string(i) + ".wav"), 4, i + 1);
    sound(folder / (word + "/short.wav"), 3, 100);
  }
  const auto parts = read_speech_commands_ten<float>(folder.path(), {}, 4),
             again = read_speech_commands_ten<float>(folder.path(), {}, 4);
  const auto test = read_speech_commands_ten<float>(folder.path(), {.test_only = true}, 4);
  CHECK(test.test.values == parts.test.values);
  CHECK(test.test.y == parts.test.y);
  CHECK(test.train.size() + test.validation.size() == 0);
  CHECK(parts.train.size() == 140);
  CHECK(parts.validation.size() == 30);
  CHECK(parts.test.size() == 30);
  CHECK(parts.test.values == again.test.values);
  std::set<std::pair<index_t, float>> seen;
  std::vector<int> per_word(10);
  for (const auto* part : {&parts.train, &parts.validation, &parts.test})
    for (index_t i = 0; i < part->size(); ++i)
      seen.emplace(part->y[static_cast<std::size_t>(i)], part->sequence(i)(0, 0));
  CHECK(seen.size() == 200);
  for (const index_t y : parts.test.y) ++per_word[static_cast<std::size_t>(y)];
  for (const int count : per_word) CHECK(count == 3);
}

TEST_CASE("speech: spoken digits from files called digit, speaker, take") {
  const TemporaryFolder folder;
  sound(folder / "recordings/7_jackson_4.wav", 5, 1, 8000);
  sound(folder / "recordings/7_jackson_5.wav", 6, 1, 8000);
  sound(folder / "recordings/0_theo_12.wav", 7, 1, 8000);
  const auto parts = read_spoken_digits<float>(folder.path());
  CHECK(parts.test.y == std::vector<index_t>{7});
  CHECK(parts.train.y == std::vector<index_t>{0, 7});
  CHECK(parts.train.lengths() == std::vector<index_t>{7, 6});
  for (const char* name : {"10_a_1.wav", "1_1.wav", "x_a_1.wav", "1_a_x.wav", "1_a_.wav"}) {
    sound(folder / "recordings" + std::string("/") + name, 5, 1, 8000);
    CHECK(contains(error_text<IoError>([&] { read_spoken_digits<float>(folder.path()); }),
                   std::string(name) + ": is not called {digit}_{speaker}_{take}.wav"));
    std::filesystem::remove(folder / "recordings" + std::string("/") + name);
  }
  std::filesystem::remove(folder / "recordings/7_jackson_4.wav");
  CHECK(contains(error_text<IoError>([&] { read_spoken_digits<float>(folder.path()); }),
                 "holds 2 recordings to train on and 0 of takes"));
}

TEST_CASE("speech: packed recordings that do not fit are refused") {
  const TemporaryFolder folder;
  const auto write = [&](std::vector<std::int16_t> samples, std::vector<index_t> offsets,
                         std::vector<std::uint8_t> labels) {
    write_npy(folder / "samples.npy", TensorView(samples.data(), Extents<1>{static_cast<index_t>(samples.size())}));
    write_npy(folder / "offsets.npy", TensorView(offsets.data(), Extents<1>{static_cast<index_t>(offsets.size())}));
    write_npy(folder / "digit_speaker_take.npy",
              TensorView(labels.data(), Extents<2>{static_cast<index_t>(labels.size()) / 3, 3}));
  };
  const auto refuses = [&](const std::string& part) {
    const std::string text = error_text([&] { read_spoken_digits<float>(folder.path()); });
    INFO(text);
    CHECK(contains(text, part));
  };
  write({16384, 1, 2}, {0, 1, 3}, {4, 0, 0, 9, 0, 5});
  CHECK(read_spoken_digits<float>(folder.path()).test.sequence(0)(0, 0) == 0.5f);
  write({1, 2, 3}, {0, 1, 2}, {4, 0, 0, 9, 0, 5});
  refuses("2 labels and 3 offsets do not fit 3 samples");
  write({1, 2, 3}, {0, 3, 3}, {4, 0, 0, 9, 0, 5});
  refuses("offsets.npy: recording 1 ends at 3, not after its start 3");
  write({1, 2, 3}, {0, 2, 3}, {4, 0, 0, 10, 0, 5});
  refuses("the target at (1, 0) is 10, expected 0 to 9");
  write_npy(folder / "digit_speaker_take.npy", Tensor<std::uint8_t, 2>(2, 2));
  refuses("the labels are (2, 2), expected (n, 3)");
}

TEST_CASE("speech: the Free Spoken Digit Dataset, where LONGWAVE_DATA names its folder") {
  const char* root = std::getenv("LONGWAVE_DATA");
  const std::string folder = root == nullptr ? "" : std::string(root) + "/fsdd";
  if (folder.empty() || !file_exists(folder)) {
    WARN("LONGWAVE_DATA names no folder with fsdd in it: skipped");
    return;
  }
  const auto parts = read_spoken_digits<float>(folder);
  CHECK(parts.train.size() == 1200);
  CHECK(parts.test.size() == 300);
  CHECK(std::max(parts.train.longest(), parts.test.longest()) == 18262);
  CHECK(read_wav<float>(folder + "/sample_7_jackson_32.wav").rate == 8000);
}
