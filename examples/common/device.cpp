#include "common/device.hpp"

#include "common/settings.hpp"

namespace longwave::examples {

DeviceChoice device_named(const std::string& name) {
  try {
    return parse_device(name);
  } catch (const ValueError& error) {
    throw UsageError("--" + std::string(error.what()));
  }
}

DeviceChoice open_device(const std::string& name) {
  const DeviceChoice device = device_named(name);
  if (device.on_cuda) open_cuda(device.index);
  return device;
}

std::string describe_device(const DeviceChoice& device) { return device.on_cuda ? describe_cuda(device.index) : "cpu"; }

}  // namespace longwave::examples
