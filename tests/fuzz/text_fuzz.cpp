#include "longwave/data/text.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const TextUnit unit : {TextUnit::characters, TextUnit::bytes})
    for (const TextTable& table : {TextTable(), aan_table})
      fuzz::refuse_or_read(data, size, [&](Bytes bytes) {
        const Texts texts = read_text_table(bytes, "input", table, {.unit = unit, .l_max = 10});
        const TokenSet set = tokenize(texts, text_vocabulary(texts, 2));
        check_sequences(set);
        if (set.longest() > 10) std::abort();
      });
  return 0;
}
