// trace_baselines.hpp - the subcommand baselines: what imputations without a model reach on the kernel traces, for the
// published split and for the honest one. Needs the data alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sssd/scores.hpp"

namespace longwave::examples::sssd {

struct BaselinesArguments {
  std::string data;                   // folder; empty: LONGWAVE_DATA
  std::vector<std::string> datasets;  // empty: the nine published workloads
  std::int64_t sequence_length = 200, missing_k = 10;
};
int baselines(const BaselinesArguments& arguments);

// mask (N, C, L): k entries in the middle are 0, from (L - k) / 2 on.
Tensor<float, 3> centred_block(Extents<3> sizes, index_t k);

// Scores of the baselines on one split of one workload.
std::vector<EventScores> workload_baselines(const std::string& data_root, const std::string& dataset, index_t length,
                                            index_t k, bool honest);

}  // namespace longwave::examples::sssd
