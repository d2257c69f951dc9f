// A batch of matrices where one matrix is expected.
// error: (could not|cannot) convert|no matching function
#include "longwave/core/tensor.hpp"
#include "longwave/ops/matmul.hpp"

using namespace longwave;

void mistake(Tensor<float, 2>& C, Tensor<float, 2>& A, Tensor<float, 2>& B, Tensor<float, 3>& batch) {
  ops::Matmul::forward(C.view(), A, B);
#if defined(LONGWAVE_MISTAKE)
  ops::Matmul::forward(C.view(), A, batch);
#else
  ops::Matmul::forward(C.view(), A, batch.view()[0]);
#endif
}
