// evaluate - a learned image beside the classical one and beside guesses that need no learning: figures as JSON, a page
// with the pictures and the cuts through scatterers.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>

#include "common/device.hpp"
#include "common/machine.hpp"
#include "common/report.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/metrics/image.hpp"
#include "sar_focus/commands.hpp"
#include "sar_focus/focuser.hpp"
#include "sar_focus/picture.hpp"
#include "sar_focus/scores.hpp"

namespace longwave::examples::sar_focus {

namespace {

using Json = nlohmann::ordered_json;

std::string figure(double x, int digits) {
  char text[48];
  std::snprintf(text, sizeof text, "%.*f", digits, x);
  return std::isfinite(x) ? text : "infinite";
}

Json number(double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); }

// Everything that is compared, in the units of the product.
struct Comparison {
  std::string product;
  SarScale rc_scale, az_scale;
  Image rc, classical;
  std::optional<Image> learned;
  std::vector<Place> places;
  std::vector<Scores> scores;
  std::vector<std::pair<std::string, std::string>> about;  // the network
};

Image read_image(const ZarrArray& array) {
  Image image = array.read<complex<float>, 2>();
  for (index_t i = 0; i < image.size(0); ++i)
    for (index_t j = 0; j < image.size(1); ++j)
      if (!std::isfinite(image(i, j).re) || !std::isfinite(image(i, j).im))
        throw IoError(array.folder(), "the sample at row " + std::to_string(i) + ", column " + std::to_string(j) +
                                          " is not a number; mend the product or leave it out");
  return image;
}

void run_network(Comparison& c, const EvaluateArguments& a, const TrainedNetwork& trained, const SarProduct& product) {
  const auto focuser = make_focuser(trained, a.device);
  const std::vector<Chunk> chunks = chunks_of(product.rows(), a.whole ? 0 : a.chunk, a.overlap);
  const auto start = std::chrono::steady_clock::now();
  c.learned = focus_product(*focuser, product, sampling_of(trained.options), chunks);
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  c.about = {
      {"model", trained.path()},
      {"epochs", std::to_string(trained.epoch)},
      {"layers, states, channels", std::to_string(trained.options.num_layers) + ", " +
                                       std::to_string(trained.options.hidden_state_size) + ", " +
                                       std::to_string(trained.options.width)},
      {"rows at a time", std::to_string(chunks[0].end - chunks[0].begin) + " of " + std::to_string(product.rows())},
      {"milliseconds a column", figure(1e3 * time.count() / static_cast<double>(product.columns()), 2)}};
}

std::optional<Image> by_matched_filter(const Comparison& c, const EvaluateArguments& a) {
  if (!has_scene(a.product) && a.radar.empty()) return {};
  Scene scene;
  if (has_scene(a.product)) scene = read_scene(a.product);
  if (!a.radar.empty()) scene.radar = read_radar(a.radar);
  return matched_filter(c.rc.view(), scene);
}

Comparison compare(const EvaluateArguments& a) {
  Comparison c;
  c.product = a.product;
  std::optional<TrainedNetwork> trained;
  if (!a.model.empty()) trained = load_trained(a.model);
  const SarSampling sampling = trained ? sampling_of(trained->options) : SarSampling{};
  const SarProduct product(a.product, sampling);
  c.rc_scale = sar_scale(sampling.ranges, sampling.level_from == "az");
  c.az_scale = sar_scale(sampling.ranges, sampling.level_to == "az");
  c.rc = read_image(product.from());
  c.classical = read_image(product.to());
  if (ssim_window(c.rc.size(0), 2 * c.rc.size(1)) < 3)
    throw IoError(a.product, "is " + to_string(c.rc.sizes()) + ", too small for the SSIM's window");
  if (trained) run_network(c, a, *trained, product);
  if (!a.learned.empty()) {
    c.learned = read_image(ZarrArray(a.learned));
    if (c.learned->sizes() != c.classical.sizes())
      throw IoError(a.learned,
                    "is " + to_string(c.learned->sizes()) + ", the product " + to_string(c.classical.sizes()));
    c.about = {{"learned image", a.learned}};
  }
  c.places = brightest_scatterers(c.classical.view(), a.scatterers);
  const auto add = [&](const char* name, ImageView image) {
    c.scores.push_back(score(name, image, c.classical.view(), c.az_scale, c.places));
  };
  if (c.learned) add("learned", c.learned->view());
  add("classical", c.classical.view());
  if (const auto filtered = by_matched_filter(c, a)) add("matched filter", filtered->view());
  add("input", rescaled_input(c.rc.view(), c.rc_scale, c.az_scale).view());
  add("mean", constant_image(c.rc.sizes(), mean_sample(c.classical.view())).view());
  const float half = c.az_scale.from_unit(0.5f);
  add("constant 0.5", constant_image(c.rc.sizes(), {half, half}).view());
  return c;
}

Json lobe_json(const sar::LobeWidths& w) {
  return {{"width", number(w.width)}, {"pslr_db", number(w.pslr)}, {"islr_db", number(w.islr)}};
}

// A constant image has no response to measure.
bool has_responses(const Scores& s) { return s.name != "mean" && s.name != "constant 0.5"; }

std::string json_text(const Comparison& c) {
  Json images = Json::array();
  for (const Scores& s : c.scores) {
    Json entry = {{"name", s.name},
                  {"ssim", number(s.ssim)},
                  {"psnr_db", number(s.psnr)},
                  {"error_db", number(s.error)},
                  {"contrast", number(s.contrast)},
                  {"entropy", number(s.entropy)}};
    if (has_responses(s)) {
      Json responses = Json::array();
      for (std::size_t i = 0; i < c.places.size(); ++i)
        responses.push_back({{"row", c.places[i].row},
                             {"column", c.places[i].column},
                             {"azimuth", lobe_json(s.responses[i].azimuth)},
                             {"range", lobe_json(s.responses[i].range)}});
      entry["impulse_responses"] = responses;
    }
    images.push_back(entry);
  }
  Json about = Json::object();
  for (const auto& [name, value] : c.about) about[name] = value;
  return Json({{"product", c.product},
               {"rows", c.rc.size(0)},
               {"columns", c.rc.size(1)},
               {"network", about},
               {"images", images}})
             .dump(2) +
         "\n";
}

std::vector<std::vector<std::string>> table_of(const Comparison& c) {
  std::vector<std::vector<std::string>> rows;
  for (const Scores& s : c.scores)
    rows.push_back({s.name, figure(s.ssim, 4), figure(s.psnr, 2), figure(s.error, 2), figure(s.contrast, 1),
                    figure(s.entropy, 3)});
  return rows;
}

const std::vector<std::string> table_head = {"image", "SSIM", "PSNR, dB", "error, dB", "contrast", "entropy"};

void add_responses(Report& page, const Comparison& c) {
  page.heading("Impulse responses");
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < c.places.size(); ++i)
    for (const Scores& s : c.scores) {
      if (!has_responses(s)) continue;
      const auto& [azimuth, range] = s.responses[i];
      rows.push_back({std::to_string(c.places[i].row) + ", " + std::to_string(c.places[i].column) + ": " + s.name,
                      figure(azimuth.width, 2), figure(azimuth.pslr, 1), figure(azimuth.islr, 1),
                      figure(range.width, 2), figure(range.pslr, 1), figure(range.islr, 1)});
    }
  page.table(
      {"scatterer (row, column)", "azimuth width", "PSLR, dB", "ISLR, dB", "range width", "PSLR, dB", "ISLR, dB"},
      rows);
  std::vector<Chart> charts;
  for (std::size_t i = 0; i < std::min<std::size_t>(c.places.size(), 2); ++i)
    for (const bool azimuth : {true, false}) {
      const auto cut = azimuth ? azimuth_cut : range_cut;
      Chart chart;
      chart.title = std::string(azimuth ? "azimuth" : "range") + " cut, dB, scatterer " +
                    std::to_string(c.places[i].row) + ", " + std::to_string(c.places[i].column);
      chart.x_label = azimuth ? "rows from the peak" : "columns from the peak";
      const Cut classical = cut(c.classical.view(), c.places[i]);
      chart.curves.push_back({"classical", classical.at, classical.db});
      if (c.learned) {
        const Cut learned = cut(c.learned->view(), c.places[i]);
        chart.curves.push_back({"learned", learned.at, learned.db});
      }
      charts.push_back(std::move(chart));
    }
  page.charts(charts);
}

void write_page(const Comparison& c, const std::vector<Picture>& pictures, const EvaluateArguments& a) {
  Report page("Azimuth focusing");
  page.pairs(
      {{"product", c.product}, {"rows, columns", std::to_string(c.rc.size(0)) + ", " + std::to_string(c.rc.size(1))}});
  if (c.learned)
    page.figures({{"SSIM of the learned image", figure(c.scores[0].ssim, 3)},
                  {"PSNR, dB", figure(c.scores[0].psnr, 1)},
                  {"contrast, learned", figure(c.scores[0].contrast, 1)}});
  page.heading("Images");
  page.pictures(pictures);
  page.paragraph("Amplitudes over 45 dB; azimuth runs downwards, range to the right.");
  page.heading("Figures");
  page.table(table_head, table_of(c));
  page.paragraph(
      "Against the classical image. SSIM and PSNR are of I and Q in the ranges of training, so they depend on how "
      "bright "
      "the scene is in these; the error is the energy of the difference over that of the classical image, which does "
      "not: 0 dB is what no signal at all would get.");
  add_responses(page, c);
  if (!c.about.empty()) {
    page.heading("Network");
    page.pairs(c.about);
  }
  page.heading("Machine");
  page.pairs(machine_info(a.device));
  page.write(a.out + "/report.html");
}

}  // namespace

int evaluate(const EvaluateArguments& a) {
  if (!a.model.empty() && !a.learned.empty()) throw UsageError("--model or --learned, one of them");
  const std::string json = a.out + "/evaluation.json";
  refuse_to_replace({json, a.out + "/report.html"}, a.force);
  if (!a.whole) check_chunks(a.chunk, a.overlap);
  set_num_threads(static_cast<int>(a.threads));
  const Comparison c = compare(a);
  make_folders(a.out);
  std::vector<Picture> pictures = {{"range-compressed", picture_png(c.rc.view())},
                                   {"classical", picture_png(c.classical.view())}};
  if (c.learned) pictures.push_back({"learned", picture_png(c.learned->view())});
  for (const Picture& picture : pictures) {
    const std::string name = picture.caption == "range-compressed" ? "range_compressed" : picture.caption;
    replace_file(a.out + "/" + name + ".png", picture.png);
  }
  replace_file(json, json_text(c));
  write_page(c, pictures, a);
  std::printf("%-16s%10s%12s%12s%12s%10s\n", table_head[0].c_str(), table_head[1].c_str(), table_head[2].c_str(),
              table_head[3].c_str(), table_head[4].c_str(), table_head[5].c_str());
  for (const auto& row : table_of(c))
    std::printf("%-16s%10s%12s%12s%12s%10s\n", row[0].c_str(), row[1].c_str(), row[2].c_str(), row[3].c_str(),
                row[4].c_str(), row[5].c_str());
  std::printf("%s\n%s/report.html\n", json.c_str(), a.out.c_str());
  return 0;
}

}  // namespace longwave::examples::sar_focus
