// longwave_gpu_bench - the device's times beside what the machine can do.
//
//   longwave_gpu_bench [--only TEXT] [--json OUT] [--list]
//
// --only TEXT: rows whose name has it. peer_torch.py OUT runs the same in PyTorch and prints both as one table.
#include <cstring>

#include "bench.hpp"

using namespace longwave;

namespace {

int usage() {
  std::fprintf(stderr, "usage: longwave_gpu_bench [--only TEXT] [--json OUT] [--list]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::string only, json;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--list") == 0) {
      for (const auto& [name, run] : bench::Family::all()) std::printf("%s\n", name.c_str());
      return 0;
    }
    std::string* to = std::strcmp(argv[i], "--only") == 0   ? &only
                      : std::strcmp(argv[i], "--json") == 0 ? &json
                                                            : nullptr;
    if (to == nullptr || i + 1 == argc) return usage();
    *to = argv[++i];
  }
  if (cuda::device_count() == 0) {
    std::fprintf(stderr, "longwave_gpu_bench: no CUDA device\n");
    return 1;
  }
  int failed = 0;
  try {
    const cuda::DeviceInfo device = cuda::device_info(cuda::current_device());
    std::printf("%s, %d multiprocessors\n", device.name.c_str(), device.processors);
    bench::Suite suite(only, json);
    suite.measure_ceilings();
    for (const auto& [name, run] : bench::Family::all()) {
      try {
        run(suite);
      } catch (const std::exception& error) {  // the other rows still count
        suite.note(name, error.what());
        failed = 1;
      }
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "longwave_gpu_bench: %s\n", error.what());
    return 1;
  }
  return failed;
}
