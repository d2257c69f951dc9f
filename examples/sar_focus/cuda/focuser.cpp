#include "sar_focus/focuser_on.hpp"

namespace longwave::examples::sar_focus {

std::unique_ptr<Focuser> make_cuda_focuser(const TrainedNetwork& trained) {
  return std::make_unique<FocuserOn<Cuda>>(trained);
}

}  // namespace longwave::examples::sar_focus
