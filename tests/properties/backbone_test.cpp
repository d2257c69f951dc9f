// The backbone over every kind of state-space layer: what the whole sequence gives, pieces and steps give.
#include "longwave/models/sequence_model.hpp"
#include "longwave/nn/dss.hpp"
#include "longwave/nn/feed_forward.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4_diag.hpp"
#include "longwave/nn/s4d.hpp"
#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

template <class Model>
void check_forms(Model& model, double tolerance) {
  const index_t L = 24, H = model.options.d_model;
  const auto u = random<double>(Extents<3>{2, H, L});
  Tape<double> tape;
  const auto whole = model(tape, tape.input(u)).value();
  auto state = model.make_state(2, StepOptions{.length = L});
  const auto stepped = run_steps<double>(u, H, 0, [&](auto in, auto out) { model.step(in, state, out); });
  CHECK(relative_error(stepped.view(), whole) < tolerance);

  state.reset();  // a piece at once, then sample by sample
  const auto piece = model.forward_stream(tape, tape.input(u.view().slice(2, 0, 9)), state).value();
  const auto rest = run_steps<double>(u, H, 9, [&](auto in, auto out) { model.step(in, state, out); });
  CHECK(relative_error(piece, whole.slice(2, 0, 9)) < tolerance);
  CHECK(relative_error(rest.view(), whole.slice(2, 9, L)) < tolerance);

  auto vars = model.make_state_vars();
  const auto first = model.forward(tape, tape.input(u.view().slice(2, 0, 9)), vars).value();
  const auto second = model.forward(tape, tape.input(u.view().slice(2, 9, L)), vars).value();
  CHECK(relative_error(first, whole.slice(2, 0, 9)) < tolerance);
  CHECK(relative_error(second, whole.slice(2, 9, L)) < tolerance);
}

}  // namespace

TEST_CASE("backbone: S4, S4Diag, S4D, DSS and feed-forward layers in one stack, in every form") {
  for (const bool prenorm : {false, true}) {
    Generator gen(1);
    SequenceModel<S4<double>, S4Diag<double>, S4D<double>, DSS<double>, FeedForward<double>> model(
        {.d_model = 4,
         .n_layers = 2,
         .prenorm = prenorm,
         .layers = {{.d_state = 8},
                    {.d_state = 8},
                    {.d_state = 8},
                    {.d_state = 4, .kernel = {.version = DssVersion::exp}},
                    {.expand = 2}}},
        gen);
    check_forms(model, 1e-9);  // ten layers; S4 solves for its C at every length
  }
}

TEST_CASE("backbone: two-sided layers and their lengths reach through the stack") {
  Generator gen(1);
  SequenceModel<S4<double>, FeedForward<double>> model(
      {.d_model = 4, .norm = NormKind::batch, .layers = {{.d_state = 8, .bidirectional = true}, {.expand = 2}}}, gen);
  const auto u = random<double>(Extents<3>{2, 4, 16});
  Tensor<index_t, 1> lengths(2);
  lengths(0) = 16;
  lengths(1) = 7;
  Tape<double> tape;
  const SsmRun run{.lengths = lengths};
  const auto y = model(tape, tape.input(u), run).value();
  auto padded = u.clone();
  for (index_t l = 7; l < 16; ++l) padded(1, 2, l) = 100;
  const auto z = model(tape, tape.input(padded), run).value();
  CHECK(relative_error(z.slice(0, 0, 1), y.slice(0, 0, 1)) < 1e-13);
  CHECK(relative_error(z.slice(0, 1, 2).slice(2, 0, 7), y.slice(0, 1, 2).slice(2, 0, 7)) < 1e-13);
}
