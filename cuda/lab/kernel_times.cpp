// kernel_times: how long each kernel of a program takes on the device, by name, graphs included. Loaded by the driver
// into any program (CUPTI's activity records; no performance counters, so no rights are needed):
//
//   g++ -std=c++20 -O1 -shared -fPIC -I/usr/local/cuda/include cuda/lab/kernel_times.cpp -o kernel_times.so
//       -L/usr/local/cuda/lib64 -lcupti
//   CUDA_INJECTION64_PATH=$PWD/kernel_times.so longwave_gpu_bench --only "SSSD training"
//
// At the end: per name the number of launches, us per launch (mean, least), the share of all, blocks and threads. With
// KERNEL_TIMES_CSV=FILE also each of the last 20000 launches: start and end in us, stream, blocks, threads, name.
#include <cupti.h>
#include <cxxabi.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace {

using Kernel = CUpti_ActivityKernel10;  // of CUDA 13: the fields used here keep their places in later ones

struct Times {
  std::size_t launches = 0;
  double sum = 0, least = 1e30;
};
struct Launch {
  double begin, end;
  unsigned stream, blocks, threads;
  std::string name;
};

std::mutex lock;
std::map<std::string, Times> by_name;
std::deque<Launch> last;
constexpr std::size_t kept = 20000, buffer_bytes = std::size_t(8) << 20;

std::string readable(const char* mangled) {
  int status = 0;
  char* text = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
  std::string name = text != nullptr ? text : mangled;
  std::free(text);
  for (const std::string space : {"longwave::", "cuda::", "detail::", "impl::", "void "})
    for (std::size_t at; (at = name.find(space)) != std::string::npos;) name.erase(at, space.size());
  return name.substr(0, std::min(name.find('('), std::size_t(90)));
}

void CUPTIAPI ask(std::uint8_t** buffer, std::size_t* size, std::size_t* records) {
  *size = buffer_bytes;
  *records = 0;
  *buffer = static_cast<std::uint8_t*>(std::aligned_alloc(8, buffer_bytes));
}

void CUPTIAPI take(CUcontext, std::uint32_t, std::uint8_t* buffer, std::size_t, std::size_t valid) {
  const std::lock_guard<std::mutex> hold(lock);
  CUpti_Activity* record = nullptr;
  while (valid > 0 && cuptiActivityGetNextRecord(buffer, valid, &record) == CUPTI_SUCCESS) {
    if (record->kind != CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL && record->kind != CUPTI_ACTIVITY_KIND_KERNEL) continue;
    const auto* k = reinterpret_cast<const Kernel*>(record);
    const auto blocks = static_cast<unsigned>(k->gridX * k->gridY * k->gridZ);
    const auto threads = static_cast<unsigned>(k->blockX * k->blockY * k->blockZ);
    const double us = 1e-3 * static_cast<double>(k->end - k->start);
    const std::string name = readable(k->name) + " <" + std::to_string(blocks) + "> x " + std::to_string(threads);
    Times& t = by_name[name];
    ++t.launches;
    t.sum += us;
    t.least = std::min(t.least, us);
    last.push_back(
        {1e-3 * static_cast<double>(k->start), 1e-3 * static_cast<double>(k->end), k->streamId, blocks, threads, name});
    if (last.size() > kept) last.pop_front();
  }
  std::free(buffer);
}

void print() {
  cuptiActivityFlushAll(1);
  const std::lock_guard<std::mutex> hold(lock);
  std::vector<std::pair<std::string, Times>> rows(by_name.begin(), by_name.end());
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second.sum > b.second.sum; });
  double all = 0;
  for (const auto& [name, t] : rows) all += t.sum;
  std::fprintf(stderr, "%9s %9s %9s %6s  kernel <blocks> x threads\n", "launches", "mean us", "least us", "share");
  for (const auto& [name, t] : rows)
    std::fprintf(stderr, "%9zu %9.2f %9.2f %5.1f%%  %s\n", t.launches, t.sum / static_cast<double>(t.launches), t.least,
                 100 * t.sum / all, name.c_str());
  const char* path = std::getenv("KERNEL_TIMES_CSV");
  std::FILE* file = path != nullptr ? std::fopen(path, "w") : nullptr;
  if (file == nullptr) return;
  for (const Launch& l : last)
    std::fprintf(file, "%.3f,%.3f,%u,%u,%u,\"%s\"\n", l.begin, l.end, l.stream, l.blocks, l.threads, l.name.c_str());
  std::fclose(file);
}

}  // namespace

extern "C" int InitializeInjection() {
  if (cuptiActivityRegisterCallbacks(ask, take) != CUPTI_SUCCESS ||
      cuptiActivityEnable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) != CUPTI_SUCCESS) {
    std::fprintf(stderr, "kernel_times: CUPTI does not work here\n");
    return 1;
  }
  std::atexit(print);
  return 1;
}
