// MMD of the reference cases on the device: its value and, as a loss on a tape there, its gradients.
#include "../bodies_mmd.hpp"
#include "device_case.hpp"

namespace longwave::golden {
namespace {

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  Op(
      "mmd_unbiased",
      []<class T>(Case<T>& c) {
        mmd_unbiased_case(c, [](const Tensor<T, 2>& x, const Tensor<T, 2>& y, const RbfMixture& kernel) {
          Tensor<T, 0, Cuda> value{Extents<0>()};
          ops::Mmd::forward(value.view(), cuda::to_device(x), cuda::to_device(y), kernel);
          return static_cast<double>(cuda::to_host(value)());
        });
      },
      "cuda");
  on_device("mmd_loss", [](auto& c) {
    skip_draw(c.config);
    const auto x = c.template in<2>("x", c.host.rows("in/x")), y = c.template in<2>("y", c.host.rows("in/y"));
    c.out("mmd2", mmd(x, y, RbfMixture(c.config.number("sigma"))));
  });
  return true;
}();

}  // namespace
}  // namespace longwave::golden
