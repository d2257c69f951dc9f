// layer_options.hpp - options that only some kinds of layer look at, such as model.rank of s4.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/settings.hpp"

namespace longwave::examples {

// After a configuration was read and the command line's (name, value) pairs were set: what model.layer does not look at
// is a mistake, not a wish, and refused by name. Where the command line itself names model.layer, it leaves the layer
// of the configuration and that one's options: they go back to their defaults. A default value in a file is no wish,
// since the configurations that runs leave behind hold all options.
void settle_layer_options(Settings& settings, const std::vector<std::pair<std::string, std::string>>& command_line);

// A new run's options: the configuration's, if one is named, then the command line's, then the above.
void read_options(Settings& settings, const std::string& config,
                  const std::vector<std::pair<std::string, std::string>>& command_line);

}  // namespace longwave::examples
