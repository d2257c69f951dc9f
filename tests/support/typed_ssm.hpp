// typed_ssm.hpp - tests of diagonal state-space layers that run unchanged on every device: the recurrence itself, and
// ssm() on a tape with every kernel, against the same in float64 on the host. tests/state_space/typed_ssm_test.cpp runs
// them on Host, tests/cuda/ssm_test.cpp on Cuda.
#pragma once

#include <functional>
#include <memory>

#include "longwave/state_space/kernel_diag.hpp"
#include "longwave/state_space/kernel_dss.hpp"
#include "longwave/state_space/kernel_s4d.hpp"
#include "typed_ops.hpp"

namespace longwave::test {

template <class T>
double ssm_tolerance() {  // float: sums of 1e4 terms whose states decay slowly
  return sizeof(T) == 4 ? 2e-5 : 1e-11;
}

// --- the recurrence -----------------------------------------------------------------------------------------------

template <class T, int N>
Tensor<T, N> as(const Tensor<double, N>& x) {
  Tensor<T, N> y(x.sizes());
  for (index_t i = 0; i < x.count(); ++i) y.data()[i] = static_cast<T>(x.data()[i]);
  return y;
}

// Numbers that float holds too, so that every run has the same.
template <int N>
Tensor<double, N> numbers(Extents<N> sizes, std::uint64_t seed, double deviation = 1, double mean = 0) {
  Tensor<double, N> x = random<double>(sizes, seed, deviation);
  for (index_t i = 0; i < x.count(); ++i) x.data()[i] = static_cast<float>(x.data()[i] + mean);
  return x;
}

struct ScanProblem {
  DiagonalCase<double> modes;
  Tensor<double, 3> u, dy;
  Tensor<double, 1> skip;
  Tensor<double, 4> state, dstate;

  ScanProblem(index_t B, index_t H, index_t N, index_t L)
      : modes(1, H, N, 1),
        u(numbers(Extents<3>{B, H, L}, 41)),
        dy(numbers(Extents<3>{B, H, L}, 42)),
        skip(numbers(Extents<1>{H}, 43)),
        state(numbers(Extents<4>{B, 2, N, H}, 44)),
        dstate(numbers(Extents<4>{B, 2, N, H}, 45)) {}
};

template <class T>
struct ScanResult {
  Tensor<T, 3> y, du;
  Tensor<T, 4> state, dstate;
  Tensor<T, 1> dskip;
  Tensor<complex<double>, 2> dx, dc;
};

// ops::DiagScan forward and backward; dskip starts at 1.
template <class T, device D>
ScanResult<T> run_scan(const ScanProblem& p, bool states) {
  const auto x = Place<D>::to(p.modes.x), c = Place<D>::to(p.modes.c);
  const auto u = Place<D>::to(as<T>(p.u)), dy = Place<D>::to(as<T>(p.dy));
  const auto skip = Place<D>::to(as<T>(p.skip));
  const auto start = Place<D>::to(as<T>(p.state)), dend = Place<D>::to(as<T>(p.dstate));
  auto y = unwritten<T, 3, D>(p.u.sizes()), du = unwritten<T, 3, D>(p.u.sizes());
  auto end = unwritten<T, 4, D>(p.state.sizes()), dstart = unwritten<T, 4, D>(p.state.sizes());
  Tensor<T, 1> ones(p.skip.sizes());
  for (index_t i = 0; i < ones.count(); ++i) ones(i) = 1;
  auto dskip = Place<D>::to(ones);
  Tensor<complex<double>, 2, D> dx(p.modes.x.sizes()), dc(p.modes.x.sizes());
  const TensorView<const T, 4, D> none;
  const DiagonalInputs<T, D> in{u, x, c, skip, states ? start.view() : none};
  ops::DiagScan::forward(DiagonalOutputs<T, D>{y, states ? end.view() : TensorView<T, 4, D>()}, in);
  ops::DiagScan::backward(DiagonalGradients<T, D>{du, dx, dc, dskip, states ? dstart.view() : TensorView<T, 4, D>()},
                          DiagonalCotangents<T, D>{dy, states ? dend.view() : none}, in);
  ScanResult<T> r{Place<D>::from(y),  Place<D>::from(du), {}, {}, Place<D>::from(dskip),
                  Place<D>::from(dx), Place<D>::from(dc)};
  if (states) r.state = Place<D>::from(end), r.dstate = Place<D>::from(dstart);
  return r;
}

template <class T>
void check_same(const ScanResult<T>& got, const ScanResult<double>& want, double tolerance) {
  CHECK(relative_error(got.y, want.y) <= tolerance);
  CHECK(relative_error(got.du, want.du) <= tolerance);
  CHECK(relative_error(got.dskip, want.dskip) <= tolerance);
  CHECK(relative_error(got.dx, want.dx) <= tolerance);
  CHECK(relative_error(got.dc, want.dc) <= tolerance);
  CHECK(relative_error(got.state, want.state) <= tolerance);
  CHECK(relative_error(got.dstate, want.dstate) <= tolerance);
}

template <class T, device D>
void check_scan(index_t B, index_t H, index_t N, index_t L) {
  const ScanProblem p(B, H, N, L);
  for (const bool states : {false, true}) {
    INFO("B " << B << ", H " << H << ", N " << N << ", L " << L << ", states " << states);
    check_same(run_scan<T, D>(p, states), run_scan<double, Host>(p, states), ssm_tolerance<T>());
  }
}

template <class T, device D>
void check_scan_sizes() {
  for (const index_t L : {0, 1, 2, 8, 15, 16, 17, 31, 33, 64, 100, 255, 256, 257, 512, 513, 997})
    check_scan<T, D>(2, 3, 3, L);
  for (const index_t N : {0, 1, 2, 5, 32}) check_scan<T, D>(1, 2, N, 75);
  check_scan<T, D>(33, 5, 2, 40);   // several sequences in a warp, several blocks, the last one partly used
  check_scan<T, D>(70, 1, 3, 600);  // the device's form for many sequences, and for more modes than blocks have tables
  check_scan<T, D>(2, 1, 9, 1500);
  check_scan<T, D>(0, 2, 2, 10);
  check_scan<T, D>(3, 0, 2, 10);
}

template <class T, device D>
void check_long_scans() {
  check_scan<T, D>(2, 2, 4, 10000);
  check_scan<T, D>(1, 1, 3, 12289);  // one sample in the last piece of the device's form
  check_scan<T, D>(2, 1, 5, 130011);
  check_scan<T, D>(67, 1, 2, 17000);  // several tiles without segments
}

// Time as the first axis and every second feature; either gradient alone.
template <class T, device D>
void check_scan_views() {
  const index_t B = 2, H = 3, N = 3, L = 70;
  const ScanProblem p(B, H, N, L);
  const auto want = run_scan<T, D>(p, false);
  const auto x = Place<D>::to(p.modes.x), c = Place<D>::to(p.modes.c);
  const auto turned = [&](const Tensor<double, 3>& u) {
    Tensor<T, 3> t(L, B, 2 * H);
    for (index_t b = 0; b < B; ++b)
      for (index_t h = 0; h < H; ++h)
        for (index_t l = 0; l < L; ++l) t(l, b, 2 * h) = static_cast<T>(u(b, h, l));
    return Place<D>::to(t);
  };
  const auto view = [&](auto& t) {
    using Number = std::remove_pointer_t<decltype(t.data())>;
    return TensorView<Number, 3, D>(t.data(), Extents<3>{B, H, L}, Extents<3>{2 * H, 2, 2 * H * B});
  };
  const auto back = [&](const Tensor<T, 3, D>& t) {
    const Tensor<T, 3> host = Place<D>::from(t);
    Tensor<T, 3> u(B, H, L);
    for (index_t b = 0; b < B; ++b)
      for (index_t h = 0; h < H; ++h)
        for (index_t l = 0; l < L; ++l) u(b, h, l) = host(l, b, 2 * h);
    return u;
  };
  const auto u = turned(p.u), dy = turned(p.dy);
  const auto skip = Place<D>::to(as<T>(p.skip));
  auto y = unwritten<T, 3, D>(u.sizes()), du = unwritten<T, 3, D>(u.sizes());
  Tensor<complex<double>, 2, D> dx(x.sizes());
  const DiagonalInputs<T, D> in{view(u), x, c, skip, {}};
  ops::DiagScan::forward(DiagonalOutputs<T, D>{view(y), {}}, in);
  ops::DiagScan::backward(DiagonalGradients<T, D>{view(du), {}, {}, {}, {}}, DiagonalCotangents<T, D>{view(dy), {}},
                          in);
  ops::DiagScan::backward(DiagonalGradients<T, D>{{}, dx, {}, {}, {}}, DiagonalCotangents<T, D>{view(dy), {}}, in);
  CHECK(relative_error(back(y), want.y) == 0);
  CHECK(relative_error(back(du), want.du) == 0);
  CHECK(relative_error(Place<D>::from(dx), want.dx) == 0);
}

template <class T, device D>
void check_scan_repeats() {
  for (const index_t L : {50, 3000}) {
    const ScanProblem p(3, 2, 3, L);
    const auto once = run_scan<T, D>(p, true), again = run_scan<T, D>(p, true);
    CHECK(relative_error(again.y, once.y) == 0);
    CHECK(relative_error(again.du, once.du) == 0);
    CHECK(relative_error(again.dskip, once.dskip) == 0);
    CHECK(relative_error(again.dx, once.dx) == 0);
    CHECK(relative_error(again.dc, once.dc) == 0);
  }
}

// --- ssm() on a tape ----------------------------------------------------------------------------------------------

// A tape with variables that live as long as it, and their gradients in the order of creation.
template <class T, device D>
class TapeRun {
 public:
  Tape<T, D> tape;

  template <int N>
  Var<T, N, D> variable(const Tensor<double, N>& x) {
    auto there = std::make_shared<Tensor<T, N, D>>(Place<D>::to(as<T>(x)));
    owned_.push_back(there);
    const Var<T, N, D> var = tape.variable(there->view());
    gradients_.push_back([var] { return values(var.grad()); });
    return var;
  }

  // Values and, from cotangents drawn for both, gradients.
  std::vector<Tensor<double, 1>> results(const SequenceOutput<T, D>& out) {
    std::vector<Tensor<double, 1>> all;
    all.push_back(values(out.y.value()));
    const auto dy = Place<D>::to(as<T>(numbers(out.y.sizes(), 61)));
    if (out.state) {
      all.push_back(values(out.state.value()));
      const auto dstate = Place<D>::to(as<T>(numbers(out.state.sizes(), 62)));
      detail::add_to(tape.grad_to_add(out.state), dstate.view());
    }
    tape.backward(out.y, dy);
    for (const auto& gradient : gradients_) all.push_back(gradient());
    return all;
  }

 private:
  template <int N>
  static Tensor<double, 1> values(TensorView<const T, N, D> x) {
    if (x.data() == nullptr) return {};
    auto dense = Tensor<T, N, D>::uninitialized(x.sizes());
    copy(dense.view(), x);
    const Tensor<T, N> host = Place<D>::from(dense);
    Tensor<double, 1> flat(host.count());
    for (index_t i = 0; i < host.count(); ++i) flat(i) = static_cast<double>(host.data()[i]);
    return flat;
  }

  std::vector<std::shared_ptr<void>> owned_;
  std::vector<std::function<Tensor<double, 1>()>> gradients_;
};

struct SsmSizes {
  index_t B = 2, C = 1, H = 3, N = 4, L = 50;
  index_t channels() const { return C; }
};

struct S4DProblem {
  static constexpr const char* name = "S4D";
  template <class T, device D>
  static auto vars(TapeRun<T, D>& run, const SsmSizes& s) {
    return S4DVars<T, D>{
        run.variable(numbers(Extents<1>{s.H}, 51, 0.5, -3)), run.variable(numbers(Extents<2>{s.H, s.N}, 52, 0.3, -0.7)),
        run.variable(numbers(Extents<2>{s.H, s.N}, 53, 5)), run.variable(numbers(Extents<3>{s.H, s.N, 2}, 54))};
  }
};

template <class Disc, bool tied, index_t copies>
struct DiagProblem {
  static constexpr const char* name = Disc::name;
  template <class T, device D>
  static auto vars(TapeRun<T, D>& run, const SsmSizes& s) {
    const index_t S = copies == 0 ? s.H : copies;
    SsmVars<T, D> p;
    p.inv_dt = run.variable(numbers(Extents<2>{s.H, tied ? 1 : s.N}, 51, 0.5, -3));
    p.A_real = run.variable(numbers(Extents<2>{S, s.N}, 52, 0.3, -0.7));
    p.A_imag = run.variable(numbers(Extents<2>{S, s.N}, 53, 5));
    p.B = run.variable(numbers(Extents<4>{1, S, s.N, 2}, 55));
    p.C = run.variable(numbers(Extents<4>{s.C, s.H, s.N, 2}, 54));
    return DiagVars<T, D, Disc>{p};
  }
};

template <DssVersion version>
struct DssProblem {
  static constexpr const char* name = "DSS";
  template <class T, device D>
  static auto vars(TapeRun<T, D>& run, const SsmSizes& s) {
    DssVars<T, D> p;
    p.form.version = version;
    p.log_dt = run.variable(numbers(Extents<2>{s.H, 2}, 51, 0.3, -3));
    if (p.form.logarithmic()) {
      p.Lambda_re = run.variable(numbers(Extents<1>{s.N}, 52, 0.3, -0.7));
      p.Lambda_im = run.variable(numbers(Extents<1>{s.N}, 53, 2));
    } else {
      p.Lambda = run.variable(numbers(Extents<2>{s.N, 2}, 52, 2));  // either sign of the real part
    }
    p.W = run.variable(numbers(Extents<4>{s.C, s.H, s.N, 2}, 54));
    return p;
  }
};

struct SsmCase {
  SsmSizes sizes;
  SsmCall call;
  bool states = false;
};

template <class Problem, class T, device D>
std::vector<Tensor<double, 1>> run_ssm(const SsmCase& c) {
  TapeRun<T, D> run;
  const SsmSizes& s = c.sizes;
  const index_t C = c.call.bidirectional ? s.C / 2 : s.C;
  const auto vars = Problem::vars(run, s);
  const auto u = run.variable(numbers(Extents<3>{s.B, s.H, s.L}, 56));
  const auto skip = run.variable(numbers(Extents<2>{C, s.H}, 57));
  const auto start = c.states ? run.variable(numbers(Extents<4>{s.B, 2, s.N, s.H}, 58)) : Var<T, 4, D>();
  return run.results(ssm(u, vars, skip, c.call, start, c.states));
}

template <class Problem, class T, device D>
void check_ssm(const SsmCase& c) {
  const auto got = run_ssm<Problem, T, D>(c);
  const auto want = run_ssm<Problem, double, Host>(c);
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO(Problem::name << ", result " << i << " of " << got.size() << ", C " << c.sizes.C << ", L " << c.sizes.L
                       << ", form " << name_of(c.call.algorithm) << ", both sides " << c.call.bidirectional
                       << ", kernel " << c.call.kernel_length << ", rate " << c.call.rate << ", states " << c.states);
    CHECK(relative_error(got[i], want[i]) <= ssm_tolerance<T>());
  }
}

// A kernel with all that does not ask for several channels.
template <class Problem, class T, device D>
void check_ssm_kernel(bool states) {
  for (const Algorithm algorithm : {Algorithm::auto_, Algorithm::fft, Algorithm::scan, Algorithm::chunk})
    for (const bool with_states : {false, true})
      if (states || !with_states)
        check_ssm<Problem, T, D>({.sizes = {}, .call = {.algorithm = algorithm}, .states = with_states});
  check_ssm<Problem, T, D>({.sizes = {.L = 65}, .call = {.rate = 2, .kernel_length = 20}});
  check_ssm<Problem, T, D>({.sizes = {.L = 1}, .call = {}});
  check_ssm<Problem, T, D>({.sizes = {.B = 1, .H = 2, .N = 3, .L = 600}, .call = {}});
}

template <class Problem, class T, device D>
void check_ssm_channels(bool states) {
  for (const Algorithm algorithm : {Algorithm::fft, Algorithm::scan})
    check_ssm<Problem, T, D>({.sizes = {.C = 3}, .call = {.algorithm = algorithm}, .states = states});
  check_ssm<Problem, T, D>({.sizes = {.C = 4, .L = 33}, .call = {.bidirectional = true}});
}

template <class T, device D>
void check_ssm_s4d() {
  check_ssm_kernel<S4DProblem, T, D>(true);
}

template <class T, device D>
void check_ssm_diag() {
  check_ssm_kernel<DiagProblem<Zoh, true, 1>, T, D>(true);
  check_ssm_kernel<DiagProblem<Bilinear, false, 0>, T, D>(true);
  check_ssm_kernel<DiagProblem<Dss, true, 1>, T, D>(true);  // no mode grows: A = -e^a
  check_ssm_channels<DiagProblem<Zoh, true, 1>, T, D>(true);
  check_ssm_channels<DiagProblem<Bilinear, true, 3>, T, D>(true);
}

template <class T, device D>
void check_ssm_dss() {
  check_ssm_kernel<DssProblem<DssVersion::softmax>, T, D>(false);  // growing modes
  check_ssm_kernel<DssProblem<DssVersion::exp>, T, D>(true);
  check_ssm_kernel<DssProblem<DssVersion::exp_re_im>, T, D>(true);
  check_ssm_kernel<DssProblem<DssVersion::exp_no_scale>, T, D>(true);
  check_ssm_kernel<DssProblem<DssVersion::clip>, T, D>(true);
  check_ssm_channels<DssProblem<DssVersion::softmax>, T, D>(false);
}

// Kernels by themselves; growing modes at a length where e^{x L} is infinite.
template <class T, device D>
void check_ssm_growing_kernel() {
  const auto run = []<class U, device E>(U, E) {
    TapeRun<U, E> r;
    const auto vars = DssProblem<DssVersion::softmax>::vars(r, {.C = 2, .H = 2, .N = 5});
    return r.results({ssm_kernel(r.tape, vars, 20000), {}});
  };
  const auto got = run(T(), D());
  const auto want = run(double(), Host());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("result " << i);
    CHECK(relative_error(got[i], want[i]) <= ssm_tolerance<T>());
  }
}

}  // namespace longwave::test
