#include "long_sequence/official_names.hpp"

#include <cctype>

namespace longwave::examples {

namespace {

// "encoder.0." where a name begins with that and the prefix, else "encoder."
std::string numbered(const StateDict& dict, const std::string& prefix, const std::string& part) {
  const std::string begin = prefix + part;
  for (auto at = dict.entries.lower_bound(begin); at != dict.entries.end() && at->first.starts_with(begin); ++at) {
    const std::size_t dot = at->first.find('.', begin.size());
    if (dot == std::string::npos || dot == begin.size()) continue;
    const std::string number = at->first.substr(begin.size(), dot - begin.size());
    if (number.find_first_not_of("0123456789") == std::string::npos) return part + number + ".";
  }
  return part;
}

bool move_prefix(std::string& name, const std::string& from, const std::string& to) {
  if (!name.starts_with(from)) return false;
  name = to + name.substr(from.size());
  return true;
}

// "model.layers.3.layer.D" -> "s4_layers.3.D"; false where example.py has no such part.
bool to_example(std::string& name) {
  constexpr std::string_view layers = "model.layers.";
  if (name.starts_with(layers)) {
    const std::size_t dot = name.find('.', layers.size());
    const std::string number = name.substr(layers.size(), dot + 1 - layers.size());
    std::string rest = name.substr(dot + 1);
    if (!move_prefix(rest, "layer.", "s4_layers." + number) && !move_prefix(rest, "norm.norm.", "norms." + number))
      return false;
    name = rest;
    return true;
  }
  return move_prefix(name, "decoder.output_transform.", "decoder.") || name.starts_with("encoder.");
}

}  // namespace

OfficialNames names_in(const StateDict& dict, const std::string& prefix) {
  const auto layers = dict.entries.lower_bound(prefix + "s4_layers.");
  if (layers != dict.entries.end() && layers->first.starts_with(prefix + "s4_layers."))
    return {.encoder = "encoder.", .decoder = "decoder.", .example = true};
  return {.encoder = numbered(dict, prefix, "encoder."), .decoder = numbered(dict, prefix, "decoder.")};
}

std::vector<ParameterRef<float>> renamed(std::vector<ParameterRef<float>> refs, const OfficialNames& names) {
  std::string without_place;
  for (ParameterRef<float>& ref : refs) {
    if (!names.example)
      static_cast<void>(move_prefix(ref.name, "encoder.", names.encoder) ||
                        move_prefix(ref.name, "decoder.", names.decoder));
    else if (!to_example(ref.name))
      without_place += "\n  " + ref.name;
  }
  if (!without_place.empty())
    throw_value_error("example.py's model, S4D layers with a norm after each, has no place for" + without_place);
  return refs;
}

}  // namespace longwave::examples
