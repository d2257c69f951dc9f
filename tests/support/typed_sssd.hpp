// typed_sssd.hpp - diffusion, SSSD's network and the denoisers of MNIST-1D over the scalar type and the device.
#pragma once

#include "longwave/autograd/functions/residual_mix.hpp"
#include "longwave/diffusion/ddim.hpp"
#include "longwave/diffusion/ddpm.hpp"
#include "longwave/diffusion/forward_process.hpp"
#include "longwave/diffusion/point_sampler.hpp"
#include "longwave/diffusion/step_embedding.hpp"
#include "longwave/models/categorical_sampler.hpp"
#include "longwave/models/diffwave.hpp"
#include "longwave/models/mnist1d_denoiser.hpp"
#include "longwave/models/mnist1d_s4d_denoiser.hpp"
#include "longwave/models/sssd.hpp"
#include "typed_layers.hpp"

namespace longwave::test {

inline constexpr ModuleTolerance sssd_tolerance{3e-4, 1e-9};

// 0 at every third place.
template <class T, int N>
Tensor<T, N> some_known(const Extents<N>& sizes) {
  Tensor<T, N> mask(sizes);
  for (index_t i = 0; i < mask.count(); ++i) mask.data()[i] = i % 3 == 0 ? T(0) : T(1);
  return mask;
}

inline Tensor<index_t, 1> some_steps(index_t B, index_t T_) {
  Tensor<index_t, 1> steps(B);
  for (index_t b = 0; b < B; ++b) steps(b) = (7 * b + 3) % T_;
  return steps;
}

// What the device gave, on the host.
template <class T, int N, device D>
Tensor<T, N> brought(TensorView<const T, N, D> x) {
  Tensor<T, N> to(x.sizes());
  const Tensor<T, 1> flat = flat_numbers(x);
  for (index_t i = 0; i < to.count(); ++i) to.data()[i] = flat.data()[i];
  return to;
}

// --- ends of a block -----------------------------------------------------------------------------------------------

// Inputs that the four take, as parameters of a module, so that check_module looks at every gradient.
template <class T, device D>
struct BlockEnds {
  Parameter<T, 3, D> u, W, S, c, P;
  Parameter<T, 1, D> bias, weight, shift, s;
  Parameter<T, 2, D> v;

  // z (B, 2 K, L) comes from outside, u (B, 2 K, L), c (B, C, L).
  BlockEnds(const Extents<3>& z, index_t C, Generator& gen) {
    const index_t B = z[0], H = z[1], K = H / 2, L = z[2];
    u = Parameter<T, 3, D>(Extents<3>{B, K, L});
    W = Parameter<T, 3, D>(Extents<3>{K, H, 1});
    S = Parameter<T, 3, D>(Extents<3>{K + 1, K, 1});
    c = Parameter<T, 3, D>(Extents<3>{B, C, L});
    P = Parameter<T, 3, D>(Extents<3>{K, C, 1});
    for (Parameter<T, 1, D>* p : {&bias, &weight, &shift}) *p = Parameter<T, 1, D>(Extents<1>{K});
    s = Parameter<T, 1, D>(Extents<1>{K + 1});
    v = Parameter<T, 2, D>(Extents<2>{B, K});
    for_each_parameter([&](const std::string&, auto& p) { init::normal(gen, p.value.view(), 0, 0.7); });
  }

  template <class F>
  void for_each_parameter(F&& f) {
    f("u", u);
    f("W", W);
    f("S", S);
    f("c", c);
    f("P", P);
    f("bias", bias);
    f("weight", weight);
    f("shift", shift);
    f("s", s);
    f("v", v);
  }
};

// residual_mix, both additions and a chain of two gated exits whose skips add up; the last exit's x_next is not used
// where `last`.
template <class T, device D>
void check_block_ends() {
  for (const index_t B : {1, 3, 9})
    for (const index_t L : {1, 31, 36}) {
      const index_t K = L == 36 ? 32 : 5;  // 32 channels, 36 samples: all in pieces of 16 bytes on the device
      const Extents<3> sizes{B, 2 * K, L};
      const auto make = drawn([=](auto on, Generator& gen) {
        return BlockEnds<typename decltype(on)::Scalar, typename decltype(on)::Device>(sizes, 3, gen);
      });
      for (const bool last : {false, true})
        check_module<T, D>(
            "block ends", sizes, make,
            [=](auto& m, auto& tape, auto z) {
              const auto u = m.u.on(tape), R = m.S.on(tape);
              const auto square = slice(R, 0, 0, K);
              const auto mixed = residual_mix(z, u, m.W.on(tape), m.bias.on(tape), m.weight.on(tape), m.shift.on(tape));
              auto h = add_projection(mixed, m.c.on(tape), m.P.on(tape), m.bias.on(tape));
              h = add_at_all_times(h, m.v.on(tape));
              const auto both = concat(1, h, mixed);
              const auto first = gated_exit(both, u, {}, contiguous(square), m.bias.on(tape), R, m.s.on(tape), 0.7);
              const auto second = gated_exit(concat(1, first.x_next, h), first.x_next, first.total, contiguous(square),
                                             m.bias.on(tape), R, m.s.on(tape), 0.7);
              return last ? second.total : concat(1, second.x_next, second.total);
            },
            sssd_tolerance);
    }
}

// --- networks --------------------------------------------------------------------------------------------------------

// Net: template of <T, D>. The last convolution starts at 0 and would hide everything.
template <class T, device D, template <class, device> class Net, class Set>
void check_sssd_network(const std::string& what, index_t B, index_t L, Set set, bool hold = false) {
  const auto make = drawn([=](auto on, Generator& gen) {
    using Network = Net<typename decltype(on)::Scalar, typename decltype(on)::Device>;
    SssdOptions o{.in_channels = 2,
                  .out_channels = 2,
                  .num_res_layers = 3,
                  .res_channels = 5,
                  .skip_channels = 7,
                  .diffusion_step_embed_dim_in = 8,
                  .diffusion_step_embed_dim_mid = 11,
                  .diffusion_step_embed_dim_out = 13,
                  .s4_lmax = L,
                  .s4_d_state = 6};
    set(o);
    Network net(o, gen);
    init::normal(gen, net.final_conv.zero_conv.weight.value.view(), 0, 0.5);
    return net;
  });
  const Tensor<index_t, 1> steps = some_steps(B, 50);
  const auto steps_there = placed<D>(steps);
  const Extents<3> sizes{B, 2, L};
  check_module<T, D>(
      what, sizes, make,
      [&](auto& net, auto& tape, auto x) {
        using N = std::remove_reference_t<decltype(net)>;
        using U = typename N::value_type;
        using E = typename N::device_type;
        const auto mask = placed<E>(some_known<U>(sizes));
        const auto kept_mask = tape.template keep<U>(sizes), kept_cond = tape.template keep<U>(sizes);
        copy(kept_mask, std::as_const(mask).view());
        copy(kept_cond, x.value());
        if (hold) net.hold(L);
        const auto run = [&](auto at) { return net(tape, x, tape.input(kept_cond), tape.input(kept_mask), at); };
        if constexpr (std::is_same_v<E, Host>)
          return run(steps.view());
        else
          return run(std::as_const(steps_there).view());
      },
      sssd_tolerance);
}

template <class T, device D>
void check_sssd_networks() {
  const auto as_published = [](SssdOptions&) {};
  check_sssd_network<T, D, Sssd>("sssd", 3, 37, as_published);
  check_sssd_network<T, D, Sssd>("sssd, a batch of 11", 11, 16, as_published);
  check_sssd_network<T, D, Sssd>("sssd, one sample", 1, 1, as_published);
  check_sssd_network<T, D, Sssd>("sssd, one direction", 2, 19, [](SssdOptions& o) { o.s4_bidirectional = false; });
  check_sssd_network<T, D, Sssd>("sssd without norm", 2, 19, [](SssdOptions& o) { o.s4_layernorm = false; });
  check_sssd_network<T, D, Sssd>("sssd longer than it was made for", 2, 41, [](SssdOptions& o) { o.s4_lmax = 13; });
  check_sssd_network<T, D, SssdS4d>("sssd with s4d", 3, 37, as_published);
  check_sssd_network<T, D, DiffWave>("diffwave", 3, 37, as_published);
}

// Held kernels and weights give the bits of those that are worked out in each pass, and follow the parameters again
// after hold(0).
template <class T, device D, template <class, device> class Net>
void check_hold() {
  const index_t B = 3, L = 23;
  Generator gen(5);
  Net<T, D> net({.num_res_layers = 2, .res_channels = 8, .skip_channels = 16, .s4_lmax = L, .s4_d_state = 4}, gen);
  init::normal(gen, net.final_conv.zero_conv.weight.value.view(), 0, 0.5);
  const auto x = placed<D>(float_numbers<T>(Extents<3>{B, 1, L}, 6)), mask = placed<D>(some_known<T>(x.sizes()));
  const auto steps = placed<D>(some_steps(B, 50));
  Tape<T, D> tape;
  tape.set_recording(false);
  const auto pass = [&] {
    tape.rewind();
    return brought(net(tape, tape.input(x), tape.input(x), tape.input(mask), std::as_const(steps).view()).value());
  };
  const Tensor<T, 3> before = pass();
  net.hold(L);
  const Tensor<T, 3> held = pass();
  CHECK(std::equal(before.data(), before.data() + before.count(), held.data()));
  init::normal(gen, net.init_conv.weight_g.value.view(), 0, 1);
  const Tensor<T, 3> still = pass();
  CHECK(std::equal(before.data(), before.data() + before.count(), still.data()));
  net.hold(0);
  const Tensor<T, 3> after = pass();
  CHECK_FALSE(std::equal(before.data(), before.data() + before.count(), after.data()));
}

template <class T, device D>
void check_holds() {
  check_hold<T, D, Sssd>();
  check_hold<T, D, SssdS4d>();
  check_hold<T, D, DiffWave>();
}

}  // namespace longwave::test
