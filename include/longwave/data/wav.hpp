// wav.hpp - sound files: RIFF/WAVE with PCM of 8, 16, 24 or 32 bits or IEEE floats of 32 or 64 bits, any channels.
//
//   const Wav<float> sound = read_wav<float>("7_jackson_32.wav");      // samples (C, L), rate 8000
//
// PCM becomes [-1, 1): divided by 2^(bits - 1), 8-bit PCM, which is unsigned, after 128 is taken off. Floats stay as
// they are and must be finite. Chunks other than fmt and data are passed over.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <string_view>

#include "longwave/core/tensor.hpp"
#include "longwave/io/file.hpp"

namespace longwave {

template <class T = float>
struct Wav {
  Tensor<T, 2> samples;  // (C, L)
  index_t rate = 0;      // samples per second

  index_t channels() const { return samples.size(0); }
  index_t length() const { return samples.size(1); }
};

namespace detail {

struct WavFormat {
  bool floats = false;
  index_t channels = 0, rate = 0, bits = 0;
  std::size_t frame() const { return static_cast<std::size_t>(channels * bits / 8); }
};

class WavReader {
 public:
  WavReader(Bytes content, const std::string& name) : content_(content), name_(name) {
    if (content.size() < 12 || tag(0) != "RIFF" || tag(8) != "WAVE")
      throw_io_error(name,
                     tag(0) == "RIFX" ? "is a big-endian RIFX file, which is not read; convert it to RIFF"
                                      : "not a RIFF/WAVE file",
                     0);
    std::size_t at = 12;
    while (content_.size() - at >= 8) {
      const std::string_view what = tag(at);
      const std::size_t size = load_element<std::uint32_t>(content_.data() + at + 4, false), begin = at + 8;
      if (size > content_.size() - begin)
        throw_io_error(name_,
                       "the chunk '" + printable(what) + "' claims " + std::to_string(size) + " bytes, the file has " +
                           std::to_string(content_.size() - begin) + ": cut short; copy it again",
                       static_cast<std::int64_t>(at));
      if (what == "fmt ") read_format(begin, size);
      if (what == "data") {
        data_ = content_.subspan(begin, size);
        found_data_ = true;
        break;
      }
      at = begin + std::min(size + size % 2, content_.size() - begin);
    }
    if (format_.bits == 0) throw_io_error(name_, "has no chunk 'fmt ' before the samples; the file is damaged");
    if (!found_data_) throw_io_error(name_, "has no chunk 'data'; the file is damaged");
    if (data_.size() % format_.frame() != 0)
      throw_io_error(name_, "the chunk 'data' holds " + std::to_string(data_.size()) + " bytes, no multiple of the " +
                                std::to_string(format_.frame()) + " of a sample of all channels");
  }

  index_t length() const { return static_cast<index_t>(data_.size() / format_.frame()); }

  template <class T>
  Wav<T> read() const {
    const index_t C = format_.channels, L = length();
    Wav<T> out{Tensor<T, 2>::uninitialized({C, L}), format_.rate};
    const std::size_t bytes = static_cast<std::size_t>(format_.bits / 8);
    const std::byte* at = data_.data();
    for (index_t l = 0; l < L; ++l)
      for (index_t c = 0; c < C; ++c, at += bytes) out.samples(c, l) = sample<T>(at);
    for (index_t i = 0; format_.floats && i < out.samples.count(); ++i)
      if (!std::isfinite(out.samples.data()[i]))
        throw_io_error(name_,
                       "sample " + std::to_string(i % L) + " of channel " + std::to_string(i / L) + " is not finite");
    return out;
  }

 private:
  std::string_view tag(std::size_t at) const {
    return content_.size() < at + 4 ? std::string_view()
                                    : std::string_view(reinterpret_cast<const char*>(content_.data()) + at, 4);
  }
  static std::string printable(std::string_view text) {
    std::string out(text);
    for (char& c : out)
      if (c < ' ' || c > '~') c = '?';
    return out;
  }

  void read_format(std::size_t at, std::size_t size) {
    if (size < 16)
      throw_io_error(name_, "the chunk 'fmt ' has " + std::to_string(size) + " bytes, expected 16 or more",
                     static_cast<std::int64_t>(at));
    const std::byte* p = content_.data() + at;
    index_t code = load_element<std::uint16_t>(p, false);
    constexpr index_t extensible = 0xfffe;
    if (code == extensible && size >= 26) code = load_element<std::uint16_t>(p + 24, false);
    const index_t channels = load_element<std::uint16_t>(p + 2, false),
                  bits = load_element<std::uint16_t>(p + 14, false);
    const bool pcm = code == 1 && (bits == 8 || bits == 16 || bits == 24 || bits == 32);
    const bool floats = code == 3 && (bits == 32 || bits == 64);
    if (!pcm && !floats)
      throw_io_error(name_,
                     "the format " + std::to_string(code) + " of " + std::to_string(bits) +
                         " bits is not read (PCM, 1, of 8, 16, 24, 32 bits and floats, 3, of 32, 64 are); convert it",
                     static_cast<std::int64_t>(at));
    format_ = {floats, channels, load_element<std::uint32_t>(p + 4, false), bits};
    if (channels == 0 || format_.rate == 0 || load_element<std::uint16_t>(p + 12, false) != format_.frame())
      throw_io_error(name_,
                     "the chunk 'fmt ' tells of " + std::to_string(channels) + " channels of " + std::to_string(bits) +
                         " bits at " + std::to_string(format_.rate) + " Hz in " +
                         std::to_string(load_element<std::uint16_t>(p + 12, false)) + " bytes; the file is damaged",
                     static_cast<std::int64_t>(at));
  }

  template <class T>
  T sample(const std::byte* at) const {
    if (format_.floats)
      return format_.bits == 32 ? static_cast<T>(load_element<float>(at, false))
                                : static_cast<T>(load_element<double>(at, false));
    if (format_.bits == 8) return static_cast<T>((std::to_integer<int>(*at) - 128) / 128.0);
    if (format_.bits == 16) return static_cast<T>(load_element<std::int16_t>(at, false) / 32768.0);
    if (format_.bits == 32) return static_cast<T>(load_element<std::int32_t>(at, false) / 2147483648.0);
    std::byte wide[4] = {std::byte{0}, at[0], at[1], at[2]};  // 24 bits as the upper part of 32
    return static_cast<T>(load_element<std::int32_t>(wide, false) / 2147483648.0);
  }

  Bytes content_, data_;
  const std::string& name_;
  WavFormat format_;
  bool found_data_ = false;
};

}  // namespace detail

// From the content of a file; name appears in errors.
template <class T = float>
Wav<T> read_wav(Bytes content, const std::string& name) {
  return detail::WavReader(content, name).read<T>();
}
template <class T = float>
Wav<T> read_wav(const std::string& path) {
  const MappedFile file(path);
  return read_wav<T>(file.bytes(), path);
}

// Samples of a file, per channel, by its header.
inline index_t wav_length(const std::string& path) {
  const MappedFile file(path);
  return detail::WavReader(file.bytes(), path).length();
}

// Samples (C, L) as PCM of 16 bits, rounded; what is outside [-1, 1) is cut. Replaces `path` as a whole.
template <class T>
void write_wav(const std::string& path, TensorView<const T, 2> samples, index_t rate) {
  const index_t C = samples.size(0), L = samples.size(1), bytes = 2 * C * L;
  if (C < 1 || C > 65535 / 2 || rate < 1 || rate > 0xffffffff / (2 * C) || bytes > 0xffffffff - 36)
    throw_value_error(path + ": samples " + to_string(samples.sizes(), "CL") + " at " + std::to_string(rate) +
                      " Hz do not fit into a wav file");
  const auto little = [](index_t value, int width) {
    std::string out;
    for (int i = 0; i < width; ++i) out += static_cast<char>(value >> 8 * i & 255);
    return out;
  };
  AtomicFile file(path);
  file.write("RIFF" + little(36 + bytes, 4) + "WAVEfmt " + little(16, 4) + little(1, 2) + little(C, 2) +
             little(rate, 4) + little(rate * 2 * C, 4) + little(2 * C, 2) + little(16, 2) + "data" + little(bytes, 4));
  std::string frame;
  for (index_t l = 0; l < L; ++l) {
    frame.clear();
    for (index_t c = 0; c < C; ++c)
      frame += little(static_cast<index_t>(
                          std::clamp(std::nearbyint(static_cast<double>(samples(c, l)) * 32768), -32768.0, 32767.0)),
                      2);
    file.write(frame);
  }
  file.commit();
}

}  // namespace longwave
