// optim.cuh - one launch for all parameters of a module: Adam, SGD, averages, clipping (formulas: optim/*.hpp).
//
// A block owns one piece of the list, 16 bytes per thread and operand. Bytes per element: Adam 8 sizeof(T) (value,
// gradient and two moments, read and written), SGD 4 or 6, EMA 3, norm 1, scaling 2 where it is needed. The numbers of
// a step are made by one thread per block in double while the operands are on their way.
#pragma once

#include "kernels/launch.cuh"
#include "longwave/cuda/optim.hpp"

namespace longwave::cuda {

namespace detail {

using impl::Update;
using impl::Updates;

inline constexpr int update_threads = 256;
inline constexpr unsigned value_bit = 1, grad_bit = 2, first_bit = 4, second_bit = 8;

__device__ inline bool on_16_bytes(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % 16 == 0; }

// The first n of a thread's elements: at once where all are there and on 16 bytes.
template <class T>
__device__ Vector<T> load_part(const T* from, int n) {
  Vector<T> x = {};
  if (n == Vector<T>::size && on_16_bytes(from)) return *reinterpret_cast<const Vector<T>*>(from);
  for (int i = 0; i < Vector<T>::size; ++i)
    if (i < n) x.at[i] = from[i];
  return x;
}

template <class T>
__device__ void store_part(T* to, const Vector<T>& x, int n) {
  if (n == Vector<T>::size && on_16_bytes(to)) {
    *reinterpret_cast<Vector<T>*>(to) = x;
    return;
  }
  for (int i = 0; i < Vector<T>::size; ++i)
    if (i < n) to[i] = x.at[i];
}

// Rule: `reads` and `writes`, which operands; prepare(Numbers&, thread, ..), what threads 0, 32, .. work out for the
// block; rule(numbers, value, grad, first, second) for one element.
template <class T, class Rule>
__global__ void __launch_bounds__(update_threads)
    update_kernel(const Update<T>* updates, Rule rule, const double* lr_factor, const Advance* advance) {
  constexpr int V = Vector<T>::size;
  __shared__ typename Rule::Numbers numbers;
  const Update<T> u = updates[blockIdx.x];
  T* const operand[4] = {u.value, u.grad, u.first, u.second};
  const int at = static_cast<int>(threadIdx.x) * V, n = min(V, static_cast<int>(u.count) - at);
  Vector<T> x[4] = {};
#pragma unroll
  for (int k = 0; k < 4; ++k)
    if ((Rule::reads >> k & 1) != 0 && n > 0) x[k] = load_part(operand[k] + at, n);
  rule.prepare(numbers, static_cast<int>(threadIdx.x), u.lr * *lr_factor, u.weight_decay,
               static_cast<double>(advance->steps));
  __syncthreads();
#pragma unroll
  for (int j = 0; j < V; ++j) rule(numbers, x[0].at[j], x[1].at[j], x[2].at[j], x[3].at[j]);
#pragma unroll
  for (int k = 0; k < 4; ++k)
    if ((Rule::writes >> k & 1) != 0 && n > 0) store_part(operand[k] + at, x[k], n);
}

template <class T>
struct AdamRule {
  struct Numbers {
    T rate, scale, keep;
  };
  static constexpr unsigned reads = 15, writes = 15;
  impl::AdamNumbers s;

  __device__ void prepare(Numbers& to, int thread, double lr, double decay, double passed) const {
    const double t = static_cast<double>(s.steps) + passed;
    if (thread == 0) to.rate = static_cast<T>(lr / (1 - pow(s.beta1, t)));
    if (thread == 32) to.scale = static_cast<T>(1 / sqrt(1 - pow(s.beta2, t)));
    if (thread == 64) to.keep = static_cast<T>(s.decoupled ? 1 - lr * decay : decay);
  }
  __device__ void operator()(const Numbers& n, T& p, T& grad, T& m, T& v) const {
    const T before = s.decoupled ? n.keep * p : p;
    const T g = s.decoupled ? grad : grad + n.keep * p;
    m = static_cast<T>(s.beta1) * m + static_cast<T>(1 - s.beta1) * g;
    v = static_cast<T>(s.beta2) * v + static_cast<T>(1 - s.beta2) * g * g;
    p = before - n.rate * m / (sqrt(v) * n.scale + static_cast<T>(s.eps));
    grad = 0;
  }
};

template <class T, bool has_momentum>
struct SgdRule {
  struct Numbers {
    T lr, decay;
  };
  static constexpr unsigned reads = has_momentum ? value_bit | grad_bit | first_bit : value_bit | grad_bit;
  static constexpr unsigned writes = reads;
  T momentum, g_share, v_share;

  __device__ void prepare(Numbers& to, int thread, double lr, double decay, double) const {
    if (thread == 0) to = {static_cast<T>(lr), static_cast<T>(decay)};
  }
  __device__ void operator()(const Numbers& n, T& p, T& grad, T& v, T&) const {
    const T g = grad + n.decay * p;
    v = momentum * v + g;
    p -= n.lr * (g_share * g + v_share * v);
    grad = 0;
  }
};

template <class T>
struct EmaRule {
  struct Numbers {
    T rest;
  };
  static constexpr unsigned reads = value_bit | first_bit, writes = first_bit;
  impl::EmaNumbers s;

  __device__ void prepare(Numbers& to, int thread, double, double, double passed) const {
    const double n = static_cast<double>(s.updates) + passed;
    const double decay = s.warm_up ? min(s.decay, (1 + n) / (10 + n)) : s.decay;
    if (thread == 0) to.rest = static_cast<T>(1 - decay);
  }
  __device__ void operator()(const Numbers& n, T& p, T&, T& average, T&) const { average += n.rest * (p - average); }
};

struct NoNumbers {};

template <class T>
struct SwapRule {
  using Numbers = NoNumbers;
  static constexpr unsigned reads = value_bit | first_bit, writes = reads;

  __device__ void prepare(Numbers&, int, double, double, double) const {}
  __device__ void operator()(const Numbers&, T& p, T&, T& other, T&) const {
    const T was = p;
    p = other;
    other = was;
  }
};

template <class T>
struct ZeroRule {
  using Numbers = NoNumbers;
  static constexpr unsigned reads = 0, writes = grad_bit;

  __device__ void prepare(Numbers&, int, double, double, double) const {}
  __device__ void operator()(const Numbers&, T&, T& grad, T&, T&) const { grad = 0; }
};

// --- the norm of all gradients: partial sums of fixed sets of pieces, then every block of the second kernel adds them

inline constexpr int norm_blocks = 512;

// The sum over the block's threads, in an order that is always the same; to all threads.
__device__ inline double block_sum(double x) {
  __shared__ double sums[update_threads];
  sums[threadIdx.x] = x;
  __syncthreads();
  for (unsigned half = update_threads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  return sums[0];
}

template <class T>
__global__ void __launch_bounds__(update_threads)
    square_kernel(const Update<T>* updates, index_t pieces, double* partial) {
  constexpr int V = Vector<T>::size;
  double sum = 0;
  for (index_t i = blockIdx.x; i < pieces; i += gridDim.x) {
    const int at = static_cast<int>(threadIdx.x) * V, n = min(V, static_cast<int>(updates[i].count) - at);
    if (n <= 0) continue;
    const Vector<T> g = load_part(updates[i].grad + at, n);
    for (int j = 0; j < V; ++j) sum += static_cast<double>(g.at[j]) * static_cast<double>(g.at[j]);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

template <class T>
__global__ void __launch_bounds__(update_threads)
    clip_kernel(const Update<T>* updates, const double* partial, int partials, double max_norm, double* result) {
  constexpr int V = Vector<T>::size;
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < partials; i += update_threads) sum += partial[i];
  const double norm = sqrt(block_sum(sum)), factor = max_norm / (norm + 1e-6);
  if (blockIdx.x == 0 && threadIdx.x == 0) *result = norm;
  if (!(isfinite(norm) && factor < 1)) return;
  const Update<T> u = updates[blockIdx.x];
  const int at = static_cast<int>(threadIdx.x) * V, n = min(V, static_cast<int>(u.count) - at);
  if (n <= 0) return;
  Vector<T> g = load_part(u.grad + at, n);
  for (int j = 0; j < V; ++j) g.at[j] *= static_cast<T>(factor);
  store_part(u.grad + at, g, n);
}

template <class T, class Rule>
void update(const char* name, const Updates<T, Cuda>& updates, const Rule& rule) {
  const index_t pieces = updates.list.size(0);
  if (pieces == 0) return;
  update_kernel<<<static_cast<unsigned>(pieces), update_threads, 0, stream_handle()>>>(
      updates.list.data(), rule, updates.lr_factor, current_stream().advance());
  check_launch(name);
}

}  // namespace detail

template <class T>
void adam_step(const impl::Updates<T, Cuda>& updates, const impl::AdamNumbers& numbers) {
  detail::update("adam_step", updates, detail::AdamRule<T>{numbers});
}

template <class T>
void sgd_step(const impl::Updates<T, Cuda>& updates, const impl::SgdNumbers& numbers) {
  const T momentum = static_cast<T>(numbers.momentum);
  if (numbers.momentum == 0)
    detail::update("sgd_step", updates, detail::SgdRule<T, false>{0, 1, 0});
  else if (numbers.nesterov)
    detail::update("sgd_step", updates, detail::SgdRule<T, true>{momentum, 1, momentum});
  else
    detail::update("sgd_step", updates, detail::SgdRule<T, true>{momentum, 0, 1});
}

template <class T>
void ema_update(const impl::Updates<T, Cuda>& updates, const impl::EmaNumbers& numbers) {
  detail::update("ema_update", updates, detail::EmaRule<T>{numbers});
}

template <class T>
void swap_values(const impl::Updates<T, Cuda>& updates) {
  detail::update("swap_values", updates, detail::SwapRule<T>());
}

template <class T>
void zero_gradients(const impl::Updates<T, Cuda>& updates) {
  detail::update("zero_gradients", updates, detail::ZeroRule<T>());
}

template <class T>
void clip_gradients(const impl::Updates<T, Cuda>& updates, double max_norm, double* norm) {
  const index_t pieces = updates.list.size(0);
  if (pieces == 0) return set_number(norm, 0);
  const int partials = static_cast<int>(pieces < detail::norm_blocks ? pieces : detail::norm_blocks);
  ScratchOn<Cuda> scratch;
  double* partial = scratch.take<double>(partials);
  detail::square_kernel<<<static_cast<unsigned>(partials), detail::update_threads, 0, stream_handle()>>>(
      updates.list.data(), pieces, partial);
  check_launch("clip_gradients: squares");
  detail::clip_kernel<<<static_cast<unsigned>(pieces), detail::update_threads, 0, stream_handle()>>>(
      updates.list.data(), partial, partials, max_norm, norm);
  check_launch("clip_gradients: scale");
}

}  // namespace longwave::cuda
