#include "longwave/data/sar_product.hpp"

#include "check.hpp"
#include "files.hpp"
#include "sar_products.hpp"

using namespace longwave;
using namespace longwave::test;

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
    Tensor<float, 3> x(2, 6, 3), target(2, 6, 2);
    product.read(x.view(), target.view(), {0, 3, 1}, s);
    CHECK(as_stored(x.view(), target.view(), {0, 3, 1}));
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
