#include "long_sequence/best_folder.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "longwave/io/file.hpp"

namespace longwave::examples {

namespace fs = std::filesystem;

std::vector<BestFolder::Kept> BestFolder::kept() const {
  std::vector<Kept> all;
  if (!fs::is_directory(folder_)) return all;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    long long epoch = 0;
    double merit = 0;
    int end = 0;
    const std::string name = entry.path().filename().string();
    if (std::sscanf(name.c_str(), "%lld_%lf.safetensors%n", &epoch, &merit, &end) != 2) continue;
    if (end == static_cast<int>(name.size())) all.push_back({epoch, merit, entry.path().string()});
  }
  std::sort(all.begin(), all.end(),
            [](const Kept& a, const Kept& b) { return a.merit != b.merit ? a.merit > b.merit : a.epoch < b.epoch; });
  return all;
}

void BestFolder::offer(index_t epoch, double merit, const std::function<void(const std::string&)>& save) const {
  std::vector<Kept> others = kept();
  std::erase_if(others, [&](const Kept& one) { return one.epoch == epoch; });  // of this run, before it was stopped
  const auto better = std::count_if(others.begin(), others.end(), [&](const Kept& one) {
    return one.merit > merit || (one.merit == merit && one.epoch < epoch);
  });
  if (better >= count_) return;
  char name[64];
  std::snprintf(name, sizeof name, "%04lld_%.9g.safetensors", static_cast<long long>(epoch), merit);
  make_folders(folder_);
  save(folder_ + "/" + name);
  for (std::size_t i = static_cast<std::size_t>(count_ - 1); i < others.size(); ++i) {
    fs::remove(others[i].path);
    fs::remove(others[i].path + ".previous");
  }
}

}  // namespace longwave::examples
