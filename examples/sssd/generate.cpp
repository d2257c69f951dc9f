// generate.cpp - the subcommand generate: series from nothing. The mask is 0 everywhere and nothing is shown to the
// network.
#include <cmath>
#include <cstdio>

#include "longwave/data/traces.hpp"
#include "longwave/io/json.hpp"
#include "longwave/io/npy.hpp"
#include "sssd/files.hpp"
#include "sssd/imputation.hpp"

namespace longwave::examples::sssd {

namespace {

using Json = nlohmann::ordered_json;

void write_events(const std::string& folder, const Imputation& result, const Coding& coding) {
  Tensor<std::int32_t, 2> ids(result.median.size(0), result.median.size(2));
  for (index_t i = 0; i < ids.size(0); ++i)
    for (index_t l = 0; l < ids.size(1); ++l)
      ids(i, l) =
          static_cast<std::int32_t>(coding.nearest_id(std::nearbyint(static_cast<double>(result.median(i, 0, l)))));
  write_traces(folder + "/generated_traces.txt", ids);
  write_npy(folder + "/generated_traces.npy", ids);
}

// (N, L, C), as the official data files.
void write_series(const std::string& folder, const Imputation& result) {
  write_npy(folder + "/generated_series.npy", result.median.view().transpose(1, 2));
}

}  // namespace

int generate(const GenerateArguments& arguments) {
  GenerateArguments a = arguments;
  a.sampler.vary = true;
  const Trained trained = load_for(a, "generated_traces_sssd");
  const index_t L = a.seq_len > 0 ? a.seq_len : trained.length();
  const auto C = static_cast<index_t>(trained.coding.channels.size());
  const std::string what = a.output_dir + (trained.coding.events ? "/generated_traces" : "/generated_series");
  check_overwrite({what + ".npy", what + ".txt", a.output_dir + "/metadata.json"}, a.force);
  if (trained.options.train.uncond_prob == 0)
    std::fprintf(stderr,
                 "sssd: the network never saw a series with nothing known in training; "
                 "train with --uncond_prob 0.5 to generate well\n");
  SeriesSet nothing;
  nothing.x = Tensor<float, 3>(a.num_samples, C, L);
  nothing.known = Tensor<float, 3>(a.num_samples, C, L);
  const Imputation result = draw_missing(trained, nothing, nothing.known, a, 1);
  make_folders(a.output_dir);
  if (trained.coding.events)
    write_events(a.output_dir, result, trained.coding);
  else
    write_series(a.output_dir, result);
  const Json metadata = {{"num_samples", a.num_samples},
                         {"seq_len", L},
                         {"checkpoint", trained.path()},
                         {"checkpoint_iter", trained.iteration},
                         {"normalization", Json::parse(trained.coding.to_json())}};
  replace_file(a.output_dir + "/metadata.json", metadata.dump(2) + "\n");
  std::printf("%lld %s of length %lld: %s\n", static_cast<long long>(a.num_samples),
              trained.coding.events ? "traces" : "series", static_cast<long long>(L),
              (what + (trained.coding.events ? ".txt" : ".npy")).c_str());
  return 0;
}

}  // namespace longwave::examples::sssd
