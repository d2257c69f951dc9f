// vandermonde, s4d_kernel.
#include "bodies_s4d.hpp"
#include "longwave/ops/vandermonde.hpp"

namespace longwave::golden {
namespace {

// (H, N, 2) real pairs as complex numbers in double, which is what the kernels take.
Tensor<complex<double>, 2> complex_values(CaseBase& c, const std::string& entry) {
  const auto& shape = c.shape(entry);
  if (shape.size() != 3 || shape[2] != 2)
    throw_shape_error(entry + " is " + detail::shape_text(shape) + ", expected (H, N, 2)");
  Tensor<complex<double>, 2> z(shape[0], shape[1]);
  const std::vector<double> pairs = c.doubles(entry);
  for (index_t i = 0; i < z.count(); ++i)
    z.data()[i] = {pairs[static_cast<std::size_t>(2 * i)], pairs[static_cast<std::size_t>(2 * i + 1)]};
  return z;
}

std::vector<double> pairs(const Tensor<complex<double>, 2>& z) {
  std::vector<double> numbers;
  for (index_t i = 0; i < z.count(); ++i) {
    numbers.push_back(z.data()[i].re);
    numbers.push_back(z.data()[i].im);
  }
  return numbers;
}

const Op vandermonde_op("vandermonde", []<class T>(Case<T>& c) {
  const auto v = complex_values(c, "in/v"), x = complex_values(c, "in/x");
  Tensor<T, 2> K(x.size(0), c.size_option("L", "out/K", 1));
  ops::Vandermonde::forward(K.view(), x, v);
  c.out("K", std::as_const(K).view());
  if (!c.has("cotangent/K")) return;
  Tensor<complex<double>, 2> dx(x.sizes()), dv(v.sizes());
  ops::Vandermonde::backward(dx, dv, c.template values<2>("cotangent/K"), x, v);
  c.gradient("x", pairs(dx));
  c.gradient("v", pairs(dv));
});

const Op s4d_kernel_op("s4d_kernel", [](auto& c) { s4d_kernel(c); });

}  // namespace
}  // namespace longwave::golden
