#include "sar_focus/trainer.hpp"

#include "sar_focus/cuda/runner.hpp"
#include "sar_focus/network_on.hpp"
#include "sar_focus/trainer_on.hpp"

namespace longwave::examples::sar_focus {

template std::unique_ptr<Network<Cuda>> make_network<Cuda>(const TrainOptions& options, Generator& init);

std::unique_ptr<Trainer> make_cuda_trainer(const TrainOptions& options, index_t steps) {
  return std::make_unique<TrainerOn<Cuda>>(options, steps);
}

}  // namespace longwave::examples::sar_focus
