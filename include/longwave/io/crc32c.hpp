// crc32c.hpp - the Castagnoli CRC (polynomial 0x1edc6f41, reflected), eight bytes a step by tables ("slicing by 8").
// Finds damage in checkpoints and frames TensorBoard records.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace longwave::detail {

constexpr std::array<std::array<std::uint32_t, 256>, 8> crc32c_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> tables{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    tables[0][i] = crc;
  }
  for (std::size_t t = 1; t < 8; ++t)
    for (std::size_t i = 0; i < 256; ++i) tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 255];
  return tables;
}

// Continue a CRC by passing the one so far.
inline std::uint32_t crc32c(const void* data, std::size_t bytes, std::uint32_t crc = 0) {
  static constexpr auto tables = crc32c_tables();
  const auto* p = static_cast<const unsigned char*>(data);
  crc = ~crc;
  for (; bytes >= 8; bytes -= 8, p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    word ^= crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][word >> 8 * i & 255];
  }
  for (; bytes > 0; --bytes, ++p) crc = crc >> 8 ^ tables[0][(crc ^ *p) & 255];
  return ~crc;
}

}  // namespace longwave::detail
