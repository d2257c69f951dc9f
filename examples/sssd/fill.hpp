// fill.hpp - the user's own file: its gaps filled, or what follows it.
#pragma once

#include "sssd/imputation.hpp"

namespace longwave::examples::sssd {

// csv: filled.csv with every gap filled, gaps.csv with each gap's median and band. npy (N, L, C): imputation0.npy and
// mask0.npy. Events, text or npy, 0 or less where missing: filled.txt.
int fill_gaps(const ImputeArguments& arguments, const Trained& trained);

// csv: the `horizon` rows after its last, as forecast.csv with median and band of each column. Events: forecast.txt.
int continue_file(const ImputeArguments& arguments, const Trained& trained, index_t horizon);

}  // namespace longwave::examples::sssd
