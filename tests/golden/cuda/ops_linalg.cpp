// linear, conv1d, rfft, irfft and fft_conv of the reference cases on a tape on the device.
#include "../case.hpp"
#include "longwave/autograd/functions/conv1d.hpp"
#include "longwave/autograd/functions/fft.hpp"
#include "longwave/autograd/functions/fft_conv.hpp"
#include "longwave/autograd/functions/matmul.hpp"
#include "longwave/cuda.hpp"

namespace longwave::golden {
namespace {

template <class T, int N>
std::vector<double> back(TensorView<const T, N, Cuda> there) {
  const Tensor<T, N> host = cuda::to_host(there);
  return to_doubles(host.view());
}

// The tensors of a case on a tape of the device.
template <class T>
class There {
 public:
  explicit There(Case<T>& c) : case_(c) {}

  template <int N>
  Var<T, N, Cuda> take(const std::string& group, const std::string& name) {
    return take<N>(name, TensorView<const T, N>(case_.template values<N>(group + "/" + name)));
  }
  template <int N>
  Var<T, N, Cuda> take(const std::string& name, TensorView<const T, N> host) {
    const auto tensor = std::make_shared<Tensor<T, N, Cuda>>(cuda::to_device(host));
    kept_.push_back(tensor);
    const Var<T, N, Cuda> v = tape_.variable(tensor->view());
    gradients_.emplace_back(name, [v] { return v.grad().data() != nullptr ? back(v.grad()) : std::vector<double>(); });
    return v;
  }
  template <int N>
  Var<T, N, Cuda> optional(const std::string& name) {
    return case_.has("param/" + name) ? take<N>("param", name) : Var<T, N, Cuda>();
  }

  template <int N>
  void out(const std::string& name, Var<T, N, Cuda> y) {
    case_.out(name, back(y.value()));
    if (!case_.has("cotangent/" + name)) return;
    const auto seed = cuda::to_device(case_.flat_values("cotangent/" + name).reshape(y.sizes()));
    tape_.backward(y, TensorView<const T, N, Cuda>(seed.view()));
    for (const auto& [of, gradient] : gradients_)
      if (case_.has("grad/" + of)) case_.gradient(of, gradient());
  }

 private:
  Case<T>& case_;
  Tape<T, Cuda> tape_;
  std::vector<std::shared_ptr<void>> kept_;
  std::vector<std::pair<std::string, std::function<std::vector<double>()>>> gradients_;
};

template <class T>
void conv1d_case(Case<T>& c) {
  Conv1dOptions options;
  c.config.expect("padding_mode", "zeros");
  options.stride = c.config.integer("stride", 1);
  options.padding = c.config.integer("padding", 0);
  options.dilation = c.config.integer("dilation", 1);
  options.groups = c.config.integer("groups", 1);
  There<T> there(c);
  const auto x = there.template take<3>("in", "x"), W = there.template take<3>("param", "weight");
  c.expect_size("the output's length", conv1d_length(x.size(2), W.size(2), options), c.axis("out/y", 2));
  there.out("y", conv1d(x, W, there.template optional<1>("bias"), options));
}

template <class T>
void linear_case(Case<T>& c) {
  There<T> there(c);
  const auto x = there.template take<2>("x", c.flat_values("in/x").reshape(c.rows("in/x")));
  const auto W = there.template take<2>("param", "weight");
  there.out("y", linear(x, W, there.template optional<1>("bias")));
}

template <class T>
void fft_conv_case(Case<T>& c) {
  There<T> there(c);
  const auto u = there.template take<3>("in", "u"), k = there.template take<3>("in", "k");
  there.out("y", c.config.flag("bidirectional") ? fft_conv_bidirectional(u, k) : fft_conv(u, k));
}

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  Op(
      "linear", []<class T>(Case<T>& c) { linear_case(c); }, "cuda");
  Op(
      "conv1d", []<class T>(Case<T>& c) { conv1d_case(c); }, "cuda");
  Op(
      "fft_conv", []<class T>(Case<T>& c) { fft_conv_case(c); }, "cuda");
  Op(
      "rfft",
      []<class T>(Case<T>& c) {
        const index_t n = c.config.integer("n");
        c.expect_size("the number of bins", n / 2 + 1, c.axis("out/X", 1));
        There<T> there(c);
        there.out("X", rfft(there.template take<2>("in", "x"), n));
      },
      "cuda");
  Op(
      "irfft",
      []<class T>(Case<T>& c) {
        There<T> there(c);
        there.out("x", irfft(there.template take<3>("in", "X"), c.size_option("n", "out/x", 1)));
      },
      "cuda");
  return true;
}();

}  // namespace
}  // namespace longwave::golden
