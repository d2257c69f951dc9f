// npz.hpp - NumPy's .npz: a zip archive of .npy members, stored or deflated. Needs longwave::zlib.
//
//   NpzFile file("data.npz");
//   auto x = file.read<float, 3>("x");
//
// The archive's central directory is the only source of sizes and places; members may not overlap, and a size that
// deflate could not reach is refused before memory is asked for. Zip64 archives (4 GiB and more) are refused by name.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "longwave/io/inflate.hpp"
#include "longwave/io/npy.hpp"

namespace longwave {

namespace detail {

struct ZipMember {
  std::uint32_t method = 0, crc = 0;
  std::size_t packed = 0, size = 0;  // bytes in the archive and after inflating
  std::size_t local = 0;             // of the local header
  std::size_t data = 0;              // of the packed bytes
};

class ZipReader {
 public:
  ZipReader(std::string file, Bytes bytes) : file_(std::move(file)), bytes_(bytes) {
    read_directory();
    check_members();
  }

  const std::map<std::string, ZipMember>& members() const { return members_; }

  std::vector<std::byte> extract(const ZipMember& m) const {
    const Bytes packed = bytes_.subspan(m.data, m.packed);
    std::vector<std::byte> out;
    if (m.method == 0) {
      out.assign(packed.begin(), packed.end());
    } else {
      Inflater inflater(file_, packed, -15);
      inflate_to(inflater, out, m.size, file_);
      inflater.expect_end("the archive's directory says");
    }
    if (::crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size()) != m.crc)
      fail("a member's checksum does not match: the file is damaged; copy or download it again", m.local);
    return out;
  }

 private:
  [[noreturn]] LONGWAVE_COLD void fail(const std::string& what, std::size_t offset) const {
    throw_io_error(file_, what, static_cast<std::int64_t>(offset));
  }
  std::uint32_t number(std::size_t at, std::size_t width) const {
    if (at > bytes_.size() || bytes_.size() - at < width) fail("the archive ends early; copy or download it again", at);
    std::uint32_t value = 0;
    std::memcpy(&value, bytes_.data() + at, width);
    return value;
  }
  std::string text(std::size_t at, std::size_t size) const {
    if (at > bytes_.size() || bytes_.size() - at < size) fail("the archive ends early; copy or download it again", at);
    return {reinterpret_cast<const char*>(bytes_.data()) + at, size};
  }

  // The end record is the last thing but for a comment of at most 65535 bytes.
  std::size_t find_end_record() const {
    constexpr std::size_t record = 22;
    if (bytes_.size() < record) fail("not a zip archive (npz)", 0);
    const std::size_t last = bytes_.size() - record;
    for (std::size_t back = 0; back <= std::min<std::size_t>(last, 65535); ++back)
      if (number(last - back, 4) == 0x06054b50 && number(last - back + 20, 2) == back) return last - back;
    fail("not a zip archive (npz), or cut short; copy or download it again", 0);
  }

  void read_directory() {
    const std::size_t end = find_end_record();
    const std::uint32_t count = number(end + 10, 2), size = number(end + 12, 4), start = number(end + 16, 4);
    if (count == 0xffff || size == 0xffffffff || start == 0xffffffff)
      fail("a zip64 archive is not read; save the arrays in several files or as .npy", end);
    if (number(end + 4, 2) != 0 || number(end + 6, 2) != 0 || number(end + 8, 2) != count)
      fail("an archive in several parts is not read", end);
    if (std::size_t(start) + size != end) fail("the archive's directory is not where its end record says", end);
    std::size_t at = start;
    for (std::uint32_t i = 0; i < count; ++i) at = read_entry(at);
    if (at != end) fail("the archive's directory has another size than its end record says", at);
  }

  std::size_t read_entry(std::size_t at) {
    if (number(at, 4) != 0x02014b50) fail("the archive's directory is damaged", at);
    ZipMember m;
    const std::uint32_t flags = number(at + 8, 2);
    m.method = number(at + 10, 2);
    m.crc = number(at + 16, 4);
    m.packed = number(at + 20, 4);
    m.size = number(at + 24, 4);
    m.local = number(at + 42, 4);
    const std::size_t name_size = number(at + 28, 2), rest = number(at + 30, 2) + number(at + 32, 2);
    const std::string name = text(at + 46, name_size);
    if ((flags & 1) != 0) fail("member '" + name + "' is encrypted; save it without a password", at);
    if (m.packed == 0xffffffff || m.size == 0xffffffff || m.local == 0xffffffff)
      fail("member '" + name + "' is in zip64 format, which is not read; save it as .npy", at);
    if (m.method != 0 && m.method != 8)
      fail("member '" + name + "' is compressed by method " + std::to_string(m.method) +
               "; stored and deflated are read",
           at);
    if (m.method == 0 && m.packed != m.size) fail("member '" + name + "' is stored with two different sizes", at);
    if (m.size > m.packed * deflate_ratio) fail("member '" + name + "' claims more than deflate can hold", at);
    if (number(m.local, 4) != 0x04034b50) fail("member '" + name + "' is not where the directory says", m.local);
    m.data = m.local + 30 + number(m.local + 26, 2) + number(m.local + 28, 2);
    if (m.data > at || at - m.data < m.packed) fail("member '" + name + "' reaches into the directory", m.local);
    if (text(m.local + 30, number(m.local + 26, 2)) != name) fail("member '" + name + "' has two names", m.local);
    if (!members_.emplace(name, m).second) fail("member '" + name + "' comes twice", at);
    return at + 46 + name_size + rest;
  }

  // Overlapping members make a small file unfold to any size.
  void check_members() const {
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    for (const auto& [name, m] : members_) ranges.emplace_back(m.local, m.data + m.packed);
    std::sort(ranges.begin(), ranges.end());
    for (std::size_t i = 1; i < ranges.size(); ++i)
      if (ranges[i].first < ranges[i - 1].second) fail("two members of the archive overlap", ranges[i].first);
  }

  std::string file_;
  Bytes bytes_;
  std::map<std::string, ZipMember> members_;
};

}  // namespace detail

class NpzFile {
 public:
  explicit NpzFile(const std::string& path) : file_(path), name_(path), zip_(path, file_.bytes()) {}
  NpzFile(Bytes content, std::string name) : name_(std::move(name)), zip_(name_, content) {}

  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [member, unused] : zip_.members()) names.push_back(without_ending(member));
    return names;
  }
  bool contains(const std::string& name) const { return zip_.members().count(name + ".npy") > 0; }

  template <class T, int N>
  Tensor<T, N> read(const std::string& name) const {
    const auto found = zip_.members().find(name + ".npy");
    if (found == zip_.members().end()) {
      std::string known;
      for (const std::string& other : names()) known += (known.empty() ? "" : ", ") + other;
      detail::throw_io_error(name_, "array '" + name + "' is not in the file; it holds: " + known);
    }
    const std::vector<std::byte> content = zip_.extract(found->second);
    return NpyArray(content, name_ + ":" + name).read<T, N>();
  }

 private:
  static std::string without_ending(const std::string& member) {
    return member.ends_with(".npy") ? member.substr(0, member.size() - 4) : member;
  }

  MappedFile file_;
  std::string name_;
  detail::ZipReader zip_;
};

namespace detail {

inline void append_number(std::string& to, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) to += static_cast<char>(value >> 8 * i & 255);
}

// What the local header and the directory's entry have in common. Date: 1 January 1980, so that the same arrays give
// the same bytes.
inline std::string zip_common(std::uint32_t crc, std::uint64_t size, std::size_t name_size) {
  std::string part;
  append_number(part, 20, 2);  // version needed: 2.0
  append_number(part, 0, 2);   // flags
  append_number(part, 0, 2);   // stored
  append_number(part, 0, 2);   // time
  append_number(part, 0x21, 2);
  append_number(part, crc, 4);
  append_number(part, size, 4);
  append_number(part, size, 4);
  append_number(part, name_size, 2);
  append_number(part, 0, 2);  // extra field
  return part;
}

}  // namespace detail

// Stored, not compressed. Replaces `path` as a whole (see AtomicFile).
inline void write_npz(const std::string& path, std::span<const NamedArray> arrays) {
  AtomicFile file(path);
  std::string directory;
  std::uint64_t at = 0;
  for (const NamedArray& array : arrays) {
    const std::string name = array.name + ".npy";
    if (name.size() > 65535) detail::throw_io_error(path, "an array's name is too long for a zip archive");
    const std::string header = detail::npy_header_text(path, array.dtype, array.shape);
    const auto bytes = static_cast<std::size_t>(std::max<index_t>(detail::shape_bytes(array.shape, array.dtype), 0));
    const std::uint64_t size = header.size() + bytes;
    if (at + size + directory.size() > 0xfffffff0u - (1u << 20) || arrays.size() > 65534)
      detail::throw_io_error(path,
                             "more than 4 GiB or 65534 arrays do not fit into one npz; use safetensors or .npy files");
    auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(header.data()), header.size());
    if (bytes > 0) crc = ::crc32_z(crc, static_cast<const Bytef*>(array.data), bytes);
    const std::string common = detail::zip_common(static_cast<std::uint32_t>(crc), size, name.size());

    const std::string local = "PK\x03\x04" + common + name;
    file.write(local);
    file.write(header);
    file.write(array.data, bytes);

    directory += "PK\x01\x02";
    detail::append_number(directory, 20, 2);  // version made by
    directory += common;
    directory.append(2 + 2 + 2 + 4, '\0');  // comment, disk, attributes
    detail::append_number(directory, at, 4);
    directory += name;
    at += local.size() + size;
  }
  std::string end = "PK\x05\x06";
  detail::append_number(end, 0, 4);
  detail::append_number(end, arrays.size(), 2);
  detail::append_number(end, arrays.size(), 2);
  detail::append_number(end, directory.size(), 4);
  detail::append_number(end, at, 4);
  detail::append_number(end, 0, 2);
  file.write(directory);
  file.write(end);
  file.commit();
}

}  // namespace longwave
