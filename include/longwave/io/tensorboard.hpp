// tensorboard.hpp - scalars and texts as a TensorBoard event file.
//
//   TensorBoardWriter log("runs/first");
//   log.scalar("loss/train", step, loss);
//
// A record is: length (8 bytes), masked crc32c of these 8, the data, masked crc32c of the data; mask(c) = rotate right
// by 15, + 0xa282ead8. The data is a protobuf Event {1: wall_time double, 2: step int64, 3: file_version string,
// 5: Summary {1: Value {1: tag, 2: simple_value float, or 8: tensor, 9: metadata} ...}}. Field numbers as in
// tensorflow/core/util/event.proto and framework/{summary,tensor}.proto. Each record is written at once, so that a
// run that is cut off has lost nothing and a reader can follow it.
#pragma once

#include <bit>
#include <chrono>
#include <cstdint>
#include <string>

#include "longwave/io/crc32c.hpp"
#include "longwave/io/file.hpp"

namespace longwave {

namespace detail {

// The few protobuf encodings that events use, appended to a string.
class ProtoMessage {
 public:
  void varint_field(int field, std::uint64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(value);
  }
  void double_field(int field, double value) { fixed(field, 1, std::bit_cast<std::uint64_t>(value), 8); }
  void float_field(int field, float value) { fixed(field, 5, std::bit_cast<std::uint32_t>(value), 4); }
  void bytes_field(int field, const std::string& value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    data_ += value;
  }
  const std::string& data() const { return data_; }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) data_ += static_cast<char>(value | 128);
    data_ += static_cast<char>(value);
  }
  void fixed(int field, unsigned wire_type, std::uint64_t bits, int bytes) {
    varint(static_cast<std::uint64_t>(field) << 3 | wire_type);
    for (int i = 0; i < bytes; ++i) data_ += static_cast<char>(bits >> 8 * i & 255);
  }
  std::string data_;
};

inline std::uint32_t masked_crc32c(const void* data, std::size_t bytes) {
  return std::rotr(crc32c(data, bytes), 15) + 0xa282ead8u;
}

inline std::string tensorboard_record(const std::string& data) {
  const std::uint64_t length = data.size();
  std::string record(reinterpret_cast<const char*>(&length), 8);
  auto append_crc = [&](const void* from, std::size_t bytes) {
    const std::uint32_t crc = masked_crc32c(from, bytes);
    record.append(reinterpret_cast<const char*>(&crc), 4);
  };
  append_crc(&length, 8);
  record += data;
  append_crc(data.data(), data.size());
  return record;
}

}  // namespace detail

class TensorBoardWriter {
 public:
  // Makes the folder (and those above it) and a new event file in it.
  explicit TensorBoardWriter(const std::string& folder) {
    make_folders(folder);
    const auto seconds = static_cast<long long>(now());
    const std::string stem =
        folder + "/events.out.tfevents." + std::to_string(seconds) + "." + std::to_string(::getpid());
    for (int i = 0; !fd_.open(); ++i) {
      path_ = stem + "." + std::to_string(i) + ".longwave";
      fd_ = detail::FileDescriptor(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
      if (!fd_.open() && errno != EEXIST) detail::throw_system_error(path_, "cannot create it");
    }
    detail::ProtoMessage event;
    event.double_field(1, now());
    event.bytes_field(3, "brain.Event:2");
    write(event);
  }

  void scalar(const std::string& tag, std::int64_t step, double value) {
    detail::ProtoMessage entry;
    entry.bytes_field(1, tag);
    entry.float_field(2, static_cast<float>(value));
    write_summary(step, entry);
  }

  // Shown on the "Text" page; Markdown.
  void text(const std::string& tag, std::int64_t step, const std::string& markdown) {
    detail::ProtoMessage plugin, metadata, dimension, shape, tensor, entry;
    plugin.bytes_field(1, "text");           // PluginData.plugin_name
    metadata.bytes_field(1, plugin.data());  // SummaryMetadata.plugin_data
    dimension.varint_field(1, 1);            // Dim.size
    shape.bytes_field(2, dimension.data());  // TensorShapeProto.dim
    tensor.varint_field(1, 7);               // TensorProto.dtype = DT_STRING
    tensor.bytes_field(2, shape.data());     // TensorProto.tensor_shape
    tensor.bytes_field(8, markdown);         // TensorProto.string_val
    entry.bytes_field(1, tag);
    entry.bytes_field(8, tensor.data());
    entry.bytes_field(9, metadata.data());
    write_summary(step, entry);
  }

  const std::string& path() const { return path_; }

 private:
  static double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  }

  void write_summary(std::int64_t step, const detail::ProtoMessage& entry) {
    detail::ProtoMessage summary, event;
    summary.bytes_field(1, entry.data());
    event.double_field(1, now());
    event.varint_field(2, static_cast<std::uint64_t>(step));
    event.bytes_field(5, summary.data());
    write(event);
  }

  void write(const detail::ProtoMessage& event) {
    const std::string record = detail::tensorboard_record(event.data());
    for (std::size_t at = 0; at < record.size();) {
      const ssize_t done = ::write(fd_.get(), record.data() + at, record.size() - at);
      if (done < 0 && errno == EINTR) continue;
      if (done < 0) detail::throw_system_error(path_, "cannot write it");
      at += static_cast<std::size_t>(done);
    }
  }

  std::string path_;
  detail::FileDescriptor fd_;
};

}  // namespace longwave
