#include "longwave/io/tensorboard.hpp"

#include <cstring>
#include <map>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// The data of all records; fails on a wrong length or checksum. The checksum here goes bit by bit.
std::uint32_t slow_masked_crc(const std::string& data) {
  std::uint32_t crc = ~0u;
  for (const char c : data) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

std::vector<std::string> records(const std::string& file) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < file.size();) {
    REQUIRE(file.size() - at >= 16);
    std::uint64_t length;
    std::memcpy(&length, file.data() + at, 8);
    REQUIRE(file.size() - at - 16 >= length);
    const std::string data = file.substr(at + 12, length);
    CHECK(file.substr(at + 8, 4) == little(slow_masked_crc(file.substr(at, 8)), 4));
    CHECK(file.substr(at + 12 + length, 4) == little(slow_masked_crc(data), 4));
    out.push_back(data);
    at += 16 + length;
  }
  return out;
}

// Field number to raw content (varints as 8 little-endian bytes).
std::map<std::uint64_t, std::string> fields(const std::string& message) {
  std::map<std::uint64_t, std::string> out;
  std::size_t at = 0;
  auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(message.at(at++));
      value |= std::uint64_t(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < message.size()) {
    const std::uint64_t key = varint();
    const std::uint64_t type = key & 7;
    if (type == 0) {
      out[key >> 3] = little(varint(), 8);
    } else {
      const std::size_t size = type == 1 ? 8 : type == 5 ? 4 : varint();
      out[key >> 3] = message.substr(at, size);
      at += size;
    }
  }
  return out;
}

}  // namespace

TEST_CASE("tensorboard: scalars and texts parse back as events") {
  const TemporaryFolder folder;
  TensorBoardWriter log(folder / "runs/first");
  log.scalar("loss/train", 300, 1.5);
  log.scalar("loss/train", -1, -2);
  log.text("note", 2, "**bold**");
  const std::vector<std::string> events = records(read_text(log.path()));
  REQUIRE(events.size() == 4);
  CHECK(fields(events[0]).at(3) == "brain.Event:2");
  double wall_time;
  std::memcpy(&wall_time, fields(events[0]).at(1).data(), 8);
  CHECK(wall_time > 1.6e9);

  auto value = fields(fields(fields(events[1]).at(5)).at(1));
  CHECK(fields(events[1]).at(2) == little(300, 8));
  CHECK(value.at(1) == "loss/train");
  CHECK(value.at(2) == little(0x3fc00000, 4));
  CHECK(fields(events[2]).at(2) == little(~std::uint64_t(0), 8));
  value = fields(fields(fields(events[3]).at(5)).at(1));
  CHECK(value.at(1) == "note");
  CHECK(fields(value.at(8)).at(8) == "**bold**");
  CHECK(fields(value.at(8)).at(1) == little(7, 8));
  CHECK(fields(fields(value.at(9)).at(1)).at(1) == "text");
}

TEST_CASE("tensorboard: each record is in the file at once, and each writer has a file of its own") {
  const TemporaryFolder folder;
  TensorBoardWriter one(folder.path()), two(folder.path());
  CHECK(one.path() != two.path());
  const std::size_t before = read_text(one.path()).size();
  one.scalar("x", 0, 1);
  CHECK(read_text(one.path()).size() > before);
}

TEST_CASE("tensorboard: a folder that cannot be made is refused") {
  const TemporaryFolder folder;
  write_text(folder / "file", "x");
  CHECK(contains(error_text<IoError>([&] { TensorBoardWriter log(folder / "file/runs"); }), "cannot make this folder"));
}
