// imputation.hpp - draws of what is missing in series, as values of the data; the files of the official inference.
#pragma once

#include <string>
#include <vector>

#include "sssd/backend.hpp"
#include "sssd/commands.hpp"

namespace longwave::examples::sssd {

struct Imputation {
  Tensor<float, 4> samples;  // (S, N, C, L), known values as they are, regressed event ids not rounded
  Tensor<float, 3> median;   // (N, C, L); classes: the most frequent of the draws
};

// set: values, mask (N, C, L): 1 = shown to the network, which must be known. Events are valid ids of the vocabulary.
Imputation draw_missing(const Trained& trained, const SeriesSet& set, const Tensor<float, 3>& mask,
                        const DrawArguments& arguments, index_t samples);
// The same with a drawer that is there already.
Imputation draw_missing(Drawer& drawer, const Trained& trained, const SeriesSet& set, const Tensor<float, 3>& mask,
                        const DrawArguments& arguments, index_t samples);

// The options that -c and the command line give in common: --checkpoint, else where the config trains to.
Trained load_for(DrawArguments& arguments, const std::string& default_output);

// Linear between the sorted draws; of one value.
float quantile_of(std::vector<float> draws, double q);

}  // namespace longwave::examples::sssd
