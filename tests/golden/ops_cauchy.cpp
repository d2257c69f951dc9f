// cauchy.
#include "case.hpp"
#include "longwave/autograd/functions/cauchy.hpp"

namespace longwave::golden {
namespace {

const Op cauchy_op("cauchy", []<class T>(Case<T>& c) {
  const auto v = c.template in<3>("v"), w = c.template in<3>("w");
  c.size_option("H", "in/w", 0);
  c.size_option("N", "in/w", 1);
  // The file holds the nodes themselves; of L transform nodes, those up to but without the Nyquist node.
  const auto z = c.template in<2>("z");
  const index_t L = c.config.integer("L"), L1 = z.size(0);
  if (c.config.text("nodes") == "fft")
    c.expect_size("L", (L + 1) / 2, L1);
  else
    c.expect_size("L", L, L1);
  c.out("r", cauchy(v, w, z));
});

}  // namespace
}  // namespace longwave::golden
