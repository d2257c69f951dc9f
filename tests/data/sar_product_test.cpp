#include "longwave/data/sar_product.hpp"

#include <map>
#include <set>

#include "check.hpp"
#include "files.hpp"
#include "longwave/data/sar_batches.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Exact in float: rc (100 i + j, -i), az (i - j, 8 j).
complex<float> rc_sample(index_t i, index_t j) { return {static_cast<float>(100 * i + j), static_cast<float>(-i)}; }
complex<float> az_sample(index_t i, index_t j) { return {static_cast<float>(i - j), static_cast<float>(8 * j)}; }

template <class Sample>
void write_array(const std::string& folder, index_t H, index_t W, Sample sample, int version = 2) {
  Tensor<complex<float>, 2> x(H, W);
  for (index_t i = 0; i < H; ++i)
    for (index_t j = 0; j < W; ++j) x(i, j) = sample(i, j);
  ZarrArray array = ZarrArray::create(
      folder, {.shape = {H, W}, .chunks = {5, 3}, .dtype = DType::c64, .version = version, .overwrite = true});
  array.write(x.view(), {0, 0});
}

void write_product(const std::string& folder, index_t H, index_t W, int version = 2) {
  ZarrGroup::create(folder, version);
  write_array(folder + "/rc", H, W, rc_sample, version);
  write_array(folder + "/az", H, W, az_sample, version);
}

SarSampling small_sampling() {
  SarSampling s;
  s.patch_rows = 6;
  s.buffer_rows = 2;
  s.buffer_columns = 1;
  s.stride_rows = 4;
  s.shuffle = false;
  return s;
}

float unit(float v, float range) { return (v + range) / (2 * range); }

// Whether the rows of a batch are what the patches say.
bool as_stored(const SarBatch& batch, index_t w = 1) {
  bool all = true;
  for (std::size_t p = 0; p < batch.patches.size(); ++p)
    for (index_t c = 0; c < w; ++c)
      for (index_t i = 0; i < batch.x.size(1); ++i) {
        const index_t b = static_cast<index_t>(p) * w + c, column = batch.patches[p].column + c;
        const complex<float> rc = rc_sample(batch.patches[p].row + i, column),
                             az = az_sample(batch.patches[p].row + i, column);
        all = all && std::abs(batch.x(b, i, 0) - unit(rc.re, 3000)) < 1e-6f &&
              std::abs(batch.x(b, i, 1) - unit(rc.im, 3000)) < 1e-6f &&
              batch.x(b, i, 2) == static_cast<float>(static_cast<double>(column + 1) / 20000) &&
              std::abs(batch.target(b, i, 0) - unit(az.re, 12000)) < 1e-6f &&
              std::abs(batch.target(b, i, 1) - unit(az.im, 12000)) < 1e-6f;
      }
  return all;
}

using Place = std::pair<index_t, index_t>;

std::vector<Place> places_of_epoch(SarBatches& batches) {
  std::vector<Place> places;
  SarBatch batch;
  while (batches.next(batch))
    for (const SarPatch& patch : batch.patches) places.emplace_back(patch.row, patch.column);
  return places;
}

}  // namespace

TEST_CASE("sar_patches: from the margin on in steps, as long as a patch ends before the other margin") {
  const TemporaryFolder folder;
  write_product(folder / "s1a-s3-x.zarr", 20, 6);
  SarSampling s = small_sampling();
  const SarProduct product(folder / "s1a-s3-x.zarr", s);
  CHECK(product.rows() == 20);
  CHECK(product.columns() == 6);
  const auto origins = [&](const SarSampling& sampling) {
    std::vector<Place> all;
    for (const SarPatch& p : sar_patches(product, sampling)) all.emplace_back(p.row, p.column);
    return all;
  };
  // Rows 2, 6, 10 and 12 at the most; columns 1 to 4.
  CHECK(origins(s) ==
        std::vector<Place>{
            {2, 1}, {6, 1}, {10, 1}, {2, 2}, {6, 2}, {10, 2}, {2, 3}, {6, 3}, {10, 3}, {2, 4}, {6, 4}, {10, 4}});
  s.rows_first = false;
  s.samples_per_product = 5;
  CHECK(origins(s) == std::vector<Place>{{2, 1}, {2, 2}, {2, 3}, {2, 4}, {6, 1}});
  s.patch_columns = 2;
  s.stride_columns = 2;
  CHECK(origins(s) == std::vector<Place>{{2, 1}, {2, 3}, {6, 1}, {6, 3}, {10, 1}});
  s.patch_rows = 16;  // one just fits
  CHECK(origins(s) == std::vector<Place>{{2, 1}, {2, 3}});
  s.patch_rows = 17;
  CHECK_THROWS_WITH(origins(s), Catch::Contains("s1a-s3-x.zarr is (20, 6), smaller than a patch of (17, 2) with "
                                                "margins of (2, 1) on each side"));
  s.patch_rows = 0;
  CHECK_THROWS_WITH(origins(s), Catch::Contains("at least 1"));
}

TEST_CASE("SarProduct: I and Q become numbers around 1/2, the position comes third") {
  const TemporaryFolder folder;
  for (const int version : {2, 3}) {
    const std::string name = folder / ("s1b-s2-v" + std::to_string(version) + ".zarr");
    write_product(name, 9, 4, version);
    SarSampling s = small_sampling();
    const SarProduct product(name, s);
    CHECK(product.mode() == 2);
    SarBatch batch{Tensor<float, 3>(2, 6, 3), Tensor<float, 3>(2, 6, 2), {{0, 3, 1}}};
    product.read(batch.x.view(), batch.target.view(), batch.patches[0], s);
    CHECK(as_stored(batch, 2));
    const SarScale scale = sar_scale(s.ranges, true);
    CHECK(scale.to_unit(0) == 0.5f);
    for (const float v : {-12000.0f, -7.5f, 0.0f, 12000.0f, 20000.0f})
      CHECK(scale.from_unit(scale.to_unit(v)) == Approx(v).margin(2e-3));
    CHECK(product.position(3, SarPosition::column) == 4.0 / 20000);
    CHECK(product.position(3, SarPosition::mode) == (3 + 2 * 4) / 24.0);
    CHECK(product.position(3, SarPosition::none) == 0);
  }
}

TEST_CASE("SarProduct: ranges by name, clipping, and the part of a scene") {
  const TemporaryFolder folder;
  const std::string name = folder / "part.zarr";
  write_product(name, 9, 4);
  write_text(name + "/.zattrs", R"({"first_column": 550, "else": "what"})");
  SarSampling s = small_sampling();
  s.ranges = {-200, 200, -4, 4};
  s.clip = true;
  const SarProduct product(name, s);
  CHECK(product.mode() == 0);
  CHECK(product.first_column() == 550);
  Tensor<float, 3> x(1, 6, 3), target(1, 6, 2);
  product.read(x.view(), target.view(), {0, 0, 2}, s);
  CHECK(x(0, 1, 0) == Approx(unit(102, 200)));
  CHECK(x(0, 5, 0) == 1);       // 502
  CHECK(target(0, 3, 1) == 1);  // 16
  CHECK(x(0, 0, 2) == Approx(553.0 / 20000));
  CHECK(sar_ranges("broad").az_high == 40000);
  CHECK(sar_ranges("medium").rc_low == -6000);
  CHECK(sar_ranges("tight").az_low == -16000);
  CHECK(sar_ranges("extra_tight").rc_high == 3000);
  CHECK(sar_ranges("extra_extra_tight").az_high == 9000);
  CHECK_THROWS_WITH(sar_ranges("wide"), Catch::Contains("\"wide\"") && Catch::Contains("extra_extra_tight"));
  CHECK_THROWS_WITH(sar_scale({1, 1, 0, 1}, false), Catch::Contains("the range of rc"));
}

TEST_CASE("SarProduct: what is wrong with a product is one line that names it") {
  const TemporaryFolder folder;
  const SarSampling s = small_sampling();
  CHECK_THROWS_WITH(SarProduct(folder / "none.zarr", s), Catch::Contains("none.zarr: is not there"));
  std::filesystem::create_directory(folder / "empty.zarr");
  CHECK_THROWS_WITH(SarProduct(folder / "empty.zarr", s), Catch::Contains("empty.zarr: holds no Zarr group"));
  ZarrGroup::create(folder / "half.zarr");
  write_array(folder / "half.zarr/rc", 9, 4, rc_sample);
  CHECK_THROWS_WITH(SarProduct(folder / "half.zarr", s), Catch::Contains("half.zarr: the group holds no array \"az\""));
  write_array(folder / "half.zarr/az", 9, 5, az_sample);
  CHECK_THROWS_WITH(SarProduct(folder / "half.zarr", s),
                    Catch::Contains("half.zarr: rc is (9, 4) and az is (9, 5); a pair of images has one shape"));
  ZarrArray::create(folder / "half.zarr/az",
                    {.shape = {9, 4, 1}, .chunks = {9, 4, 1}, .dtype = DType::c64, .overwrite = true});
  CHECK_THROWS_WITH(SarProduct(folder / "half.zarr", s), Catch::Contains("half.zarr/az: is (9, 4, 1)"));
  SarSampling by_mode = s;
  by_mode.position = SarPosition::mode;
  write_product(folder / "plain.zarr", 9, 4);
  CHECK_THROWS_WITH(SarProduct(folder / "plain.zarr", by_mode), Catch::Contains("plain.zarr: the name tells no"));
  write_product(folder / "s1a-s7-x.zarr", 9, 4);
  CHECK_THROWS_WITH(SarProduct(folder / "s1a-s7-x.zarr", by_mode), Catch::Contains("no stripmap mode"));

  write_text(folder / "plain.zarr/rc/.zarray", R"({"zarr_format": 2, "shape": [9, 4], "chunks": [5, 3], "dtype": "<c8",
             "compressor": {"id": "zap"}, "fill_value": 0, "order": "C", "filters": null})");
  CHECK_THROWS_WITH(SarProduct(folder / "plain.zarr", s), Catch::Contains("plain.zarr/rc") && Catch::Contains("zap"));
}

TEST_CASE("SarBatches: damaged chunks and samples that are no numbers stop the batch that holds them") {
  const TemporaryFolder folder;
  const std::string name = folder / "s1a-s3-x.zarr";
  write_product(name, 20, 6);
  SarSampling s = small_sampling();
  SarBatch batch;
  SECTION("a truncated chunk") {
    std::filesystem::resize_file(name + "/az/1.1", 7);
    SarBatches batches(name, s, 3, 1);
    CHECK(batches.next(batch));  // columns 1 and 2: chunks x.0
    CHECK(as_stored(batch));
    CHECK(batches.next(batch));
    CHECK_THROWS_WITH(batches.next(batch), Catch::Contains("s1a-s3-x.zarr/az/1.1"));
  }
  SECTION("a NaN") {
    write_array(name + "/rc", 20, 6, [](index_t i, index_t j) {
      return i == 11 && j == 2 ? complex<float>{std::nanf(""), 0} : rc_sample(i, j);
    });
    SarBatches batches(name, s, 3, 1);
    CHECK(batches.next(batch));
    CHECK_THROWS_WITH(batches.next(batch), Catch::Contains("s1a-s3-x.zarr/rc: the sample at row 11, column 2 is not a "
                                                           "number"));
    batches.start(1);  // and it goes on where it is told to
    CHECK(batches.next(batch));
    CHECK(as_stored(batch));
  }
  SECTION("a chunk that is not there holds zeros") {
    std::filesystem::remove(name + "/az/0.0");
    SarBatches batches(name, s, 3, 1);
    CHECK(batches.next(batch));
    CHECK(batch.target(0, 0, 0) == 0.5f);
    CHECK(batch.target(0, 3, 1) == Approx(unit(8, 12000)));  // row 5, of the next chunk
  }
}

TEST_CASE("SarBatches: all patches once in an epoch, in an order by seed and epoch alone") {
  const TemporaryFolder folder;
  write_product(folder / "s1a-s3-a.zarr", 20, 9);
  SarSampling s = small_sampling();
  s.shuffle = true;
  for (const index_t workers : {1, 3}) {
    s.workers = workers;
    SarBatches batches(folder.path(), s, 4, 5);
    CHECK(batches.samples() == 21);
    CHECK(batches.batches() == 5);  // the 21st is left out
    const auto first = places_of_epoch(batches);
    CHECK(first.size() == 20);
    CHECK(std::set<Place>(first.begin(), first.end()).size() == 20);
    SarBatch batch;
    CHECK_FALSE(batches.next(batch));  // until it is told to start
    batches.start(1);
    const auto second = places_of_epoch(batches);
    CHECK(second != first);
    batches.start(0);
    CHECK(places_of_epoch(batches) == first);
    batches.start(1, 3);  // in the middle
    CHECK(places_of_epoch(batches) == std::vector<Place>(second.begin() + 12, second.end()));
    batches.start(0, 5);
    CHECK_FALSE(batches.next(batch));
    SarBatches same(folder.path(), s, 4, 5), other(folder.path(), s, 4, 6);
    CHECK(places_of_epoch(same) == first);
    CHECK(places_of_epoch(other) != first);
  }
}

TEST_CASE("SarBatches: a small cache reads chunk after chunk, in random order") {
  const TemporaryFolder folder;
  write_product(folder / "s1a-s3-a.zarr", 20, 14);  // 4 chunks high, 5 wide
  SarSampling s = small_sampling();
  s.shuffle = true;
  s.buffer_columns = 0;
  s.cache = 8;  // two columns of chunks
  SarBatches batches(folder.path(), s, 3, 2);
  const auto places = places_of_epoch(batches);
  REQUIRE(places.size() == 42);
  // Within each run of patches from two columns of chunks, no third one.
  std::vector<index_t> seen;
  index_t changes = 0;
  for (const auto& [row, column] : places) {
    const index_t chunk = column / 3;
    if (std::find(seen.begin(), seen.end(), chunk) != seen.end()) continue;
    ++changes;
    seen.push_back(chunk);
    if (seen.size() > 2 && changes % 2 == 1) seen = {chunk};
  }
  CHECK(changes == 5);
  std::vector<Place> sorted = places;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted != places);
}

TEST_CASE("SarBatches: as the course shows them") {
  const TemporaryFolder folder;
  write_product(folder / "s1a-s3-a.zarr", 20, 9);
  const std::string path = folder.path();
  // [snippet: sar_batches]
  SarSampling sampling;
  sampling.patch_rows = 20;  // whole columns
  sampling.buffer_rows = sampling.buffer_columns = 0;
  SarBatches batches(path, sampling, /*batch=*/4, /*seed=*/1);  // reads ahead from here on
  SarBatch batch;
  for (index_t epoch = 0; epoch < 2; ++epoch) {
    batches.start(epoch);
    while (batches.next(batch)) {
      CHECK(batch.x.sizes() == Extents(4, 20, 3));       // columns, rows, (I, Q, position)
      CHECK(batch.target.sizes() == Extents(4, 20, 2));  // I, Q
    }
  }
  // [/snippet]
  CHECK(batches.batches() == 2);
}

TEST_CASE("SarBatches: several products, wide patches, buffers that stay") {
  const TemporaryFolder folder;
  write_product(folder / "s1a-s3-b.zarr", 20, 6);
  write_product(folder / "s1a-s1-a.zarr", 12, 5);
  write_text(folder / "notes.txt", "not a product");
  SarSampling s = small_sampling();
  CHECK(sar_product_folders(folder.path(), 1) == std::vector<std::string>{folder / "s1a-s1-a.zarr"});
  s.max_products = 5;
  s.patch_columns = 2;
  s.buffer_columns = 0;
  s.stride_columns = 2;
  s.workers = 2;
  SarBatches batches(folder.path(), s, 4, 1);
  CHECK(batches.products().size() == 2);
  CHECK(batches.samples() == 2 * (2 * 1 + 3 * 3));
  SarBatch batch;
  std::map<index_t, int> from;
  std::set<const float*> buffers;
  int count = 0;
  while (batches.next(batch)) {
    CHECK(as_stored(batch, 2));
    for (const SarPatch& patch : batch.patches) ++from[patch.product];
    buffers.insert(batch.x.data());
    ++count;
  }
  CHECK(count == 5);
  CHECK(from[0] == 2);
  CHECK(from[1] == 8);
  CHECK(buffers.size() <= 5);  // of the threads' slots and the one handed in
}

TEST_CASE("SarBatches: what does not make a batch") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(SarBatches(folder.path(), small_sampling(), 3, 1), Catch::Contains("holds no product"));
  CHECK_THROWS_WITH(SarBatches(folder / "none", small_sampling(), 3, 1), Catch::Contains("cannot open this folder"));
  write_product(folder / "s1a-s3-b.zarr", 20, 6);
  CHECK_THROWS_WITH(SarBatches(folder.path(), small_sampling(), 13, 1),
                    Catch::Contains("holds 12 columns of 6 rows, fewer than a batch of 13"));
  SarSampling wide = small_sampling();
  wide.patch_columns = 2;
  CHECK_THROWS_WITH(SarBatches(folder.path(), wide, 3, 1), Catch::Contains("expected a multiple"));
  SarSampling idle = small_sampling();
  idle.workers = 0;
  CHECK_THROWS_WITH(SarBatches(folder.path(), idle, 3, 1), Catch::Contains("workers"));
  SarBatches batches(folder.path(), small_sampling(), 3, 1);
  CHECK_THROWS_WITH(batches.start(0, 5), Catch::Contains("no batch 5 of epoch 0"));
  CHECK_THROWS_WITH(batches.start(-1), Catch::Contains("epoch -1"));
}
