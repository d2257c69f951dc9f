#include "kernels/each.cuh"
#include "kernels/map.cuh"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/diffusion/sampler.hpp"
#include "longwave/diffusion/step_embedding.hpp"

namespace longwave::cuda {

using namespace longwave::detail;

template void for_each_index(const char*, index_t, const StepEmbedding<float, Cuda>&);
template void for_each_index(const char*, index_t, const StepEmbedding<double, Cuda>&);
template void for_each_index(const char*, index_t, const GatherLevels<float, Cuda>&);
template void for_each_index(const char*, index_t, const GatherLevels<double, Cuda>&);
template void for_each_index(const char*, index_t, const DrawnSteps<Cuda>&);
template void for_each_index(const char*, index_t, const TellStep<Cuda>&);
template void for_each_index(const char*, index_t, const NextPosition<Cuda>&);
template void for_each_index(const char*, index_t, const SamplingUpdate<float, Cuda>&);
template void for_each_index(const char*, index_t, const SamplingUpdate<double, Cuda>&);

template void map_elements<1>(const char*, const Elements<float, 5>&, Diffused);
template void map_elements<1>(const char*, const Elements<double, 5>&, Diffused);
template void map_elements<2>(const char*, const Elements<float, 7>&, AddedNoise);
template void map_elements<2>(const char*, const Elements<double, 7>&, AddedNoise);
template void map_elements<1>(const char*, const Elements<float, 5>&, PredictedStart<float>);
template void map_elements<1>(const char*, const Elements<double, 5>&, PredictedStart<double>);
template void map_elements<1>(const char*, const Elements<float, 6>&, PredictedStartSlope<float>);
template void map_elements<1>(const char*, const Elements<double, 6>&, PredictedStartSlope<double>);
template void map_elements<1>(const char*, const Elements<float, 2>&, MissingWeight);
template void map_elements<1>(const char*, const Elements<double, 2>&, MissingWeight);
template void map_elements<1>(const char*, const Elements<float, 3>&, MissingWeight);
template void map_elements<1>(const char*, const Elements<double, 3>&, MissingWeight);
template void map_elements<1>(const char*, const Elements<float, 3>&, KnownOnly);
template void map_elements<1>(const char*, const Elements<double, 3>&, KnownOnly);
template void map_elements<1>(const char*, const Elements<float, 4>&, SetKnown<float>);
template void map_elements<1>(const char*, const Elements<double, 4>&, SetKnown<double>);

}  // namespace longwave::cuda
