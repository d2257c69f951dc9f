// names.hpp - options that are chosen by name, as in configuration files: an unknown one is an error that lists all.
#pragma once

#include <cstddef>
#include <string_view>

#include "longwave/core/error.hpp"

namespace longwave {

template <class E>
struct Named {
  std::string_view name;
  E value;
};

// "residual: 'x' is unknown, expected one of R, F"
template <class E, std::size_t K>
E value_of_name(const char* what, std::string_view name, const Named<E> (&table)[K]) {
  for (const Named<E>& entry : table)
    if (entry.name == name) return entry.value;
  std::string valid;
  for (const Named<E>& entry : table) valid += (valid.empty() ? "" : ", ") + std::string(entry.name);
  throw_value_error(std::string(what) + ": '" + std::string(name) + "' is unknown, expected one of " + valid);
}

// The first name that stands for `value`, as text for messages and files.
template <class E, std::size_t K>
std::string_view name_of_value(E value, const Named<E> (&table)[K]) {
  for (const Named<E>& entry : table)
    if (entry.value == value) return entry.name;
  return "unknown";
}

}  // namespace longwave
