// chunk_cache.hpp - the unpacked chunks of an array that were used last, and which chunks a patch meets.
#pragma once

#include <algorithm>
#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "longwave/core/extents.hpp"

namespace longwave::detail {

// Unpacked chunks, the ones used last.
class ChunkCache {
 public:
  using Chunk = std::shared_ptr<const std::vector<std::byte>>;
  using Index = std::vector<index_t>;

  explicit ChunkCache(std::size_t capacity) : capacity_(capacity) {}

  Chunk find(const Index& index) {
    const std::lock_guard lock(mutex_);
    const auto at = places_.find(index);
    if (at == places_.end()) return nullptr;
    chunks_.splice(chunks_.begin(), chunks_, at->second);
    return at->second->second;
  }
  void put(const Index& index, Chunk chunk) {
    const std::lock_guard lock(mutex_);
    drop_locked(index);
    if (capacity_ == 0) return;
    chunks_.emplace_front(index, std::move(chunk));
    places_[index] = chunks_.begin();
    if (chunks_.size() <= capacity_) return;
    places_.erase(chunks_.back().first);
    chunks_.pop_back();
  }
  void drop(const Index& index) {
    const std::lock_guard lock(mutex_);
    drop_locked(index);
  }

 private:
  void drop_locked(const Index& index) {
    const auto at = places_.find(index);
    if (at == places_.end()) return;
    chunks_.erase(at->second);
    places_.erase(at);
  }

  std::size_t capacity_;
  std::mutex mutex_;
  std::list<std::pair<Index, Chunk>> chunks_;
  std::map<Index, std::list<std::pair<Index, Chunk>>::iterator> places_;
};

// The part of one axis of a patch that lies in one chunk: patch[first + i] = chunk[inside + i step], i < count.
struct ChunkPart {
  index_t chunk, first, count, inside;
};

inline std::vector<ChunkPart> chunk_parts(index_t origin, index_t step, index_t size, index_t chunk) {
  std::vector<ChunkPart> parts;
  for (index_t i = 0; i < size;) {
    const index_t at = origin + i * step, c = at / chunk;
    const index_t end = std::min(size, i + ((c + 1) * chunk - at + step - 1) / step);
    parts.push_back({c, i, end - i, at - c * chunk});
    i = end;
  }
  return parts;
}

}  // namespace longwave::detail
