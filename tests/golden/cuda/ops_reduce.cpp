// Softmax, normalisations and losses of the reference cases on the device, on a tape there.
#include "device_case.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/autograd/functions/norm.hpp"
#include "longwave/autograd/functions/reduce.hpp"

namespace longwave::golden {
namespace {

template <class Reduced, class Each>
void pointwise_loss(const char* op, Reduced reduced, Each each) {
  on_device(op, [=](auto& c) {
    const std::string reduction = c.config.text("reduction", "mean");
    const auto x = c.flat("x"), target = c.flat("target");
    if (c.host.has("in/weight")) throw Unsupported("in/weight");
    if (reduction == "none")
      c.out("y", each(c, x, target));
    else if (reduction == "mean" || reduction == "sum")
      c.out("y", reduced(c, x, target, reduction == "mean" ? Reduction::mean : Reduction::sum));
    else
      throw Unsupported("reduction = " + reduction);
  });
}

template <class T>
void kl_div_case(DeviceCase<T>& c) {
  const std::string reduction = c.config.text("reduction", "mean");
  const auto log_q = c.flat("log_q"), p = c.flat("p");
  if (reduction == "none")
    c.out("y", kl_div_each(log_q, p));
  else if (reduction == "mean" || reduction == "sum")
    c.out("y", kl_div(log_q, p, {}, reduction == "mean" ? Reduction::mean : Reduction::sum));
  else if (reduction == "batchmean")
    c.out("y", kl_div(log_q, p, {}, Reduction::sum) / static_cast<double>(c.host.around_axis("in/p", 0)[1]));
  else
    throw Unsupported("reduction = " + reduction);
}

template <class T>
void cross_entropy_case(DeviceCase<T>& c) {
  const Extents<3> sizes = c.host.around_axis("in/x", 1);  // (B, K, rest)
  const auto target = c.integers("in/target");
  CaseBase::expect_size("in/target", target.count(), sizes[0] * sizes[2]);
  if (c.host.has("in/weight")) throw Unsupported("in/weight");
  const std::string reduction = c.config.text("reduction", "mean");
  if (reduction != "mean" && reduction != "sum" && reduction != "none") throw Unsupported("reduction = " + reduction);
  CrossEntropyOptions options;
  options.smoothing = c.config.number("smoothing", 0);
  options.ignore = c.config.integer("ignore", -100);
  if (reduction == "sum") options.reduction = Reduction::sum;
  const auto classes = target.reshape(Extents<2>{sizes[0], sizes[2]});
  const auto x = c.template in<3>("x", sizes);
  if (reduction == "none")
    c.out("y", cross_entropy_each(x, classes, options));
  else
    c.out("y", cross_entropy(x, classes, options));
}

// (B, H) as (B, H, 1).
template <class T>
void batch_norm_case(DeviceCase<T>& c) {
  const Extents<3> sizes = c.host.around_axis("in/x", 1);
  BatchNormOptions options;
  options.training = c.config.flag("train");
  options.momentum = c.config.number("momentum", 0.1);
  options.eps = c.config.number("eps", options.eps);
  const Extents<1> H{sizes[1]};
  const auto mean = c.template values<1>("param/running_mean", H), var = c.template values<1>("param/running_var", H);
  const auto x = c.template in<3>("x", sizes);
  c.out("y", batch_norm(x, c.optional_vector("weight"), c.optional_vector("bias"), mean, var, options));
  c.out("running_mean", TensorView<const T, 1, Cuda>(mean));
  c.out("running_var", TensorView<const T, 1, Cuda>(var));
  const auto batches = c.host.integers("param/num_batches_tracked");
  c.host.out_integer("num_batches_tracked", batches.at(0) + (options.training ? 1 : 0));
}

void add_losses() {
  pointwise_loss(
      "mse_loss", [](auto&, auto x, auto t, Reduction r) { return mse(x, t, {}, r); },
      [](auto&, auto x, auto t) { return mse_each(x, t); });
  pointwise_loss(
      "l1_loss", [](auto&, auto x, auto t, Reduction r) { return l1(x, t, {}, r); },
      [](auto&, auto x, auto t) { return l1_each(x, t); });
  pointwise_loss(
      "huber_loss",
      [](auto& c, auto x, auto t, Reduction r) { return huber(x, t, c.config.number("delta", 1), {}, r); },
      [](auto& c, auto x, auto t) { return huber_each(x, t, c.config.number("delta", 1)); });
  pointwise_loss(
      "bce_with_logits", [](auto&, auto x, auto t, Reduction r) { return bce_with_logits(x, t, {}, r); },
      [](auto&, auto x, auto t) { return bce_with_logits_each(x, t); });
  on_device("kl_div", [](auto& c) { kl_div_case(c); });
  on_device("cross_entropy", [](auto& c) { cross_entropy_case(c); });
}

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  add_losses();
  on_device("softmax", [](auto& c) {
    c.out("y", softmax(c.template in<3>("x", c.host.around_axis("in/x", c.config.integer("dim", -1))), 1));
  });
  on_device("log_softmax", [](auto& c) {
    c.out("y", log_softmax(c.template in<3>("x", c.host.around_axis("in/x", c.config.integer("dim", -1))), 1));
  });
  on_device("layer_norm", [](auto& c) {
    LayerNormOptions options;
    options.eps = c.config.number("eps", options.eps);
    const auto x = c.template in<2>("x", c.host.rows("in/x"));
    c.out("y", layer_norm(x, c.optional_vector("weight"), c.optional_vector("bias"), options));
  });
  on_device("batch_norm1d", [](auto& c) { batch_norm_case(c); });
  return true;
}();

}  // namespace
}  // namespace longwave::golden
