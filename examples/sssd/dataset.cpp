#include "sssd/dataset.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <tuple>
#include <utility>

#include "longwave/data/series.hpp"
#include "longwave/io/json.hpp"
#include "longwave/io/npy.hpp"
#include "sssd/traces_folder.hpp"

#ifndef LONGWAVE_EXAMPLE_DATA
#define LONGWAVE_EXAMPLE_DATA "examples/data"
#endif

namespace longwave::examples::sssd {

namespace {

using Json = nlohmann::ordered_json;

// "8640:11520" of n rows; either side may be left out.
RowRange rows_of(const std::string& text, const char* name, index_t n, RowRange all) {
  if (text.empty()) return all;
  const auto fail = [&] {
    throw_value_error(std::string("trainset_config.") + name + " is \"" + text + "\", expected begin:end within the " +
                      std::to_string(n) + " rows of the file");
  };
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) fail();
  const auto number = [&](const std::string& part, index_t none) {
    index_t value = none;
    if (part.empty()) return value;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size()) fail();
    return value;
  };
  const RowRange rows{number(text.substr(0, colon), 0), number(text.substr(colon + 1), n)};
  if (rows.begin < 0 || rows.begin >= rows.end || rows.end > n) fail();
  return rows;
}

SeriesSet with_known(Tensor<float, 3> x) {
  SeriesSet set;
  set.known = take_missing(x.view());
  set.x = std::move(x);
  return set;
}

// Offset and unit per channel from what is known.
void fit(Coding& coding, const std::string& kind, const SeriesSet& train) {
  const index_t C = train.channels();
  coding.kind = kind;
  coding.offset.assign(static_cast<std::size_t>(C), 0);
  coding.unit.assign(static_cast<std::size_t>(C), 1);
  if (kind == "none") return;
  for (index_t c = 0; c < C; ++c) {
    double sum = 0, squares = 0, low = INFINITY, high = -INFINITY, n = 0;
    for (index_t i = 0; i < train.size(); ++i)
      for (index_t l = 0; l < train.length(); ++l) {
        if (train.known(i, c, l) == 0) continue;
        const double v = static_cast<double>(train.x(i, c, l));
        sum += v;
        low = std::min(low, v);
        high = std::max(high, v);
        ++n;
      }
    if (n == 0)
      throw_value_error("training data: channel " + coding.channels[static_cast<std::size_t>(c)] + " has no value");
    const double mean = sum / n;
    for (index_t i = 0; i < train.size(); ++i)
      for (index_t l = 0; l < train.length(); ++l)
        if (train.known(i, c, l) != 0) squares += std::pow(static_cast<double>(train.x(i, c, l)) - mean, 2);
    const double unit = kind == "minmax" ? high - low : std::sqrt(squares / n);
    coding.offset[static_cast<std::size_t>(c)] = kind == "minmax" ? low : mean;
    coding.unit[static_cast<std::size_t>(c)] = unit > 0 ? unit : 1;  // a constant channel
  }
}

// Smallest and largest known value.
std::pair<double, double> bounds(const SeriesSet& set) {
  double low = INFINITY, high = -INFINITY;
  for (index_t i = 0; i < set.x.count(); ++i)
    if (set.known.data()[i] != 0) {
      low = std::min(low, static_cast<double>(set.x.data()[i]));
      high = std::max(high, static_cast<double>(set.x.data()[i]));
    }
  return {low, high};
}

void load_csv(const Options& o, const DataRequest& request, RunData& data) {
  const std::vector<std::string> columns =
      request.coding != nullptr ? request.coding->channels : split_list(o.trainset.columns);
  const std::string train_path = find_data(o.trainset.train_data_path, request.folder);
  const bool one_file = o.trainset.test_data_path.empty() || o.trainset.test_data_path == o.trainset.train_data_path;
  const std::string test_path = one_file ? train_path : find_data(o.trainset.test_data_path, request.folder);
  const index_t L = o.trainset.segment_length;
  const auto part = [&](const std::string& path, bool train, index_t stride) {
    CsvTable<double> table = read_table(path, columns);
    data.coding.channels = table.names;
    const index_t n = table.rows(), cut = n * 4 / 5;
    const RowRange all = !one_file ? RowRange{0, n} : train ? RowRange{0, cut} : RowRange{cut, n};
    const RowRange rows =
        rows_of(train ? o.trainset.train_rows : o.trainset.test_rows, train ? "train_rows" : "test_rows", n, all);
    if (rows.end - rows.begin < L)
      throw IoError(path, std::to_string(rows.end - rows.begin) + " rows to " + (train ? "train" : "test") +
                              " on, shorter than segment_length " + std::to_string(L));
    const Tensor<double, 3> wide = series_windows(table.values.view(), rows, {.length = L, .stride = stride});
    auto x = Tensor<float, 3>::uninitialized(wide.sizes());
    for (index_t i = 0; i < x.count(); ++i) x.data()[i] = static_cast<float>(wide.data()[i]);
    return with_known(std::move(x));
  };
  if (request.train) data.train = part(train_path, true, 1);
  data.test = part(test_path, false, request.test_stride > 0 ? request.test_stride : L);
}

void load_npy(const Options& o, const DataRequest& request, RunData& data) {
  const index_t L = o.trainset.segment_length;
  if (request.train) data.train = read_series_npy(find_data(o.trainset.train_data_path, request.folder), L);
  const std::string& test = o.trainset.test_data_path.empty() ? o.trainset.train_data_path : o.trainset.test_data_path;
  data.test = read_series_npy(find_data(test, request.folder), L);
  if (request.train && data.train.channels() != data.test.channels())
    throw IoError(test, "holds " + std::to_string(data.test.channels()) + " channels, the training data " +
                            std::to_string(data.train.channels()));
  for (index_t c = 0; c < data.test.channels(); ++c) data.coding.channels.push_back(std::to_string(c + 1));
}

void load_traces(const Options& o, const DataRequest& request, RunData& data) {
  const std::string root = data_root(request.folder);
  if (root.empty())
    throw_value_error("dataset " + o.trainset.dataset + ": name the data folder with --data or LONGWAVE_DATA");
  TraceSets sets = read_trace_sets(root, o.trainset.dataset, o.trainset.segment_length, o.trainset.split == "honest");
  data.train = std::move(sets.train);
  data.test = std::move(sets.test);
  data.coding.events = true;
  data.coding.channels = {"event"};
  data.coding.ids = std::move(sets.ids);
}

}  // namespace

std::int64_t Coding::nearest_id(double value) const {
  const auto above = std::lower_bound(ids.begin(), ids.end(), value,
                                      [](std::int64_t id, double v) { return static_cast<double>(id) < v; });
  if (above == ids.begin()) return ids.front();
  if (above == ids.end()) return ids.back();
  return value - static_cast<double>(above[-1]) <= static_cast<double>(*above) - value ? above[-1] : *above;
}

index_t Coding::class_of(double id) const {
  const auto at =
      std::lower_bound(ids.begin(), ids.end(), id, [](std::int64_t i, double v) { return static_cast<double>(i) < v; });
  return at != ids.end() && static_cast<double>(*at) == id ? at - ids.begin() : -1;
}

std::string Coding::to_json() const {
  Json json;
  if (kind == "minmax" && offset.size() == 1) {  // the fields of the trace project
    json["train_min"] = train_min;
    json["train_max"] = train_max;
    json["test_min"] = test_min;
    json["test_max"] = test_max;
  }
  json["kind"] = kind;
  json["events"] = events;
  json["channels"] = channels;
  json["offset"] = offset;
  json["unit"] = unit;
  if (events) json["valid_ids"] = ids;
  if (guess != "none") {
    json["guess"] = guess;
    json["period"] = period;
    json["guess_unit"] = guess_unit;
  }
  return json.dump(2);
}

Coding Coding::from_json(const std::string& text, const std::string& origin) {
  Coding coding;
  try {
    const Json json = detail::parse_json(text, origin);
    coding.kind = json.at("kind");
    coding.events = json.at("events");
    coding.channels = json.at("channels").get<std::vector<std::string>>();
    coding.offset = json.at("offset").get<std::vector<double>>();
    coding.unit = json.at("unit").get<std::vector<double>>();
    if (coding.events) coding.ids = json.at("valid_ids").get<std::vector<std::int64_t>>();
    coding.guess = json.value("guess", "none");
    coding.period = json.value("period", index_t(24));
    if (coding.guess != "none") coding.guess_unit = json.at("guess_unit").get<std::vector<double>>();
    coding.train_min = json.value("train_min", 0.0);
    coding.train_max = json.value("train_max", 0.0);
    coding.test_min = json.value("test_min", 0.0);
    coding.test_max = json.value("test_max", 0.0);
  } catch (const Json::exception& error) {
    throw IoError(origin, std::string("its normalization cannot be read: ") + error.what());
  }
  if (coding.offset.size() != coding.channels.size() || coding.unit.size() != coding.channels.size() ||
      (coding.guess != "none" && coding.guess_unit.size() != coding.channels.size()))
    throw IoError(origin, "its normalization has other numbers of channels, offsets and units");
  return coding;
}

RunData load_data(const Options& o, const DataRequest& request) {
  RunData data;
  const std::string& path = o.trainset.train_data_path;
  if (!o.trainset.dataset.empty()) {
    data.name = o.trainset.dataset;
    load_traces(o, request, data);
  } else if (path.empty()) {
    throw UsageError("no data: name a kernel trace (--dataset), or a csv or npy file (--train_data_path, --config)");
  } else {
    data.name = path.substr(path.rfind('/') + 1);
    if (is_csv(path))
      load_csv(o, request, data);
    else if (is_npy(path))
      load_npy(o, request, data);
    else
      throw IoError(path, "expected a name that ends in .csv or .npy");
  }
  if (request.coding != nullptr) {
    if (request.coding->channels.size() != static_cast<std::size_t>(data.test.channels()))
      throw_value_error(data.name + " has " + std::to_string(data.test.channels()) + " channels, the checkpoint " +
                        std::to_string(request.coding->channels.size()));
    data.coding = *request.coding;
  } else {
    const std::string& kind = o.trainset.normalize;
    fit(data.coding,
        kind != "auto"       ? kind
        : data.coding.events ? "minmax"
        : is_csv(path)       ? "zscore"
                             : "none",
        data.train);
    std::tie(data.coding.train_min, data.coding.train_max) = bounds(data.train);
    std::tie(data.coding.test_min, data.coding.test_max) = bounds(data.test);
  }
  return data;
}

void check_ids(const SeriesSet& data, const Coding& coding, const std::string& name) {
  if (!coding.events) return;
  for (index_t i = 0; i < data.size(); ++i)
    for (index_t l = 0; l < data.length(); ++l)
      if (data.known(i, 0, l) != 0 && coding.class_of(static_cast<double>(data.x(i, 0, l))) < 0)
        throw IoError(name, "sequence " + std::to_string(i + 1) + ", position " + std::to_string(l + 1) + ": event " +
                                std::to_string(std::llround(data.x(i, 0, l))) +
                                " is outside the trained vocabulary of " + std::to_string(coding.ids.size()) +
                                " events");
}

std::string data_root(const std::string& folder) {
  const char* environment = std::getenv("LONGWAVE_DATA");
  return !folder.empty() ? folder : environment != nullptr ? environment : "";
}

std::string find_data(const std::string& path, const std::string& folder) {
  if (file_exists(path) || path.starts_with("/")) return path;
  const char* moved = std::getenv("LONGWAVE_EXAMPLE_DATA");
  const std::string root = data_root(folder), shipped = moved != nullptr ? moved : LONGWAVE_EXAMPLE_DATA;
  const std::string plain = path.starts_with("./") ? path.substr(2) : path;
  for (const std::string& candidate : {root.empty() ? path : root + "/" + plain, shipped + "/" + plain})
    if (file_exists(candidate)) return candidate;
  throw IoError(
      path, std::string("is not there") + (root.empty() ? "; --data or LONGWAVE_DATA names a folder to look in as well"
                                                        : ", nor in the data folder " + root));
}

bool is_csv(const std::string& path) { return path.ends_with(".csv"); }
bool is_npy(const std::string& path) { return path.ends_with(".npy"); }

SeriesSet read_series_npy(const std::string& path, index_t length) {
  const NpyArray file(path);
  if (file.shape().size() != 3 && file.shape().size() != 2)
    throw IoError(
        path, "holds " + std::to_string(file.shape().size()) + " axes, expected 3: series, time, channels (N, L, C)");
  Tensor<float, 3> stored;
  if (file.shape().size() == 3) {
    stored = file.read<float, 3>();
  } else {
    const Tensor<float, 2> flat = file.read<float, 2>();
    stored = Tensor<float, 3>::uninitialized({flat.size(0), flat.size(1), 1});
    std::copy_n(flat.data(), flat.count(), stored.data());
  }
  if (stored.size(0) == 0 || stored.size(2) == 0) throw IoError(path, "holds no series");
  if (stored.size(1) < length)
    throw IoError(path, "holds series of length " + std::to_string(stored.size(1)) + ", shorter than segment_length " +
                            std::to_string(length));
  auto x = Tensor<float, 3>::uninitialized({stored.size(0), stored.size(2), length});
  for (index_t i = 0; i < x.size(0); ++i)
    for (index_t c = 0; c < x.size(1); ++c)
      for (index_t l = 0; l < length; ++l) x(i, c, l) = stored(i, l, c);
  return with_known(std::move(x));
}

CsvTable<double> read_table(const std::string& path, const std::vector<std::string>& columns) {
  return read_csv<double>(path, {.only = columns});
}

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) items.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return items;
}

}  // namespace longwave::examples::sssd
