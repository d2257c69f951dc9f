#include "longwave/data/cifar10.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// n records: labels 0, 1, .., planes of value 10 i, 10 i + 1, 10 i + 2, but the first pixel of red is 255.
std::string records(int n, int first = 0) {
  std::string out;
  for (int i = first; i < first + n; ++i) {
    out += static_cast<char>(i % 10);
    for (int c = 0; c < 3; ++c) out += std::string(1024, static_cast<char>(10 * i + c));
    out[out.size() - 3072] = '\xff';
  }
  return out;
}

}  // namespace

TEST_CASE("cifar10: the binary version, planes and labels") {
  const std::string content = records(2);
  const Cifar10 data = read_cifar10_batch(as_bytes(content), "b.bin");
  CHECK(data.size() == 2);
  CHECK(data.image(1, 0, 0) == 255);
  CHECK(data.image(1, 2, 1023) == 12);
  CHECK(data.y(1) == 1);
}

TEST_CASE("cifar10: a folder's files one after the other, itself or inside") {
  const TemporaryFolder folder;
  make_folders(folder / "cifar-10-batches-bin");
  for (int i = 1; i <= 5; ++i)
    write_text(folder / ("cifar-10-batches-bin/data_batch_" + std::to_string(i) + ".bin"), records(i, i));
  const Cifar10 train = read_cifar10(folder.path(), Cifar10Part::train);
  CHECK(train.size() == 15);
  CHECK(train.y(14) == 9);
  CHECK(read_cifar10(folder / "cifar-10-batches-bin", Cifar10Part::train).size() == 15);
  CHECK(contains(error_text<IoError>([&] { read_cifar10(folder.path(), Cifar10Part::test); }),
                 "test_batch.bin: cannot open it"));
}

TEST_CASE("cifar10: damage is refused with its place") {
  const auto refuses = [](const std::string& content, const std::string& part) {
    const std::string text = error_text<IoError>([&] { read_cifar10_batch(as_bytes(content), "b.bin"); });
    INFO(text);
    CHECK(contains(text, part));
  };
  refuses("", "b.bin: holds 0 bytes, no multiple of the 3073");
  refuses(records(2) + "x", "holds 6147 bytes");
  std::string wrong = records(2);
  wrong[3073] = 10;
  refuses(wrong, "b.bin (offset 3073): the label of image 1 is 10, expected 0 to 9");
}

TEST_CASE("cifar10: gray is the weighted sum, rounded") {
  for (int r = 0; r < 256; r += 15)
    for (int g = 0; g < 256; g += 5)
      for (int b = 0; b < 256; b += 17) {
        const double sum = 0.299 * r + 0.587 * g + 0.114 * b;
        const int gray =
            gray_of(static_cast<std::uint8_t>(r), static_cast<std::uint8_t>(g), static_cast<std::uint8_t>(b));
        REQUIRE(std::abs(gray - sum) < 0.502);  // the weights are rounded to 2^-17
      }
  CHECK(gray_of(255, 255, 255) == 255);
}

TEST_CASE("cifar10: as numbers, normalised per channel, in any order") {
  const std::string content = records(3);
  const Cifar10 data = read_cifar10_batch(as_bytes(content), "b.bin");
  const Dataset<double> rgb = cifar10_dataset<double>(data),
                        small = cifar10_dataset<double>(data, {.small_program = true});
  check_dataset(rgb);
  CHECK(rgb.x.sizes() == Extents<3>{3, 3, 1024});
  CHECK(rgb.x(2, 1, 7) == Approx((21 / 255.0 - .4822) / .243).epsilon(1e-15));
  CHECK(small.x(2, 2, 7) == Approx((22 / 255.0 - .4465) / .2010).epsilon(1e-15));
  const Dataset<double> gray = cifar10_dataset<double>(data, {.gray = true});
  CHECK(gray.x.sizes() == Extents<3>{3, 1, 1024});
  CHECK(gray.x(2, 0, 7) == Approx((21 - 122.6) / 61).epsilon(1e-15));
  const Dataset<double> snake = cifar10_dataset<double>(data, {.order = ImageOrder::transpose});
  CHECK(snake.x(0, 0, 0) == rgb.x(0, 0, 0));
  CHECK(snake.x(0, 0, 32) == rgb.x(0, 0, 1));
  const CropFlip augmentation = cifar10_augmentation();
  CHECK(augmentation.border.size() == 3);
  CHECK(augmentation.border[2] == Approx(-.4465 / .261).epsilon(1e-15));
}

TEST_CASE("cifar10: as bytes") {
  const std::string content = records(2);
  const Cifar10 data = read_cifar10_batch(as_bytes(content), "b.bin");
  const TokenSet gray = cifar10_tokens(data, {.gray = true}), rgb = cifar10_tokens(data);
  check_sequences(gray);
  check_sequences(rgb);
  CHECK(gray.sequence(1)(0, 5) == gray_of(10, 11, 12));
  CHECK(rgb.sequence(1).sizes() == Extents<2>{3, 1024});
  CHECK(rgb.sequence(1)(2, 5) == 12);
}

TEST_CASE("cifar10: arrays with pixels last") {
  const TemporaryFolder folder;
  const std::string images = folder / "x.npy", labels = folder / "y.npy";
  Tensor<std::uint8_t, 4> x(1, 32, 32, 3);
  Tensor<std::uint8_t, 1> y(1);
  x(0, 1, 2, 0) = 7;
  x(0, 1, 2, 2) = 9;
  y(0) = 4;
  write_npy(images, x);
  write_npy(labels, y);
  const Cifar10 data = read_cifar10_arrays(images, labels);
  CHECK(data.image(0, 0, 34) == 7);
  CHECK(data.image(0, 2, 34) == 9);
  CHECK(data.y(0) == 4);
  y(0) = 11;
  write_npy(labels, y);
  CHECK(
      contains(error_text<IoError>([&] { read_cifar10_arrays(images, labels); }), "y.npy: the label of image 0 is 11"));
  write_npy(labels, Tensor<std::uint8_t, 1>(2));
  CHECK(contains(error_text<ShapeError>([&] { read_cifar10_arrays(images, labels); }), "1 images but 2 labels"));
  write_npy(images, Tensor<std::uint8_t, 4>(1, 3, 32, 32));
  CHECK(contains(error_text<ShapeError>([&] { read_cifar10_arrays(images, labels); }), "expected (n, 32, 32, 3)"));
}

TEST_CASE("cifar10: the first 2000 training images, where LONGWAVE_DATA names their folder") {
  const char* root = std::getenv("LONGWAVE_DATA");
  const std::string folder = root == nullptr ? "" : std::string(root) + "/cifar10";
  if (folder.empty() || !file_exists(folder)) {
    WARN("LONGWAVE_DATA names no folder with cifar10 in it: skipped");
    return;
  }
  const Cifar10 data = read_cifar10_arrays(folder + "/rgb_lossless_2000.npy", folder + "/rgb_lossless_2000_labels.npy");
  CHECK(data.size() == 2000);
  CHECK(std::string(cifar10_classes[data.y(0)]) == "frog");
  // The constants are the whole set's mean and deviation, so a part of it is near 0 and 1.
  for (const bool gray : {false, true}) {
    const Dataset<float> set = cifar10_dataset<float>(data, {.gray = gray});
    double sum = 0, squares = 0;
    for (index_t i = 0; i < set.x.count(); ++i) {
      sum += double(set.x.data()[i]);
      squares += double(set.x.data()[i]) * double(set.x.data()[i]);
    }
    const double mean = sum / static_cast<double>(set.x.count());
    CHECK(std::abs(mean) < 0.05);
    CHECK(std::sqrt(squares / static_cast<double>(set.x.count()) - mean * mean) == Approx(1).epsilon(0.05));
  }
}
