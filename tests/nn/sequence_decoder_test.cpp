#include "longwave/nn/sequence_decoder.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// What the modes mean, for output j of M and n valid positions.
double expected(const Tensor<double, 3>& x, DecodeMode mode, index_t b, index_t h, index_t j, index_t n, index_t M) {
  if (mode == DecodeMode::first || mode == DecodeMode::ragged) return x(b, h, j);
  const index_t t = n - M + j;
  if (mode == DecodeMode::last) return x(b, h, t);
  double sum = 0;
  for (index_t l = 0; l <= t; ++l) sum += x(b, h, l);
  return mode == DecodeMode::pool ? sum / double(t + 1) : sum;
}

Tensor<index_t, 1> some_lengths() {
  Tensor<index_t, 1> lengths(3);
  lengths(0) = 6;
  lengths(1) = 3;
  lengths(2) = 5;
  return lengths;
}

}  // namespace

TEST_CASE("SequenceDecoder: every mode and length of output, with and without lengths") {
  Generator gen(1);
  const auto lengths = some_lengths();
  const auto x = random<double>(Extents<3>{3, 4, 8});
  for (const char* name : {"last", "first", "pool", "mean", "sum", "ragged"})
    for (const index_t l_output : {-1, 0, 1, 3})
      for (const bool use_lengths : {false, true}) {
        const DecodeMode mode = parse_decode_mode(name);
        const bool ragged = mode == DecodeMode::ragged;
        if (use_lengths && l_output < 0 && !ragged) continue;
        SequenceDecoder<double> decoder({.d_model = 4, .l_output = l_output, .mode = mode, .use_lengths = use_lengths},
                                        gen);
        Tape<double> tape;
        const auto y = decoder(tape, tape.input(x), lengths).value();
        const index_t M = ragged ? 6 : l_output < 0 ? 8 : std::max<index_t>(l_output, 1);
        REQUIRE(y.sizes() == Extents<3>{3, 4, M});
        INFO(name << " l_output " << l_output << " lengths " << use_lengths);
        for (index_t b = 0; b < 3; ++b)
          for (index_t h = 0; h < 4; ++h)
            for (index_t j = 0; j < M; ++j)
              CHECK(y(b, h, j) ==
                    Approx(expected(x, mode, b, h, j, use_lengths ? lengths(b) : 8, M)).epsilon(1e-13).margin(1e-14));
      }
}

TEST_CASE("SequenceDecoder: output_transform, the squeezed form, gradients") {
  Generator gen(1);
  const auto lengths = some_lengths();
  auto x = random<double>(Extents<3>{3, 4, 8});
  for (const DecodeMode mode : {DecodeMode::last, DecodeMode::first, DecodeMode::pool, DecodeMode::sum}) {
    SequenceDecoder<double> decoder({.d_model = 4, .d_output = 2, .l_output = 0, .mode = mode, .use_lengths = true},
                                    gen);
    CHECK(state_shapes<double>(decoder) ==
          std::vector<std::string>{"output_transform.weight 2 4", "output_transform.bias 2"});
    Tape<double> tape;
    const auto v = tape.input(x);
    CHECK(relative_error(decoder.squeezed(tape, v, lengths).value(),
                         select_last_axis(decoder(tape, v, lengths), 0).value()) == 0);
    const auto check = grad_check([&](auto& t, auto in) { return contiguous(decoder.squeezed(t, in, lengths)); }, x);
    INFO(check.text());
    CHECK(check.error < 1e-8);
    CHECK(parameter_error(decoder, [&](auto& t) { return decoder.squeezed(t, t.input(x), lengths); }) < 1e-8);
  }
}

TEST_CASE("SequenceDecoder: the prediction after every sample is that of the sequence so far") {
  const auto x = random<double>(Extents<3>{2, 4, 7});
  for (const DecodeMode mode : {DecodeMode::last, DecodeMode::first, DecodeMode::pool, DecodeMode::sum})
    for (const index_t d_output : {0, 3}) {
      Generator gen(1);
      SequenceDecoder<double> decoder({.d_model = 4, .d_output = d_output, .l_output = 0, .mode = mode}, gen);
      auto state = decoder.make_state(2);
      for (int round = 0; round < 2; ++round) {
        const auto stepped =
            run_steps<double>(x, decoder.d_output(), 0, [&](auto in, auto out) { decoder.step(in, state, out); });
        for (index_t l = 0; l < 7; ++l) {
          Tape<double> tape;
          const auto want = decoder(tape, tape.input(x.view().slice(2, 0, l + 1)));
          INFO("mode " << int(mode) << " l " << l);
          CHECK(relative_error(stepped.view().slice(2, l, l + 1), want.value()) < 1e-13);
        }
        state.reset();
      }
    }
}

TEST_CASE("SequenceDecoder: what is missing or does not fit is named") {
  Generator gen(1);
  Tape<float> tape;
  const auto values = random<float>(Extents<3>{3, 4, 8});
  const auto x = tape.input(values);
  CHECK(error_text<ValueError>([] { parse_decode_mode("max"); }) ==
        "decoder mode: 'max' is unknown, expected one of last, first, pool, mean, sum, ragged");
  CHECK(error_text<ValueError>([&] { SequenceDecoder<float>({.d_model = 4, .use_lengths = true}, gen); }) ==
        "SequenceDecoder: with use_lengths every sequence has its own positions; give l_output");
  SequenceDecoder<float> lengths({.d_model = 4, .l_output = 1, .use_lengths = true}, gen);
  CHECK(error_text<ValueError>([&] { lengths(tape, x); }) == "SequenceDecoder: use_lengths needs the lengths");
  SequenceDecoder<float> ragged({.d_model = 4, .mode = DecodeMode::ragged}, gen);
  CHECK(error_text<ValueError>([&] { ragged(tape, x); }) == "SequenceDecoder: ragged needs the lengths");
  Tensor<index_t, 1> wrong(3);
  wrong(2) = 9;
  CHECK(error_text<ValueError>([&] { ragged(tape, x, wrong); }) ==
        "SequenceDecoder: lengths[2] is 9, expected 0 to L=8");
  CHECK(error_text<ValueError>([&] { lengths(tape, x, wrong); }) == "readout: lengths[0] is 0, expected 1 to L=8");
  SequenceDecoder<float> three({.d_model = 4, .l_output = 3}, gen);
  CHECK(error_text<ShapeError>([&] { three.squeezed(tape, x); }) ==
        "SequenceDecoder: 3 positions cannot be squeezed; use l_output = 0");
  CHECK(error_text<ValueError>([&] { three.make_state(1); }) ==
        "SequenceDecoder: step gives one position, so l_output is at most 1 and the mode not ragged");
  SequenceDecoder<float> narrow({.d_model = 3}, gen);
  CHECK(error_text<ShapeError>([&] { narrow(tape, x); }) ==
        "SequenceDecoder: x is (B=3, H=4, L=8), expected H = d_model = 3");
  SequenceDecoder<float> first({.d_model = 4, .l_output = 9, .mode = DecodeMode::first}, gen);
  CHECK(error_text<ShapeError>([&] { first(tape, x); }) == "SequenceDecoder: 9 positions of x (B=3, H=4, L=8)");
}
