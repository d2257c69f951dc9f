#include "longwave/core/parallel.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include "check.hpp"

using namespace longwave;

namespace {

// Restores the setting at the end of a test, failed or not.
struct Threads {
  explicit Threads(int threads) { set_num_threads(threads); }
  ~Threads() { set_num_threads(0); }
};

std::set<std::pair<index_t, index_t>> blocks_of(index_t n, index_t grain) {
  std::set<std::pair<index_t, index_t>> blocks;
  std::mutex lock;
  parallel_blocks(n, grain, [&](index_t begin, index_t end) {
    const std::lock_guard<std::mutex> hold(lock);
    blocks.emplace(begin, end);
  });
  return blocks;
}

}  // namespace

TEST_CASE("parallel: every index is visited exactly once") {
  for (const int threads : {1, 2, 8}) {
    const Threads setting(threads);
    for (const index_t n : {0, 1, 2, 31, 997})
      for (const index_t grain : {0, 1, 7, 1000}) {
        std::vector<std::atomic<int>> visits(static_cast<std::size_t>(n));
        parallel_blocks(n, grain, [&](index_t begin, index_t end) {
          for (index_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
        });
        bool once = true;
        for (const auto& count : visits) once &= count == 1;
        CHECK(once);
      }
  }
}

TEST_CASE("parallel: the blocks depend on length and grain, not on the number of threads") {
  std::set<std::pair<index_t, index_t>> serial;
  {
    const Threads setting(1);
    serial = blocks_of(997, 31);
  }
  CHECK(serial.size() == 33);
  CHECK(*serial.rbegin() == std::pair<index_t, index_t>(992, 997));
  for (const int threads : {2, 3, 8}) {
    const Threads setting(threads);
    CHECK(blocks_of(997, 31) == serial);
  }
}

TEST_CASE("parallel: parallel_for calls once per index") {
  const Threads setting(4);
  std::vector<int> squares(100);
  parallel_for(100, [&](index_t i) { squares[static_cast<std::size_t>(i)] = static_cast<int>(i * i); });
  CHECK(squares[99] == 9801);
  CHECK(squares[0] == 0);
}

TEST_CASE("parallel: an exception in a block reaches the caller") {
  for (const int threads : {1, 4}) {
    const Threads setting(threads);
    CHECK_THROWS_AS(parallel_for(64,
                                 [](index_t i) {
                                   if (i == 40) throw std::out_of_range("40");
                                 }),
                    std::out_of_range);
  }
}

TEST_CASE("parallel: a loop inside a loop works") {
  const Threads setting(4);
  std::atomic<index_t> sum{0};
  parallel_for(10, [&](index_t i) { parallel_for(10, [&](index_t j) { sum += 10 * i + j; }); });
  CHECK(sum == 4950);
}

TEST_CASE("parallel: the number of threads is what was set, and 0 asks for the default again") {
  const int at_first = num_threads();
  CHECK(at_first >= 1);
#if defined(_OPENMP)
  set_num_threads(3);
  CHECK(num_threads() == 3);
#endif
  set_num_threads(-5);
  CHECK(num_threads() == at_first);
}
