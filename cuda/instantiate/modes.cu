#include "kernels/each.cuh"
#include "kernels/each_row.cuh"
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

}  // namespace longwave::cuda
