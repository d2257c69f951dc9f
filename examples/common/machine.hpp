// machine.hpp - what a figure was measured with: processor, threads, compiler, flags, library version.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace longwave::examples {

// Name and value, in the order to show.
std::vector<std::pair<std::string, std::string>> machine_info();

std::string timestamp();  // "2025-01-31 14:05:09 UTC"

}  // namespace longwave::examples
