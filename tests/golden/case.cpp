#include "case.hpp"

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace longwave::golden {

struct Config::Data {
  nlohmann::json json;
  std::string where;
  std::set<std::string> read;

  const nlohmann::json& at(const std::string& key) {
    read.insert(key);
    const auto found = json.find(key);
    if (found == json.end()) throw_value_error(where + ": the option \"" + key + "\" is missing");
    return *found;
  }
  [[noreturn]] void wrong(const std::string& key, const char* expected) {
    throw_value_error(where + ": the option \"" + key + "\" is " + json[key].dump().substr(0, 80) + ", expected " +
                      expected);
  }
};

Config::Config(const std::string& text, std::string where) : data_(std::make_shared<Data>()) {
  data_->where = std::move(where);
  data_->json = nlohmann::json::parse(text, nullptr, false);
  if (!data_->json.is_object()) throw_value_error(data_->where + ": config is not a JSON object");
}

bool Config::has(const std::string& key) const {
  const auto found = data_->json.find(key);
  if (found != data_->json.end() && found->is_null()) data_->read.insert(key);
  return found != data_->json.end() && !found->is_null();
}

index_t Config::integer(const std::string& key) const {
  const auto& value = data_->at(key);
  if (value.is_number_integer() && !(value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX))
    return value.get<index_t>();
  if (value.is_number_float() && value == std::floor(value.get<double>()) && std::abs(value.get<double>()) < 1e15)
    return static_cast<index_t>(value.get<double>());
  data_->wrong(key, "an integer");
}

double Config::number(const std::string& key) const {
  const auto& value = data_->at(key);
  if (!value.is_number()) data_->wrong(key, "a number");
  return value.get<double>();
}

bool Config::flag(const std::string& key) const {
  const auto& value = data_->at(key);
  if (!value.is_boolean()) data_->wrong(key, "true or false");
  return value.get<bool>();
}

std::string Config::text(const std::string& key) const {
  const auto& value = data_->at(key);
  if (!value.is_string()) data_->wrong(key, "a text");
  return value.get<std::string>();
}

std::vector<double> Config::numbers(const std::string& key) const {
  const auto& value = data_->at(key);
  if (!value.is_array()) data_->wrong(key, "a list of numbers");
  std::vector<double> numbers;
  for (const auto& element : value) {
    if (!element.is_number()) data_->wrong(key, "a list of numbers");
    numbers.push_back(element.get<double>());
  }
  return numbers;
}

Config Config::object(const std::string& key) const {
  const auto& value = data_->at(key);
  if (!value.is_object()) data_->wrong(key, "an object");
  return Config(value.dump(), data_->where + ", " + key);
}

void Config::expect(const std::string& key, const std::string& value) const {
  const auto found = data_->json.find(key);
  data_->read.insert(key);
  if (found == data_->json.end() || found->is_null()) return;
  const std::string got = found->is_string() ? found->get<std::string>() : found->dump();
  if (got != value) throw Unsupported(key + " = " + got.substr(0, 80) + " (only " + value + ")");
}

std::vector<std::string> Config::unread() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : data_->json.items())
    if (data_->read.count(key) == 0) keys.push_back(key);
  return keys;
}

namespace {

const std::string& metadata(const SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) throw IoError(file.path(), "the metadata lacks \"" + key + "\"");
  return found->second;
}

Tolerance tolerance(const SafetensorsFile& file, const std::string& suffix) {
  auto parse = [&](const std::string& key) {
    const std::string& text = metadata(file, key);
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(value >= 0) || !std::isfinite(value))
      throw IoError(file.path(), key + " is \"" + text.substr(0, 40) + "\", expected a number of at least 0 or none");
    return value;
  };
  if (metadata(file, "rtol" + suffix) == "none" || metadata(file, "atol" + suffix) == "none") return {0, 0, false};
  return {parse("rtol" + suffix), parse("atol" + suffix), true};
}

}  // namespace

CaseFile::CaseFile(const std::string& path)
    : file(path),
      op(metadata(file, "op")),
      name(metadata(file, "case")),
      f64(tolerance(file, "")),
      f32(tolerance(file, "_f32")) {}

Config CaseFile::config() const { return Config(metadata(file, "config"), op + "/" + name); }

Extents<3> CaseBase::around_axis(const std::string& entry, index_t axis) const {
  const auto& sizes = shape(entry);
  const auto rank = static_cast<index_t>(sizes.size());
  if (axis < -rank || axis >= rank)
    throw_value_error(entry + " has no axis " + std::to_string(axis) + ": it is " + detail::shape_text(sizes));
  if (axis < 0) axis += rank;
  Extents<3> around{1, sizes[static_cast<std::size_t>(axis)], 1};
  for (index_t i = 0; i < rank; ++i)
    if (i != axis) around[i < axis ? 0 : 2] *= sizes[static_cast<std::size_t>(i)];
  return around;
}

Extents<2> CaseBase::rows(const std::string& entry) const {
  const Extents<3> around = around_axis(entry, -1);
  return {around[0], around[1]};
}

Registry& registry(const std::string& device) {
  static Registry cpu, cuda;
  return device == "cuda" ? cuda : cpu;
}

}  // namespace longwave::golden
