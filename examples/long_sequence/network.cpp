#include "long_sequence/network_choice.hpp"
#include "longwave/nn/pool.hpp"

namespace longwave::examples {

template std::unique_ptr<Network<Host>> make_network<Host>(const RunOptions&, const NetworkShape&, Generator&);

void check_pools(const RunOptions& options, const NetworkShape& shape) {
  const auto& m = options.model;
  if (m.pool == "none") return;
  const auto refuse = [&](const std::string& why) { throw_value_error("model.pool = " + m.pool + ": " + why); };
  if (!shape.one_each) refuse("dataset.name = " + options.dataset.name + " has something to predict at every position");
  if (shape.variable && m.pool_stride > 1)
    refuse("the items of dataset.name = " + options.dataset.name + " have lengths of their own");
  const bool whole = m.pool == "linear" || m.pool == "spectral";  // no rest is left out
  const index_t pools = m.n_layers * (m.feed_forward > 0 ? 2 : 1);
  index_t L = shape.length, width = m.d_model;
  for (index_t i = 0; i < pools; ++i) {
    if (L < m.pool_stride || (whole && L % m.pool_stride != 0))
      refuse("pool " + std::to_string(i + 1) + " of " + std::to_string(pools) + " gets " + std::to_string(L) +
             " positions, expected " + (whole ? "a multiple of" : "at least") +
             " model.pool_stride = " + std::to_string(m.pool_stride));
    L = m.pool == "sample" ? (L + m.pool_stride - 1) / m.pool_stride : L / m.pool_stride;
    width *= std::max<index_t>(1, m.pool_expand);
    if (width > 65536)
      refuse("with model.pool_expand = " + std::to_string(m.pool_expand) + " pool " + std::to_string(i + 1) +
             " gives " + std::to_string(width) + " features, at most 65536 are allowed");
  }
}

}  // namespace longwave::examples
