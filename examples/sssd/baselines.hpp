// baselines.hpp - imputations that learn next to nothing: what a model has to beat.
//
// values (N, C, L), mask (N, C, L): 1 = shown, 0 = to impute. Each returns the values with guesses where the mask is 0;
// values under the mask are not looked at.
#pragma once

#include <vector>

#include "longwave/core/tensor.hpp"

namespace longwave::examples::sssd {

using Values = TensorView<const float, 3>;

// The most frequent value of all, the smallest of several: the majority event.
float majority_event(Values train);

// Mean of each channel where known (N, C, L) is 1; 0 where a channel has none. An empty `known`: everywhere.
std::vector<float> channel_means(Values train, Values known = {});

// One constant per channel.
Tensor<float, 3> impute_constant(Values values, Values mask, const std::vector<float>& constants);

// The last value shown before; the first one after where there is none; else the channel's fallback.
Tensor<float, 3> impute_previous(Values values, Values mask, const std::vector<float>& fallback);

// On the straight line between the values shown before and after; at the ends as impute_previous.
Tensor<float, 3> impute_linear(Values values, Values mask, const std::vector<float>& fallback);

// The nearest value shown a whole number of periods away, the earlier of two; without one as impute_linear.
Tensor<float, 3> impute_seasonal(Values values, Values mask, index_t period, const std::vector<float>& fallback);

// Events: what stands there in the training sequence (M, C, L) that agrees with most of what is shown, the first of
// several. It only remembers: where it scores high, the test repeats the training data.
Tensor<float, 3> impute_nearest_sequence(Values values, Values mask, Values train);

}  // namespace longwave::examples::sssd
