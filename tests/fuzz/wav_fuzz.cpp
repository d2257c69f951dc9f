#include "longwave/data/wav.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    const Wav<double> wav = read_wav<double>(bytes, "input");
    if (wav.channels() < 1 || wav.rate < 1 || static_cast<std::size_t>(wav.samples.count()) > bytes.size())
      std::abort();
  });
}
