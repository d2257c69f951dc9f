// What the sets ask of a network, as far as the options alone tell: all but text and retrieval, whose vocabularies are
// what they hold. Lengths of sounds and expressions are those of the longest there may be.
#include "long_sequence/datasets.hpp"

namespace longwave::examples {

namespace {

NetworkShape numbers(index_t channels, index_t length, index_t classes) {
  return {.channels = channels, .length = length, .outputs = classes, .output_length = -1};
}

NetworkShape cifar(bool gray, bool tokens) {
  NetworkShape shape = numbers(gray ? 1 : 3, 1024, 10);
  shape.vocabulary = tokens ? 256 : 0;
  return shape;
}

NetworkShape variable(NetworkShape shape) {
  shape.variable = true;
  return shape;
}

NetworkShape next_token(index_t length) {
  return {.vocabulary = 256, .length = length, .outputs = 256, .output_length = -1, .one_each = false};
}

index_t or_else(std::int64_t length, index_t standard) { return length > 0 ? length : standard; }

// One item is enough.
NetworkShape made(RunOptions options) {
  options.dataset.items = 1;
  options.dataset.validation = 0;
  options.dataset.subsample = 1;
  return load_data(options, {.train = false}).shape;
}

std::optional<NetworkShape> full_rate(const RunOptions& options) {
  const auto& o = options.dataset;
  if (o.name == "mnist1d") return numbers(1, 40, 10);
  if (o.name == "smnist" || o.name == "pmnist") return numbers(1, 784, 10);
  if (o.name == "pathfinder") return numbers(1, or_else(o.length, 1024), 2);
  if (o.name == "bytes" || o.name == "audio") return next_token(or_else(o.length, 1024));
  if (o.name == "cifar") return cifar(o.gray, o.tokens);
  if (o.name == "digits") return variable(numbers(1, or_else(o.length, 8000), 10));
  if (o.name == "listops") {
    NetworkShape shape = variable(numbers(1, or_else(o.length, 2048), 10));
    shape.vocabulary = 18;
    return shape;
  }
  if (o.name == "speech") {
    const index_t L = or_else(o.length, 16000);
    return numbers((o.mfcc ? 20 : 1) + (o.dropped > 0 ? 1 : 0), o.mfcc ? L / 100 + 1 : L, o.words == "ten" ? 10 : 35);
  }
  if (o.name == "adding" || o.name == "copying" || o.name == "delay" || o.name == "reconstruct") return made(options);
  return std::nullopt;
}

}  // namespace

std::optional<NetworkShape> known_shape(const RunOptions& options) {
  std::optional<NetworkShape> shape = full_rate(options);
  const index_t k = options.dataset.subsample;
  if (shape && shape->vocabulary == 0) shape->length = (shape->length + k - 1) / k;
  return shape;
}

}  // namespace longwave::examples
