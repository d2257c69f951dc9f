// typed_optim.hpp - tests of optimisers over the scalar type and the device: the same steps on the host and on D.
#pragma once

#include <cstring>

#include "check.hpp"
#include "longwave/nn/init.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/optim/clip.hpp"
#include "longwave/optim/ema.hpp"
#include "longwave/optim/sgd.hpp"

namespace longwave::test {

// The values of a parameter, buffer or moment on any device, its rank forgotten.
template <class T, device D>
Tensor<T, 1> numbers(const ParameterRef<T, D>& p, bool gradient = false) {
  const TensorView<T, 1, D> there(gradient ? p.grad : p.value, Extents<1>{p.count});
  Tensor<T, 1> all(p.count);
  if (p.count == 0) return all;
  if constexpr (std::is_same_v<D, Host>)
    copy(all.view(), there);
  else
    cuda::copy(all.view(), there);
  return all;
}

template <class T, device D>
std::vector<Tensor<T, 1>> numbers(const std::vector<ParameterRef<T, D>>& refs, bool gradients = false) {
  std::vector<Tensor<T, 1>> all;
  for (const auto& p : refs) all.push_back(numbers(p, gradients));
  return all;
}

// The largest relative error of any parameter.
template <class T, class U>
double worst_error(const std::vector<Tensor<T, 1>>& got, const std::vector<Tensor<U, 1>>& want) {
  if (got.size() != want.size()) return INFINITY;
  double worst = 0;
  for (std::size_t i = 0; i < got.size(); ++i) worst = std::max(worst, relative_error(got[i], want[i]));
  return worst;
}

template <class T>
bool same_bits(const std::vector<Tensor<T, 1>>& a, const std::vector<Tensor<T, 1>>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].count() != b[i].count() || (a[i].count() > 0 && std::memcmp(a[i].data(), b[i].data(), a[i].bytes()) != 0))
      return false;
  return true;
}

// Sizes below, at and above a block's piece, one of no element, groups of their own.
template <class T, device D>
struct OddModule {
  Parameter<T, 2, D> a{{37, 21}};
  Parameter<T, 1, D> b{{5003}, {.lr = 0.02, .weight_decay = 0}};
  Parameter<T, 1, D> c{{1}};
  Parameter<T, 1, D> none{{0}};
  Parameter<T, 3, D> d{{2, 16, 64}, {.weight_decay = 0.3}};

  OddModule() {
    Generator gen(3);
    for_each_parameter([&](const std::string&, auto& p) { init::normal(gen, p.value.view(), 0, 1); });
  }
  template <class F>
  void for_each_parameter(F&& f) {
    f("a", a);
    f("b", b);
    f("c", c);
    f("none", none);
    f("d", d);
  }
  void draw_gradients(Generator& gen, double deviation = 1) {
    for_each_parameter([&](const std::string&, auto& p) { init::normal(gen, p.grad.view(), 0, deviation); });
  }
};

// Fifty steps, with a schedule, clipping and an average, on D and on the host. make(module) -> optimiser.
template <class T, device D, class Make>
void check_trajectory(Make make) {
  OddModule<T, Host> here;
  OddModule<T, D> there;
  auto opt_here = make(here);
  auto opt_there = make(there);
  Ema ema_here(here, {.decay = 0.9, .warm_up = true});
  Ema ema_there(there, {.decay = 0.9, .warm_up = true});
  Generator gen_here(4), gen_there(4);
  for (int step = 0; step < 50; ++step) {
    here.draw_gradients(gen_here);
    there.draw_gradients(gen_there);
    opt_here.set_lr(0.01 * (1 + step % 7));
    opt_there.set_lr(0.01 * (1 + step % 7));
    opt_here.step();
    opt_there.step();
    ema_here.update();
    ema_there.update();
  }
  // Each step rounds to a few last places of numbers around 1.
  const double tolerance = sizeof(T) == 4 ? 5e-6 : 1e-14;
  CHECK(worst_error(numbers(parameters<T, D>(there)), numbers(parameters<T>(here))) <= tolerance);
  CHECK(worst_error(numbers(opt_there.state()), numbers(opt_here.state())) <= tolerance);
  CHECK(worst_error(numbers(ema_there.state()), numbers(ema_here.state())) <= tolerance);
  for (const auto& grad : numbers(parameters<T, D>(there), true))
    CHECK(relative_error(grad, Tensor<T, 1>(grad.sizes())) == 0);
  CHECK(opt_there.steps() == 50);
}

template <class T, device D>
void check_optimisers() {
  check_trajectory<T, D>([](auto& m) { return AdamW(m, {.lr = 0.01}); });
  check_trajectory<T, D>([](auto& m) { return Adam(m, {.lr = 0.01, .beta1 = 0.8, .weight_decay = 0.1}); });
  check_trajectory<T, D>([](auto& m) { return Sgd(m, {.lr = 0.01}); });
  check_trajectory<T, D>([](auto& m) { return Sgd(m, {.lr = 0.01, .momentum = 0.9, .weight_decay = 0.1}); });
  check_trajectory<T, D>([](auto& m) { return Sgd(m, {.lr = 0.01, .momentum = 0.9, .nesterov = true}); });
}

template <class T, device D>
void check_clipping() {
  for (const double max_norm : {0.5, 1e9}) {
    OddModule<T, Host> here;
    OddModule<T, D> there;
    Generator gen_here(5), gen_there(5);
    here.draw_gradients(gen_here);
    there.draw_gradients(gen_there);
    const auto refs = parameters<T, D>(there);
    GradClip<T, D> clip(refs, max_norm);
    clip.apply();
    const double norm = clip.last_norm(), want = clip_grad_norm(parameters<T>(here), max_norm);
    CHECK(std::abs(norm - want) <= 1e-14 * want);
    CHECK(worst_error(numbers(refs, true), numbers(parameters<T>(here), true)) <= (sizeof(T) == 4 ? 2e-7 : 1e-15));
    CHECK(std::abs(grad_norm(refs) - std::min(want, max_norm)) <= 1e-6);
    clip_grad_norm(refs, 0.1);
    CHECK(std::abs(grad_norm(refs) - 0.1) <= 1e-6);
  }
}

template <class T, device D>
void check_clipping_edges() {
  OddModule<T, D> there;
  Generator gen(6);
  there.draw_gradients(gen);
  init::constant(there.c.grad.view(), std::numeric_limits<T>::infinity());
  const auto refs = parameters<T, D>(there);
  const auto before = numbers(refs, true);
  CHECK(std::isinf(clip_grad_norm(refs, 1)));
  CHECK(same_bits(numbers(refs, true), before));
  CHECK(grad_norm(std::vector<ParameterRef<T, D>>()) == 0);
  CHECK(error_text<ValueError>([&] { clip_grad_norm(refs, 0); }).find("max_norm") != std::string::npos);
  CHECK(error_text<ValueError>([&] { GradClip<T, D>(refs, -1); }) ==
        "GradClip: max_norm is -1.000000, expected more than 0");
}

// Twice the same bits; swapping is exact; zero_grad; the gradients of strangers are left alone.
template <class T, device D>
void check_exact() {
  const auto run = [] {
    OddModule<T, D> module;
    AdamW optimizer(module, {.lr = 0.01});
    GradClip<T, D> clip(optimizer.parameters(), 1);
    Generator gen(7);
    for (int step = 0; step < 5; ++step) {
      module.draw_gradients(gen);
      clip.apply();
      optimizer.step();
    }
    return numbers(parameters<T, D>(module));
  };
  CHECK(same_bits(run(), run()));

  OddModule<T, D> module;
  Ema ema(module);
  Generator gen(8);
  const auto refs = parameters<T, D>(module);
  CHECK(same_bits(numbers(ema.state()), numbers(refs)));
  for (auto& p : refs) init::normal(gen, TensorView<T, 1, D>(p.value, Extents<1>{p.count}), 0, 1);
  ema.update();
  const auto values = numbers(refs), averages = numbers(ema.state());
  ema.swap_in();
  CHECK(same_bits(numbers(refs), averages));
  CHECK(same_bits(numbers(ema.state()), values));
  ema.swap_out();
  CHECK(same_bits(numbers(refs), values));

  module.draw_gradients(gen);
  Sgd optimizer(module);
  optimizer.zero_grad();
  for (const auto& grad : numbers(refs, true)) CHECK(relative_error(grad, Tensor<T, 1>(grad.sizes())) == 0);
}

// Parameters that start anywhere in memory: no 16-byte accesses there.
template <class T, device D>
void check_unaligned() {
  const auto run = [](index_t shift) {
    const index_t n = 1501;
    Tensor<T, 1, D> value(n + shift), grad(n + shift);
    Generator gen(9);
    init::normal(gen, value.view().slice(0, shift, n + shift), 0, 1);
    init::normal(gen, grad.view().slice(0, shift, n + shift), 0, 1);
    const std::vector<ParameterRef<T, D>> refs{{"p", {n}, value.data() + shift, grad.data() + shift, n, {}}};
    AdamW<T, D> optimizer(refs, {.lr = 0.01});
    clip_grad_norm(refs, 0.5);
    optimizer.step();
    return numbers(refs);
  };
  CHECK(same_bits(run(1), run(0)));
  CHECK(same_bits(run(3), run(0)));
}

}  // namespace longwave::test
