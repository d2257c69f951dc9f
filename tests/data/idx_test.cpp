#include "longwave/data/idx.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

std::string idx(int type, const std::vector<std::uint64_t>& shape, const std::string& data) {
  std::string out = std::string(2, '\0') + static_cast<char>(type) + static_cast<char>(shape.size());
  for (const std::uint64_t size : shape) out += big(size, 4);
  return out + data;
}

std::string gzip(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 200, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void refuses(const std::string& content, const std::string& part) {
  const std::string text = error_text<IoError>([&] { read_idx<float, 1>(as_bytes(content), "t.idx"); });
  INFO(text);
  CHECK(contains(text, "t.idx"));
  CHECK(contains(text, part));
}

}  // namespace

TEST_CASE("idx: every type, big-endian") {
  const auto single = [](int type, const std::string& data) {
    const std::string content = idx(type, {1}, data);
    return read_idx<double, 1>(as_bytes(content), "t")(0);
  };
  CHECK(single(0x08, "\xff") == 255);
  CHECK(single(0x09, "\xff") == -1);
  CHECK(single(0x0b, big(0xfffe, 2)) == -2);
  CHECK(single(0x0c, big(0xfffffffd, 4)) == -3);
  CHECK(single(0x0d, big(0x3fc00000, 4)) == 1.5);
  CHECK(single(0x0e, big(0x3ff8000000000000, 8)) == 1.5);
}

TEST_CASE("idx: plain and gzip-compressed give the same, also in several members") {
  const std::string plain = idx(8, {2, 3}, "abcdef");
  for (const std::string& content : {plain, gzip(plain), gzip(plain.substr(0, 5)) + gzip(plain.substr(5))}) {
    const auto a = read_idx<int, 2>(as_bytes(content), "t");
    CHECK(a.sizes() == Extents<2>{2, 3});
    CHECK(a(1, 2) == 'f');
  }
}

TEST_CASE("idx: damage is refused with what is wrong") {
  refuses("", "not an idx file");
  refuses("\x01\x02\x03\x04", "not an idx file");
  refuses(idx(7, {1}, "x"), "(offset 2): the idx type 7 is not known");
  refuses(idx(8, {1}, "x").substr(0, 6), "header of 1 axes ends early");
  refuses(idx(8, {3}, "ab"), "shape (3) takes 3 bytes, the file holds 2: cut short");
  refuses(idx(8, {3}, "abcd"), "the file holds 4: cut off what follows");
  refuses(idx(8, {1, 1}, "a"), "holds the shape (1, 1), expected 1 axes");
  refuses(idx(14, {0xffffffff, 0xffffffff}, ""), "overflows");
  refuses(idx(8, {0, 0xffffffff, 0xffffffff}, ""), "overflows");
  refuses(idx(8, {0xffffffff}, "abc"), "takes 4294967295 bytes, the file holds 3");
}

TEST_CASE("idx: a gz that ends early, lies or goes on is refused") {
  std::string noise(5000, '\0');  // does not compress, so that a cut is inside the elements
  for (std::size_t i = 0; i < noise.size(); ++i) noise[i] = static_cast<char>(philox({1, 0, 0}, i).word[0]);
  const std::string whole = gzip(idx(8, {5000}, noise));
  refuses(whole.substr(0, 2000), "the compressed data end early");
  refuses(whole.substr(0, whole.size() - 1), "the compressed data end early");  // only the checksum is cut
  refuses(whole.substr(0, 5), "the compressed data end early");
  std::string wrong = whole;
  wrong[wrong.size() - 6] ^= 1;
  refuses(wrong, "the compressed data are damaged (incorrect data check)");
  refuses(whole + "xyz", "bytes follow the compressed data");
  refuses(gzip(idx(8, {3}, "abcd")), "more data than the idx header says");
  refuses(gzip(idx(8, {3}, "ab")), "the data inside end 1 bytes early");
  refuses(gzip(std::string(2, '\0')), "the data inside end 2 bytes early");
  refuses(gzip(idx(8, {0xffffffff}, "abc")), "cannot come from");
  refuses(gzip(idx(8, {20000}, "abc")), "the data inside end 19997 bytes early");
}

TEST_CASE("idx: sequential MNIST from a folder, pixels over 255") {
  const TemporaryFolder folder;
  std::string pixels(2 * 784, '\0');
  pixels[784 + 28] = '\xff';
  write_text(folder / "train-images-idx3-ubyte.gz", gzip(idx(8, {2, 28, 28}, pixels)));
  write_text(folder / "train-labels-idx1-ubyte", idx(8, {2}, std::string("\x03\x09")));
  const auto data = read_mnist<float>(folder.path(), MnistPart::train);
  CHECK(data.x.sizes() == Extents<3>{2, 1, 784});
  CHECK(data.x(1, 0, 28) == 1);
  CHECK(data.x(0, 0, 28) == 0);
  CHECK(data.y(1) == 9);
  CHECK(contains(error_text<IoError>([&] { read_mnist<float>(folder.path(), MnistPart::test); }),
                 "holds neither t10k-images-idx3-ubyte nor t10k-images-idx3-ubyte.gz"));
  write_text(folder / "train-labels-idx1-ubyte", idx(8, {2}, "\x03\x0a"));
  CHECK(contains(error_text([&] { read_mnist<float>(folder.path(), MnistPart::train); }), "label at (1) is 10"));
  write_text(folder / "train-labels-idx1-ubyte", idx(8, {1}, "\x03"));
  CHECK(contains(error_text([&] { read_mnist<float>(folder.path(), MnistPart::train); }), "2 sequences but 1 labels"));
}

TEST_CASE("idx: the real MNIST test part, where LONGWAVE_DATA names its folder") {
  const char* root = std::getenv("LONGWAVE_DATA");
  if (root == nullptr || !file_exists(std::string(root) + "/mnist")) {
    WARN("LONGWAVE_DATA names no folder with mnist in it: skipped");
    return;
  }
  const auto data = read_mnist<float>(std::string(root) + "/mnist", MnistPart::test);
  CHECK(data.x.sizes() == Extents<3>{10000, 1, 784});
  CHECK(data.y(0) == 7);
}
