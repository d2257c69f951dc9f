// network_layers.hpp - networks of every kind of layer: what each takes from the options. Each is instantiated in a
// file of its own, networks/<kind>.cpp for the host and cuda/<kind>.cpp, since one takes seconds to compile.
#pragma once

#include "long_sequence/network.hpp"
#include "longwave/state_space/discretize.hpp"

namespace longwave::examples {

template <device D>
using MadeNetwork = std::unique_ptr<Network<D>>;

template <device D>
MadeNetwork<D> make_s4d_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);
// Disc: Zoh, Bilinear or Dss.
template <device D, class Disc>
MadeNetwork<D> make_s4_diag_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);
template <device D>
MadeNetwork<D> make_s4_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);
template <device D>
MadeNetwork<D> make_dss_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);
template <device D>
MadeNetwork<D> make_lstm_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);
template <device D>
MadeNetwork<D> make_gru_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);
template <device D>
MadeNetwork<D> make_conv_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);

// With values in bfloat16 (mixed_layer.hpp), which saves time on the device alone: cuda/mixed_<kind>.cpp.
MadeNetwork<Cuda> make_mixed_s4d_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);
template <class Disc>
MadeNetwork<Cuda> make_mixed_s4_diag_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);
MadeNetwork<Cuda> make_mixed_s4_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);
MadeNetwork<Cuda> make_mixed_dss_network(const RunOptions& options, const NetworkShape& shape, Generator& gen);

}  // namespace longwave::examples
