// fuzz.hpp - what the fuzz targets share. A reader may refuse its input with a longwave::Error and nothing else: any
// other exception, a sanitizer's report, or memory beyond what the input can justify ends the run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "longwave/core/error.hpp"
#include "longwave/io/dtype.hpp"

namespace longwave::fuzz {

template <class F>
int refuse_or_read(const std::uint8_t* data, std::size_t size, F&& read) {
  try {
    read(std::as_bytes(std::span(data, size)));
  } catch (const Error&) {
  }
  return 0;
}

// f(rank) as a compile-time constant for ranks 0 to 4; other ranks have no reader to call.
template <class F>
void with_rank(std::size_t rank, F&& f) {
  switch (rank) {
    case 0:
      return f(std::integral_constant<int, 0>());
    case 1:
      return f(std::integral_constant<int, 1>());
    case 2:
      return f(std::integral_constant<int, 2>());
    case 3:
      return f(std::integral_constant<int, 3>());
    case 4:
      return f(std::integral_constant<int, 4>());
    default:
      return;
  }
}

}  // namespace longwave::fuzz
