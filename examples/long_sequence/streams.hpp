// streams.hpp - a model that takes one sample at a time, timed. Streams: B sequences of a data set on one device, with
// reset(), step(data, first sequence, t), result() on the host, wait().
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>

#include "long_sequence/backend.hpp"

namespace longwave::examples {

inline double passed(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

template <class Streams>
StreamResult stream_all(Model& model, const Dataset<float>& data) {
  Streams streams(model, data, data.size());
  StreamResult result;
  result.accuracy_by_time.reserve(static_cast<std::size_t>(data.length()));
  for (index_t t = 0; t < data.length(); ++t) {
    const auto start = std::chrono::steady_clock::now();
    streams.step(data, 0, t);
    streams.wait();
    result.seconds += passed(start);
    result.accuracy_by_time.push_back(score(streams.result(), data.y.view()).accuracy);
  }
  result.logits = Tensor<float, 2>(data.size(), data.classes);
  copy(result.logits.view(), streams.result());
  return result;
}

template <class Streams>
double ns_per_step(Model& model, const Dataset<float>& data) {
  Streams streams(model, data, 1);
  double best = INFINITY;
  for (int repeat = 0; repeat < 20; ++repeat) {
    streams.reset();
    streams.wait();
    const auto start = std::chrono::steady_clock::now();
    for (index_t t = 0; t < data.length(); ++t) streams.step(data, repeat % data.size(), t);
    streams.wait();
    best = std::min(best, 1e9 * passed(start) / static_cast<double>(data.length()));
  }
  return best;
}

}  // namespace longwave::examples
