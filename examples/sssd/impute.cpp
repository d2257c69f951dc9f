// impute.cpp - the subcommands impute and forecast on test data: gaps are made, filled and scored. Gaps of a user's own
// file: fill.cpp.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "longwave/io/json.hpp"
#include "longwave/io/npy.hpp"
#include "sssd/files.hpp"
#include "sssd/fill.hpp"
#include "sssd/gaps.hpp"
#include "sssd/report.hpp"

namespace longwave::examples::sssd {

namespace {

using Json = nlohmann::ordered_json;

// One score run, from data to files.
class Scoring {
 public:
  Scoring(const ImputeArguments& arguments, const char* command, Trained trained, const Gaps& gaps, RunData data)
      : a_(arguments),
        command_(command),
        trained_(std::move(trained)),
        gaps_(gaps),
        data_(std::move(data)),
        set_(some_of(std::move(data_.test), arguments.limit)),
        mask_(hide(gaps, set_, static_cast<std::uint64_t>(arguments.seed))) {
    check_ids(set_, trained_.coding, data_.name + " (test)");
  }

  int run() {
    const index_t files = (set_.size() + a_.num_samples - 1) / a_.num_samples;
    std::vector<std::string> paths = {a_.output_dir + "/metrics.json", report_path()};
    for (index_t i = 0; i < files; ++i) paths.push_back(file("imputation", i));
    check_overwrite(paths, a_.force);
    std::printf("%s: %lld series of %s, %s k=%lld, %lld draws each, checkpoint %s\n", command_,
                static_cast<long long>(set_.size()), data_.name.c_str(), gaps_.kind.c_str(),
                static_cast<long long>(gaps_.k), static_cast<long long>(a_.samples), trained_.path().c_str());
    std::fflush(stdout);
    result_ = draw_missing(trained_, set_, mask_, a_, a_.samples);
    make_folders(a_.output_dir);
    write_arrays(files);
    score();
    return 0;
  }

 private:
  std::string file(const char* what, index_t i) const {
    return a_.output_dir + "/" + what + std::to_string(i) + ".npy";
  }
  std::string report_path() const { return a_.report.empty() ? a_.output_dir + "/report.html" : a_.report; }

  // As the official inference: (B, C, L) each, and the squared error over what was hidden.
  void write_arrays(index_t files) {
    double total = 0;
    for (index_t i = 0; i < files; ++i) {
      const index_t begin = i * a_.num_samples, end = std::min(set_.size(), begin + a_.num_samples);
      const auto part = [&](const Tensor<float, 3>& x) { return x.view().slice(0, begin, end); };
      write_npy(file("imputation", i), part(result_.median));
      write_npy(file("original", i), part(set_.x));
      write_npy(file("mask", i), part(mask_));
      if (a_.samples > 1) write_npy(file("samples", i), std::as_const(result_.samples).view().slice(1, begin, end));
      double squares = 0, n = 0;
      for (index_t j = begin * set_.channels() * set_.length(); j < end * set_.channels() * set_.length(); ++j) {
        if (mask_.data()[j] != 0 || set_.known.data()[j] == 0) continue;
        squares += std::pow(static_cast<double>(result_.median.data()[j]) - static_cast<double>(set_.x.data()[j]), 2);
        ++n;
      }
      const double mse = n > 0 ? squares / n : 0;
      if (files > 1) std::printf("batch %lld: MSE %.6g\n", static_cast<long long>(i), mse);
      total += mse / static_cast<double>(files);
    }
    std::printf("Total MSE: %.6g\n\n", total);
    mse_ = total;
  }

  void score() {
    const ImputeTask task{.target = set_.x.view(),
                          .mask = mask_.view(),
                          .train = data_.train.x.view(),
                          .known = set_.known.view(),
                          .train_known = data_.train.known.view(),
                          .period = a_.period};
    if (trained_.coding.events)
      finish(task, score_events(task, result_.median.view()));
    else
      finish(task, score_series(task, std::as_const(result_.samples).view()));
  }

  template <class Scores>
  void finish(const ImputeTask& task, const std::vector<Scores>& scores) {
    const ScoreTable table = table_of(scores);
    std::printf("%s\n", text_of(table).c_str());
    Json json = {{"data", data_.name},
                 {"split", trained_.coding.events ? trained_.options.trainset.split : ""},
                 {"series", set_.size()},
                 {"masking", gaps_.kind},
                 {"missing_k", gaps_.k},
                 {"draws", a_.samples},
                 {"sampler", a_.sampler.name},
                 {"steps", a_.sampler.steps},
                 {"spacing", a_.sampler.spacing},
                 {"eta", a_.sampler.eta},
                 {"known", a_.sampler.known},
                 {"clip", a_.sampler.clip},
                 {"seed", a_.seed},
                 {"checkpoint", trained_.path()},
                 {"iteration", trained_.iteration},
                 {"mse", mse_}};
    json.update(Json::parse(json_of(scores)));
    replace_file(a_.output_dir + "/metrics.json", json.dump(2) + "\n");
    write_report(report_path(), content(task, table));
    std::printf("scores: %s/metrics.json\nreport: %s\n", a_.output_dir.c_str(), report_path().c_str());
    std::fflush(stdout);
  }

  ReportContent content(const ImputeTask& task, const ScoreTable& table) const {
    ReportContent content;
    content.title = "sssd " + std::string(command_) + ": " + data_.name;
    content.paragraphs = {std::string(model_name(trained_.kind())) + " after " +
                          std::to_string(trained_.iteration + 1) + " iterations; " + std::to_string(set_.size()) +
                          " test series of length " + std::to_string(set_.length()) + "; hidden: " + gaps_.kind +
                          ", k = " + std::to_string(gaps_.k) + "; " + std::to_string(a_.samples) + " draws of each. " +
                          split_text()};
    content.tables = {table};
    const index_t shown = std::min<index_t>(6, set_.size());
    for (index_t i = 0; i < shown; ++i) {
      const index_t n = i * set_.size() / shown, c = trained_.coding.events ? 0 : i % set_.channels();
      const std::string name = "series " + std::to_string(n + 1);
      content.series.push_back(trained_.coding.events
                                   ? event_chart(name, result_.median.view(), task, n)
                                   : series_chart(name + ", " + trained_.coding.channels[static_cast<std::size_t>(c)],
                                                  std::as_const(result_.samples).view(), task, n, c));
    }
    const std::string& path = trained_.path();
    content.metrics = path.substr(0, path.rfind('/') + 1) + "metrics.jsonl";
    content.options = trained_.file->info().config;
    content.device = a_.device;
    return content;
  }

  std::string split_text() const {
    if (!trained_.coding.events) return "";
    return trained_.options.trainset.split == "honest"
               ? "No test sequence stands anywhere in the training recording."
               : "The published split: most test sequences stand word by word in the training recording.";
  }

  const ImputeArguments& a_;
  const char* command_;
  Trained trained_;
  Gaps gaps_;
  RunData data_;
  SeriesSet set_;
  Tensor<float, 3> mask_;
  Imputation result_;
  double mse_ = 0;
};

int score_gaps(const ImputeArguments& a, const char* command, Trained trained, index_t test_stride) {
  const Gaps gaps = gaps_of(a, trained);
  RunData data = load_data(trained.options, {.folder = a.data, .test_stride = test_stride, .coding = &trained.coding});
  return Scoring(a, command, std::move(trained), gaps, std::move(data)).run();
}

}  // namespace

int impute(const ImputeArguments& arguments) {
  ImputeArguments a = arguments;
  a.sampler.vary = a.samples > 1;
  Trained trained = load_for(a, "imputed_sssd");
  if (!a.input.empty()) return fill_gaps(a, trained);
  return score_gaps(a, "impute", std::move(trained), 0);
}

int forecast(const ForecastArguments& arguments) {
  ForecastArguments a = arguments;
  a.sampler.vary = a.samples > 1;
  Trained trained = load_for(a, "forecast_sssd");
  a.masking = "forecast";
  a.missing_k = a.horizon > 0 ? a.horizon : trained.options.train.missing_k;
  if (!a.input.empty()) return continue_file(a, trained, gaps_of(a, trained).k);
  const index_t horizon = a.missing_k;
  return score_gaps(a, "forecast", std::move(trained), horizon);
}

}  // namespace longwave::examples::sssd
