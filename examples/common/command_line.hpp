// command_line.hpp - options that several programs have alike. For main.cpp files: it brings CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "common/device.hpp"

namespace longwave::examples {

// For options that are numbers: what they may be, in words that name no largest double.
inline CLI::Validator number_from(double least, bool above, const char* expected) {
  CLI::Validator check(
      [least, above, expected](std::string& text) {
        double value = 0;
        const bool fits = CLI::detail::lexical_cast(text, value) && (above ? value > least : value >= least);
        return fits ? std::string() : text + ", expected " + expected;
      },
      "");
  return check;
}
inline CLI::Validator at_least_0() { return number_from(0, false, "a number of 0 or more"); }
inline CLI::Validator above_0() { return number_from(0, true, "a number above 0"); }

constexpr const char* device_help = "cpu, cuda or cuda:<number> [cpu]";

// --device, opened as soon as it is read: what is not there is said before anything else.
inline void add_device(CLI::App& app, DeviceChoice& device) {
  app.add_option_function<std::string>(
         "--device", [&device](const std::string& name) { device = open_device(name); }, device_help)
      ->type_name("DEVICE");
}

}  // namespace longwave::examples
