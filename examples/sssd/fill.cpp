#include "sssd/fill.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "longwave/data/traces.hpp"
#include "longwave/io/npy.hpp"
#include "sssd/files.hpp"

namespace longwave::examples::sssd {

namespace {

// Windows of a table, time last: window i begins at row starts[i].
struct Windows {
  SeriesSet set;
  std::vector<index_t> starts;
};

std::string number(double x) {
  char text[40];
  return {text, std::to_chars(text, text + sizeof text, x).ptr};
}

CsvTable<double> read_user_table(const std::string& path, const Trained& trained) {
  return read_table(path, trained.coding.channels);
}

void take_window(const CsvTable<double>& table, index_t start, index_t rows, SeriesSet& set, index_t i) {
  for (index_t c = 0; c < set.channels(); ++c)
    for (index_t l = 0; l < rows; ++l) {
      const double value = table.values(start + l, c);
      set.known(i, c, l) = std::isnan(value) ? 0.0f : 1.0f;
      set.x(i, c, l) = std::isnan(value) ? 0.0f : static_cast<float>(value);
    }
}

SeriesSet make_set(index_t n, index_t C, index_t L) {
  SeriesSet set;
  set.x = Tensor<float, 3>(n, C, L);
  set.known = Tensor<float, 3>(n, C, L);
  return set;
}

void check_something_known(const SeriesSet& set, index_t i, const std::string& file, const std::string& where) {
  for (index_t c = 0; c < set.channels(); ++c)
    for (index_t l = 0; l < set.length(); ++l)
      if (set.known(i, c, l) != 0) return;
  throw IoError(file, where + ": nothing is known, so there is nothing to impute from");
}

// One after another; the last one ends with the table. Only those with a gap.
Windows windows_with_gaps(const CsvTable<double>& table, index_t L, const std::string& file) {
  const index_t rows = table.rows(), C = table.columns();
  if (rows < L)
    throw IoError(file, "holds " + std::to_string(rows) + " rows, shorter than the " + std::to_string(L) +
                            " that the network was trained on");
  Windows windows;
  for (index_t start = 0; start < rows; start += L) {
    bool gap = false;
    for (index_t r = start; r < std::min(start + L, rows); ++r)
      for (index_t c = 0; c < C; ++c) gap = gap || std::isnan(table.values(r, c));
    if (gap) windows.starts.push_back(std::min(start, rows - L));
  }
  windows.set = make_set(static_cast<index_t>(windows.starts.size()), C, L);
  for (std::size_t i = 0; i < windows.starts.size(); ++i) {
    take_window(table, windows.starts[i], L, windows.set, static_cast<index_t>(i));
    check_something_known(
        windows.set, static_cast<index_t>(i), file,
        "rows " + std::to_string(windows.starts[i] + 1) + " to " + std::to_string(windows.starts[i] + L));
  }
  return windows;
}

std::vector<float> draws_at(const Imputation& result, index_t i, index_t c, index_t l) {
  std::vector<float> draws;
  for (index_t s = 0; s < result.samples.size(0); ++s) draws.push_back(result.samples(s, i, c, l));
  return draws;
}

int fill_table(const ImputeArguments& a, const Trained& trained) {
  const std::string filled = a.output_dir + "/filled.csv", gaps = a.output_dir + "/gaps.csv";
  check_overwrite({filled, gaps}, a.force);
  CsvTable<double> table = read_user_table(a.input, trained);
  const Windows windows = windows_with_gaps(table, trained.length(), a.input);
  Imputation result;
  if (!windows.starts.empty()) result = draw_missing(trained, windows.set, windows.set.known, a, a.samples);
  std::string list = "row" + (table.text.empty() ? "" : "," + table.text_name) + ",column,median,q05,q95\n";
  index_t n = 0;
  for (std::size_t i = 0; i < windows.starts.size(); ++i)
    for (index_t l = 0; l < trained.length(); ++l)
      for (index_t c = 0; c < table.columns(); ++c) {
        const index_t row = windows.starts[i] + l, w = static_cast<index_t>(i);
        if (!std::isnan(table.values(row, c))) continue;  // known, or filled by the window before
        table.values(row, c) = static_cast<double>(result.median(w, c, l));
        const std::vector<float> draws = draws_at(result, w, c, l);
        list += std::to_string(row + 1) + "," +
                (table.text.empty() ? "" : table.text[static_cast<std::size_t>(row)] + ",") +
                table.names[static_cast<std::size_t>(c)] + "," + number(table.values(row, c)) + "," +
                number(static_cast<double>(quantile_of(draws, 0.05))) + "," +
                number(static_cast<double>(quantile_of(draws, 0.95))) + "\n";
        ++n;
      }
  make_folders(a.output_dir);
  write_csv(filled, table);
  replace_file(gaps, list);
  std::printf("%lld gaps in %lld rows filled, %lld draws each\nfilled: %s\nbands: %s\n", static_cast<long long>(n),
              static_cast<long long>(table.rows()), static_cast<long long>(a.samples), filled.c_str(), gaps.c_str());
  return 0;
}

int fill_arrays(const ImputeArguments& a, const Trained& trained) {
  const std::string imputed = a.output_dir + "/imputation0.npy", mask = a.output_dir + "/mask0.npy",
                    samples = a.output_dir + "/samples0.npy";
  check_overwrite({imputed, mask, samples}, a.force);
  const SeriesSet set = read_series_npy(a.input, trained.length());
  if (set.channels() != static_cast<index_t>(trained.coding.channels.size()))
    throw IoError(a.input, "holds " + std::to_string(set.channels()) + " channels, the network was trained on " +
                               std::to_string(trained.coding.channels.size()));
  for (index_t i = 0; i < set.size(); ++i) check_something_known(set, i, a.input, "series " + std::to_string(i + 1));
  const Imputation result = draw_missing(trained, set, set.known, a, a.samples);
  make_folders(a.output_dir);
  write_npy(imputed, result.median);
  write_npy(mask, set.known);
  if (a.samples > 1) write_npy(samples, result.samples);
  std::printf("%lld series filled, %lld draws each\nfilled: %s\n", static_cast<long long>(set.size()),
              static_cast<long long>(a.samples), imputed.c_str());
  return 0;
}

// Sequences as they are in the file, the last `length` events of each from position `at` on; 0 or less is missing.
SeriesSet read_events(const std::string& path, const Trained& trained, index_t length) {
  const Traces traces = read_traces(path);
  if (traces.unparsable > 0)
    throw IoError(path, "line " + std::to_string(traces.first_unparsable) + ", " + traces.first_reason);
  if (traces.size() == 0) throw IoError(path, "holds no sequence of events");
  SeriesSet set = make_set(traces.size(), 1, trained.length());
  for (index_t i = 0; i < traces.size(); ++i) {
    const auto events = traces[i];
    const auto n = static_cast<index_t>(events.size());
    if (n < length || (length == trained.length() && n != length))
      throw IoError(path, "sequence " + std::to_string(i + 1) + " has " + std::to_string(n) + " events, expected " +
                              std::to_string(length) +
                              (length == trained.length() ? ", as the network was trained on" : " or more"));
    for (index_t l = 0; l < length; ++l) {
      const std::int32_t id = events[static_cast<std::size_t>(n - length + l)];
      set.known(i, 0, l) = id > 0 ? 1.0f : 0.0f;
      set.x(i, 0, l) = id > 0 ? static_cast<float>(id) : 0.0f;
    }
    check_something_known(set, i, path, "sequence " + std::to_string(i + 1));
  }
  check_ids(set, trained.coding, path);
  return set;
}

// Positions [begin, end) of the medians, as valid ids.
void write_ids(const std::string& path, const Imputation& result, const Trained& trained, index_t begin, index_t end) {
  Tensor<std::int32_t, 2> ids(result.median.size(0), end - begin);
  for (index_t i = 0; i < ids.size(0); ++i)
    for (index_t l = begin; l < end; ++l)
      ids(i, l - begin) = static_cast<std::int32_t>(
          trained.coding.nearest_id(std::nearbyint(static_cast<double>(result.median(i, 0, l)))));
  write_traces(path, ids);
}

int fill_events(const ImputeArguments& a, const Trained& trained) {
  const std::string filled = a.output_dir + "/filled.txt";
  check_overwrite({filled}, a.force);
  const SeriesSet set = read_events(a.input, trained, trained.length());
  const Imputation result = draw_missing(trained, set, set.known, a, a.samples);
  make_folders(a.output_dir);
  write_ids(filled, result, trained, 0, set.length());
  std::printf("%lld sequences filled\nfilled: %s\n", static_cast<long long>(set.size()), filled.c_str());
  return 0;
}

int continue_table(const ImputeArguments& a, const Trained& trained, index_t horizon) {
  const std::string path = a.output_dir + "/forecast.csv";
  check_overwrite({path}, a.force);
  const CsvTable<double> table = read_user_table(a.input, trained);
  const index_t seen = trained.length() - horizon, C = table.columns();
  if (table.rows() < seen)
    throw IoError(a.input, "holds " + std::to_string(table.rows()) + " rows, shorter than the " + std::to_string(seen) +
                               " that a forecast of " + std::to_string(horizon) + " looks at");
  SeriesSet set = make_set(1, C, trained.length());
  take_window(table, table.rows() - seen, seen, set, 0);
  check_something_known(set, 0, a.input, "the last " + std::to_string(seen) + " rows");
  const Imputation result = draw_missing(trained, set, set.known, a, a.samples);
  CsvTable<float> out;
  out.values = Tensor<float, 2>(horizon, 3 * C);
  out.text_name = "step";
  for (index_t c = 0; c < C; ++c)
    for (const char* part : {"", "_q05", "_q95"}) out.names.push_back(table.names[static_cast<std::size_t>(c)] + part);
  for (index_t h = 0; h < horizon; ++h) {
    out.text.push_back("+" + std::to_string(h + 1));
    for (index_t c = 0; c < C; ++c) {
      const std::vector<float> draws = draws_at(result, 0, c, seen + h);
      out.values(h, 3 * c) = result.median(0, c, seen + h);
      out.values(h, 3 * c + 1) = quantile_of(draws, 0.05);
      out.values(h, 3 * c + 2) = quantile_of(draws, 0.95);
    }
  }
  make_folders(a.output_dir);
  write_csv(path, out);
  std::printf("%lld rows after the last of %s, %lld draws\nforecast: %s\n", static_cast<long long>(horizon),
              a.input.c_str(), static_cast<long long>(a.samples), path.c_str());
  return 0;
}

}  // namespace

int fill_gaps(const ImputeArguments& a, const Trained& trained) {
  if (trained.coding.events) return fill_events(a, trained);
  return is_npy(a.input) ? fill_arrays(a, trained) : fill_table(a, trained);
}

int continue_file(const ImputeArguments& a, const Trained& trained, index_t horizon) {
  if (!trained.coding.events) return continue_table(a, trained, horizon);
  const std::string path = a.output_dir + "/forecast.txt";
  check_overwrite({path}, a.force);
  const SeriesSet set = read_events(a.input, trained, trained.length() - horizon);
  const Imputation result = draw_missing(trained, set, set.known, a, a.samples);
  make_folders(a.output_dir);
  write_ids(path, result, trained, trained.length() - horizon, trained.length());
  std::printf("%lld events after each of %lld sequences\nforecast: %s\n", static_cast<long long>(horizon),
              static_cast<long long>(set.size()), path.c_str());
  return 0;
}

}  // namespace longwave::examples::sssd
