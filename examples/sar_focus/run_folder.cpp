#include "sar_focus/run_folder.hpp"

#include <dirent.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "longwave/io/json.hpp"

namespace longwave::examples::sar_focus {

namespace {

using Json = nlohmann::json;

// N of all version_N, in no order.
std::vector<std::int64_t> versions_in(const std::string& root) {
  std::vector<std::int64_t> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(root.c_str()), ::closedir);
  if (open == nullptr) return found;
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string name = entry->d_name;
    if (!name.starts_with("version_")) continue;
    char* end = nullptr;
    const long long n = std::strtoll(name.c_str() + 8, &end, 10);
    if (n >= 0 && end != name.c_str() + 8 && *end == '\0') found.push_back(n);
  }
  return found;
}

// Infinity, which JSON lacks, as null.
Json number(double x) { return std::isfinite(x) ? Json(x) : Json(); }
double number(const Json& value) {
  return value.is_null() ? std::numeric_limits<double>::infinity() : value.get<double>();
}

Json to_json(const Figures& f) {
  return {{"total", f.total},         {"mae", f.mae},   {"mse", f.mse},  {"huber", f.huber},
          {"ssim_loss", f.ssim_loss}, {"edge", f.edge}, {"ssim", f.ssim}};
}
Figures figures_from(const Json& j) {
  return {.total = j.at("total"),
          .mae = j.at("mae"),
          .mse = j.at("mse"),
          .huber = j.at("huber"),
          .ssim_loss = j.at("ssim_loss"),
          .edge = j.at("edge"),
          .ssim = j.at("ssim")};
}

Json to_json(const BestCheckpoint& b) {
  return {{"epoch", b.epoch}, {"val_loss", b.val_loss}, {"figures", to_json(b.figures)}, {"file", b.file}};
}
BestCheckpoint best_from(const Json& j) {
  return {j.at("epoch"), j.at("val_loss"), figures_from(j.at("figures")), j.at("file")};
}

}  // namespace

RunFolder RunFolder::next(const TrainOptions& options) {
  std::int64_t version = 0;
  for (const std::int64_t there : versions_in(RunFolder(options, 0).root())) version = std::max(version, there + 1);
  return {options, version};
}

RunFolder RunFolder::newest(const TrainOptions& options) {
  std::int64_t version = -1;
  for (const std::int64_t there : versions_in(RunFolder(options, 0).root())) {
    const std::string last = RunFolder(options, there).last();
    if (file_exists(last) || file_exists(previous_checkpoint(last))) version = std::max(version, there);
  }
  const RunFolder found(options, version);
  if (version < 0) throw IoError(found.root(), "holds no training to go on with: no version_N/checkpoints/last.ckpt");
  return found;
}

std::string RunState::to_json() const {
  Json kept_json = Json::array();
  for (const BestCheckpoint& b : kept) kept_json.push_back(sar_focus::to_json(b));
  const Json json = {{"epoch", epoch},
                     {"batch", batch},
                     {"mae", mae},
                     {"total", total},
                     {"epoch_mae", epoch_mae},
                     {"epoch_total", epoch_total},
                     {"validation", sar_focus::to_json(validation)},
                     {"least", number(least)},
                     {"epochs_since", epochs_since},
                     {"stopped_early", stopped_early},
                     {"best", sar_focus::to_json(best)},
                     {"kept", kept_json},
                     {"seconds", seconds}};
  return json.dump();
}

RunState RunState::from_json(const std::string& text, const std::string& origin) {
  try {
    const Json json = Json::parse(text);
    RunState s;
    s.epoch = json.at("epoch");
    s.batch = json.at("batch");
    s.mae = json.at("mae");
    s.total = json.at("total");
    s.epoch_mae = json.at("epoch_mae");
    s.epoch_total = json.at("epoch_total");
    s.validation = figures_from(json.at("validation"));
    s.least = number(json.at("least"));
    s.epochs_since = json.at("epochs_since");
    s.stopped_early = json.at("stopped_early");
    s.best = best_from(json.at("best"));
    for (const Json& b : json.at("kept")) s.kept.push_back(best_from(b));
    s.seconds = json.at("seconds");
    return s;
  } catch (const Json::exception& error) {
    throw IoError(origin, std::string("its state of the run cannot be read: ") + error.what());
  }
}

std::string best_name(std::int64_t epoch, double val_loss) {
  char text[64];
  std::snprintf(text, sizeof text, "best-%02lld-%.6f.ckpt", static_cast<long long>(epoch), val_loss);
  return text;
}

std::string yaml_text(const Settings& settings) {
  std::string text;
  for (const Settings::Entry& entry : settings.entries()) {
    const bool quoted = std::holds_alternative<std::string*>(entry.value);
    const std::string value = settings.value_text(entry.name);
    text += entry.name + ": " + (quoted ? Json(value).dump() : value == "none" ? "null" : value) + "\n";
  }
  return text;
}

}  // namespace longwave::examples::sar_focus
