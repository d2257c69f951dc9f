#include "long_sequence/layer_options.hpp"

#include <algorithm>

#include "long_sequence/config.hpp"

namespace longwave::examples {

namespace {

enum Layer : unsigned { s4d = 1, s4_diag = 2, s4 = 4, dss = 8, conv = 16 };

constexpr unsigned state_space = s4d | s4_diag | s4 | dss;

constexpr std::pair<const char*, Layer> layers[] = {
    {"s4d", s4d}, {"s4_diag", s4_diag}, {"s4", s4}, {"dss", dss}, {"conv", conv}};

// Options that are not here are of every layer.
constexpr std::pair<const char*, unsigned> owners[] = {{"model.d_state", state_space},
                                                       {"model.dt_min", state_space},
                                                       {"model.dt_max", state_space},
                                                       {"model.activation", state_space},
                                                       {"model.final_act", state_space},
                                                       {"model.gate", state_space},
                                                       {"model.gate_act", state_space},
                                                       {"model.mult_act", state_space},
                                                       {"model.hyper_act", s4_diag | s4 | dss},
                                                       {"model.bottleneck", state_space},
                                                       {"model.weight_norm", state_space},
                                                       {"model.drop_kernel", state_space},
                                                       {"model.l_max", state_space},
                                                       {"model.channels", s4_diag | s4 | dss},
                                                       {"model.swap_channels", s4_diag | s4 | dss},
                                                       {"model.init", s4_diag | s4},
                                                       {"model.disc", s4_diag},
                                                       {"model.B_clip", s4_diag | s4},
                                                       {"model.B_init", s4_diag | s4},
                                                       {"model.B_scale", s4_diag | s4},
                                                       {"model.P_scale", s4},
                                                       {"model.real_random", s4_diag | s4},
                                                       {"model.imag_random", s4_diag | s4},
                                                       {"model.real_scale", s4_diag | s4},
                                                       {"model.imag_scale", s4_diag | s4},
                                                       {"model.normalize", s4_diag | s4},
                                                       {"model.dt_transform", s4_diag | s4},
                                                       {"model.real_transform", s4_diag | s4},
                                                       {"model.imag_transform", s4_diag | s4},
                                                       {"model.dt_tie", s4_diag},
                                                       {"model.dt_fast", s4_diag | s4},
                                                       {"model.is_real", s4_diag},
                                                       {"model.bandlimit", s4_diag | s4},
                                                       {"model.n_ssm", s4_diag | s4},
                                                       {"model.deterministic", s4_diag | s4},
                                                       {"model.rank", s4},
                                                       {"model.version", dss},
                                                       {"model.Lambda_init", dss},
                                                       {"model.separate_dt", dss},
                                                       {"model.kernel_size", conv},
                                                       {"optimizer.ssm_lr", state_space},
                                                       {"optimizer.dt_lr", s4_diag | s4 | dss},
                                                       {"optimizer.B_lr", s4_diag | s4},
                                                       {"optimizer.C_lr", s4_diag | s4 | dss}};

unsigned layer_named(const std::string& name) {
  for (const auto& [text, layer] : layers)
    if (name == text) return layer;
  return 0;  // lstm and gru, which have no options of their own
}

// "s4d, s4_diag and dss"
std::string names_of(unsigned owned_by) {
  std::vector<std::string> names;
  for (const auto& [text, layer] : layers)
    if (owned_by & layer) names.emplace_back(text);
  std::string all = names[0];
  for (std::size_t i = 1; i < names.size(); ++i) all += (i + 1 < names.size() ? ", " : " and ") + names[i];
  return all;
}

}  // namespace

void settle_layer_options(Settings& settings, const std::vector<std::pair<std::string, std::string>>& command_line) {
  const auto given = [&](const std::string& name) {
    return std::any_of(command_line.begin(), command_line.end(), [&](const auto& pair) { return pair.first == name; });
  };
  RunOptions fresh;
  const Settings defaults = make_settings(fresh);
  const std::string kind = settings.value_text("model.layer");
  const unsigned layer = layer_named(kind);
  for (const Settings::Entry& entry : defaults.entries()) {
    const auto* owner = std::find_if(std::begin(owners), std::end(owners),
                                     [&](const auto& candidate) { return entry.name == candidate.first; });
    if (owner == std::end(owners) || (owner->second & layer) != 0) continue;
    const std::string standard = defaults.value_text(entry.name);
    const bool differs = settings.value_text(entry.name) != standard;
    if (given(entry.name) || (differs && !given("model.layer")))
      throw_value_error(entry.name + " is an option of model.layer = " + names_of(owner->second) + ", not of " + kind +
                        "; leave it out");
    if (differs) settings.set(entry.name, standard);
  }
}

void read_options(Settings& settings, const std::string& config,
                  const std::vector<std::pair<std::string, std::string>>& command_line) {
  if (!config.empty()) settings.load_file(config);
  for (const auto& [name, value] : command_line) settings.set(name, value);
  settle_layer_options(settings, command_line);
}

}  // namespace longwave::examples
