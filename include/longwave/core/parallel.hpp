// parallel.hpp - loops over independent blocks, on OpenMP threads where the compiler has it on, else serial.
//
// The range is cut by its length and the grain alone, never by the number of threads, and blocks share nothing
// but what they only read: results are the same bits for any number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>

#include "longwave/core/extents.hpp"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace longwave {

namespace detail {
inline std::atomic<int>& thread_setting() {
  static std::atomic<int> threads{0};
  return threads;
}
}  // namespace detail

// Threads that parallel loops may use; 0 (the start value) leaves the choice to OpenMP.
inline void set_num_threads(int threads) { detail::thread_setting() = std::max(threads, 0); }

inline int num_threads() {
#if defined(_OPENMP)
  const int setting = detail::thread_setting();
  return setting > 0 ? setting : omp_get_max_threads();
#else
  return 1;
#endif
}

// Operations in all below which a loop stays on its thread: waking others takes some 5 us, and far longer where they
// share their cores with other programs.
inline constexpr index_t parallel_worth = index_t(1) << 16;

// f(begin, end) for consecutive blocks of at most `grain` of [0, n). f may throw: the first exception goes on.
// work: a rough count of the operations of the whole loop, where it may be small.
template <class F>
void parallel_blocks(index_t n, index_t grain, F&& f, [[maybe_unused]] index_t work = parallel_worth) {
  grain = std::max<index_t>(grain, 1);
  const index_t blocks = (n + grain - 1) / grain;
#if defined(_OPENMP)
  const int threads = static_cast<int>(std::min<index_t>(blocks, num_threads()));
  if (threads > 1 && work >= parallel_worth && !omp_in_parallel()) {
    std::exception_ptr failure;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (index_t i = 0; i < blocks; ++i) {
      try {
        f(i * grain, std::min(n, (i + 1) * grain));
      } catch (...) {
#pragma omp critical(longwave_parallel_failure)
        if (!failure) failure = std::current_exception();
      }
    }
    if (failure) std::rethrow_exception(failure);
    return;
  }
#endif
  for (index_t i = 0; i < blocks; ++i) f(i * grain, std::min(n, (i + 1) * grain));
}

// f(i) for i in [0, n), each i a block of its own: for coarse work such as one channel or one batch entry.
template <class F>
void parallel_for(index_t n, F&& f, index_t work = parallel_worth) {
  parallel_blocks(
      n, 1, [&](index_t begin, index_t) { f(begin); }, work);
}

}  // namespace longwave
