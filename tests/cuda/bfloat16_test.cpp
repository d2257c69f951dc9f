// bf16: cast
#include "place.hpp"
#include "typed_bfloat16.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("on the device: every bfloat16 is exact in float, every float is rounded to the nearest bfloat16") {
  on_device([] { check_cast_patterns<Cuda>(); });
}

TEST_CASE("on the device: casts of views of any size, alignment and strides; shapes that differ") {
  on_device([] { check_cast_views<Cuda>(); });
}

TEST_CASE("on the device: fill, copy, sums and the look for NaN over elements of two bytes") {
  on_device([] { check_bfloat16_words<Cuda>(); });
}

TEST_CASE("on the device: cast on the tape, gradients of the type of their values") {
  on_device([] {
    check_cast_tape<Cuda>();
    check_bfloat16_sum_of_gradients<Cuda>();
  });
}
