// glu_product_launch.cuh - starts the kernels of glu_product_kernel.cuh and glu_product_weights.cuh.
//
// GluTail<S, Unit, H, steps, cluster> works on dense v, y, dy, dv (B, H, L) and z (B, 2 H, L) of S that start on 16
// bytes, L a multiple of 16 bytes. z is working memory of backward, where dz is left for dW; with GluSteps::kept it is
// what forward has left there. Other working memory is W packed, 4 H H numbers, made anew by each call, and the pieces
// of dW, one per thread block: at H = 256 one per four multiprocessors, 0.5 MB each.
//
// The kernels are for sm_90a. What else they are compiled for has empty ones; compiled_here() says which it is.
#pragma once

#include "kernels/glu_product_kernel.cuh"
#include "kernels/glu_product_weights.cuh"
#include "kernels/partials.cuh"
#include "longwave/core/arena.hpp"
#include "longwave/cuda/glu_product.hpp"

namespace longwave::cuda::detail {

// Backward as one kernel, as one for dz and one for dv, or from z that forward keeps.
enum class GluSteps { whole, split, kept };

template <class S, template <class> class Unit, int H, GluSteps steps, int cluster = 1>
struct GluTail {
  using Packed = PackedWeights<S, H>;
  static constexpr bool keeps = steps == GluSteps::kept;

  static bool takes(const TensorView<const S, 3, Cuda>& v) {
    return v.size(1) == H && v.size(2) < (index_t(1) << 31) && v.size(2) % (16 / index_t(sizeof(S))) == 0 &&
           v.contiguous() && aligned_for_vectors(v.data());
  }
  // The kernel with a body takes registers for three warps of each scheduler.
  static bool compiled_here() {
    cudaFuncAttributes attributes{};
    check(cudaFuncGetAttributes(&attributes, glu_product_kernel<GluPlan<S, Unit, H, GluWork::forward, cluster>>),
          "cudaFuncGetAttributes(glu_product)");
    return attributes.numRegs > 128;
  }

  static void forward(TensorView<S, 3, Cuda> y, TensorView<S, 3, Cuda> z, TensorView<const S, 3, Cuda> v,
                      TensorView<const float, 2, Cuda> W, TensorView<const float, 1, Cuda> bias,
                      KeptChannels kept = {}) {
    if (y.empty()) return;
    ScratchOn<Cuda> scratch;
    GluProduct<S> p = task(v, z, bias, kept);
    p.y = y.data();
    p.packed = packed(W, kept, scratch, 0, Packed::forward_blocks);
    if constexpr (keeps)
      if (wanted(z)) return start<GluWork::forward_kept>(p);
    start<GluWork::forward>(p);
  }

  // dz in z is what dW is made of; dbias is added to and may be left out.
  static void backward(TensorView<S, 3, Cuda> dv, TensorView<S, 3, Cuda> z, TensorView<float, 1, Cuda> dbias,
                       TensorView<const S, 3, Cuda> dy, TensorView<const S, 3, Cuda> v,
                       TensorView<const float, 2, Cuda> W, TensorView<const float, 1, Cuda> bias,
                       KeptChannels kept = {}) {
    if (dv.empty()) return;
    ScratchOn<Cuda> scratch;
    GluProduct<S> p = task(v, z, bias, kept);
    p.dy = dy.data();
    p.dv = dv.data();
    if (wanted(dbias)) p.bias_part = scratch.take<double>(index_t(grid(p)) * 2 * H);
    if constexpr (keeps) {
      p.packed = packed(W, kept, scratch, Packed::forward_blocks, Packed::back_blocks);
      start<GluWork::back_kept>(p);
    } else {
      p.packed = packed(W, kept, scratch, 0, Packed::forward_blocks + Packed::back_blocks);
      start<steps == GluSteps::whole ? GluWork::backward : GluWork::gradient>(p);
    }
    if constexpr (steps == GluSteps::split) {
      p.packed += index_t(Packed::forward_blocks) * block_size;
      start<GluWork::back>(p);
    }
    if (wanted(dbias))
      add_partials(TensorView<float, 2, Cuda>(dbias.data(), Extents<2>(2 * H, 1), Extents<2>(dbias.stride(0), 1)),
                   p.bias_part, index_t(grid(p)));
  }

  // dW += sum of dz g'.
  static void weights(TensorView<float, 2, Cuda> dW, TensorView<const S, 3, Cuda> dz, TensorView<const S, 3, Cuda> v,
                      KeptChannels kept = {}) {
    if (v.empty()) return;
    constexpr int step = block_depth<S>, tiles = 2 * H / weight_rows * (H / block_rows);
    const index_t L = v.size(2), per_row = (L + step - 1) / step, stages = v.size(0) * per_row;
    const index_t wanted_pieces = std::max<index_t>(1, std::min<index_t>(stages, processors() / tiles));
    const index_t per_block = (stages + wanted_pieces - 1) / wanted_pieces,
                  pieces = (stages + per_block - 1) / per_block;
    ScratchOn<Cuda> scratch;
    GluWeights<S> p{dz.data(),
                    v.data(),
                    scratch.take<float>(pieces * 2 * H * H),
                    H,
                    L,
                    static_cast<int>(stages),
                    static_cast<int>(per_row),
                    static_cast<int>(per_block),
                    kept.bits,
                    kept.scale};
    const auto kernel = glu_weights_kernel<S, Unit<S>>;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, weight_bytes),
          "cudaFuncSetAttribute(glu_weights)");
    const dim3 blocks(2 * H / weight_rows, H / block_rows, static_cast<unsigned>(pieces));
    kernel<<<blocks, weight_threads, weight_bytes, stream_handle()>>>(p);
    check_launch("glu_weights");
    add_partials(dW, p.part, pieces);
  }

 private:
  static int processors() {
    int device = 0, count = 0;
    check(cudaGetDevice(&device), "cudaGetDevice");
    check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "cudaDeviceGetAttribute");
    return count;
  }

  static const unsigned* packed(TensorView<const float, 2, Cuda> W, KeptChannels kept, ScratchOn<Cuda>& scratch,
                                int first, int count) {
    unsigned* const to = scratch.take<unsigned>(index_t(count) * block_size);
    pack_weights_kernel<S, H><<<static_cast<unsigned>(count * block_size / 256), 256, 0, stream_handle()>>>(
        to, W.data(), W.stride(0), W.stride(1), kept.scale, first, keeps);
    check_launch("glu_product: weights");
    return to;
  }

  static GluProduct<S> task(TensorView<const S, 3, Cuda> v, TensorView<S, 3, Cuda> z,
                            TensorView<const float, 1, Cuda> bias, KeptChannels kept) {
    GluProduct<S> p{};
    p.v = v.data();
    p.z = z.data();
    p.kept = kept.bits;
    p.bias = bias.data();
    p.bias_step = bias.stride(0);
    p.L = v.size(2);
    const index_t per_row = (p.L + glu_positions - 1) / glu_positions;
    p.tiles_per_row = static_cast<int>(per_row);
    p.tiles = static_cast<int>(per_row * v.size(0));
    return p;
  }

  static unsigned grid(const GluProduct<S>& p) {
    return static_cast<unsigned>(std::min(processors() / cluster, (p.tiles + cluster - 1) / cluster) * cluster);
  }

  template <GluWork work>
  static void start(const GluProduct<S>& p) {
    using Plan = GluPlan<S, Unit, H, work, cluster>;
    const auto kernel = glu_product_kernel<Plan>;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Plan::bytes),
          "cudaFuncSetAttribute(glu_product)");
    cudaLaunchAttribute shape{};
    shape.id = cudaLaunchAttributeClusterDimension;
    shape.val.clusterDim.x = cluster;
    shape.val.clusterDim.y = shape.val.clusterDim.z = 1;
    cudaLaunchConfig_t how{};
    how.gridDim = dim3(grid(p));
    how.blockDim = dim3(glu_threads);
    how.dynamicSmemBytes = Plan::bytes;
    how.stream = stream_handle();
    how.attrs = &shape;
    how.numAttrs = cluster > 1 ? 1 : 0;
    check(cudaLaunchKernelEx(&how, kernel, p), "glu_product");
  }
};

}  // namespace longwave::cuda::detail
