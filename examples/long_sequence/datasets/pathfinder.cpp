// Pathfinder: the published folder of images, or images drawn on the spot where no folder is named. Path-X: length
// 16384.
#include "long_sequence/datasets/assemble.hpp"
#include "longwave/data/pathfinder_files.hpp"
#include "longwave/data/pathfinder_generate.hpp"

namespace longwave::examples {

namespace {

Pathfinder read_images(const RunOptions& options) {
  const index_t side = options.dataset.length == 16384 ? 128 : 32;
  if (options.dataset.length != 0 && options.dataset.length != side * side)
    throw_value_error("dataset.length is " + std::to_string(options.dataset.length) +
                      ", expected 1024 (Pathfinder) or 16384 (Path-X)");
  if (!options.dataset.folder.empty()) return read_pathfinder(options.dataset.folder);
  return draw_pathfinder(options.dataset.items > 0 ? options.dataset.items : 20000, {.side = side});
}

}  // namespace

RunData load_pathfinder(const RunOptions& options, const Wanted& wanted) {
  const PathfinderParts parts = split_pathfinder(read_images(options));
  const auto sequences = [](const Pathfinder& part) { return sequences_of(pathfinder_dataset(part)); };
  if (!wanted.train) return assemble(options, Numbers(), sequences(parts.test));
  return assemble(options, sequences(parts.train), sequences(parts.test), std::optional(sequences(parts.validation)));
}

}  // namespace longwave::examples
