#include "longwave/core/fill.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("fill, add_to, copy: strided views, scalars and empty tensors") {
  Tensor<float, 3> a(3, 4, 5), b(5, 4, 3);
  detail::fill(a.view().slice(2, 1, 4), 2.0f);
  for (index_t i = 0; i < 3; ++i)
    for (index_t j = 0; j < 4; ++j)
      for (index_t k = 0; k < 5; ++k) CHECK(a(i, j, k) == (k >= 1 && k < 4 ? 2.0f : 0.0f));
  copy(b.view().transpose(0, 2), a);
  CHECK(relative_error(b.view().transpose(0, 2), a.view()) == 0);
  detail::add_to(a.view(), b.view().transpose(0, 2));
  CHECK(a(1, 1, 1) == 4.0f);
  Tensor<double, 0> scalar{Extents<0>()}, other{Extents<0>()};
  detail::fill(scalar.view(), 3.0);
  copy(other.view(), scalar);
  CHECK(other() == 3.0);
  Tensor<float, 2> none(0, 4), none_too(0, 4);
  copy(none.view(), none_too);
}

TEST_CASE("copy: shapes that differ are named") {
  Tensor<float, 2> a(2, 3), b(3, 2);
  CHECK(error_text<ShapeError>([&] { copy(a.view(), b); }) ==
        "copy: to and from differ in shape: to is (2, 3), from is (3, 2)");
}

TEST_CASE("all_finite: finds a single NaN or infinity behind strides") {
  auto a = random<double>(Extents<2>{7, 9});
  CHECK(detail::all_finite(TensorView<const double, 2>(a.view())));
  a(6, 8) = NAN;
  CHECK_FALSE(detail::all_finite(TensorView<const double, 2>(a.view().transpose(0, 1))));
  CHECK(detail::all_finite(TensorView<const double, 2>(a.view().slice(1, 0, 8))));
  a(6, 8) = INFINITY;
  CHECK_FALSE(detail::all_finite(TensorView<const double, 2>(a.view())));
}
