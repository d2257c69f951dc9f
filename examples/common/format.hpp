// format.hpp - printf into a string of any length.
#pragma once

#include <algorithm>
#include <cstdio>
#include <string>

namespace longwave::examples {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  const int length = std::snprintf(nullptr, 0, pattern, values...);
  std::string text(static_cast<std::size_t>(std::max(length, 0)), ' ');
  std::snprintf(text.data(), text.size() + 1, pattern, values...);
  return text;
}

}  // namespace longwave::examples
