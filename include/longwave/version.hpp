// version.hpp - the version of these headers; CMakeLists.txt reads it from here.
#pragma once

#define LONGWAVE_VERSION_MAJOR 0
#define LONGWAVE_VERSION_MINOR 1
#define LONGWAVE_VERSION_PATCH 0

namespace longwave {

struct Version {
  int major;
  int minor;
  int patch;
};

inline constexpr Version version = {LONGWAVE_VERSION_MAJOR, LONGWAVE_VERSION_MINOR, LONGWAVE_VERSION_PATCH};

}  // namespace longwave
