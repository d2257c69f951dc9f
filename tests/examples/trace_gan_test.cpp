// The parts of trace_gan; the program itself: trace_gan_test.sh.
#include <filesystem>
#include <numbers>

#include "check.hpp"
#include "files.hpp"
#include "trace_gan/backend.hpp"
#include "trace_gan/comparison.hpp"
#include "trace_gan/pattern.hpp"
#include "trace_gan/saved.hpp"
#include "trace_gan/search.hpp"

using namespace longwave;
using namespace longwave::test;
using namespace longwave::examples::trace_gan;
using longwave::examples::UsageError;

namespace {

BlockTrace trace_of(index_t n) {
  std::string text;
  for (index_t i = 0; i < n; ++i)
    text += "0 " + std::to_string(1000 * i * i) + ".5 42 " + std::to_string(512 * (1 + i % 7)) + " " +
            std::to_string((i * 7919) % 1000 * 8) + " " + std::to_string(100 + i % 13 * (i % 5)) + "\n";
  return read_block_trace(as_bytes(text), "t.txt");
}

TrainOptions small() {
  TrainOptions o;
  o.trace_path = "t.txt";
  o.seq_len = 6;
  o.hidden_dim = 5;
  o.latent_dim = 3;
  o.batch_size = 4;
  o.num_epochs = 3;
  return o;
}

BlockTrace rows_trace(const std::string& rows) { return read_block_trace(as_bytes(rows), "r.txt"); }

}  // namespace

TEST_CASE("trace_gan options: transforms, targets, what cannot be") {
  using T = ColumnTransform;
  CHECK(transforms_of("log") == std::vector<T>{T::log, T::log, T::log, T::log});
  CHECK(transforms_of("linear,quantile,quantile,log")[3] == T::log);
  CHECK_THROWS_AS(transforms_of("log,log"), UsageError);
  CHECK_THROWS_AS(transforms_of("sqrt"), ValueError);
  CHECK(target_of("2ln2") == Approx(2 * std::numbers::ln2));
  TrainOptions o = small();
  o.align = 100;
  CHECK_THROWS_AS(check(o), UsageError);
  o = small();
  o.trace_path.clear();
  CHECK_THROWS_AS(check(o), UsageError);
  o = small();
  o.save_prefix = "a/b";
  CHECK_THROWS_AS(check(o), UsageError);
}

TEST_CASE("trace_gan rows: chunks are cut in order, the scaler knows the tail that is dropped") {
  TrainOptions o = small();
  const LearningSet set = make_learning_set(trace_of(20), o);
  CHECK(set.rows == 20);
  REQUIRE(set.chunks.sizes() == Extents<3>{3, 6, 4});
  CHECK(set.chunks(0, 0, 0) == -1);
  CHECK(set.codec.scaler.max(0) == 1000.0 * 19 * 19 + 0.5);
  CHECK(double(set.chunks(1, 2, 1)) == Approx(set.codec.scaler.scale(1, 512 * 2)));  // row 8
  CHECK(contains(error_text<ValueError>([&] { make_learning_set(trace_of(1), o); }),
                 "holds 1 row, a chunk takes 6; lower --seq_len"));
}

TEST_CASE("trace_gan rows: constant columns and lines left out are told") {
  const BlockTrace trace = read_block_trace(as_bytes("x\n0 1 1 512 7 3\n0 2 1 512 8 4\n"), "t.txt");
  TrainOptions o = small();
  o.seq_len = 2;
  const std::string notes = make_learning_set(trace, o).notes;
  CHECK(contains(notes, "left out of 3 lines: 1 line with too few fields (first: line 1)"));
  CHECK(contains(notes, "column length is constant: 512 in every row"));
}

TEST_CASE("trace_gan rows: what was learnt comes back, truncated to whole numbers") {
  for (const char* transform : {"linear", "log", "quantile"})
    for (const bool gaps : {false, true}) {
      TrainOptions o = small();
      o.transform = transform;
      o.inter_arrival = gaps;
      o.seq_len = 1;
      const LearningSet set = make_learning_set(trace_of(50), o);
      const auto rows = decode_rows(set.chunks.view().reshape(Extents<2>{50, 4}), set.codec, {});
      const BlockTrace want = trace_of(50);
      for (index_t i = 0; i < 50; ++i)
        for (index_t c = 0; c < 4; ++c) {
          CHECK(rows(i, c) == std::trunc(rows(i, c)));
          CHECK(std::abs(rows(i, c) - want.view()(i, c)) <= 1 + 2e-5 * want.view()(i, c));  // chunks are float
        }
    }
}

TEST_CASE("trace_gan rows: clamped to the range of the training, sorted, aligned") {
  const LearningSet set = make_learning_set(trace_of(30), small());
  Tensor<float, 2> far(3, 4);
  for (index_t c = 0; c < 4; ++c) {
    far(0, c) = 5;
    far(1, c) = -5;
    far(2, c) = 0.1f;
  }
  const auto plain = decode_rows(far, set.codec, {});
  CHECK(plain(0, 1) == set.codec.scaler.max(1));
  CHECK(plain(1, 1) == set.codec.scaler.min(1));
  const auto styled = decode_rows(far, set.codec, {.sort_time = true, .align = 4096});
  CHECK((styled(0, 0) <= styled(1, 0) && styled(1, 0) <= styled(2, 0)));
  for (index_t i = 0; i < 3; ++i) {
    CHECK(std::fmod(styled(i, 1), 4096) == 0);
    CHECK(styled(i, 1) >= 4096);
    CHECK(std::fmod(styled(i, 2), 8) == 0);
  }
  TemporaryFolder folder;
  write_rows(folder / "r.txt", plain);
  CHECK(read_block_trace(folder / "r.txt").layout == TraceLayout::rows);
  CHECK(read_text(folder / "r.txt").substr(0, 7) == "841000 ");
}

TEST_CASE(
    "trace_gan training: losses of an untrained pair, the same numbers for the same seed, a file that comes back") {
  TemporaryFolder folder;
  const TrainOptions o = small();
  const LearningSet set = make_learning_set(trace_of(60), o);
  std::vector<GanLosses> losses[2];
  std::vector<float> rows[2];
  for (int run = 0; run < 2; ++run) {
    Generator init = generator_of(o.seed, initial_weights);
    LstmGan<float> gan(gan_options(o), init);
    const Backend& backend = backend_of({});
    const EpochEnd epoch_end = [&](index_t epoch, const GanLosses& l) {
      CHECK(epoch == static_cast<index_t>(losses[run].size()) + 1);
      losses[run].push_back(l);
      return epoch == 2;  // of three
    };
    backend.train(o, gan, set.chunks.view(), epoch_end, {});
    const auto out = backend.generate(gan, 100, o.seq_len, generator_of(1, noise_of_rows));
    CHECK(out.sizes() == Extents<2>{100, 4});
    rows[run].assign(out.data(), out.data() + out.count());
    if (run == 0) {
      save_model(folder / "m", gan, set.codec, o);
      SavedModel saved = load_model(folder / "m", true);
      const auto again = backend.generate(saved.gan, 100, o.seq_len, generator_of(1, noise_of_rows));
      CHECK(same_bits(again, out));
      CHECK(saved.codec.scaler.id() == set.codec.scaler.id());
      CHECK(saved.options.hidden_dim == 5);
    }
  }
  CHECK(losses[0].size() == 2);
  CHECK(losses[0][0].discriminator == Approx(2 * std::numbers::ln2).margin(0.1));
  CHECK(losses[0][0].generator == Approx(std::numbers::ln2).margin(0.2));
  CHECK(losses[0][1].generator == losses[1][1].generator);
  CHECK(rows[0] == rows[1]);
}

TEST_CASE("trace_gan training: the MMD term, averaged weights and a last short batch") {
  TrainOptions o = small();
  o.mmd_weight = 5;
  o.generator_ema = 0.9;
  o.batch_size = 7;
  o.transform = "quantile";
  const LearningSet set = make_learning_set(trace_of(60), o);
  Generator init = generator_of(o.seed, initial_weights);
  LstmGan<float> gan(gan_options(o), init);
  const EpochEnd epoch_end = [](index_t, const GanLosses& l) {
    CHECK(std::isfinite(l.generator));
    return false;
  };
  backend_of({}).train(o, gan, set.chunks.view(), epoch_end, {});
  CHECK(backend_of({}).generate(gan, 1, 6, Generator(1)).size(0) == 1);
}

TEST_CASE("trace_gan training: instance noise falls by the same factor every epoch") {
  TrainOptions o = small();
  o.num_epochs = 3;
  o.instance_noise = 0.08;
  CHECK(noise_of_epoch(o, 3) == 0.08);
  o.instance_noise_last = 0.02;
  CHECK(noise_of_epoch(o, 1) == 0.08);
  CHECK(noise_of_epoch(o, 2) == Approx(0.04));
  CHECK(noise_of_epoch(o, 3) == Approx(0.02));
  const LearningSet set = make_learning_set(trace_of(60), o);
  std::vector<double> losses[2];
  for (const bool falls : {false, true}) {
    o.instance_noise_last = falls ? 0.02 : 0;
    Generator init = generator_of(o.seed, initial_weights);
    LstmGan<float> gan(gan_options(o), init);
    const EpochEnd epoch_end = [&](index_t, const GanLosses& l) {
      losses[falls].push_back(l.discriminator);
      return false;
    };
    backend_of({}).train(o, gan, set.chunks.view(), epoch_end, {});
  }
  CHECK(losses[0][0] == losses[1][0]);
  CHECK(losses[0][1] != losses[1][1]);
  o.num_epochs = 1;
  CHECK(noise_of_epoch(o, 1) == 0.08);
  o.instance_noise = 0;
  CHECK_THROWS_AS(check(o), UsageError);
}

TEST_CASE("trace_gan selection: chunks are held out whole, the others stay in their order") {
  const LearningSet set = make_learning_set(trace_of(60), small());
  const HeldOut parts = hold_out(set.chunks.view(), 0.3, Generator(4));
  REQUIRE(parts.chunks.sizes() == Extents<3>{7, 6, 4});
  REQUIRE(parts.rows.sizes() == Extents<2>{18, 4});
  index_t stays = 0, goes = 0;
  for (index_t i = 0; i < 10; ++i) {
    const bool is_out = goes < 3 && parts.rows(6 * goes, 0) == set.chunks(i, 0, 0);  // times differ
    const index_t at = is_out ? goes++ : stays++;
    for (index_t t = 0; t < 6; ++t)
      for (index_t c = 0; c < 4; ++c)
        CHECK((is_out ? parts.rows(6 * at + t, c) : parts.chunks(at, t, c)) == set.chunks(i, t, c));
  }
  CHECK((stays == 7 && goes == 3));
  CHECK(hold_out(set.chunks.view(), 0.001, Generator(4)).rows.size(0) == 6);
  CHECK(hold_out(set.chunks.view(), 0.99, Generator(4)).chunks.size(0) == 1);
  TrainOptions o = small();
  o.seq_len = 1;  // MMD needs two rows
  CHECK(hold_out(make_learning_set(trace_of(9), o).chunks.view(), 0.1, Generator(4)).rows.size(0) == 2);
  CHECK(contains(error_text<ValueError>([&] { hold_out(set.chunks.view().slice(0, 0, 1), 0.1, Generator(4)); }),
                 "holds out 1 of the 1 chunks and leaves none"));
}

TEST_CASE("trace_gan selection: rows are scored in the units of the trace") {
  for (const char* transform : {"linear", "quantile"})
    for (const bool gaps : {false, true}) {
      TrainOptions o = small();
      o.transform = transform;
      o.inter_arrival = gaps;
      const LearningSet set = make_learning_set(trace_of(60), o);
      const auto rows = set.chunks.view().reshape(Extents<2>{60, 4});
      const auto first = rows.slice(0, 0, 36), second = rows.slice(0, 36, 60);
      RowCodec codec = set.codec;
      codec.inter_arrival = false;
      const double want =
          mmd_protocol(MmdProtocol::p1, decode_rows(second, codec, {}), decode_rows(first, codec, {})).mmd2;
      CHECK(score_rows(first, second, set.codec) == want);
      CHECK(score_rows(rows, rows, set.codec) < 0);  // unbiased: below zero for the same rows
    }
}

TEST_CASE("trace_gan selection: the weights of the best epoch come back, training itself is the same") {
  for (const double averaged : {0.0, 0.9}) {
    TrainOptions o = small();
    o.generator_ema = averaged;
    o.num_epochs = 5;
    o.keep_every = 2;
    const LearningSet set = make_learning_set(trace_of(60), o);
    // The rows of a generator that was trained for `epochs`, or chosen among those looked at.
    const auto rows_of_run = [&](index_t epochs, const RowJudge& judge, double& last_loss) {
      Generator init = generator_of(o.seed, initial_weights);
      LstmGan<float> gan(gan_options(o), init);
      const EpochEnd epoch_end = [&](index_t epoch, const GanLosses& l) {
        last_loss = l.generator;
        return epoch == epochs;
      };
      backend_of({}).train(o, gan, set.chunks.view(), epoch_end, judge);
      return backend_of({}).generate(gan, 30, o.seq_len, Generator(1));
    };
    for (const index_t best : {2, 4, 5}) {
      std::vector<index_t> looked;
      const RowJudge judge{20, [&](index_t epoch, TensorView<const float, 2> rows) {
                             looked.push_back(epoch);
                             CHECK(rows.sizes() == Extents<2>{20, 4});
                             return epoch == best;
                           }};
      double plain_loss = 0, chosen_loss = 0, unused = 0;
      rows_of_run(5, {}, plain_loss);
      const auto chosen = rows_of_run(5, judge, chosen_loss);
      CHECK(looked == std::vector<index_t>{2, 4, 5});
      CHECK(chosen_loss == plain_loss);
      CHECK(same_bits(chosen, rows_of_run(best, {}, unused)));
    }
    std::vector<index_t> looked;
    double unused = 0;
    rows_of_run(3,
                {20,
                 [&](index_t epoch, TensorView<const float, 2>) {
                   looked.push_back(epoch);
                   return true;
                 }},
                unused);
    CHECK(looked == std::vector<index_t>{2, 3});  // stopped after 3
  }
}

TEST_CASE("trace_gan files: a scaler of another trace is refused") {
  TemporaryFolder folder;
  const TrainOptions o = small();
  Generator init(1);
  LstmGan<float> gan(gan_options(o), init);
  save_model(folder / "a", gan, make_learning_set(trace_of(60), o).codec, o);
  save_model(folder / "b", gan, make_learning_set(trace_of(50), o).codec, o);
  std::filesystem::copy_file(folder / "b_scaler.safetensors", folder / "a_scaler.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  CHECK(contains(error_text<IoError>([&] { load_model(folder / "a"); }),
                 "is not the scaler that this generator was trained with but one of t.txt"));
  CHECK_THROWS_AS(load_model(folder / "none"), IoError);
  std::filesystem::copy_file(folder / "b_discriminator.safetensors", folder / "b_generator.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  CHECK_THROWS_AS(load_model(folder / "b"), IoError);
  CHECK_THROWS_AS(refuse_to_replace({folder / "a_scaler.safetensors"}, false), UsageError);
  refuse_to_replace({folder / "a_scaler.safetensors"}, true);
}

TEST_CASE("trace_gan comparison: histograms, quantiles, correlation of ranks") {
  const Histogram h = histogram({0, 1, 1, 10, 99}, 0, 10, 10, false);
  CHECK(h.share[0] == Approx(0.2));
  CHECK(h.share[1] == Approx(0.4));
  CHECK(h.share[9] == Approx(0.2));
  CHECK(h.at[0] == 0.5);
  const Histogram logs = histogram({0, 9, 99}, 0, 99, 2, true);
  CHECK((logs.share[0] == Approx(1.0 / 3) && logs.share[1] == Approx(2.0 / 3)));
  CHECK(histogram({3, 3}, 3, 3, 4, false).share[0] == 1);
  CHECK(quantiles({3, 1, 2}, {0, 0.5, 1}) == std::vector<double>{1, 2, 3});
  CHECK(rank_correlation({1, 2, 3, 4}, {10, 100, 1000, 1e9}) == Approx(1));
  CHECK(rank_correlation({1, 2, 3}, {3, 2, 1}) == Approx(-1));
  CHECK(rank_correlation({1, 1, 1}, {3, 2, 1}) == 0);
}

TEST_CASE("trace_gan comparison: reuse is what a least-recently-used cache of that size would hold") {
  std::string text;
  std::vector<int> places;
  for (int i = 0; i < 300; ++i) {
    places.push_back((i * i * 31 + i) % 17);
    text += std::to_string(i) + " 512 " + std::to_string(places.back() * 8) + " 1\n";
  }
  const Reuse reuse = address_reuse(rows_trace(text));
  for (std::size_t w = 0; w < reuse.window.size(); ++w) {
    std::vector<int> cache;
    int hits = 0;
    for (const int place : places) {
      const auto at = std::find(cache.begin(), cache.end(), place);
      if (at != cache.end()) {
        ++hits;
        cache.erase(at);
      }
      cache.insert(cache.begin(), place);
      if (cache.size() > static_cast<std::size_t>(reuse.window[w])) cache.pop_back();
    }
    CHECK(reuse.share[w] == Approx(hits / 300.0));
  }
  const Reuse run = address_reuse(rows_trace("0 1024 0 1\n1 512 2 1\n2 512 3 1\n3 512 99 1\n"));
  CHECK(run.sequential == Approx(0.5));
  CHECK(run.distinct == 1);
}

TEST_CASE("trace_gan comparison: references and curves") {
  const BlockTrace trace = trace_of(200);
  const auto list = references(MmdProtocol::p1, trace.view(), 100, {});
  REQUIRE(list.size() == 3);
  CHECK(list[0].score.mmd2 < list[2].score.mmd2);
  const std::string csv = curves_csv(trace, trace);
  CHECK(csv.substr(0, 29) == "column,x,original,synthetic\nt");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 401);
}

TEST_CASE("trace_gan search: draws lie in their ranges and depend on the seed and trial alone") {
  for (const char* name : {"main", "w44", "third"}) {
    const Space space = space_of(name);
    std::vector<Trial> known;
    for (std::int64_t n = 0; n < 30; ++n) {
      Trial t;
      t.number = n;
      t.parameters = draw(space, "tpe", known, 77, n);
      CHECK(t.parameters == draw(space, "tpe", known, 77, n));
      for (const Dimension& d : space.dimensions) {
        const double x = t.parameters.at(d.name);
        if (d.choices.empty()) {
          CHECK((x >= d.low && x <= d.high));
          CHECK((!d.integer || x == std::round(x)));
        } else {
          CHECK(std::count(d.choices.begin(), d.choices.end(), x) == 1);
        }
      }
      t.first = std::abs(std::log(t.parameters.at("lrG") / 2e-4));
      t.second = t.first;
      known.push_back(t);
    }
    CHECK(known[0].parameters != known[1].parameters);
    double early = 0, late = 0;
    for (int i = 0; i < 10; ++i) {
      early += known[static_cast<std::size_t>(i)].first;
      late += known[static_cast<std::size_t>(20 + i)].first;
    }
    CHECK(late < early);  // it goes where trials were good
  }
  CHECK_THROWS_AS(space_of("other"), ValueError);
}

TEST_CASE("trace_gan search: the Pareto set") {
  const auto trial = [](std::int64_t n, double a, double b) {
    Trial t;
    t.number = n;
    t.first = a;
    t.second = b;
    return t;
  };
  const auto front = pareto({trial(0, 1, 5), trial(1, 2, 2), trial(2, 3, 3), trial(3, 0.5, 9), trial(4, 2, 2)});
  std::vector<std::int64_t> numbers;
  for (const Trial& t : front) numbers.push_back(t.number);
  CHECK(numbers == std::vector<std::int64_t>{3, 0, 1, 4});
}

TEST_CASE("trace_gan search: a study file is gone on with, a cut line dropped, another study refused") {
  TemporaryFolder folder;
  const std::string path = folder / "s.jsonl";
  {
    Study study(path, "{\"study\":\"a\"}");
    Trial t;
    t.number = 4;
    t.parameters = {{"lrG", 0.1 + 0.2}};
    t.first = 0.25;
    study.add(t);
  }
  write_text(path, read_text(path) + "{\"trial\":5,");
  Study study(path, "{\"study\":\"a\"}");
  REQUIRE(study.trials().size() == 1);
  CHECK(study.trials()[0].parameters.at("lrG") == 0.1 + 0.2);
  CHECK(study.trials()[0].second == 9999);
  CHECK(study.trials()[0].failed() == false);
  CHECK(read_text(path).back() == '\n');
  CHECK(contains(error_text<IoError>([&] { Study(path, "{\"study\":\"b\"}"); }), "is another study"));
  write_text(path, "{\"study\":\"a\"}\nnonsense\n");
  CHECK(contains(error_text<IoError>([&] { Study(path, "{\"study\":\"a\"}"); }), "line 2 is no trial"));
}

TEST_CASE("trace_gan search: the losses are read from the last epoch's line") {
  double d = 0, g = 0;
  CHECK(last_losses("[Epoch 1/2] D Loss: 1.3 | G Loss: 0.7\n[Epoch 2/2] D Loss: 1.2345 | G Loss: 0.6789\nend\n", d, g));
  CHECK((d == 1.2345 && g == 0.6789));
  CHECK(!last_losses("nothing", d, g));
  CHECK(!last_losses("[Epoch 2/2] D Loss: nan | G Loss: 0.6\n", d, g));
}

TEST_CASE("trace_gan record: requests lie in the file on whole pages and depend on the seed alone") {
  Pattern a(std::int64_t(1) << 20, 0.4, 7), b(std::int64_t(1) << 20, 0.4, 7);
  int writes = 0;
  for (int i = 0; i < 3000; ++i) {
    const Request r = a.next(), same = b.next();
    CHECK((r.offset == same.offset && r.write == same.write));
    REQUIRE((r.offset >= 0 && r.length >= 4096 && r.offset + r.length <= (1 << 20)));
    REQUIRE((r.offset % 4096 == 0 && r.length % 4096 == 0));
    writes += r.write ? 1 : 0;
  }
  CHECK((writes > 800 && writes < 1600));
  Pattern one(4096, 0, 1);
  CHECK(one.next().length == 4096);
}
