#include "longwave/metrics/lcs.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Events = std::vector<std::int32_t>;

// The quadratic table.
index_t table_length(const Events& a, const Events& b) {
  std::vector<std::vector<index_t>> t(a.size() + 1, std::vector<index_t>(b.size() + 1));
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j)
      t[i][j] = a[i - 1] == b[j - 1] ? t[i - 1][j - 1] + 1 : std::max(t[i - 1][j], t[i][j - 1]);
  return t[a.size()][b.size()];
}

Events draw(index_t length, std::int32_t alphabet, std::uint32_t stream) {
  Tensor<double, 1> u(length);
  Generator(5, stream).uniform(u.view(), -0.5 * alphabet, 0.5 * alphabet);  // negative ids too
  Events events;
  for (index_t i = 0; i < length; ++i) events.push_back(static_cast<std::int32_t>(std::floor(u(i))));
  return events;
}

}  // namespace

TEST_CASE("lcs: by hand") {
  const Events abcbdab = {1, 2, 3, 2, 4, 1, 2}, bdcaba = {2, 4, 3, 1, 2, 1};
  CHECK(lcs_length(abcbdab, bdcaba) == 4);
  CHECK(lcs_length(abcbdab, abcbdab) == 7);
  CHECK(lcs_length(abcbdab, Events{}) == 0);
  CHECK(lcs_length(Events{}, abcbdab) == 0);
  CHECK(lcs_length(abcbdab, Events{9, 8}) == 0);
  CHECK(lcs_length(Events{INT32_MIN, INT32_MAX}, Events{INT32_MAX, INT32_MIN}) == 1);
}

TEST_CASE("lcs: equals the quadratic table for any lengths and alphabets, in either order") {
  std::uint32_t stream = 0;
  for (const index_t n : {1, 2, 31, 63, 64, 65, 127, 128, 129, 191, 200, 256, 257, 320, 389})
    for (const index_t m : {1, 64, 97, 200, 321})
      for (const std::int32_t alphabet : {1, 2, 7, 60, 1000}) {
        const Events a = draw(n, alphabet, ++stream), b = draw(m, alphabet, ++stream);
        INFO("lengths " << n << " and " << m << ", alphabet " << alphabet);
        const index_t want = table_length(a, b);
        CHECK(lcs_length(a, b) == want);
        CHECK(lcs_length(b, a) == want);
      }
}

TEST_CASE("lcs: carries run through whole words") {
  // One event at the front matches, all later positions do too: the sum carries from the first word to the last.
  for (const index_t n : {64, 65, 128, 192, 256, 300, 640}) {
    const Events ones(static_cast<std::size_t>(n), 1);
    CHECK(lcs_length(ones, ones) == n);
    CHECK(lcs_length(ones, Events{1}) == 1);
    CHECK(lcs_length(ones, Events(3, 1)) == 3);
  }
}
