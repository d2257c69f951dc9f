// layer_norm, batch_norm1d.
#include "case.hpp"
#include "longwave/autograd/functions/norm.hpp"

namespace longwave::golden {
namespace {

const Op layer_norm_op("layer_norm", []<class T>(Case<T>& c) {
  LayerNormOptions options;
  options.eps = c.config.number("eps", options.eps);
  const auto x = c.template in<2>("x", c.rows("in/x"));
  c.out("y", layer_norm(x, c.template optional_param<1>("weight"), c.template optional_param<1>("bias"), options));
});

template <int N, class T>
void batch_norm_case(Case<T>& c) {
  BatchNormOptions options;
  options.training = c.config.flag("train");
  options.momentum = c.config.number("momentum", 0.1);
  options.eps = c.config.number("eps", options.eps);
  const auto mean = c.template values<1>("param/running_mean"), var = c.template values<1>("param/running_var");
  const auto x = c.template in<N>("x");
  c.out("y", batch_norm(x, c.template optional_param<1>("weight"), c.template optional_param<1>("bias"), mean, var,
                        options));
  c.out("running_mean", TensorView<const T, 1>(mean));
  c.out("running_var", TensorView<const T, 1>(var));
  const auto batches = c.integers("param/num_batches_tracked");
  c.out_integer("num_batches_tracked", batches.at(0) + (options.training ? 1 : 0));
}

const Op batch_norm1d_op("batch_norm1d", []<class T>(Case<T>& c) {
  const std::size_t rank = c.shape("in/x").size();
  if (rank == 2)
    batch_norm_case<2>(c);
  else if (rank == 3)
    batch_norm_case<3>(c);
  else
    throw_shape_error("in/x is " + detail::shape_text(c.shape("in/x")) + ", expected (B, H) or (B, H, L)");
});

}  // namespace
}  // namespace longwave::golden
