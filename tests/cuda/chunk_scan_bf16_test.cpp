// bf16: chunk_scan diag_scan
#include "place.hpp"
#include "typed_bfloat16_scan.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Half a unit in the last place of y and du is allowed beside this: tables and states rounded to TF32, as in
// chunk_scan_test.cpp.
constexpr double tf32_limit = 1e-3;

void check(ScanSizes s, bool states, bool keep = false) {
  check_bfloat16_scan<Cuda>(s, states, Algorithm::chunk, tf32_limit, keep);
}

}  // namespace

TEST_CASE("on the device: the chunked scan in bfloat16 agrees with the recurrence in float64 at small sizes") {
  on_device([] {
    for (const ScanSizes s : {ScanSizes{1, 1, 1, 1}, {2, 3, 5, 63}, {3, 2, 16, 64}, {1, 2, 17, 65}, {17, 2, 32, 200}})
      for (const bool keep : {false, true}) check(s, false, keep);
    check({3, 2, 5, 128}, true);  // whole chunks
    check({3, 2, 5, 130}, true);  // and samples behind them
    check({2, 3, 7, 40}, true);
  });
}

TEST_CASE("on the device: the chunked scan in bfloat16 at any number of modes, sequences and samples", "[large]") {
  on_device([] {
    for (const bool states : {false, true}) {
      for (const index_t L : {1, 2, 3, 4, 62, 64, 128, 997, 1000, 1002, 2048}) check({3, 2, 7, L}, states);
      for (const index_t N : {2, 15, 16, 31, 32, 33, 70, 128}) check({2, 3, N, 640}, states);
      for (const index_t B : {1, 15, 16, 33}) check({B, 150, 4, 260}, states);
      check({1, 1, 3, 20000}, states);   // many segments
      check({1, 1, 3, 20001}, states);   // and rows that are read by samples
      check({5, 40, 32, 4096}, states);  // some
    }
    check({16, 300, 32, 1024}, false, true);
  });
}

TEST_CASE("on the device: the chunked scan in bfloat16 without modes, sequences or samples") {
  on_device([] {
    for (const ScanSizes s : {ScanSizes{2, 3, 0, 100}, {0, 3, 4, 100}, {2, 0, 4, 100}, {2, 3, 4, 0}}) check(s, false);
  });
}

TEST_CASE("on the device: the chunked scan in bfloat16 of views with gaps, and what of another shape is told") {
  on_device([] { check_bfloat16_scan_views<Cuda>(Algorithm::chunk); });
}

TEST_CASE("on the device: the chunked scan in bfloat16 with a gradient that lies backwards") {
  on_device([] { check_bfloat16_scan_backwards<Cuda>(Algorithm::chunk); });
}

TEST_CASE("on the device: the chunked scan in bfloat16 gives the same bits twice, and dx alone") {
  on_device([] { check_bfloat16_scan_repeats<Cuda>(Algorithm::chunk); });
}

TEST_CASE("on the device: the recurrence step by step takes bfloat16 through floats") {
  on_device([] { check_bfloat16_scan<Cuda>({3, 2, 5, 130}, true, Algorithm::scan, 1e-5); });
}
