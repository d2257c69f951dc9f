#include "longwave/state_space/recurrence.hpp"

#include "modes.hpp"

using namespace longwave;
using namespace longwave::test;

// The forms themselves: tests/properties/sequence_forms_test.cpp. Here: the choice between them.

TEST_CASE("recurrence: the choice is one of the forms, never auto, and follows the lengths") {
  for (const index_t B : {1, 4, 64})
    for (const index_t N : {1, 8, 32, 128})
      for (const index_t L : {1, 2, 40, 64, 65, 997, 4096, 131072}) {
        CHECK(choose_forward(B, N, L) != Algorithm::auto_);
        CHECK(choose_backward(B, N, L) != Algorithm::auto_);
        if (!fft_is_fast) CHECK(choose_backward(B, N, L) != Algorithm::fft);
      }
  CHECK(choose_forward(1, 32, 1) == Algorithm::scan);
  CHECK(choose_forward(64, 32, 40) == Algorithm::chunk);
  CHECK(choose_backward(4, 32, 16384) == Algorithm::chunk);
  CHECK(choose_backward(4, 2, 1024) == Algorithm::scan);
  for (const index_t N : {1, 8, 32, 128}) {  // where the float recurrence would drift
    CHECK(choose_forward(1, N, 4096) != Algorithm::scan);
    CHECK(choose_backward(1, N, 4096) != Algorithm::scan);
  }
}

TEST_CASE("recurrence: auto gives the numbers of the form it chose") {
  for (const index_t L : {5, 40, 200}) {
    const DiagonalCase<float> c(17, 2, 8, L);
    Tensor<float, 3> chosen(c.u.sizes()), automatic(c.u.sizes());
    Diagonal::forward(DiagonalOutputs<float>{chosen, {}}, c.inputs(), choose_forward(17, 8, L));
    Diagonal::forward(DiagonalOutputs<float>{automatic, {}}, c.inputs());
    CHECK(relative_error(automatic, chosen) == 0);
  }
}
