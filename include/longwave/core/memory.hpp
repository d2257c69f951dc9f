// memory.hpp - raw storage per device, aligned to 64 bytes. Memory<Cuda> is in cuda/memory.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "longwave/core/device.hpp"

namespace longwave {

inline constexpr std::size_t alignment = 64;  // bytes: one cache line, one AVX-512 register

template <device D>
struct Memory;

template <>
struct Memory<Host> {
  static void* allocate(std::size_t bytes) {
    void* p = ::operator new(bytes, std::align_val_t(alignment));
    advise_huge_pages(p, bytes);
    return p;
  }
  static void release(void* p) noexcept { ::operator delete(p, std::align_val_t(alignment)); }
  static void zero(void* p, std::size_t bytes) { std::memset(p, 0, bytes); }
  static void copy(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }

 private:
  // Large blocks are walked from end to end, step after step: pages of 2 MB save the kernel's faults at first touch and
  // most look-ups of addresses later. Only advice: where it cannot be had, nothing changes.
  static void advise_huge_pages([[maybe_unused]] void* p, [[maybe_unused]] std::size_t bytes) {
#if defined(__linux__)
    constexpr std::size_t page = std::size_t(2) << 20;
    const auto begin = (reinterpret_cast<std::uintptr_t>(p) + page - 1) / page * page;
    const auto end = (reinterpret_cast<std::uintptr_t>(p) + bytes) / page * page;
    if (end > begin + page) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
  }
};

}  // namespace longwave
