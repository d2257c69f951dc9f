// machine.hpp - what a figure was measured with: processor, device, threads, compiler, flags.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "longwave/cuda/device.hpp"

namespace longwave::examples {

// Name and value, in the order to show.
std::vector<std::pair<std::string, std::string>> machine_info(const DeviceChoice& device = {});

std::string timestamp();  // "2025-01-31 14:05:09 UTC"

}  // namespace longwave::examples
