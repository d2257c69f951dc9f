#include "sar_focus/focuser.hpp"

#include "common/device.hpp"

namespace longwave::examples::sar_focus {

std::unique_ptr<Focuser> make_cuda_focuser(const TrainedNetwork& trained) {
  (void)open_device("cuda");  // says that there is none
  return make_focuser(trained, {});
}

}  // namespace longwave::examples::sar_focus
