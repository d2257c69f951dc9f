// mse_loss, l1_loss, huber_loss, bce_with_logits, kl_div, cross_entropy.
#include "case.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/loss.hpp"

namespace longwave::golden {
namespace {

// reduced(x, target, Reduction) -> scalar, each(x, target) -> the shape of x
template <class T, class Reduced, class Each>
void pointwise_loss(Case<T>& c, const Reduced& reduced, const Each& each) {
  const std::string reduction = c.config.text("reduction", "mean");
  const auto x = c.flat("x"), target = c.flat("target");
  if (c.has("in/weight")) throw Unsupported("in/weight");
  if (reduction == "none")
    c.out("y", each(x, target));
  else if (reduction == "mean" || reduction == "sum")
    c.out("y", reduced(x, target, reduction == "mean" ? Reduction::mean : Reduction::sum));
  else
    throw Unsupported("reduction = " + reduction);
}

const Op mse_op("mse_loss", []<class T>(Case<T>& c) {
  pointwise_loss(
      c, [](auto x, auto t, Reduction r) { return mse(x, t, {}, r); }, [](auto x, auto t) { return mse_each(x, t); });
});

const Op l1_op("l1_loss", []<class T>(Case<T>& c) {
  pointwise_loss(
      c, [](auto x, auto t, Reduction r) { return l1(x, t, {}, r); }, [](auto x, auto t) { return l1_each(x, t); });
});

const Op huber_op("huber_loss", []<class T>(Case<T>& c) {
  const double delta = c.config.number("delta", 1);
  pointwise_loss(
      c, [=](auto x, auto t, Reduction r) { return huber(x, t, delta, {}, r); },
      [=](auto x, auto t) { return huber_each(x, t, delta); });
});

const Op bce_op("bce_with_logits", []<class T>(Case<T>& c) {
  pointwise_loss(
      c, [](auto x, auto t, Reduction r) { return bce_with_logits(x, t, {}, r); },
      [](auto x, auto t) { return bce_with_logits_each(x, t); });
});

const Op kl_div_op("kl_div", []<class T>(Case<T>& c) {
  const std::string reduction = c.config.text("reduction", "mean");
  const auto log_q = c.flat("log_q"), p = c.flat("p");
  if (reduction == "none")
    c.out("y", kl_div_each(log_q, p));
  else if (reduction == "mean" || reduction == "sum")
    c.out("y", kl_div(log_q, p, {}, reduction == "mean" ? Reduction::mean : Reduction::sum));
  else if (reduction == "batchmean")
    c.out("y", kl_div(log_q, p, {}, Reduction::sum) / static_cast<double>(c.around_axis("in/p", 0)[1]));
  else
    throw Unsupported("reduction = " + reduction);
});

const Op cross_entropy_op("cross_entropy", []<class T>(Case<T>& c) {
  const Extents<3> sizes = c.around_axis("in/x", 1);  // (B, K, rest)
  auto& target = c.template make<std::vector<std::int64_t>>(c.integers("in/target"));
  c.expect_size("in/target", static_cast<index_t>(target.size()), sizes[0] * sizes[2]);
  if (c.has("in/weight")) throw Unsupported("in/weight");
  const std::string reduction = c.config.text("reduction", "mean");
  if (reduction != "mean" && reduction != "sum" && reduction != "none") throw Unsupported("reduction = " + reduction);
  CrossEntropyOptions options;
  options.smoothing = c.config.number("smoothing", 0);
  options.ignore = c.config.integer("ignore", -100);
  if (reduction == "sum") options.reduction = Reduction::sum;
  const TensorView<const std::int64_t, 2> classes(target.data(), Extents<2>{sizes[0], sizes[2]});
  const auto x = c.template in<3>("x", sizes);
  if (reduction == "none")
    c.out("y", cross_entropy_each(x, classes, options));
  else
    c.out("y", cross_entropy(x, classes, options));
});

}  // namespace
}  // namespace longwave::golden
