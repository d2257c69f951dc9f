#include "longwave/io/checkpoint.hpp"

#include "fuzz.hpp"

using namespace longwave;

// The checksum would stop nearly every input, so what lies behind it is read whatever it says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    const SafetensorsFile file(bytes, "input");
    try {
      detail::check_checkpoint(file);
    } catch (const IoError&) {
    }
    const CheckpointInfo info = detail::to_info(file);
    if (info.epoch < 0 || info.step < 0) __builtin_trap();
  });
}
