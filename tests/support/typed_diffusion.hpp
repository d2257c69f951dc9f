// typed_diffusion.hpp - the forward process, its losses and both samplers over the scalar type and the device, against
// the host in double or with the same random numbers.
#pragma once

#include "longwave/diffusion/dpm_solver.hpp"
#include "typed_sssd.hpp"

namespace longwave::test {

template <class T>
constexpr double rounding = sizeof(T) == 4 ? 2e-6 : 1e-14;

// 1 at every second place.
template <class T, int N>
Tensor<T, N> every_second(const Extents<N>& sizes) {
  Tensor<T, N> x(sizes);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = i % 2 == 0 ? T(1) : T(0);
  return x;
}

// f(on) gives a tensor on the host; both devices shall give the same within a bound.
template <class T, device D, class F>
void same_as_host(const char* what, double bound, F f) {
  INFO(what);
  const auto there = f(On<T, D>());
  const auto here = f(On<double, Host>());
  REQUIRE(there.sizes() == here.sizes());
  CHECK(relative_error(there.view(), here.view(), 0.1) <= bound);
}

template <class T, device D>
void check_step_embedding() {
  for (const index_t dim : {2, 4, 128})
    for (const index_t B : {1, 7, 300})
      same_as_host<T, D>("step_embedding", rounding<T>, [&](auto on) {
        using U = typename decltype(on)::Scalar;
        using E = typename decltype(on)::Device;
        const auto steps = placed<E>(some_steps(B, 1000));
        Tensor<U, 2, E> y(B, dim);
        longwave::detail::fill(y.view(), static_cast<U>(NAN));
        step_embedding(y.view(), std::as_const(steps).view());
        return brought(std::as_const(y).view());
      });
}

// All of a training step around a network that answers a x + b cond: what add_noise makes, the loss, its gradient.
template <class T, device D>
void check_forward_process() {
  const NoiseSchedule schedule = NoiseSchedule::linear(50, 1e-3, 0.2);
  for (const bool only_missing : {false, true})
    for (const bool observed : {false, true})
      for (const Prediction prediction : {Prediction::noise, Prediction::velocity})
        for (const Extents<3>& sizes : {Extents<3>{1, 1, 1}, Extents<3>{5, 2, 31}, Extents<3>{300, 1, 7}})
          same_as_host<T, D>("training loss", 30 * rounding<T>, [&](auto on) {
            using U = typename decltype(on)::Scalar;
            using E = typename decltype(on)::Device;
            const NoiseLevels<U, E> levels(schedule);
            const auto x0 = placed<E>(float_numbers<U>(sizes, 1)), noise = placed<E>(float_numbers<U>(sizes, 2));
            const auto mask = placed<E>(some_known<U>(sizes)), seen = placed<E>(every_second<U>(sizes));
            const auto steps = placed<E>(some_steps(sizes[0], 50));
            const auto weight = placed<E>(float_numbers<U>(Extents<3>{1, sizes[1], 1}, 3));
            Tape<U, E> tape;
            const auto a = tape.variable(weight.view());
            const auto net = [&](auto&, auto x, auto cond, auto, auto) { return a * x + scale(cond, 0.3); };
            TrainingSample<U, E> sample{.x0 = x0.view(), .mask = mask.view()};
            if (observed) sample.observed = seen.view();
            const auto loss = training_loss<U, E>(
                tape, net, sample, levels, noise.view(), std::as_const(steps).view(),
                {.only_generate_missing = only_missing, .consistent_known = only_missing, .prediction = prediction});
            tape.backward(loss);
            Tensor<U, 1> all(1 + sizes[1]);
            all(0) = brought(loss.value())();
            for (index_t c = 0; c < sizes[1]; ++c) all(1 + c) = brought(a.grad())(0, c, 0);
            return all;
          });
}

template <class T, device D>
void check_predicted_start() {
  const NoiseSchedule schedule = NoiseSchedule::linear(50, 1e-3, 0.2);
  const Extents<2> sizes{37, 11};
  for (const double clamp : {0.8, std::numeric_limits<double>::infinity()})
    same_as_host<T, D>("predict_x0", 30 * rounding<T>, [&](auto on) {
      using U = typename decltype(on)::Scalar;
      using E = typename decltype(on)::Device;
      const NoiseLevels<U, E> levels(schedule);
      const auto eps = placed<E>(float_numbers<U>(sizes, 1)), x = placed<E>(float_numbers<U>(sizes, 2));
      const auto steps = placed<E>(some_steps(37, 50));
      Tape<U, E> tape;
      const auto var = tape.variable(eps.view());
      const auto x0 = predict_x0(var, TensorView<const U, 2, E>(x), levels, std::as_const(steps).view(), clamp);
      tape.backward(mse(x0, tape.input(x)));
      const Tensor<U, 2> value = brought(x0.value()), slope = brought(var.grad());
      Tensor<U, 3> both(2, 37, 11);
      copy(both.view()[0], value.view());
      copy(both.view()[1], slope.view());
      return both;
    });
}

// Steps are the same whole numbers on both devices, all within 0 .. T-1.
template <class T, device D>
void check_drawn_steps() {
  Tensor<index_t, 1, D> there(1009);
  Tensor<index_t, 1> here(1009);
  Generator a(3), b(3);
  draw_steps(a, there.view(), 200);
  draw_steps(b, here.view(), 200);
  Tensor<index_t, 1> back(1009);
  if constexpr (std::is_same_v<D, Host>)
    copy(back.view(), std::as_const(there).view());
  else
    cuda::copy(back.view(), std::as_const(there).view());
  for (index_t i = 0; i < 1009; ++i) {
    CHECK(back(i) == here(i));
    CHECK((back(i) >= 0 && back(i) < 200));
  }
}

inline SamplingPlan plan_number(int i) {
  const NoiseSchedule schedule = NoiseSchedule::linear(20, 1e-3, 0.3);
  if (i == 0) return ddpm(schedule);
  if (i == 1) return ddpm(schedule, even_steps(20, 7), DdpmOptions{.clamp = 1.5});
  if (i == 2) return ddim(schedule, even_steps(20, 5));
  if (i == 4) return dpm_solver(schedule, spaced_steps(schedule, 6, Spacing::quadratic));
  if (i == 5)
    return dpm_solver(schedule, even_steps(20, 5), DpmSolverOptions{.stochastic = true, .least = -0.5, .most = 2});
  return ddim(schedule, DdimOptions{.eta = 1, .clamp = 2, .prediction = Prediction::velocity});
}

inline constexpr auto small_net = [](auto&, auto x, auto cond, auto mask, auto) {
  return scale(x, 0.3) + scale(cond * mask, 0.2);
};

// The same random numbers, so the same samples; cond is NaN where it is not known.
template <class T, device D>
void check_sampler() {
  for (const int plan : {0, 1, 2, 3, 4, 5})
    for (const bool only_missing : {false, true})
      for (const Extents<3>& sizes : {Extents<3>{1, 1, 1}, Extents<3>{3, 2, 29}}) {
        const auto drawn_samples = [&](auto on) {
          using U = typename decltype(on)::Scalar;
          using E = typename decltype(on)::Device;
          Tensor<U, 3> cond = float_numbers<U>(sizes, 4), mask = some_known<U>(sizes);
          for (index_t i = 0; i < cond.count(); ++i)
            if (mask.data()[i] == U(0)) cond.data()[i] = static_cast<U>(NAN);
          const auto cond_there = placed<E>(cond), mask_there = placed<E>(mask);
          const bool as_trained = only_missing && plan % 2 == 0;
          Sampler<U, E> sampler(plan_number(plan), sizes,
                                {.only_generate_missing = only_missing,
                                 .known = as_trained ? KnownValues::as_trained : KnownValues::exact});
          Generator gen(9);
          const Tensor<U, 3> first = brought(sampler.sample(small_net, cond_there.view(), mask_there.view(), gen));
          const Tensor<U, 3> second = brought(sampler.sample(small_net, cond_there.view(), mask_there.view(), gen));
          Tensor<U, 4> both(2, sizes[0], sizes[1], sizes[2]);
          copy(both.view()[0], first.view());
          copy(both.view()[1], second.view());
          return both;
        };
        const auto there = drawn_samples(On<T, D>());
        const auto here = drawn_samples(On<T, Host>());
        INFO("plan " << plan);
        CHECK(relative_error(there.view(), here.view(), 0.1) <= 200 * rounding<T>);
      }
}

// --- points ----------------------------------------------------------------------------------------------------------

template <class T, device D, template <class, device> class Net>
void check_denoiser(const std::string& what) {
  for (const index_t B : {1, 3, 130}) {
    const auto make = drawn([](auto on, Generator& gen) {
      using Network = Net<typename decltype(on)::Scalar, typename decltype(on)::Device>;
      return Network({.points = 7, .hidden = 6, .steps = 9}, gen);
    });
    const Tensor<index_t, 1> steps = some_steps(B, 9);
    const auto steps_there = placed<D>(steps);
    check_module<T, D>(
        what, Extents<2>{B, 7}, make,
        [&](auto& net, auto& tape, auto x) {
          using E = typename std::remove_reference_t<decltype(net.table)>;
          const auto c = scale(x, 0.5, 0.1);
          if constexpr (std::is_same_v<E, Tensor<double, 2, Host>> || std::is_same_v<D, Host>)
            return net(tape, x, c, steps.view());
          else
            return net(tape, x, c, std::as_const(steps_there).view());
        },
        sssd_tolerance);
  }
}

// What its blocks are made of: value, then gradients of x, W and b, in one launch and (257 features) in parts.
template <class T, device D>
void check_linear_relu() {
  for (const Extents<3>& s : {Extents<3>{1, 1, 1}, Extents<3>{128, 64, 41}, Extents<3>{300, 33, 70},
                              Extents<3>{130, 257, 9}, Extents<3>{7, 5, 300}})
    same_as_host<T, D>("linear_relu", 100 * rounding<T>, [&](auto on) {
      using U = typename decltype(on)::Scalar;
      using E = typename decltype(on)::Device;
      const index_t R = s[0], I = s[1], O = s[2];
      const auto x = placed<E>(float_numbers<U>(Extents<2>{R, I}, 1)),
                 W = placed<E>(float_numbers<U>(Extents<2>{O, I}, 2));
      const auto b = placed<E>(float_numbers<U>(Extents<1>{O}, 3));
      const auto seed = placed<E>(float_numbers<U>(Extents<2>{R, O}, 4));
      Tape<U, E> tape;
      const auto x_var = tape.variable(x.view()), W_var = tape.variable(W.view());
      const auto b_var = tape.variable(b.view());
      const auto y = linear_relu(x_var, W_var, b_var);
      tape.backward(y, seed.view());
      Tensor<U, 1> all(R * O + R * I + O * I + O);
      index_t at = 0;
      const auto put = [&](const auto& part) {
        std::copy(part.data(), part.data() + part.count(), all.data() + at);
        at += part.count();
      };
      put(brought(y.value()));
      put(brought(x_var.grad()));
      put(brought(W_var.grad()));
      put(brought(b_var.grad()));
      return all;
    });
}

// Without a gradient the device takes the whole network at once, where it is small: the same numbers as in ops. One of
// 512 rows is the last that does, a step outside the table is NaN in its row alone.
template <class T, device D>
void check_denoiser_at_once() {
  struct Size {
    index_t points, hidden, levels, B;
  };
  for (const Size s : {Size{41, 64, 2, 100},
                       {41, 64, 2, 1},
                       {7, 6, 1, 3},
                       {5, 9, 0, 2},
                       {3, 16, 3, 37},
                       {8, 128, 2, 5},
                       {41, 64, 2, 512},
                       {41, 64, 2, 513},
                       {4, 4, 4, 3},
                       {2, 700, 0, 3}}) {
    INFO("points " << s.points << " hidden " << s.hidden << " levels " << s.levels << " B " << s.B);
    Generator init(8);
    Mnist1dDenoiser<T, D> net({.points = s.points, .hidden = s.hidden, .levels = s.levels, .steps = 9}, init);
    const Extents<2> sizes{s.B, s.points};
    const auto x = placed<D>(float_numbers<T>(sizes, 3)), c = placed<D>(float_numbers<T>(sizes, 4));
    Tensor<index_t, 1> steps_here = some_steps(s.B, 9);
    if (s.B > 2) steps_here(1) = 5;
    const auto steps = placed<D>(steps_here);
    Tape<T, D> tape;
    const auto run = [&](bool recording) {
      tape.rewind();
      tape.set_recording(recording);
      return brought(net(tape, tape.input(x), tape.input(c), std::as_const(steps).view()).value());
    };
    const Tensor<T, 2> in_ops = run(true), at_once = run(false), again = run(false);
    CHECK(relative_error(at_once.view(), in_ops.view(), 0.1) <= 100 * rounding<T>);
    CHECK(std::equal(at_once.data(), at_once.data() + at_once.count(), again.data()));
  }
}

template <class T, device D, class Noise>
void check_point_sampler(Noise noise) {
  for (const PointPrediction prediction : {PointPrediction::noise, PointPrediction::clean})
    for (const index_t B : {1, 37}) {
      const auto samples = [&](auto on) {
        using U = typename decltype(on)::Scalar;
        using E = typename decltype(on)::Device;
        Generator init(8), gen(9);
        Mnist1dDenoiser<U, E> net({.points = 5, .hidden = 8, .steps = 20}, init);
        PointSampler<U, Noise, E> sampler(plan_number(1), noise, 40, prediction);
        const auto condition = placed<E>(float_numbers<U>(Extents<2>{B, 5}, 10));
        return brought(sampler.sample(net, condition.view(), gen));
      };
      CHECK(relative_error(samples(On<T, D>()).view(), samples(On<T, Host>()).view(), 0.1) <= 1000 * rounding<T>);
    }
}

template <class T, device D>
void check_point_samplers() {
  check_point_sampler<T, D>(GaussianNoise());
  for (const ConvexTarget target : {ConvexTarget::noise, ConvexTarget::effective, ConvexTarget::gauss_pairs})
    check_point_sampler<T, D>(ConvexNoise{target});
}

}  // namespace longwave::test
