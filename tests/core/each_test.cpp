#include "longwave/core/each.hpp"

#include "check.hpp"

using namespace longwave;

namespace {

struct Counted {
  TensorView<double, 1> calls;
  LONGWAVE_HD void operator()(index_t i) const { calls(i) += 1 + static_cast<double>(i); }
};

struct Doubled {
  TensorView<double, 1> calls;
  LONGWAVE_HD void operator()(index_t i) const { calls(i) *= 2; }
};

}  // namespace

TEST_CASE("for_each_index calls its body once per index, for none, one and more than a block") {
  for (const index_t n : {0, 1, 7, 512, 513, 100003}) {
    Tensor<double, 1> calls(n);
    for_each_index<Host>(n, Counted{calls});
    bool once = true;
    for (index_t i = 0; i < n; ++i) once = once && calls(i) == 1 + static_cast<double>(i);
    INFO("n " << n);
    CHECK(once);
  }
  for_each_index<Host>(-1, Counted{{}});  // nothing to do
}

TEST_CASE("InTurn: the second body sees what the first one wrote at its index") {
  Tensor<double, 1> calls(1000);
  for_each_index<Host>(1000, InTurn{InTurn{Counted{calls}, Doubled{calls}}, Counted{calls}});
  for (index_t i = 0; i < 1000; ++i) CHECK(calls(i) == 3 * (1 + static_cast<double>(i)));
}
