// linear, conv1d, conv1d_weight_norm, embedding, softmax, log_softmax.
#include "case.hpp"
#include "longwave/autograd/functions/conv1d.hpp"
#include "longwave/autograd/functions/embedding.hpp"
#include "longwave/autograd/functions/matmul.hpp"
#include "longwave/autograd/functions/reduce.hpp"
#include "longwave/nn/weight_norm_conv1d.hpp"

namespace longwave::golden {
namespace {

const Op linear_op("linear", []<class T>(Case<T>& c) {
  const auto x = c.template in<2>("x", c.rows("in/x"));
  c.out("y", linear(x, c.template param<2>("weight"), c.template optional_param<1>("bias")));
});

const Op conv1d_op("conv1d", []<class T>(Case<T>& c) {
  Conv1dOptions options;
  c.config.expect("padding_mode", "zeros");
  options.stride = c.config.integer("stride", 1);
  options.padding = c.config.integer("padding", 0);
  options.dilation = c.config.integer("dilation", 1);
  options.groups = c.config.integer("groups", 1);
  const auto x = c.template in<3>("x"), W = c.template param<3>("weight");
  c.expect_size("the output's length", conv1d_length(x.size(2), W.size(2), options), c.shape("out/y").at(2));
  c.out("y", conv1d(x, W, c.template optional_param<1>("bias"), options));
});

const Op weight_norm_op("conv1d_weight_norm", []<class T>(Case<T>& c) {
  const auto x = c.template in<3>("x");
  const index_t kernel = c.config.integer("kernel", 1), dilation = c.config.integer("dilation", 1);
  Generator gen(1);
  auto& conv =
      c.template make<WeightNormConv1d<T>>(typename WeightNormConv1d<T>::Options{.in = x.size(1),
                                                                                 .out = c.shape("out/y").at(1),
                                                                                 .kernel = kernel,
                                                                                 .padding = dilation * (kernel - 1) / 2,
                                                                                 .dilation = dilation},
                                           gen);
  c.load(conv);
  c.out("y", conv(c.tape, x));
});

const Op embedding_op("embedding", []<class T>(Case<T>& c) {
  c.config.expect("padding_idx", "null");
  const auto weight = c.template param<2>("weight");
  auto& index = c.template make<std::vector<std::int64_t>>(c.integers("in/index"));
  const auto n = static_cast<index_t>(index.size());
  c.out("y", embedding(weight, TensorView<const std::int64_t, 1>(index.data(), Extents<1>{n})));
});

const Op softmax_op("softmax", []<class T>(Case<T>& c) {
  c.out("y", softmax(c.template in<3>("x", c.around_axis("in/x", c.config.integer("dim", -1))), 1));
});

const Op log_softmax_op("log_softmax", []<class T>(Case<T>& c) {
  c.out("y", log_softmax(c.template in<3>("x", c.around_axis("in/x", c.config.integer("dim", -1))), 1));
});

}  // namespace
}  // namespace longwave::golden
