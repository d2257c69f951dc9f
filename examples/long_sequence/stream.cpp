// stream.cpp - the subcommand stream: the model as a filter that takes one sample at a time, beside its batch form.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "long_sequence/backend.hpp"
#include "long_sequence/commands.hpp"
#include "longwave/core/parallel.hpp"

namespace longwave::examples {

int stream(const StreamArguments& arguments) {
  set_num_threads(static_cast<int>(arguments.threads));
  TrainedModel trained = load_model(arguments.checkpoint);
  if (arguments.count > 0) trained.options.data.limit_test = arguments.count;
  const Dataset<float> test = load_test_of(trained, arguments.data_folder);
  const Backend& backend = backend_of(arguments.device);
  const Tensor<float, 2> batch = backend.predict(trained.model, test.x.view(), 64);
  const StreamResult streamed = backend.stream_all(trained.model, test);

  double difference = 0, scale = 0;
  index_t agree = 0;
  for (index_t i = 0; i < test.size(); ++i) {
    for (index_t k = 0; k < test.classes; ++k) {
      difference = std::max(difference, std::abs(static_cast<double>(streamed.logits(i, k) - batch(i, k))));
      scale = std::max(scale, std::abs(static_cast<double>(batch(i, k))));
    }
    agree += largest(streamed.logits.view()[i]) == largest(batch.view()[i]) ? 1 : 0;
  }
  std::printf("%lld sequences of %lld samples, one sample at a time\n", static_cast<long long>(test.size()),
              static_cast<long long>(test.length()));
  std::printf("same prediction as in a batch: %lld of %lld; largest difference of logits %.2e (largest logit %.2f)\n",
              static_cast<long long>(agree), static_cast<long long>(test.size()), difference, scale);
  std::printf("accuracy after part of the sequence:");
  for (int quarter = 1; quarter <= 4; ++quarter) {
    const index_t seen = std::max<index_t>(1, test.length() * quarter / 4);
    std::printf("  %lld samples %.1f %%", static_cast<long long>(seen),
                100 * streamed.accuracy_by_time[static_cast<std::size_t>(seen - 1)]);
  }
  const double each = 1e9 * streamed.seconds / static_cast<double>(test.length() * test.size());
  std::printf("\n%.0f ns per step of one sequence alone, %.0f ns per sequence and step with all side by side\n",
              backend.ns_per_step(trained.model, test), each);
  // The forms sum in different orders in float32; three digits are far outside of that.
  if (difference > 1e-3 * std::max(1.0, scale)) throw_value_error("stream: the step form differs from the batch form");
  return 0;
}

}  // namespace longwave::examples
