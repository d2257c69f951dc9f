#include "compare/measure.hpp"

#include "compare/measure_on.hpp"

namespace longwave::compare {

Result measure_on_cuda(const Form& form, const Sizes& sizes, const Effort& effort) {
  return measure_on<Cuda>(form, sizes, effort);
}

}  // namespace longwave::compare
