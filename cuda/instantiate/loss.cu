#include "kernels/each.cuh"
#include "kernels/sum.cuh"
#include "longwave/ops/loss.hpp"

namespace longwave::cuda {

using longwave::detail::DividedByTotal;
using longwave::detail::LossEach;
using longwave::detail::LossSlope;
using longwave::detail::LossValue;

template void for_each_index(const char*, index_t, const DividedByTotal<float, Cuda>&);
template void for_each_index(const char*, index_t, const DividedByTotal<double, Cuda>&);

// Every form of one loss for one type.
#define INSTANTIATE_LOSS(Rule, T)                                                               \
  template void sum_to(const SumPlan<T, 2>&, LossValue<Rule>);                                  \
  template void sum_to(const SumPlan<T, 3>&, LossValue<Rule>);                                  \
  template void map_elements<1>(const char*, const Elements<T, 3>&, LossEach<Rule>);            \
  template void map_elements<1>(const char*, const Elements<T, 4>&, LossEach<Rule>);            \
  template void map_elements<1>(const char*, const Elements<T, 4>&, LossSlope<Rule, T, false>); \
  template void map_elements<1>(const char*, const Elements<T, 5>&, LossSlope<Rule, T, false>); \
  template void map_elements<1>(const char*, const Elements<T, 4>&, LossSlope<Rule, T, true>);  \
  template void map_elements<1>(const char*, const Elements<T, 5>&, LossSlope<Rule, T, true>)

INSTANTIATE_LOSS(MseRule, float);
INSTANTIATE_LOSS(MseRule, double);
INSTANTIATE_LOSS(L1Rule, float);
INSTANTIATE_LOSS(L1Rule, double);
INSTANTIATE_LOSS(HuberRule, float);
INSTANTIATE_LOSS(HuberRule, double);
INSTANTIATE_LOSS(BceWithLogitsRule, float);
INSTANTIATE_LOSS(BceWithLogitsRule, double);
INSTANTIATE_LOSS(KlDivRule, float);
INSTANTIATE_LOSS(KlDivRule, double);

#undef INSTANTIATE_LOSS

}  // namespace longwave::cuda
