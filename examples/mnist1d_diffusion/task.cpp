#include "mnist1d_diffusion/task.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "longwave/data/mnist1d_generate.hpp"
#include "longwave/metrics/histogram_kl.hpp"

namespace longwave::examples::mnist1d_diffusion {

namespace {

constexpr index_t roll = 5;

struct Statistics {
  double mean = 0, deviation = 1;
};

Statistics statistics(TensorView<const double, 3> x) {
  Statistics s;
  const auto n = static_cast<double>(x.count());
  for (index_t i = 0; i < x.count(); ++i) s.mean += x.data()[i] / n;
  double variance = 0;
  for (index_t i = 0; i < x.count(); ++i) variance += (x.data()[i] - s.mean) * (x.data()[i] - s.mean) / n;
  s.deviation = std::sqrt(variance);
  return s;
}

// `half` examples of set 1 (digits 0 to 4), then as many of set 2, each drawn without replacement.
std::vector<index_t> draw_places(const Dataset<double>& data, index_t half, Generator& gen) {
  Tensor<index_t, 1> order(data.size());
  gen.permutation(order.view());
  std::vector<index_t> places;
  for (const bool second : {false, true}) {
    const std::size_t before = places.size();
    for (index_t i = 0; i < order.size(0); ++i) {
      if (static_cast<index_t>(places.size() - before) == half) break;
      if ((data.y(order(i)) >= 5) == second) places.push_back(order(i));
    }
    if (const auto found = static_cast<index_t>(places.size() - before); found < half)
      throw_value_error(data.name + ": " + std::to_string(half) + " rows of set " + (second ? "2" : "1") +
                        " were asked for, there are " + std::to_string(found) + "; use fewer samples");
  }
  return places;
}

Rows mnist1d_rows(const Dataset<double>& data, const Statistics& s, index_t n, Generator& gen) {
  const std::vector<index_t> places = draw_places(data, n / 2, gen);
  const index_t L = data.length();
  Rows rows{Tensor<float, 2>(n, L + 1), Tensor<float, 2>(n, L + 1), {}};
  for (index_t r = 0; r < n; ++r) {
    const index_t from = places[static_cast<std::size_t>(r)], digit = data.y(from);
    const bool second = digit >= 5;
    for (index_t i = 0; i < L; ++i) {
      const auto u = static_cast<float>(std::clamp(2 * (data.x(from, 0, i) - s.mean) / s.deviation, -5.0, 5.0));
      rows.condition(r, i) = u;
      if (second)
        rows.target(r, i) = -0.8f * u;
      else
        rows.target(r, (i + roll) % L) = u;
    }
    rows.condition(r, L) = rows.target(r, L) = second ? 1.0f : 0.0f;
    rows.digit.push_back(static_cast<int>(digit));
  }
  return rows;
}

Rows ancestor_rows(index_t n, Generator& gen) {
  Rows rows{Tensor<float, 2>(n, 3), Tensor<float, 2>(n, 3), {}};
  Tensor<float, 2> drawn(n, 2);
  gen.uniform(drawn.view(), -5, 5);
  for (index_t r = 0; r < n; ++r) {
    const bool second = r >= n / 2;
    const float x = drawn(r, 0), sine = std::sin(x);
    const float z = second ? 1.0f : 0.0f;
    const float condition[3] = {x, second ? sine : drawn(r, 1), z};
    const float target[3] = {x, second ? std::cos(x) + 1 : sine, z};
    std::copy(condition, condition + 3, &rows.condition(r, 0));
    std::copy(target, target + 3, &rows.target(r, 0));
    rows.digit.push_back(second ? 1 : 0);
  }
  return rows;
}

Mnist1dSet read_or_generate(const std::string& folder) {
  if (folder.empty()) return generate_mnist1d();
  return {read_mnist1d<double>(folder, Mnist1dPart::train), read_mnist1d<double>(folder, Mnist1dPart::test), {}};
}

Tensor<float, 2> set_means(const Task& task) {
  const index_t P = task.points(), last = P - 1;
  Tensor<double, 2> mean(2, P);
  double count[2] = {};
  for (index_t r = 0; r < task.train.target.size(0); ++r) {
    const index_t set = task.train.target(r, last) > 0.5f ? 1 : 0;
    count[set] += 1;
    for (index_t p = 0; p < P; ++p) mean(set, p) += static_cast<double>(task.train.target(r, p));
  }
  Tensor<float, 2> answer(task.test.target.sizes());
  for (index_t r = 0; r < answer.size(0); ++r) {
    const index_t set = task.test.condition(r, last) > 0.5f ? 1 : 0;
    for (index_t p = 0; p < P; ++p) answer(r, p) = static_cast<float>(mean(set, p) / count[set]);
  }
  return answer;
}

}  // namespace

Task make_task(const Options& options, std::int64_t seed) {
  Generator gen(static_cast<std::uint64_t>(seed), 1);
  if (options.task == "ancestor") {
    Task task;
    task.train = ancestor_rows(options.n_samples, gen);
    task.test = ancestor_rows(options.n_test, gen);
    return task;
  }
  const Mnist1dSet set = read_or_generate(options.data);
  const Statistics s = statistics(set.train.x.view());
  Task task;
  task.train = mnist1d_rows(set.train, s, options.n_samples, gen);
  task.test = mnist1d_rows(set.test, s, options.n_test, gen);
  return task;
}

Figures compare(TensorView<const float, 2> predicted, TensorView<const float, 2> target) {
  check_same_shape("compare", "predicted", predicted, "target", target);
  Figures f;
  const auto n = static_cast<double>(target.count());
  for (index_t r = 0; r < target.size(0); ++r)
    for (index_t p = 0; p < target.size(1); ++p) {
      const double d = static_cast<double>(predicted(r, p)) - static_cast<double>(target(r, p));
      f.mse += d * d / n;
      f.mae += std::abs(d) / n;
    }
  f.kl = histogram_kl(predicted, target);
  return f;
}

std::vector<std::pair<std::string, Figures>> trivial_answers(const Task& task) {
  const TensorView<const float, 2> target = task.test.target.view();
  const Tensor<float, 2> zeros(target.sizes()), means = set_means(task);
  return {{"all zeros", compare(zeros.view(), target)},
          {"mean of the set", compare(means.view(), target)},
          {"the condition itself", compare(task.test.condition.view(), target)}};
}

}  // namespace longwave::examples::mnist1d_diffusion
