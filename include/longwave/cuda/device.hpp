// device.hpp - which of a machine's devices: by name on a command line, by number for the calling thread.
//
//   const DeviceChoice choice = parse_device("cuda:1");       // "cpu", "cuda", "cuda:<number>"
//   if (choice.on_cuda) cuda::set_device(choice.index);
//
// parse_device needs nothing but this header; the functions of namespace cuda are defined in longwave::cuda.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "longwave/core/error.hpp"

namespace longwave {

struct DeviceChoice {
  bool on_cuda = false;
  int index = 0;
};

inline DeviceChoice parse_device(std::string_view text) {
  if (text == "cpu") return {};
  if (text == "cuda") return {true, 0};
  constexpr std::string_view prefix = "cuda:";
  const std::string_view digits = text.starts_with(prefix) ? text.substr(prefix.size()) : std::string_view();
  int index = 0;
  for (const char c : digits) index = c >= '0' && c <= '9' && index >= 0 ? 10 * index + (c - '0') : -1;
  if (digits.empty() || digits.size() > 4 || index < 0)
    throw_value_error("device: \"" + std::string(text) + "\" is none of cpu, cuda, cuda:<number>");
  return {true, index};
}

namespace cuda {

// 0 where there is no device or no driver.
int device_count() noexcept;

// The calling thread's device for what follows; a thread starts on number 0. DeviceError: how many there are.
void set_device(int index);
int current_device() noexcept;

struct DeviceInfo {
  std::string name;  // "NVIDIA H100 80GB HBM3"
  int major = 0;     // compute capability: 9.0 for H100
  int minor = 0;
  int processors = 0;      // streaming multiprocessors
  std::size_t memory = 0;  // bytes in all
};
DeviceInfo device_info(int index);

}  // namespace cuda
}  // namespace longwave
