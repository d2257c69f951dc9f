#include "longwave/ops/embedding.hpp"

#include <cstdint>

#include "check.hpp"
#include "longwave/autograd/functions/embedding.hpp"

using namespace longwave;
using namespace longwave::test;

TEMPLATE_TEST_CASE("embedding: gathers rows and adds gradients of repeated ones", "", float, double) {
  using T = TestType;
  const auto table = random<T>(Extents{5, 70});
  Tensor<std::int32_t, 2> index(2, 3);
  const int numbers[] = {4, 0, 4, 2, 4, 0};
  for (int i = 0; i < 6; ++i) index.data()[i] = numbers[i];
  Tensor<T, 3> y(2, 3, 70);
  ops::Embedding::forward(y.view(), table, index.view());
  const auto dy = random<T>(y.sizes(), 2);
  Tensor<T, 2> dtable(5, 70);
  dtable(1, 7) = 3;  // accumulates
  ops::Embedding::backward(dtable, dy.view(), index.view());
  for (index_t e = 0; e < 70; ++e) {
    for (int i = 0; i < 6; ++i) CHECK(y(i / 3, i % 3, e) == table(numbers[i], e));
    CHECK(dtable(4, e) == (dy(0, 0, e) + dy(0, 2, e)) + dy(1, 1, e));
    CHECK(dtable(2, e) == dy(1, 0, e));
    CHECK(dtable(1, e) == (e == 7 ? T(3) : T(0)));
  }
}

TEST_CASE("embedding: a vector of indices, strided views and no indices") {
  const auto table = random<double>(Extents{4, 3});
  Tensor<std::int64_t, 1> index(6), none(0);
  for (index_t i = 0; i < 6; ++i) index(i) = i / 2;
  const TensorView<std::int64_t, 1> second{index.data(), Extents<1>{3}, Extents<1>{2}};
  Tensor<double, 2> y(3, 3), empty(0, 3);
  ops::Embedding::forward(y.view().transpose(0, 1), table, second);
  for (index_t i = 0; i < 3; ++i)
    for (index_t e = 0; e < 3; ++e) CHECK(y(e, i) == table(i, e));
  ops::Embedding::forward(empty.view(), table, none.view());
}

TEST_CASE("embedding: gradient against differences") {
  auto table = random<double>(Extents{4, 3});
  Tensor<std::int64_t, 1> index(5);
  for (index_t i = 0; i < 5; ++i) index(i) = i % 3;
  const auto check = grad_check([&](auto&, auto t) { return embedding(t, index.view()); }, table);
  INFO(check.text());
  CHECK(check.error < 1e-7);
}

TEST_CASE("embedding: an index outside the table is named with its position") {
  Tensor<float, 2> table(5, 3), y(4, 3);
  Tensor<int, 1> index(4);
  index(2) = 5;
  CHECK(error_text<ValueError>([&] { ops::Embedding::forward(y.view(), table, index.view()); }) ==
        "embedding: index 5 at position (2) is outside [0, 5)");
  Tensor<int, 2> pairs(2, 2);
  Tensor<float, 3> y3(2, 2, 3);
  pairs(1, 0) = -1;
  CHECK(error_text<ValueError>([&] { ops::Embedding::forward(y3.view(), table, pairs.view()); }) ==
        "embedding: index -1 at position (1, 0) is outside [0, 5)");
  CHECK(error_text<ShapeError>([&] { ops::Embedding::forward(y3.view().slice(0, 0, 1), table, pairs.view()); }) ==
        "embedding: y is (1, 2, 3), expected (2, 2, 3) for a table (V=5, E=3)");
}
