#include "kernels/each.cuh"
#include "kernels/each_row.cuh"
#include "longwave/state_space/modes_diag.hpp"
#include "longwave/state_space/modes_dss.hpp"
#include "longwave/state_space/modes_s4d.hpp"
#include "longwave/state_space/state_terms.hpp"

namespace longwave::cuda {

using impl::InputWeight, impl::InverseInputWeight;

template void for_each_index(const char*, index_t, const impl::WeightModes<Cuda>&);
template void for_each_index(const char*, index_t, const impl::WeightModesBackward<Cuda>&);
template void for_each_index(const char*, index_t, const impl::InverseWeightGradient<Cuda>&);
template void for_each_index(const char*, index_t, const impl::AddModes<Cuda>&);
template void for_each_index(const char*, index_t, const impl::ScaleStates<float, Cuda, InputWeight<Cuda>>&);
template void for_each_index(const char*, index_t, const impl::ScaleStates<double, Cuda, InputWeight<Cuda>>&);
template void for_each_index(const char*, index_t, const impl::ScaleStates<float, Cuda, InverseInputWeight<Cuda>>&);
template void for_each_index(const char*, index_t, const impl::ScaleStates<double, Cuda, InverseInputWeight<Cuda>>&);
template void for_each_row(const char*, index_t, index_t,
                           const impl::ScaleStatesBackward<float, Cuda, InputWeight<Cuda>>&);
template void for_each_row(const char*, index_t, index_t,
                           const impl::ScaleStatesBackward<double, Cuda, InputWeight<Cuda>>&);
template void for_each_row(const char*, index_t, index_t,
                           const impl::ScaleStatesBackward<float, Cuda, InverseInputWeight<Cuda>>&);
template void for_each_row(const char*, index_t, index_t,
                           const impl::ScaleStatesBackward<double, Cuda, InverseInputWeight<Cuda>>&);

template void for_each_index(const char*, index_t, const impl::StateWeights<float>&);
template void for_each_index(const char*, index_t, const impl::StateWeights<double>&);
template void for_each_index(const char*, index_t, const impl::EndStates<float>&);
template void for_each_index(const char*, index_t, const impl::EndStates<double>&);
template void for_each_index(const char*, index_t, const impl::EndWeights<float>&);
template void for_each_index(const char*, index_t, const impl::EndWeights<double>&);
template void for_each_row(const char*, index_t, index_t, const impl::StateGradients<float>&);
template void for_each_row(const char*, index_t, index_t, const impl::StateGradients<double>&);

template void for_each_index(const char*, index_t, const impl::S4DForward<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::S4DForward<double, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::S4DBackward<float, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::S4DBackward<double, Cuda>&);

template void for_each_index(const char*, index_t, const impl::DssForward<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DssForward<double, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::DssFeatures<float, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::DssFeatures<double, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::DssLambdaGradient<float, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::DssLambdaGradient<double, Cuda>&);

template void for_each_index(const char*, index_t, const impl::ContinuousForward<float, Cuda>&);
template void for_each_index(const char*, index_t, const impl::ContinuousForward<double, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::ContinuousFeatures<float, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::ContinuousFeatures<double, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::ContinuousCopies<float, Cuda>&);
template void for_each_row(const char*, index_t, index_t, const impl::ContinuousCopies<double, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagForward<Zoh, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagForward<Bilinear, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagForward<Dss, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagBackward<Zoh, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagBackward<Bilinear, Cuda>&);
template void for_each_index(const char*, index_t, const impl::DiagBackward<Dss, Cuda>&);

}  // namespace longwave::cuda
