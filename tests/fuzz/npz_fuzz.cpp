#include "longwave/io/npz.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    const NpzFile file(bytes, "input");
    for (const std::string& name : file.names()) {
      try {
        file.read<float, 1>(name);
      } catch (const Error&) {  // the next member may still be good
      }
    }
  });
}
