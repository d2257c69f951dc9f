// dataset.hpp - what the program trains and tests on: windows (N, C, L) of one of two sources,
//
//   kernel traces   sequences of event ids, C = 1: trainset_config.dataset names one in the user's data folder
//   series          numbers: csv tables (NaN or empty cells are missing), or npy files (N, L, C) as the official code's
//
// and the coding between their values and what a network sees.
#pragma once

#include <string>
#include <vector>

#include "longwave/core/tensor.hpp"
#include "longwave/data/csv.hpp"
#include "sssd/config.hpp"

namespace longwave::examples::sssd {

// Values as in the files, 0 where missing.
struct SeriesSet {
  Tensor<float, 3> x;      // (N, C, L)
  Tensor<float, 3> known;  // 1, or 0 where missing

  index_t size() const { return x.size(0); }
  index_t channels() const { return x.size(1); }
  index_t length() const { return x.size(2); }
};

// Made from training data, kept in every checkpoint.
struct Coding {
  bool events = false;
  std::string kind = "none";          // minmax, zscore
  std::vector<std::string> channels;  // names
  std::vector<double> offset, unit;   // per channel: coded = (value - offset) / unit
  std::vector<std::int64_t> ids;      // events: the valid ones, ascending
  std::string guess = "none";         // linear, seasonal: networks see what it leaves (longwave/data/residual.hpp)
  index_t period = 24;
  std::vector<double> guess_unit;  // per channel
  double train_min = 0, train_max = 0, test_min = 0, test_max = 0;

  float encode(float value, index_t channel) const {
    const auto c = static_cast<std::size_t>(channel);
    return static_cast<float>((static_cast<double>(value) - offset[c]) / unit[c]);
  }
  float decode(float coded, index_t channel) const {
    const auto c = static_cast<std::size_t>(channel);
    return static_cast<float>(static_cast<double>(coded) * unit[c] + offset[c]);
  }
  // The valid id nearest to a number, the smaller of two equally near ones.
  std::int64_t nearest_id(double value) const;
  // Place of an id among the valid ones; -1: it is none of them.
  index_t class_of(double id) const;

  std::string to_json() const;
  static Coding from_json(const std::string& text, const std::string& origin);
};

struct RunData {
  std::string name;  // "compress-gzip", "ETTh1.csv"
  Coding coding;
  SeriesSet train, test;
};

struct DataRequest {
  std::string folder;       // --data; empty: LONGWAVE_DATA
  bool train = true;        // else only the tests are read, and `coding` must be given
  index_t test_stride = 0;  // csv: rows between two test windows; 0: the window's length
  const Coding* coding = nullptr;
};

RunData load_data(const Options& options, const DataRequest& request);

// IoError: an event of the data that training never saw; where it stands.
void check_ids(const SeriesSet& data, const Coding& coding, const std::string& name);

// The user's data folder: --data, else LONGWAVE_DATA, else empty.
std::string data_root(const std::string& folder);

// A path as given, below the data folder, or below the data that come with the source; the first that is there.
std::string find_data(const std::string& path, const std::string& folder);

bool is_csv(const std::string& path);
bool is_npy(const std::string& path);

// Npy (N, L, C), or (N, L) with one channel; NaN are missing.
SeriesSet read_series_npy(const std::string& path, index_t length);

// Columns of the table in the order of `columns` (all numbers if empty).
CsvTable<double> read_table(const std::string& path, const std::vector<std::string>& columns);
std::vector<std::string> split_list(const std::string& text);

}  // namespace longwave::examples::sssd
