#include "longwave/io/npy.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    const NpyArray array(bytes, "input");
    fuzz::with_rank(array.shape().size(), [&](auto rank) {
      array.read<complex<double>, rank()>();
      array.read<std::int16_t, rank()>();
    });
  });
}
