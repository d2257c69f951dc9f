// s4d_kernel, s4d_layer, s4d_classifier, sar_model, on either device.
#pragma once

#include "case.hpp"
#include "longwave/autograd/functions/conv1d.hpp"
#include "longwave/models/sequence_classifier.hpp"
#include "longwave/nn/s4d.hpp"

namespace longwave::golden {

template <class T, device D>
void s4d_kernel(CaseOn<T, D>& c) {
  const S4DVars<T, D> p{c.template param<1>("log_dt"), c.template param<2>("log_A_real"), c.template param<2>("A_imag"),
                        c.template param<3>("C")};
  c.out("K", ssm_kernel(c.tape, p, c.size_option("L", "out/K", 1)));
}

// A layer with the parameters param/<prefix>*, its sizes taken from kernel.C (H, N/2, 2).
template <class T, device D>
S4D<T, D>& load_layer(CaseOn<T, D>& c, const std::string& prefix) {
  const auto& C = c.shape("param/" + prefix + "kernel.C");
  if (C.size() != 3) throw_shape_error("param/" + prefix + "kernel.C is " + detail::shape_text(C));
  Generator gen(1);
  auto& layer = c.template make<S4D<T, D>>(S4DOptions{.d_model = C[0], .d_state = 2 * C[1]}, gen);
  c.load(layer, prefix);
  return layer;
}

template <class T, device D>
void s4d_layer(CaseOn<T, D>& c) {
  S4D<T, D>& layer = load_layer(c, "");
  if (c.config.flag("transposed", true))
    c.out("y", layer(c.tape, c.template in<3>("u")));
  else
    c.out_transposed("y", layer(c.tape, c.template in_transposed<3>("u", 1, 2)), 1, 2);
}

template <class T, device D>
void s4d_classifier(CaseOn<T, D>& c) {
  const auto& C = c.shape("param/s4_layers.0.kernel.C");
  const auto& encoder = c.shape("param/encoder.weight");
  const auto& decoder = c.shape("param/decoder.weight");
  if (C.size() != 3 || encoder.size() != 2 || decoder.size() != 2)
    throw_shape_error("kernel.C, encoder.weight or decoder.weight has a wrong number of axes");
  c.config.expect("pooling", "mean");
  const index_t layers = c.config.integer("layers");
  const std::string last = "param/s4_layers." + std::to_string(layers - 1) + ".D";
  if (!c.has(last)) throw_value_error("layers is " + std::to_string(layers) + ", but there is no " + last);
  Generator gen(1);
  auto& model =
      c.template make<SequenceClassifier<T, D>>(SequenceClassifierOptions{.d_input = encoder[1],
                                                                          .d_output = decoder[0],
                                                                          .d_model = C[0],
                                                                          .d_state = 2 * C[1],
                                                                          .n_layers = layers,
                                                                          .dropout = 0,
                                                                          .prenorm = c.config.flag("prenorm", false)},
                                                gen);
  c.load(model);
  c.out("logits", model(c.tape, c.template in_transposed<3>("x", 1, 2)));
}

// Position-wise: a convolution of width 1 on (B, H, L).
template <class T, device D>
Var<T, 3, D> pointwise(CaseOn<T, D>& c, const std::string& name, Var<T, 3, D> x) {
  const auto& shape = c.shape("param/" + name + ".weight");
  if (shape.size() != 2) throw_shape_error("param/" + name + ".weight is " + detail::shape_text(shape));
  const auto W = c.template param<3>(name + ".weight", Extents<3>{shape[0], shape[1], 1});
  return conv1d(x, W, c.template optional_param<1>(name + ".bias"));
}

template <class T, device D>
void sar_model(CaseOn<T, D>& c) {
  auto x = pointwise(c, "fc1", c.template in_transposed<3>("x", 1, 2));
  for (index_t i = 0; i < c.config.integer("layers"); ++i)
    x = load_layer(c, "ssm." + std::to_string(i) + ".")(c.tape, x);
  c.out_transposed("y", pointwise(c, "fc2", x), 1, 2);
}

}  // namespace longwave::golden
