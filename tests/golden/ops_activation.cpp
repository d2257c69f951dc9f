// Elementwise activations and glu.
#include "case.hpp"
#include "longwave/autograd/functions/activation.hpp"

namespace longwave::golden {
namespace {

const Op gelu_op("gelu", []<class T>(Case<T>& c) { c.out("y", gelu(c.flat("x"))); });
const Op silu_op("silu", []<class T>(Case<T>& c) { c.out("y", silu(c.flat("x"))); });
const Op relu_op("relu", []<class T>(Case<T>& c) { c.out("y", relu(c.flat("x"))); });
const Op tanh_op("tanh", []<class T>(Case<T>& c) { c.out("y", tanh(c.flat("x"))); });
const Op sigmoid_op("sigmoid", []<class T>(Case<T>& c) { c.out("y", sigmoid(c.flat("x"))); });
const Op softplus_op("softplus", []<class T>(Case<T>& c) { c.out("y", softplus(c.flat("x"))); });

const Op leaky_relu_op("leaky_relu", []<class T>(Case<T>& c) {
  c.out("y", leaky_relu(c.flat("x"), c.config.number("slope", 0.01)));
});

const Op glu_op("glu", []<class T>(Case<T>& c) {
  const auto sizes = c.around_axis("in/x", c.config.integer("dim", -1));
  c.out("y", glu(c.template in<3>("x", sizes), 1));
});

}  // namespace
}  // namespace longwave::golden
