// Options of long_sequence's data sets: augmented images, forms of spoken words.
#include "check.hpp"
#include "files.hpp"
#include "long_sequence/backend.hpp"
#include "long_sequence/datasets.hpp"
#include "longwave/data/speech.hpp"
#include "losses.hpp"

using namespace longwave::examples;
using namespace longwave::test;
using longwave::Extents;
using longwave::Generator;
using longwave::index_t;
using longwave::Tensor;
using longwave::TensorView;
using longwave::TokenSet;
using longwave::ValueError;

namespace {

// Ten records of the binary version, all parts alike.
void write_images(const std::string& folder) {
  std::string records;
  for (int i = 0; i < 10; ++i) {
    records += static_cast<char>(i);
    for (int p = 0; p < 3072; ++p) records += static_cast<char>((7 * i + 3 * p + p / 32) % 251);
  }
  for (const char* name : {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"})
    write_text(folder + "/" + name + ".bin", records);
  write_text(folder + "/test_batch.bin", records);
}

RunOptions images(const TemporaryFolder& folder) {
  write_images(folder.path());
  RunOptions options;
  options.dataset.name = "cifar";
  options.dataset.folder = folder.path();
  return options;
}

std::vector<float> values(const HostBatch& batch) {
  const TensorView<const float, 1> x = batch.input.x.flat();
  return {x.data(), x.data() + x.size(0)};
}

BatchOptions batches_of(const RunData& data) { return {.batch = 8, .augmentation = data.augmentation}; }

// n samples of a sound that is no other's.
void sound(const std::string& path, index_t n, int number) {
  Tensor<float, 2> samples(1, n);
  for (index_t l = 0; l < n; ++l)
    samples(0, l) = 0.5f * std::sin(0.01f * static_cast<float>((l + 1) * number)) / static_cast<float>(1 + l % 3);
  longwave::make_folders(path.substr(0, path.rfind('/')));
  longwave::write_wav<float>(path, samples.view(), 16000);
}

RunOptions words(const TemporaryFolder& folder, index_t length) {
  RunOptions options;
  options.dataset.name = "speech";
  options.dataset.folder = folder.path();
  options.dataset.length = length;
  return options;
}

const longwave::SequenceSet<float, index_t>& numbers(const Part& part) { return std::get<0>(part); }

}  // namespace

TEST_CASE("long_sequence cifar: what is drawn for a batch is a function of seed, epoch and batch") {
  const TemporaryFolder folder;
  RunOptions options = images(folder);
  const RunData plain = load_data(options);
  CHECK_FALSE(plain.augmentation);
  options.dataset.crop = 4;
  options.dataset.flip = true;
  const RunData data = load_data(options);
  CHECK(numbers(data.train).values == numbers(plain.train).values);
  REQUIRE(data.augmentation);
  options.dataset.example_scale = true;
  const RunData scaled = load_data(options);
  const auto deviations = static_cast<double>(numbers(scaled.train).values[7] / numbers(plain.train).values[7]);
  CHECK(deviations == Approx(.247 / .2023).epsilon(1e-5));

  const auto first = make_batches(data.train, batches_of(data), Generator(3, 2)),
             resumed = make_batches(data.train, batches_of(data), Generator(3, 2)),
             other = make_batches(data.train, batches_of(data), Generator(4, 2)),
             unchanged = make_batches(data.train, batches_of(plain), Generator(3, 2));
  for (const auto* batches : {&first, &other, &unchanged}) (*batches)->start_epoch(1);
  for (index_t i = 0; i < 4; ++i) first->batch(i);
  const std::vector<float> fifth = values(first->batch(4));
  resumed->start_epoch(1);
  CHECK(values(resumed->batch(4)) == fifth);
  CHECK(values(first->batch(4)) == fifth);
  CHECK(values(other->batch(4)) != fifth);
  CHECK(values(unchanged->batch(4)) != fifth);
  CHECK(values(first->batch(3)) != fifth);

  // The same images in the same order of epoch 2 would be moved otherwise: with one item per batch, look for it.
  const auto single =
      make_batches(data.train, {.batch = 1, .shuffle = false, .augmentation = data.augmentation}, Generator(3, 2));
  single->start_epoch(1);
  const std::vector<float> one = values(single->batch(7));
  single->start_epoch(2);
  CHECK(values(single->batch(7)) != one);
}

TEST_CASE("long_sequence cifar: a run with moved images goes on from a checkpoint with the same numbers") {
  const TemporaryFolder folder;
  RunOptions options = images(folder);
  options.dataset.crop = 4;
  options.dataset.flip = true;
  options.dataset.gray = true;
  options.model.d_model = options.model.d_state = 4;
  options.model.n_layers = 1;
  options.loader.batch = 16;  // three batches to an epoch
  options.trainer.epochs = 2;
  const RunData data = load_data(options);
  const auto whole = backend_of({}).make_trainer(options, "{}", data),
             resumed = backend_of({}).make_trainer(options, "{}", data);
  const std::vector<double> all = losses(*whole, 6);
  const auto part = backend_of({}).make_trainer(options, "{}", data);
  losses(*part, 4);
  part->save(folder / "run.safetensors");
  resumed->load(longwave::Checkpoint(folder / "run.safetensors"));
  CHECK(losses(*resumed, 2) == std::vector<double>(all.begin() + 4, all.end()));
}

TEST_CASE("long_sequence cifar: pixels in another order, and bytes, are moved alike") {
  const TemporaryFolder folder;
  RunOptions options = images(folder);
  options.dataset.crop = 3;
  options.dataset.gray = true;
  const auto batch = [&](const RunData& data) {
    auto batches = make_batches(data.train, batches_of(data), Generator(3, 2));
    batches->start_epoch(0);
    return batches;
  };
  const RunData rows = load_data(options);
  options.dataset.permutation = "hilbert";
  const RunData curve = load_data(options);
  options.dataset.permutation = "none";
  options.dataset.tokens = true;
  const RunData tokens = load_data(options);
  const auto a = batch(rows), b = batch(curve), c = batch(tokens);
  const TensorView<const float, 3> x = a->batch(2).input.x, y = b->batch(2).input.x;
  const TensorView<const index_t, 2> z = c->batch(2).input.tokens;
  const auto order = longwave::image_order(longwave::ImageOrder::hilbert, 32, 32);
  bool same_pixels = true, same_bytes = true;
  for (index_t i = 0; i < 8; ++i)
    for (index_t l = 0; l < 1024; ++l) {
      same_pixels &= y(i, 0, l) == x(i, 0, order[static_cast<std::size_t>(l)]);
      same_bytes &= std::abs(static_cast<double>(x(i, 0, l)) * 61 + 122.6 - static_cast<double>(z(i, l))) < 1e-3;
    }
  CHECK(same_pixels);
  CHECK(same_bytes);
}

TEST_CASE("long_sequence tasks: fresh items are a function of seed and epoch, and never those of the test part") {
  for (const char* name : {"adding", "copying", "delay", "reconstruct"}) {
    INFO(name);
    RunOptions options;
    options.dataset.name = name;
    options.dataset.length = 40;
    options.dataset.items = 30;
    options.dataset.limit = 24;
    const RunData fixed = load_data(options);
    CHECK_FALSE(fixed.fresh);
    options.dataset.fresh = true;
    const RunData data = load_data(options);
    const auto first_batch = [](const RunData& from, index_t epoch) {
      const auto batches = make_batches(from.train, {.batch = 24, .shuffle = false, .fresh = from.fresh}, Generator(1));
      for (index_t e = 0; e <= epoch; e += std::max<index_t>(1, epoch)) batches->start_epoch(e);
      const HostBatch batch = batches->batch(0);
      CHECK(batch.items == 24);
      std::vector<double> out;
      if (batch.input.tokens.data() != nullptr)
        for (index_t i = 0; i < batch.input.tokens.count(); ++i)
          out.push_back(static_cast<double>(batch.input.tokens.flat()(i)));
      else
        for (index_t i = 0; i < batch.input.x.count(); ++i) out.push_back(static_cast<double>(batch.input.x.flat()(i)));
      return out;
    };
    CHECK(first_batch(data, 0) == first_batch(fixed, 0));
    CHECK(first_batch(fixed, 3) == first_batch(fixed, 0));
    CHECK(first_batch(data, 3) != first_batch(fixed, 3));
    CHECK(first_batch(data, 3) != first_batch(data, 2));
    CHECK(first_batch(data, 3) == first_batch(load_data(options), 3));
    CHECK(size_of(data.fresh(3)) == 24);
  }
}

TEST_CASE("long_sequence speech: ten words, coefficients, dropped samples") {
  const TemporaryFolder folder;
  int number = 1;
  for (const std::string& word : longwave::speech_commands_ten)
    for (int i = 0; i < 7; ++i) sound(folder / (word + "/" + std::to_string(i) + ".wav"), 400, number++);
  sound(folder / "yes/short.wav", 300, 5);
  RunOptions options = words(folder, 400);
  options.dataset.words = "ten";
  const RunData data = load_data(options);
  CHECK(data.classes == longwave::speech_commands_ten);
  CHECK(size_of(data.train) == 50);
  CHECK(size_of(*data.validation) == 10);
  CHECK(size_of(data.test) == 10);
  CHECK(data.shape.channels == 1);
  CHECK(data.shape.length == 400);

  options.dataset.mfcc = true;
  const RunData coefficients = load_data(options);
  CHECK(coefficients.shape.channels == 20);
  CHECK(coefficients.shape.length == 5);
  double sum = 0, squares = 0;  // every coefficient and frame is standardised by the training part
  for (index_t s = 0; s < 50; ++s) {
    const double v = static_cast<double>(numbers(coefficients.train).sequence(s)(3, 2));
    sum += v;
    squares += v * v;
  }
  CHECK(sum / 50 == Approx(0).margin(1e-4));
  CHECK(squares / 49 == Approx(1).epsilon(1e-3));

  options.dataset.mfcc = false;
  options.dataset.dropped = 0.25;
  const RunData dropped = load_data(options);
  CHECK(dropped.shape.channels == 2);
  for (const Part* part : {&dropped.train, &*dropped.validation, &dropped.test}) {
    const auto x = numbers(*part).sequence(0);
    index_t there = 0;
    bool zero = true;
    for (index_t l = 0; l < 400; ++l) {
      there += x(1, l) == 1 ? 1 : 0;
      zero &= x(1, l) == 1 || x(0, l) == 0;
    }
    CHECK(there == 300);
    CHECK(zero);
  }
  CHECK(numbers(dropped.test).sequence(0)(1, 0) >= 0);
  CHECK(numbers(load_data(options).train).values == numbers(dropped.train).values);
}

TEST_CASE("long_sequence speech: the second division by 2^15 leaves small amplitudes") {
  const TemporaryFolder folder;
  int number = 1;
  for (const char* word : {"bed", "cat"})
    for (int i = 0; i < 6; ++i) sound(folder / (std::string(word) + "/" + std::to_string(i) + ".wav"), 40, number++);
  write_text(folder / "validation_list.txt", "bed/0.wav\ncat/0.wav\n");
  write_text(folder / "testing_list.txt", "bed/1.wav\ncat/1.wav\n");
  RunOptions options = words(folder, 50);
  const RunData data = load_data(options);
  CHECK(data.classes == std::vector<std::string>{"bed", "cat"});
  CHECK(size_of(data.train) == 8);
  options.dataset.divide_again = true;
  const RunData twice = load_data(options);
  const float once_l = numbers(data.train).sequence(1)(0, 11), twice_l = numbers(twice.train).sequence(1)(0, 11);
  CHECK(std::abs(twice_l) < 0.7f * std::abs(once_l));
  CHECK(once_l * twice_l > 0);
}

TEST_CASE("long_sequence data: options that the set does not look at are refused") {
  const auto refused = [](auto&& change) {
    RunOptions options;
    change(options);
    return error_text<ValueError>([&] { check(options); });
  };
  CHECK(contains(refused([](RunOptions& o) { o.dataset.crop = 4; }), "dataset.crop is an option of cifar"));
  CHECK(contains(refused([](RunOptions& o) { o.dataset.flip = true; }), "dataset.flip is an option of cifar"));
  CHECK(contains(refused([](RunOptions& o) { o.dataset.example_scale = true; }), "dataset.example_scale is an option"));
  CHECK(contains(refused([](RunOptions& o) { o.dataset.mfcc = true; }), "dataset.mfcc is an option of speech"));
  CHECK(contains(refused([](RunOptions& o) { o.dataset.words = "ten"; }), "dataset.words is an option of speech"));
  CHECK(contains(refused([](RunOptions& o) { o.dataset.dropped = 0.1; }), "dataset.dropped is an option of speech"));
  CHECK(contains(refused([](RunOptions& o) { o.dataset.fresh = true; }), "dataset.fresh is an option of adding"));
  CHECK(
      contains(refused([](RunOptions& o) { o.dataset.divide_again = true; }), "dataset.divide_again is an option of"));
  CHECK(contains(refused([](RunOptions& o) {
                   o.dataset.name = "cifar";
                   o.dataset.flip = true;
                   o.dataset.subsample = 2;
                 }),
                 "dataset.subsample leaves no image"));
}
