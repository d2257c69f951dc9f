// ssim_loss and edge_loss of the reference cases on the device, on a tape there.
#include "device_case.hpp"
#include "longwave/autograd/functions/ssim.hpp"

namespace longwave::golden {
namespace {

// The images of `entry` as (P, h, w).
Extents<3> planes(const CaseBase& c, const std::string& entry) {
  const std::vector<index_t>& shape = c.shape(entry);
  if (shape.size() < 2) throw_shape_error(entry + " is " + detail::shape_text(shape) + ", expected images");
  const index_t h = shape[shape.size() - 2], w = shape.back(), pixels = h * w;
  return {pixels > 0 ? c.count(entry) / pixels : 0, h, w};
}

const bool known = [] {
  if (cuda::device_count() == 0) return false;
  on_device("ssim_loss", [](auto& c) {
    const auto x = c.template in<3>("x", planes(c.host, "in/x"));
    const auto target = c.template in<3>("target", planes(c.host, "in/target"));
    c.out("loss", ssim_loss(x, target));
    c.out("ssim", ssim(x, target));
  });
  on_device("edge_loss", [](auto& c) {
    const auto x = c.template in<3>("x", planes(c.host, "in/x"));
    c.out("y", edge_loss(x, c.template in<3>("target", planes(c.host, "in/target"))));
  });
  return true;
}();

}  // namespace
}  // namespace longwave::golden
