// s4d_kernel, s4d_layer, s4d_classifier, sar_model, on either device.
#pragma once

#include "case.hpp"
#include "longwave/models/sar_focus.hpp"
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

// The SAR network with minimal S4D layers, which is what the cases hold.
template <class T, device D>
void sar_model(CaseOn<T, D>& c) {
  const auto& C = c.shape("param/ssm.0.kernel.C");
  if (C.size() != 3) throw_shape_error("param/ssm.0.kernel.C is " + detail::shape_text(C));
  const index_t layers = c.config.integer("layers");
  const std::string last = "param/ssm." + std::to_string(layers - 1) + ".D";
  if (!c.has(last)) throw_value_error("layers is " + std::to_string(layers) + ", but there is no " + last);
  Generator gen(1);
  const S4DOptions layer{.d_model = C[0], .d_state = 2 * C[1]};
  auto& model = c.template make<SarStack<S4D<T, D>>>(layers, layer, NormKind::none, /*residual=*/false, gen);
  c.load(model);
  c.out_transposed("y", model(c.tape, c.template in_transposed<3>("x", 1, 2)), 1, 2);
}

}  // namespace longwave::golden
