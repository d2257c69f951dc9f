// inflate.hpp - decompression through zlib with limits that come from the file's own size. Needs longwave::zlib.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <string>
#include <vector>

#include "longwave/io/file.hpp"

namespace longwave::detail {

// Deflate cannot expand more than this, so a larger claim is a lie whatever the data.
inline constexpr std::size_t deflate_ratio = 1032;

class Inflater {
 public:
  // window_bits: -15 raw deflate, 15 + 16 gzip.
  Inflater(std::string file, Bytes input, int window_bits) : file_(std::move(file)), input_(input) {
    if (inflateInit2(&stream_, window_bits) != Z_OK) throw_io_error(file_, "zlib cannot start");
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  // Fills out as far as the data go; returns the bytes written, less than asked at the end only.
  std::size_t read(std::byte* out, std::size_t bytes) {
    std::size_t done = 0;
    while (done < bytes && !ended_) {
      const std::size_t in = std::min<std::size_t>(input_.size() - used_, 1 << 30);
      const std::size_t room = std::min<std::size_t>(bytes - done, 1 << 30);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(input_.data() + used_));
      stream_.avail_in = static_cast<uInt>(in);
      stream_.next_out = reinterpret_cast<Bytef*>(out + done);
      stream_.avail_out = static_cast<uInt>(room);
      const int status = inflate(&stream_, Z_NO_FLUSH);
      used_ += in - stream_.avail_in;
      done += room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        next_member();
      } else if (status == Z_BUF_ERROR || (status == Z_OK && used_ == input_.size() && stream_.avail_out > 0)) {
        throw_io_error(file_, "the compressed data end early; copy or download it again", offset());
      } else if (status != Z_OK) {
        throw_io_error(file_,
                       std::string("the compressed data are damaged (") +
                           (stream_.msg != nullptr ? stream_.msg : "zlib error") + "); copy or download it again",
                       offset());
      }
    }
    return done;
  }

  // Reads on to the end, so that the checksum is verified, and refuses more data.
  void expect_end(const char* what) {
    std::byte extra;
    if (read(&extra, 1) != 0) throw_io_error(file_, std::string("more data than ") + what, offset());
    if (used_ != input_.size()) throw_io_error(file_, "bytes follow the compressed data; cut them off", offset());
  }

 private:
  // gzip files may be joined: a member may follow another.
  void next_member() {
    const Bytes rest = input_.subspan(used_);
    if (rest.size() >= 2 && rest[0] == std::byte{0x1f} && rest[1] == std::byte{0x8b}) {
      inflateReset(&stream_);
    } else {
      ended_ = true;
    }
  }
  std::int64_t offset() const { return static_cast<std::int64_t>(used_); }

  std::string file_;
  Bytes input_;
  z_stream stream_ = {};
  std::size_t used_ = 0;
  bool ended_ = false;
};

inline bool is_gzip(Bytes bytes) {
  return bytes.size() >= 2 && bytes[0] == std::byte{0x1f} && bytes[1] == std::byte{0x8b};
}

// Appends exactly `bytes` of output to `out`, growing with the data that really come.
inline void inflate_to(Inflater& inflater, std::vector<std::byte>& out, std::size_t bytes, const std::string& file) {
  constexpr std::size_t step = std::size_t(1) << 20;
  while (bytes > 0) {
    const std::size_t part = std::min(bytes, step), before = out.size();
    out.resize(before + part);
    const std::size_t got = inflater.read(out.data() + before, part);
    if (got < part)
      throw_io_error(file,
                     "the data inside end " + std::to_string(bytes - got) + " bytes early; copy or download it again");
    bytes -= part;
  }
}

}  // namespace longwave::detail
