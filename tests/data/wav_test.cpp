#include "longwave/data/wav.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

std::string chunk(const std::string& name, const std::string& content) {
  return name + little(content.size(), 4) + content + std::string(content.size() % 2, '\0');
}
std::string format(unsigned code, unsigned channels, unsigned bits, const std::string& more = "") {
  const unsigned frame = channels * bits / 8;
  return chunk("fmt ", little(code, 2) + little(channels, 2) + little(8000, 4) + little(8000 * frame, 4) +
                           little(frame, 2) + little(bits, 2) + more);
}
std::string riff(const std::string& chunks) { return "RIFF" + little(4 + chunks.size(), 4) + "WAVE" + chunks; }
std::string bits_of(float value) { return little(std::bit_cast<std::uint32_t>(value), 4); }

Wav<double> read(const std::string& content) { return read_wav<double>(as_bytes(content), "t.wav"); }

void refuses(const std::string& content, const std::string& part) {
  const std::string text = error_text<IoError>([&] { read(content); });
  INFO(text);
  CHECK(contains(text, "t.wav"));
  CHECK(contains(text, part));
}

}  // namespace

TEST_CASE("wav: PCM of every width, floats of both") {
  const auto first = [](unsigned code, unsigned bits, const std::string& data) {
    return read(riff(format(code, 1, bits) + chunk("data", data))).samples(0, 0);
  };
  CHECK(first(1, 8, std::string("\xc0")) == 0.5);
  CHECK(first(1, 8, std::string(1, '\0')) == -1);
  CHECK(first(1, 16, little(0xc000, 2)) == -0.5);
  CHECK(first(1, 24, little(0xa00000, 3)) == -0.75);
  CHECK(first(1, 24, little(0x000001, 3)) == 0x1p-23);
  CHECK(first(1, 32, little(0x60000000, 4)) == 0.75);
  CHECK(first(3, 32, bits_of(-1.5f)) == -1.5);
  CHECK(first(3, 64, little(std::bit_cast<std::uint64_t>(0.3), 8)) == 0.3);
}

TEST_CASE("wav: channels, extensible headers and other chunks, also of odd size") {
  const std::string extensible = little(22, 2) + little(16, 2) + little(3, 4) + little(1, 2) + std::string(14, 'g');
  const Wav<double> wav =
      read(riff(chunk("LIST", "abc") + format(0xfffe, 2, 16, extensible) + chunk("fact", "xy") +
                chunk("data", little(0x4000, 2) + little(0, 2) + little(0, 2) + little(0x8000, 2)) + "rest"));
  CHECK(wav.rate == 8000);
  CHECK(wav.samples.sizes() == Extents<2>{2, 2});
  CHECK(wav.samples(0, 0) == 0.5);
  CHECK(wav.samples(1, 1) == -1);
  CHECK(read(riff(format(1, 1, 16) + chunk("data", ""))).length() == 0);
}

TEST_CASE("wav: damage is refused with its place") {
  refuses("", "(offset 0): not a RIFF/WAVE file");
  refuses("RIFF" + little(4, 4) + "AVI ", "not a RIFF/WAVE file");
  refuses("RIFX" + little(4, 4) + "WAVE", "is a big-endian RIFX file");
  refuses(riff(""), "has no chunk 'fmt '");
  refuses(riff(chunk("data", "ab")), "has no chunk 'fmt ' before the samples");
  refuses(riff(format(1, 1, 16)), "has no chunk 'data'");
  refuses(riff(chunk("fmt ", "short")), "(offset 20): the chunk 'fmt ' has 5 bytes, expected 16 or more");
  refuses(riff(format(1, 1, 16) + "data" + little(10, 4) + "abcd"),
          "(offset 36): the chunk 'data' claims 10 bytes, the file has 4: cut short");
  refuses(riff(std::string("a\x01") + "bc" + little(10, 4)), "the chunk 'a?bc' claims 10 bytes, the file has 0");
  refuses(riff(format(1, 2, 16) + chunk("data", "abcdef")), "holds 6 bytes, no multiple of the 4");
  refuses(riff(format(7, 1, 8)), "(offset 20): the format 7 of 8 bits is not read");
  refuses(riff(format(1, 1, 12)), "the format 1 of 12 bits is not read");
  refuses(riff(format(3, 1, 16)), "the format 3 of 16 bits is not read");
  refuses(riff(format(1, 0, 16)), "tells of 0 channels of 16 bits");
  std::string frame = format(1, 1, 16);
  frame[8 + 12] = 3;
  refuses(riff(frame), "at 8000 Hz in 3 bytes; the file is damaged");
  refuses(riff(format(3, 2, 32) + chunk("data", bits_of(0) + bits_of(1) + bits_of(2) + bits_of(NAN))),
          "sample 1 of channel 1 is not finite");
}

TEST_CASE("wav: what is written is read, rounded to 16 bits and cut") {
  const TemporaryFolder folder;
  Tensor<float, 2> samples(2, 3);
  samples(0, 0) = 0.5f;
  samples(0, 1) = -1.5f;
  samples(1, 1) = 2;
  samples(1, 2) = 0x1p-15f * 0.7f;
  write_wav<float>(folder / "a.wav", samples.view(), 44100);
  const Wav<float> wav = read_wav<float>(folder / "a.wav");
  CHECK(wav.rate == 44100);
  CHECK(wav.samples(0, 0) == 0.5f);
  CHECK(wav.samples(0, 1) == -1);
  CHECK(wav.samples(1, 1) == 32767 / 32768.f);
  CHECK(wav.samples(1, 2) == 0x1p-15f);
  CHECK(read_text(folder / "a.wav").size() == 56);
  CHECK(contains(error_text<ValueError>([&] { write_wav<float>(folder / "b.wav", samples.view(), 0); }),
                 "(C=2, L=3) at 0 Hz do not fit"));
}
