#include "common/metrics_log.hpp"

#include <cerrno>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "longwave/io/file.hpp"

namespace longwave::examples {

namespace {

template <class F>  // f(line, object) for each line that is a JSON object
void for_each_line(const std::string& path, F&& f) {
  const MappedFile file(path);
  const std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (object.is_object()) f(line, object);
    begin = end + 1;
  }
}

void keep_lines(const std::string& path, std::int64_t last_step) {
  AtomicFile kept(path);
  for_each_line(path, [&](const std::string& line, const nlohmann::json& object) {
    const auto step = object.find("step");
    if (step == object.end() || !step->is_number() || step->get<double>() <= static_cast<double>(last_step))
      kept.write(line + "\n");
  });
  kept.commit();
}

}  // namespace

MetricsLog::MetricsLog(std::string path, std::int64_t keep_through) : path_(std::move(path)) {
  const bool goes_on = keep_through >= 0 && file_exists(path_);
  if (goes_on) keep_lines(path_, keep_through);
  file_ = std::fopen(path_.c_str(), goes_on ? "ae" : "we");
  if (file_ == nullptr) detail::throw_system_error(path_, "cannot open it for writing");
}

MetricsLog::~MetricsLog() { std::fclose(file_); }

void MetricsLog::write(const char* kind, std::int64_t step,
                       std::initializer_list<std::pair<const char*, double>> figures) {
  std::fprintf(file_, "{\"kind\":\"%s\",\"step\":%lld", kind, static_cast<long long>(step));
  for (const auto& [name, value] : figures) {
    if (std::isfinite(value))
      std::fprintf(file_, ",\"%s\":%.9g", name, value);
    else
      std::fprintf(file_, ",\"%s\":null", name);
  }
  std::fputs("}\n", file_);
  if (std::fflush(file_) != 0) detail::throw_system_error(path_, "cannot write it");
}

std::vector<std::map<std::string, double>> read_metrics(const std::string& path, const std::string& kind) {
  std::vector<std::map<std::string, double>> rows;
  for_each_line(path, [&](const std::string&, const nlohmann::json& object) {
    if (object.value("kind", "") != kind) return;
    std::map<std::string, double> row;
    for (const auto& [name, value] : object.items()) {
      if (value.is_number()) row[name] = value.get<double>();
      if (value.is_null()) row[name] = std::numeric_limits<double>::quiet_NaN();
    }
    rows.push_back(std::move(row));
  });
  return rows;
}

}  // namespace longwave::examples
