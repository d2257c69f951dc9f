// backend.hpp - what the program does on a device. One for the host in backend.cpp, one for CUDA in cuda/, where the
// program was built with longwave::cuda.
#pragma once

#include "longwave/cuda/device.hpp"
#include "trace_gan/gan_on.hpp"

namespace longwave::examples::trace_gan {

struct Backend {
  void (*train)(const TrainOptions& options, LstmGan<float>& gan, TensorView<const float, 3> chunks,
                const EpochEnd& epoch_end, const RowJudge& judge);
  Tensor<float, 2> (*generate)(LstmGan<float>& gan, index_t rows, index_t seq_len, Generator gen);
};

const Backend& backend_of(const DeviceChoice& device);

const Backend& cuda_backend();  // in cuda/ or no_cuda/

}  // namespace longwave::examples::trace_gan
