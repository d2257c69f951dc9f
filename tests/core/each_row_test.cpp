#include "longwave/core/each_row.hpp"

#include "check.hpp"

using namespace longwave;

namespace {

struct RowSums {
  TensorView<double, 2> out;  // (rows, 2): sum of x, sum of column numbers
  TensorView<const double, 2> x;
  LONGWAVE_HD Sums<2> operator()(index_t row, index_t column) const {
    return {{x(row, column), static_cast<double>(column)}};
  }
  LONGWAVE_HD void finish(index_t row, const Sums<2>& sum) const {
    out(row, 0) += sum.at[0];
    out(row, 1) += sum.at[1];
  }
};

}  // namespace

TEST_CASE("for_each_row adds along each row in order and finishes every row once, also without columns") {
  for (const index_t rows : {0, 1, 16, 17, 1001})
    for (const index_t columns : {0, 1, 31, 64}) {
      const auto x = test::random<double>(Extents(rows, columns), 3);
      Tensor<double, 2> out(rows, 2);
      for_each_row<Host>(rows, columns, RowSums{out, x});
      bool same = true;
      for (index_t row = 0; row < rows; ++row) {
        double sum = 0;
        for (index_t column = 0; column < columns; ++column) sum += x(row, column);
        same = same && out(row, 0) == sum && out(row, 1) == 0.5 * static_cast<double>(columns * (columns - 1));
      }
      INFO("rows " << rows << ", columns " << columns);
      CHECK(same);
    }
}
