// lab.hpp - numbered versions of the chunked scan's forward kernel, from the first that worked to the one in use.
//
//   y (B, H, L) of u (B, H, L), float; x, c (H, 32); D (H). No states in or out.
//
// Versions 1 to 4 show one idea each and leave out what a library needs: B is a multiple of 16, L of 64, all dense.
// Chunks of T = 64 samples, one block per feature and 16 sequences, as in kernels/chunk_scan.cuh.
#pragma once

#include "longwave/cuda/chunk_scan.hpp"

namespace longwave::cuda::lab {

using Output = TensorView<float, 3, Cuda>;
using Inputs = DiagonalInputs<float, Cuda>;

void scan_1(Output y, const Inputs& in, Product product);  // eight warps, operands rounded as they are loaded
void scan_2(Output y, const Inputs& in, Product product);  // operands rounded once, into shared memory
void scan_3(Output y, const Inputs& in, Product product);  // four warps with equal parts of the triangle
void scan_4(Output y, const Inputs& in, Product product);  // a body of its own for each warp
void scan_5(Output y, const Inputs& in, Product product);  // the library's: groups of chunks, one body

}  // namespace longwave::cuda::lab
