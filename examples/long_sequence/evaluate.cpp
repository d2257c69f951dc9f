// evaluate.cpp - the subcommand evaluate: a trained model on the test set.
#include <cstdio>

#include "long_sequence/backend.hpp"
#include "long_sequence/commands.hpp"
#include "long_sequence/summary.hpp"
#include "longwave/core/parallel.hpp"

namespace longwave::examples {

namespace {

void print_classes(const ConfusionMatrix& matrix) {
  std::printf("\nclass   sequences   precision   recall       F1\n");
  for (index_t k = 0; k < matrix.classes(); ++k) {
    index_t n = 0;
    for (index_t j = 0; j < matrix.classes(); ++j) n += matrix.counts()(k, j);
    std::printf("%5lld %11lld %9.2f %% %6.2f %% %6.2f %%\n", static_cast<long long>(k), static_cast<long long>(n),
                100 * matrix.precision(k), 100 * matrix.recall(k), 100 * matrix.f1(k));
  }
  std::printf("macro             %9.2f %% %6.2f %% %6.2f %%\n", 100 * matrix.macro_precision(),
              100 * matrix.macro_recall(), 100 * matrix.macro_f1());
}

void print_confusion(const ConfusionMatrix& matrix) {
  std::printf("\ntrue \\ predicted\n      ");
  for (index_t j = 0; j < matrix.classes(); ++j) std::printf("%6lld", static_cast<long long>(j));
  for (index_t i = 0; i < matrix.classes(); ++i) {
    std::printf("\n%6lld", static_cast<long long>(i));
    for (index_t j = 0; j < matrix.classes(); ++j) std::printf("%6lld", static_cast<long long>(matrix.counts()(i, j)));
  }
  std::printf("\n\n");
}

}  // namespace

int evaluate(const EvaluateArguments& arguments) {
  set_num_threads(static_cast<int>(arguments.threads));
  TrainedModel trained = load_model(arguments.checkpoint);
  const Dataset<float> test = load_test_of(trained, arguments.data_folder);
  const Tensor<float, 2> logits = backend_of(arguments.device).predict(trained.model, test.x.view(), arguments.batch);
  ConfusionMatrix matrix(test.classes);
  matrix.add(logits.view(), test.y.view());
  const Scores scores = score(logits.view(), test.y.view());

  std::printf("%s: %s\n", trained.path.c_str(),
              describe_model(trained.options, trained.shape, count_parameters(trained.model)).c_str());
  std::printf("test accuracy %.2f %% (%lld sequences), loss %.4f\n", 100 * scores.accuracy,
              static_cast<long long>(test.size()), scores.loss);
  print_classes(matrix);
  print_confusion(matrix);
  const std::string report =
      arguments.report.empty() ? detail::folder_of(trained.path) + "/report.html" : arguments.report;
  write_report(report, trained, test, logits.view(), matrix, arguments.device);
  std::printf("report: %s\n", report.c_str());
  return 0;
}

}  // namespace longwave::examples
