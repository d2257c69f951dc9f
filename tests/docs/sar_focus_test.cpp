// The snippets of docs/course/22_sar_learned.md.
#include "longwave/models/sar_focus.hpp"

#include "check.hpp"
#include "longwave/stream/session.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("sar: the network of 150 parameters, as a whole and as a stream") {
  // [snippet: sar_specified]
  Generator gen(1);
  SarFocus<float> network(SarFocusOptions(), gen);
  CHECK(count_parameters(network) == 150);

  Tensor<float, 3> lines(10, 200, 3);  // (B, L, 3): I, Q, position
  gen.uniform(lines.view());
  Tape<float> tape;
  const auto focused = network(tape, tape.input(lines)).value();  // (B, L, 2): I, Q

  Session stream(network, 10);
  for (index_t l = 0; l < 200; ++l) {
    copy(stream.input().reshape(Extents<3>{10, 1, 3}), TensorView<const float, 3>(lines.view()).slice(1, l, l + 1));
    stream.step();
    CHECK(std::abs(stream.output()(4, 1) - focused(4, l, 1)) < 1e-4f);
  }
  // [/snippet]
}

TEST_CASE("sar: a filter that knows its chirp's rate at one position has it at all others") {
  // [snippet: sar_filter]
  const index_t M = 64;  // samples on each side
  Generator gen(1);
  auto options = wide_sar_focus(/*position_first=*/0, /*position_last=*/1);
  options.hidden_state_size = options.taps = M;
  SarFocus<double> model(options, gen);
  SarFilter<double>& filter = model.filter[0];

  // C by hand: the Fourier series of a chirp, here of its causal half.
  const auto chirp = [](double t) { return exp(complex<double>(0, 0.02 * t * t)); };
  for (index_t n = 0; n < M; ++n) {
    complex<double> c;
    for (index_t l = 0; l < M; ++l) {
      const auto t = static_cast<double>(l), turn = t / static_cast<double>(M);
      const complex<double> w(-std::exp(filter.log_w_real.value(0, n)), filter.w_imag.value(0, n));
      c += 0.25 * (chirp(t) * exp(-turn * w));
    }
    filter.C.value(0, n, 0) = c.re;
    filter.C.value(0, n, 1) = c.im;
  }
  filter.rate.value(0) = 0.02 * M;  // the clock runs 2 % faster at the last position

  Tape<double> tape;
  Tensor<double, 1> positions(2);
  positions(0) = 0.5;
  positions(1) = 1;
  const auto K = filter.kernel(tape, positions.view(), M).value();  // (re, im of both sides; line; lag)
  for (const index_t lag : {0, 5, 20, 40}) {
    const auto t = static_cast<double>(lag);
    CHECK(std::abs(K(0, 0, lag) - chirp(t).re) < 1e-9);
    CHECK(std::abs(K(0, 1, lag) - std::exp(-0.02 * 0.5 * t / M) * chirp(1.02 * t).re) < 0.05);
  }
  CHECK(model.delay() == M);  // what a stream gives belongs to the sample that came M before
  // [/snippet]
}
