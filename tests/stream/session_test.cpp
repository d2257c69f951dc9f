#include "longwave/stream/session.hpp"

#include "check.hpp"
#include "longwave/models/sequence_classifier.hpp"
#include "longwave/models/sequence_model.hpp"
#include "longwave/nn/feed_forward.hpp"
#include "longwave/nn/s4.hpp"
#include "longwave/nn/s4d.hpp"
#include "longwave/state_space/dplr_step.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Sample l of every stream: x (B, I, L) -> (B, I).
template <class T>
void take_sample(TensorView<T, 2> to, const Tensor<T, 3>& x, index_t l) {
  for (index_t b = 0; b < to.size(0); ++b)
    for (index_t i = 0; i < to.size(1); ++i) to(b, i) = x(b, i, l);
}

// Whatever part of a sequence is prefilled, the outputs after it are those of the whole.
template <class Model>
void check_session(Model& model, index_t d_input, index_t d_output) {
  const index_t B = 3, L = 40;
  const auto x = random<double>(Extents<3>{B, d_input, L}, 2);
  Session session(model, B);
  CHECK(session.streams() == B);
  CHECK(session.output().sizes() == Extents<2>{B, d_output});
  auto state = model.make_state(B);
  Tensor<double, 2> in(B, d_input);
  std::vector<Tensor<double, 2>> want;
  for (index_t l = 0; l < L; ++l) {
    take_sample(in.view(), x, l);
    want.emplace_back(B, d_output);
    model.step(in, state, want.back().view());
    take_sample(session.input(), x, l);
    session.step();
    CHECK(relative_error(session.output(), want.back().view()) == 0);
  }
  for (const index_t cut : {0, 1, 17}) {
    session.reset();
    if (cut > 5) session.prefill(x.view().slice(2, 0, 5));
    session.prefill(x.view().slice(2, cut > 5 ? 5 : 0, cut));
    double error = cut > 0 ? relative_error(session.output(), want[static_cast<std::size_t>(cut - 1)].view()) : 0;
    for (index_t l = cut; l < L; ++l) {
      take_sample(session.input(), x, l);
      session.step();
      error = std::max(error, relative_error(session.output(), want[static_cast<std::size_t>(l)].view()));
    }
    INFO("prefilled " << cut);
    CHECK(error < 1e-10);
  }
}

}  // namespace

TEST_CASE("session: a layer") {
  Generator gen(1);
  S4D<double> s4d({.d_model = 6, .d_state = 8}, gen);
  check_session(s4d, 6, 6);
  S4<double> s4({.d_model = 5, .d_state = 8, .l_max = 64}, gen);
  check_session(s4, 5, 5);
}

TEST_CASE("session: a classifier") {
  for (const bool prenorm : {false, true})
    for (const Pooling pooling : {Pooling::mean, Pooling::last}) {
      Generator gen(1);
      SequenceClassifier<double> model({.d_input = 2,
                                        .d_output = 3,
                                        .d_model = 8,
                                        .d_state = 4,
                                        .n_layers = 2,
                                        .prenorm = prenorm,
                                        .pooling = pooling},
                                       gen);
      check_session(model, 2, 3);
    }
}

TEST_CASE("session: a backbone") {
  Generator gen(1);
  using Model = SequenceModel<S4D<double>, FeedForward<double>>;
  Model model(Model::Options{.d_model = 6, .n_layers = 2}, gen);
  check_session(model, 6, 6);
}

TEST_CASE("session: a step cannot throw on the host, and a wrong shape is named") {
  Generator gen(1);
  S4D<float> layer({.d_model = 4, .d_state = 4}, gen);
  Session session(layer, 2);
  static_assert(noexcept(session.step()));
  CHECK(error_text<ShapeError>([&] { session.prefill(Tensor<float, 3>(2, 3, 5)); }) ==
        "Session::prefill: x is (B=2, I=3, L=5), expected (B=2, I=4, L=5)");
}
