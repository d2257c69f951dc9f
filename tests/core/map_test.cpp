#include "longwave/core/map.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("map_elements: two outputs from dense, strided and repeated operands, for any row length") {
  for (const index_t L : {0, 1, 7, 8, 15, 16, 17, 33, 997}) {
    const auto dense = random<float>(Extents(3, L), 1);
    const auto turned = random<float>(Extents(L, 3), 2);
    Tensor<float, 1> column(3);
    for (index_t i = 0; i < 3; ++i) column(i) = static_cast<float>(i + 1);
    Tensor<float, 2> sum(3, L), product(L, 3);
    const TensorView<const float, 2> repeated(column.data(), Extents(3, L), Extents<2>(1, 0));
    const auto f = [](float& s, float& p, float a, float b, float c) {
      s = a + b + c;
      p = a * c;
    };
    map_elements<2>(f, sum.view(), product.view().transpose(0, 1), dense.view(), turned.view().transpose(0, 1),
                    repeated);
    bool same = true;
    for (index_t i = 0; i < 3; ++i)
      for (index_t l = 0; l < L; ++l) {
        same &= sum(i, l) == dense(i, l) + turned(l, i) + column(i);
        same &= product(l, i) == dense(i, l) * column(i);
      }
    INFO("L=" << L);
    CHECK(same);
  }
}

TEST_CASE("map_elements: rank 0 and an output that is also an input") {
  Tensor<double, 0> x{Extents<0>()};
  x() = 3;
  map_elements<1>([](double& y, double a) { y = a * a; }, x.view(), x.view());
  CHECK(x() == 9);
}
