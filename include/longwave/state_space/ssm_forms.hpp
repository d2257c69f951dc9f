// ssm_forms.hpp - the arithmetic of ssm.hpp: channels, two-sided and anchored kernels and input weights on top of the
// forms of one channel (recurrence.hpp).
#pragma once

#include "longwave/core/fill.hpp"
#include "longwave/cuda/memory.hpp"
#include "longwave/state_space/diagonal_modes.hpp"
#include "longwave/state_space/recurrence.hpp"

namespace longwave {

struct SsmCall {
  Algorithm algorithm = Algorithm::auto_;
  bool bidirectional = false;
  double rate = 1;            // factor on dt
  index_t kernel_length = 0;  // samples of the kernel if it is shorter than the input; 0: as long
};

namespace impl {

// One row's modes, those that are anchored at the last sample (as e^{-x} and backwards) apart from the others.
struct SplitModes {
  Scratch& scratch;
  index_t N, n_forward = 0, n_backward = 0;
  complex<double>*x, *v;  // (N): forward ones from the front, backward ones from the end
  index_t* source;        // (N): which mode it was

  SplitModes(Scratch& s, TensorView<const complex<double>, 1> x_, TensorView<const complex<double>, 1> v_,
             bool anchored)
      : scratch(s),
        N(x_.size(0)),
        x(s.take<complex<double>>(N)),
        v(s.take<complex<double>>(N)),
        source(s.take<index_t>(N)) {
    for (index_t n = 0; n < N; ++n) {
      const bool back = anchored && x_(n).re > 0;
      const index_t at = back ? N - ++n_backward : n_forward++;
      x[at] = back ? -x_(n) : x_(n);
      v[at] = v_(n);
      source[at] = n;
    }
  }
  TensorView<const complex<double>, 1> part(const complex<double>* p, bool back) const {
    return back ? TensorView<const complex<double>, 1>(p + n_forward, Extents<1>{n_backward})
                : TensorView<const complex<double>, 1>(p, Extents<1>{n_forward});
  }
};

template <class T>
TensorView<T, 1> reversed(TensorView<T, 1> row) {
  return {row.data() + (row.size(0) - 1) * row.stride(0), row.sizes(), Extents<1>{-row.stride(0)}};
}

// K (C, H, M) from x (H, N), v (C, H, N), v = c b.
template <class T>
void modes_kernel_forward(TensorView<T, 3, Host> K, TensorView<const complex<double>, 2, Host> x,
                          TensorView<const complex<double>, 3, Host> v, bool anchored) {
  const index_t C = K.size(0), H = K.size(1), M = K.size(2);
  if (M == 0) return;
  parallel_for(
      C * H,
      [&](index_t task) {
        const index_t c = task / H, h = task % H;
        Scratch scratch;
        const SplitModes modes(scratch, x[h], v[c][h], anchored);
        vandermonde_forward_row(K[c][h], modes.part(modes.x, false), modes.part(modes.v, false));
        if (modes.n_backward == 0) return;
        const auto row = scratch.tensor<T>(Extents<1>{M});
        vandermonde_forward_row(row, modes.part(modes.x, true), modes.part(modes.v, true));
        for (index_t l = 0; l < M; ++l) K(c, h, l) += row(M - 1 - l);
      },
      v.count() * (100 + M));
}

template <class T>
void modes_kernel_backward(TensorView<complex<double>, 2, Host> dx, TensorView<complex<double>, 3, Host> dv,
                           TensorView<const T, 3, Host> dK, TensorView<const complex<double>, 2, Host> x,
                           TensorView<const complex<double>, 3, Host> v, bool anchored) {
  const index_t C = dK.size(0), H = dK.size(1), N = x.size(1), M = dK.size(2);
  parallel_for(
      H,
      [&](index_t h) {
        Scratch scratch;
        const auto sum0 = scratch.tensor<complex<double>>(Extents<1>{N});
        const auto sum1 = scratch.tensor<complex<double>>(Extents<1>{N});
        for (index_t n = 0; n < N; ++n) dx(h, n) = {};
        for (index_t c = 0; c < C; ++c) {
          const SplitModes modes(scratch, x[h], v[c][h], anchored);
          const index_t F = modes.n_forward;
          vandermonde_project_row(sum0.slice(0, 0, F), sum1.slice(0, 0, F), dK[c][h], modes.part(modes.x, false));
          if (F < N && M > 0)
            vandermonde_project_row(sum0.slice(0, F, N), sum1.slice(0, F, N), reversed(dK[c][h]),
                                    modes.part(modes.x, true));
          for (index_t i = 0; i < N; ++i) {
            const index_t n = modes.source[i];
            const bool none = i >= F && M == 0;
            dv(c, h, n) = none ? complex<double>() : 2.0 * sum0(i);
            if (!none) dx(h, n) += (i < F ? 2.0 : -2.0) * (conj(modes.v[i]) * sum1(i));
          }
        }
      },
      v.count() * (100 + 2 * M));
}

// The same on the device: decaying modes, then growing ones, reflected, from the end.
template <class T>
void modes_kernel_forward(TensorView<T, 3, Cuda> K, TensorView<const complex<double>, 2, Cuda> x,
                          TensorView<const complex<double>, 3, Cuda> v, bool anchored) {
  cuda::vandermonde_forward(K, x, v, anchored ? cuda::Modes::decaying : cuda::Modes::all, false);
  if (anchored) cuda::vandermonde_forward(cuda::reversed(K), x, v, cuda::Modes::growing, true);
}

template <class T>
void modes_kernel_backward(TensorView<complex<double>, 2, Cuda> dx, TensorView<complex<double>, 3, Cuda> dv,
                           TensorView<const T, 3, Cuda> dK, TensorView<const complex<double>, 2, Cuda> x,
                           TensorView<const complex<double>, 3, Cuda> v, bool anchored) {
  cuda::vandermonde_backward(dx, dv, dK, x, v, anchored ? cuda::Modes::decaying : cuda::Modes::all);
  if (anchored) cuda::vandermonde_backward(dx, dv, cuda::reversed(dK), x, v, cuda::Modes::growing);
}

// A discretised layer: c = c b of the tape function, states in units of the input.
template <class T, device D = Host>
struct SsmInputs {
  TensorView<const T, 3, D> u;
  TensorView<const complex<double>, 2, D> x;
  TensorView<const complex<double>, 3, D> c;
  TensorView<const T, 2, D> skip;
  TensorView<const T, 4, D> state_in;
  SsmCall call;
  bool anchored;                     // and there is a mode with Re x > 0, or there may be
  TensorView<T, 1, D> kept = {};     // see DiagonalOutputs; the states are those of all channels
  TensorView<const T, 3, D> K = {};  // samples of the kernel where they are there already (ssm_held.hpp)

  index_t channels() const { return c.size(0) / (call.bidirectional ? 2 : 1); }
  index_t kernel_length() const { return call.kernel_length > 0 ? std::min(call.kernel_length, u.size(2)) : u.size(2); }
  bool kernel_form(Algorithm chosen) const {
    const bool only = call.bidirectional || anchored || kernel_length() < u.size(2);
    const bool fast = fft_is_fast && std::is_same_v<D, Host>;
    const bool many = call.algorithm == Algorithm::auto_ && fast && channels() > 1;
    return u.size(2) > 0 && (only || many || chosen == Algorithm::fft);
  }
  DiagonalInputs<T, D> channel(index_t c_) const {
    return {u, x, c[c_], skip.data() != nullptr ? skip[c_] : TensorView<const T, 1, D>(), state_in, kept};
  }
  Algorithm forward_form() const {
    return call.algorithm == Algorithm::auto_ ? chosen_forward<T, D>(u.size(0), x.size(1), u.size(2)) : call.algorithm;
  }
  Algorithm backward_form() const {
    return call.algorithm == Algorithm::auto_ ? chosen_backward<T, D>(u.size(0), x.size(1), u.size(2)) : call.algorithm;
  }
  // Whether du may be added to, if no state goes out.
  bool adds_du() const {
    const Algorithm form = backward_form();
    return u.size(2) > 0 && !kernel_form(form) && impl::adds_du<T, D>(form);
  }
  // What `kept` needs if no state goes out.
  index_t kept_numbers() const {
    const Algorithm form = forward_form();
    return kernel_form(form) || c.size(0) == 0 ? 0 : impl::kept_numbers(channel(0), form);
  }
};

// Channel c of y (B, C, H, L) as (B, H, L).
template <class T, device D>
TensorView<T, 3, D> channel_of(TensorView<T, 4, D> y, index_t c) {
  return {y.data() + c * y.stride(1), Extents<3>{y.size(0), y.size(2), y.size(3)},
          Extents<3>{y.stride(0), y.stride(2), y.stride(3)}};
}

template <class T, device D>
TensorView<const T, 3, D> kernel_samples(const SsmInputs<T, D>& in, ScratchOn<D>& scratch) {
  if (in.K.data() != nullptr) return in.K;
  const auto K = scratch.template tensor<T>(Extents<3>{in.c.size(0), in.u.size(1), in.kernel_length()});
  modes_kernel_forward(K, in.x, in.c, in.anchored);
  return K;
}

template <class T, device D>
void ssm_forward(TensorView<T, 4, D> y, TensorView<T, 4, D> state_out, const SsmInputs<T, D>& in) {
  const index_t C = in.channels();
  const Algorithm algorithm = in.forward_form();
  const bool kernel_form = in.kernel_form(algorithm);
  if (kernel_form) {
    ScratchOn<D> scratch;
    ops::FftConv::forward(y, in.u, kernel_samples(in, scratch), in.skip);
  }
  for (index_t c = 0; c < C; ++c) {
    const DiagonalOutputs<T, D> out{channel_of(y, c), c == 0 ? state_out : TensorView<T, 4, D>(),
                                    c == 0 ? in.kept : TensorView<T, 1, D>()};
    const DiagonalInputs<T, D> one = in.channel(c);
    if (kernel_form)
      add_state_terms(out, one);
    else
      Diagonal::forward(out, one, algorithm);
  }
}

// Gradients are assigned, dskip and dK are added to; each may be left out but dx and dc. With dK the convolution form
// stops there: dx and dc stay as they are.
template <class T, device D = Host>
struct SsmGradients {
  TensorView<T, 3, D> du;
  TensorView<complex<double>, 2, D> dx;
  TensorView<complex<double>, 3, D> dc;
  TensorView<T, 2, D> dskip;
  TensorView<T, 4, D> dstate_in;
  TensorView<T, 3, D> dK = {};
  bool add_du = false;  // du is added to: only where SsmInputs::adds_du()
};

template <class T, device D>
void ssm_backward(const SsmGradients<T, D>& d, TensorView<const T, 4, D> dy, TensorView<const T, 4, D> dstate_out,
                  const SsmInputs<T, D>& in) {
  const index_t C = in.channels();
  const Algorithm algorithm = in.backward_form();
  const bool kernel_form = in.kernel_form(algorithm);
  ScratchOn<D> scratch;
  if (kernel_form) {
    const TensorView<const T, 3, D> K = kernel_samples(in, scratch);
    const auto dK = scratch.template tensor<T>(K.sizes());
    ops::FftConv::backward(d.du, dK, d.dskip, dy, in.u, K, in.skip);
    if (wanted(d.dK)) return detail::add_to(d.dK, TensorView<const T, 3, D>(dK));
    modes_kernel_backward<T>(d.dx, d.dc, dK, in.x, in.c, in.anchored);
    if (in.state_in.data() == nullptr && dstate_out.data() == nullptr && !wanted(d.dstate_in)) return;
  }
  // Channels share u, x and the state: what the first one assigns, the others add to.
  const bool extra = C > 1;
  const auto room = [&](bool needed, const auto& like) {
    using Number = typename std::decay_t<decltype(like)>::value_type;
    constexpr int rank = std::decay_t<decltype(like)>::rank;
    return needed ? scratch.template tensor<Number>(like.sizes()) : TensorView<Number, rank, D>();
  };
  const auto du = room(extra && wanted(d.du) && !kernel_form, in.u);
  const auto dx = room(extra && !kernel_form, in.x);
  const auto dstate = room(extra && wanted(d.dstate_in), d.dstate_in);
  for (index_t c = 0; c < C; ++c) {
    const DiagonalInputs<T, D> one = in.channel(c);
    const bool first = c == 0;
    const DiagonalCotangents<T, D> from{channel_of(dy, c), first ? dstate_out : TensorView<const T, 4, D>()};
    DiagonalGradients<T, D> to{d.du,
                               d.dx,
                               d.dc[c],
                               wanted(d.dskip) ? d.dskip[c] : TensorView<T, 1, D>(),
                               first ? d.dstate_in : dstate,
                               first && d.add_du};
    if (kernel_form) {
      add_state_gradients(to, from, one);
    } else {
      if (!first) to.du = du, to.dx = dx;
      Diagonal::backward(to, from, one, algorithm);
      if (!first) add_modes<D>(d.dx, dx);
      if (!first && wanted(du)) detail::add_to(d.du, TensorView<const T, 3, D>(du));
    }
    if (!first && wanted(dstate)) detail::add_to(d.dstate_in, TensorView<const T, 4, D>(dstate));
  }
}

inline bool any_growing(TensorView<const complex<double>, 2, Host> x) {
  for (index_t h = 0; h < x.size(0); ++h)
    for (index_t n = 0; n < x.size(1); ++n)
      if (x(h, n).re > 0) return true;
  return false;
}
// Waits for the device: for what has no other way to know.
inline bool any_growing(TensorView<const complex<double>, 2, Cuda> x) {
  const Tensor<complex<double>, 2> host = cuda::to_host(x);
  return any_growing(host.view());
}

}  // namespace impl
}  // namespace longwave
