#include "longwave/core/print.hpp"

#include "check.hpp"

using namespace longwave;

TEST_CASE("print: numbers by row, then the shape") {
  Tensor<int, 2> x(2, 3);
  for (int i = 0; i < 6; ++i) x.data()[i] = i;
  CHECK(to_string(x.view()) == "[[0, 1, 2],\n [3, 4, 5]]  (2, 3)");
}

TEST_CASE("print: long axes show their ends") {
  Tensor<int, 1> seven(7), eight(8);
  for (int i = 0; i < 8; ++i) eight(i) = i;
  for (int i = 0; i < 7; ++i) seven(i) = i;
  CHECK(to_string(seven.view()) == "[0, 1, 2, 3, 4, 5, 6]  (7)");
  CHECK(to_string(eight.view()) == "[0, 1, 2, ..., 5, 6, 7]  (8)");
}

TEST_CASE("print: scalars, empty tensors, bytes and strided views") {
  Tensor<double, 0> scalar{Extents<0>()};
  scalar() = 1.5;
  CHECK(to_string(scalar.view()) == "1.5  ()");
  CHECK(to_string(Tensor<float, 2>(0, 4).view()) == "[]  (0, 4)");
  Tensor<std::uint8_t, 1> byte(1);
  byte(0) = 65;
  CHECK(to_string(byte.view()) == "[65]  (1)");
  Tensor<int, 2> x(2, 2);
  x(0, 1) = 7;
  CHECK(to_string(x.view().transpose(0, 1)) == "[[0, 0],\n [7, 0]]  (2, 2)");
}

TEST_CASE("print: tensors go to streams") {
  std::ostringstream out;
  out << Tensor<float, 1>(2);
  CHECK(out.str() == "[0, 0]  (2)");
}
