// What is read of a data set where a run is judged or described, not trained.
#include <filesystem>

#include "check.hpp"
#include "files.hpp"
#include "long_sequence/datasets.hpp"
#include "longwave/data/wav.hpp"

using namespace longwave::examples;
using namespace longwave::test;
using longwave::index_t;
using longwave::TokenSet;

namespace {

const Wanted test_part{.train = false};

RunOptions set_of(const char* name) {
  RunOptions options;
  options.dataset.name = name;
  options.dataset.items = 20;
  return options;
}

bool same_items(const Part& a, const Part& b) {
  return a.index() == b.index() && std::visit(
                                       [&](const auto& x) {
                                         const auto& y = std::get<std::decay_t<decltype(x)>>(b);
                                         return x.values == y.values && x.offsets == y.offsets && x.y == y.y;
                                       },
                                       a);
}

void check_network_sizes(const NetworkShape& a, const NetworkShape& b) {
  CHECK(a.channels == b.channels);
  CHECK(a.vocabulary == b.vocabulary);
  CHECK(a.outputs == b.outputs);
  CHECK(a.one_each == b.one_each);
  CHECK(a.output_length == b.output_length);
  CHECK(a.pairs == b.pairs);
}

void write_pairs(const std::string& path, const std::string& first, const std::string& second) {
  write_text(path, "1\tx\ty\t" + first + "\t" + second + "\n0\tx\ty\t" + second + "\t" + first + "\n");
}

}  // namespace

TEST_CASE("long_sequence data: the test part alone is what it is beside the others") {
  for (const char* name : {"mnist1d", "adding", "copying", "delay", "reconstruct", "pathfinder", "listops"}) {
    INFO(name);
    RunOptions options = set_of(name);
    options.dataset.validation = std::string(name) == "pathfinder" ? 0 : 0.2;
    if (std::string(name) != "pathfinder" && std::string(name) != "mnist1d") options.dataset.length = 40;
    const RunData all = load_data(options);
    const RunData test = load_data(options, test_part);
    CHECK(size_of(all.train) > 0);
    CHECK(size_of(test.train) == 0);
    CHECK_FALSE(test.validation.has_value());
    CHECK(same_items(test.test, all.test));
    CHECK(test.classes == all.classes);
    check_network_sizes(test.shape, all.shape);
  }
}

TEST_CASE("long_sequence data: with the run's vocabulary the training texts are not read") {
  const TemporaryFolder folder;
  write_pairs(folder.path() + "/new_aan_pairs.train.tsv", "abcab", "ccd");
  write_pairs(folder.path() + "/new_aan_pairs.eval.tsv", "ab", "cd");
  write_pairs(folder.path() + "/new_aan_pairs.test.tsv", "dcba", "axb");
  RunOptions options = set_of("retrieval");
  options.dataset.folder = folder.path();
  const RunData all = load_data(options);
  CHECK(all.shape.vocabulary == 3 + 4);
  const RunData slow = load_data(options, test_part);  // a checkpoint of before: no vocabulary
  CHECK(same_items(slow.test, all.test));

  std::filesystem::remove(folder.path() + "/new_aan_pairs.train.tsv");
  std::filesystem::remove(folder.path() + "/new_aan_pairs.eval.tsv");
  const RunData test = load_data(options, {.train = false, .fit = all.fit});
  CHECK(same_items(test.test, all.test));
  check_network_sizes(test.shape, all.shape);
}

TEST_CASE("long_sequence data: with the run's statistics of speech only the test part is read") {
  const TemporaryFolder folder;
  longwave::Tensor<float, 2> clip(1, 10);
  int clips = 0;
  for (const std::string word : {"bed", "cat"}) {
    longwave::make_folders(folder / word);
    for (int i = 0; i < 6; ++i, ++clips) {
      for (index_t l = 0; l < 10; ++l) clip(0, l) = static_cast<float>((clips * 7 + l * l) % 13) / 32;
      longwave::write_wav<float>(folder / (word + "/" + std::to_string(i) + ".wav"), clip.view(), 16000);
    }
  }
  write_text(folder / "validation_list.txt", "bed/0.wav\ncat/1.wav\n");
  write_text(folder / "testing_list.txt", "bed/4.wav\ncat/5.wav\n");
  RunOptions options = set_of("speech");
  options.dataset.folder = folder.path();
  options.dataset.length = 10;
  for (const double dropped : {0.0, 0.3}) {
    options.dataset.dropped = dropped;
    const RunData all = load_data(options);
    CHECK(size_of(all.train) == 8);
    const RunData test = load_data(options, {.train = false, .fit = all.fit});
    CHECK(size_of(test.train) == 0);
    CHECK_FALSE(test.validation.has_value());
    CHECK(same_items(test.test, all.test));
    CHECK(test.fit == all.fit);
    check_network_sizes(test.shape, all.shape);
    CHECK(same_items(load_data(options, test_part).test, all.test));  // a checkpoint of before: no statistics
    Fit damaged = all.fit;
    damaged["positions"][3] = 'x';
    CHECK(error_text<longwave::ValueError>([&] { load_data(options, {.train = false, .fit = damaged}); }) ==
          "the checkpoint's statistics of speech are damaged");
    damaged["positions"].resize(16);
    CHECK(error_text<longwave::ValueError>([&] {
            load_data(options, {.train = false, .fit = damaged});
          }).find("of 1 positions, the data here has 10") != std::string::npos);
  }
}

TEST_CASE("long_sequence data: what a network must be like is known without the files") {
  for (const char* name : {"mnist1d", "adding", "copying", "delay", "reconstruct", "pathfinder", "listops"}) {
    INFO(name);
    RunOptions options = set_of(name);
    if (std::string(name) == "listops") options.dataset.items = 200;
    const std::optional<NetworkShape> known = known_shape(options);
    REQUIRE(known.has_value());
    check_network_sizes(*known, load_data(options).shape);
  }
  const TemporaryFolder folder;
  RunOptions options = set_of("bytes");
  options.dataset.folder = folder.path() + "/text";
  options.dataset.length = 10;
  write_text(options.dataset.folder, std::string(1000, 'a'));
  check_network_sizes(known_shape(options).value(), load_data(options).shape);
  CHECK(known_shape(set_of("audio"))->vocabulary == 256);
  CHECK(known_shape(set_of("smnist"))->length == 784);
  CHECK(known_shape(set_of("speech"))->outputs == 35);
  CHECK(known_shape(set_of("digits"))->variable);
  CHECK(known_shape(set_of("cifar"))->channels == 3);
  CHECK_FALSE(known_shape(set_of("text")).has_value());
  CHECK_FALSE(known_shape(set_of("retrieval")).has_value());
}
