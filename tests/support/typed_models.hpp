// typed_models.hpp - state-space layers and models over the scalar type and the device.
#pragma once

#include "longwave/models/sequence_classifier.hpp"
#include "longwave/models/sequence_model.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/s4d.hpp"
#include "typed_layers.hpp"

namespace longwave::test {

// Kernels of some hundred modes in float, and their gradients by dt and A, which sum over all of the length.
inline constexpr ModuleTolerance ssm_tolerance{2e-4, 1e-9};

// Layer<T, D> with options changed by `set`; whole sequences, and pieces from a state.
template <class T, device D, template <class, device> class M, class Set>
void check_ssm(const std::string& what, Set set, const Extents<3>& sizes = Extents(2, 6, 45),
               ModuleTolerance tolerance = ssm_tolerance) {
  const auto layer = drawn([=](auto on, Generator& gen) {
    using Layer = M<typename decltype(on)::Scalar, typename decltype(on)::Device>;
    typename Layer::Options o{.d_model = sizes[1], .d_state = 8};
    set(o);
    return Layer(o, gen);
  });
  check_module<T, D>(what, sizes, layer, plainly, tolerance);
}

template <class T, device D, template <class, device> class M, class Set>
void check_pieces(const std::string& what, Set set) {
  const auto layer = drawn([=](auto on, Generator& gen) {
    using Layer = M<typename decltype(on)::Scalar, typename decltype(on)::Device>;
    typename Layer::Options o{.d_model = 6, .d_state = 8};
    set(o);
    return Layer(o, gen);
  });
  check_module<T, D>(
      what + " in pieces", Extents(2, 6, 45), layer,
      [](auto& m, auto& tape, auto x) {
        const auto first = m.forward(tape, slice(x, 2, 0, 17), {});
        const auto second = m.forward(tape, slice(x, 2, 17, 45), first.state);
        return concat(2, first.y, second.y);
      },
      ssm_tolerance);
}

inline constexpr auto as_it_is = [](auto&) {};

template <class T, device D>
void check_s4d_layers() {
  check_ssm<T, D, S4D>("s4d", as_it_is);
  check_ssm<T, D, S4D>("s4d, one sample", as_it_is, Extents(3, 2, 1));
  for (const Algorithm algorithm : {Algorithm::fft, Algorithm::scan, Algorithm::chunk})
    check_ssm<T, D, S4D>(
        "s4d by algorithm " + std::to_string(static_cast<int>(algorithm)), [=](auto& o) { o.algorithm = algorithm; },
        Extents(2, 5, 131));
  check_pieces<T, D, S4D>("s4d", as_it_is);
  check_ssm<T, D, S4D>("s4d, longer", as_it_is, Extents(2, 3, 1030));
}

template <class T, device D>
using S4DiagZoh = S4Diag<T, D>;
template <class T, device D>
using S4DiagBilinear = S4Diag<T, D, Bilinear>;
template <class T, device D>
using S4DiagDss = S4Diag<T, D, Dss>;

template <class T, device D>
void check_s4_diag_layers() {
  check_ssm<T, D, S4DiagZoh>("s4 diag", as_it_is);
  check_ssm<T, D, S4DiagBilinear>("s4 diag, bilinear", as_it_is);
  check_ssm<T, D, S4DiagDss>("s4 diag, dss", as_it_is);
  check_ssm<T, D, S4DiagZoh>("s4 diag, two-sided", [](auto& o) { o.bidirectional = true, o.channels = 2; });
  check_ssm<T, D, S4DiagZoh>("s4 diag, gated", [](auto& o) {
    o.gate = 2, o.gate_act = Activation::silu, o.bottleneck = 2, o.mult_act = Activation::tanh;
  });
  check_ssm<T, D, S4DiagZoh>("s4 diag, hyper", [](auto& o) {
    o.hyper_act = Activation::sigmoid, o.channels = 2, o.swap_channels = true, o.weight_norm = true;
  });
  check_ssm<T, D, S4DiagZoh>("s4 diag, activation glu",
                             [](auto& o) { o.activation = Activation::glu, o.final_act = Activation::elu; });
  check_ssm<T, D, S4DiagZoh>("s4 diag, copies", [](auto& o) {
    o.kernel.n_ssm = 2, o.kernel.init = "diag-inv", o.kernel.dt_tie = false, o.kernel.dt_fast = true;
  });
  check_ssm<T, D, S4DiagZoh>("s4 diag, real", [](auto& o) { o.kernel.is_real = true, o.kernel.init = "diag-real"; });
  check_ssm<T, D, S4DiagZoh>("s4 diag, transforms", [](auto& o) {
    o.kernel.real_transform = Transform::softplus, o.kernel.dt_transform = Transform::softplus;
    o.kernel.bandlimit = 0.5, o.l_max = 20;
  });
  check_pieces<T, D, S4DiagZoh>("s4 diag", [](auto& o) { o.channels = 2; });
}

template <class T, device D>
void check_s4_layers() {
  check_ssm<T, D, S4>("s4 of rank 1", [](auto& o) { o.l_max = 45, o.kernel.init = "legs"; });
  // Fourier modes hardly decay: one unit in the last place of the parameters moves the gradient of A_imag by 4e-9.
  check_ssm<T, D, S4>(
      "s4 of rank 2", [](auto& o) { o.l_max = 45, o.kernel.rank = 2, o.kernel.init = "fourier"; }, Extents(2, 6, 45),
      ModuleTolerance{2e-4, 2e-8});
  check_ssm<T, D, S4>("s4, length unknown", as_it_is);
  check_ssm<T, D, S4>("s4 that doubles its length", [](auto& o) { o.l_max = 20; });
  check_pieces<T, D, S4>("s4", [](auto& o) { o.l_max = 45; });
}

template <class T, device D>
void check_dss_layers() {
  for (const DssVersion version : {DssVersion::softmax, DssVersion::exp, DssVersion::exp_re_im,
                                   DssVersion::exp_no_scale, DssVersion::clip, DssVersion::clip_no_scale})
    for (const bool separate : {true, false})
      check_ssm<T, D, DSS>("dss " + to_string(version),
                           [=](auto& o) { o.kernel.version = version, o.kernel.sep_dt_re_im = separate; });
  check_pieces<T, D, DSS>("dss", [](auto& o) { o.kernel.version = DssVersion::exp; });
}

// What a pass may add, and dropout of the kernel and in the block.
template <class T, device D>
void check_ssm_runs() {
  Tensor<index_t, 1> lengths(3);
  for (index_t b = 0; b < 3; ++b) lengths(b) = 45 - 20 * b;
  const auto lengths_there = placed<D>(lengths);
  check_module<T, D>(
      "s4d with lengths and a rate", Extents(3, 6, 45), made<S4D>([](auto o) { return o.d_model = 6, o; }),
      [&](auto& m, auto& tape, auto x) {
        if constexpr (std::is_same_v<std::remove_reference_t<decltype(tape.arena())>, Arena<Host>>)
          return m(tape, x, {.lengths = lengths.view(), .rate = 2});
        else
          return m(tape, x, {.lengths = lengths_there.view(), .rate = 2});
      },
      ssm_tolerance);
  const auto dropped =
      made<S4DiagZoh>([](auto o) { return o.d_model = 6, o.d_state = 8, o.drop_kernel = 0.2, o.dropout = 0.2, o; });
  check_training<T, D>("s4 diag with dropout", Extents(2, 6, 45), dropped, plainly, ssm_tolerance);
}

template <class T, device D>
void check_classifiers() {
  for (const bool prenorm : {false, true})
    for (const Pooling pooling : {Pooling::mean, Pooling::last}) {
      const auto model = made<SequenceClassifier>([=](auto o) {
        return o.d_input = 2, o.d_model = 8, o.d_state = 8, o.n_layers = 2, o.prenorm = prenorm, o.pooling = pooling, o;
      });
      check_module<T, D>("classifier", Extents(3, 2, 41), model, plainly, ssm_tolerance);
      check_training<T, D>("classifier", Extents(3, 2, 41), model, plainly, ssm_tolerance);
    }
}

// SequenceModel<S4D, FeedForward> with its options changed by `set`.
template <class T, device D, class Set>
void check_model(const std::string& what, Set set, bool train = false) {
  const auto model = drawn([=](auto on, Generator& gen) {
    using U = typename decltype(on)::Scalar;
    using E = typename decltype(on)::Device;
    using Model = SequenceModel<S4D<U, E>, FeedForward<U, E>>;
    typename Model::Options o;
    o.d_model = 8;
    std::get<0>(o.layers).d_state = 8;
    std::get<1>(o.layers).expand = 2;
    set(o);
    return Model(o, gen);
  });
  if (train)
    check_training<T, D>(what, Extents(2, 8, 36), model, plainly, ssm_tolerance);
  else
    check_module<T, D>(what, Extents(2, 8, 36), model, plainly, ssm_tolerance);
}

template <class T, device D>
void check_models() {
  for (const auto& norm : norm_names)
    check_model<T, D>("model with norm " + std::string(norm.name), [&](auto& o) { o.norm = norm.value; });
  for (const auto& residual : residual_names)
    check_model<T, D>("model with residual " + std::string(residual.name), [&](auto& o) {
      o.residual.kind = residual.value;
      o.n_layers = 2;
    });
  for (const auto& pool : pool_names)
    check_model<T, D>("model with pool " + std::string(pool.name),
                      [&](auto& o) { o.pool = {.kind = pool.value, .stride = 2, .expand = 2}; });
  check_model<T, D>("model, two directions, post-norm", [](auto& o) { o.bidirectional = true, o.prenorm = false; });
  check_model<T, D>(
      "model with dropout",
      [](auto& o) { o.dropout = 0.2, o.dropinp = 0.1, o.tie_dropout = true, o.norm = NormKind::batch; }, true);
}

}  // namespace longwave::test
