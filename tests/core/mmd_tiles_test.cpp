#include "longwave/core/mmd_tiles.hpp"

#include <array>
#include <set>
#include <tuple>
#include <vector>

#include "check.hpp"
#include "longwave/core/each.hpp"
#include "longwave/ops/mmd.hpp"

using namespace longwave;
using namespace longwave::test;
using namespace longwave::detail;

namespace {

// The kernels of cuda/kernels/mmd.cuh, thread by thread: what lies between two barriers is a loop over threads.
template <int K, class T>
struct Block {
  using View = TensorView<const T, 2>;
  struct Thread {
    T pairs[4][4];
    double gradient[4][K];
    double sum;
  };
  std::vector<MmdVector<T>> room = std::vector<MmdVector<T>>(MmdStage<T, K>::vectors);
  std::vector<Thread> threads = std::vector<Thread>(MmdBlock::threads);

  using Stage = MmdStage<T, K>;
  Tensor<T, 2> packed;

  Block(View x, View y)
      : packed(Extents<2>{std::max<index_t>((x.size(1) + K - 1) / K, 1) * K,
                          (MmdBlock::tiles(x.size(0)) + MmdBlock::tiles(y.size(0))) * MmdBlock::side}) {
    for_each_index<Host>(packed.count(), MmdPack<T, Host>{packed.view(), x, y});
  }

  T* stage() { return room[0].at; }
  index_t chunks() const { return packed.size(0) / K; }
  void fetch(index_t row, index_t column, index_t chunk) {
    for (int e = 0; e < Stage::vectors; ++e)
      for (int j = 0; j < Stage::V; ++j)
        room[static_cast<std::size_t>(e)].at[j] =
            packed.data()[Stage::source(e, packed.size(1), row, column, chunk * K) + j];
  }
  template <class F>
  void each(F f) {
    for (int t = 0; t < MmdBlock::threads; ++t) f(t, threads[static_cast<std::size_t>(t)]);
  }
  void clear() {
    each([](int, Thread& t) {
      for (auto& row : t.pairs) std::fill(row, row + 4, T(0));
    });
  }
  void add_distances() {
    each([&](int i, Thread& t) { mmd_add_distances<K>(t.pairs, stage(), i); });
  }
};

template <int K, class T>
double value_by_tiles(TensorView<const T, 2> x, TensorView<const T, 2> y, const RbfMixture& mixture, MmdForm form,
                      index_t tiles_each) {
  const MmdFactors factor(x.size(0), y.size(0), mixture.at_zero(), form);
  const MmdTerms<T> kernel(mixture, false);
  const index_t tiles_x = MmdBlock::tiles(x.size(0)), tiles_y = MmdBlock::tiles(y.size(0));
  const index_t all = MmdWalk::count(tiles_x, tiles_y);
  Block<K, T> block(x, y);
  double total = factor.constant;
  for (index_t begin = 0; begin < all; begin += tiles_each) {
    MmdWalk walk(tiles_x, tiles_y, begin);
    for (index_t left = std::min(tiles_each, all - begin); left > 0; --left, walk.next()) {
      const auto& rows = walk.part == 1 ? y : x;
      const auto& columns = walk.part == 0 ? x : y;
      const index_t row = walk.row * MmdBlock::side, column = walk.column * MmdBlock::side;
      block.clear();
      for (index_t chunk = 0; chunk < block.chunks(); ++chunk) {
        block.fetch(walk.row + (walk.part == 1 ? tiles_x : 0), walk.column + (walk.part > 0 ? tiles_x : 0), chunk);
        block.add_distances();
      }
      const bool diagonal = walk.part < 2 && walk.row == walk.column;
      const double f = walk.part == 0 ? 2 * factor.xx : walk.part == 1 ? 2 * factor.yy : factor.xy;
      block.each([&](int i, auto& t) {
        if (diagonal || row + MmdBlock::side > rows.size(0) || column + MmdBlock::side > columns.size(0))
          mmd_leave_out(t.pairs, i, row, rows.size(0), column, columns.size(0), diagonal);
        total += f * static_cast<double>(mmd_value(t.pairs, kernel));
      });
    }
  }
  return total;
}

template <int K, class T>
Tensor<double, 2> gradient_by_tiles(TensorView<const T, 2> x, TensorView<const T, 2> y, const RbfMixture& mixture,
                                    double within, double across) {
  const MmdTerms<T> kernel(mixture, true);
  const index_t n = x.size(0), d = x.size(1), chunks = (d + K - 1) / K;
  const index_t tiles_x = MmdBlock::tiles(n), tiles = tiles_x + MmdBlock::tiles(y.size(0));
  Tensor<double, 2> dx(x.sizes());
  Block<K, T> block(x, y);
  for (index_t row = 0; row < n; row += MmdBlock::side)
    for (index_t chunk = 0; chunk < chunks; ++chunk) {
      block.each([](int, auto& t) {
        for (auto& g : t.gradient) std::fill(g, g + K, 0.0);
      });
      for (index_t tile = 0; tile < tiles; ++tile) {
        const bool own = tile < tiles_x;
        const auto& of = own ? x : y;
        const index_t column = (own ? tile : tile - tiles_x) * MmdBlock::side;
        block.clear();
        for (index_t step = 0; step < chunks; ++step) {
          block.fetch(row / MmdBlock::side, tile, mmd_chunk(step, chunks, chunk));
          block.add_distances();
        }
        block.each([&](int i, auto& t) {
          if (column + MmdBlock::side > of.size(0))
            mmd_leave_out(t.pairs, i, 0, MmdBlock::side, column, of.size(0), false);
          mmd_terms(t.pairs, kernel);
          mmd_add_gradients(t.gradient, own ? within : across, t.pairs, block.stage(), i);
        });
      }
      block.each([&](int i, auto& t) {
        for (int p = 0; p < 4; ++p)
          for (int k = 0; k < K; ++k) {
            const index_t at = row + mmd_place<T>(MmdBlock::row_of(i), p), coordinate = chunk * K + k;
            if (at < n && coordinate < d) dx(at, coordinate) += t.gradient[p][k];
          }
      });
    }
  return dx;
}

template <int K, class T>
void check_tiles(index_t n, index_t m, index_t d) {
  INFO("K " << K << ", n " << n << ", m " << m << ", d " << d);
  const auto x = random<T>(Extents<2>{n, d}, 1), y = random<T>(Extents<2>{m, d}, 2, T(1.2));
  Tensor<double, 2> wide_x(n, d), wide_y(m, d);
  std::copy(x.data(), x.data() + x.count(), wide_x.data());
  std::copy(y.data(), y.data() + y.count(), wide_y.data());
  for (const RbfMixture& kernel : {RbfMixture(1.5), RbfMixture({2, 0.5, 1, 3}, {0.2, 0.3, 1, 0.1})})
    for (const MmdForm form : {MmdForm::unbiased, MmdForm::biased}) {
      Tensor<double, 0> want{Extents<0>()}, dvalue{Extents<0>()};
      ops::Mmd::forward(want.view(), wide_x, wide_y, kernel, form);
      const double value_tolerance = sizeof(T) == 4 ? 3e-7 : 1e-13;
      for (const index_t each : {1, 3})
        CHECK(std::abs(value_by_tiles<K, T>(x, y, kernel, form, each) - want()) < value_tolerance);
      dvalue() = 1;
      Tensor<double, 2> dx(n, d), dy(m, d);
      ops::Mmd::backward(dx.view(), dy.view(), dvalue, wide_x, wide_y, kernel, form);
      const MmdFactors f(n, m, kernel.at_zero(), form);
      const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12;
      CHECK(relative_error(gradient_by_tiles<K, T>(x, y, kernel, 2 * f.xx, f.xy), dx) < tolerance);
      CHECK(relative_error(gradient_by_tiles<K, T>(y, x, kernel, 2 * f.yy, f.xy), dy) < tolerance);
    }
}

}  // namespace

TEST_CASE("mmd_tiles: a walk meets every tile that is wanted once, from any start") {
  for (const index_t tiles_x : {1, 2, 3, 6, 7})
    for (const index_t tiles_y : {1, 4, 5}) {
      const index_t count = MmdWalk::count(tiles_x, tiles_y);
      std::vector<std::tuple<int, index_t, index_t>> met;
      MmdWalk walk(tiles_x, tiles_y, 0);
      for (index_t t = 0; t < count; ++t, walk.next()) {
        met.emplace_back(walk.part, walk.row, walk.column);
        const MmdWalk started(tiles_x, tiles_y, t);
        CHECK(met.back() == std::tuple(started.part, started.row, started.column));
      }
      CHECK(std::set(met.begin(), met.end()).size() == met.size());
      for (const auto& [part, row, column] : met) {
        CHECK((row >= 0 && row < (part == 1 ? tiles_y : tiles_x)));
        CHECK((column >= (part == 2 ? 0 : row) && column < (part == 0 ? tiles_x : tiles_y)));
      }
    }
}

TEMPLATE_TEST_CASE("mmd_tiles: 256 threads of 4 x 4 pairs make a tile", "", float, double) {
  using T = TestType;
  std::set<std::pair<int, int>> pairs;
  for (int t = 0; t < MmdBlock::threads; ++t)
    for (int p = 0; p < 4; ++p)
      for (int q = 0; q < 4; ++q)
        pairs.emplace(mmd_place<T>(MmdBlock::row_of(t), p), mmd_place<T>(MmdBlock::column_of(t), q));
  CHECK(pairs.size() == 64 * 64);
  CHECK((pairs.begin()->first == 0 && pairs.rbegin()->first == 63 && pairs.rbegin()->second == 63));
}

TEST_CASE("mmd_tiles: powers of two to 2 ulp, ends included") {
  double worst = 0;
  for (double t = 0; t <= 1021; t += 0.37) {
    const double rate = 0.7, got = mmd_power(t / rate, rate, 1022 / rate);
    const long double want = std::exp2(-static_cast<long double>(rate) * static_cast<long double>(t / rate));
    worst = std::max(worst, static_cast<double>(std::abs(static_cast<long double>(got) - want) / want));
  }
  CHECK(worst < 4.5e-16);
  CHECK(mmd_power(0.0, 0.7, 1022 / 0.7) == 1);
  for (const double far : {2000.0, 1e18, 1e300, std::numeric_limits<double>::infinity()})
    CHECK((mmd_power(far, 0.7, 1022 / 0.7) >= 0 && mmd_power(far, 0.7, 1022 / 0.7) < 1e-307));
  CHECK(std::isnan(mmd_power(std::nan(""), 0.7, 1022 / 0.7)));
  CHECK(mmd_power(INFINITY, 0.7f, 0.0f) == 0);
}

TEST_CASE("mmd_tiles: which terms are powers of the one before") {
  const auto squarings = [](std::initializer_list<double> sigmas) {
    const MmdTerms<double> k(RbfMixture(sigmas), false);
    return std::vector<int>(k.squarings, k.squarings + k.terms);
  };
  CHECK(squarings({0.5, 1, 2}) == std::vector<int>{0, 2, 2});
  CHECK(squarings({3.7 / 2, 3.7, 3.7 * 2}) == std::vector<int>{0, 2, 2});
  CHECK(squarings({1, 3, 8}) == std::vector<int>{0, 0, 0});
  CHECK(squarings({8, 1, 16, 1}) == std::vector<int>{0, 2, 0, 0});  // 6 + 2 are too many in a row
  CHECK(squarings({1, 2, 4, 8, 16}) == std::vector<int>{0, 2, 2, 2, 0});
  const MmdTerms<float> k(RbfMixture({1, 2}), false);
  CHECK((k.squarings[0] == 0 && k.squarings[1] == 0));
}

TEMPLATE_TEST_CASE("mmd_tiles: the device's steps make the host's value and gradients", "", float, double) {
  using T = TestType;
  for (const auto& [n, m] : {std::array<index_t, 2>{2, 3}, {63, 64}, {65, 130}, {200, 67}}) {
    check_tiles<4, T>(n, m, 4);
    check_tiles<8, T>(n, m, 19);
  }
  check_tiles<2, T>(70, 5, 1);
  check_tiles<2, T>(70, 66, 2);
  check_tiles<4, T>(66, 129, 3);
  check_tiles<8, T>(66, 129, 8);
  check_tiles<2, T>(3, 4, 0);
}
