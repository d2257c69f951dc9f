// longwave_compare: measures the forms of a state-space layer over a grid of sizes, and reports what it found.
//   longwave_compare --quick --json results.json
//   longwave_compare report results.json out.html
// Exit codes: 0 done, 1 error, 2 wrong command line or no such device.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/device.hpp"
#include "common/machine.hpp"
#include "common/settings.hpp"
#include "common/threads.hpp"
#include "compare/forms.hpp"
#include "compare/measure.hpp"
#include "compare/report.hpp"
#include "longwave/core/parallel.hpp"

namespace longwave::compare {

namespace {

struct Arguments {
  std::vector<index_t> B, H, N, L;  // empty: the grid's own
  std::vector<std::string> forms;
  Effort effort;
  bool quick = false;
  std::string json = "longwave_compare.json";
};

// The product of the lists; u must fit into 1 GiB.
std::vector<Sizes> grid_of(const Arguments& a) {
  auto list = [&](const std::vector<index_t>& given, std::vector<index_t> quick, std::vector<index_t> full) {
    return !given.empty() ? given : a.quick ? quick : full;
  };
  std::vector<Sizes> grid;
  for (const index_t N : list(a.N, {16, 64}, {16, 64, 256}))
    for (const index_t H : list(a.H, {32}, {128}))
      for (const index_t B : list(a.B, {1, 16}, {1, 4, 32}))
        for (const index_t L : list(a.L, {64, 512, 4096}, {64, 256, 1024, 4096, 16384})) {
          if (static_cast<double>(B) * static_cast<double>(H) * static_cast<double>(L) <= (1 << 28))
            grid.push_back({B, H, N, L});
          else
            std::printf("%s: left out, u would take more than 1 GiB\n", text_of({B, H, N, L}).c_str());
        }
  return grid;
}

// All forms at one grid point, round after round, so that a disturbance does not hit one form alone.
std::vector<Result> measure_point(const Sizes& sizes, const Arguments& a, int& failed) {
  std::vector<std::vector<Result>> rounds(a.forms.size());
  for (int round = 0; round < (a.quick ? 1 : 3); ++round)
    for (std::size_t i = 0; i < a.forms.size(); ++i) try {
        rounds[i].push_back(measure_apart(a.forms[i], sizes, a.effort));
      } catch (const Error& error) {
        std::fprintf(stderr, "longwave_compare: %s\n", error.what());
        ++failed;
      }
  std::vector<Result> all;
  for (const auto& of_form : rounds)
    if (!of_form.empty()) all.push_back(median(of_form));
  return all;
}

int measure_grid(Arguments a) {
  if (a.quick) a.effort = {0.05, 3, a.effort.threads, a.effort.device};
  if (a.forms.empty())
    for (const Form& form : forms()) a.forms.push_back(form.name);
  set_num_threads(a.effort.threads);
  Results results{examples::machine_info(parse_device(a.effort.device)), {}};
  write_results(a.json, results);  // a file that cannot be written is known before anything is measured
  int failed = 0;
  std::printf("%-34s %-6s %12s %12s %12s %10s\n", "", "form", "forward", "backward", "both", "memory");
  for (const Sizes& sizes : grid_of(a)) {
    for (const Result& r : measure_point(sizes, a, failed)) {
      std::printf("%-34s %-6s %9.3f ms %9.3f ms %9.3f ms %6.1f MiB\n", text_of(sizes).c_str(), r.form.c_str(),
                  1e3 * r.forward, 1e3 * r.backward, 1e3 * r.both, r.both_bytes / (1 << 20));
      results.rows.push_back(r);
    }
    std::fflush(stdout);
    write_results(a.json, results);  // each time, so that an interrupted run keeps what it has
  }
  std::printf("\n%s\nJSON: %s\n", choice_text(results).c_str(), a.json.c_str());
  return failed > 0 ? 1 : 0;
}

void add_sizes(CLI::App& app, const char* name, std::vector<index_t>& sizes, const char* help, bool even) {
  app.add_option(name, sizes, help)
      ->delimiter(',')
      ->type_name("N,N,...")
      ->check(CLI::Validator(
          [even](const std::string& value) {
            index_t n = 0;
            if (!CLI::detail::lexical_cast(value, n) || n < 1 || n > (index_t(1) << 24) || (even && n % 2 != 0))
              return "\"" + value + "\" is no " + (even ? "even " : "") + "whole number from " + (even ? "2" : "1") +
                     " to 2^24";
            return std::string();
          },
          ""));
}

int run(int argc, char** argv) {
  Arguments a;
  CLI::App app("Time and memory of the forms of a state-space layer over a grid of sizes.", "longwave_compare");
  app.require_subcommand(0, 1);
  app.footer("Exit codes: 0 done, 1 error, 2 wrong command line or no such device.");
  add_sizes(app, "--B", a.B, "batch sizes", false);
  add_sizes(app, "--H", a.H, "numbers of features", false);
  add_sizes(app, "--N", a.N, "d_state, even", true);
  add_sizes(app, "--L", a.L, "lengths", false);
  std::vector<std::string> names;
  for (const Form& form : forms()) names.emplace_back(form.name);
  app.add_option("--forms", a.forms, "only these")->delimiter(',')->check(CLI::IsMember(names));
  app.add_option("--threads", a.effort.threads, "0: as many as there are")->check(CLI::Range(0, 4096))->type_name("N");
  app.add_option_function<std::string>(
         "--device",
         [&a](const std::string& name) {
           (void)examples::open_device(name);
           a.effort.device = name;
         },
         "cpu, cuda or cuda:<number> [cpu]")
      ->type_name("DEVICE");
  app.add_option("--json", a.json, "file to write")->type_name("FILE")->capture_default_str();
  app.add_flag("--quick", a.quick, "a small grid and few repeats");

  std::string from, to;
  CLI::App* report = app.add_subcommand("report", "a page of charts and tables from a file of measurements");
  report->add_option("results", from, "JSON file")->required()->type_name("FILE");
  report->add_option("page", to, "HTML file to write")->required()->type_name("FILE");

  // How this program calls itself, so that every measurement has a process of its own.
  std::string form;
  Sizes sizes;
  CLI::App* one = app.add_subcommand("measure", "")->group("");
  one->add_option("form", form)->required();
  one->add_option("B", sizes.B)->required();
  one->add_option("H", sizes.H)->required();
  one->add_option("N", sizes.N)->required();
  one->add_option("L", sizes.L)->required();
  one->add_option("seconds", a.effort.seconds)->required();
  one->add_option("repeats", a.effort.repeats)->required();
  one->add_option("threads", a.effort.threads)->required();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (*one) {
    std::printf("%s\n", to_json(measure(form, sizes, a.effort)).c_str());
    return 0;
  }
  if (!*report) return measure_grid(a);
  const Results results = read_results(from);
  write_report(results, to);
  std::printf("%s\nreport: %s\n", choice_text(results).c_str(), to.c_str());
  return 0;
}

}  // namespace

}  // namespace longwave::compare

int main(int argc, char** argv) {
  longwave::examples::let_threads_sleep(argv);
  try {
    return longwave::compare::run(argc, argv);
  } catch (const longwave::examples::NoDeviceError& error) {
    std::fprintf(stderr, "longwave_compare: %s\n", error.what());
    return 2;
  } catch (const longwave::examples::UsageError& error) {
    std::fprintf(stderr, "longwave_compare: %s\nRun longwave_compare --help for the command line.\n", error.what());
    return 2;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "longwave_compare: out of memory\n");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "longwave_compare: %s\n", error.what());
  }
  return 1;
}
