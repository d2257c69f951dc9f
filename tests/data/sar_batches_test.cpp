#include "longwave/data/sar_batches.hpp"

#include <map>
#include <set>

#include "check.hpp"
#include "files.hpp"
#include "sar_products.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Whether the rows of a batch are what the patches say.
bool as_stored(const SarBatch& batch, index_t w = 1) {
  bool all = true;
  for (std::size_t p = 0; p < batch.patches.size(); ++p) {
    const index_t b = static_cast<index_t>(p) * w;
    all = all &&
          test::as_stored(batch.x.view().slice(0, b, b + w), batch.target.view().slice(0, b, b + w), batch.patches[p]);
  }
  return all;
}

std::vector<Place> places_of_epoch(SarBatches& batches) {
  std::vector<Place> places;
  SarBatch batch;
  while (batches.next(batch))
    for (const SarPatch& patch : batch.patches) places.emplace_back(patch.row, patch.column);
  return places;
}

}  // namespace

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
