#include "kernels/each.cuh"
#include "longwave/models/event_tokens.hpp"

namespace longwave::cuda {

template void for_each_index(const char*, index_t, const longwave::detail::ShownTokens<float, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::ShownTokens<double, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::DrawStep<float, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::DrawStep<double, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::HideEvents<float, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::HideEvents<double, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::StartTokens<float, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::StartTokens<double, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::ChooseEvents<float, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::ChooseEvents<double, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::ShowSurest<float, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::ShowSurest<double, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::TokenValues<float, Cuda>&);
template void for_each_index(const char*, index_t, const longwave::detail::TokenValues<double, Cuda>&);

}  // namespace longwave::cuda
