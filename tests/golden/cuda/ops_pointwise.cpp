// The activations, glu and embedding of the reference cases on the device, on a tape there.
#include "../case.hpp"
#include "longwave/autograd/functions/activation.hpp"
#include "longwave/autograd/functions/embedding.hpp"
#include "longwave/cuda.hpp"

namespace longwave::golden {
namespace {

template <class T, int N>
std::vector<double> back(TensorView<const T, N, Cuda> there) {
  const Tensor<T, N> host = cuda::to_host(there);
  return to_doubles(host.view());
}

// y = f(x) for x under `sizes`, and x's gradient.
template <class T, int N, class F>
void one_operand(Case<T>& c, Extents<N> sizes, F f) {
  const auto x = cuda::to_device(c.flat_values("in/x").reshape(sizes));
  Tape<T, Cuda> tape;
  const auto v = tape.variable(x.view());
  const auto y = f(v);
  c.out("y", back(y.value()));
  if (!c.has("cotangent/y")) return;
  const auto seed = cuda::to_device(c.flat_values("cotangent/y").reshape(y.sizes()));
  tape.backward(y, TensorView<const T, N, Cuda>(seed.view()));
  c.gradient("x", back(v.grad()));
}

template <class F>
void flat_op(const char* name, F f) {
  Op(
      name, [f]<class T>(Case<T>& c) { one_operand(c, Extents<1>{c.count("in/x")}, [&](auto x) { return f(c, x); }); },
      "cuda");
}

template <class T>
void embedding_case(Case<T>& c) {
  c.config.expect("padding_idx", "null");
  const std::vector<std::int64_t> rows = c.integers("in/index");
  const auto n = static_cast<index_t>(rows.size());
  const auto index = cuda::to_device(TensorView<const std::int64_t, 1>(rows.data(), Extents<1>{n}));
  const auto weight = cuda::to_device(c.template values<2>("param/weight"));
  Tape<T, Cuda> tape;
  const auto v = tape.variable(weight.view());
  const auto y = embedding(v, index.view());
  c.out("y", back(y.value()));
  if (!c.has("cotangent/y")) return;
  const auto seed = cuda::to_device(c.flat_values("cotangent/y").reshape(y.sizes()));
  tape.backward(y, TensorView<const T, 2, Cuda>(seed.view()));
  c.gradient("weight", back(v.grad()));
}

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  flat_op("silu", [](auto&, auto x) { return silu(x); });
  flat_op("relu", [](auto&, auto x) { return relu(x); });
  flat_op("tanh", [](auto&, auto x) { return tanh(x); });
  flat_op("sigmoid", [](auto&, auto x) { return sigmoid(x); });
  flat_op("softplus", [](auto&, auto x) { return softplus(x); });
  flat_op("leaky_relu", [](auto& c, auto x) { return leaky_relu(x, c.config.number("slope", 0.01)); });
  Op(
      "glu",
      []<class T>(Case<T>& c) {
        one_operand(c, c.around_axis("in/x", c.config.integer("dim", -1)), [](auto x) { return glu(x, 1); });
      },
      "cuda");
  Op(
      "embedding", []<class T>(Case<T>& c) { embedding_case(c); }, "cuda");
  return true;
}();

}  // namespace
}  // namespace longwave::golden
