// A tape closure that owns memory: the arena it lives in never destroys it.
// error: a tape closure holds views and numbers
#include <vector>

#include "longwave/autograd/tape.hpp"

using namespace longwave;

void mistake(Tape<float>& tape, Var<float, 1> y) {
  const std::vector<float> owned(3);
#if defined(LONGWAVE_MISTAKE)
  tape.record("op", y, [owned] { (void)owned; });
#else
  tape.record("op", y, [count = owned.size()] { (void)count; });
#endif
}
