#include "longwave/data/trace_split.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    const Traces traces = read_traces(bytes, "input");
    if (traces.stream && traces.ids.size() < 2000) {
      const TraceSplit split = split_stream(traces.ids, 4, 3, {.block = 9});
      if (!unseen_rows(split.train, split.train).empty()) std::abort();
    }
    const Tensor<std::int32_t, 2> ids = equal_lengths(traces, 4);
    const EventVocabulary known(ids.view());
    const IdScale scale(ids.view());
    const auto back = scale.to_ids(scale.to_unit<double>(ids.view()).view(), known);
    for (index_t i = 0; i < ids.count(); ++i)
      if (back.data()[i] != ids.data()[i]) std::abort();
  });
}
