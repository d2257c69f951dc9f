// The cases of ops that have a device form, on the device: gelu, vandermonde. Part of the runner where longwave::cuda
// is built; known only where there is a device.
#include "../case.hpp"
#include "longwave/cuda.hpp"
#include "longwave/ops/activation.hpp"
#include "longwave/ops/vandermonde.hpp"

namespace longwave::golden {
namespace {

template <class T, int N>
std::vector<double> back(const Tensor<T, N, Cuda>& t) {
  const Tensor<T, N> host = cuda::to_host(t);
  return to_doubles(host.view());
}

template <class T>
void gelu(Case<T>& c) {
  const auto x = cuda::to_device(c.flat_values("in/x"));
  Tensor<T, 1, Cuda> y(x.sizes());
  ops::Gelu::forward(y.view(), x);
  c.out("y", back(y));
  if (!c.has("cotangent/y")) return;
  Tensor<T, 1, Cuda> dx(x.sizes());
  ops::Gelu::backward(dx.view(), cuda::to_device(c.flat_values("cotangent/y")), x);
  c.gradient("x", back(dx));
}

// (H, N, 2) real pairs.
Tensor<complex<double>, 2, Cuda> modes(CaseBase& c, const std::string& entry) {
  const auto& shape = c.shape(entry);
  if (shape.size() != 3 || shape[2] != 2)
    throw_shape_error(entry + " is " + detail::shape_text(shape) + ", expected (H, N, 2)");
  const std::vector<double> pairs = c.doubles(entry);
  return cuda::to_device(TensorView<const complex<double>, 2>(reinterpret_cast<const complex<double>*>(pairs.data()),
                                                              Extents<2>(shape[0], shape[1])));
}

std::vector<double> pairs(const Tensor<complex<double>, 2, Cuda>& z) {
  const Tensor<complex<double>, 2> host = cuda::to_host(z);
  const auto* first = reinterpret_cast<const double*>(host.data());
  return {first, first + 2 * host.count()};
}

template <class T>
void vandermonde(Case<T>& c) {
  const auto v = modes(c, "in/v"), x = modes(c, "in/x");
  Tensor<T, 2, Cuda> K(x.size(0), c.size_option("L", "out/K", 1));
  ops::Vandermonde::forward(K.view(), x, v);
  c.out("K", back(K));
  if (!c.has("cotangent/K")) return;
  Tensor<complex<double>, 2, Cuda> dx(x.sizes()), dv(v.sizes());
  auto dK = cuda::to_device(c.template values<2>("cotangent/K"));
  ops::Vandermonde::backward(dx.view(), dv.view(), dK.view(), x, v);
  c.gradient("x", pairs(dx));
  c.gradient("v", pairs(dv));
}

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  Op(
      "gelu", []<class T>(Case<T>& c) { gelu(c); }, "cuda");
  Op(
      "vandermonde", []<class T>(Case<T>& c) { vandermonde(c); }, "cuda");
  return true;
}();

}  // namespace
}  // namespace longwave::golden
