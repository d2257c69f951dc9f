// allocations.hpp - how often the test program of the examples has called operator new (examples/trainer_test.cpp
// replaces it).
#pragma once

#include <atomic>

namespace longwave::test {

inline std::atomic<long> allocations{0};

}  // namespace longwave::test
