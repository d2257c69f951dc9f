#include "longwave/core/rows.hpp"

#include <atomic>
#include <vector>

#include "check.hpp"

using namespace longwave;

namespace {

// How often each element of the tensor behind a view is visited, and how many calls that took.
template <int N>
std::pair<std::vector<int>, int> visits(TensorView<int, N> x, TensorView<int, N> whole, index_t grain = 1 << 14) {
  std::vector<int> count(static_cast<std::size_t>(whole.count()));
  int* const first = count.data() + (x.data() - whole.data());
  std::atomic<int> calls{0};
  const Extents<N> strides[1] = {x.strides()};
  parallel_rows(
      x.sizes(), strides,
      [&](const Row<1>& row) {
        ++calls;
        for (index_t i = 0; i < row.length; ++i) ++first[row.offset[0] + i * row.step[0]];
      },
      grain);
  return {count, calls};
}

}  // namespace

TEST_CASE("rows: a dense view is one row") {
  Tensor<int, 3> x(3, 5, 7);
  const auto [count, calls] = visits(x.view(), x.view());
  CHECK(calls == 1);
  CHECK(count == std::vector<int>(105, 1));
}

TEST_CASE("rows: a long row is cut into pieces of the grain") {
  Tensor<int, 2> x(10, 100);
  const auto [count, calls] = visits(x.view(), x.view(), 64);
  CHECK(calls == 16);
  CHECK(count == std::vector<int>(1000, 1));
}

TEST_CASE("rows: slices and transposes visit their elements once and no others") {
  Tensor<int, 3> x(3, 5, 7);
  const auto part = x.view().slice(1, 1, 4).slice(2, 2, 6);
  for (const auto& view : {part, part.transpose(0, 2), part.transpose(0, 1), part.transpose(1, 2)}) {
    const auto [count, calls] = visits(view, x.view());
    for (index_t b = 0; b < 3; ++b)
      for (index_t h = 0; h < 5; ++h)
        for (index_t l = 0; l < 7; ++l) {
          const int inside = h >= 1 && h < 4 && l >= 2 && l < 6 ? 1 : 0;
          CHECK(count[static_cast<std::size_t>((b * 5 + h) * 7 + l)] == inside);
        }
  }
}

TEST_CASE("rows: axes that follow one another are merged although others do not") {
  Tensor<int, 3> x(4, 5, 6);
  const auto [count, calls] = visits(x.view().slice(0, 1, 3), x.view());
  CHECK(calls == 1);
  const auto [count2, calls2] = visits(x.view().slice(1, 0, 2), x.view(), 1);
  CHECK(calls2 == 4);  // 4 rows of 2 * 6
}

TEST_CASE("rows: nothing is called for an empty view, once for a scalar") {
  Tensor<int, 2> empty(0, 5);
  CHECK(visits(empty.view(), empty.view()).second == 0);
  int number = 0;
  const TensorView<int, 0> scalar(&number, {});
  const auto [count, calls] = visits(scalar, scalar);
  CHECK(calls == 1);
  CHECK(count[0] == 1);
}

TEST_CASE("rows: views with different strides walk together, a stride of 0 repeats an element") {
  Tensor<double, 2> a(3, 4), y(3, 4);
  Tensor<double, 1> bias(4);
  for (index_t i = 0; i < 12; ++i) a.data()[i] = static_cast<double>(i);
  for (index_t i = 0; i < 4; ++i) bias(i) = 100.0 * static_cast<double>(i);
  const Extents<2> strides[3] = {y.view().strides(), a.view().strides(), {0, 1}};
  parallel_rows(y.sizes(), strides, [&](const Row<3>& row) {
    for (index_t i = 0; i < row.length; ++i)
      y.data()[row.offset[0] + i * row.step[0]] =
          a.data()[row.offset[1] + i * row.step[1]] + bias.data()[row.offset[2] + i * row.step[2]];
  });
  for (index_t r = 0; r < 3; ++r)
    for (index_t c = 0; c < 4; ++c) CHECK(y(r, c) == a(r, c) + bias(c));
}
