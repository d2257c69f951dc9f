// mmd_permutation.hpp - is MMD^2 of two samples more than chance? The labels of the N = n + m points are permuted P
// times; p = (1 + how many of those values reach the observed one) / (1 + P)  (Gretton et al. 2012, section 8).
//
// The kernel does not change with the labels, so every pair is worked out once for all permutations: with a_p(i) = 1
// where point i counts as one of x,
//   S_xx = a' K a,   S_xy = a' r - S_xx,   S_yy = sum r - 2 a' r + S_xx,   r = K 1        (K without its diagonal)
// and a' K a for all p is the product of a tile of K with the tile's rows of a. x stands for the smaller sample: S_yy
// is a difference of sums over all pairs, whose rounding only vanishes among as many pairs of its own. Cost: 30 flops
// per pair for the kernel, twice (r goes over both halves of K), and 2 P for the product; memory N P bytes and O(N +
// P). On a device, where x and y lie, K is made 1024 rows at a time and multiplied by all labels at once: 4 P flops per
// pair, in tensor cores for double, and 1024 N numbers besides.
#pragma once

#include <vector>

#include "longwave/core/random.hpp"
#include "longwave/core/sum.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/ops/mmd.hpp"

namespace longwave {

struct PermutationTest {
  double mmd2 = 0;
  double p_value = 1;
  std::vector<double> permuted;  // MMD^2 under each permutation
};

namespace detail {

template <class T>
class PermutedSums {
 public:
  // z: the points of both samples, x first. labels (N, P).
  PermutedSums(TensorView<const T, 2> z, TensorView<const unsigned char, 2> labels, const RbfMixture& kernel)
      : points_(scratch_, z), kernel_(kernel, false), labels_(labels), P_(labels.size(1)) {
    const index_t blocks = (points_.n + impl::mmd_block - 1) / impl::mmd_block;
    Tensor<double, 2> quadratic(blocks, P_);
    row_sums.resize(static_cast<std::size_t>(points_.n));
    parallel_for((blocks + 1) / 2, [&](index_t b) {
      block(b, quadratic.view()[b]);
      if (blocks - 1 - b != b) block(blocks - 1 - b, quadratic.view()[blocks - 1 - b]);
    });
    inside.assign(static_cast<std::size_t>(P_), 0.0);
    for (index_t b = 0; b < blocks; ++b)
      for (index_t p = 0; p < P_; ++p) inside[static_cast<std::size_t>(p)] += 2 * quadratic(b, p);
  }

  std::vector<double> inside;    // a' K a by permutation
  std::vector<double> row_sums;  // r

 private:
  static constexpr index_t W = simd::width<T>, columns = 128, group = 4 * W;  // permutations side by side

  // The pairs i < j of one block of rows; sums[p] is assigned.
  void block(index_t b, TensorView<double, 1> sums) {
    const index_t begin = b * impl::mmd_block, end = std::min(points_.n, begin + impl::mmd_block);
    const index_t padded = (P_ + group - 1) / group * group;
    Scratch own;
    T* tile = own.take<T>(impl::mmd_block * columns);
    T* labels = own.take<T>(columns * group);
    double* products = own.take<double>(impl::mmd_block * padded);  // K a, row by row
    std::fill(products, products + impl::mmd_block * padded, 0.0);
    for (index_t i = begin; i < end; ++i) row_sums[static_cast<std::size_t>(i)] = row_sum(i);
    for (index_t at = begin / W * W; at < points_.n; at += columns) {
      fill_tile(tile, begin, end, at);
      for (index_t p = 0; p < P_; p += group) {
        fill_labels(labels, at, p);
        for (index_t i = 0; i < impl::mmd_block; i += 2)
          multiply(products + i * padded + p, padded, tile + i * columns, labels);
      }
    }
    for (index_t p = 0; p < P_; ++p) {
      double sum = 0;
      for (index_t i = begin; i < end; ++i)
        if (labels_(i, p) != 0) sum += products[(i - begin) * padded + p];
      sums(p) = sum;
    }
  }

  double row_sum(index_t i) const {
    simd::Lanes<T> value[1];
    double sum = 0;
    simd::Lanes<T> run = {};
    for (index_t j = 0; j < points_.n; j += W) {
      kernel_.lanes(value, points_.points + i * points_.d, points_, j);
      if (j + W > points_.n) value[0] = impl::mmd_masked<T>(value[0], j, 0, points_.n);
      if (i >= j && i < j + W) {
        T lanes[W];
        simd::store(lanes, value[0]);
        lanes[i - j] = T(0);
        value[0] = simd::load(lanes);
      }
      run += value[0];
      if ((j / W) % 64 == 63) {
        sum += impl::lanes_sum<T>(run);
        run = simd::Lanes<T>{};
      }
    }
    return sum + impl::lanes_sum<T>(run);
  }

  // k(i, at + c) for i < at + c < N, else 0: (mmd_block, columns).
  void fill_tile(T* tile, index_t begin, index_t end, index_t at) const {
    std::fill(tile, tile + impl::mmd_block * columns, T(0));
    for (index_t i = begin; i < end; ++i)
      for (index_t j = std::max(at, (i + 1) / W * W); j < std::min(points_.n, at + columns); j += W) {
        simd::Lanes<T> value[1];
        kernel_.lanes(value, points_.points + i * points_.d, points_, j);
        if (j <= i || j + W > points_.n) value[0] = impl::mmd_masked<T>(value[0], j, i + 1, points_.n);
        simd::store(tile + (i - begin) * columns + j - at, value[0]);
      }
  }

  void fill_labels(T* to, index_t at, index_t p) const {
    for (index_t c = 0; c < columns; ++c)
      for (index_t q = 0; q < group; ++q)
        to[c * group + q] = at + c < points_.n && p + q < P_ ? static_cast<T>(labels_(at + c, p + q)) : T(0);
  }

  // Two rows of the tile times (columns, group) labels.
  static void multiply(double* to, index_t stride, const T* tile, const T* labels) {
    simd::Lanes<T> sum[2][4] = {};
    for (index_t c = 0; c < columns; ++c)
      for (int q = 0; q < 4; ++q) {
        const simd::Lanes<T> label = simd::load(labels + c * group + q * W);
        for (int r = 0; r < 2; ++r) sum[r][q] += tile[r * columns + c] * label;
      }
    for (int r = 0; r < 2; ++r)
      for (int q = 0; q < 4; ++q)
        for (int l = 0; l < W; ++l) to[r * stride + q * W + l] += static_cast<double>(sum[r][q][l]);
  }

  Scratch scratch_;
  impl::MmdPoints<T> points_;
  impl::MmdKernel<T> kernel_;
  TensorView<const unsigned char, 2> labels_;
  index_t P_;
};

// The same where z and the labels, 0 or 1, are on the device.
template <class T>
struct PermutedSumsOnDevice {
  static constexpr index_t strip = 1024;  // rows of K at a time: whole tiles
  std::vector<double> inside, row_sums;

  PermutedSumsOnDevice(TensorView<const T, 2, Cuda> z, TensorView<const T, 2, Cuda> labels, const RbfMixture& kernel)
      : inside(static_cast<std::size_t>(labels.size(1))) {
    const index_t N = z.size(0), P = labels.size(1), strips = (N + strip - 1) / strip, rows = std::min(N, strip);
    Tensor<T, 3, Cuda> K(1, rows, N), products(1, rows, P);
    Tensor<T, 2, Cuda> sums(N, 1), quadratic(strips, P);
    for (index_t s = 0; s < strips; ++s) {
      const index_t begin = s * strip, end = std::min(N, begin + strip);
      const auto part = K.view().slice(1, 0, end - begin), product = products.view().slice(1, 0, end - begin);
      cuda::mmd_kernel_rows(part[0], z, begin, kernel);
      sum_to(sums.view().slice(0, begin, end), 1.0, Itself(), TensorView<const T, 2, Cuda>(part[0]));
      cuda::gemm<T>(product, part, TensorView<const T, 3, Cuda>(labels.data(), Extents<3>{1, N, P}), false);
      sum_to(quadratic.view().slice(0, s, s + 1), 1.0, Times(), TensorView<const T, 2, Cuda>(product[0]),
             labels.slice(0, begin, end));
    }
    const Tensor<T, 2> r = cuda::to_host(sums), q = cuda::to_host(quadratic);
    row_sums.assign(r.data(), r.data() + N);
    for (index_t s = 0; s < strips; ++s)
      for (index_t p = 0; p < P; ++p) inside[static_cast<std::size_t>(p)] += static_cast<double>(q(s, p));
  }
};

inline void check_permutation_test(const Extents<2>& x, const Extents<2>& y, index_t permutations) {
  if (x[1] != y[1] || x[0] < 2 || y[0] < 2)
    throw_shape_error("mmd_permutation_test: x is " + to_string(x, "nd") + ", y is " + to_string(y, "md") +
                      "; both need two points of the same d");
  if (permutations < 1) throw_value_error("mmd_permutation_test: at least one permutation is needed");
}

// (n + m, P + 1): one where a point counts as one of the smaller sample; the last column: as observed. The first n of
// an order are x.
inline Tensor<unsigned char, 2> permuted_labels(index_t n, index_t m, index_t permutations, std::uint64_t seed) {
  Tensor<unsigned char, 2> labels(n + m, permutations + 1);
  Tensor<index_t, 1> order(n + m);
  Generator gen(seed);
  const index_t begin = n <= m ? 0 : n, end = n <= m ? n : n + m;
  for (index_t p = 0; p < permutations; ++p) {
    gen.permutation(order.view());
    for (index_t i = begin; i < end; ++i) labels(order(i), p) = 1;
  }
  for (index_t i = begin; i < end; ++i) labels(i, permutations) = 1;
  return labels;
}

// labelled: points of the smaller sample. epsilon: of the numbers that were added up.
template <class Sums>
PermutationTest permutation_test(const Sums& sums, TensorView<const unsigned char, 2> labels, index_t labelled,
                                 const RbfMixture& kernel, MmdForm form, double epsilon) {
  const index_t N = labels.size(0), permutations = labels.size(1) - 1;
  const MmdFactors factor(labelled, N - labelled, kernel.at_zero(), form);
  double all = 0;
  for (const double r : sums.row_sums) all += r;
  const auto value = [&](index_t p) {
    double row_sums = 0;  // a' r
    for (index_t i = 0; i < N; ++i)
      if (labels(i, p) != 0) row_sums += sums.row_sums[static_cast<std::size_t>(i)];
    const double xx = sums.inside[static_cast<std::size_t>(p)];
    return factor.xx * xx + factor.yy * (all - 2 * row_sums + xx) + factor.xy * (row_sums - xx) + factor.constant;
  };
  PermutationTest test;
  test.mmd2 = value(permutations);
  // Values that are equal but for the order of their sums count as equal.
  const double rounding = 1e3 * epsilon * std::abs(kernel.at_zero());
  index_t reached = 0;
  for (index_t p = 0; p < permutations; ++p) {
    test.permuted.push_back(value(p));
    reached += test.permuted.back() >= test.mmd2 - rounding ? 1 : 0;
  }
  test.p_value = static_cast<double>(1 + reached) / static_cast<double>(1 + permutations);
  return test;
}

}  // namespace detail

template <class T>
PermutationTest mmd_permutation_test(TensorView<const T, 2> x, std::type_identity_t<TensorView<const T, 2>> y,
                                     const RbfMixture& kernel, index_t permutations = 200, std::uint64_t seed = 42,
                                     MmdForm form = MmdForm::unbiased) {
  detail::check_permutation_test(x.sizes(), y.sizes(), permutations);
  const index_t n = x.size(0), m = y.size(0);
  auto z = Tensor<T, 2>::uninitialized({n + m, x.size(1)});
  for (index_t i = 0; i < n + m; ++i)
    for (index_t k = 0; k < x.size(1); ++k) z(i, k) = i < n ? x(i, k) : y(i - n, k);
  const Tensor<unsigned char, 2> labels = detail::permuted_labels(n, m, permutations, seed);
  const detail::PermutedSums<T> sums(z.view(), labels.view(), kernel);
  return detail::permutation_test(sums, labels.view(), std::min(n, m), kernel, form, std::numeric_limits<T>::epsilon());
}

// The same permutations, on the device; waits for it.
template <class T>
PermutationTest mmd_permutation_test(TensorView<const T, 2, Cuda> x,
                                     std::type_identity_t<TensorView<const T, 2, Cuda>> y, const RbfMixture& kernel,
                                     index_t permutations = 200, std::uint64_t seed = 42,
                                     MmdForm form = MmdForm::unbiased) {
  detail::check_permutation_test(x.sizes(), y.sizes(), permutations);
  const index_t n = x.size(0), m = y.size(0);
  Tensor<T, 2, Cuda> z(n + m, x.size(1));
  copy(z.view().slice(0, 0, n), x);
  copy(z.view().slice(0, n, n + m), y);
  const Tensor<unsigned char, 2> labels = detail::permuted_labels(n, m, permutations, seed);
  Tensor<T, 2> numbers(labels.sizes());
  for (index_t i = 0; i < labels.count(); ++i) numbers.data()[i] = static_cast<T>(labels.data()[i]);
  const Tensor<T, 2, Cuda> there = cuda::to_device(numbers);
  const detail::PermutedSumsOnDevice<T> sums(z.view(), there.view(), kernel);
  return detail::permutation_test(sums, labels.view(), std::min(n, m), kernel, form, std::numeric_limits<T>::epsilon());
}

}  // namespace longwave
