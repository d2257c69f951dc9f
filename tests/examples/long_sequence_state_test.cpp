// Windows that hand on their state (trainer.state): what each sees of the ones before, resuming, what is refused.
#include "check.hpp"
#include "files.hpp"
#include "long_sequence/contiguous.hpp"
#include "long_sequence/datasets/assemble.hpp"
#include "long_sequence/trainer_on.hpp"
#include "losses.hpp"

using namespace longwave::examples;
using namespace longwave::test;
using longwave::Checkpoint;
using longwave::Extents;
using longwave::Generator;
using longwave::Host;
using longwave::index_t;
using longwave::Tape;
using longwave::Tensor;
using longwave::TensorView;
using longwave::Token;
using longwave::TokenSet;
using longwave::ValueError;

namespace {

constexpr index_t L = 6;

TokenSet windows(index_t tokens, index_t length) {
  std::vector<Token> stream;
  for (index_t i = 0; i < tokens; ++i) stream.push_back(static_cast<Token>((i * i + i / 7) % 11));
  return next_tokens("text", stream, 11, length);
}

RunOptions options_of(const char* state, std::int64_t context = 0) {
  RunOptions options;
  options.dataset.name = "bytes";
  options.model.d_model = 6;
  options.model.d_state = 4;
  options.model.n_layers = 2;
  options.model.dropout = 0.2;
  options.loader.batch = options.loader.evaluation_batch = 3;
  options.optimizer.lr = 0.01;
  options.trainer.state = state;
  options.trainer.context = context;
  check(options);
  return options;
}

// Scores (rows, K, L) of one window after the other.
std::vector<Tensor<float, 3>> predictions(const RunOptions& options, const TokenSet& set, index_t rows) {
  NetworkShape shape;
  set_shape(shape, set, Predict::every_position);
  Generator gen(1);
  const auto network = make_network<Host>(options, shape, gen);
  const Part part = set;
  const auto batches = make_contiguous_batches(part, rows, false);
  std::vector<Tensor<float, 3>> out;
  Tape<float> tape;
  predict(
      *network, *batches, 1, tape,
      [&](index_t, TensorView<const float, 3> scores, const HostBatch&) {
        copy(out.emplace_back(scores.sizes()).view(), scores);
      },
      options);
  return out;
}

// All of `got` against the positions of `wanted` from `at` on.
void check_same(const Tensor<float, 3>& got, const Tensor<float, 3>& wanted, index_t at) {
  double worst = 0;
  for (index_t b = 0; b < got.size(0); ++b)
    for (index_t k = 0; k < got.size(1); ++k)
      for (index_t l = 0; l < got.size(2); ++l)
        worst = std::max(worst, std::abs(static_cast<double>(got(b, k, l) - wanted(b, k, at + l))));
  CHECK(worst < 1e-5);
}

}  // namespace

TEST_CASE("long_sequence state: contiguous batches are the stream in rows, without gaps") {
  const Part part = windows(8 * L + 1, L);
  const auto batches = make_contiguous_batches(part, 3, true);
  CHECK(batches->batches() == 2);
  CHECK(batches->items() == 6);  // two windows are left over
  const TokenSet& set = std::get<TokenSet>(part);
  for (index_t i = 0; i < 2; ++i) {
    const HostBatch batch = batches->batch(i);
    for (index_t b = 0; b < 3; ++b)
      for (index_t l = 0; l < L; ++l) {
        CHECK(batch.input.tokens(b, l) == set.sequence(2 * b + i)(0, l));
        CHECK(batch.classes(b, l) == set.target(2 * b + i)(l));
      }
  }
  CHECK(error_text<ValueError>([&] { make_contiguous_batches(part, 9, true); }).find("has 8 windows, fewer than") !=
        std::string::npos);
  CHECK(make_contiguous_batches(part, 9, false)->items() == 8);
}

TEST_CASE("long_sequence state: windows go on as one long sequence, as far as the option says") {
  constexpr index_t rows = 2, count = 4;
  const TokenSet narrow = windows(rows * count * L + 1, L), wide = windows(rows * count * L + 1, count * L),
                 pairs = windows(rows * count * L + 1, 2 * L);
  const auto whole = predictions(options_of("none"), wide, rows);
  REQUIRE(whole.size() == 1);
  const auto carried = predictions(options_of("tbptt"), narrow, rows);
  REQUIRE(carried.size() == count);
  for (index_t i = 0; i < count; ++i) check_same(carried[static_cast<std::size_t>(i)], whole[0], i * L);

  const auto in_pairs = predictions(options_of("none"), pairs, rows);
  const auto reset = predictions(options_of("reset", 1), narrow, rows);
  for (index_t i = 0; i < count; ++i)
    check_same(reset[static_cast<std::size_t>(i)], in_pairs[static_cast<std::size_t>(i / 2)], i % 2 * L);

  const auto back = predictions(options_of("bptt", 1), narrow, rows);
  check_same(back[1], in_pairs[0], L);
  check_same(back[3], in_pairs[1], L);
  const auto all = predictions(options_of("bptt", count), narrow, rows);
  check_same(all[3], whole[0], 3 * L);
  double differs = 0;
  for (index_t i = 0; i < all[2].count(); ++i)
    differs = std::max(differs, std::abs(static_cast<double>(all[2].data()[i] - back[2].data()[i])));
  CHECK(differs > 1e-3);  // one window before is not two
}

TEST_CASE("long_sequence state: a run that goes on in the middle of an epoch has the same state") {
  for (const auto& [state, context] : {std::pair("tbptt", 0), std::pair("reset", 1), std::pair("bptt", 2)}) {
    INFO(state);
    const RunOptions options = options_of(state, context);
    RunData data;
    const TokenSet set = windows(12 * L + 1, L);
    data.train = set;
    data.test = set;
    set_shape(data.shape, set, Predict::every_position);
    const TemporaryFolder folder;
    TrainerOn<Host> whole(options, "{}", data), part(options, "{}", data), resumed(options, "{}", data);
    CHECK(whole.items_per_epoch() == 12);
    const auto all = losses(whole, 6);
    losses(part, 2);
    part.save(folder / "run");
    resumed.load(Checkpoint(folder / "run"));
    const auto rest = losses(resumed, 4);
    CHECK(rest == std::vector<double>(all.begin() + 2, all.end()));
    const Scores scores = resumed.evaluate(data.test);
    CHECK(scores.of_tokens);
    CHECK(scores.perplexity() == Approx(std::exp(scores.loss)));
    CHECK(scores.bits() == Approx(scores.loss / std::log(2.0)));
  }
}

TEST_CASE("long_sequence state: what cannot be handed on is named") {
  const auto refusal = [](auto change) {
    RunOptions options = options_of("tbptt");
    change(options);
    return error_text<ValueError>([&] { check(options); });
  };
  CHECK(refusal([](RunOptions& o) { o.dataset.name = "mnist1d"; }).find("do not follow one another") !=
        std::string::npos);
  CHECK(refusal([](RunOptions& o) { o.dataset.validation = 0.1; }).find("leaves gaps") != std::string::npos);
  CHECK(refusal([](RunOptions& o) { o.model.bidirectional = true; }).find("has no state") != std::string::npos);
  CHECK(refusal([](RunOptions& o) { o.trainer.context = 2; }) ==
        "trainer.context is an option of trainer.state = reset and bptt, not of tbptt");
  CHECK(refusal([](RunOptions& o) { o.trainer.state = "bptt"; }).find("name the windows before") != std::string::npos);
  RunOptions options = options_of("tbptt");
  options.model.norm = "instance";
  CHECK(error_text<ValueError>([&] { predictions(options, windows(13, L), 2); }).find("looks at all of time") !=
        std::string::npos);
}
