// samplers.cpp - the subcommand samplers: which of several samplers a network imputes best with, on the same gaps of
// the test data, with the same seeds. Events: one draw of each sequence is scored.
#include <chrono>
#include <cmath>
#include <cstdio>

#include "longwave/io/json.hpp"
#include "sssd/files.hpp"
#include "sssd/gaps.hpp"
#include "sssd/imputation.hpp"
#include "sssd/scores.hpp"

namespace longwave::examples::sssd {

namespace {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct Tried {
  std::string sampler;
  std::vector<ImputeScores> draws;  // one for each seed
  double seconds = 0;               // of the last

  double mean(double ImputeScores::*score) const {
    double sum = 0;
    for (const ImputeScores& s : draws) sum += s.*score;
    return sum / static_cast<double>(draws.size());
  }
  double deviation(double ImputeScores::*score) const {
    const double middle = mean(score);
    double squares = 0;
    for (const ImputeScores& s : draws) squares += (s.*score - middle) * (s.*score - middle);
    return std::sqrt(squares / static_cast<double>(draws.size()));
  }
};

Json to_json(const Tried& tried) {
  Json json = {{"sampler", tried.sampler},
               {"draws", tried.draws.size()},
               {"accuracy", tried.mean(&ImputeScores::accuracy)},
               {"accuracy_std", tried.deviation(&ImputeScores::accuracy)},
               {"perfect_rate", tried.mean(&ImputeScores::perfect_rate)},
               {"rouge_l", tried.mean(&ImputeScores::rouge_l)},
               {"mse", tried.mean(&ImputeScores::mse)},
               {"seconds_per_draw", tried.seconds}};
  for (const ImputeScores& s : tried.draws) json["accuracies"].push_back(s.accuracy);
  return json;
}

void print(const Tried& t) {
  std::printf("%-52s %6.2f %% +- %.2f  %6.2f %%  %6.2f %%  %8.2f  %7.2f\n", t.sampler.c_str(),
              100 * t.mean(&ImputeScores::accuracy), 100 * t.deviation(&ImputeScores::accuracy),
              100 * t.mean(&ImputeScores::perfect_rate), 100 * t.mean(&ImputeScores::rouge_l),
              t.mean(&ImputeScores::mse), t.seconds);
  std::fflush(stdout);
}

}  // namespace

int samplers(const SamplersArguments& arguments) {
  SamplersArguments a = arguments;
  std::vector<SamplerChoice> choices;
  for (const std::string& text : a.samplers) choices.push_back(parse_sampler(text));
  const Trained trained = load_for(a, ".");
  if (!trained.coding.events || trained.kind() == ModelKind::categorical)
    throw UsageError("samplers compares imputations of events by regression; " + trained.path() + " is none");
  for (const SamplerChoice& choice : choices) (void)plan_of(trained.options, choice);  // wrong ones first
  if (!a.output.empty()) check_overwrite({a.output}, a.force);
  const Gaps gaps = gaps_of(a, trained);
  RunData data = load_data(trained.options, {.folder = a.data, .coding = &trained.coding});
  const SeriesSet set = some_of(std::move(data.test), a.limit);
  check_ids(set, trained.coding, data.name + " (test)");
  const Tensor<float, 3> mask = hide(gaps, set, static_cast<std::uint64_t>(a.seed));
  const ImputeTask task{.target = set.x.view(), .mask = mask.view(), .train = data.train.x.view()};
  std::printf(
      "samplers: %lld series of %s, %s k=%lld, seeds %lld to %lld, checkpoint %s\n%-52s %16s  %8s  %8s  %8s  %7s\n",
      static_cast<long long>(set.size()), data.name.c_str(), gaps.kind.c_str(), static_cast<long long>(gaps.k),
      static_cast<long long>(a.seed), static_cast<long long>(a.seed + a.draws - 1), trained.path().c_str(), "",
      "accuracy", "perfect", "ROUGE-L", "MSE", "s/draw");
  const std::unique_ptr<Drawer> drawer = backend_of(a.device).make_drawer(trained);
  const std::int64_t seed = a.seed;
  Json json = {{"data", data.name},
               {"split", trained.options.trainset.split},
               {"series", set.size()},
               {"masking", gaps.kind},
               {"missing_k", gaps.k},
               {"block_start", gaps.begin},
               {"seed", seed},
               {"checkpoint", trained.path()},
               {"iteration", trained.iteration},
               {"samplers", Json::array()}};
  for (std::size_t i = 0; i < choices.size(); ++i) {
    Tried tried{a.samplers[i], {}, 0};
    a.sampler = choices[i];
    for (a.seed = seed; a.seed < seed + a.draws; ++a.seed) {
      const Clock::time_point start = Clock::now();
      const Imputation result = draw_missing(*drawer, trained, set, mask, a, 1);
      tried.seconds = std::chrono::duration<double>(Clock::now() - start).count();
      tried.draws.push_back(score_imputation(task, result.median.view()));
    }
    print(tried);
    json["samplers"].push_back(to_json(tried));
    if (!a.output.empty()) replace_file(a.output, json.dump(2) + "\n");  // what is there stays if the next is stopped
  }
  return 0;
}

}  // namespace longwave::examples::sssd
