#include "longwave/io/safetensors.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// A safetensors file of this header and these data.
std::string container(const std::string& json, const std::string& data = "") {
  return little(json.size(), 8) + json + data;
}

std::string refusal(const std::string& content) {
  return error_text<IoError>([&] { SafetensorsFile(as_bytes(content), "t.safetensors"); });
}

void refuses(const std::string& content, const std::string& part) {
  const std::string text = refusal(content);
  INFO(text);
  CHECK(contains(text, "t.safetensors"));
  CHECK(contains(text, part));
}

}  // namespace

TEST_CASE("safetensors: what is written is read back bit for bit, with its metadata") {
  const TemporaryFolder folder;
  const auto w = random<float>(Extents<2>{3, 5});
  const auto b = random<double>(Extents<1>{7}, 2);
  Tensor<index_t, 0> count{Extents<0>()};
  count() = -12;
  const Tensor<float, 3> empty(2, 0, 3);
  const NamedArray arrays[] = {named_array("w", w), named_array("b \"quoted\" \xc3\xa9\n", b),
                               named_array("count", count), named_array("empty", empty)};
  const std::string path = folder / "a.safetensors";
  write_safetensors(path, arrays, {{"format", "pt"}, {"note", "tab\t, \\ and \xf0\x9f\x8c\x8a"}});

  const SafetensorsFile file(path);
  CHECK(file.names().size() == 4);
  CHECK(file.metadata().at("note") == "tab\t, \\ and \xf0\x9f\x8c\x8a");
  CHECK(file.dtype("w") == DType::f32);
  CHECK(file.shape("w") == std::vector<index_t>{3, 5});
  CHECK(same_bits(file.tensor<float, 2>("w"), w));
  CHECK(same_bits(file.read<double, 1>("b \"quoted\" \xc3\xa9\n"), b));
  CHECK(file.read<index_t, 0>("count")() == -12);
  CHECK(file.tensor<float, 3>("empty").sizes() == Extents<3>{2, 0, 3});
  CHECK_FALSE(file.contains("x"));
  CHECK(file.values<double>("w")[4] == static_cast<double>(w(0, 4)));
}

TEST_CASE("safetensors: bfloat16 is written as BF16 and read back bit for bit, or as float, or from float") {
  const TemporaryFolder folder;
  const auto x = random<float>(Extents<2>{3, 5});
  Tensor<bfloat16, 2> w(3, 5);
  for (index_t i = 0; i < w.count(); ++i) w.data()[i] = bfloat16(x.data()[i]);
  const NamedArray arrays[] = {named_array("w", w), named_array("x", x)};
  write_safetensors(folder / "a.safetensors", arrays);
  const SafetensorsFile file(folder / "a.safetensors");
  CHECK(file.dtype("w") == DType::bf16);
  const auto back = file.read<bfloat16, 2>("w"), rounded = file.read<bfloat16, 2>("x");
  const auto wide = file.read<float, 2>("w");
  for (index_t i = 0; i < w.count(); ++i) {
    CHECK(back.data()[i].bits() == w.data()[i].bits());
    CHECK(rounded.data()[i].bits() == w.data()[i].bits());
    CHECK(wide.data()[i] == w.data()[i]);
  }
  CHECK_THROWS_AS((file.read<index_t, 2>("w")), IoError);
}

TEST_CASE("safetensors: the same content gives the same bytes, in whatever order it is given") {
  const TemporaryFolder folder;
  const auto w = random<float>(Extents<1>{3});
  const Tensor<std::uint8_t, 1> u(5);
  const NamedArray one[] = {named_array("u", u), named_array("w", w)},
                   two[] = {named_array("w", w), named_array("u", u)};
  write_safetensors(folder / "1", one);
  write_safetensors(folder / "2", two);
  CHECK(read_text(folder / "1") == read_text(folder / "2"));
  const std::string content = read_text(folder / "1");
  CHECK(static_cast<unsigned char>(content[0]) % 8 == 0);  // padded header
}

TEST_CASE("safetensors: an empty file of tensors is valid") {
  const TemporaryFolder folder;
  write_safetensors(folder / "none", {});
  CHECK(SafetensorsFile(folder / "none").names().empty());
}

TEST_CASE("safetensors: every stored type converts to float") {
  const auto value = [](const char* dtype, const std::string& bytes) {
    const std::string json = std::string("{\"a\":{\"dtype\":\"") + dtype + "\",\"shape\":[1],\"data_offsets\":[0," +
                             std::to_string(bytes.size()) + "]}}";
    const std::string content = container(json, bytes);
    return SafetensorsFile(as_bytes(content), "t").read<float, 1>("a")(0);
  };
  CHECK(value("BOOL", "\x07") == 1);
  CHECK(value("U8", "\xff") == 255);
  CHECK(value("I8", "\xff") == -1);
  CHECK(value("I16", little(0xfffe, 2)) == -2);
  CHECK(value("U16", little(0xfffe, 2)) == 65534);
  CHECK(value("I32", little(0xfffffffd, 4)) == -3);
  CHECK(value("U32", little(7, 4)) == 7);
  CHECK(value("I64", little(9, 8)) == 9);
  CHECK(value("U64", little(9, 8)) == 9);
  CHECK(value("F16", little(0x3c00, 2)) == 1);
  CHECK(value("F16", little(0xc248, 2)) == -3.140625f);
  CHECK(value("F16", little(0x0001, 2)) == 0x1p-24f);  // smallest subnormal
  CHECK(value("F16", little(0x7bff, 2)) == 65504);
  CHECK(value("F16", little(0xfc00, 2)) == -INFINITY);
  CHECK(std::isnan(value("F16", little(0x7e00, 2))));
  CHECK(value("BF16", little(0x3fc0, 2)) == 1.5f);
  CHECK(value("F32", little(0x3fc00000, 4)) == 1.5f);
  CHECK(value("F64", little(0x3ff8000000000000, 8)) == 1.5f);
}

TEST_CASE("safetensors: a conversion that would lose something is refused by name") {
  const TemporaryFolder folder;
  Tensor<index_t, 1> large(2);
  large(1) = 300;
  const auto real = random<float>(Extents<1>{2});
  const NamedArray arrays[] = {named_array("large", large), named_array("real", real)};
  write_safetensors(folder / "a", arrays);
  const SafetensorsFile file(folder / "a");
  CHECK(contains(error_text([&] { file.read<std::uint8_t, 1>("large"); }),
                 "element 1 does not fit into U8; read it as I64"));
  CHECK(contains(error_text([&] { file.read<int, 1>("real"); }), "F32, which does not convert to I32"));
  CHECK(contains(error_text([&] { file.tensor<double, 1>("real"); }), "is F32, not F64; use read() to convert"));
  CHECK(contains(error_text([&] { file.read<float, 2>("real"); }), "has the shape (2), expected 2 axes"));
  CHECK(contains(error_text([&] { file.shape("rael"); }), "\"rael\" is not in the file; it holds: large, real"));
}

TEST_CASE("safetensors: a tensor off its alignment can be read but not viewed") {
  const std::string json =
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
      "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[1,5]}}   ";
  const TemporaryFolder folder;
  write_text(folder / "a", container(json, "x" + little(0x3fc00000, 4)));
  const SafetensorsFile file(folder / "a");
  CHECK(file.read<float, 1>("b")(0) == 1.5f);
  CHECK(contains(error_text([&] { file.tensor<float, 1>("b"); }), "not aligned; use read()"));
}

TEST_CASE("safetensors: a header longer than the file is refused before it is believed") {
  refuses("", "not a safetensors file: 0 bytes");
  refuses("1234567", "7 bytes, the least is 8");
  refuses(little(std::uint64_t(1) << 63, 8) + "{}", "claims 9223372036854775808 bytes, the file has 10");
  refuses(little(~std::uint64_t(0), 8) + "{}", "cut short");
  refuses(little(3, 8) + "{}", "claims 3 bytes");
}

TEST_CASE("safetensors: byte ranges must tile the data") {
  const auto two = [](const char* a, const char* b) {
    return container(std::string("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":") + a +
                         "},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":" + b + "}}",
                     "1234");
  };
  CHECK(refusal(two("[0,2]", "[2,4]")).empty());
  CHECK(refusal(two("[2,4]", "[0,2]")).empty());
  refuses(two("[0,2]", "[1,3]"), "\"b\" overlaps the one before it");
  refuses(two("[0,2]", "[0,2]"), "overlaps");
  refuses(two("[1,3]", "[3,5]"), "claims the bytes 3 to 5 of 4");
  refuses(two("[2,0]", "[2,4]"), "claims the bytes 2 to 0");
  refuses(two("[0,2]", "[2,3]"), "U8 (2) takes 2 bytes, its data_offsets hold 1");
  refuses(container("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", "123"),
          "\"a\" leaves a gap before it");
  refuses(container("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", "123"),
          "1 bytes follow the last tensor");
}

TEST_CASE("safetensors: shapes that overflow, are negative or no numbers are refused") {
  const auto shaped = [](const std::string& shape, const char* offsets = "[0,0]") {
    return container("{\"a\":{\"dtype\":\"F32\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}");
  };
  refuses(shaped("[4611686018427387904,4]"), "overflows");
  refuses(shaped("[0,4611686018427387904,4611686018427387904]"), "overflows");
  refuses(shaped("[9223372036854775808]"), "a size is too large");
  refuses(shaped("[99999999999999999999999]"), "a size is too large");
  refuses(shaped("[-1]"), "a size is not a whole number of zero or more");
  refuses(shaped("[1.5]"), "a size is not a whole number");
  refuses(shaped("[1e3]"), "a size is not a whole number");
  refuses(shaped("[01]"), "a size is not a whole number");
  refuses(shaped("[1,]"), "a size is not a whole number");
  refuses(shaped("[1 2]"), "expected ']' or ',' in a shape");
  refuses(shaped("[0]", "[0,-1]"), "a data offset is not");
  refuses(shaped("[0]", "[0]"), "between the two data_offsets");
  refuses(shaped("[0]", "[0,0,0]"), "after the two data_offsets");
}

TEST_CASE("safetensors: a header that is not exactly the format is refused, with the offset") {
  const std::string entry = "{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
  CHECK(refusal(container(" { \"a\" : " + entry + " } ")).empty());
  refuses(container(""), "(offset 8): expected '{' at the start of the header");
  refuses(container("[]"), "expected '{'");
  refuses(container("{\"a\":" + entry), "expected '}' or ',' in the header");
  refuses(container("{\"a\":" + entry + ",\"a\":" + entry + "}"), "the name \"a\" comes twice");
  refuses(container("{\"a\":" + entry + "}x"), "text after the header's last '}'");
  refuses(container("{\"a\":" + entry + ",}"), "expected '\"'");
  refuses(container("{\"a\":{\"dtype\":\"U8\",\"shape\":[0]}}"), "lacks its dtype, shape or data_offsets");
  refuses(container("{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0],\"x\":1}}"), "unknown field \"x\"");
  refuses(container("{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[0],\"data_offsets\":[0,0]}}"),
          "dtype \"F8_E4M3\" is not supported");
  refuses(container("{\"a\":{\"dtype\":\"C128\",\"shape\":[0],\"data_offsets\":[0,0]}}"), "not supported");
  refuses(container("{\"a\":" + std::string(100000, '[') + "}"), "expected '{'");
  refuses(container("{\"a\":" + std::string(100000, '{') + "}"), "expected '\"'");
  refuses(container("{\"__metadata__\":{\"k\":1}}"), "expected '\"' at the start of a metadata text");
  refuses(container("{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}"), "comes twice");
}

TEST_CASE("safetensors: names must be valid UTF-8 with valid escapes") {
  const auto named = [](const std::string& name) {
    return container("{\"" + name + "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}");
  };
  const std::string escaped = named("\\u00e9\\ud83c\\udf0a\\/\\n");
  CHECK(SafetensorsFile(as_bytes(escaped), "t").contains("\xc3\xa9\xf0\x9f\x8c\x8a/\n"));
  for (const char* bad : {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xc3"})
    refuses(named(bad), "invalid UTF-8 in a name");
  refuses(named("\\x"), "an unknown escape in a name");
  refuses(named("\\u12g4"), "hexadecimal digits");
  refuses(named("\\ud800"), "half a surrogate pair");
  refuses(named("\\udc00"), "half a surrogate pair");
  refuses(named("\\ud800\\u0041"), "half a surrogate pair");
  refuses(named("\n"), "a control character in a name");
  refuses(little(3, 8) + "{\"a", "ends inside a name");
}

TEST_CASE("safetensors: every cut of a good file is refused") {
  const TemporaryFolder folder;
  const auto w = random<float>(Extents<1>{3});
  const NamedArray arrays[] = {named_array("w", w)};
  write_safetensors(folder / "a", arrays, {{"k", "v"}});
  const std::string whole = read_text(folder / "a");
  CHECK(refusal(whole).empty());
  for (std::size_t n = 0; n < whole.size(); ++n) CHECK_FALSE(refusal(whole.substr(0, n)).empty());
}

TEST_CASE("safetensors: the writer refuses what a reader would") {
  const TemporaryFolder folder;
  const auto w = random<float>(Extents<1>{3});
  const Tensor<complex<double>, 1> z(1);
  const auto refused = [&](std::vector<NamedArray> arrays, std::map<std::string, std::string> metadata = {}) {
    return error_text<IoError>([&] { write_safetensors(folder / "a", arrays, metadata); });
  };
  CHECK(contains(refused({named_array("w", w), named_array("w", w)}), "\"w\" is given twice"));
  CHECK(contains(refused({named_array("__metadata__", w)}), "this name cannot be written"));
  CHECK(contains(refused({named_array("\xff", w)}), "this name cannot be written"));
  CHECK(contains(refused({named_array("z", z)}), "trailing axis of 2"));
  CHECK(contains(refused({}, {{"k", "\xff"}}), "is not UTF-8"));
  CHECK(contains(error_text([&] {
                   named_array("t", random<float>(Extents<2>{2, 3}).view().transpose(0, 1));
                 }),
                 "not contiguous"));
  CHECK(folder.files() == 0);
}
