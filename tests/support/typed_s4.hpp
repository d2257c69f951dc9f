// typed_s4.hpp - S4 on a tape and as a layer on every device, against float64 on the host: ssm() with its gradients,
// lengths that grow, streams. tests/nn/typed_s4_test.cpp runs them on Host, tests/cuda/s4_test.cpp on Cuda.
#pragma once

#include "longwave/nn/s4.hpp"
#include "typed_modules.hpp"
#include "typed_ssm.hpp"

namespace longwave::test {

// R: rank, copies: of A, B and P, 0 for one per feature; C~ is for `length` samples at rate 1.
template <index_t R, index_t copies, index_t length>
struct DplrProblem {
  static constexpr const char* name = "S4";
  template <class T, device D>
  static auto vars(TapeRun<T, D>& run, const SsmSizes& s) {
    const index_t S = copies == 0 ? s.H : copies;
    SsmVars<T, D> p;
    p.inv_dt = run.variable(numbers(Extents<2>{s.H, 1}, 51, 0.3, -2));
    p.A_real = run.variable(numbers(Extents<2>{S, s.N}, 52, 0.3));
    p.A_imag = run.variable(numbers(Extents<2>{S, s.N}, 53, 4));
    p.B = run.variable(numbers(Extents<4>{1, S, s.N, 2}, 55));
    p.C = run.variable(numbers(Extents<4>{s.C, s.H, s.N, 2}, 54));
    p.P = run.variable(numbers(Extents<4>{R, S, s.N, 2}, 59));
    return DplrVars<T, D>{p, length};
  }
};

template <class T, device D>
void check_ssm_s4() {
  for (const bool states : {false, true}) {
    check_ssm<DplrProblem<1, 0, 50>, T, D>({.sizes = {}, .call = {}, .states = states});
    check_ssm<DplrProblem<1, 1, 128>, T, D>({.sizes = {.C = 2, .L = 65}, .call = {}, .states = states});
    check_ssm<DplrProblem<2, 3, 75>, T, D>({.sizes = {.L = 37}, .call = {.rate = 2}, .states = states});
    check_ssm<DplrProblem<3, 1, 40>, T, D>({.sizes = {.B = 1, .N = 3, .L = 40}, .call = {}, .states = states});
    check_ssm<DplrProblem<1, 1, 3>, T, D>({.sizes = {.L = 1}, .call = {}, .states = states});
  }
  check_ssm<DplrProblem<1, 1, 50>, T, D>({.sizes = {.C = 4, .L = 33}, .call = {.bidirectional = true}});
  check_ssm<DplrProblem<1, 1, 20>, T, D>({.sizes = {.L = 65}, .call = {.kernel_length = 20}});
}

// C~ after a length has been set and doubled carries the digits of float.
inline constexpr ModuleTolerance s4_tolerance{2e-4, 1e-9};

template <class T, device D, class Set, class Call>
void check_s4_module(const std::string& what, const Extents<3>& sizes, Set set, const Call& call) {
  check_module<T, D>(
      what, sizes,
      [=](auto on) {
        using Layer = S4<typename decltype(on)::Scalar, typename decltype(on)::Device>;
        typename Layer::Options o{.d_model = sizes[1], .d_state = 8, .dt_min = 0.01, .dt_max = 0.1};
        set(o);
        Generator gen(7);
        return Layer(o, gen);
      },
      call, s4_tolerance);
}

template <class T, device D>
void check_s4_modules() {
  const Extents<3> sizes(2, 6, 45);
  const auto plain = [](auto&) {};
  check_s4_module<T, D>("s4", sizes, plain, plainly);
  check_s4_module<T, D>("s4, one sample", Extents(3, 2, 1), plain, plainly);
  check_s4_module<T, D>(
      "s4, l_max", sizes, [](auto& o) { o.l_max = 64; }, plainly);
  check_s4_module<T, D>(
      "s4, cut to l_max", sizes, [](auto& o) { o.l_max = 20; }, plainly);
  check_s4_module<T, D>(
      "s4, two-sided", sizes, [](auto& o) { o.bidirectional = true, o.channels = 2; }, plainly);
  check_s4_module<T, D>(
      "s4, rank 2, copies", sizes, [](auto& o) { o.kernel.rank = 2, o.kernel.n_ssm = 2, o.kernel.init = "legt"; },
      plainly);
  check_s4_module<T, D>("s4, longer", Extents(2, 3, 1030), plain, plainly);
  check_s4_module<T, D>("s4 twice as long the second time", sizes, plain, [](auto& m, auto& tape, auto x) {
    m(tape, slice(x, 2, 0, 20));
    return m(tape, x);
  });
  check_s4_module<T, D>("s4 in pieces", sizes, plain, [](auto& m, auto& tape, auto x) {
    const auto first = m.forward(tape, slice(x, 2, 0, 17), {});
    const auto second = m.forward(tape, slice(x, 2, 17, 45), first.state);
    return concat(2, first.y, second.y);
  });
  check_s4_module<T, D>("s4 at another rate", sizes, plain,
                        [](auto& m, auto& tape, auto x) { return m(tape, x, SsmRun{.rate = 2}); });
}

// A length that another program wrote into the buffer is seen, also after passes with the old one.
template <class T, device D>
void check_s4_length() {
  Generator gen(1);
  DplrKernel<T, D> kernel({.d_model = 3, .d_state = 8}, {}, gen);
  kernel.prepare(20, 1);
  CHECK(kernel.length() == 20);
  kernel.prepare(70, 1);
  CHECK(kernel.length() == 80);
  kernel.for_each_buffer([](const std::string&, auto& l_kernel) { init::constant(l_kernel.view(), T(-1)); });
  CHECK(error_text<ValueError>([&] { kernel.prepare(20, 1); }) ==
        "S4: l_kernel is -1.000000, expected a number of samples");
}

// Streams on D against streams on the host, in every mode of stepping.
template <class T, device D>
void check_s4_steps() {
  for (const StepMode mode : {StepMode::linear, StepMode::dense, StepMode::diagonal})
    for (const index_t R : {1, 2}) {
      INFO("mode " << static_cast<int>(mode) << ", rank " << R);
      const index_t B = 3, H = 10, L = 12;
      const auto make = [&](auto on) {
        using Layer = S4<typename decltype(on)::Scalar, typename decltype(on)::Device>;
        typename Layer::Options o{.d_model = H, .d_state = 6, .l_max = 32, .step_mode = mode};
        o.channels = 2, o.kernel.rank = R;
        Generator gen(3);
        return Layer(o, gen);
      };
      auto here = make(On<T, Host>());
      auto there = make(On<T, D>());
      Tape<T> tape_here;
      Tape<T, D> tape_there;
      const Tensor<T, 3> first(1, H, L);
      const auto first_there = Place<D>::to(first);
      here(tape_here, tape_here.input(first));  // sets the length
      there(tape_there, tape_there.input(first_there));
      auto state_here = here.make_state(B);
      auto state_there = there.make_state(B);
      Tensor<T, 2> y(B, H);
      auto y_there = unwritten<T, 2, D>(y.sizes());
      double error = 0;
      for (index_t l = 0; l < L; ++l) {
        const auto u = random<T>(Extents<2>{B, H}, 20 + static_cast<std::uint64_t>(l));
        const auto u_there = Place<D>::to(u);
        here.step(u, state_here, y);
        there.step(u_there, state_there, y_there);
        error = std::max(error, relative_error(Place<D>::from(y_there), y));
      }
      CHECK(error <= (sizeof(T) == 4 ? 2e-4 : 1e-9));  // eigenvectors of condition 1e3
    }
}

}  // namespace longwave::test
