// measure_on.hpp - time and memory of one form at one grid point on one device, in this process.
#pragma once

#include <algorithm>
#include <chrono>
#include <fstream>

#include "compare/layers.hpp"
#include "compare/measure.hpp"
#include "longwave/cuda/stream.hpp"

namespace longwave::compare {

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// A line of /proc/self/status, in bytes; 0 where there is none.
inline double process_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind(name + ":", 0) == 0) return 1024 * std::stod(line.substr(name.size() + 1));
  return 0;
}

// One layer with its data and tape.
template <device D>
class Bench {
 public:
  Bench(const Form& form, const Sizes& s)
      : gen_(1), layer_(make_layer<D>(form, s, gen_)), u_(s.B, s.H, s.L), dy_(s.B, s.H, s.L) {
    init::normal(gen_, u_.view(), 0, 1);
    init::normal(gen_, dy_.view(), 0, 1);
  }

  void forward() {
    tape_.rewind();
    tape_.set_recording(false);
    layer_(tape_, tape_.input(u_));
    tape_.set_recording(true);
    finish();
  }

  // Returns the seconds of backward alone.
  double both() {
    tape_.rewind();
    const auto y = layer_(tape_, tape_.variable(u_.view()));
    finish();
    const double start = seconds_now();
    tape_.backward(y, dy_.view());
    finish();
    return seconds_now() - start;
  }

 private:
  // What was queued on the device has run.
  static void finish() {
    if constexpr (std::is_same_v<D, Cuda>) cuda::synchronize();
  }

  Generator gen_;
  Layer<D> layer_;
  Tensor<float, 3, D> u_, dy_;
  Tape<float, D> tape_;
};

// Times of passes in turn, so that a busy machine slows both kinds alike, until both the repeats and the time are used
// up, but at most 1000.
struct Times {
  std::vector<double> forward, backward, both;

  template <device D>
  Times(Bench<D>& bench, const Effort& effort) {
    const double start = seconds_now();
    for (int i = 0; i < 1000 && (i < effort.repeats || seconds_now() - start < effort.seconds); ++i) {
      const double t0 = seconds_now();
      bench.forward();
      const double t1 = seconds_now();
      backward.push_back(bench.both());
      both.push_back(seconds_now() - t1);
      forward.push_back(t1 - t0);
    }
  }
};

// Peak of working memory from its making on. On the host the process's resident set, on the device its pool.
template <device D>
class WorkingMemory;

template <>
class WorkingMemory<Host> {
 public:
  WorkingMemory() {
    std::ofstream("/proc/self/clear_refs") << 5;  // the peak starts afresh
    before_ = process_bytes("VmRSS");
  }
  double peak() const { return std::max(0.0, process_bytes("VmHWM") - before_); }

 private:
  double before_;
};

template <>
class WorkingMemory<Cuda> {
 public:
  double peak() const { return static_cast<double>(memory_.bytes()); }

 private:
  cuda::PeakMemory memory_;
};

template <device D>
Result measure_on(const Form& form, const Sizes& sizes, const Effort& effort) {
  {
    Bench<D> small(form, {1, std::min<index_t>(sizes.H, 8), sizes.N, std::min<index_t>(sizes.L, 64)});
    small.forward();
    small.both();
  }
  Bench<D> bench(form, sizes);
  Result r{form.name, sizes};
  const WorkingMemory<D> working;
  bench.forward();
  r.forward_bytes = working.peak();
  bench.both();
  r.both_bytes = working.peak();
  const Times times(bench, effort);
  r.forward = median(times.forward);
  r.backward = median(times.backward);
  r.both = median(times.both);
  return r;
}

}  // namespace longwave::compare
