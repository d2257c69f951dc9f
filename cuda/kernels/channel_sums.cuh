// channel_sums.cuh - sums over the positions of dense dy (B, O, L) on the device: gradients of a bias, and in the same
// pass over dy those of a one-tap weight from few channels of x (B, I, L), I <= 4:
//
//   dbias(o) += sum_{b, l} dy[b, o, l],   dW(o, i) += sum_{b, l} dy[b, o, l] x[b, i, l]
//
// A product this narrow reads dy once for itself and leaves the tensor cores idle. A block has a part of a channel: a
// run of its vectors of 16 bytes, whichever rows they are in, so that all threads are busy however short the rows are,
// and loads several of them before it adds. Sums are carried in double; parts go to places of their own and are added
// in order. Bytes: dy once, x from the cache.
#pragma once

#include "kernels/partials.cuh"

namespace longwave::cuda {

namespace detail {

inline constexpr index_t most_summed_inputs = 4;

// Where the sums go: dbias or dW may be left out. partials (parts, O, C + 1), or nullptr if there is one part.
template <class T>
struct ChannelSums {
  TensorView<T, 1, Cuda> dbias;
  TensorView<T, 2, Cuda> dW;
  TensorView<const T, 3, Cuda> dy, x;
  double* partials;
  std::uint32_t per_row, parts;  // vectors of a row, parts of a channel

  __device__ void add(index_t o, int i, int bias, double sum) const {
    if (i == bias && dbias.data() != nullptr) dbias(o) += static_cast<T>(sum);
    if (i < bias && i < dW.size(1)) dW(o, i) += static_cast<T>(sum);
  }
};

// C: channels of x that a thread has, 0 for the bias alone.
template <int C, class T>
__global__ void __launch_bounds__(sum_threads) channel_sums_kernel(const ChannelSums<T> s) {
  constexpr int V = Vector<T>::size, loads = C > 2 ? 4 : 8;
  const auto channels = static_cast<std::uint32_t>(s.dy.size(1));
  const std::uint32_t channel = blockIdx.x % channels, part = blockIdx.x / channels;
  const std::uint64_t count = static_cast<std::uint64_t>(s.dy.size(0)) * s.per_row;
  const auto begin = static_cast<std::uint32_t>(count * part / s.parts),
             end = static_cast<std::uint32_t>(count * (part + 1) / s.parts);
  const int inputs = C > 0 ? static_cast<int>(s.x.size(1)) : 0;
  const T* from = s.dy.data() + channel * s.dy.stride(1);
  double sum[C + 1] = {};
  for (std::uint32_t first = begin + threadIdx.x; first < end; first += loads * sum_threads) {
    Vector<T> v[loads], in[loads][C > 0 ? C : 1];
#pragma unroll
    for (int k = 0; k < loads; ++k) {  // without branches, so that all are on their way before the first is used
      const std::uint32_t at = min(first + k * sum_threads, end - 1), b = at / s.per_row, l = (at - b * s.per_row) * V;
      v[k] = *reinterpret_cast<const Vector<T>*>(from + b * s.dy.stride(0) + l);
#pragma unroll
      for (int i = 0; i < C; ++i)  // those beyond the last are not used
        in[k][i] = *reinterpret_cast<const Vector<T>*>(s.x.data() + b * s.x.stride(0) +
                                                       min(i, inputs - 1) * s.x.stride(1) + l);
    }
#pragma unroll
    for (int k = 0; k < loads; ++k) {
      if (first + k * sum_threads >= end) break;
#pragma unroll
      for (int j = 0; j < V; ++j) {
        const double value = static_cast<double>(v[k].at[j]);
        sum[C] += value;
#pragma unroll
        for (int i = 0; i < C; ++i) sum[i] += value * static_cast<double>(in[k][i].at[j]);
      }
    }
  }
#pragma unroll
  for (int i = 0; i <= C; ++i) {
    const double total = block_sum(sum[i]);
    if (threadIdx.x != 0) continue;
    if (s.partials != nullptr)
      s.partials[(part * channels + channel) * (C + 1) + i] = total;
    else
      s.add(channel, i, C, total);
  }
}

// A thread per number of all (O, C + 1): the parts in order.
template <class T>
__global__ void __launch_bounds__(sum_threads) add_channel_parts_kernel(const ChannelSums<T> s, int C) {
  const index_t at = blockIdx.x * index_t(sum_threads) + threadIdx.x, count = s.dy.size(1) * (C + 1);
  if (at >= count) return;
  double sum = 0;
#pragma unroll 8
  for (std::uint32_t part = 0; part < s.parts; ++part) sum += s.partials[part * count + at];
  s.add(at / (C + 1), static_cast<int>(at % (C + 1)), C, sum);
}

template <class T>
bool rows_in_vectors(const TensorView<const T, 3, Cuda>& x) {
  constexpr index_t V = Vector<T>::size;
  return x.stride(2) == 1 && x.size(2) % V == 0 && x.stride(0) % V == 0 && x.stride(1) % V == 0 &&
         aligned_for_vectors(x.data()) && x.size(0) * (x.size(2) / V) < (index_t(1) << 30);
}

template <int C, class T>
void start_channel_sums(const char* name, ChannelSums<T> s) {
  const index_t B = s.dy.size(0), O = s.dy.size(1), L = s.dy.size(2);
  const index_t parts = std::clamp<index_t>(sum_blocks / O, 1, std::max<index_t>(1, B * L / sum_part));
  ScratchOn<Cuda> scratch;
  s.partials = parts > 1 ? scratch.take<double>(parts * O * (C + 1)) : nullptr;
  s.parts = static_cast<std::uint32_t>(parts);
  s.per_row = static_cast<std::uint32_t>(L / Vector<T>::size);
  channel_sums_kernel<C><<<blocks_for(O * parts, 1), sum_threads, 0, stream_handle()>>>(s);
  check_launch(name);
  if (s.partials == nullptr) return;
  add_channel_parts_kernel<<<blocks_for(O * (C + 1), sum_threads), sum_threads, 0, stream_handle()>>>(s, C);
  check_launch(name);
}

// The numbers of channel o in batch entry b, for add_row_sums.
template <class T>
struct ChannelTerm {
  TensorView<const T, 3, Cuda> dy;

  struct Row {
    const T* data;
    index_t step;
    __device__ double operator()(index_t l) const { return static_cast<double>(data[l * step]); }
  };
  __device__ Row row(index_t o, index_t b) const {
    return {dy.data() + b * dy.stride(0) + o * dy.stride(1), dy.stride(2)};
  }
};

}  // namespace detail

// dbias (O) += sums of dy (B, O, L) over B and L.
template <class T>
void add_channel_sums(const char* name, TensorView<T, 1, Cuda> dbias, TensorView<const T, 3, Cuda> dy) {
  if (dy.empty()) return;
  if (detail::rows_in_vectors(dy))
    detail::start_channel_sums<0, T>(name, {dbias, {}, dy, {}, nullptr, 0, 0});
  else
    add_row_sums(name, dbias, dy.size(0), dy.size(2), detail::ChannelTerm<T>{dy});
}

// dW (O, I) += sums of dy x and dbias += sums of dy, which may be left out; false, and nothing was done, for more
// channels or rows of another form.
template <class T>
bool add_narrow_sums(const char* name, TensorView<T, 2, Cuda> dW, TensorView<T, 1, Cuda> dbias,
                     TensorView<const T, 3, Cuda> dy, TensorView<const T, 3, Cuda> x) {
  const index_t I = x.size(1);
  if (dy.empty() || I < 1 || I > detail::most_summed_inputs) return false;
  if (!detail::rows_in_vectors(dy) || !detail::rows_in_vectors(x)) return false;
  const detail::ChannelSums<T> sums{dbias, dW, dy, x, nullptr, 0, 0};
  if (I == 1)
    detail::start_channel_sums<1>(name, sums);
  else if (I == 2)
    detail::start_channel_sums<2>(name, sums);
  else
    detail::start_channel_sums<4>(name, sums);
  return true;
}

}  // namespace longwave::cuda
