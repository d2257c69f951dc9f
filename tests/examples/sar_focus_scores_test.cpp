// Scenes on the disk, chunks of rows, scores and pictures of sar_focus.
#include <filesystem>

#include "check.hpp"
#include "files.hpp"
#include "longwave/core/random.hpp"
#include "longwave/sar/simulate.hpp"
#include "sar_focus/commands.hpp"
#include "sar_focus/focuser.hpp"
#include "sar_focus/picture.hpp"
#include "sar_focus/scores.hpp"

namespace longwave::examples::sar_focus {

namespace {

using longwave::test::TemporaryFolder;

Image noise(index_t rows, index_t columns, std::uint64_t seed) {
  Tensor<float, 3> parts(rows, columns, 2);
  Generator(seed).normal(parts.view());
  Image z(rows, columns);
  for (index_t i = 0; i < z.count(); ++i) z.data()[i] = {parts.data()[2 * i], parts.data()[2 * i + 1]};
  return z;
}

// y = x, one row later if asked: whatever the chunks, sums of weights show.
class Shift final : public Focuser {
 public:
  explicit Shift(index_t by) : by_(by) {}
  void run(TensorView<float, 3> y, TensorView<const float, 3> x) override {
    longest = std::max(longest, x.size(1));
    for (index_t b = 0; b < x.size(0); ++b)
      for (index_t i = 0; i < x.size(1); ++i)
        for (index_t c = 0; c < 2; ++c) y(b, i, c) = i >= by_ ? x(b, i - by_, c) : 0;
  }
  index_t longest = 0;

 private:
  index_t by_;
};

Tensor<float, 3> ramp(index_t B, index_t L) {
  Tensor<float, 3> x(B, L, 3);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = static_cast<float>(i % 1013) / 1013;
  return x;
}

}  // namespace

TEST_CASE("sar_focus chunks: they cover every row, and their weights sum to one") {
  for (const index_t rows : {1, 5, 16, 17, 41, 100})
    for (const auto& [size, overlap] : {std::pair<index_t, index_t>{16, 8}, {16, 5}, {16, 0}, {2, 1}, {0, 0}}) {
      const std::vector<Chunk> chunks = chunks_of(rows, size, overlap);
      std::vector<double> sum(static_cast<std::size_t>(rows));
      for (const Chunk& chunk : chunks) {
        CHECK((size == 0 || chunk.end - chunk.begin <= size));
        for (index_t i = chunk.begin; i < chunk.end; ++i) sum[static_cast<std::size_t>(i)] += chunk_weight(chunk, i);
      }
      for (const double s : sum) CHECK(s == Approx(1).epsilon(1e-12));
    }
  CHECK(chunks_of(16, 16, 8).size() == 1);
  CHECK(chunks_of(17, 16, 8).size() == 2);
  CHECK_THROWS_AS(chunks_of(50, 16, 9), UsageError);
  CHECK_THROWS_AS(chunks_of(50, 1, 0), UsageError);
}

TEST_CASE("sar_focus chunks: overlap-add of a network without memory is the network over whole columns") {
  const index_t B = 2, L = 53;
  const Tensor<float, 3> x = ramp(B, L);
  Tensor<float, 3> y(B, L, 2);
  Shift same(0);
  focus_columns(same, y.view(), x.view(), chunks_of(L, 16, 6));
  CHECK(same.longest == 16);
  for (index_t b = 0; b < B; ++b)
    for (index_t i = 0; i < L; ++i)
      for (index_t c = 0; c < 2; ++c) CHECK(y(b, i, c) == Approx(x(b, i, c)).margin(1e-6));
  // With a memory of one row, only the first row of a chunk is wrong, and that is faded out.
  Shift later(1);
  focus_columns(later, y.view(), x.view(), chunks_of(L, 16, 6));
  for (index_t i = 1; i < L; ++i) CHECK(y(1, i, 0) == Approx(x(1, i - 1, 0)).margin(0.05));
  focus_columns(later, y.view(), x.view(), chunks_of(L, 0, 0));
  for (index_t i = 1; i < L; ++i) CHECK(y(1, i, 0) == x(1, i - 1, 0));
}

TEST_CASE("sar_focus scene: what is written is read, whole or not at all") {
  const TemporaryFolder folder;
  Scene scene;
  scene.radar.prf = 1000.25;
  scene.first_column = 77;
  scene.rc_scale = 2.5;
  scene.az_scale = 0.125;
  scene.baseband = false;
  scene.delay = 12;
  const Image rc = noise(20, 6, 1), az = noise(20, 6, 2);
  const std::string name = folder / "s1a-s3-x.zarr";
  write_product(name, rc.view(), az.view(), scene, {8, 4}, false);
  CHECK(has_scene(name));
  const Scene again = read_scene(name);
  CHECK(again.radar.prf == 1000.25);
  CHECK(again.first_column == 77);
  CHECK(again.rc_scale == 2.5);
  CHECK(again.az_scale == 0.125);
  CHECK_FALSE(again.baseband);
  CHECK(again.at_beam);
  CHECK(again.delay == 12);
  const SarProduct product(name, SarSampling{});
  CHECK(product.first_column() == 77);
  CHECK(test::same_bits(product.from().read<complex<float>, 2>(), rc));
  CHECK(test::same_bits(product.to().read<complex<float>, 2>(), az));
  CHECK(folder.files() == 1);
  CHECK_THROWS_AS(write_product(name, rc.view(), az.view(), scene, {}, false), UsageError);
  write_product(name, az.view(), rc.view(), scene, {}, true);
  CHECK(test::same_bits(SarProduct(name, SarSampling{}).from().read<complex<float>, 2>(), az));
  std::filesystem::create_directory(folder / "mine");
  CHECK_THROWS_WITH(write_product(folder / "mine", rc.view(), az.view(), scene, {}, true),
                    Catch::Contains("no Zarr group"));
  write_radar(folder / "radar.json", scene.radar);
  CHECK(read_radar(folder / "radar.json").prf == 1000.25);
  test::write_text(folder / "bad.json", R"({"carrier": 1e9, "speed": 3})");
  CHECK_THROWS_WITH(read_radar(folder / "bad.json"), Catch::Contains("bad.json: range_rate is missing"));
}

TEST_CASE("sar_focus scene: the matched filter of a product's own columns is its image, but for the edges") {
  Scene scene;
  scene.radar.carrier = 9.6e9;
  scene.radar.range_rate = 60e6;
  scene.radar.chirp_rate = 3e13;
  scene.radar.chirp_duration = 1.5e-6;
  scene.radar.prf = 100;  // apertures of 24 rows
  scene.radar.velocity = 100;
  scene.radar.first_range = 1500;
  scene.radar.doppler_centroid = 30;
  scene.rc_scale = 3;
  scene.az_scale = 7;
  const index_t n = 256, W = 5;
  for (const bool baseband : {true, false}) {
    scene.baseband = baseband;
    scene.delay = baseband ? 0 : 4;
    Image columns = noise(n, W, 3);
    ColumnPair pair = column_pair(columns.view(), n, scene);
    multiply(pair.rc.view(), scene.rc_scale);
    multiply(pair.az.view(), scene.az_scale);
    const Image image = matched_filter(pair.rc.view(), scene);
    double difference = 0, energy = 0;
    for (index_t i = 32; i < n - 32; ++i)
      for (index_t c = 0; c < W; ++c) {
        difference += static_cast<double>(norm2(image(i, c) - pair.az(i, c)));
        energy += static_cast<double>(norm2(pair.az(i, c)));
      }
    CHECK(difference < 0.01 * energy);
  }
  const Image z = noise(50, 40, 4);
  const double scale = scale_into(z.view(), 3000, 0.9);
  index_t inside = 0;
  for (index_t i = 0; i < z.count(); ++i)
    inside += (std::abs(z.data()[i].re) * scale <= 3000) + (std::abs(z.data()[i].im) * scale <= 3000);
  CHECK(inside == Approx(0.9 * 2 * 2000).margin(2));
  CHECK(scale_into(Image(3, 3).view(), 3000, 0.9) == 1);
}

TEST_CASE("sar_focus scores: equal images, none, and the brightest places") {
  Image target = noise(90, 24, 5);
  target(40, 12) = {40, 0};
  target(41, 12) = {30, 0};  // its shoulder
  target(70, 9) = {0, 25};
  target(3, 12) = {90, 0};  // no room around it
  const auto places = brightest_scatterers(target.view(), 2);
  REQUIRE(places.size() == 2);
  CHECK((places[0].row == 40 && places[0].column == 12));
  CHECK((places[1].row == 70 && places[1].column == 9));
  const SarScale scale{-100, 100};
  const Scores same = score("same", target.view(), target.view(), scale, places);
  CHECK(same.ssim == Approx(1));
  CHECK(std::isinf(same.psnr));
  CHECK(same.error <= -200);
  CHECK(same.contrast == Approx(sar::contrast<float>(std::as_const(target).view())));
  REQUIRE(same.responses.size() == 2);
  CHECK(same.responses[0].azimuth.width < 2.5);
  const Image none = constant_image(target.sizes(), {0, 0});
  const Scores nothing = score("none", none.view(), target.view(), scale, places);
  CHECK(nothing.error == Approx(0).margin(1e-9));
  CHECK(nothing.ssim < 0.9);
  CHECK(mean_sample(constant_image({3, 4}, {2, -1}).view()).im == -1);
  const Image quarter = rescaled_input(constant_image({2, 2}, {-50, 0}).view(), {-100, 100}, {-8, 8});
  CHECK(quarter(1, 1).re == Approx(-4));
  const auto pixels = unit_image(target.view(), scale);
  CHECK(pixels.sizes() == Extents<2>{90, 48});
  CHECK(pixels(40, 24) == Approx(0.7));
  CHECK(pixels(40, 25) == 0.5f);
  const Cut cut = azimuth_cut(target.view(), places[0]);
  const auto peak = std::max_element(cut.db.begin(), cut.db.end()) - cut.db.begin();
  CHECK(*std::max_element(cut.db.begin(), cut.db.end()) == 0);
  CHECK(std::abs(cut.at[static_cast<std::size_t>(peak)]) <= 1);
  CHECK(range_cut(target.view(), places[0]).at.size() == cut.at.size());
  CHECK_THROWS_WITH(score("x", none.view(), Image(3, 3).view(), scale, {}), Catch::Contains("score"));
}

TEST_CASE("sar_focus pictures: large images are averaged into what fits") {
  const Image z = noise(40, 10, 6);
  const auto height_of = [](const std::string& png) { return static_cast<unsigned char>(png[23]); };
  CHECK(height_of(picture_png(z.view(), 40)) == 40);
  CHECK(height_of(picture_png(z.view(), 30)) == 20);
  CHECK(picture_png(Image(3, 3).view()).size() > 60);  // all dark
}

TEST_CASE("sar_focus options: short names in front of values, and what is none") {
  const char* arguments[] = {"sar_focus", "train", "-nl", "6", "-hs=16", "-lr", "-1", "--ssim", "-n", "--", "-nl"};
  CHECK(with_long_names(11, arguments) == std::vector<std::string>{"train", "--num_layers", "6",
                                                                   "--hidden_state_size=16", "--learning_rate", "-1",
                                                                   "--ssim", "-n", "--", "-nl"});
  CHECK(with_long_names(0, nullptr).empty());
  CHECK(short_names().size() == 14);
  TrainOptions options;
  Settings settings = make_settings(options);
  for (const ShortName& known : short_names()) CHECK_FALSE(settings.value_text(known.name).empty());
  CHECK_NOTHROW(check(options));
  const auto refused = [](auto change) {
    TrainOptions o;
    change(o);
    CHECK_THROWS_AS(check(o), UsageError);
  };
  refused([](TrainOptions& o) { o.hidden_state_size = 7; });
  refused([](TrainOptions& o) { o.batch_size = 3; });
  refused([](TrainOptions& o) { o.valid_batch_size = 2; });
  refused([](TrainOptions& o) { o.patch_columns = 3; });
  refused([](TrainOptions& o) { o.patch_rows = 6; });
  refused([](TrainOptions& o) { o.model_name = "a/b"; });
  options.order = "row";
  options.position = "mode";
  options.ranges = "broad";
  const SarSampling sampling = sampling_of(options);
  CHECK_FALSE(sampling.rows_first);
  CHECK(sampling.position == SarPosition::mode);
  CHECK(sampling.ranges.az_high == 40000);
  CHECK(sampling.patch_rows == 10000);
}

}  // namespace longwave::examples::sar_focus
