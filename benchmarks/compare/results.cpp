#include "compare/results.hpp"

#include <algorithm>
#include <cmath>

#include "longwave/io/json.hpp"

namespace longwave::compare {

namespace {

using Json = nlohmann::ordered_json;
constexpr const char* program = "longwave_compare";

Json json_of(const Result& r) {
  return {{"form", r.form},
          {"B", r.sizes.B},
          {"H", r.sizes.H},
          {"N", r.sizes.N},
          {"L", r.sizes.L},
          {"forward_s", r.forward},
          {"backward_s", r.backward},
          {"forward_backward_s", r.both},
          {"forward_bytes", r.forward_bytes},
          {"forward_backward_bytes", r.both_bytes}};
}

template <class J>
Result result_of(const J& json, const std::string& origin) {
  auto number = [&](const char* name) {
    const double x = json.at(name).template get<double>();
    if (!(x >= 0 && std::isfinite(x))) throw IoError(origin, std::string(name) + " is no measurement");
    return x;
  };
  auto size = [&](const char* name) {
    const auto n = json.at(name).template get<index_t>();
    if (n < 1) throw IoError(origin, std::string(name) + " is " + std::to_string(n) + ", expected at least 1");
    return n;
  };
  return {json.at("form").template get<std::string>(),
          {size("B"), size("H"), size("N"), size("L")},
          number("forward_s"),
          number("backward_s"),
          number("forward_backward_s"),
          number("forward_bytes"),
          number("forward_backward_bytes")};
}

// f(), whatever is missing or of another type as an IoError.
template <class F>
auto reading(const std::string& origin, F f) {
  try {
    return f();
  } catch (const nlohmann::json::exception& error) {
    throw IoError(origin, std::string("not a file of ") + program + ": " + error.what());
  }
}

}  // namespace

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

Result median(const std::vector<Result>& rounds) {
  Result r{rounds.at(0).form, rounds.at(0).sizes};
  for (const auto quantity :
       {&Result::forward, &Result::backward, &Result::both, &Result::forward_bytes, &Result::both_bytes}) {
    std::vector<double> values;
    for (const Result& round : rounds) values.push_back(round.*quantity);
    r.*quantity = median(values);
  }
  return r;
}

std::string to_json(const Result& result) { return json_of(result).dump(); }

Result result_from_json(const std::string& text, const std::string& origin) {
  return reading(origin, [&] { return result_of(detail::parse_json(text, origin), origin); });
}

void write_results(const std::string& path, const Results& results) {
  Json machine = Json::object(), rows = Json::array();
  for (const auto& [name, value] : results.machine) machine[name] = value;
  for (const Result& r : results.rows) rows.push_back(json_of(r));
  AtomicFile file(path);
  file.write(Json{{"program", program}, {"version", 1}, {"machine", machine}, {"results", rows}}.dump(1) + "\n");
  file.commit();
}

Results read_results(const std::string& path) {
  const MappedFile file(path);
  const std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  return reading(path, [&] {
    const nlohmann::json json = detail::parse_json(text, path);
    if (json.at("program") != program || json.at("version") != 1)
      throw IoError(path, std::string("not a file of ") + program + ", or of another version of it");
    Results results;
    for (const auto& [name, value] : json.at("machine").items()) results.machine.emplace_back(name, value);
    for (const auto& row : json.at("results")) results.rows.push_back(result_of(row, path));
    return results;
  });
}

std::string text_of(const Sizes& s) {
  return "B=" + std::to_string(s.B) + " H=" + std::to_string(s.H) + " N=" + std::to_string(s.N) +
         " L=" + std::to_string(s.L);
}

}  // namespace longwave::compare
