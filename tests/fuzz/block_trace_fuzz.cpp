#include "longwave/data/block_trace.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (int layout = 0; layout < 5; ++layout)
    fuzz::refuse_or_read(data, size, [=](Bytes bytes) {
      BlockTraceOptions options;
      options.layout = static_cast<TraceLayout>(layout);
      const BlockTrace trace = read_block_trace(bytes, "input", options);
      if (trace.rows() + trace.left_out() != trace.lines) std::abort();
      for (const double number : trace.numbers)
        if (!std::isfinite(number)) std::abort();
      // Cut in two, the same.
      detail::BlockTraceParser parser(options);
      const std::string_view text(reinterpret_cast<const char*>(data), size);
      parser.feed(text.substr(0, size / 2));
      parser.feed(text.substr(size / 2));
      if (text.find('\n') != std::string_view::npos && size < 4096 && parser.finish("input").numbers != trace.numbers)
        std::abort();
    });
  return 0;
}
