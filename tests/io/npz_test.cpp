#include "longwave/io/npz.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

std::string deflated(const std::string& text) {
  z_stream stream = {};
  deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
  std::string out(text.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct Member {
  std::string name;
  std::string packed;
  std::uint64_t size = 0;
  std::uint64_t crc = 0;
  std::uint64_t method = 0;
  std::uint64_t flags = 0;
  std::int64_t place = -1;           // what the directory says; -1: the truth
  std::uint64_t claimed_packed = 0;  // 0: the truth
};

std::string zip(const std::vector<Member>& members) {
  std::string out, directory;
  for (const Member& m : members) {
    const std::size_t at = out.size();
    const std::uint64_t packed = m.claimed_packed != 0 ? m.claimed_packed : m.packed.size();
    const std::string common = little(20, 2) + little(m.flags, 2) + little(m.method, 2) + little(0, 4) +
                               little(m.crc, 4) + little(packed, 4) + little(m.size, 4) + little(m.name.size(), 2);
    out += "PK\x03\x04" + common + little(4, 2) + m.name + "xtra" + m.packed;
    directory += "PK\x01\x02" + little(20, 2) + common + little(0, 2) + little(0, 2 + 2 + 2) + little(0, 4) +
                 little(m.place >= 0 ? static_cast<std::uint64_t>(m.place) : at, 4) + m.name;
  }
  return out + directory + "PK\x05\x06" + little(0, 4) + little(members.size(), 2) + little(members.size(), 2) +
         little(directory.size(), 4) + little(out.size(), 4) + little(0, 2);
}

std::string small_npy() {
  const TemporaryFolder folder;
  Tensor<float, 1> a(100);
  a(99) = 7;
  write_npy(folder / "a", a);
  return read_text(folder / "a");
}

Member stored(const std::string& name, const std::string& content) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size());
  return {name, content, content.size(), crc};
}
Member packed(const std::string& name, const std::string& content) {
  Member m = stored(name, content);
  m.packed = deflated(content);
  m.method = 8;
  return m;
}

void refuses(const std::string& content, const std::string& part) {
  const std::string text = error_text<IoError>([&] { NpzFile(as_bytes(content), "t.npz").read<float, 1>("a"); });
  INFO(text);
  CHECK(contains(text, "t.npz"));
  CHECK(contains(text, part));
}

}  // namespace

TEST_CASE("npz: what is written is read back bit for bit, and the same arrays give the same bytes") {
  const TemporaryFolder folder;
  const auto x = random<float>(Extents<2>{3, 5});
  Tensor<index_t, 1> y(4);
  y(3) = -9;
  const NamedArray arrays[] = {named_array("x", x), named_array("y", y), named_array("empty", Tensor<float, 1>(0))};
  write_npz(folder / "a", arrays);
  write_npz(folder / "b", arrays);
  CHECK(read_text(folder / "a") == read_text(folder / "b"));
  const NpzFile file(folder / "a");
  CHECK(file.names() == std::vector<std::string>{"empty", "x", "y"});
  CHECK(same_bits(file.read<float, 2>("x"), x));
  CHECK(file.read<index_t, 1>("y")(3) == -9);
  CHECK(file.read<float, 1>("empty").count() == 0);
  CHECK(file.contains("x"));
  CHECK(contains(error_text([&] { file.read<float, 1>("z"); }), "array 'z' is not in the file; it holds: empty, x, y"));
}

TEST_CASE("npz: deflated members and an archive's comment are read") {
  std::string content = zip({packed("a.npy", small_npy()), stored("b.npy", small_npy())});
  CHECK(NpzFile(as_bytes(content), "t").read<float, 1>("a")(99) == 7);
  content[content.size() - 2] = 5;
  content += "hello";
  CHECK(NpzFile(as_bytes(content), "t").read<float, 1>("b")(99) == 7);
}

TEST_CASE("npz: an empty archive holds nothing") {
  const TemporaryFolder folder;
  write_npz(folder / "a", {});
  CHECK(NpzFile(folder / "a").names().empty());
}

TEST_CASE("npz: damage and claims beyond the file are refused") {
  const std::string npy = small_npy();
  refuses("", "not a zip archive");
  refuses(std::string(100, 'x'), "not a zip archive (npz), or cut short");
  Member m = stored("a.npy", npy);
  m.crc ^= 1;
  refuses(zip({m}), "checksum does not match");
  m = packed("a.npy", npy);
  m.packed.resize(m.packed.size() - 3);
  refuses(zip({m}), "the compressed data end early");
  m = packed("a.npy", npy);
  m.packed[0] = '\x07';
  refuses(zip({m}), "the compressed data are damaged");
  m = packed("a.npy", npy);
  m.packed += "xx";
  refuses(zip({m}), "bytes follow the compressed data");
  m = packed("a.npy", npy);
  m.size = 10;
  refuses(zip({m}), "more data than the archive's directory says");
  m.size = 0x7fffffff;
  refuses(zip({m}), "'a.npy' claims more than deflate can hold");
  m = packed("a.npy", npy);
  m.size += 1;
  refuses(zip({m}), "the data inside end 1 bytes early");
  m = stored("a.npy", npy);
  m.size += 1;
  refuses(zip({m}), "stored with two different sizes");
  m = stored("a.npy", npy);
  m.claimed_packed = m.size = 100000;
  refuses(zip({m}), "reaches into the directory");
  m = stored("a.npy", npy);
  m.place = 5;
  refuses(zip({m}), "not where the directory says");
  m.place = 0x7fffffff;
  refuses(zip({m}), "the archive ends early");
}

TEST_CASE("npz: overlapping members, doubles, encryption, zip64 and other methods are refused") {
  const std::string npy = small_npy();
  Member second = stored("a.npy", npy);
  second.place = 0;
  refuses(zip({stored("a.npy", npy), stored("a.npy", npy)}), "'a.npy' comes twice");
  second.name = "b.npy";
  refuses(zip({stored("a.npy", npy), second}), "has two names");
  Member hidden = stored("b.npy", npy);  // a whole member inside another's data
  std::string inner = zip({hidden});
  Member outer = stored("a.npy", inner);
  hidden.place = 30 + 5 + 4;
  refuses(zip({outer, hidden}), "two members of the archive overlap");
  Member m = stored("a.npy", npy);
  m.flags = 1;
  refuses(zip({m}), "is encrypted");
  m = stored("a.npy", npy);
  m.method = 12;
  refuses(zip({m}), "compressed by method 12; stored and deflated are read");
  m = stored("a.npy", npy);
  m.size = 0xffffffff;
  refuses(zip({m}), "zip64");
}

TEST_CASE("npz: every cut of a good archive is refused") {
  const std::string whole = zip({packed("a.npy", small_npy())});
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const std::string cut = whole.substr(0, n);
    CHECK_FALSE(error_text<IoError>([&] { NpzFile(as_bytes(cut), "t").read<float, 1>("a"); }).empty());
  }
}
