// cauchy.
#include "bodies_s4.hpp"

namespace longwave::golden {
namespace {

const Op cauchy_op("cauchy", []<class T>(Case<T>& c) { cauchy_sums(c); });

}  // namespace
}  // namespace longwave::golden
