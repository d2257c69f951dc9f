// readback.hpp - numbers of a running step (loss, norm of the gradient) on the host, without waiting for the device.
// Defined in longwave::cuda.
//
//   cuda::Readback losses;
//   losses.publish(loss.value());                  // in the step, which may be captured; queued like an op
//   losses.newest()                                // number of the last one that has arrived, -1: none
//   losses.value(step)                             // publication number `step`; waits for it
//
// A kernel writes them into pinned memory of the host, a ring of `slots` publications, and the number of the
// publication after them. Publications are counted from 0. The host may run ahead of the device by any number; what it
// asks for must be among the last `slots` publications.
#pragma once

#include <type_traits>

#include "longwave/cuda/stream.hpp"

namespace longwave::cuda {

namespace detail {

inline constexpr int most_values = 6;

enum class ScalarKind { float32, float64, integer };
template <class T>
inline constexpr ScalarKind scalar_kind = std::is_same_v<T, float>    ? ScalarKind::float32
                                          : std::is_same_v<T, double> ? ScalarKind::float64
                                                                      : ScalarKind::integer;

struct ReadbackSources {
  const void* at[most_values];
  ScalarKind kind[most_values];
  int count;
};

struct ReadbackSlot {  // 64 bytes
  double value[most_values];
  unsigned long long number;  // 1 + that of the publication, 0: none yet
  unsigned long long padding;
};

}  // namespace detail

class Readback {
 public:
  explicit Readback(index_t slots = 256);
  Readback(const Readback&) = delete;
  Readback& operator=(const Readback&) = delete;
  ~Readback();

  // One or more scalars of float, double or index_t; read back as double.
  template <class... T>
  void publish(TensorView<T, 0, Cuda>... values) {
    static_assert(sizeof...(T) >= 1 && sizeof...(T) <= detail::most_values);
    static_assert(((std::is_floating_point_v<T> || std::is_same_v<std::remove_const_t<T>, index_t>)&&...));
    publish(detail::ReadbackSources{
        {values.data()...}, {detail::scalar_kind<std::remove_const_t<T>>...}, static_cast<int>(sizeof...(T))});
  }

  index_t newest();
  // Value k of publication `number`. ValueError: it was overwritten, or never made.
  double value(index_t number, int k = 0);

  // Publications that were queued; a graph adds those of its replays (graph.hpp).
  index_t published() const { return published_; }
  void set_published(index_t count) { published_ = count; }

 private:
  void publish(const detail::ReadbackSources& sources);
  unsigned long long number_in(index_t slot) const;

  index_t slots_;
  detail::ReadbackSlot* ring_;   // pinned
  unsigned long long* counter_;  // on the device: publications that ran
  index_t published_ = 0;
  index_t newest_ = -1;
};

}  // namespace longwave::cuda
