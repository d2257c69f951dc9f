// json.hpp - configurations: JSON with typed getters. What nobody asked for is reported, all of it at once, with the
// nearest name that is known. Needs longwave::json (nlohmann-json).
//
//   Config config = Config::read("train.json");
//   config.set("model.d_state=32");                       // from a command line
//   Config model = config.section("model");
//   const auto d_state = model.get("d_state", index_t(64));
//   const auto path = config.require<std::string>("data");
//   config.check();                                       // throws where a key was never asked for
//
// Wrong types and values out of a type's range throw at once and name the key from the root: model.d_state.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "longwave/io/file.hpp"

namespace longwave {

namespace detail {

// Insertions, deletions, replacements and swaps of neighbours from a to b.
inline std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        d[i][j] = i + j;
        continue;
      }
      const std::size_t replaced = d[i - 1][j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

// The candidate that a misspelt name most likely meant; "" where none is near.
inline std::string nearest_name(const std::string& name, const std::set<std::string>& candidates) {
  std::string best;
  std::size_t best_distance = std::min(std::max<std::size_t>(2, name.size() / 3) + 1, name.size());
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(name.substr(0, 100), candidate.substr(0, 100));
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

// JSON text with positions in errors, a limit on nesting and no key twice.
inline nlohmann::json parse_json(const std::string& text, const std::string& source) {
  using Json = nlohmann::json;
  std::vector<std::set<std::string>> open;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 64) throw IoError(source, "nested more than 64 levels deep");
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key && !open.back().insert(value.get<std::string>()).second)
      throw IoError(source, "the key \"" + value.get<std::string>() + "\" comes twice in one object; remove one");
    return true;
  };
  try {
    return Json::parse(text, watch);
  } catch (const Json::parse_error& error) {
    std::string what = error.what();
    if (const std::size_t end = what.find("] "); end != std::string::npos) what = what.substr(end + 2);
    throw IoError(source, "not valid JSON: " + what, static_cast<std::int64_t>(error.byte));
  } catch (const Json::exception& error) {
    throw IoError(source, std::string("not valid JSON: ") + error.what());
  }
}

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

template <class T>
std::string json_type_name() {
  if constexpr (is_vector<T>) return "an array";
  if constexpr (std::is_same_v<T, bool>) return "true or false";
  if constexpr (std::is_integral_v<T>) return "a whole number";
  if constexpr (std::is_floating_point_v<T>) return "a number";
  return "a text";
}

}  // namespace detail

class Config {
 public:
  static Config parse(const std::string& text, const std::string& source = "configuration") {
    return Config(detail::parse_json(text, source), source);
  }
  static Config read(const std::string& path) {
    const MappedFile file(path);
    return parse({reinterpret_cast<const char*>(file.bytes().data()), file.size()}, path);
  }

  // "model.d_state=32": the value is read as JSON and, where it is not JSON, as a text. Makes sections as needed.
  void set(const std::string& assignment) {
    const std::size_t equals = assignment.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw_value_error("'" + assignment + "' is not an override; write key=value, as in model.d_state=32");
    if (!prefix_.empty()) throw_value_error("Config::set: call it on the whole configuration, not on a section");
    nlohmann::json* at = node_;
    const std::string key = assignment.substr(0, equals), text = assignment.substr(equals + 1);
    for (std::size_t begin = 0; begin <= key.size();) {
      const std::size_t end = std::min(key.find('.', begin), key.size());
      if (end == begin) throw_value_error("'" + assignment + "' has an empty name between its dots");
      if (at->is_null()) *at = nlohmann::json::object();
      if (!at->is_object())
        throw_value_error("'" + assignment + "': " + key.substr(0, begin - 1) + " is not a section");
      at = &(*at)[key.substr(begin, end - begin)];
      begin = end + 1;
    }
    auto value = nlohmann::json::parse(text, nullptr, false);
    *at = value.is_discarded() ? nlohmann::json(text) : std::move(value);
  }

  bool has(const std::string& key) const {
    asked().insert(key);
    return node_->contains(key);
  }

  template <class T>
  T get(const std::string& key, T fallback) const {
    asked().insert(key);
    const auto found = node_->find(key);
    return found == node_->end() ? fallback : convert<T>(*found, full_name(key));
  }
  std::string get(const std::string& key, const char* fallback) const { return get(key, std::string(fallback)); }

  template <class T>
  T require(const std::string& key) const {
    asked().insert(key);
    const auto found = node_->find(key);
    if (found == node_->end()) throw_value_error(root_->source + ": " + full_name(key) + " is missing; add it");
    return convert<T>(*found, full_name(key));
  }

  // The object under this key; empty where there is none. It shares this configuration's record of what was asked for
  // and must not be used after set().
  Config section(const std::string& key) const {
    static nlohmann::json none = nlohmann::json::object();
    asked().insert(key);
    const auto found = node_->find(key);
    Config child = *this;
    child.prefix_ = full_name(key) + ".";
    child.node_ = found == node_->end() ? &none : &*found;
    if (!child.node_->is_object())
      throw_value_error(root_->source + ": " + full_name(key) + " is " + described(*child.node_) +
                        ", expected a section {...}");
    static_cast<void>(child.asked());  // known even before the first question
    return child;
  }

  // All keys of all sections that no getter has asked for, in one ValueError.
  void check() const {
    std::string unknown;
    find_unknown(root_->json, "", unknown);
    if (!unknown.empty()) throw_value_error(root_->source + ": unknown keys:" + unknown);
  }

  std::string text(int indent = 2) const { return dump(*node_, indent); }

 private:
  struct Root {
    nlohmann::json json;
    std::string source;
    std::map<std::string, std::set<std::string>> asked;  // keys by the prefix of their section
  };

  Config(nlohmann::json json, std::string source)
      : root_(std::make_shared<Root>(Root{std::move(json), std::move(source), {}})), node_(&root_->json) {
    if (!node_->is_object())
      throw_value_error(root_->source + ": the whole is " + described(*node_) + ", expected an object {...}");
  }

  std::set<std::string>& asked() const { return root_->asked[prefix_]; }
  std::string full_name(const std::string& key) const { return prefix_ + key; }

  static std::string dump(const nlohmann::json& value, int indent) {
    return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  static std::string described(const nlohmann::json& value) {
    std::string text = dump(value, -1);
    if (text.size() > 40) text = text.substr(0, 40) + "...";
    return std::string(value.type_name()) + " (" + text + ")";
  }

  template <class T>
  T convert(const nlohmann::json& value, const std::string& name) const {
    auto refuse = [&](const std::string& expected) {
      throw_value_error(root_->source + ": " + name + " is " + described(value) + ", expected " + expected);
    };
    if constexpr (detail::is_vector<T>) {
      if (!value.is_array()) refuse(detail::json_type_name<T>());
      T out;
      for (std::size_t i = 0; i < value.size(); ++i)
        out.push_back(convert<typename T::value_type>(value[i], name + "[" + std::to_string(i) + "]"));
      return out;
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!value.is_boolean()) refuse(detail::json_type_name<T>());
      return value.get<bool>();
    } else if constexpr (std::is_integral_v<T>) {
      return to_integer<T>(value, refuse);
    } else if constexpr (std::is_floating_point_v<T>) {
      if (!value.is_number()) refuse(detail::json_type_name<T>());
      const T number = static_cast<T>(value.get<double>());
      if (!std::isfinite(number)) refuse("a number in the range of its type");
      return number;
    } else {
      static_assert(std::is_same_v<T, std::string>, "bool, numbers, std::string and vectors of them");
      if (!value.is_string()) refuse(detail::json_type_name<T>());
      return value.get<std::string>();
    }
  }

  // 1e3 counts as a whole number, 0.5 does not.
  template <class T, class Refuse>
  static T to_integer(const nlohmann::json& value, Refuse refuse) {
    const std::string range = "a whole number from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                              std::to_string(std::numeric_limits<T>::max());
    if (value.is_number_unsigned()) {
      const auto wide = value.get<std::uint64_t>();
      if (!std::in_range<T>(wide)) refuse(range);
      return static_cast<T>(wide);
    }
    if (value.is_number_integer()) {
      const auto wide = value.get<std::int64_t>();
      if (!std::in_range<T>(wide)) refuse(range);
      return static_cast<T>(wide);
    }
    if (!value.is_number()) refuse(detail::json_type_name<T>());
    const auto real = value.get<double>();
    if (real != std::floor(real) || !(std::abs(real) <= 0x1p53)) refuse(detail::json_type_name<T>());
    const auto wide = static_cast<std::int64_t>(real);
    if (!std::in_range<T>(wide)) refuse(range);
    return static_cast<T>(wide);
  }

  // A similar name in this section, else the same name in another.
  std::string suggestion(const std::string& prefix, const std::string& key) const {
    const std::string nearest = detail::nearest_name(key, root_->asked[prefix]);
    if (!nearest.empty()) return prefix + nearest;
    for (const auto& [other, known] : root_->asked)
      if (known.count(key) > 0) return other + key;
    return "";
  }

  void find_unknown(const nlohmann::json& node, const std::string& prefix, std::string& unknown) const {
    const auto& known = root_->asked[prefix];
    for (const auto& [key, value] : node.items()) {
      if (known.count(key) == 0) {
        const std::string nearest = suggestion(prefix, key);
        unknown += "\n  " + prefix + key + (nearest.empty() ? "" : " (did you mean " + nearest + "?)");
      } else if (value.is_object() && root_->asked.count(prefix + key + ".") > 0) {
        find_unknown(value, prefix + key + ".", unknown);
      }
    }
  }

  std::shared_ptr<Root> root_;
  nlohmann::json* node_;
  std::string prefix_;
};

}  // namespace longwave
