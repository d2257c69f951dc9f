#include "longwave/data/pathfinder_files.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    std::vector<detail::PathfinderEntry> entries;
    detail::read_pathfinder_metadata(bytes, "input", entries);
    for (const detail::PathfinderEntry& entry : entries)
      if (entry.label < 0 || entry.label > 1) std::abort();
  });
}
