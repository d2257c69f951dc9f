// s4_block, s4_step, dss_layer, on either device.
#pragma once

#include <utility>

#include "case.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"

namespace longwave::golden {

// A module under the names of the file: a linear map has a ".0" in its name where an activation follows it, and even
// "id" is one, but null is not.
template <class M>
struct Renamed {
  const CaseBase& c;
  M& module;

  std::string stored(const std::string& name) const {
    if (c.has("param/" + name)) return name;
    std::string other = name;
    for (const std::string linear : {"input_gate.", "output_linear."}) {
      if (name.compare(0, linear.size(), linear) != 0) continue;
      if (name.compare(linear.size(), 2, "0.") == 0)
        other.erase(linear.size(), 2);
      else
        other.insert(linear.size(), "0.");
    }
    return c.has("param/" + other) ? other : name;
  }
  template <class F>
  void for_each_parameter(F&& f) {
    module.for_each_parameter([&](const std::string& name, auto& p) { f(stored(name), p); });
  }
  template <class F>
  void for_each_buffer(F&& f) {
    visit_buffers("", module, f);
  }
};

template <class T, device D, class M>
void load_renamed(CaseOn<T, D>& c, M& module) {
  Renamed<M> renamed{c, module};
  c.load(renamed);
}

inline Activation activation_of(const Config& o, const std::string& key) {
  return o.has(key) ? parse_activation(o.text(key)) : Activation::none;
}

inline const std::vector<index_t>& axes(const CaseBase& c, const std::string& entry, std::size_t least) {
  const auto& shape = c.shape(entry);
  if (shape.size() < least) throw_shape_error(entry + " is " + detail::shape_text(shape));
  return shape;
}

// An option that multiplies a width, against what is stored.
inline void expect_factor(const std::string& key, index_t factor, index_t width, index_t stored) {
  if (factor < 1 || factor > stored || factor * width != stored)
    throw_shape_error(key + " is " + std::to_string(factor) + " times " + std::to_string(width) +
                      ", the stored tensors have " + std::to_string(stored));
}

// As many kernels as are stored.
template <class Options>
void check_channels(const CaseBase& c, Options o, const std::string& weights, const char* key) {
  const index_t channels = std::exchange(o.channels, 1);
  expect_factor(key, channels, detail::ssm_widths(o).kernels, c.axis(weights, 0));
}

inline S4Options kernel_options(const CaseBase& c) {
  const Config& o = c.config;
  S4Options to;
  to.init = "diag-lin";
  to.imag_scale = 0;  // any start that every transform can store: all numbers come from the file
  to.n_ssm = c.axis("param/layer.kernel.A_real", 0);
  to.dt_transform = transform_of(o.text("dt_transform", "exp"), "dt_transform");
  to.real_transform = transform_of(o.text("real_transform", "exp"), "real_transform");
  to.imag_transform = transform_of(o.text("imag_transform", "none"), "imag_transform");
  to.dt_tie = o.flag("dt_tie", true);
  to.dt_fast = o.flag("dt_fast", false);
  to.bandlimit = o.number("bandlimit", 0);
  to.is_real = o.flag("is_real", false);
  if (c.has("param/layer.kernel.P")) to.rank = c.axis("param/layer.kernel.P", 0);
  return to;
}

// The options of an S4Block around any kernel; sizes come from the stored tensors.
template <class Options>
Options block_options(const CaseBase& c) {
  const Config& o = c.config;
  const auto& x = axes(c, "in/x", 3);
  const auto& C = axes(c, "param/layer.kernel.C", 3);
  Options to;
  to.d_model = x[o.flag("transposed", false) ? 1 : 2];
  to.d_state = o.flag("is_real", false) ? C[2] : 2 * C[2];
  to.channels = o.integer("channels", 1);
  to.bidirectional = o.flag("bidirectional", false);
  to.activation = activation_of(o, "activation");
  to.gate = o.integer("gate", 0);
  to.gate_act = activation_of(o, "gate_act");
  to.bottleneck = o.integer("bottleneck", 0);
  to.mult_act = activation_of(o, "mult_act");
  to.final_act = activation_of(o, "final_act");
  to.output_linear = o.has("final_act");
  to.weight_norm = o.flag("weight_norm", false);
  to.swap_channels = o.flag("swap_channels", false);
  to.l_max = o.integer("l_max", 0);
  if (o.has("step_mode")) to.step_mode = parse_step_mode(o.text("step_mode"));
  to.kernel = kernel_options(c);
  check_channels(c, to, "param/layer.kernel.C", "channels");
  if (to.gate > 0) {
    std::string gate = "param/input_gate.0.bias";
    if (!c.has(gate)) gate = "param/input_gate.bias";
    const index_t halves = to.gate_act == Activation::glu ? 2 : 1;
    expect_factor("gate", to.gate, to.d_model * halves, c.axis(gate, 0));
  }
  if (c.has("param/layer.kernel.l_kernel"))
    for (const std::int64_t length : c.integers("param/layer.kernel.l_kernel"))
      CaseBase::expect_length("l_kernel", static_cast<double>(length));
  CaseBase::expect_length("l_max", static_cast<double>(to.l_max));
  return to;
}

// f(layer) for the layer that `mode` and `disc` name.
template <class T, device D, class F>
void with_block(CaseOn<T, D>& c, F f) {
  const auto run = [&]<class Kernel>(std::type_identity<Kernel>) {
    Generator gen(1);
    using Layer = SsmLayer<Kernel>;
    Layer& layer = c.template make<Layer>(block_options<typename Layer::Options>(c), gen);
    load_renamed(c, layer);
    f(layer);
  };
  const std::string mode = c.config.text("mode", "dplr"), disc = c.config.text("disc", "zoh");
  if (mode == "dplr" || mode == "nplr" || mode == "s4")
    run(std::type_identity<DplrKernel<T, D>>());
  else if (mode != "diag" && mode != "s4d")
    throw Unsupported("mode = " + mode);
  else if (disc == "zoh")
    run(std::type_identity<DiagKernel<T, D, Zoh>>());
  else if (disc == "bilinear")
    run(std::type_identity<DiagKernel<T, D, Bilinear>>());
  else if (disc == "dss")
    run(std::type_identity<DiagKernel<T, D, Dss>>());
  else
    throw Unsupported("disc = " + disc);
}

template <class T, device D>
Var<T, 3, D> sequence(CaseOn<T, D>& c, const std::string& name) {
  return c.config.flag("transposed", false) ? c.template in<3>(name) : c.template in_transposed<3>(name, 1, 2);
}
template <class T, device D>
void out_sequence(CaseOn<T, D>& c, const std::string& name, Var<T, 3, D> y) {
  if (c.config.flag("transposed", false))
    c.out(name, y);
  else
    c.out_transposed(name, y, 1, 2);
}

template <class T, device D>
void s4_block(CaseOn<T, D>& c) {
  with_block(c, [&](auto& layer) {
    const auto x = sequence(c, "x");
    Tensor<index_t, 1>& lengths = c.template make<Tensor<index_t, 1>>(Extents<1>{x.size(0)});
    SsmRun run{.rate = c.config.number("rate", 1)};
    if (c.config.has("lengths")) {  // one for all sequences or one for each; beyond the input it means all of it
      const std::vector<double> stored = c.config.numbers("lengths");
      if (stored.size() != 1) CaseBase::expect_size("lengths", static_cast<index_t>(stored.size()), x.size(0));
      for (index_t b = 0; b < x.size(0); ++b) {
        const double length = stored[stored.size() == 1 ? 0 : static_cast<std::size_t>(b)];
        CaseBase::expect_length("lengths[" + std::to_string(b) + "]", length);
        lengths(b) = std::min(static_cast<index_t>(length), x.size(2));
      }
      run.lengths = lengths.view();
    }
    out_sequence(c, "y", layer(c.tape, x, run));
  });
}

// (B, 2, N, H) as stored: (B, H, N, 2), or (B, H, N) if real; dense states keep the conjugates: (B, H, 2 N, 2).
template <class T, device D>
std::vector<double> stored_state(const Tensor<T, 4, D>& there, bool doubled, bool real) {
  const auto here = init::host_values(there.view());
  const TensorView<const T, 4> x = here;
  std::vector<double> numbers;
  for (index_t b = 0; b < x.size(0); ++b)
    for (index_t h = 0; h < x.size(3); ++h)
      for (const double sign : doubled ? std::vector<double>{1, -1} : std::vector<double>{1})
        for (index_t n = 0; n < x.size(2); ++n) {
          numbers.push_back(static_cast<double>(x(b, 0, n, h)));
          if (!real) numbers.push_back(sign * static_cast<double>(x(b, 1, n, h)));
        }
  return numbers;
}

template <class T, device D>
void s4_step(CaseOn<T, D>& c) {
  with_block(c, [&](auto& layer) {
    const auto x = sequence(c, "x");
    const index_t B = x.size(0), L = x.size(2);
    out_sequence(c, "y_conv", layer(c.tape, x));
    layer.options.l_max = 0;  // at least L in all cases
    auto state = layer.make_state(B, {.length = L, .mode = layer.options.step_mode});
    layer.check_state(state, B);
    Tensor<T, 3, D> in(B, x.size(1), 1), out(B, layer.d_output(), 1), y(B, layer.d_output(), L);
    for (index_t l = 0; l < L; ++l) {
      copy(in.view(), x.value().slice(2, l, l + 1));
      layer.step(in.view().reshape(Extents<2>{B, in.size(1)}), state, out.view().reshape(Extents<2>{B, out.size(1)}));
      copy(y.view().slice(2, l, l + 1), out.view());
    }
    const bool transposed = c.config.flag("transposed", false);
    c.out("y_step", to_doubles(exchanged(std::as_const(y).view(), 1, transposed ? 1 : 2)));
    if (c.has("out/state"))
      c.out("state",
            stored_state(state.x, layer.options.step_mode == StepMode::dense, c.config.flag("is_real", false)));
  });
}

template <class T, device D>
void dss_layer(CaseOn<T, D>& c) {
  const Config& o = c.config;
  using Layer = SsmLayer<DssKernel<T, D>>;
  const auto& u = axes(c, "in/u", 3);
  typename Layer::Options to;
  to.d_model = u[o.flag("transposed", false) ? 1 : 2];
  to.d_state = axes(c, "param/kernel.W", 3)[2];
  to.channels = o.integer("C", 1);
  to.bidirectional = o.flag("bidirectional", false);
  to.activation = activation_of(o, "activation");
  if (o.has("hyper_act")) to.hyper_act = parse_activation(o.text("hyper_act"));
  to.final_act = activation_of(o, "postact");
  to.weight_norm = o.flag("weight_norm", false);
  to.l_max = o.integer("max_kernel_length", 0);
  check_channels(c, to, "param/kernel.W", "C");
  to.kernel.version = parse_dss_version(o.text("version", "softmax"));
  to.kernel.sep_dt_re_im = o.flag("sep_dt_re_im", true);
  to.kernel.epsilon = o.number("epsilon", 1e-7);
  to.kernel.max_real_Lambda = o.number("max_real_Lambda", 1e-4);
  Generator gen(1);
  Layer& layer = c.template make<Layer>(to, gen);
  load_renamed(c, layer);
  out_sequence(c, "y", layer(c.tape, sequence(c, "u")));
}

}  // namespace longwave::golden
