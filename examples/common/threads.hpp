// threads.hpp - how OpenMP's threads wait between two parallel loops.
#pragma once

#include <unistd.h>

#include <cstdlib>

namespace longwave::examples {

// By default they spin for milliseconds, on a core that another program may need for the very work they wait for: on
// two cores shared with a compiler, training was seven times slower. Here they spin for microseconds, then sleep.
// OpenMP reads its settings before main, so the program starts itself again, once; settings of the user's stay.
inline void let_threads_sleep(char** argv) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr || std::getenv("GOMP_SPINCOUNT") != nullptr) return;
  if (setenv("OMP_WAIT_POLICY", "passive", 1) == 0 && setenv("GOMP_SPINCOUNT", "1000", 1) == 0)
    execv("/proc/self/exe", argv);  // comes back only where it fails; then nothing is lost but speed
}

}  // namespace longwave::examples
