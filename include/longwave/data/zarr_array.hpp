// zarr_array.hpp - one Zarr array: see zarr.hpp.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "longwave/core/fill.hpp"
#include "longwave/core/rows.hpp"
#include "longwave/core/tensor.hpp"
#include "longwave/io/chunk_cache.hpp"
#include "longwave/io/file.hpp"
#include "longwave/io/zarr_reader.hpp"

namespace longwave {

struct ZarrOptions {
  std::vector<index_t> shape = {};
  std::vector<index_t> chunks = {};  // empty: one chunk
  DType dtype = DType::f32;
  std::vector<ChunkCodec> codecs = {};
  int version = 2;
  bool overwrite = false;  // an array that is there already
};

class ZarrArray {
 public:
  static constexpr std::size_t default_cache = 100;  // chunks

  explicit ZarrArray(std::string folder, std::size_t cache = default_cache)
      : folder_(std::move(folder)), cache_(std::make_shared<detail::ChunkCache>(cache)) {
    const std::string v2 = folder_ + "/.zarray", v3 = folder_ + "/zarr.json";
    if (!file_exists(v2) && !file_exists(v3))
      detail::throw_io_error(
          folder_, file_exists(folder_) ? "holds no Zarr array: no .zarray and no zarr.json" : "is not there");
    metadata_ = read_zarr_metadata(file_exists(v3) ? v3 : v2);
  }

  // A new array; its folder and those above it are made. Chunks that are not written hold zeros.
  static ZarrArray create(const std::string& folder, const ZarrOptions& options) {
    ZarrMetadata m;
    m.version = options.version;
    m.shape = options.shape;
    m.chunks = options.chunks;
    if (m.chunks.empty())
      for (const index_t size : m.shape) m.chunks.push_back(std::max<index_t>(size, 1));
    check_options(folder, m);
    m.dtype = options.dtype;
    m.codecs = options.codecs;
    for (ChunkCodec& codec : m.codecs) codec.element_bytes = static_cast<int>(dtype_bytes(m.dtype));
    m.fill.resize(static_cast<std::size_t>(dtype_bytes(m.dtype)));
    m.key_prefix = m.version == 3;
    m.separator = m.version == 3 ? '/' : '.';
    const std::string file = folder + (m.version == 3 ? "/zarr.json" : "/.zarray");
    if (!options.overwrite && (file_exists(folder + "/.zarray") || file_exists(folder + "/zarr.json")))
      detail::throw_io_error(folder, "is a Zarr array or group already; name another folder or ask to overwrite it");
    make_folders(folder);
    AtomicFile out(file);
    out.write(zarr_metadata_text(m));
    out.commit();
    return ZarrArray(folder);
  }

  const std::string& folder() const { return folder_; }
  const ZarrMetadata& metadata() const { return metadata_; }
  const std::vector<index_t>& shape() const { return metadata_.shape; }

  // patch(i, j) = array(origin + step (i, j)); converted to T where that loses nothing (io/dtype.hpp).
  template <class T, int N>
  void read(TensorView<T, N> patch, const Extents<N>& origin, const Extents<N>& step) const {
    check_patch("read", patch.sizes(), origin, step);
    for_each_chunk(patch.sizes(), origin, step, [&](const Index& index, const detail::ChunkPart* part) {
      const auto chunk = load(index);
      TensorView<T, N> target = patch;
      for (int axis = 0; axis < N; ++axis)
        target = target.slice(axis, part[axis].first, part[axis].first + part[axis].count);
      copy_out(target, chunk ? chunk->data() : nullptr, part, step, index);
    });
  }
  template <class T, int N>
  void read(TensorView<T, N> patch, const Extents<N>& origin) const {
    read(patch, origin, ones<N>());
  }
  // The whole array.
  template <class T, int N>
  Tensor<T, N> read() const {
    Extents<N> sizes;
    if (!detail::to_extents(metadata_.shape, sizes))
      throw_shape_error("zarr: " + folder_ + " is " + detail::shape_text(metadata_.shape) + ", expected rank " +
                        std::to_string(N));
    auto all = Tensor<T, N>::uninitialized(sizes);
    read(all.view(), Extents<N>{});
    return all;
  }

  // array(origin + (i, j)) = patch(i, j), of the array's own type.
  template <class T, int N>
  void write(TensorView<T, N> patch, const Extents<N>& origin) {
    using S = std::remove_const_t<T>;
    check_patch("write", patch.sizes(), origin, ones<N>());
    if (dtype_of<S> != metadata_.dtype || metadata_.swap_bytes)
      throw_value_error("zarr: " + folder_ + " holds " + dtype_name(metadata_.dtype) +
                        (metadata_.swap_bytes ? " in big-endian order" : "") + ", the patch is " +
                        dtype_name(dtype_of<S>));
    const auto strides = metadata_.chunk_strides();
    for_each_chunk(patch.sizes(), origin, ones<N>(), [&](const Index& index, const detail::ChunkPart* part) {
      std::vector<std::byte> raw = chunk_to_change(index, part);
      TensorView<const S, N> source = patch;
      index_t offset = 0;
      Extents<N> stride;
      for (int axis = 0; axis < N; ++axis) {
        source = source.slice(axis, part[axis].first, part[axis].first + part[axis].count);
        stride[axis] = strides[static_cast<std::size_t>(axis)];
        offset += part[axis].inside * stride[axis];
      }
      const TensorView<S, N> target(reinterpret_cast<S*>(raw.data()) + offset, source.sizes(), stride);
      copy(target, TensorView<const S, N>(source));
      store(index, raw);
    });
  }

 private:
  using Index = std::vector<index_t>;

  template <int N>
  static Extents<N> ones() {
    Extents<N> step;
    for (int axis = 0; axis < N; ++axis) step[axis] = 1;
    return step;
  }

  static void check_options(const std::string& folder, const ZarrMetadata& m) {
    bool good = m.chunks.size() == m.shape.size() && (m.version == 2 || m.version == 3);
    for (const index_t size : m.shape) good = good && size >= 0;
    for (const index_t size : m.chunks) good = good && size >= 1;
    if (!good)
      throw_value_error("zarr: " + folder + ": version " + std::to_string(m.version) + ", shape " +
                        detail::shape_text(m.shape) + " in chunks of " + detail::shape_text(m.chunks) +
                        "; expected version 2 or 3 and one positive chunk size for each axis");
  }

  template <int N>
  void check_patch(const char* doing, const Extents<N>& sizes, const Extents<N>& origin, const Extents<N>& step) const {
    bool inside = metadata_.rank() == N;
    for (int axis = 0; axis < N && inside; ++axis) {
      const index_t size = metadata_.shape[static_cast<std::size_t>(axis)];
      inside = step[axis] >= 1 && origin[axis] >= 0 && origin[axis] <= size &&
               (sizes[axis] == 0 || (sizes[axis] - 1) <= (size - 1 - origin[axis]) / step[axis]);
      inside = inside && (sizes[axis] == 0 || origin[axis] < size);
    }
    if (!inside)
      throw_shape_error(std::string("zarr: cannot ") + doing + " a patch " + to_string(sizes) + " at " +
                        to_string(origin) + " with steps " + to_string(step) + ": " + folder_ + " is " +
                        detail::shape_text(metadata_.shape));
  }

  // f(index, part[N]) for every chunk that the patch meets.
  template <int N, class F>
  void for_each_chunk(const Extents<N>& sizes, const Extents<N>& origin, const Extents<N>& step, F f) const {
    if (sizes.count() == 0) return;
    std::vector<detail::ChunkPart> parts[N > 0 ? N : 1];
    for (int axis = 0; axis < N; ++axis)
      parts[axis] =
          detail::chunk_parts(origin[axis], step[axis], sizes[axis], metadata_.chunks[static_cast<std::size_t>(axis)]);
    std::size_t at[N > 0 ? N : 1] = {};
    for (bool more = true; more;) {
      detail::ChunkPart part[N > 0 ? N : 1];
      Index index(N);
      for (int axis = 0; axis < N; ++axis) {
        part[axis] = parts[axis][at[axis]];
        index[static_cast<std::size_t>(axis)] = part[axis].chunk;
      }
      f(index, part);
      more = false;
      for (int axis = N; axis-- > 0 && !more;) {
        more = ++at[axis] < parts[axis].size();
        if (!more) at[axis] = 0;
      }
    }
  }

  std::string chunk_file(const Index& index) const { return folder_ + "/" + metadata_.chunk_key(index); }

  // The unpacked chunk; nullptr where there is no file.
  detail::ChunkCache::Chunk load(const Index& index) const {
    if (auto chunk = cache_->find(index)) return chunk;
    const std::string file = chunk_file(index);
    if (!file_exists(file)) return nullptr;
    const MappedFile packed(file);
    auto chunk = std::make_shared<const std::vector<std::byte>>(
        decode_chunk(metadata_.codecs, packed.bytes(), metadata_.chunk_bytes(), file));
    cache_->put(index, chunk);
    return chunk;
  }

  template <class T, int N>
  void copy_out(TensorView<T, N> to, const std::byte* chunk, const detail::ChunkPart* part, const Extents<N>& step,
                const Index& index) const {
    const auto strides = metadata_.chunk_strides();
    bool fits = true;
    detail::with_element_type(metadata_.dtype, [&]<class S>(S) {
      if constexpr (detail::converts<T, S>) {
        Extents<N> stride;
        index_t offset = 0;
        for (int axis = 0; axis < N; ++axis) {
          const index_t along = strides[static_cast<std::size_t>(axis)];
          stride[axis] = chunk != nullptr ? step[axis] * along : 0;
          offset += part[axis].inside * along;
        }
        const std::byte* from =
            chunk != nullptr ? chunk + offset * static_cast<index_t>(sizeof(S)) : metadata_.fill.data();
        fits = copy_elements<S>(to, from, stride);
      } else {
        throw_value_error("zarr: " + folder_ + " holds " + dtype_name(metadata_.dtype) +
                          ", which does not convert to " + dtype_name(dtype_of<T>) + " without loss");
      }
    });
    if (!fits)
      detail::throw_io_error(chunk_file(index), std::string("a number does not fit into ") + dtype_name(dtype_of<T>));
  }

  // stride: elements of the chunk between neighbours of `to`.
  template <class S, class T, int N>
  bool copy_elements(TensorView<T, N> to, const std::byte* from, const Extents<N>& stride) const {
    constexpr auto bytes = static_cast<index_t>(sizeof(S));
    const Extents<N> strides[2] = {to.strides(), stride};
    const detail::RowPlan<N, 2> plan(to.sizes(), strides);
    bool fits = true;
    for (index_t r = 0; r < plan.rows(); ++r) {
      const Row<2> row = plan.row(r);
      for (index_t i = 0; i < row.length; ++i)
        fits &= detail::convert_element(
            detail::load_element<S>(from + (row.offset[1] + i * row.step[1]) * bytes, metadata_.swap_bytes),
            to.data()[row.offset[0] + i * row.step[0]]);
    }
    return fits;
  }

  // Zeros where the patch covers all of the chunk that lies in the array, else what is there.
  std::vector<std::byte> chunk_to_change(const Index& index, const detail::ChunkPart* part) const {
    bool whole = true;
    for (std::size_t axis = 0; axis < index.size(); ++axis) {
      const index_t begin = index[axis] * metadata_.chunks[axis];
      const index_t length = std::min(metadata_.chunks[axis], metadata_.shape[axis] - begin);
      whole = whole && part[axis].inside == 0 && part[axis].count == length;
    }
    if (!whole)
      if (const auto chunk = load(index)) return *chunk;
    std::vector<std::byte> raw(metadata_.chunk_bytes());
    for (std::size_t at = 0; at < raw.size(); at += metadata_.fill.size())
      std::copy(metadata_.fill.begin(), metadata_.fill.end(), raw.begin() + static_cast<std::ptrdiff_t>(at));
    return raw;
  }

  void store(const Index& index, const std::vector<std::byte>& raw) {
    const std::string file = chunk_file(index);
    if (metadata_.separator == '/') make_folders(detail::folder_of(file));
    const std::vector<std::byte> packed = encode_chunk(metadata_.codecs, raw);
    AtomicFile out(file);
    out.write(packed.data(), packed.size());
    out.replace();
    cache_->drop(index);
  }

  std::string folder_;
  ZarrMetadata metadata_;
  std::shared_ptr<detail::ChunkCache> cache_;
};

}  // namespace longwave
