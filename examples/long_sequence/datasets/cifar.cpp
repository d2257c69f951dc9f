// Sequential CIFAR-10: the official binary files, or images.npy and labels.npy of which the last fifth is the test
// part.
#include "long_sequence/datasets/assemble.hpp"
#include "longwave/data/cifar10.hpp"
#include "longwave/io/folder.hpp"

namespace longwave::examples {

namespace {

Cifar10 some_images(const Cifar10& all, index_t begin, index_t end) {
  Cifar10 out{all.name, Tensor<std::uint8_t, 3>(end - begin, Cifar10::planes, Cifar10::pixels),
              Tensor<index_t, 1>(end - begin)};
  copy(out.image.view(), all.image.view().slice(0, begin, end));
  copy(out.y.view(), all.y.view().slice(0, begin, end));
  return out;
}

// The training part is read where it is wanted, or lies in one file with the other.
std::pair<Cifar10, Cifar10> read_parts(const RunOptions& options, bool train) {
  const std::string folder = data_folder(options, "cifar10", "rgb_lossless_2000.npy");
  if (!file_exists(folder + "/rgb_lossless_2000.npy"))
    return {train ? read_cifar10(folder, Cifar10Part::train) : Cifar10(), read_cifar10(folder, Cifar10Part::test)};
  const Cifar10 all = read_cifar10_arrays(folder + "/rgb_lossless_2000.npy", folder + "/rgb_lossless_2000_labels.npy");
  const index_t cut = all.size() * 4 / 5;
  return {some_images(all, 0, cut), some_images(all, cut, all.size())};
}

}  // namespace

RunData load_cifar(const RunOptions& options, const Wanted& wanted) {
  const auto [train, test] = read_parts(options, wanted.train);
  const Cifar10Sequences how{
      .gray = options.dataset.gray,
      .small_program = options.dataset.example_scale,
      .order = parse_image_order(options.dataset.permutation == "none" ? "rows" : options.dataset.permutation)};
  const auto numbers = [&](const Cifar10& images) { return sequences_of(cifar10_dataset(images, how)); };
  RunData data = options.dataset.tokens ? assemble(options, wanted.train ? cifar10_tokens(train, how) : TokenSet(),
                                                   cifar10_tokens(test, how))
                                        : assemble(options, wanted.train ? numbers(train) : Numbers(), numbers(test));
  data.classes.assign(std::begin(cifar10_classes), std::end(cifar10_classes));
  if (options.dataset.crop > 0 || options.dataset.flip) {
    CropFlip moves = cifar10_augmentation(how);
    moves.pad = options.dataset.crop;
    moves.flip = options.dataset.flip;
    if (options.dataset.tokens) moves.border = {0};
    data.augmentation = {.height = Cifar10::side, .width = Cifar10::side, .how = std::move(moves)};
  }
  return data;
}

}  // namespace longwave::examples
