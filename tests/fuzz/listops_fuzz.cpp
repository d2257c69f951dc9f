#include "longwave/data/listops.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    const ListOps set = read_listops(bytes, "input");
    check_sequences(tokenize(set, listops_vocabulary(set), {.l_max = 20}));
    for (index_t i = 0; i < set.size(); ++i) {
      const int value = evaluate_listops(set.expression(i));
      if (value < 0 || value > 9) std::abort();
    }
  });
}
