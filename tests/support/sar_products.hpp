// sar_products.hpp - small radar products of known numbers, for tests of data/sar_product.hpp and data/sar_batches.hpp.
#pragma once

#include <cmath>
#include <string>
#include <utility>

#include "longwave/data/sar_product.hpp"

namespace longwave::test {

// Exact in float: rc (100 i + j, -i), az (i - j, 8 j).
inline complex<float> rc_sample(index_t i, index_t j) {
  return {static_cast<float>(100 * i + j), static_cast<float>(-i)};
}
inline complex<float> az_sample(index_t i, index_t j) { return {static_cast<float>(i - j), static_cast<float>(8 * j)}; }

template <class Sample>
void write_array(const std::string& folder, index_t H, index_t W, Sample sample, int version = 2) {
  Tensor<complex<float>, 2> x(H, W);
  for (index_t i = 0; i < H; ++i)
    for (index_t j = 0; j < W; ++j) x(i, j) = sample(i, j);
  ZarrArray array = ZarrArray::create(
      folder, {.shape = {H, W}, .chunks = {5, 3}, .dtype = DType::c64, .version = version, .overwrite = true});
  array.write(x.view(), {0, 0});
}

inline void write_product(const std::string& folder, index_t H, index_t W, int version = 2) {
  ZarrGroup::create(folder, version);
  write_array(folder + "/rc", H, W, rc_sample, version);
  write_array(folder + "/az", H, W, az_sample, version);
}

inline SarSampling small_sampling() {
  SarSampling s;
  s.patch_rows = 6;
  s.buffer_rows = 2;
  s.buffer_columns = 1;
  s.stride_rows = 4;
  s.shuffle = false;
  return s;
}

inline float unit(float v, float range) { return (v + range) / (2 * range); }

// Whether x and target hold the product's columns from (row, column) on.
inline bool as_stored(TensorView<const float, 3> x, TensorView<const float, 3> target, SarPatch at) {
  bool all = true;
  for (index_t c = 0; c < x.size(0); ++c)
    for (index_t i = 0; i < x.size(1); ++i) {
      const complex<float> rc = rc_sample(at.row + i, at.column + c), az = az_sample(at.row + i, at.column + c);
      all = all && std::abs(x(c, i, 0) - unit(rc.re, 3000)) < 1e-6f &&
            std::abs(x(c, i, 1) - unit(rc.im, 3000)) < 1e-6f &&
            x(c, i, 2) == static_cast<float>(static_cast<double>(at.column + c + 1) / 20000) &&
            std::abs(target(c, i, 0) - unit(az.re, 12000)) < 1e-6f &&
            std::abs(target(c, i, 1) - unit(az.im, 12000)) < 1e-6f;
    }
  return all;
}

using Place = std::pair<index_t, index_t>;  // row, column

}  // namespace longwave::test
