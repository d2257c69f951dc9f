#include "longwave/data/zarr.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Written by the zarr package: see zarr/fixtures.py.
std::string fixture(const std::string& name) {
  return std::filesystem::path(__FILE__).parent_path().string() + "/zarr/" + name;
}

template <class T>
T sample(index_t i, index_t j) {
  const auto x = static_cast<double>(i + 100 * j);
  if constexpr (detail::is_complex<T>)
    return T(static_cast<float>(x), static_cast<float>(-0.5 * x));
  else
    return static_cast<T>(x);
}

template <class T>
bool same(T a, T b) {
  if constexpr (detail::is_complex<T>)
    return a.re == b.re && a.im == b.im;
  else
    return a == b;
}

template <class View>
bool as_written(const View& x, index_t row = 0, index_t column = 0, index_t step = 1) {
  using T = std::remove_cvref_t<decltype(x(0, 0))>;
  bool all = true;
  for (index_t i = 0; i < x.size(0); ++i)
    for (index_t j = 0; j < x.size(1); ++j) all = all && same(T(x(i, j)), sample<T>(row + step * i, column + step * j));
  return all;
}

template <class T>
Tensor<T, 2> samples(index_t rows, index_t columns) {
  Tensor<T, 2> x(rows, columns);
  for (index_t i = 0; i < rows; ++i)
    for (index_t j = 0; j < columns; ++j) x(i, j) = sample<T>(i, j);
  return x;
}

template <class T>
void check_fixture(const std::string& name) {
  INFO(name);
  const ZarrArray array(fixture(name));
  CHECK(array.shape() == std::vector<index_t>{7, 5});
  CHECK(as_written(array.read<T, 2>().view()));
}

std::string zarray(const std::string& change_from = "", const std::string& change_to = "") {
  std::string text = R"({"zarr_format": 2, "shape": [7, 5], "chunks": [4, 3], "dtype": "<f4", "compressor": null,
                         "fill_value": 0, "order": "C", "filters": null})";
  if (!change_from.empty()) text.replace(text.find(change_from), change_from.size(), change_to);
  return text;
}

}  // namespace

TEST_CASE("zarr: arrays of the Python package read as they were written, whatever type, codec, order and names") {
  for (const std::string version : {"v2/", "v3/"}) {
    check_fixture<float>(version + "raw_f4");
    check_fixture<std::int16_t>(version + "gzip_i2");
    check_fixture<float>(version + "gzip_i2");  // converted
    check_fixture<double>(version + "zstd_f8");
    check_fixture<complex<float>>(version + "blosc_c8");
    check_fixture<std::int32_t>(version + "transposed");
    check_fixture<float>(version + "big_endian");
    check_fixture<float>(version + "other_names");
  }
  check_fixture<complex<float>>("v2/zlib_c8");
  check_fixture<float>("v2/blosc_bits_f4");
  check_fixture<float>("v3/crc_f4");
}

TEST_CASE("zarr: a chunk without a file holds the fill value") {
  for (const std::string version : {"v2/", "v3/"}) {
    const Tensor<float, 2> holes = ZarrArray(fixture(version + "holes")).read<float, 2>();
    CHECK(as_written(holes.view().slice(0, 0, 4).slice(1, 0, 3)));
    CHECK(std::isnan(holes(4, 0)));
    CHECK(std::isnan(holes(0, 3)));
    const Tensor<complex<float>, 2> empty = ZarrArray(fixture(version + "empty_c8")).read<complex<float>, 2>();
    CHECK(same(empty(6, 4), complex<float>(3, -4)));
  }
}

TEST_CASE("zarr: patches at any origin and step, into views of any strides") {
  for (const std::string name : {"v2/blosc_c8", "v3/blosc_c8"}) {
    const ZarrArray array(fixture(name), /*cache=*/2);
    const auto all = samples<complex<float>>(7, 5);
    for (index_t row = 0; row < 7; ++row)
      for (index_t column = 0; column < 5; ++column)
        for (index_t step = 1; step <= 3; ++step) {
          Tensor<complex<float>, 2> patch((6 - row) / step + 1, (4 - column) / step + 1);
          array.read(patch.view(), {row, column}, {step, step});
          CHECK(as_written(patch.view(), row, column, step));
        }
    Tensor<complex<float>, 2> turned(5, 7);
    array.read(turned.view().transpose(0, 1), {0, 0});
    CHECK(same(turned(4, 6), sample<complex<float>>(6, 4)));
  }
}

TEST_CASE("zarr: what is written reads back, in pieces that do not fit the chunks") {
  using Kind = ChunkCodec::Kind;
  const std::vector<std::vector<ChunkCodec>> packings = {{},
                                                         {{.kind = Kind::zlib}},
                                                         {{.kind = Kind::gzip}},
                                                         {{.kind = Kind::zstd}},
                                                         {{.kind = Kind::blosc}},
                                                         {{.kind = Kind::blosc, .compressor = "zstd", .shuffle = 2}},
                                                         {{.kind = Kind::zstd}, {.kind = Kind::crc32c}}};
  const TemporaryFolder folder;
  for (const int version : {2, 3})
    for (std::size_t p = 0; p < packings.size() - (version == 2 ? 1 : 0); ++p) {
      const std::string path = folder / ("a/b" + std::to_string(version) + std::to_string(p));
      ZarrArray out = ZarrArray::create(
          path, {.shape = {11, 13}, .chunks = {4, 5}, .dtype = DType::c64, .codecs = packings[p], .version = version});
      const auto all = samples<complex<float>>(11, 13);
      for (index_t row = 0; row < 11; row += 3)
        for (index_t column = 0; column < 13; column += 7)
          out.write(all.view()
                        .slice(0, row, std::min<index_t>(row + 3, 11))
                        .slice(1, column, std::min<index_t>(column + 7, 13)),
                    {row, column});
      CHECK(as_written(out.read<complex<float>, 2>().view()));
      CHECK(as_written(ZarrArray(path).read<complex<float>, 2>().view()));
    }
}

TEST_CASE("zarr: other ranks, no elements, chunks larger than the array") {
  const TemporaryFolder folder;
  ZarrArray line = ZarrArray::create(folder / "line", {.shape = {5}, .chunks = {100}, .dtype = DType::i16});
  Tensor<std::int16_t, 1> x(5);
  for (index_t i = 0; i < 5; ++i) x(i) = static_cast<std::int16_t>(7 * i);
  line.write(x.view(), {0});
  CHECK(ZarrArray(folder / "line").read<std::int16_t, 1>()(4) == 28);
  CHECK(ZarrArray::create(folder / "none", {.shape = {0, 3}}).read<float, 2>().count() == 0);
  ZarrArray cube = ZarrArray::create(folder / "cube", {.shape = {2, 3, 5}, .chunks = {1, 2, 2}, .version = 3});
  Tensor<float, 3> u(2, 3, 5);
  u(1, 2, 4) = 9;
  cube.write(u.view(), {0, 0, 0});
  CHECK(cube.read<float, 3>()(1, 2, 4) == 9);
  Tensor<float, 3> nothing(0, 3, 5);
  cube.read(nothing.view(), {2, 0, 0});
}

TEST_CASE("zarr: groups know their arrays") {
  const TemporaryFolder folder;
  for (const int version : {2, 3}) {
    const std::string path = folder / std::to_string(version);
    const ZarrGroup group = ZarrGroup::create(path, version);
    ZarrArray::create(path + "/rc", {.shape = {2, 2}, .version = version});
    CHECK(ZarrGroup(path).has("rc"));
    CHECK_FALSE(group.has("az"));
    CHECK(group.array("rc").shape().size() == 2);
    CHECK_THROWS_WITH(group.array("az"), Catch::Contains("the group holds no array \"az\""));
  }
  CHECK(ZarrGroup(fixture("v3")).has("raw_f4"));
  CHECK_THROWS_WITH(ZarrGroup(folder / "x"), Catch::Contains("is not there"));
  CHECK_THROWS_WITH(ZarrGroup(folder.path()), Catch::Contains("holds no Zarr group"));
  CHECK_THROWS_WITH(ZarrArray(folder / "2"), Catch::Contains("holds no Zarr array"));
  CHECK_THROWS_WITH(ZarrArray(fixture("v3")), Catch::Contains("is the metadata of a group"));
}

TEST_CASE("zarr: patches that do not fit, other types and arrays that are there already are refused") {
  const ZarrArray array(fixture("v2/raw_f4"));
  Tensor<float, 2> patch(4, 4);
  CHECK_THROWS_WITH(array.read(patch.view(), {4, 0}),
                    Catch::Contains("cannot read a patch (4, 4) at (4, 0)") && Catch::Contains("raw_f4 is (7, 5)"));
  CHECK_THROWS_WITH(array.read(patch.view(), {0, -1}), Catch::Contains("cannot read a patch"));
  CHECK_THROWS_WITH(array.read(patch.view(), {0, 0}, {2, 2}), Catch::Contains("with steps (2, 2)"));
  CHECK_THROWS_WITH((array.read<float, 3>()), Catch::Contains("expected rank 3"));
  CHECK_THROWS_WITH((array.read<int, 2>()), Catch::Contains("holds F32, which does not convert to I32"));
  CHECK_THROWS_WITH((ZarrArray(fixture("v2/transposed")).read<std::int8_t, 2>()), Catch::Contains("does not fit"));

  const TemporaryFolder folder;
  ZarrArray out = ZarrArray::create(folder / "a", {.shape = {7, 5}});
  CHECK_THROWS_WITH(out.write(Tensor<double, 2>(1, 1).view(), {0, 0}), Catch::Contains("holds F32, the patch is F64"));
  CHECK_THROWS_WITH(ZarrArray::create(folder / "a", {.shape = {7, 5}}), Catch::Contains("already"));
  CHECK_NOTHROW(ZarrArray::create(folder / "a", {.shape = {7, 5}, .overwrite = true}));
  CHECK_THROWS_WITH(ZarrArray::create(folder / "b", {.shape = {7, 5}, .chunks = {3}}), Catch::Contains("chunk size"));
  CHECK_THROWS_WITH(ZarrArray::create(folder / "c", {.shape = {7}, .codecs = {{.kind = ChunkCodec::Kind::crc32c}}}),
                    Catch::Contains("write version 3"));
}

TEST_CASE("zarr: damaged chunks are named with their path and never believed") {
  for (const std::string name : {"v2/raw_f4", "v2/zlib_c8", "v2/gzip_i2", "v2/zstd_f8", "v2/blosc_c8", "v3/crc_f4"}) {
    const TemporaryFolder folder;
    std::filesystem::copy(fixture(name), folder / "a", std::filesystem::copy_options::recursive);
    const std::string chunk = folder / (name[1] == '2' ? "a/1.0" : "a/c/1/0");
    const std::string good = read_text(chunk);
    const auto read = [&] { ZarrArray(folder / "a").read<complex<double>, 2>(); };
    for (const std::size_t cut : {std::size_t(0), std::size_t(3), good.size() / 2, good.size() - 1}) {
      write_text(chunk, good.substr(0, cut));
      INFO(name << " cut to " << cut);
      CHECK_THROWS_WITH(read(), Catch::Contains(chunk));
    }
    write_text(chunk, good + "more");
    if (name != "v2/blosc_c8") CHECK_THROWS_WITH(read(), Catch::Contains(chunk));
    if (name == "v3/crc_f4") {
      std::string bad = good;
      bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
      write_text(chunk, bad);
      CHECK_THROWS_WITH(read(), Catch::Contains("its checksum differs"));
    }
    write_text(chunk, good);
    CHECK_NOTHROW(read());
  }
}

TEST_CASE("zarr: metadata that cannot be trusted are refused with file and key") {
  const TemporaryFolder folder;
  const auto refused = [&](const std::string& text, const std::string& why) {
    write_text(folder / ".zarray", text);
    INFO(text);
    CHECK_THROWS_WITH(ZarrArray(folder.path()), Catch::Contains(".zarray") && Catch::Contains(why));
  };
  refused("{", "not valid JSON");
  refused("[1]", "is not a JSON object");
  refused(zarray("\"shape\"", "\"shapes\""), "\"shape\" is missing");
  refused(zarray("[7, 5]", "[7, -5]"), "expected whole numbers of at least 0");
  refused(zarray("[4, 3]", "[4, 0]"), "expected whole numbers of at least 1");
  refused(zarray("[4, 3]", "[4]"), "differ in rank");
  refused(zarray("[7, 5]", "[4000000000000, 4000000000000]"), "too large");
  refused(zarray("\"<f4\"", "[[\"a\", \"<f4\"]]"), "is not supported, expected a type of numbers");
  refused(zarray("\"<f4\"", "\"<M8\""), "is not supported");
  refused(zarray("\"order\": \"C\"", "\"order\": \"K\""), "expected C or F");
  refused(zarray("\"order\": \"C\"", "\"order\": 3"), "not the metadata of an array");
  refused(zarray("\"filters\": null", "\"filters\": [{\"id\": \"delta\"}]"), "filters");
  refused(zarray("\"compressor\": null", "\"compressor\": {\"id\": \"lzma\"}"), "codec \"lzma\" is not supported");
  refused(zarray("\"fill_value\": 0", "\"fill_value\": \"x\""), "fill_value");
  refused(zarray("\"<f4\"", "\"<i2\"")
              .replace(zarray("\"<f4\"", "\"<i2\"").find("\"fill_value\": 0"), 15, "\"fill_value\": 70000"),
          "does not fit into I16");
  refused(zarray("\"zarr_format\": 2", "\"zarr_format\": 9"), "zarr_format is 9");
}

TEST_CASE("zarr: several threads may read through one cache") {
  const ZarrArray array(fixture("v2/blosc_c8"), /*cache=*/1);
  bool good[8] = {};
  parallel_for(
      8, [&](index_t t) { good[t] = as_written(array.read<complex<float>, 2>().view()); }, 1 << 20);
  for (const bool each : good) CHECK(each);
}

TEST_CASE("zarr: writes what the Python package reads", "[.zarr_out]") {  // by hand: fixtures.py check FOLDER
  const char* out = std::getenv("LONGWAVE_ZARR_OUT");
  REQUIRE(out != nullptr);
  using Kind = ChunkCodec::Kind;
  const std::vector<std::pair<std::string, std::vector<ChunkCodec>>> packings = {{"raw", {}},
                                                                                 {"zlib", {{.kind = Kind::zlib}}},
                                                                                 {"gzip", {{.kind = Kind::gzip}}},
                                                                                 {"zstd", {{.kind = Kind::zstd}}},
                                                                                 {"blosc", {{.kind = Kind::blosc}}},
                                                                                 {"crc", {{.kind = Kind::crc32c}}}};
  for (const int version : {2, 3}) {
    const std::string root = std::string(out) + "/v" + std::to_string(version);
    ZarrGroup::create(root, version);
    const auto write = [&]<class T>(const std::string& name, const std::vector<ChunkCodec>& codecs, T) {
      ZarrArray array = ZarrArray::create(
          root + "/" + name,
          {.shape = {7, 5}, .chunks = {4, 3}, .dtype = dtype_of<T>, .codecs = codecs, .version = version});
      array.write(samples<T>(7, 5).view(), {0, 0});
    };
    for (const auto& [name, codecs] : packings) {
      if ((name == "crc" && version == 2) || (name == "zlib" && version == 3)) continue;
      write(name + "_c8", codecs, complex<float>());
      write(name + "_f4", codecs, float());
      write(name + "_i2", codecs, std::int16_t());
    }
  }
}
