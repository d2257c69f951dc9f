// memory.hpp - raw storage per device, aligned to 64 bytes. Memory<Cuda> is in cuda/memory.hpp.
#pragma once

#include <cstddef>
#include <cstring>
#include <new>

#include "longwave/core/device.hpp"

namespace longwave {

inline constexpr std::size_t alignment = 64;  // bytes: one cache line, one AVX-512 register

template <device D>
struct Memory;

template <>
struct Memory<Host> {
  static void* allocate(std::size_t bytes) { return ::operator new(bytes, std::align_val_t(alignment)); }
  static void release(void* p) noexcept { ::operator delete(p, std::align_val_t(alignment)); }
  static void zero(void* p, std::size_t bytes) { std::memset(p, 0, bytes); }
  static void copy(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }
};

}  // namespace longwave
