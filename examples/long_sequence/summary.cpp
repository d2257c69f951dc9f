#include "long_sequence/summary.hpp"

#include <algorithm>
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

std::vector<std::string> class_names(index_t classes) {
  std::vector<std::string> names;
  for (index_t k = 0; k < classes; ++k) names.push_back(std::to_string(k));
  return names;
}

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

void add_curves(Report& report, const TrainedModel& trained) {
  const std::string path = detail::folder_of(trained.path) + "/metrics.jsonl";
  if (!file_exists(path)) return;
  const Rows epochs = read_metrics(path, "epoch"), steps = read_metrics(path, "step");
  const std::string watched = trained.options.data.validation > 0 ? "validation" : "test";
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

// Up to six right answers of different classes, then the six wrong ones that the model was surest of.
std::vector<Example> choose_examples(const Dataset<float>& test, TensorView<const float, 2> logits) {
  std::vector<Example> right, wrong;
  std::vector<bool> shown(static_cast<std::size_t>(test.classes));
  for (index_t i = 0; i < test.size(); ++i) {
    const index_t label = test.y(i);
    const bool correct = largest(logits[i]) == label;
    if (correct && (right.size() == 6 || shown[static_cast<std::size_t>(label)])) continue;
    const TensorView<const float, 1> channel = test.x.view()[i][0];
    Example example{{}, probabilities(logits[i]), static_cast<int>(label)};
    for (index_t l = 0; l < channel.size(0); ++l) example.sequence.push_back(channel(l));
    if (correct) shown[static_cast<std::size_t>(label)] = true;
    (correct ? right : wrong).push_back(std::move(example));
  }
  const auto sureness = [](const Example& e) {
    return *std::max_element(e.probabilities.begin(), e.probabilities.end());
  };
  std::stable_sort(wrong.begin(), wrong.end(),
                   [&](const Example& a, const Example& b) { return sureness(a) > sureness(b); });
  wrong.resize(std::min<std::size_t>(wrong.size(), 6));
  right.insert(right.end(), std::make_move_iterator(wrong.begin()), std::make_move_iterator(wrong.end()));
  return right;
}

void add_classes(Report& report, const ConfusionMatrix& matrix) {
  std::vector<std::vector<std::string>> rows;
  for (index_t k = 0; k < matrix.classes(); ++k) {
    index_t n = 0;
    for (index_t j = 0; j < matrix.classes(); ++j) n += matrix.counts()(k, j);
    rows.push_back({std::to_string(k), std::to_string(n), percent(matrix.precision(k)), percent(matrix.recall(k)),
                    percent(matrix.f1(k))});
  }
  report.heading("Classes");
  report.table({"class", "sequences", "precision", "recall", "F1"}, rows);
}

}  // namespace

std::string describe_model(const RunOptions& options, const ModelShape& shape, index_t parameters) {
  return format("%lld S4D layers, d_model %lld, d_state %lld, %s pooling, %lld classes, %lld parameters",
                static_cast<long long>(options.model.n_layers), static_cast<long long>(options.model.d_model),
                static_cast<long long>(options.model.d_state), options.model.pooling.c_str(),
                static_cast<long long>(shape.classes), static_cast<long long>(parameters));
}

std::string describe_run(const RunOptions& options, const RunData& data, const Trainer& trainer) {
  std::string text = format("%s: %lld training", options.data.name.c_str(), static_cast<long long>(data.train.size()));
  if (data.validation.size() > 0) text += format(", %lld validation", static_cast<long long>(data.validation.size()));
  text += format(" and %lld test sequences of length %lld; ", static_cast<long long>(data.test.size()),
                 static_cast<long long>(data.train.length()));
  const ModelShape shape{data.train.channels(), data.train.classes, data.train.length()};
  return text + describe_model(options, shape, trainer.count_parameters());
}

void write_report(const std::string& path, TrainedModel& trained, const Dataset<float>& test,
                  TensorView<const float, 2> logits, const ConfusionMatrix& matrix, const DeviceChoice& device) {
  const Scores scores = score(logits, test.y.view());
  const auto seconds = trained.info.more.find("seconds");
  Report report("long_sequence: " + trained.options.data.name);
  report.figures({{"test accuracy", percent(scores.accuracy)},
                  {"test loss", format("%.4f", scores.loss)},
                  {"test sequences", std::to_string(test.size())},
                  {"parameters", std::to_string(count_parameters(trained.model))},
                  {"epochs", std::to_string(trained.info.epoch)},
                  {"time in training steps", seconds == trained.info.more.end()
                                                 ? "unknown"
                                                 : duration_text(std::strtod(seconds->second.c_str(), nullptr))}});
  report.paragraph(describe_model(trained.options, trained.shape, count_parameters(trained.model)) + "; checkpoint " +
                   trained.path + ", step " + std::to_string(trained.info.step));
  add_curves(report, trained);
  report.heading("Confusion matrix");
  report.confusion(matrix.counts(), class_names(matrix.classes()));
  add_classes(report, matrix);
  report.heading("Examples");
  report.paragraph("The first right answers of different classes, then the wrong answers the model was surest of.");
  report.examples(choose_examples(test, logits), class_names(test.classes));
  report.heading("Options");
  RunOptions options = trained.options;
  report.code(make_settings(options).to_json());
  report.heading("Machine");
  report.pairs(machine_info(device));
  report.write(path);
}

}  // namespace longwave::examples
