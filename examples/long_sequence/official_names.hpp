// official_names.hpp - what the S4 and DSS repositories call the parts of a network in their state dicts.
//
//   here                                 a training run (train.py)        example.py
//   encoder.*                            encoder.0.*                      encoder.*
//   model.layers.i.layer.*               the same                         s4_layers.i.*
//   model.layers.i.norm.norm.*           the same                         norms.i.*
//   decoder.output_transform.*           decoder.0.output_transform.*     decoder.*
#pragma once

#include <string>
#include <vector>

#include "longwave/interop/torch_dict.hpp"

namespace longwave::examples {

struct OfficialNames {
  std::string encoder = "encoder.0.", decoder = "decoder.0.";  // of a training run
  bool example = false;                                        // those of example.py
};

// Of a state dict whose names all begin with `prefix`; both may also come without a number, as here.
OfficialNames names_in(const StateDict& dict, const std::string& prefix);

// The same parameters under these names. ValueError, with all of them, where some have no place in example.py's model.
std::vector<ParameterRef<float>> renamed(std::vector<ParameterRef<float>> refs, const OfficialNames& names);

}  // namespace longwave::examples
