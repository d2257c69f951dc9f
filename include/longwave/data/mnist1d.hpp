// mnist1d.hpp - MNIST-1D (Greydanus and Kobak 2024) from a folder of npy files: x, y, x_test, y_test.
#pragma once

#include <string>

#include "longwave/data/dataset.hpp"
#include "longwave/io/npy.hpp"

namespace longwave {

enum class Mnist1dPart { train, test };

// x (n, 1, 40) as the authors use it, without scaling; y 0 .. 9.
template <class T = float>
Dataset<T> read_mnist1d(const std::string& folder, Mnist1dPart part) {
  const std::string ending = part == Mnist1dPart::train ? ".npy" : "_test.npy";
  Dataset<T> data{part == Mnist1dPart::train ? "MNIST-1D (train)" : "MNIST-1D (test)", {}, {}, 10};
  const Tensor<T, 2> x = read_npy<T, 2>(folder + "/x" + ending);
  data.x = detail::dense_copy(x.view().reshape(Extents<3>{x.size(0), 1, x.size(1)}));
  data.y = read_npy<index_t, 1>(folder + "/y" + ending);
  check_dataset(data);
  return data;
}

}  // namespace longwave
