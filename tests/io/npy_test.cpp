#include "longwave/io/npy.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

std::string npy(std::string dict, const std::string& data, int version = 1) {
  dict += '\n';
  return std::string("\x93NUMPY") + static_cast<char>(version) + '\0' + little(dict.size(), version == 1 ? 2 : 4) +
         dict + data;
}

std::string described(const std::string& descr, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
}

void refuses(const std::string& content, const std::string& part) {
  const std::string text = error_text<IoError>([&] { NpyArray(as_bytes(content), "t.npy"); });
  INFO(text);
  CHECK(contains(text, "t.npy"));
  CHECK(contains(text, part));
}

template <class T>
T single(const std::string& descr, const std::string& bytes) {
  const std::string content = npy(described(descr, "(1,)"), bytes);
  return NpyArray(as_bytes(content), "t.npy").read<T, 1>()(0);
}

}  // namespace

TEST_CASE("npy: what is written is read back bit for bit, any rank") {
  const TemporaryFolder folder;
  const auto cube = random<double>(Extents<3>{2, 3, 5});
  write_npy(folder / "cube", cube);
  CHECK(same_bits(read_npy<double, 3>(folder / "cube"), cube));
  Tensor<float, 0> scalar{Extents<0>()};
  scalar() = 2.5f;
  write_npy(folder / "scalar", scalar);
  CHECK(read_npy<float, 0>(folder / "scalar")() == 2.5f);
  Tensor<complex<float>, 1> z(2);
  z(1) = {1, -2};
  write_npy(folder / "z", z);
  CHECK(read_npy<complex<float>, 1>(folder / "z")(1).im == -2);
  write_npy(folder / "empty", Tensor<float, 2>(0, 3));
  CHECK(read_npy<float, 2>(folder / "empty").sizes() == Extents<2>{0, 3});
}

TEST_CASE("npy: a strided view is written as the array it shows") {
  const TemporaryFolder folder;
  const auto a = random<float>(Extents<2>{3, 5});
  write_npy(folder / "t", a.view().transpose(0, 1));
  const auto t = read_npy<float, 2>(folder / "t");
  REQUIRE(t.sizes() == Extents<2>{5, 3});
  CHECK(t(4, 2) == a(2, 4));
  CHECK(t(1, 0) == a(0, 1));
}

TEST_CASE("npy: elements start on 64 bytes and the header is NumPy's") {
  const TemporaryFolder folder;
  write_npy(folder / "a", Tensor<float, 2>(3, 4));
  const std::string content = read_text(folder / "a");
  CHECK(content.size() == 128 + 48);
  CHECK(contains(content, "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"));
  write_npy(folder / "b", Tensor<std::uint8_t, 1>(7));
  CHECK(contains(read_text(folder / "b"), "'shape': (7,), }"));
}

TEST_CASE("npy: types of both byte orders, versions 1 to 3, quotes of both kinds") {
  CHECK(single<float>("<f4", little(0x3fc00000, 4)) == 1.5f);
  CHECK(single<float>(">f4", big(0x3fc00000, 4)) == 1.5f);
  CHECK(single<float>("=f4", little(0x3fc00000, 4)) == 1.5f);
  CHECK(single<double>(">f8", big(0x3ff8000000000000, 8)) == 1.5);
  CHECK(single<float>(">f2", big(0x3e00, 2)) == 1.5f);
  CHECK(single<int>("|i1", "\xff") == -1);
  CHECK(single<int>(">i2", big(0xfffe, 2)) == -2);
  CHECK(single<int>(">u2", big(0xfffe, 2)) == 65534);
  CHECK(single<int>(">i4", big(0xfffffffd, 4)) == -3);
  CHECK(single<index_t>(">i8", big(5, 8)) == 5);
  CHECK(single<std::uint64_t>("<u8", little(~0ull, 8)) == ~0ull);
  CHECK(single<bool>("|b1", "\x01"));
  CHECK(single<float>("|b1", "\x02") == 1);
  const auto z = single<complex<double>>(">c8", big(0x3fc00000, 4) + big(0xc0000000, 4));
  CHECK(z.re == 1.5);
  CHECK(z.im == -2);
  CHECK(single<complex<float>>("<c16", little(0x3ff8000000000000, 8) + little(0, 8)).re == 1.5f);
  for (const int version : {1, 2, 3}) {
    const std::string content = npy(R"({"shape": (2L,), "fortran_order": False, "descr": "|u1"})", "ab", version);
    CHECK(NpyArray(as_bytes(content), "t").read<int, 1>()(1) == 'b');
  }
}

TEST_CASE("npy: Fortran order is converted") {
  // [[0, 1, 2], [3, 4, 5]] column by column
  const std::string content = npy(described("|u1", "(2, 3)", "True"), std::string("\0\3\1\4\2\5", 6));
  const auto a = NpyArray(as_bytes(content), "t").read<float, 2>();
  for (index_t i = 0; i < 2; ++i)
    for (index_t j = 0; j < 3; ++j) CHECK(a(i, j) == static_cast<float>(3 * i + j));
}

TEST_CASE("npy: objects, texts and structures are refused by name") {
  refuses(npy(described("|O", "(1,)"), "x"), "dtype object (pickled Python objects) is not read; save numbers");
  refuses(npy(described("<U5", "(1,)"), "x"), "dtype '<U5' is not read; convert");
  refuses(npy(described("<M8[ns]", "(1,)"), "x"), "dtype '<M8[ns]' is not read");
  refuses(npy(described("<f16", "(1,)"), "x"), "dtype '<f16' is not read");
  refuses(npy(described("", "(1,)"), "x"), "dtype '' is not read");
  refuses(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234"), "structured dtype");
}

TEST_CASE("npy: damage is refused with what is wrong") {
  refuses("", "not an npy file");
  refuses("PK\x03\x04 something else", "not an npy file");
  refuses(npy(described("|u1", "(1,)"), "x", 4), "npy version 4 is not known");
  refuses(std::string("\x93NUMPY\x01\0\xff\xff", 10) + "{}", "header claims 65535 bytes, the file ends before");
  refuses(std::string("\x93NUMPY\x02\0\xff\xff", 10), "the file ends before");
  refuses(npy(described("<f4", "(2,)"), "1234567"), "takes 8 bytes, the file holds 7: cut short");
  refuses(npy(described("<f4", "(2,)"), "123456789"), "the file holds 9: cut off what follows");
  refuses(npy(described("<f4", "(4611686018427387904, 4)"), ""), "overflows");
  refuses(npy(described("<f4", "(0, 4611686018427387904, 4611686018427387904)"), ""), "overflows");
  refuses(npy(described("<f4", "(99999999999999999999,)"), ""), "a size in the shape is too large");
  refuses(npy(described("<f4", "(-1,)"), ""), "not a whole number");
  refuses(npy(described("<f4", "(1 2)"), ""), "expected ')'");
  refuses(npy(described("<f4", "(1,)", "Maybe"), ""), "neither True nor False");
  refuses(npy("{'descr': '<f4'}", ""), "'fortran_order' or 'shape' is missing");
  refuses(npy("{'descr': '<f4', 'descr': '<f8'}", ""), "'descr' is unknown or comes twice");
  refuses(npy("{'x': 1}", ""), "'x' is unknown");
  refuses(npy("{'descr", ""), "expected a text in quotes");
  refuses(npy("", ""), "expected '{'");
  refuses(npy(described("|u1", "(1,)") + "x", "1"), "text after");
}

TEST_CASE("npy: another rank or a lossy type is refused when reading") {
  const std::string content = npy(described("<f4", "(1,)"), "1234");
  const NpyArray array(as_bytes(content), "t.npy");
  CHECK(error_text([&] { array.read<float, 2>(); }) == "t.npy: holds the shape (1), expected 2 axes");
  CHECK(contains(error_text([&] { array.read<int, 1>(); }), "F32, which does not convert to I32"));
}
