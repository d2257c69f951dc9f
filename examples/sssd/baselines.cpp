#include "sssd/baselines.hpp"

#include <algorithm>
#include <string>

#include "longwave/core/parallel.hpp"

namespace longwave::examples::sssd {

namespace {

void check(const char* op, Values values, Values mask, const std::vector<float>& constants) {
  check_same_shape(op, "mask", mask, "values", values);
  if (static_cast<index_t>(constants.size()) != values.size(1))
    throw_shape_error(std::string(op) + ": " + std::to_string(constants.size()) + " constants for " +
                      std::to_string(values.size(1)) + " channels");
}

// guess(n, c, l) for each entry under the mask, the value itself elsewhere.
template <class Guess>
Tensor<float, 3> fill_in(Values values, Values mask, Guess&& guess) {
  auto out = Tensor<float, 3>::uninitialized(values.sizes());
  for (index_t n = 0; n < values.size(0); ++n)
    for (index_t c = 0; c < values.size(1); ++c)
      for (index_t l = 0; l < values.size(2); ++l) out(n, c, l) = mask(n, c, l) != 0 ? values(n, c, l) : guess(n, c, l);
  return out;
}

// The nearest place from l on, in steps, whose value is shown; -1 where there is none.
index_t shown_from(TensorView<const float, 1> mask, index_t l, index_t step) {
  for (; l >= 0 && l < mask.size(0); l += step)
    if (mask(l) != 0) return l;
  return -1;
}

float on_the_line(TensorView<const float, 1> values, TensorView<const float, 1> mask, index_t l, float fallback) {
  const index_t before = shown_from(mask, l, -1), after = shown_from(mask, l, 1);
  if (before < 0 && after < 0) return fallback;
  if (before < 0) return values(after);
  if (after < 0) return values(before);
  const float part = static_cast<float>(l - before) / static_cast<float>(after - before);
  return values(before) + part * (values(after) - values(before));
}

}  // namespace

float majority_event(Values train) {
  if (train.empty()) throw_value_error("majority_event: there are no events");
  std::vector<float> all(train.flat().data(), train.flat().data() + train.count());
  std::sort(all.begin(), all.end());
  float best = all[0];
  std::ptrdiff_t most = 0;
  for (auto begin = all.begin(); begin != all.end();) {
    const auto end = std::upper_bound(begin, all.end(), *begin);
    if (end - begin > most) {
      most = end - begin;
      best = *begin;
    }
    begin = end;
  }
  return best;
}

std::vector<float> channel_means(Values train, Values known) {
  std::vector<float> means;
  for (index_t c = 0; c < train.size(1); ++c) {
    double sum = 0;
    index_t count = 0;
    for (index_t n = 0; n < train.size(0); ++n)
      for (index_t l = 0; l < train.size(2); ++l) {
        if (known.data() != nullptr && known(n, c, l) == 0) continue;
        sum += static_cast<double>(train(n, c, l));
        ++count;
      }
    means.push_back(count == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(count)));
  }
  return means;
}

Tensor<float, 3> impute_constant(Values values, Values mask, const std::vector<float>& constants) {
  check("impute_constant", values, mask, constants);
  return fill_in(values, mask, [&](index_t, index_t c, index_t) { return constants[static_cast<std::size_t>(c)]; });
}

Tensor<float, 3> impute_previous(Values values, Values mask, const std::vector<float>& fallback) {
  check("impute_previous", values, mask, fallback);
  return fill_in(values, mask, [&](index_t n, index_t c, index_t l) {
    const index_t before = shown_from(mask[n][c], l, -1), from = before >= 0 ? before : shown_from(mask[n][c], l, 1);
    return from >= 0 ? values(n, c, from) : fallback[static_cast<std::size_t>(c)];
  });
}

Tensor<float, 3> impute_linear(Values values, Values mask, const std::vector<float>& fallback) {
  check("impute_linear", values, mask, fallback);
  return fill_in(values, mask, [&](index_t n, index_t c, index_t l) {
    return on_the_line(values[n][c], mask[n][c], l, fallback[static_cast<std::size_t>(c)]);
  });
}

Tensor<float, 3> impute_seasonal(Values values, Values mask, index_t period, const std::vector<float>& fallback) {
  check("impute_seasonal", values, mask, fallback);
  if (period < 1) throw_value_error("impute_seasonal: a period of " + std::to_string(period) + ", at least 1");
  return fill_in(values, mask, [&](index_t n, index_t c, index_t l) {
    const index_t before = shown_from(mask[n][c], l, -period), after = shown_from(mask[n][c], l, period);
    if (before < 0 && after < 0) return on_the_line(values[n][c], mask[n][c], l, fallback[static_cast<std::size_t>(c)]);
    return values(n, c, after < 0 || (before >= 0 && l - before <= after - l) ? before : after);
  });
}

Tensor<float, 3> impute_nearest_sequence(Values values, Values mask, Values train) {
  check_same_shape("impute_nearest_sequence", "mask", mask, "values", values);
  if (train.size(0) == 0 || train.size(1) != values.size(1) || train.size(2) != values.size(2))
    throw_shape_error("impute_nearest_sequence: train is " + to_string(train.sizes(), "MCL") + ", values are " +
                      to_string(values.sizes(), "NCL"));
  const index_t size = values.size(1) * values.size(2);
  const float* all = train.flat().data();
  auto out = Tensor<float, 3>::uninitialized(values.sizes());
  parallel_for(values.size(0), [&](index_t n) {
    const float *value = values.flat().data() + n * size, *shown = mask.flat().data() + n * size;
    const float* best = nullptr;
    index_t most = -1;
    for (index_t m = 0; m < train.size(0); ++m) {
      const float* candidate = all + m * size;
      std::int32_t equal = 0;
      for (index_t i = 0; i < size; ++i) equal += (shown[i] != 0) & (candidate[i] == value[i]);
      if (equal <= most) continue;
      most = equal;
      best = candidate;
    }
    for (index_t i = 0; i < size; ++i) out.data()[n * size + i] = shown[i] != 0 ? value[i] : best[i];
  });
  return out;
}

}  // namespace longwave::examples::sssd
