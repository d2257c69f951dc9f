#include "longwave/core/arena.hpp"

#include <cstdint>
#include <cstring>
#include <thread>
#include <vector>

#include "check.hpp"

using namespace longwave;

TEST_CASE("arena: the same requests get the same addresses after a rewind, from the first round on") {
  Arena<> arena(256);
  std::vector<void*> first;
  for (int round = 0; round < 3; ++round) {
    std::size_t number = 0;
    for (const index_t n : {1, 100, 3, 5000, 0, 17, 997}) {
      void* p = arena.take<float>(n);
      if (round == 0)
        first.push_back(p);
      else
        CHECK(p == first[number]);
      ++number;
    }
    arena.rewind();
  }
}

TEST_CASE("arena: memory is aligned to 64 bytes and does not overlap") {
  Arena<> arena(128);
  std::vector<std::pair<char*, index_t>> taken;
  for (const index_t n : {1, 63, 64, 65, 1000, 7}) {
    char* p = arena.take<char>(n);
    CHECK(reinterpret_cast<std::uintptr_t>(p) % alignment == 0);
    std::memset(p, static_cast<int>(taken.size()), static_cast<std::size_t>(n));
    taken.emplace_back(p, n);
  }
  for (std::size_t i = 0; i < taken.size(); ++i)
    for (index_t k = 0; k < taken[i].second; ++k) REQUIRE(taken[i].first[k] == static_cast<char>(i));
}

TEST_CASE("arena: nothing is reserved after the first round") {
  Arena<> arena(64);
  auto round = [&] {
    arena.rewind();
    for (index_t n = 1; n < 200; ++n) arena.take<double>(n);
  };
  round();
  const std::size_t reserved = arena.reserved_bytes();
  CHECK(reserved >= 199 * 200 / 2 * sizeof(double));
  for (int i = 0; i < 5; ++i) round();
  CHECK(arena.reserved_bytes() == reserved);
}

TEST_CASE("arena: release gives back what was taken since the mark") {
  Arena<> arena(1024);
  arena.take<float>(10);
  const auto mark = arena.mark();
  float* a = arena.take<float>(10);
  arena.take<float>(10000);  // a further block
  arena.release(mark);
  CHECK(arena.take<float>(10) == a);
}

TEST_CASE("arena: tensors take their sizes") {
  Arena<> arena;
  const auto x = arena.tensor<double>(Extents<2>{3, 5});
  CHECK(x.sizes() == Extents<2>{3, 5});
  CHECK(x.contiguous());
}

TEST_CASE("scratch: a scope gives its memory back and leaves that of the enclosing one alone") {
  Scratch outer;
  float* kept = outer.take<float>(100);
  kept[99] = 5;
  float* inner_first = nullptr;
  {
    Scratch inner;
    inner_first = inner.take<float>(100000);
    for (int i = 0; i < 100000; ++i) inner_first[i] = 1;
  }
  Scratch again;
  CHECK(again.take<float>(100000) == inner_first);
  CHECK(kept[99] == 5);
}

TEST_CASE("scratch: threads have memory of their own") {
  Scratch mine;
  int* a = mine.take<int>(8);
  int* b = nullptr;
  std::thread([&] {
    Scratch theirs;
    b = theirs.take<int>(8);
  }).join();
  CHECK(a != b);
}
