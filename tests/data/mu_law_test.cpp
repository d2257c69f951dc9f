#include "longwave/data/mu_law.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("mu_law: every token comes back, in order, finest near zero") {
  double last = -2;
  for (int token = 0; token < 256; ++token) {
    const double x = mu_law_decode(static_cast<Token>(token));
    CHECK(mu_law_encode(x) == token);
    CHECK(x > last);
    CHECK(x == Approx(-mu_law_decode(static_cast<Token>(255 - token))).epsilon(1e-12));
    last = x;
  }
  CHECK(mu_law_decode(255) == Approx(1).epsilon(1e-14));
  CHECK(mu_law_decode(128) == Approx(std::expm1(std::log(256.0) / 255) / 255).epsilon(1e-12));
}

TEST_CASE("mu_law: the companded step bounds the error, and what is louder is cut") {
  for (double x = -1; x <= 1; x += 0.0037) {
    const double error = std::abs(mu_law_decode(mu_law_encode(x)) - x);
    CHECK(error <= (std::abs(x) + 1.0 / 255) * std::log(256.0) / 255 * 1.03);
  }
  CHECK(mu_law_encode(3) == 255);
  CHECK(mu_law_encode(-3) == 0);
}

TEST_CASE("mu_law: sequences as tokens") {
  const SequenceSet<float> set{.name = "s", .classes = 2, .values = {0, 1, -1}, .offsets = {0, 1, 3}, .y = {1, 0}};
  const TokenSet tokens = mu_law_tokens(set);
  check_sequences(tokens);
  CHECK(tokens.values == std::vector<Token>{128, 255, 0});
  CHECK(tokens.y == set.y);
  CHECK(contains(error_text<ShapeError>([] { mu_law_tokens(SequenceSet<float>{.name = "s", .channels = 2}); }),
                 "of one channel, not of 2"));
}
