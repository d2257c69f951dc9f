// error.hpp - what the library throws. A message names the operation, the arguments with their shapes,
// and what to change. Throwing lives in cold helpers so that hot code stays small.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "longwave/core/config.hpp"

namespace longwave {

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Sizes of tensors that do not fit one another.
struct ShapeError : Error {
  using Error::Error;
};

// An argument, option or datum outside what the operation is defined for.
struct ValueError : Error {
  using Error::Error;
};

// A file that cannot be read, written or trusted. offset: bytes from its start, -1 where none applies.
struct IoError : Error {
  IoError(std::string file_, const std::string& what, std::int64_t offset_ = -1)
      : Error(file_ + (offset_ >= 0 ? " (offset " + std::to_string(offset_) + ")" : "") + ": " + what),
        file(std::move(file_)),
        offset(offset_) {}
  std::string file;
  std::int64_t offset;
};

// A failed call to the device's run-time or a failed kernel.
struct DeviceError : Error {
  DeviceError(std::string call_, const std::string& what, const char* file_, int line_)
      : Error(call_ + ": " + what + " (" + file_ + ":" + std::to_string(line_) + ")"),
        call(std::move(call_)),
        file(file_),
        line(line_) {}
  std::string call;
  std::string file;
  int line;
};

[[noreturn]] LONGWAVE_COLD inline void throw_shape_error(const std::string& what) { throw ShapeError(what); }

[[noreturn]] LONGWAVE_COLD inline void throw_value_error(const std::string& what) { throw ValueError(what); }

}  // namespace longwave
