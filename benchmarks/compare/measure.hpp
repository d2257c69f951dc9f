// measure.hpp - time and memory of one form at one grid point.
//
// Time: the median of repeated passes, after a first one that is not counted. Memory: the peak of the process's
// resident set above what it held with input, cotangent and parameters in place; a small pass beforehand brings code
// and threads in. So each measurement has a process of its own, and a figure is good to about 0.5 MiB. On
// a device a pass ends when its work has run, and memory is that of its pool.
#pragma once

#include "compare/forms.hpp"
#include "compare/results.hpp"

namespace longwave::compare {

struct Effort {
  double seconds = 0.2;  // of one measurement, unless the fewest repeats take longer
  int repeats = 5;       // at least
  int threads = 0;       // 0: as many as there are
  std::string device = "cpu";
};

// In this process; the device is open.
Result measure(const std::string& form, const Sizes& sizes, const Effort& effort);

// In cuda/ or no_cuda/.
Result measure_on_cuda(const Form& form, const Sizes& sizes, const Effort& effort);

// In a new process of this program; throws Error with the form and the sizes where that fails.
Result measure_apart(const std::string& form, const Sizes& sizes, const Effort& effort);

}  // namespace longwave::compare
