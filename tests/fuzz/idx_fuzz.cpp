#include "longwave/data/idx.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    for (std::size_t rank = 0; rank <= 4; ++rank) {
      fuzz::with_rank(rank, [&](auto n) {
        try {
          read_idx<float, n()>(bytes, "input");
        } catch (const IoError&) {  // another rank
        }
      });
    }
  });
}
