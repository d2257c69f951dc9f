#include "longwave/io/safetensors.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    const SafetensorsFile file(bytes, "input");
    for (const std::string& name : file.names()) {
      file.values<complex<double>>(name);
      try {
        file.values<std::int16_t>(name);
      } catch (const IoError&) {  // does not fit, or is not whole
      }
      fuzz::with_rank(file.shape(name).size(), [&](auto rank) {
        if (file.dtype(name) == DType::u8) static_cast<void>(file.tensor<std::uint8_t, rank()>(name));
      });
    }
  });
}
