// command_line.hpp - options that several programs have alike. For main.cpp files: it brings CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "common/device.hpp"

namespace longwave::examples {

constexpr const char* device_help = "cpu, cuda or cuda:<number> [cpu]";

// --device, opened as soon as it is read: what is not there is said before anything else.
inline void add_device(CLI::App& app, DeviceChoice& device) {
  app.add_option_function<std::string>(
         "--device", [&device](const std::string& name) { device = open_device(name); }, device_help)
      ->type_name("DEVICE");
}

}  // namespace longwave::examples
