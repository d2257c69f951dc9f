#include "longwave/data/mnist1d.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("mnist1d: a folder of npy files becomes sequences of one channel") {
  const TemporaryFolder folder;
  auto x = random<float>(Extents<2>{3, 40});
  Tensor<std::uint8_t, 1> y(3);
  y(2) = 9;
  write_npy(folder / "x.npy", x);
  write_npy(folder / "y.npy", y);
  const auto data = read_mnist1d(folder.path(), Mnist1dPart::train);
  CHECK(data.x.sizes() == Extents<3>{3, 1, 40});
  CHECK(data.x(2, 0, 39) == x(2, 39));
  CHECK(data.y(2) == 9);
  CHECK(data.classes == 10);
  CHECK(contains(error_text<IoError>([&] { read_mnist1d(folder.path(), Mnist1dPart::test); }),
                 "x_test.npy: cannot open it"));
  x(1, 7) = NAN;
  write_npy(folder / "x.npy", x);
  CHECK(contains(error_text<ValueError>([&] { read_mnist1d(folder.path(), Mnist1dPart::train); }),
                 "MNIST-1D (train): x: the value at (1, 0, 7) is nan"));
}

TEST_CASE("mnist1d: the shipped files are the authors' set") {
  // The folder examples/data/mnist1d of the sources, found from this file.
  const std::string here = __FILE__;
  const std::string folder = here.substr(0, here.rfind("tests/data/")) + "examples/data/mnist1d";
  if (!file_exists(folder + "/x.npy")) {
    WARN("the sources' examples are not where this test was compiled: skipped");
    return;
  }
  const auto train = read_mnist1d<double>(folder, Mnist1dPart::train),
             test = read_mnist1d<double>(folder, Mnist1dPart::test);
  CHECK(train.x.sizes() == Extents<3>{4000, 1, 40});
  CHECK(test.x.sizes() == Extents<3>{1000, 1, 40});
  const auto [low, high] = std::minmax_element(train.x.data(), train.x.data() + train.x.count());
  CHECK(*low == Approx(-5.4794).margin(1e-4));
  CHECK(*high == Approx(4.5335).margin(1e-4));
}
