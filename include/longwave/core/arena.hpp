// arena.hpp - memory handed out in order and taken back all at once.
//
// Blocks stay when the arena is rewound and are handed out again in the same order, so a program that asks for
// the same sizes gets the same addresses: no allocation after the first round, and what a CUDA graph needs.
#pragma once

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <vector>

#include "longwave/core/memory.hpp"
#include "longwave/core/view.hpp"

namespace longwave {

template <device D = Host>
class Arena {
 public:
  struct Mark {
    std::size_t block = 0;
    std::size_t used = 0;
  };

  explicit Arena(std::size_t first_block_bytes = std::size_t(1) << 20) : next_bytes_(first_block_bytes) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    for (const Block& block : blocks_) Memory<D>::release(block.data);
  }

  // n elements of T, uninitialised, starting on 64 bytes.
  template <class T>
  T* take(index_t n) {
    return static_cast<T*>(take_bytes(static_cast<std::size_t>(n) * sizeof(T)));
  }

  template <class T, int N>
  TensorView<T, N, D> tensor(Extents<N> sizes) {
    return {take<T>(sizes.count()), sizes};
  }

  void rewind() { at_ = Mark(); }
  Mark mark() const { return at_; }
  void release(Mark mark) { at_ = mark; }  // everything taken since mark() was called

  std::size_t reserved_bytes() const {
    std::size_t sum = 0;
    for (const Block& block : blocks_) sum += block.bytes;
    return sum;
  }

 private:
  struct Block {
    void* data;
    std::size_t bytes;
  };

  void* take_bytes(std::size_t bytes) {
    bytes = (bytes + alignment - 1) / alignment * alignment;
    while (at_.block < blocks_.size() && at_.used + bytes > blocks_[at_.block].bytes) at_ = {at_.block + 1, 0};
    if (at_.block == blocks_.size()) add_block(bytes);
    void* p = static_cast<char*>(blocks_[at_.block].data) + at_.used;
    at_.used += bytes;
    return p;
  }

  void add_block(std::size_t bytes) {
    const std::size_t size = std::max(bytes, next_bytes_);
    blocks_.reserve(blocks_.size() + 1);
    blocks_.push_back({Memory<D>::allocate(size), size});
    // The device's pool makes blocks cheap, and its memory is what runs out: none larger than asked for there.
    if constexpr (std::is_same_v<D, Host>) next_bytes_ = size * 2;
  }

  std::vector<Block> blocks_;
  std::size_t next_bytes_;
  Mark at_;
};

// The arena that ops of the calling thread take their working memory from; that of the device: cuda/stream.hpp.
inline Arena<Host>& scratch_arena(Host) {
  thread_local Arena<Host> arena(std::size_t(1) << 16);
  return arena;
}

// Working memory of one op call, given back at the end of the scope. On the host each thread keeps one arena for it, on
// the device each stream; it grows to the largest need seen and is then reused.
//
//   Scratch scratch;                        // ScratchOn<D> where the device is a parameter
//   float* row = scratch.take<float>(n);
template <device D>
class ScratchOn {
 public:
  ScratchOn() : arena_(scratch_arena(D())), mark_(arena_.mark()) {}
  ScratchOn(const ScratchOn&) = delete;
  ScratchOn& operator=(const ScratchOn&) = delete;
  ~ScratchOn() { arena_.release(mark_); }

  template <class T>
  T* take(index_t n) {
    return arena_.template take<T>(n);
  }
  template <class T, int N>
  TensorView<T, N, D> tensor(Extents<N> sizes) {
    return arena_.template tensor<T, N>(sizes);
  }

 private:
  Arena<D>& arena_;
  typename Arena<D>::Mark mark_;
};

using Scratch = ScratchOn<Host>;

}  // namespace longwave
