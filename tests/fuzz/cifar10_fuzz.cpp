#include "longwave/data/cifar10.hpp"

#include "fuzz.hpp"

using namespace longwave;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::refuse_or_read(data, size, [](Bytes bytes) {
    const Cifar10 images = read_cifar10_batch(bytes, "input");
    check_dataset(cifar10_dataset<float>(images, {.gray = true, .order = ImageOrder::hilbert}));
  });
}
