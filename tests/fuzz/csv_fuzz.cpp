#include "longwave/data/csv.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const bool header : {true, false})
    fuzz::refuse_or_read(data, size, [=](Bytes bytes) {
      const CsvTable<float> table = read_csv<float>(bytes, "input", {.header = header});
      if (static_cast<index_t>(table.names.size()) != table.columns()) std::abort();
      if (!table.text.empty() && static_cast<index_t>(table.text.size()) != table.rows()) std::abort();
    });
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    read_csv<double>(bytes, "input", {.delimiter = ';', .only = {"a"}, .skip = {"b"}});
  });
}
