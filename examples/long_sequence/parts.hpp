// parts.hpp - what a run learns from and is judged by: parts of a data set, whatever their items are, and their
// batches.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "long_sequence/network.hpp"
#include "longwave/data/buckets.hpp"
#include "longwave/data/image.hpp"

namespace longwave::examples {

// Numbers with a class each, numbers with numbers to predict, tokens with classes.
using Part = std::variant<SequenceSet<float, index_t>, SequenceSet<float, float>, TokenSet>;

inline index_t size_of(const Part& part) {
  return std::visit([](const auto& set) { return set.size(); }, part);
}

// Training images are moved and mirrored, drawn anew in each epoch.
struct Augmentation {
  index_t height = 0, width = 0;
  CropFlip how;
};

// The training part of an epoch, where each has items of its own: as many, of the same lengths.
using FreshPart = std::function<Part(index_t epoch)>;

// What a set takes from its training part besides the items, such as a vocabulary: texts by name. Checkpoints keep it,
// so that the other parts can be read without that one.
using Fit = std::map<std::string, std::string>;
inline constexpr const char* fit_key = "data/";  // before the names, in a checkpoint

struct RunData {
  Part train, test;
  std::optional<Part> validation;  // empty unless the set has one or dataset.validation asks for one
  std::optional<Augmentation> augmentation;
  FreshPart fresh;  // empty: all epochs have the same items
  NetworkShape shape;
  std::vector<std::string> classes;  // names
  Fit fit;

  // What is looked at after each epoch. Only a validation part may be chosen by.
  const Part& watched() const { return validation ? *validation : test; }
};

// A batch on the host. Of x and tokens one is there, of classes and values one.
struct HostBatch {
  NetworkInput<Host> input;
  TensorView<const index_t, 2> classes = {};  // (B, M)
  TensorView<const float, 2> values = {};     // (B, M)
  index_t items = 0;                          // B
};

// Batches of a part, in an order that is a pure function of (seed, epoch), as is what is drawn for them; valid until
// the next.
class Batches {
 public:
  virtual ~Batches() = default;
  virtual index_t batches() const = 0;
  virtual index_t items() const = 0;  // in an epoch
  virtual void start_epoch(index_t epoch) = 0;
  virtual HostBatch batch(index_t i) = 0;
};

struct BatchOptions {
  index_t batch = 64;
  index_t buckets = 1;
  bool pad_to_bound = false;
  bool shuffle = true;
  bool drop_last = false;
  std::optional<Augmentation> augmentation = {};
  FreshPart fresh = {};
  bool contiguous = false;  // windows in their order (contiguous.hpp); shuffle and buckets say nothing then
};

// The part must outlive it.
std::unique_ptr<Batches> make_batches(const Part& part, const BatchOptions& options, const Generator& gen);

}  // namespace longwave::examples
