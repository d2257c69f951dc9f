// typed_held.hpp - layers whose kernel is held for the parts of a batch, on every device, against the same passes
// without it and against the whole batch at once.
#pragma once

#include "host_place.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/s4d.hpp"
#include "typed_bfloat16.hpp"

namespace longwave::test {

// The numbers of passes over the parts of one batch: y and du of all parts, gradients of the parameters.
template <class T>
struct HeldResults {
  Tensor<T, 3> y, du;
  std::vector<Tensor<T, 1>> parameters;
};

// u, dy (B, H, L) in `parts` equal parts. S: what u and y are stored in.
template <class S, class Layer>
auto run_parts(Layer& layer, const Tensor<S, 3>& u, const Tensor<S, 3>& dy, index_t parts, bool hold) {
  using T = typename Layer::value_type;
  using D = typename Layer::device_type;
  const index_t B = u.size(0) / parts, L = u.size(2);
  HeldResults<T> r{Tensor<T, 3>(dy.sizes()), Tensor<T, 3>(u.sizes()), {}};
  layer.for_each_parameter([](const std::string&, auto& p) { detail::fill(p.grad.view(), T(0)); });
  if (hold) layer.hold(B, L);
  Tape<T, D> tape;
  for (index_t i = 0; i < parts; ++i) {
    const auto part = [&](const Tensor<S, 3>& of) {
      auto t = Tensor<S, 3>::uninitialized(Extents<3>{B, of.size(1), L});
      copy(t.view(), TensorView<const S, 3>(of.view().slice(0, i * B, (i + 1) * B)));
      return Place<D>::to(t);
    };
    const auto u_there = part(u), dy_there = part(dy);
    tape.rewind();
    const Var<S, 3, D> in = tape.variable(u_there.view());
    const Var<S, 3, D> y = layer(tape, in);
    tape.backward(y, dy_there.view());
    const auto keep = [&](Tensor<T, 3>& to, TensorView<const S, 3, D> from) {
      auto there = Tensor<S, 3, D>::uninitialized(from.sizes());
      copy(there.view(), from);
      const Tensor<S, 3> here = Place<D>::from(there);
      for (index_t k = 0; k < here.count(); ++k) to.data()[i * here.count() + k] = static_cast<T>(here.data()[k]);
    };
    keep(r.y, y.value());
    keep(r.du, in.grad());
  }
  if (hold) layer.release();
  layer.for_each_parameter([&](const std::string&, auto& p) {
    const auto here = Place<D>::from(p.grad);
    Tensor<T, 1> row(Extents<1>{here.count()});
    std::copy_n(here.data(), here.count(), row.data());
    r.parameters.push_back(std::move(row));
  });
  return r;
}

template <class T>
void check_close(const HeldResults<T>& got, const HeldResults<T>& want, double limit) {
  CHECK(relative_error(got.y, want.y) <= limit);
  CHECK(relative_error(got.du, want.du) <= limit);
  REQUIRE(got.parameters.size() == want.parameters.size());
  for (std::size_t i = 0; i < got.parameters.size(); ++i) {
    INFO("parameter " << i);
    CHECK(relative_error(got.parameters[i], want.parameters[i], 1e-3) <= limit);
  }
}

// y and du are those of passes without it, bit for bit; gradients of parameters are those of the whole batch to
// rounding, and again in a second step with other parameters.
template <class Layer>
void check_held_layer(const char* what, const typename Layer::Options& options, index_t B, index_t L, double limit) {
  using T = typename Layer::value_type;
  INFO(what << ", B " << B << ", L " << L);
  Generator gen(5);
  Layer layer(options, gen);
  const auto u = random<T>(Extents(B, options.d_model, L), 61);
  const auto dy = random<T>(Extents(B, layer.d_output(), L), 62);
  run_parts(layer, u, dy, 1, false);  // S4 settles its length
  for (int step = 0; step < 2; ++step) {
    const HeldResults<T> held = run_parts(layer, u, dy, 3, true), parts = run_parts(layer, u, dy, 3, false);
    CHECK(relative_error(held.y, parts.y) == 0);
    CHECK(relative_error(held.du, parts.du) == 0);
    check_close(held, run_parts(layer, u, dy, 1, false), limit);
    layer.for_each_parameter([](const std::string&, auto& p) {
      auto here = Place<typename Layer::device_type>::from(p.value);
      for (index_t i = 0; i < here.count(); ++i) here.data()[i] *= T(0.97);
      copy(p.value.view(), Place<typename Layer::device_type>::to(here).view());
    });
  }
}

template <class T, device D>
void check_held_layers() {
  const double limit = sizeof(T) == 4 ? 2e-4 : 1e-11;
  const auto s4d = [](Algorithm form) {
    S4DOptions o{.d_model = 5, .d_state = 32};
    o.algorithm = form;
    return o;
  };
  for (const Algorithm form : {Algorithm::auto_, Algorithm::scan, Algorithm::chunk, Algorithm::fft})
    for (const index_t L : {1, 40, 131}) check_held_layer<S4D<T, D>>("s4d", s4d(form), 6, L, limit);
  check_held_layer<S4D<T, D>>("s4d, one way scan, back fft", s4d(Algorithm::auto_), 48, 300, limit);
  check_held_layer<DSS<T, D>>("dss", DssOptions{.d_model = 4, .d_state = 12}, 6, 50, limit);
  const DssOptions two_sided{.d_model = 4, .d_state = 8, .channels = 2, .bidirectional = true};
  check_held_layer<DSS<T, D>>("dss, two-sided", two_sided, 3, 33, limit);
  check_held_layer<S4Diag<T, D>>("s4_diag", S4DiagOptions{.d_model = 4, .d_state = 16}, 6, 70, limit);
  check_held_layer<S4Diag<T, D>>("s4_diag, channels", S4DiagOptions{.d_model = 4, .d_state = 16, .channels = 3}, 6, 70,
                                 limit);
  check_held_layer<S4Diag<T, D>>("s4_diag, cut", S4DiagOptions{.d_model = 4, .d_state = 8, .l_max = 20}, 3, 33, limit);
  using S4Options = typename S4<T, D>::Options;
  check_held_layer<S4<T, D>>("s4", S4Options{.d_model = 4, .d_state = 8, .l_max = 64}, 6, 64, limit);
  check_held_layer<S4<T, D>>("s4, two-sided", S4Options{.d_model = 4, .d_state = 8, .bidirectional = true}, 3, 40,
                             limit);
}

}  // namespace longwave::test
