#include "sssd/imputation.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "longwave/core/parallel.hpp"
#include "longwave/data/residual.hpp"
#include "sssd/files.hpp"
#include "sssd/progress.hpp"

namespace longwave::examples::sssd {

namespace {

float most_frequent(const std::vector<float>& ids) {
  std::map<float, int> counts;
  for (const float id : ids) ++counts[id];
  return std::max_element(counts.begin(), counts.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

}  // namespace

float quantile_of(std::vector<float> draws, double q) {
  std::sort(draws.begin(), draws.end());
  const double place = q * static_cast<double>(draws.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, draws.size() - 1);
  const double low = static_cast<double>(draws[below]), high = static_cast<double>(draws[above]);
  return static_cast<float>(low + (place - static_cast<double>(below)) * (high - low));
}

Trained load_for(DrawArguments& a, const std::string& default_output) {
  set_num_threads(static_cast<int>(a.threads));
  std::string path = a.checkpoint, output = a.output_dir;
  if (!a.config.empty()) {
    Options options;
    Settings settings = make_settings(options);
    load_config_file(settings, a.config);
    if (path.empty() && !options.gen.ckpt_path.empty()) {
      options.train.output_directory = options.gen.ckpt_path;
      path = run_folder(options);
    } else if (path.empty()) {
      path = run_folder(options);
    }
    if (output.empty() && !options.gen.output_directory.empty()) {
      options.train.output_directory = options.gen.output_directory;
      output = run_folder(options);  // where the official inference writes, beside the checkpoints
    }
  }
  if (path.empty()) throw UsageError("--checkpoint (or a --config that names one) is required");
  a.output_dir = output.empty() ? default_output : output;
  return load_trained(path, a.iteration);
}

Imputation draw_missing(const Trained& trained, const SeriesSet& set, const Tensor<float, 3>& mask,
                        const DrawArguments& arguments, index_t samples) {
  const std::unique_ptr<Drawer> drawer = backend_of(arguments.device).make_drawer(trained);
  return draw_missing(*drawer, trained, set, mask, arguments, samples);
}

Imputation draw_missing(Drawer& drawer, const Trained& trained, const SeriesSet& set, const Tensor<float, 3>& mask,
                        const DrawArguments& arguments, index_t samples) {
  const index_t N = set.size(), C = set.channels(), L = set.length();
  Tensor<float, 3> cond = [&] {
    auto coded = Tensor<float, 3>::uninitialized(set.x.sizes());
    for (index_t i = 0; i < N; ++i)
      for (index_t c = 0; c < C; ++c)
        for (index_t l = 0; l < L; ++l)
          coded(i, c, l) = mask(i, c, l) != 0 ? encode(trained.kind(), trained.coding, set.x(i, c, l), c) : 0.0f;
    return coded;
  }();
  const bool guesses = trained.coding.guess != "none";
  Tensor<float, 3> guess(guesses ? N : 0, C, L);
  for (index_t i = 0; guesses && i < N; ++i) {
    make_guess(guess_kind(trained.coding.guess), trained.coding.period, guess.view()[i],
               TensorView<const float, 2>(cond.view()[i]), mask.view()[i]);
    to_residual(cond.view()[i], std::as_const(guess).view()[i], mask.view()[i], trained.coding.guess_unit);
  }
  IterationProgress progress(stdout, arguments.quiet ? Progress::Style::silent : Progress::choose(stdout), "series", 0,
                             N * samples);
  DrawRequest request;
  request.cond = cond.view();
  request.mask = mask.view();
  request.samples = samples;
  request.batch = arguments.batch_size;
  request.sampler = arguments.sampler;
  request.seed = static_cast<std::uint64_t>(arguments.seed);
  request.progress = [&](index_t done, index_t) { progress.update(done, NAN); };

  Imputation result{drawer.draw(request), Tensor<float, 3>(N, C, L)};
  for (index_t s = 0; guesses && s < samples; ++s)
    for (index_t i = 0; i < N; ++i)
      from_residual(result.samples.view()[s][i], std::as_const(guess).view()[i], mask.view()[i],
                    trained.coding.guess_unit);
  std::vector<float> draws(static_cast<std::size_t>(samples));
  for (index_t i = 0; i < N; ++i)
    for (index_t c = 0; c < C; ++c)
      for (index_t l = 0; l < L; ++l) {
        const bool known = mask(i, c, l) != 0;
        for (index_t s = 0; s < samples; ++s) {
          float& value = result.samples(s, i, c, l);
          value = known ? set.x(i, c, l) : decode(trained.kind(), trained.coding, value, c);
          if (!std::isfinite(value))
            throw_value_error("the network's draws are not finite; train it longer, or with a smaller --lr");
          draws[static_cast<std::size_t>(s)] = value;
        }
        result.median(i, c, l) =
            trained.kind() == ModelKind::categorical ? most_frequent(draws) : quantile_of(draws, 0.5);
      }
  return result;
}

}  // namespace longwave::examples::sssd
