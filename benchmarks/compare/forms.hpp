// forms.hpp - the forms that are compared: one state-space layer y = K * u + D u on a tape, computed in several ways
// (layers.hpp).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "compare/results.hpp"
#include "longwave/state_space/recurrence.hpp"

namespace longwave::compare {

struct Form {
  const char* name;   // in JSON and on the command line
  const char* label;  // in charts
  const char* what;
  std::optional<Algorithm> algorithm;  // for those that Algorithm::auto_ chooses from
};

const std::vector<Form>& forms();
const Form& form_named(const std::string& name);  // throws ValueError that lists the names

// The form that Algorithm::auto_ takes at these sizes, on the host or on the device.
const Form& chosen_forward(const Sizes& sizes, bool on_cuda);
const Form& chosen_backward(const Sizes& sizes, bool on_cuda);

}  // namespace longwave::compare
