// What the course's page of the workbench shows in C++.
#include "check.hpp"
#include "common/settings.hpp"
#include "files.hpp"
#include "long_sequence/datasets.hpp"
#include "long_sequence/trained.hpp"
#include "long_sequence/trainer_on.hpp"
#include "losses.hpp"

using namespace longwave::examples;
using namespace longwave::test;
using longwave::Checkpoint;
using longwave::Host;
using longwave::index_t;

TEST_CASE("docs: options by name, and the run that they make") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.safetensors";
  write_text(folder / "config.json", R"({"model": {"d_model": 4, "d_state": 4}, "dataset": {"limit": 80}})");

  // [snippet: workbench_options]
  RunOptions options;
  Settings settings = make_settings(options);  // the table of all options
  settings.load_file(folder / "config.json");
  settings.set("model.n_layers", "1");
  CHECK_THROWS_AS(settings.set("model.n_layer", "1"), UsageError);  // did you mean "model.n_layers"?
  check(options);
  // [/snippet]
  CHECK(options.model.d_model == 4);

  // [snippet: workbench_resume]
  const RunData data = load_data(options);
  TrainerOn<Host> whole(options, settings.to_json(), data), part(options, settings.to_json(), data),
      resumed(options, settings.to_json(), data);
  const auto all = losses(whole, 4);
  CHECK(losses(part, 3) == std::vector<double>(all.begin(), all.begin() + 3));
  part.save(path);
  resumed.load(Checkpoint(path));
  CHECK(losses(resumed, 1).front() == all.back());  // the same bits
  // [/snippet]

  // [snippet: workbench_rate]
  Trained trained = load_trained(path);  // network, options and shape, from the file alone
  trained.options.dataset.subsample = 2;
  const RunData half = load_data_of(trained, "");
  CHECK(half.shape.length == 20);
  const auto batches = make_batches(half.test, {.batch = 10, .shuffle = false}, longwave::Generator(0));
  longwave::Tape<float> tape;
  predict(*trained.network, *batches, /*rate=*/2, tape,
          [&](index_t, longwave::TensorView<const float, 3> scores, const HostBatch&) { CHECK(scores.size(1) == 10); });
  // [/snippet]
}
