#include "common/settings.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <limits>

#include "longwave/io/json.hpp"

namespace longwave::examples {

namespace {

using Json = nlohmann::ordered_json;

std::string number_text(double x) {
  if (std::isnan(x)) return "none";
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, x).ptr;
  return {text, end};
}

std::string range_text(const Settings::Entry& entry) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::string text = std::holds_alternative<std::int64_t*>(entry.value) ? "an integer" : "a number";
  if (entry.low > -infinity) text += " from " + number_text(entry.low);
  if (entry.high < infinity) text += " to " + number_text(entry.high);
  return text + (entry.may_be_unset ? ", or none" : "");
}

std::string join(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

std::string expected_text(const Settings::Entry& entry) {
  if (std::holds_alternative<bool*>(entry.value)) return "true or false";
  if (std::holds_alternative<std::string*>(entry.value))
    return entry.choices.empty() ? "a text" : "one of " + join(entry.choices);
  return range_text(entry);
}

[[noreturn]] void reject(const Settings::Entry& entry, const std::string& got) {
  throw_value_error(entry.name + " is " + got + ", expected " + expected_text(entry));
}

void assign(const Settings::Entry& entry, const Json& value) {
  const std::string got = value.dump();
  if (auto* flag = std::get_if<bool*>(&entry.value)) {
    if (!value.is_boolean()) reject(entry, got);
    **flag = value.get<bool>();
  } else if (auto* text = std::get_if<std::string*>(&entry.value)) {
    if (!value.is_string()) reject(entry, got);
    const auto chosen = value.get<std::string>();
    if (!entry.choices.empty() && std::find(entry.choices.begin(), entry.choices.end(), chosen) == entry.choices.end())
      reject(entry, got);
    **text = chosen;
  } else if (value.is_null() && entry.may_be_unset) {
    *std::get<double*>(entry.value) = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (!value.is_number()) reject(entry, got);
    const double x = value.get<double>();
    if (!(x >= entry.low && x <= entry.high)) reject(entry, got);
    if (auto* integer = std::get_if<std::int64_t*>(&entry.value)) {
      if (x != std::floor(x)) reject(entry, got);
      **integer = value.is_number_integer() ? value.get<std::int64_t>() : static_cast<std::int64_t>(x);
    } else {
      *std::get<double*>(entry.value) = x;
    }
  }
}

// What "--set name=text" means for an option of this kind, as JSON; a text that does not fit stays a string.
Json read_text(const Settings::Entry& entry, const std::string& text) {
  if (std::holds_alternative<std::string*>(entry.value)) return text;
  if (text == "none") return nullptr;
  const Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

Json current(const Settings::Entry& entry) {
  return std::visit(
      [](auto* value) -> Json {
        if constexpr (std::is_same_v<decltype(value), double*>)
          if (std::isnan(*value)) return nullptr;
        return *value;
      },
      entry.value);
}

std::string group_of(const std::string& name) { return name.substr(0, name.find('.') + 1); }
std::string leaf_of(const std::string& name) { return name.substr(name.rfind('.') + 1); }

}  // namespace

void Settings::integer(std::string name, std::int64_t& value, std::int64_t low, std::int64_t high, std::string help) {
  entries_.push_back({std::move(name), &value, std::move(help), static_cast<double>(low), static_cast<double>(high)});
}
void Settings::number(std::string name, double& value, double low, double high, std::string help) {
  entries_.push_back({std::move(name), &value, std::move(help), low, high});
}
void Settings::optional_number(std::string name, double& value, double low, double high, std::string help) {
  entries_.push_back({std::move(name), &value, std::move(help), low, high, true});
}
void Settings::flag(std::string name, bool& value, std::string help) {
  entries_.push_back({std::move(name), &value, std::move(help)});
}
void Settings::text(std::string name, std::string& value, std::vector<std::string> choices, std::string help) {
  entries_.push_back({std::move(name), &value, std::move(help), 0, 0, false, std::move(choices)});
}

const Settings::Entry* Settings::find(const std::string& name) const {
  const auto at = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
  return at == entries_.end() ? nullptr : &*at;
}

std::string Settings::nearest(const std::string& name) const {
  const std::string* best = nullptr;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const Entry& entry : entries_) {
    const bool whole = name.find('.') != std::string::npos;  // without a group, compare the last parts
    const std::size_t d = detail::edit_distance(name, whole ? entry.name : leaf_of(entry.name));
    if (d < least) {
      least = d;
      best = &entry.name;
    }
  }
  return best == nullptr ? "" : *best;
}

std::string Settings::unknown(const std::string& name) const {
  const std::string closest = nearest(name);
  std::vector<std::string> siblings, all;
  for (const Entry& entry : entries_) {
    all.push_back(entry.name);
    if (group_of(entry.name) == group_of(name)) siblings.push_back(entry.name);
  }
  return "unknown option \"" + name + "\"; did you mean \"" + closest +
         "\"? Valid are: " + join(siblings.empty() ? all : siblings);
}

void Settings::load_json(const std::string& text, const std::string& origin) {
  const Json root = detail::parse_json(text, origin);
  if (!root.is_object()) throw_value_error(origin + ": expected an object {...} of options");
  auto visit = [&](auto&& self, const Json& object, const std::string& prefix) -> void {
    for (const auto& [key, value] : object.items()) {
      const std::string name = prefix + key;
      if (const Entry* entry = find(name))
        assign(*entry, value);
      else if (value.is_object())
        self(self, value, name + ".");
      else
        throw_value_error(unknown(name));
    }
  };
  try {
    visit(visit, root, "");
  } catch (const ValueError& error) {
    throw_value_error(origin + ": " + error.what());
  }
}

void Settings::load_file(const std::string& path) {
  std::vector<std::string> under_way;
  load_file(path, under_way);
}

void Settings::load_file(const std::string& path, std::vector<std::string>& under_way) {
  if (std::find(under_way.begin(), under_way.end(), path) != under_way.end())
    throw_value_error(path + ": presets that start from one another: " + join(under_way));
  under_way.push_back(path);
  const MappedFile file(path);
  Json root = detail::parse_json({reinterpret_cast<const char*>(file.bytes().data()), file.size()}, path);
  if (root.is_object() && root.contains("presets")) {
    if (!root["presets"].is_array())
      throw_value_error(path + ": presets is " + root["presets"].dump() + ", expected a list of files");
    for (const Json& preset : root["presets"]) {
      if (!preset.is_string())
        throw_value_error(path + ": a preset is " + preset.dump() + ", expected the name of a file");
      const std::filesystem::path name(preset.get<std::string>());
      load_file((std::filesystem::path(path).parent_path() / name).lexically_normal().string(), under_way);
    }
    root.erase("presets");
  }
  under_way.pop_back();
  load_json(root.dump(), path);
}

void Settings::set(const std::string& name, const std::string& value) {
  const Entry* entry = find(name);
  if (entry == nullptr) throw UsageError(unknown(name));
  try {
    assign(*entry, read_text(*entry, value));
  } catch (const ValueError& error) {
    throw UsageError(error.what());
  }
}

void Settings::set(const std::string& assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw UsageError("--set takes NAME=VALUE, such as model.d_model=64; got \"" + assignment + "\"");
  set(assignment.substr(0, equals), assignment.substr(equals + 1));
}

std::string Settings::to_json() const {
  Json root = Json::object();
  for (const Entry& entry : entries_) {
    Json* place = &root;
    std::size_t begin = 0;
    for (std::size_t dot; (dot = entry.name.find('.', begin)) != std::string::npos; begin = dot + 1)
      place = &(*place)[entry.name.substr(begin, dot - begin)];
    (*place)[entry.name.substr(begin)] = current(entry);
  }
  return root.dump(2);
}

std::string Settings::value_text(const std::string& name) const {
  const Entry* entry = find(name);
  if (entry == nullptr) throw_value_error(unknown(name));
  const Json value = current(*entry);
  return value.is_null() ? "none" : value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace longwave::examples
