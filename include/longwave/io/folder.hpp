// folder.hpp - what a folder holds, in an order that does not depend on the file system.
#pragma once

#include <dirent.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "longwave/io/file.hpp"

namespace longwave {

// By text, but runs of digits by their number: "2.png" before "10.png".
inline bool numeric_order(std::string_view a, std::string_view b) {
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto run = [&](std::string_view text, std::size_t from) {
    std::size_t end = from;
    while (end < text.size() && digit(text[end])) ++end;
    return text.substr(from, end - from);
  };
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!digit(a[i]) || !digit(b[j])) {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
      continue;
    }
    std::string_view x = run(a, i), y = run(b, j);
    i += x.size(), j += y.size();
    x.remove_prefix(std::min(x.find_first_not_of('0'), x.size()));
    y.remove_prefix(std::min(y.find_first_not_of('0'), y.size()));
    if (x.size() != y.size()) return x.size() < y.size();
    if (x != y) return x < y;
  }
  if (a.size() - i != b.size() - j) return a.size() - i < b.size() - j;
  return a < b;  // "01" and "1"
}

inline bool is_folder(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

// Names in numeric order, without those that start with a dot.
inline std::vector<std::string> list_folder(const std::string& path) {
  DIR* folder = ::opendir(path.c_str());
  if (folder == nullptr) detail::throw_system_error(path, "cannot list this folder");
  std::vector<std::string> names;
  for (const dirent* entry = ::readdir(folder); entry != nullptr; entry = ::readdir(folder))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(folder);
  std::sort(names.begin(), names.end(), numeric_order);
  return names;
}

// Those that end in `ending`.
inline std::vector<std::string> list_folder(const std::string& path, std::string_view ending) {
  std::vector<std::string> names = list_folder(path);
  std::erase_if(names, [&](const std::string& name) { return !std::string_view(name).ends_with(ending); });
  return names;
}

}  // namespace longwave
