// evaluate.cpp - the subcommand evaluate: a trained model on the test set.
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "long_sequence/commands.hpp"
#include "long_sequence/datasets.hpp"
#include "long_sequence/results.hpp"
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
  Trained trained = load_trained(arguments.checkpoint);
  if (arguments.batch > 0) trained.options.loader.evaluation_batch = arguments.batch;
  trained.options.dataset.subsample *= arguments.subsample;
  const RunData data = load_data_of(trained, arguments.data_folder);
  const auto predictor = backend_of(arguments.device).make_predictor(*trained.network, trained.options, trained.shape);
  const double rate = std::isnan(arguments.rate) ? static_cast<double>(arguments.subsample) : arguments.rate;
  const Judgement test = judge(*predictor, trained, data.test, rate);

  std::printf("%s: %s\n", trained.path.c_str(),
              describe_network(trained.options, trained.shape, count_parameters(*trained.network)).c_str());
  if (arguments.subsample > 1)
    std::printf("one of %lld samples, rate %g\n", static_cast<long long>(arguments.subsample), rate);
  std::printf("test %s (%lld items)\n", describe(test.scores).c_str(), static_cast<long long>(test.items));
  if (!std::isnan(test.top_five)) std::printf("among the first five %.2f %%\n", 100 * test.top_five);
  if (!std::isnan(test.roc_auc)) std::printf("area under the ROC curve %.4f\n", test.roc_auc);
  if (test.matrix) {
    print_classes(*test.matrix);
    print_confusion(*test.matrix);
  }
  if (std::filesystem::is_directory(arguments.checkpoint))
    write_test_result(arguments.checkpoint, test_result(trained, test, arguments.subsample, rate), false);
  const std::string report =
      arguments.report.empty() ? detail::folder_of(trained.path) + "/report.html" : arguments.report;
  write_report(report, trained, data, test, arguments.device);
  std::printf("report: %s\n", report.c_str());
  return 0;
}

}  // namespace longwave::examples
