// typed_bfloat16_layer.hpp - what follows the state space in a layer, and layers, with values in bfloat16, over the
// device. Reference: the same in float or double on the host, on the same rounded inputs.
#pragma once

#include "host_place.hpp"
#include "longwave/autograd/functions/bias_glu.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/s4d.hpp"
#include "typed_bfloat16_scan.hpp"

namespace longwave::test {

// What comes back from the device of a view there.
template <class T, int N, device D>
auto fetched(TensorView<T, N, D> view) {
  using Value = std::remove_const_t<T>;
  auto t = Tensor<Value, N, D>::uninitialized(view.sizes());
  copy(t.view(), TensorView<const Value, N, D>(view));
  return Place<D>::from(t);
}

// A rule and its slope of numbers rounded to bfloat16: the double result, rounded once.
template <class Rule, device D>
void check_bfloat16_rule(Rule rule = {}) {
  for (const index_t n : {0, 1, 7, 8, 31, 997, 4096, 20003}) {
    const auto x = in_bfloat16(random<float>(Extents(n + 1), 41, 3.0f)),
               dy = in_bfloat16(random<float>(Extents(n + 1), 42));
    const auto x_there = Place<D>::to(x), dy_there = Place<D>::to(dy);
    for (const index_t first : {0, 1}) {
      const auto part = [=](const auto& t) { return t.view().slice(0, first, n + first); };
      Tensor<double, 1> want_y(n), want_dx(n);
      for (index_t i = 0; i < n; ++i) {
        const double at = static_cast<double>(float(x(i + first)));
        want_y(i) = rule.value(at);
        want_dx(i) = static_cast<double>(float(dy(i + first))) * rule.slope(at);
      }
      auto y = unwritten<bfloat16, 1, D>(Extents(n)), dx = unwritten<bfloat16, 1, D>(Extents(n));
      ops::Unary<Rule>::forward(y.view(), part(x_there), rule);
      ops::Unary<Rule>::backward(dx.view(), part(dy_there), part(x_there), rule);
      INFO(Rule::name << ", n " << n << ", first " << first);
      CHECK(beyond_rounding(Place<D>::from(y), want_y) <= 1e-6);
      CHECK(beyond_rounding(Place<D>::from(dx), want_dx) <= 1e-6);
    }
  }
}

template <device D>
void check_bfloat16_rules() {
  check_bfloat16_rule<GeluRule, D>();
  check_bfloat16_rule<SiluRule, D>();
  check_bfloat16_rule<ReluRule, D>();
  check_bfloat16_rule<EluRule, D>();
  check_bfloat16_rule<LeakyReluRule, D>({.negative_slope = 0.2});
  check_bfloat16_rule<TanhRule, D>();
  check_bfloat16_rule<SigmoidRule, D>();
  check_bfloat16_rule<SoftplusRule, D>();
}

// Dropout after GELU drops what it drops in float, tied or not, and scales the rest.
template <device D>
void check_bfloat16_dropout() {
  const PhiloxKey key = Generator(5).next();
  const auto x = in_bfloat16(random<float>(Extents(3, 5, 130), 43)), dy = in_bfloat16(random<float>(x.sizes(), 44));
  const auto wide_x = converted<double>(x), wide_dy = converted<double>(dy);
  const auto x_there = Place<D>::to(x), dy_there = Place<D>::to(dy);
  for (const bool tied : {false, true}) {
    Tensor<double, 3> want_y(x.sizes()), want_dx(x.sizes()), want_plain(x.sizes());
    ops::DropoutAfter<GeluRule>::forward(want_y.view(), wide_x, key, 0.3, tied);
    ops::DropoutAfter<GeluRule>::backward(want_dx.view(), wide_dy, wide_x, key, 0.3, tied);
    ops::Dropout::forward(want_plain.view(), wide_x, key, 0.3, tied);
    auto y = unwritten<bfloat16, 3, D>(x.sizes()), dx = unwritten<bfloat16, 3, D>(x.sizes());
    auto plain = unwritten<bfloat16, 3, D>(x.sizes());
    ops::DropoutAfter<GeluRule>::forward(y.view(), x_there, key, 0.3, tied);
    ops::DropoutAfter<GeluRule>::backward(dx.view(), dy_there, x_there, key, 0.3, tied);
    ops::Dropout::forward(plain.view(), x_there, key, 0.3, tied);
    CHECK(beyond_rounding(Place<D>::from(y), want_y) <= 1e-6);
    CHECK(beyond_rounding(Place<D>::from(dx), want_dx) <= 1e-6);
    CHECK(beyond_rounding(Place<D>::from(plain), want_plain) <= 1e-6);
  }
}

// Bias and GLU: z in bfloat16, sums over it in float.
template <device D>
void check_bfloat16_bias_glu() {
  for (const Extents<3> sizes : {Extents<3>{1, 2, 1}, {2, 6, 7}, {3, 4, 64}, {2, 10, 1000}, {5, 2, 4099}, {0, 4, 8}}) {
    const auto z = in_bfloat16(random<float>(sizes, 45));
    const auto bias = random<float>(Extents<1>(sizes[1]), 46);
    const auto dy = in_bfloat16(random<float>(ops::Glu::output_sizes(sizes, 1), 47));
    const auto wide_z = converted<double>(z), wide_dy = converted<double>(dy);
    const auto wide_bias = converted<double>(bias);
    Tensor<double, 3> want_y(dy.sizes()), want_dz(sizes);
    Tensor<double, 1> want_dbias(bias.sizes());
    ops::BiasGlu::forward(want_y.view(), wide_z, wide_bias);
    ops::BiasGlu::backward(want_dz.view(), want_dbias, wide_dy.view(), wide_z, wide_bias);

    const auto z_there = Place<D>::to(z), dy_there = Place<D>::to(dy);
    const auto bias_there = Place<D>::to(bias);
    auto y = unwritten<bfloat16, 3, D>(dy.sizes()), dz = unwritten<bfloat16, 3, D>(sizes);
    Tensor<float, 1, D> dbias(bias.sizes());
    ops::BiasGlu::forward(y.view(), z_there, bias_there);
    ops::BiasGlu::backward(dz.view(), dbias, dy_there.view(), z_there, bias_there);
    INFO("z " << to_string(sizes));
    CHECK(beyond_rounding(Place<D>::from(y), want_y) <= 1e-6);
    CHECK(beyond_rounding(Place<D>::from(dz), want_dz) <= 1e-6);
    CHECK(relative_error(Place<D>::from(dbias), want_dbias) <= 1e-5);
    auto in_place = Place<D>::to(z);  // dz may be z
    ops::BiasGlu::backward(in_place.view(), {}, dy_there.view(), in_place, bias_there);
    CHECK(relative_error(Place<D>::from(in_place), Place<D>::from(dz)) == 0);
  }
}

// A position-wise map: sums of exact products of numbers rounded to bfloat16, W too.
template <device D>
void check_bfloat16_one_tap() {
  struct Sizes {
    index_t B, I, O, L;
  };
  for (const Sizes s :
       {Sizes{1, 1, 1, 1}, {2, 3, 5, 7}, {3, 16, 32, 64}, {2, 40, 24, 1000}, {1, 8, 16, 9001}, {2, 3, 4, 0}}) {
    const auto x = in_bfloat16(random<float>(Extents(s.B, s.I, s.L), 48));
    const auto dy = in_bfloat16(random<float>(Extents(s.B, s.O, s.L), 49));
    const auto W = random<float>(Extents(s.O, s.I, 1), 50);
    const auto wide_W = converted<double>(in_bfloat16(W)), wide_x = converted<double>(x);
    const auto wide_dy = converted<double>(dy);
    Tensor<double, 3> want_y(dy.sizes()), want_dx(x.sizes()), want_dW(W.sizes());
    ops::Conv1d::forward(want_y.view(), wide_x, wide_W, {});
    ops::Conv1d::backward(want_dx, want_dW, {}, wide_dy.view(), wide_x, wide_W);

    const auto x_there = Place<D>::to(x), dy_there = Place<D>::to(dy);
    const auto W_there = Place<D>::to(W);
    auto y = unwritten<bfloat16, 3, D>(dy.sizes()), dx = unwritten<bfloat16, 3, D>(x.sizes());
    Tensor<float, 3, D> dW(W.sizes());
    ops::Conv1d::forward(y.view(), x_there, W_there, {});
    ops::Conv1d::backward(dx, dW, {}, dy_there.view(), x_there, W_there);
    INFO("B " << s.B << ", I " << s.I << ", O " << s.O << ", L " << s.L);
    CHECK(beyond_rounding(Place<D>::from(y), want_y) <= 1e-5);
    CHECK(beyond_rounding(Place<D>::from(dx), want_dx) <= 1e-5);
    CHECK(relative_error(Place<D>::from(dW), want_dW) <= 1e-5);
  }
  Tensor<bfloat16, 3, D> x(1, 2, 8), y(1, 2, 7);
  Tensor<float, 3, D> W(2, 2, 2);
  CHECK(
      error_text<ValueError>([&] { ops::Conv1d::forward(y.view(), x, W, {}); }) ==
      "conv1d: in bfloat16 the kernel has one tap, stride and groups are 1, padding is 0 and there is no bias; cast x "
      "to float for others");
}

// A layer's value and gradients: y, du, then the parameters' in order.
struct LayerResults {
  Tensor<float, 3> y, du;
  std::vector<Tensor<float, 1>> parameters;
};

// S: what u, y and their gradients are stored in.
template <class S, device D, class Layer>
LayerResults run_layer(Layer& layer, const Tensor<bfloat16, 3>& u, const Tensor<bfloat16, 3>& dy, bool train) {
  const auto u_there = Place<D>::to(converted<S>(u)), dy_there = Place<D>::to(converted<S>(dy));
  Generator gen(9);
  Tape<float, D> tape;
  if (train) tape.train(gen);
  const Var<S, 3, D> in = tape.variable(u_there.view());
  const Var<S, 3, D> y = layer(tape, in);
  tape.backward(y, dy_there.view());
  LayerResults r{converted<float>(fetched(y.value())), converted<float>(fetched(in.grad())), {}};
  layer.for_each_parameter([&](const std::string&, auto& p) {
    auto flat = Place<D>::from(p.grad);
    Tensor<float, 1> row(Extents<1>{flat.count()});
    std::copy_n(flat.data(), flat.count(), row.data());
    r.parameters.push_back(std::move(row));
  });
  return r;
}

// A layer of bfloat16 against the layer of floats with the same weights on the host. Between u and y four tensors are
// rounded by at most 2^-8 of themselves each, W too; as much again on the way back.
template <class There, class Here, class Options>
void check_bfloat16_layer(const Options& options, index_t B, index_t L, bool train, double limit = 0x1p-6) {
  Generator gen_there(3), gen(3);
  There there(options, gen_there);
  Here here(options, gen);
  const auto u = in_bfloat16(random<float>(Extents(B, options.d_model, L), 51));
  const auto dy = in_bfloat16(random<float>(Extents(B, here.d_output(), L), 52));
  const LayerResults got = run_layer<bfloat16, typename There::device_type>(there, u, dy, train);
  const LayerResults want = run_layer<float, Host>(here, u, dy, train);
  CHECK(relative_error(got.y, want.y) <= limit);
  CHECK(relative_error(got.du, want.du) <= limit);
  REQUIRE(got.parameters.size() == want.parameters.size());
  for (std::size_t i = 0; i < got.parameters.size(); ++i) {
    INFO("parameter " << i);
    CHECK(relative_error(got.parameters[i], want.parameters[i]) <= limit);
  }
}

template <device D>
void check_bfloat16_layers() {
  const auto s4d = [](index_t d_model, index_t d_state) { return S4DOptions{.d_model = d_model, .d_state = d_state}; };
  check_bfloat16_layer<S4D<float, D>, S4D<float>>(s4d(5, 8), 2, 70, false);
  check_bfloat16_layer<S4D<float, D>, S4D<float>>(s4d(16, 64), 3, 300, false);
  auto drops = s4d(6, 40);
  drops.dropout = 0.25;
  check_bfloat16_layer<S4D<float, D>, S4D<float>>(drops, 2, 100, true);
  auto wide = s4d(4, 12);  // through floats: no glu behind
  wide.final_act = Activation::none;
  check_bfloat16_layer<S4D<float, D>, S4D<float>>(wide, 2, 33, false);
  auto gated = s4d(4, 12);  // through floats as a whole
  gated.mult_act = Activation::tanh;
  check_bfloat16_layer<S4D<float, D>, S4D<float>>(gated, 2, 33, false);
  S4DiagOptions drops_twice{.d_model = 6, .d_state = 40};  // before the activation, too
  drops_twice.dropout = 0.25;
  check_bfloat16_layer<S4Diag<float, D>, S4Diag<float>>(drops_twice, 2, 100, true);
  // Kernels that are not diagonal, are anchored, two-sided or cut: the state space through floats.
  using S4Options = typename S4<float, D>::Options;
  check_bfloat16_layer<S4<float, D>, S4<float>>(S4Options{.d_model = 4, .d_state = 8}, 2, 33, false);
  check_bfloat16_layer<DSS<float, D>, DSS<float>>(DssOptions{.d_model = 4, .d_state = 8}, 2, 33, false);
  const S4DiagOptions two_sided{.d_model = 4, .d_state = 8, .bidirectional = true};
  check_bfloat16_layer<S4Diag<float, D>, S4Diag<float>>(two_sided, 2, 33, false);
  check_bfloat16_layer<S4Diag<float, D>, S4Diag<float>>(S4DiagOptions{.d_model = 4, .d_state = 8, .l_max = 16}, 2, 33,
                                                        false);

  Generator gen(1);
  S4D<float, D> layer(s4d(5, 8), gen);
  Tape<float, D> tape;
  const Tensor<bfloat16, 3, D> u(2, 4, 10);
  CHECK(error_text<ShapeError>([&] { layer(tape, tape.input(u)); }) ==
        "S4D: u is (B=2, H=4, L=10), expected H = d_model = 5");
}

}  // namespace longwave::test
