#include "longwave/core/sum.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Every way to keep or sum the axes of `sizes`, against plain loops in double.
template <class T>
void check(Extents<3> sizes, bool turned) {
  const auto a = random<T>(turned ? Extents(sizes[2], sizes[1], sizes[0]) : sizes, 1);
  const auto b = random<T>(sizes, 2);
  const auto x = turned ? a.view().transpose(0, 2) : a.view();
  for (int kept = 0; kept < 8; ++kept) {
    Extents<3> out_sizes;
    for (int axis = 0; axis < 3; ++axis) out_sizes[axis] = (kept >> axis & 1) != 0 ? sizes[axis] : 1;
    Tensor<T, 3> out(out_sizes);
    Tensor<double, 3> want(out_sizes);
    for (index_t i = 0; i < sizes[0]; ++i)
      for (index_t j = 0; j < sizes[1]; ++j)
        for (index_t k = 0; k < sizes[2]; ++k)
          want(i % out_sizes[0], j % out_sizes[1], k % out_sizes[2]) +=
              0.5 * static_cast<double>(x(i, j, k)) * static_cast<double>(b(i, j, k));
    const auto f = [](T v, T w) { return v * w; };
    sum_to(out.view(), 0.5, f, x, b.view());
    INFO(to_string(sizes) << " -> " << to_string(out_sizes) << (turned ? " turned" : ""));
    // One rounding of each product and of the result; the sums themselves are in double.
    CHECK(relative_error(out, want, 1.0) <= (std::is_same_v<T, float> ? 1e-6 : 1e-13));
    Tensor<T, 3> again(out_sizes);
    for (const int threads : {1, 3, 8}) {
      set_num_threads(threads);
      sum_to(again.view(), 0.5, f, x, b.view());
      CHECK(relative_error(again, out) == 0);
    }
    set_num_threads(0);
  }
}

}  // namespace

TEST_CASE("sum_to: any set of axes, any strides, the same bits for any number of threads") {
  const Extents<3> shapes[] = {{1, 1, 1}, {2, 3, 5},     {3, 1, 40},   {1, 7, 31},   {0, 2, 3},
                               {2, 3, 0}, {40, 64, 100}, {3, 5, 2003}, {2003, 3, 5}, {1, 1, 70001}};
  for (const auto& sizes : shapes)
    for (const bool turned : {false, true}) {
      check<float>(sizes, turned);
      check<double>(sizes, turned);
    }
}
