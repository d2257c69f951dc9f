// settings.hpp - a program's options by dotted name ("model.d_model"). One table says what exists, which values are
// allowed and what they mean; JSON files, --set assignments and the command line's own options all go through it.
//
//   Settings settings;
//   settings.integer("model.d_model", config.d_model, 1, 4096, "channels between the layers");
//   settings.load_json(text, "config.json");           // {"model": {"d_model": 64}}; options left out keep their value
//   settings.set("model.d_model", "64");
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "longwave/core/error.hpp"

namespace longwave::examples {

// A mistake on the command line: the program shows it with a hint at --help and ends with 2 instead of 1.
struct UsageError : Error {
  using Error::Error;
};

class Settings {
 public:
  struct Entry {
    std::string name;
    std::variant<std::int64_t*, double*, bool*, std::string*> value;
    std::string help;
    double low = 0, high = 0;               // numbers: both inclusive
    bool may_be_unset = false;              // numbers: NaN in C++, null in JSON, "none" in text
    std::vector<std::string> choices = {};  // text: empty means anything
  };

  void integer(std::string name, std::int64_t& value, std::int64_t low, std::int64_t high, std::string help);
  void number(std::string name, double& value, double low, double high, std::string help);
  void optional_number(std::string name, double& value, double low, double high, std::string help);
  void flag(std::string name, bool& value, std::string help);
  void text(std::string name, std::string& value, std::vector<std::string> choices, std::string help);

  // Nested or dotted keys. Throws ValueError naming `origin`, the key and what would be valid.
  void load_json(const std::string& text, const std::string& origin);

  // A file may start from others: "presets": ["../model/dss.json", ...], relative to it, in that order, before its own.
  void load_file(const std::string& path);

  // Throws UsageError.
  void set(const std::string& name, const std::string& value);
  void set(const std::string& assignment);  // "name=value"

  std::string to_json() const;  // every option, nested
  std::string value_text(const std::string& name) const;
  const std::vector<Entry>& entries() const { return entries_; }

  // The registered name most like `name`.
  std::string nearest(const std::string& name) const;

 private:
  const Entry* find(const std::string& name) const;
  void load_file(const std::string& path, std::vector<std::string>& under_way);
  std::string unknown(const std::string& name) const;

  std::vector<Entry> entries_;
};

}  // namespace longwave::examples
