#include "sar_focus/trainer.hpp"

#include "common/device.hpp"

namespace longwave::examples::sar_focus {

std::unique_ptr<Trainer> make_cuda_trainer(const TrainOptions&, index_t) {
  (void)open_device("cuda");  // says that there is none
  return nullptr;
}

}  // namespace longwave::examples::sar_focus
