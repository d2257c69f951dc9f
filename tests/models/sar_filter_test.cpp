#include "longwave/models/sar_filter.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Z = complex<double>;

template <class T>
SarFilter<T> drawn_filter(const SarFilterOptions& o, std::uint64_t seed = 5) {
  SarFilter<T> filter(o);
  Generator gen(seed);
  gen.normal(filter.C.value.view());
  gen.normal(filter.rate.value.view());
  gen.normal(filter.shift.value.view());
  return filter;
}

// Lag `lag` of side s at q, term by term.
template <class T>
Z kernel_at(const SarFilter<T>& f, index_t s, double q, index_t lag) {
  const auto M = static_cast<double>(f.options.taps);
  Z sum;
  for (index_t n = 0; n < f.options.modes; ++n) {
    const Z w(-std::exp(static_cast<double>(f.log_w_real.value(s, n))), static_cast<double>(f.w_imag.value(s, n)));
    const Z x = (1 / M) * ((1 + static_cast<double>(f.rate.value(0)) * q / M) * w +
                           Z(0, static_cast<double>(f.shift.value(s)) * q));
    sum += Z(static_cast<double>(f.C.value(s, n, 0)), static_cast<double>(f.C.value(s, n, 1))) *
           exp(static_cast<double>(lag) * x);
  }
  return (4 / static_cast<double>(f.options.modes)) * sum;
}

// The sums of the header.
template <class T>
Tensor<double, 3> naive(const SarFilter<T>& f, const Tensor<T, 3>& u, const Tensor<T, 1>& position) {
  const index_t B = u.size(1), L = u.size(2), M = f.options.taps;
  Tensor<double, 3> y(2, B, L);
  for (index_t b = 0; b < B; ++b) {
    const double first = f.options.position_first, last = f.options.position_last;
    const double q = 2 * (static_cast<double>(position(b)) - first) / (last - first) - 1;
    for (index_t l = 0; l < L; ++l) {
      const auto sample = [&](index_t i) {
        return Z(static_cast<double>(u(0, b, i)), static_cast<double>(u(1, b, i)));
      };
      Z sum = f.options.residual ? sample(l) : Z();
      for (index_t j = 0; j < M && j <= l; ++j) sum += kernel_at(f, 0, q, j) * sample(l - j);
      for (index_t j = 0; f.options.bidirectional && j < M && l + 1 + j < L; ++j)
        sum += kernel_at(f, 1, q, j) * sample(l + 1 + j);
      y(0, b, l) = sum.re;
      y(1, b, l) = sum.im;
    }
  }
  return y;
}

Tensor<double, 1> positions(index_t B) {
  Tensor<double, 1> p(B);
  for (index_t b = 0; b < B; ++b) p(b) = 0.3 + 0.4 * static_cast<double>(b);
  return p;
}

const SarFilterOptions small[] = {
    {.modes = 5, .taps = 4},
    {.modes = 3, .taps = 6, .bidirectional = false, .position_first = -1, .position_last = 3},
    {.modes = 4, .taps = 5, .residual = true, .centroid = 0.3}};

}  // namespace

TEST_CASE("sar filter: parameters by name, frequencies evenly spread, C at zero") {
  SarFilter<double> filter({.modes = 4, .taps = 8, .centroid = 0.25});
  CHECK(state_shapes<double>(filter) ==
        std::vector<std::string>{"C 2 4 2", "log_w_real 2 4", "w_imag 2 4", "rate 1", "shift 2"});
  for (index_t n = 0; n < 4; ++n) {
    const double even = (2 * static_cast<double>(n) + 1) / 4 - 1;
    CHECK(filter.w_imag.value(0, n) == Approx(8 * std::numbers::pi * (even + 0.5)));
    CHECK(filter.w_imag.value(1, n) == Approx(8 * std::numbers::pi * (even - 0.5)));
  }
  for (const double c : {filter.C.value(0, 0, 0), filter.C.value(1, 3, 1)}) CHECK(c == 0);
  for (const auto& p : parameters<double>(filter)) CHECK(p.group.has_weight_decay() == (p.name != "C"));
}

TEST_CASE("sar filter: equals the sums of its definition at any length") {
  for (const SarFilterOptions& o : small)
    for (const index_t L : {1, 3, 7, 23}) {
      auto filter = drawn_filter<double>(o);
      const auto u = random<double>(Extents(2, 3, L), 7);
      const auto p = positions(3);
      Tape<double> tape;
      const auto y = filter(tape, tape.input(u), p.view());
      INFO("taps " << o.taps << ", L " << L);
      CHECK(relative_error(y.value(), TensorView<const double, 3>(naive(filter, u, p).view())) < 1e-12);
    }
}

TEST_CASE("sar filter: in float") {
  auto filter = drawn_filter<float>({.modes = 64, .taps = 48});
  const auto u = random<float>(Extents(2, 2, 200), 7);
  Tensor<float, 1> p(2);
  p(1) = 1;
  Tape<float> tape;
  const auto y = filter(tape, tape.input(u), p.view());
  CHECK(relative_error(y.value(), TensorView<const double, 3>(naive(filter, u, p).view())) < 1e-5);
}

TEST_CASE("sar filter: gradients of every parameter and of the signal") {
  for (const SarFilterOptions& o : small) {
    auto filter = drawn_filter<double>(o);
    auto u = random<double>(Extents(2, 3, 9), 7);
    const auto p = positions(3);
    CHECK(parameter_error(filter, [&](Tape<double>& tape) { return filter(tape, tape.input(u), p.view()); }) < 1e-7);
    const GradCheck check = grad_check([&](Tape<double>& tape, auto v) { return filter(tape, v, p.view()); }, u);
    INFO(check.text());
    CHECK(check.error < 1e-8);
  }
}

TEST_CASE("sar filter: step by step the same, as late as delay() says; position may change") {
  for (const SarFilterOptions& o : small) {
    auto filter = drawn_filter<double>(o);
    const index_t B = 2, L = 31, late = filter.delay();
    CHECK(late == (o.bidirectional ? o.taps : 0));
    const auto u = random<double>(Extents(2, B, L), 7);
    auto state = filter.make_state(B);
    for (const double moved : {0.0, 0.2}) {
      auto p = positions(B);
      for (index_t b = 0; b < B; ++b) p(b) += moved;
      state.reset();
      const Tensor<double, 3> want = naive(filter, u, p);
      Tensor<double, 2> in(B, 2);
      double error = 0;
      for (index_t l = 0; l < L + late; ++l) {
        for (index_t i = 0; i < 2 * B; ++i) in(i / 2, i % 2) = l < L ? u(i % 2, i / 2, l) : 0;
        filter.step(in.view(), p.view(), state, in.view());
        for (index_t i = 0; i < 2 * B && l >= late; ++i)
          error = std::max(error, std::abs(in(i / 2, i % 2) - want(i % 2, i / 2, l - late)));
      }
      CHECK(error < 1e-12);
    }
  }
}

TEST_CASE("sar filter: pieces of any length are the stream") {
  for (const SarFilterOptions& o : small) {
    auto filter = drawn_filter<double>(o);
    const index_t B = 2, L = 30;
    const auto u = random<double>(Extents(2, B, L), 7);
    const auto p = positions(B);
    auto whole = filter.make_state(B), pieces = filter.make_state(B);
    Tape<double> tape;
    const auto want = filter.forward_stream(tape, tape.input(u), p.view(), whole).value();
    Tensor<double, 2> in(B, 2);
    double error = 0;
    index_t at = 0;
    for (const index_t n : {3, 1, 12, 5}) {
      const auto y = filter.forward_stream(tape, tape.input(u.view().slice(2, at, at + n)), p.view(), pieces).value();
      error = std::max(error, relative_error(y, want.slice(2, at, at + n)));
      at += n;
    }
    for (; at < L; ++at) {
      for (index_t i = 0; i < 2 * B; ++i) in(i / 2, i % 2) = u(i % 2, i / 2, at);
      filter.step(in.view(), p.view(), pieces, in.view());
      for (index_t i = 0; i < 2 * B; ++i) error = std::max(error, std::abs(in(i / 2, i % 2) - want(i % 2, i / 2, at)));
    }
    CHECK(error < 1e-12);
  }
}

TEST_CASE("sar filter: empty batches and lines, wrong shapes and options are named") {
  auto filter = drawn_filter<double>(small[0]);
  Tape<double> tape;
  Tensor<double, 1> none(Extents<1>{0}), two(2);
  Tensor<double, 3> no_lines(2, 0, 5), no_samples(2, 2, 0), u(2, 3, 5);
  CHECK(filter(tape, tape.input(no_lines), none.view()).sizes() == Extents<3>(2, 0, 5));
  CHECK(filter(tape, tape.input(no_samples), two.view()).sizes() == Extents<3>(2, 2, 0));
  CHECK(error_text<ShapeError>([&] { filter(tape, tape.input(u), two.view()); }) ==
        "SarFilter: position is (B=2), expected (B=3)");
  CHECK(error_text<ValueError>([] { SarFilter<float>({.modes = 0}); }) == "SarFilter: modes is 0, expected at least 1");
  CHECK(error_text<ValueError>([] { SarFilter<float>({.position_first = 1, .position_last = 1}); }) ==
        "SarFilter: position_first is 1.000000 and position_last 1.000000, expected position_first < position_last");
  CHECK(error_text<ValueError>([&] { filter.make_state(-1); }) == "SarFilter::make_state: a batch of -1");
}
