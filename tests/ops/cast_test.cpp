// bf16: cast
#include "longwave/ops/cast.hpp"

#include "host_place.hpp"
#include "typed_bfloat16.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("cast: every bfloat16 is exact in float, every float is rounded to the nearest bfloat16") {
  check_cast_patterns<Host>();
}

TEST_CASE("cast: views of any size, alignment and strides; shapes that differ") { check_cast_views<Host>(); }

TEST_CASE("bfloat16: fill, copy, sums and the look for NaN over elements of two bytes") {
  check_bfloat16_words<Host>();
}

TEST_CASE("cast on the tape: the gradient has the type of its value") { check_cast_tape<Host>(); }

TEST_CASE("a value of bfloat16 that is used twice has one gradient") { check_bfloat16_sum_of_gradients<Host>(); }
