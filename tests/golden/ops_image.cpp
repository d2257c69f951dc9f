// ssim_loss, edge_loss.
#include "case.hpp"
#include "longwave/autograd/functions/ssim.hpp"

namespace longwave::golden {
namespace {

const Op ssim_op("ssim_loss", []<class T>(Case<T>& c) {
  const auto x = c.template in<4>("x"), target = c.template in<4>("target");
  const Extents<3> planes{x.size(0) * x.size(1), x.size(2), x.size(3)};
  const auto a = reshape(x, planes), b = reshape(target, planes);
  c.out("loss", ssim_loss(a, b));
  c.out("ssim", reshape(ssim(a, b), x.sizes()));
});

const Op edge_op("edge_loss", []<class T>(Case<T>& c) {
  if (c.shape("in/x").size() == 2)
    c.out("y", edge_loss(c.template in<2>("x"), c.template in<2>("target")));
  else
    c.out("y", edge_loss(c.template in<4>("x"), c.template in<4>("target")));
});

}  // namespace
}  // namespace longwave::golden
