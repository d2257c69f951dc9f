// typed_layers.hpp - layers without a state-space kernel, over the scalar type and the device.
#pragma once

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/nn/conv1d.hpp"
#include "longwave/nn/dropout.hpp"
#include "longwave/nn/feed_forward.hpp"
#include "longwave/nn/residual_block.hpp"
#include "longwave/nn/retrieval_decoder.hpp"
#include "longwave/nn/sequence_encoder.hpp"
#include "longwave/nn/sequential.hpp"
#include "typed_modules.hpp"

namespace longwave::test {

// [](auto on, Generator& gen) -> module as make(On), drawn from one seed.
template <class F>
auto drawn(F f) {
  return [f](auto on) {
    Generator gen(71);
    return f(on, gen);
  };
}

// M<T, D>(options, gen), or M<T, D>(options).
template <template <class, device> class M, class Options>
auto made(Options options) {
  return drawn([options](auto on, Generator& gen) {
    using Module = M<typename decltype(on)::Scalar, typename decltype(on)::Device>;
    const typename Module::Options o = options(typename Module::Options());
    if constexpr (std::is_constructible_v<Module, typename Module::Options, Generator&>)
      return Module(o, gen);
    else
      return Module(o);
  });
}

template <class T, device D>
using RowActivation = LinearActivation<T, D>;

template <class T, device D>
void check_linear_layers() {
  const auto linear = made<Linear>([](auto o) { return o.in = 5, o.out = 7, o; });
  check_module<T, D>("linear", Extents(3, 5), linear, plainly);
  check_module<T, D>("linear over three axes", Extents(2, 9, 5), linear, plainly);
  check_module<T, D>("linear without bias", Extents(1, 33),
                     made<Linear>([](auto o) { return o.in = 33, o.out = 1, o.bias = false, o; }), plainly);
  const auto pointwise = made<PointwiseLinear>([](auto o) { return o.in = 6, o.out = 17, o; });
  for (const index_t L : {1, 33, 257}) check_module<T, D>("pointwise", Extents<3>(2, 6, L), pointwise, plainly);
  check_module<T, D>("pointwise with windows", Extents(2, 2, 33), pointwise,
                     [](auto& m, auto& tape, auto x) { return m(tape, x, 3); });
  check_module<T, D>("conv1d", Extents(2, 4, 31), made<Conv1d>([](auto o) {
                       return o.in = 4, o.out = 6, o.kernel = 3, o.stride = 2, o.padding = 1, o.dilation = 2,
                              o.groups = 2, o;
                     }),
                     plainly);
  for (const auto activation : {Activation::none, Activation::gelu, Activation::elu, Activation::glu})
    for (const bool weight_norm : {false, true})
      check_module<T, D>("linear with activation " + to_string(activation), Extents(2, 5, 19),
                         made<RowActivation>([=](auto o) {
                           return o.in = 5, o.out = 6, o.activation = activation, o.weight_norm = weight_norm, o;
                         }),
                         plainly);
}

template <class T, device D>
void check_norm_layers() {
  const Extents<3> sizes(3, 8, 37);
  const auto features = [](auto o) { return o.features = 8, o; };
  check_module<T, D>("layer norm", sizes, made<LayerNorm>(features), plainly);
  check_module<T, D>("layer norm of features", Extents(5, 8), made<LayerNorm>(features), plainly);
  check_module<T, D>("layer norm of the last axis", sizes,
                     made<LayerNorm>([](auto o) { return o.features = 37, o.axis = -1, o.bias = false, o; }), plainly);
  check_module<T, D>("batch norm", sizes, made<BatchNorm>(features), plainly);
  check_training<T, D>("batch norm", sizes, made<BatchNorm>(features), plainly);
  check_training<T, D>("batch norm of features", Extents(9, 8), made<BatchNorm>(features), plainly);
  check_module<T, D>("group norm", sizes, made<GroupNorm>([](auto o) { return o.features = 8, o.groups = 2, o; }),
                     plainly);
  check_module<T, D>("instance norm", sizes, made<InstanceNorm>(features), plainly);
  check_module<T, D>("transposed layer norm", sizes, made<TransposedLayerNorm>(features), plainly);
}

// Dropout by itself has no parameters.
template <class T, device D>
struct DropoutLayer {
  using Options = Dropout::Options;
  Dropout dropout;

  explicit DropoutLayer(Options o) : dropout(o) {}
  template <class F>
  void for_each_parameter(F&&) {}
  template <int N>
  Var<T, N, D> operator()(Tape<T, D>& tape, Var<T, N, D> x) {
    return dropout(tape, x);
  }
};

template <class T, device D>
void check_dropout_layers() {
  for (const bool tied : {false, true}) {
    const auto dropout = made<DropoutLayer>([=](auto o) { return o.p = 0.3, o.tied = tied, o; });
    check_module<T, D>("dropout", Extents(2, 5, 61), dropout, plainly);
    check_training<T, D>("dropout", Extents(2, 5, 61), dropout, plainly, {1e-6, 1e-15});
  }
}

template <class T, device D>
void check_residuals() {
  const auto join = [](auto& m, auto& tape, auto x) { return m(tape, x, scale(x, 0.5) * x); };
  for (const char* kind : {"R", "F", "A", "D", "H"})
    for (const bool second : {false, true})
      check_module<T, D>(std::string("residual ") + kind, Extents(2, 6, 21), drawn([=](auto on, Generator& gen) {
                           ResidualOptions o{.kind = parse_residual(kind), .beta = 0.7, .scalar = !second};
                           o.l2 = o.elemwise = o.scaling_correction = second;
                           return Residual<typename decltype(on)::Scalar, typename decltype(on)::Device>(o, 2, 6, 6,
                                                                                                         gen);
                         }),
                         join);
}

template <class T, device D>
void check_pools() {
  for (const char* kind : {"sample", "average", "linear", "spectral", "none"})
    for (const index_t expand : {0, 2})
      check_module<T, D>(std::string("pool ") + kind, Extents(2, 6, 24), drawn([=](auto on, Generator& gen) {
                           const PoolOptions o{.kind = parse_pool(kind), .stride = 3, .expand = expand};
                           return Pool<typename decltype(on)::Scalar, typename decltype(on)::Device>(o, 6, gen);
                         }),
                         plainly);
  for (const char* kind : {"sample", "average", "linear"})
    for (const bool causal : {false, true}) {
      if (causal && kind[0] == 's') continue;
      check_module<T, D>(std::string("up-pool ") + kind, Extents(2, 6, 11), drawn([=](auto on, Generator& gen) {
                           const PoolOptions o{.kind = parse_pool(kind), .stride = 3, .expand = 2, .causal = causal};
                           return UpPool<typename decltype(on)::Scalar, typename decltype(on)::Device>(o, 6, gen);
                         }),
                         plainly);
    }
}

template <class T, device D>
void check_blocks() {
  check_module<T, D>("feed-forward", Extents(2, 6, 21),
                     made<FeedForward>([](auto o) { return o.d_model = 6, o.expand = 2.5, o; }), plainly);
  for (const char* norm : {"layer", "transposed_layer", "batch", "instance", "group", "none"})
    for (const bool prenorm : {true, false}) {
      const auto block = drawn([=](auto on, Generator& gen) {
        using Layer = FeedForward<typename decltype(on)::Scalar, typename decltype(on)::Device>;
        return ResidualBlock<Layer>({.d_input = 6,
                                     .prenorm = prenorm,
                                     .bidirectional = !prenorm,
                                     .dropout = 0.2,
                                     .tie_dropout = prenorm,
                                     .norm = parse_norm(norm),
                                     .pool = {.kind = PoolKind::average, .stride = 2, .expand = 2}},
                                    {.expand = 2}, gen);
      });
      check_module<T, D>(std::string("block with norm ") + norm, Extents(2, 6, 20), block, plainly);
      check_training<T, D>(std::string("block with norm ") + norm, Extents(2, 6, 20), block, plainly,
                           {1e-4, 1e-11});  // both sides round to T
    }
  check_module<T, D>("sequential", Extents(7, 5), drawn([](auto on, Generator& gen) {
                       using Layer = Linear<typename decltype(on)::Scalar, typename decltype(on)::Device>;
                       return Sequential(
                           Layer({.in = 5, .out = 9}, gen), [](auto&, auto x) { return gelu(x); },
                           Layer({.in = 9, .out = 2}, gen));
                     }),
                     plainly);
}

template <class T, device D>
void check_encoders() {
  Tensor<std::int32_t, 2> tokens(3, 14);
  for (index_t i = 0; i < tokens.count(); ++i) tokens.data()[i] = static_cast<std::int32_t>(i * i % 11);
  const auto tokens_there = placed<D>(tokens);
  // x only scales what comes out.
  const auto call = [&](auto& m, auto& tape, auto x) {
    using Place = typename std::remove_reference_t<decltype(tape.arena())>;
    if constexpr (std::is_same_v<Place, Arena<Host>>)
      return m(tape, tokens.view()) * x;
    else
      return m(tape, tokens_there.view()) * x;
  };
  const auto options = [](auto o) { return o.vocabulary = 11, o.dim = 6, o; };
  check_module<T, D>("embedding", Extents(3, 14, 6), made<Embedding>(options), call);
  check_module<T, D>("embedding encoder", Extents(3, 6, 14), drawn([](auto on, Generator& gen) {
                       return EmbeddingEncoder<typename decltype(on)::Scalar, typename decltype(on)::Device>(
                           {.vocabulary = 11, .dim = 6}, gen);
                     }),
                     call);
}

template <class T, device D>
void check_decoders() {
  Tensor<index_t, 1> lengths(4);
  for (index_t b = 0; b < 4; ++b) lengths(b) = 20 + 3 * b;
  const auto lengths_there = placed<D>(lengths);
  const auto with_lengths = [&](auto& m, auto& tape, auto x) {
    using Place = typename std::remove_reference_t<decltype(tape.arena())>;
    if constexpr (std::is_same_v<Place, Arena<Host>>)
      return m(tape, x, lengths.view());
    else
      return m(tape, x, lengths_there.view());
  };
  for (const char* mode : {"last", "first", "pool", "sum"})
    for (const index_t l_output : {-1, 0, 5})
      for (const bool use_lengths : {false, true}) {
        if (use_lengths && l_output < 0) continue;
        const auto decoder = made<SequenceDecoder>([=](auto o) {
          return o.d_model = 6, o.d_output = l_output == 5 ? 0 : 3, o.l_output = l_output,
                 o.mode = parse_decode_mode(mode), o.use_lengths = use_lengths, o;
        });
        const std::string what = std::string("decoder ") + mode;
        if (use_lengths)
          check_module<T, D>(what + " with lengths", Extents(4, 6, 29), decoder, with_lengths);
        else
          check_module<T, D>(what, Extents(4, 6, 29), decoder, plainly);
      }
  check_module<T, D>("ragged decoder", Extents(4, 6, 40), made<SequenceDecoder>([](auto o) {
                       return o.d_model = 6, o.d_output = 3, o.mode = DecodeMode::ragged, o;
                     }),
                     with_lengths);
  for (const bool nli : {true, false})
    check_module<T, D>("retrieval decoder", Extents(4, 6, 29),
                       made<RetrievalDecoder>([=](auto o) { return o.d_model = 6, o.nli = nli, o; }), plainly);
}

}  // namespace longwave::test
