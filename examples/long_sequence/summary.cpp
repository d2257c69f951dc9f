#include "long_sequence/summary.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "common/machine.hpp"
#include "common/metrics_log.hpp"
#include "common/progress.hpp"
#include "common/report.hpp"

namespace longwave::examples {

namespace {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[400];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string percent(double part) { return format("%.2f %%", 100 * part); }

using Rows = std::vector<std::map<std::string, double>>;

Curve curve(const std::string& name, const Rows& rows, const std::string& x, const std::string& y) {
  Curve c{name, {}, {}};
  for (const auto& row : rows)
    if (row.count(x) > 0 && row.count(y) > 0 && row.at(y) == row.at(y)) {
      c.x.push_back(row.at(x));
      c.y.push_back(row.at(y));
    }
  return c;
}

void add_curves(Report& report, const Trained& trained) {
  const std::string path = detail::folder_of(trained.path) + "/metrics.jsonl";
  if (!file_exists(path)) return;
  const Rows epochs = read_metrics(path, "epoch"), steps = read_metrics(path, "step");
  const std::string watched = trained.options.dataset.validation > 0 ? "validation" : "test";
  std::vector<Chart> charts;
  charts.push_back({"loss",
                    "epoch",
                    {curve("training", epochs, "epoch", "train_loss"), curve(watched, epochs, "epoch", "loss")},
                    true});
  charts.push_back({"accuracy",
                    "epoch",
                    {curve("training", epochs, "epoch", "train_accuracy"), curve(watched, epochs, "epoch", "accuracy")},
                    false,
                    true});
  const bool by_step = !steps.empty();
  charts.push_back({"learning rate",
                    by_step ? "step" : "epoch",
                    {curve("", by_step ? steps : epochs, by_step ? "step" : "epoch", "lr")}});
  if (by_step) {
    charts.push_back({"loss of single steps", "step", {curve("", steps, "step", "loss")}, true});
    charts.push_back({"norm of the gradient", "step", {curve("", steps, "step", "grad_norm")}, true});
  }
  report.heading("Training");
  report.charts(charts);
}

void add_classes(Report& report, const ConfusionMatrix& matrix, const std::vector<std::string>& names) {
  std::vector<std::vector<std::string>> rows;
  for (index_t k = 0; k < matrix.classes(); ++k) {
    index_t n = 0;
    for (index_t j = 0; j < matrix.classes(); ++j) n += matrix.counts()(k, j);
    rows.push_back({names[static_cast<std::size_t>(k)], std::to_string(n), percent(matrix.precision(k)),
                    percent(matrix.recall(k)), percent(matrix.f1(k))});
  }
  report.heading("Classes");
  report.table({"class", "sequences", "precision", "recall", "F1"}, rows);
}

}  // namespace

std::string describe(const Scores& scores) {
  std::string text = format("loss %.4g", scores.loss);
  if (!std::isnan(scores.accuracy)) text = format("accuracy %5.2f %%, loss %.4f", 100 * scores.accuracy, scores.loss);
  if (scores.of_tokens) text += format(", perplexity %.3f, %.4f bits per token", scores.perplexity(), scores.bits());
  if (!std::isnan(scores.mae)) text += format(", mean error %.4g", scores.mae);
  return text;
}

std::string describe_network(const RunOptions& options, const NetworkShape& shape, index_t parameters) {
  const auto& m = options.model;
  std::string text = format("%lld %s layers, d_model %lld", static_cast<long long>(m.n_layers), m.layer.c_str(),
                            static_cast<long long>(m.d_model));
  if (m.layer.find('s') != std::string::npos && m.layer != "lstm")
    text += format(", d_state %lld", static_cast<long long>(m.d_state));
  if (m.bidirectional) text += ", both ways";
  if (shape.one_each) text += ", " + options.decoder.pool + " pooling";
  return text + format(", %lld outputs%s, %lld parameters", static_cast<long long>(shape.outputs),
                       shape.one_each ? "" : " per position", static_cast<long long>(parameters));
}

std::string describe_run(const RunOptions& options, const RunData& data, const Trainer& trainer) {
  std::string text =
      format("%s: %lld training", options.dataset.name.c_str(), static_cast<long long>(size_of(data.train)));
  if (data.validation) text += format(", %lld validation", static_cast<long long>(size_of(*data.validation)));
  text += format(" and %lld test items of length %s%lld; ", static_cast<long long>(size_of(data.test)),
                 data.shape.variable ? "up to " : "", static_cast<long long>(data.shape.length));
  return text + describe_network(options, data.shape, trainer.count_parameters());
}

void write_report(const std::string& path, Trained& trained, const RunData& data, const Judgement& test,
                  const DeviceChoice& device) {
  const auto seconds = trained.info.more.find("seconds");
  const index_t parameters = count_parameters(*trained.network);
  Report report("long_sequence: " + trained.options.dataset.name);
  std::vector<std::pair<std::string, std::string>> figures;
  if (!std::isnan(test.scores.accuracy)) figures.push_back({"test accuracy", percent(test.scores.accuracy)});
  if (!std::isnan(test.scores.mae)) figures.push_back({"test mean error", format("%.4g", test.scores.mae)});
  if (!std::isnan(test.top_five)) figures.push_back({"among the first five", percent(test.top_five)});
  if (!std::isnan(test.roc_auc)) figures.push_back({"area under the ROC curve", format("%.4f", test.roc_auc)});
  if (test.scores.of_tokens) {
    figures.push_back({"perplexity", format("%.3f", test.scores.perplexity())});
    figures.push_back({"bits per token", format("%.4f", test.scores.bits())});
  }
  figures.insert(figures.end(),
                 {{"test loss", format("%.4g", test.scores.loss)},
                  {"test items", std::to_string(test.items)},
                  {"parameters", std::to_string(parameters)},
                  {"epochs", std::to_string(trained.info.epoch)},
                  {"time in training steps", seconds == trained.info.more.end()
                                                 ? "unknown"
                                                 : duration_text(std::strtod(seconds->second.c_str(), nullptr))}});
  report.figures(figures);
  report.paragraph(describe_network(trained.options, trained.shape, parameters) + "; checkpoint " + trained.path +
                   ", step " + std::to_string(trained.info.step));
  add_curves(report, trained);
  if (test.matrix) {
    report.heading("Confusion matrix");
    report.confusion(test.matrix->counts(), data.classes);
    add_classes(report, *test.matrix, data.classes);
  }
  if (!test.examples.empty()) {
    report.heading("Examples");
    report.paragraph("The first right answers of different classes, then the wrong answers the model was surest of.");
    report.examples(test.examples, data.classes);
  }
  report.heading("Options");
  RunOptions options = trained.options;
  report.code(make_settings(options).to_json());
  report.heading("Machine");
  report.pairs(machine_info(device));
  report.write(path);
}

}  // namespace longwave::examples
