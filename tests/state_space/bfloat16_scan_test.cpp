// bf16: chunk_scan diag_scan
#include "host_place.hpp"
#include "typed_bfloat16_scan.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("recurrence: with u and y in bfloat16 every form is the float64 recurrence, rounded once") {
  for (const Algorithm algorithm : all_forms) {
    for (const ScanSizes s : {ScanSizes{1, 1, 1, 1}, {2, 3, 5, 63}, {3, 2, 16, 64}, {1, 2, 17, 65}, {5, 2, 32, 200}})
      check_bfloat16_scan<Host>(s, false, algorithm, form_tolerance<float>);
    check_bfloat16_scan<Host>({3, 2, 5, 130}, true, algorithm, form_tolerance<float>);
    check_bfloat16_scan<Host>({3, 2, 40, 128}, true, algorithm, form_tolerance<float>);
  }
}

TEST_CASE("recurrence in bfloat16 without modes, sequences or samples") {
  for (const ScanSizes s : {ScanSizes{2, 3, 0, 100}, {0, 3, 4, 100}, {2, 0, 4, 100}, {2, 3, 4, 0}})
    check_bfloat16_scan<Host>(s, false, Algorithm::chunk, form_tolerance<float>);
}

TEST_CASE("recurrence in bfloat16 of views with gaps, and what of another shape is told") {
  for (const Algorithm algorithm : {Algorithm::scan, Algorithm::chunk}) check_bfloat16_scan_views<Host>(algorithm);
}

TEST_CASE("recurrence in bfloat16 with a gradient that lies backwards") {
  check_bfloat16_scan_backwards<Host>(Algorithm::chunk);
}

TEST_CASE("recurrence in bfloat16 gives the same bits twice, and dx alone") {
  check_bfloat16_scan_repeats<Host>(Algorithm::chunk);
}

TEST_CASE("chunk_scan in bfloat16 is that of floats on the same numbers, rounded") {
  const ScanCase a({2, 3, 7, 150}, 5);
  const auto u = converted<float>(a.u);
  Tensor<float, 3> y(u.sizes());
  Tensor<bfloat16, 3> narrow(u.sizes());
  ops::ChunkScan::forward(DiagonalOutputs<float>{y, {}}, DiagonalInputs<float>{u, a.c.x, a.c.c, a.c.skip, {}});
  ops::ChunkScan::forward(DiagonalOutputs<float, Host, bfloat16>{narrow, {}},
                          DiagonalInputs<float, Host, bfloat16>{a.u, a.c.x, a.c.c, a.c.skip, {}});
  for (index_t i = 0; i < y.count(); ++i) CHECK(narrow.data()[i].bits() == bfloat16(y.data()[i]).bits());
}
