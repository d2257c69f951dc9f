// random.hpp - random numbers as a pure function of (seed, stream, draw, index): Philox4x32-10 (Salmon et al. 2011,
// "Parallel random numbers: as easy as 1, 2, 3") from Random123. The same numbers for any thread count or device.
//
// One Philox call turns a key (the 64-bit seed) and a counter into four 32-bit words. The counter's words are
//   [0], [1]  index of the group of four words within the draw
//   [2]       draw: how many fills this generator has made
//   [3]       stream: which generator of the seed
// so generators of different streams never meet, and fill number d does not depend on how long earlier fills were.
#pragma once

#include <Random123/philox.h>

#include <cmath>
#include <cstdint>
#include <numbers>
#include <utility>

#include "longwave/core/config.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/core/view.hpp"
#include "longwave/cuda/random.hpp"

namespace longwave {

struct PhiloxKey {  // plain data, passed by value into kernels
  std::uint64_t seed;
  std::uint32_t stream;
  std::uint32_t draw;
};

struct PhiloxWords {
  std::uint32_t word[4];
};

LONGWAVE_HD inline PhiloxWords philox(PhiloxKey key, std::uint64_t index) {
  const r123::Philox4x32::ctr_type counter = {
      {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), key.draw, key.stream}};
  const r123::Philox4x32::key_type seed = {
      {static_cast<std::uint32_t>(key.seed), static_cast<std::uint32_t>(key.seed >> 32)}};
  const r123::Philox4x32::ctr_type words = r123::Philox4x32()(counter, seed);
  return {{words.v[0], words.v[1], words.v[2], words.v[3]}};
}

namespace detail {

// In (0, 1): the middle of one of 2^23 (float) or 2^52 (double) equal intervals, so never 0 and never 1.
template <class T>
LONGWAVE_HD T unit_interval(const PhiloxWords& words, int i);

template <>
LONGWAVE_HD inline float unit_interval<float>(const PhiloxWords& words, int i) {
  return (static_cast<float>(words.word[i] >> 9) + 0.5f) * 0x1p-23f;
}
template <>
LONGWAVE_HD inline double unit_interval<double>(const PhiloxWords& words, int i) {
  const std::uint64_t bits = (std::uint64_t(words.word[2 * i]) << 32 | words.word[2 * i + 1]) >> 12;
  return (static_cast<double>(bits) + 0.5) * 0x1p-52;
}

__extension__ using uint128 = unsigned __int128;

template <class T>
inline constexpr int per_group = 16 / sizeof(T);  // numbers from one Philox call

}  // namespace detail

// per_group uniform numbers in (0, 1): elements per_group*index .. of the draw.
template <class T>
LONGWAVE_HD void philox_uniform(T* out, PhiloxKey key, std::uint64_t index) {
  const PhiloxWords words = philox(key, index);
  for (int i = 0; i < detail::per_group<T>; ++i) out[i] = detail::unit_interval<T>(words, i);
}

// The same for the standard normal distribution (Box-Muller).
template <class T>
LONGWAVE_HD void philox_normal(T* out, PhiloxKey key, std::uint64_t index) {
  using std::cos, std::log, std::sin, std::sqrt;
  philox_uniform(out, key, index);
  for (int i = 0; i < detail::per_group<T>; i += 2) {
    const T radius = sqrt(T(-2) * log(out[i]));
    const T angle = T(2 * std::numbers::pi) * out[i + 1];
    out[i] = radius * cos(angle);
    out[i + 1] = radius * sin(angle);
  }
}

// A position in one stream of random numbers. Every fill advances it by one draw; state() and set_state() save and
// restore it.
class Generator {
 public:
  explicit Generator(std::uint64_t seed, std::uint32_t stream = 0) : key_{seed, stream, 0} {}

  // An independent generator of the same seed.
  Generator split(std::uint32_t stream) const { return Generator(key_.seed, stream); }

  PhiloxKey state() const { return key_; }
  void set_state(PhiloxKey state) { key_ = state; }
  // The key of the next draw, for an op that makes its own numbers from it (dropout).
  PhiloxKey next() {
    const PhiloxKey key = key_;
    ++key_.draw;
    return key;
  }

  // Views of any device, for data and noise. Start values of parameters are drawn on the host and copied, whatever the
  // device (nn/init.hpp), so that both devices start with the same bits.
  template <class T, int N, device D>
  void uniform(TensorView<T, N, D> out, std::type_identity_t<T> low = 0, std::type_identity_t<T> high = 1) {
    if constexpr (std::is_same_v<D, Cuda>)
      cuda::draw_uniform(out.flat().data(), out.count(), next(), low, high - low);
    else
      fill(out, philox_uniform<T>, [=](T x) { return low + (high - low) * x; });
  }
  template <class T, int N, device D>
  void normal(TensorView<T, N, D> out, std::type_identity_t<T> mean = 0, std::type_identity_t<T> deviation = 1) {
    if constexpr (std::is_same_v<D, Cuda>)
      cuda::draw_normal(out.flat().data(), out.count(), next(), mean, deviation);
    else
      fill(out, philox_normal<T>, [=](T x) { return mean + deviation * x; });
  }
  // 1 with the given probability, else 0.
  template <class T, int N, device D>
  void bernoulli(TensorView<T, N, D> out, std::type_identity_t<T> probability) {
    if (!(probability >= 0 && probability <= 1))
      throw_value_error("bernoulli: probability is " + std::to_string(probability) + ", expected [0, 1]");
    if constexpr (std::is_same_v<D, Cuda>)
      cuda::draw_bernoulli(out.flat().data(), out.count(), next(), probability);
    else
      fill(out, philox_uniform<T>, [=](T x) { return x < probability ? T(1) : T(0); });
  }
  // 0 .. n-1 in random order (Fisher-Yates; 64-bit words, so the bias is below n / 2^64).
  template <class I>
  void permutation(TensorView<I, 1, Host> out) {
    const PhiloxKey key = next();
    const index_t n = out.size(0);
    for (index_t i = 0; i < n; ++i) out(i) = static_cast<I>(i);
    for (index_t i = n - 1; i > 0; --i) {
      const PhiloxWords words = philox(key, static_cast<std::uint64_t>(i));
      const std::uint64_t bits = std::uint64_t(words.word[0]) << 32 | words.word[1];
      const auto j = static_cast<index_t>(detail::uint128(bits) * static_cast<std::uint64_t>(i + 1) >> 64);
      std::swap(out(i), out(j));
    }
  }
  // Each swap depends on those before: done on the host, then copied. Waits, so not for a captured graph.
  template <class I>
  void permutation(TensorView<I, 1, Cuda> out) {
    Tensor<I, 1> order(out.sizes());
    permutation(order.view());
    cuda::copy(out, order);
  }

 private:
  template <class T, int N, class Draw, class Map>
  void fill(TensorView<T, N> out, Draw draw, Map map) {
    constexpr int group = detail::per_group<T>;
    const PhiloxKey key = next();
    const TensorView<T, 1> flat = out.flat();
    const index_t n = flat.size(0);
    parallel_blocks((n + group - 1) / group, 1 << 12, [&](index_t begin, index_t end) {
      T numbers[group];
      for (index_t g = begin; g < end; ++g) {
        draw(numbers, key, static_cast<std::uint64_t>(g));
        for (index_t i = g * group; i < std::min(n, (g + 1) * group); ++i) flat.data()[i] = map(numbers[i - g * group]);
      }
    });
  }

  PhiloxKey key_;
};

}  // namespace longwave
