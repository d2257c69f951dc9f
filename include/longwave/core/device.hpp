// device.hpp - where data lives, as a tag in the type. A mix-up of the two does not compile.
#pragma once

#include <concepts>

namespace longwave {

struct Host {
  static constexpr const char* name = "cpu";
};
struct Cuda {
  static constexpr const char* name = "cuda";
};

template <class D>
concept device = std::same_as<D, Host> || std::same_as<D, Cuda>;

}  // namespace longwave
