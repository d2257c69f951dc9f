// info.cpp - the subcommand info: what a model is made of and what a checkpoint holds.
#include <cstdio>

#include "common/device.hpp"
#include "common/progress.hpp"
#include "long_sequence/commands.hpp"
#include "long_sequence/datasets.hpp"
#include "long_sequence/layer_options.hpp"
#include "long_sequence/summary.hpp"

namespace longwave::examples {

namespace {

void print_parameters(Network<Host>& network) {
  std::printf("\n%-44s %-18s %10s  %s\n", "parameter", "shape", "elements", "learning rate, weight decay of its own");
  index_t sum = 0;
  for (const ParameterRef<float>& p : network.state()) {
    std::string own;
    if (p.group.has_lr()) own += "lr " + std::to_string(p.group.lr);
    if (p.group.has_weight_decay())
      own += std::string(own.empty() ? "" : ", ") + "decay " + std::to_string(p.group.weight_decay);
    std::printf("%-44s %-18s %10lld  %s\n", p.name.c_str(), detail::shape_text(p.shape).c_str(),
                static_cast<long long>(p.count), own.c_str());
    sum += p.count;
  }
  std::printf("%-44s %-18s %10lld\n", "all", "", static_cast<long long>(sum));
}

void print_network(const RunOptions& options, const NetworkShape& shape, Network<Host>& network) {
  std::printf("%s\n", describe_network(options, shape, count_parameters(network)).c_str());
  print_parameters(network);
}

void print_checkpoint(const Trained& trained) {
  std::printf("%s\n  epoch %lld of %lld, step %lld", trained.path.c_str(), static_cast<long long>(trained.info.epoch),
              static_cast<long long>(trained.options.trainer.epochs), static_cast<long long>(trained.info.step));
  const auto seconds = trained.info.more.find("seconds");
  if (seconds != trained.info.more.end())
    std::printf(", %s in training steps", duration_text(std::strtod(seconds->second.c_str(), nullptr)).c_str());
  const NetworkShape& shape = trained.shape;
  std::printf("\n  items: %lld %s, length %lld (any length works)\n",
              static_cast<long long>(shape.vocabulary > 0 ? shape.vocabulary : shape.channels),
              shape.vocabulary > 0 ? "tokens" : "channels", static_cast<long long>(shape.length));
  for (const auto& [name, key] : trained.info.generators)
    std::printf("  generator %s: seed %llu, stream %u, draw %u\n", name.c_str(),
                static_cast<unsigned long long>(key.seed), key.stream, key.draw);
  const SafetensorsFile file(trained.path);
  std::printf("  %zu tensors:", file.entries().size());
  std::map<std::string, std::pair<int, std::int64_t>> groups;  // "model", "optimizer/exp_avg", ...: tensors, bytes
  for (const auto& [name, entry] : file.entries()) {
    const std::size_t slash = name.find('/');
    const bool optimizer = name.compare(0, slash, "optimizer") == 0;
    auto& [tensors, bytes] = groups[name.substr(0, optimizer ? name.find('.') : slash)];
    ++tensors;
    bytes += static_cast<std::int64_t>(entry.end - entry.begin);
  }
  for (const auto& [group, size] : groups)
    std::printf("  %s %d (%.0f KiB)", group.c_str(), size.first, static_cast<double>(size.second) / 1024);
  std::printf("\n\n");
}

}  // namespace

int info(const InfoArguments& arguments) {
  if (arguments.device.on_cuda) std::printf("%s\n", describe_device(arguments.device).c_str());
  if (!arguments.checkpoint.empty()) {
    if (!arguments.config.empty() || !arguments.overrides.empty())
      throw UsageError("info takes a checkpoint, or options of a model to come, not both");
    Trained trained = load_trained(arguments.checkpoint);
    print_checkpoint(trained);
    print_network(trained.options, trained.shape, *trained.network);
    RunOptions options = trained.options;
    std::printf("\noptions\n%s\n", make_settings(options).to_json().c_str());
    return 0;
  }
  RunOptions options;
  Settings settings = make_settings(options);
  read_options(settings, arguments.config, arguments.overrides);
  check(options);
  const std::optional<NetworkShape> known = known_shape(options);
  const NetworkShape shape = known ? *known : load_data(options).shape;
  Generator generator(static_cast<std::uint64_t>(options.trainer.seed));
  print_network(options, shape, *make_network<Host>(options, shape, generator));
  return 0;
}

}  // namespace longwave::examples
