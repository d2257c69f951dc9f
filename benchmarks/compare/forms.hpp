// forms.hpp - the forms that are compared: one state-space layer y = K * u + D u on a tape, computed in several ways.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "compare/results.hpp"
#include "longwave/autograd/tape.hpp"
#include "longwave/core/random.hpp"
#include "longwave/state_space/recurrence.hpp"

namespace longwave::compare {

// u (B, H, L) -> y (B, H, L); owns its parameters.
using Layer = std::function<Var<float, 3>(Tape<float>&, Var<float, 3>)>;

struct Form {
  const char* name;   // in JSON and on the command line
  const char* label;  // in charts
  const char* what;
  std::optional<Algorithm> algorithm;  // for those that Algorithm::auto_ chooses from
  Layer (*make)(const Sizes& sizes, Generator& gen);
};

const std::vector<Form>& forms();
const Form& form_named(const std::string& name);  // throws ValueError that lists the names

// The form that Algorithm::auto_ takes at these sizes.
const Form& chosen_forward(const Sizes& sizes);
const Form& chosen_backward(const Sizes& sizes);

}  // namespace longwave::compare
