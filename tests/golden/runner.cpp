// runner.cpp - golden_runner: runs every reference case of a folder whose op it knows and compares the results.
//
//   golden_runner FOLDER [--ops a,b] [--device cpu|cuda] [--dtype f64|f32|both] [--case name] [-v]
//
// One line per failure (case, scalar type, tensor, largest error, tolerance), then what was skipped and why, then
// "N passed, N failed, N skipped", counted in cases. Exit code 1 after a failure or when nothing was run, 2 for a wrong
// command line. A case passes if every tensor passes in every scalar type that was asked for:
//   max|got - want| <= atol + rtol max|want|;  integers exactly.
// The format of the files is described in README.md beside this file.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "case.hpp"

namespace longwave::golden {
namespace {

constexpr const char* usage =
    "usage: golden_runner FOLDER [--ops a,b] [--device cpu|cuda] [--dtype f64|f32|both] [--case name] [-v]\n";

struct Options {
  std::string folder, device = "cpu", dtype = "both", only_case;
  std::set<std::string> ops;
  bool verbose = false;
};

struct UsageError : Error {
  using Error::Error;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    auto value = [&]() -> std::string {
      if (i + 1 == argc) throw UsageError(argument + " needs a value");
      return argv[++i];
    };
    auto one_of = [&](const std::string& text, std::initializer_list<const char*> known) {
      if (std::find(known.begin(), known.end(), text) == known.end())
        throw UsageError(argument + " does not know \"" + text + "\"");
      return text;
    };
    if (argument == "-v" || argument == "--verbose") {
      options.verbose = true;
    } else if (argument == "--ops") {
      std::string list = value() + ",";
      for (std::size_t at = 0, end; (end = list.find(',', at)) != std::string::npos; at = end + 1)
        if (end > at) options.ops.insert(list.substr(at, end - at));
    } else if (argument == "--device") {
      options.device = one_of(value(), {"cpu", "cuda"});
    } else if (argument == "--dtype") {
      options.dtype = one_of(value(), {"f64", "f32", "both"});
    } else if (argument == "--case") {
      options.only_case = value();
    } else if (argument.size() > 1 && argument[0] == '-') {
      throw UsageError("unknown option " + argument);
    } else if (options.folder.empty()) {
      options.folder = argument;
    } else {
      throw UsageError("one folder at a time: " + options.folder + " and " + argument);
    }
  }
  if (options.folder.empty()) throw UsageError("no folder given");
  if (!std::filesystem::is_directory(options.folder)) throw UsageError("\"" + options.folder + "\" is not a folder");
  if (options.device == "cuda" && registry("cuda").empty())
    throw UsageError("this golden_runner was built without CUDA, or found no device");
  return options;
}

std::vector<std::string> find_files(const std::string& folder) {
  std::vector<std::string> paths;
  const auto skip = std::filesystem::directory_options::skip_permission_denied;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, skip))
    if (entry.path().extension() == ".safetensors") paths.push_back(entry.path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

struct Comparison {
  double error = 0, tolerance = 0;
  bool passed() const { return error <= tolerance; }
};

// NaN equals NaN and infinity itself; else a non-finite number is an infinite error.
Comparison compare(const std::vector<double>& got, const std::vector<double>& want, const Tolerance& tolerance) {
  double error = 0, largest = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (std::isfinite(want[i])) largest = std::max(largest, std::abs(want[i]));
    if (got[i] == want[i] || (std::isnan(got[i]) && std::isnan(want[i]))) continue;
    const double difference = std::abs(got[i] - want[i]);
    error = std::max(error, std::isfinite(difference) ? difference : INFINITY);
  }
  return {error, tolerance.atol + tolerance.rtol * largest};
}

std::string number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", x);
  return text;
}

class Run {
 public:
  explicit Run(const Options& options) : options_(options), registry_(registry(options.device)) {}

  void file(const std::string& path) {
    try {
      const CaseFile file(path);
      if (!options_.ops.empty() && options_.ops.count(file.op) == 0) return;
      const std::string id = file.op + "/" + file.name;
      if (!options_.only_case.empty() && options_.only_case != file.name && options_.only_case != id) return;
      const auto op = registry_.find(file.op);
      if (op == registry_.end())
        skip("unknown op " + file.op + (options_.device == "cuda" ? " (on cuda)" : ""));
      else
        run(file, op->second, id);
    } catch (const std::exception& error) {
      ++failed_;
      const std::string text = error.what();
      std::printf("FAIL %s\n", (text.rfind(path, 0) == 0 ? text : path + ": " + text).c_str());
    }
  }

  int report() const {
    for (const auto& [reason, cases] : skips_)
      std::printf("SKIP %s: %d case%s\n", reason.c_str(), cases, cases == 1 ? "" : "s");
    if (passed_ + failed_ + skipped_ == 0) std::fprintf(stderr, "no case in %s matches\n", options_.folder.c_str());
    std::printf("%d passed, %d failed, %d skipped\n", passed_, failed_, skipped_);
    return failed_ > 0 || passed_ + skipped_ == 0 ? 1 : 0;
  }

 private:
  void skip(const std::string& reason) {
    ++skipped_;
    ++skips_[reason];
  }

  void run(const CaseFile& file, const OpEntry& op, const std::string& id) {
    bool good = true;
    int runs = 0;
    try {
      if (options_.dtype != "f32" && file.f64.applies) {
        good &= run<double>(file, op.f64, file.f64, id + " f64");
        ++runs;
      }
      if (options_.dtype != "f64" && file.f32.applies) {
        good &= run<float>(file, op.f32, file.f32, id + " f32");
        ++runs;
      }
    } catch (const Unsupported& reason) {
      return skip(id + ": unsupported option " + reason.what());
    }
    if (runs == 0) return skip("no tolerance for " + options_.dtype);
    ++(good ? passed_ : failed_);
  }

  template <class T>
  bool run(const CaseFile& file, const std::function<void(Case<T>&)>& op, const Tolerance& tolerance,
           const std::string& label) {
    std::string unread;
    try {
      Case<T> c(file);
      op(c);
      c.backward();
      for (const std::string& key : c.config.unread())
        if (key.size() > 1 && key != "shape") unread += (unread.empty() ? "" : ", ") + key;  // B, H, L say nothing
      return check(file, c.results(), tolerance, label, unread);
    } catch (const Unsupported&) {
      throw;
    } catch (const std::exception& error) {
      std::printf("FAIL %s: %s\n", label.c_str(), error.what());
      return false;
    }
  }

  // Every out/ and grad/ tensor of the file; `unread` are options that may explain a difference.
  bool check(const CaseFile& file, const std::map<std::string, Result>& results, const Tolerance& tolerance,
             const std::string& label, const std::string& unread) const {
    bool good = true;
    double worst = 0;
    for (const auto& [name, entry] : file.file.entries()) {
      if (name.rfind("out/", 0) != 0 && name.rfind("grad/", 0) != 0) continue;
      const std::string problem = check(file.file, name, entry.dtype, results, tolerance, worst);
      if (problem.empty()) continue;
      good = false;
      std::printf("FAIL %s %s: %s%s\n", label.c_str(), name.c_str(), problem.c_str(),
                  unread.empty() ? "" : ("; options not used: " + unread).c_str());
    }
    if (good && options_.verbose) std::printf("pass %s: %s of the tolerance\n", label.c_str(), number(worst).c_str());
    return good;
  }

  // What is wrong with one tensor, "" if nothing is.
  static std::string check(const SafetensorsFile& file, const std::string& name, DType dtype,
                           const std::map<std::string, Result>& results, const Tolerance& tolerance, double& worst) {
    const auto found = results.find(name);
    if (found == results.end()) return "not computed";
    const Result& got = found->second;
    if (dtype != DType::f64 && dtype != DType::f32) {
      const auto want = file.values<std::int64_t>(name);
      if (!got.is_integer) return "is not an integer";
      return got.integers == want ? "" : "integers differ";
    }
    const auto want = file.values<double>(name);
    if (got.is_integer || got.values.size() != want.size())
      return "has " + std::to_string(got.values.size()) + " elements, expected " + std::to_string(want.size());
    const Comparison c = compare(got.values, want, tolerance);
    worst = std::max(worst, c.error / std::max(c.tolerance, 1e-300));
    return c.passed() ? "" : "largest error " + number(c.error) + ", tolerance " + number(c.tolerance);
  }

  const Options& options_;
  const Registry& registry_;
  int passed_ = 0, failed_ = 0, skipped_ = 0;
  std::map<std::string, int> skips_;
};

int main_program(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 14);  // lines appear as they come
  try {
    const Options options = parse(argc, argv);
    Run run(options);
    for (const std::string& path : find_files(options.folder)) run.file(path);
    return run.report();
  } catch (const UsageError& error) {
    std::fprintf(stderr, "golden_runner: %s\n%s", error.what(), usage);
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "golden_runner: %s\n", error.what());
    return 1;
  }
}

}  // namespace
}  // namespace longwave::golden

int main(int argc, char** argv) { return longwave::golden::main_program(argc, argv); }
