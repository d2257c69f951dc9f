#include "longwave/data/draws.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("draws: numbers are those of the key and the item, uniform and in their range") {
  Draws one({1, 2, 3}, 7), again({1, 2, 3}, 7), other({1, 2, 3}, 8);
  double sum = 0, squares = 0;
  int counts[6] = {}, same = 0;
  for (int i = 0; i < 6000; ++i) {
    const double u = one.uniform();
    CHECK(u == again.uniform());
    same += u == other.uniform();
    sum += u;
    squares += u * u;
    const index_t k = one.below(6);
    CHECK(k == again.below(6));
    CHECK((k >= 0 && k < 6));
    ++counts[k];
    const auto f = one.uniform<float>();
    CHECK((f > 0 && f < 1));
    CHECK(f == again.uniform<float>());
  }
  CHECK(same == 0);
  CHECK(sum / 6000 == Approx(0.5).margin(0.02));
  CHECK(squares / 6000 == Approx(1.0 / 3).margin(0.02));
  for (const int count : counts) CHECK(std::abs(count - 1000) < 130);
  CHECK(one.below(1) == 0);
  CHECK((one.uniform(3, 4) > 3 && one.uniform(3, 4) < 4));
}
