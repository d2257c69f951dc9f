#include "trace_gan/best.hpp"

#include <algorithm>

#include "longwave/metrics/mmd.hpp"

namespace longwave::examples::trace_gan {

HeldOut hold_out(TensorView<const float, 3> chunks, double share, Generator gen) {
  const index_t n = chunks.size(0), L = chunks.size(1), F = chunks.size(2);
  const index_t least = L > 1 ? 1 : 2;
  if (n <= least)
    throw_value_error("--keep best_mmd holds out " + std::to_string(least) + " of the " + std::to_string(n) +
                      " chunks and leaves none to learn from; name a longer trace or lower --seq_len");
  const auto wanted = static_cast<index_t>(std::llround(share * static_cast<double>(n)));
  const index_t out = std::clamp<index_t>(wanted, least, n - 1);
  Tensor<index_t, 1> order(n);
  gen.permutation(order.view());
  std::vector<bool> held(static_cast<std::size_t>(n));
  for (index_t i = 0; i < out; ++i) held[static_cast<std::size_t>(order(i))] = true;
  HeldOut parts{Tensor<float, 3>(n - out, L, F), Tensor<float, 2>(out * L, F)};
  const auto rows = parts.rows.view().reshape(Extents<3>{out, L, F});
  index_t stays = 0, goes = 0;
  for (index_t i = 0; i < n; ++i) {
    const bool is_out = held[static_cast<std::size_t>(i)];
    const TensorView<float, 2> to = is_out ? rows[goes++] : parts.chunks.view()[stays++];
    copy(to, chunks[i]);
  }
  return parts;
}

double score_rows(TensorView<const float, 2> generated, TensorView<const float, 2> held_out, RowCodec codec) {
  codec.inter_arrival = false;  // gaps of chunks in any order cannot be summed up
  return mmd_protocol(MmdProtocol::p1, decode_rows(held_out, codec, {}), decode_rows(generated, codec, {})).mmd2;
}

}  // namespace longwave::examples::trace_gan
