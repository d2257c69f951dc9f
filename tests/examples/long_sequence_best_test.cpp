// The best checkpoints of a run.
#include "check.hpp"
#include "files.hpp"
#include "long_sequence/best_folder.hpp"

using namespace longwave::examples;
using namespace longwave::test;
using longwave::index_t;

TEST_CASE("long_sequence: the best checkpoints stay, worse ones go, a run that goes on finds them") {
  const TemporaryFolder folder;
  const std::string place = folder / "best";
  const auto save = [](const std::string& path) { write_text(path, "weights"); };
  const auto epochs = [&] {
    std::vector<index_t> out;
    for (const auto& one : BestFolder(place, 2).kept()) out.push_back(one.epoch);
    return out;
  };
  CHECK(epochs().empty());
  const BestFolder best(place, 2);
  best.offer(1, 0.5, save);
  best.offer(2, 0.25, save);
  CHECK(epochs() == std::vector<index_t>{1, 2});
  best.offer(3, 0.125, save);  // not among the best
  CHECK(epochs() == std::vector<index_t>{1, 2});
  best.offer(4, 0.75, save);
  CHECK(epochs() == std::vector<index_t>{4, 1});
  best.offer(5, 0.5, save);  // as good as the first, and later
  CHECK(epochs() == std::vector<index_t>{4, 1});
  write_text(place + "/notes.txt", "kept");
  write_text(place + "/7_0.9.safetensors.previous", "kept");
  BestFolder(place, 2).offer(4, 0.75, save);  // the same epoch, run again
  CHECK(epochs() == std::vector<index_t>{4, 1});
  CHECK(BestFolder(place, 2).kept()[0].merit == 0.75);
  BestFolder(place, 1).offer(6, -1e-7, save);
  CHECK(epochs() == std::vector<index_t>{4, 1});
  BestFolder(place, 1).offer(6, 1.25, save);
  CHECK(epochs() == std::vector<index_t>{6});
  CHECK(read_text(place + "/notes.txt") == "kept");
}
