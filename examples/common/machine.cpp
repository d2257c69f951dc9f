#include "common/machine.hpp"

#include <sys/utsname.h>

#include <ctime>
#include <fstream>
#include <thread>

#include "common/device.hpp"
#include "longwave/core/parallel.hpp"

#ifndef LONGWAVE_BUILD_FLAGS
#define LONGWAVE_BUILD_FLAGS "not recorded"
#endif

namespace longwave::examples {

namespace {

std::string processor() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const auto colon = line.find(": ");
    if (colon != std::string::npos && (line.rfind("model name", 0) == 0 || line.rfind("Model", 0) == 0))
      return line.substr(colon + 2);
  }
  return "unknown";
}

std::string compiler() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("GCC ") + __VERSION__;
#endif
}

std::string operating_system() {
  utsname names = {};
  if (uname(&names) != 0) return "unknown";
  return std::string(names.sysname) + " " + names.release + " " + names.machine;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> machine_info(const DeviceChoice& device) {
  std::vector<std::pair<std::string, std::string>> info;
  if (device.on_cuda) info.emplace_back("device", describe_device(device));
  for (auto&& [name, value] : std::initializer_list<std::pair<std::string, std::string>>{
           {"processor", processor()},
           {"hardware threads", std::to_string(std::thread::hardware_concurrency())},
           {"threads used", std::to_string(num_threads())},
           {"system", operating_system()},
           {"compiler", compiler()},
           {"compiler flags", LONGWAVE_BUILD_FLAGS}})
    info.emplace_back(name, value);
  return info;
}

std::string timestamp() {
  const std::time_t now = std::time(nullptr);
  std::tm utc = {};
  gmtime_r(&now, &utc);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc);
  return text;
}

}  // namespace longwave::examples
