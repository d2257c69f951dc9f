#include <set>

#include "allocations.hpp"
#include "check.hpp"
#include "files.hpp"
#include "sssd/backend.hpp"
#include "sssd/batches.hpp"

using namespace longwave::examples::sssd;
using longwave::Checkpoint;
using longwave::Generator;
using longwave::index_t;
using longwave::Tensor;
using longwave::test::allocations;
using longwave::test::contains;
using longwave::test::error_text;
using longwave::test::TemporaryFolder;

namespace {

Options small_options(const std::string& model) {
  Options o;
  o.diffusion = {.T = 8, .beta_0 = 1e-3, .beta_T = 0.5};
  o.wavenet.num_res_layers = 2;
  o.wavenet.res_channels = o.wavenet.skip_channels = 4;
  o.wavenet.embed_in = 8;
  o.wavenet.embed_mid = o.wavenet.embed_out = 8;
  o.wavenet.s4_d_state = 4;
  o.wavenet.s4_dropout = 0.1;
  o.train.model = model;
  o.train.batch_size = 3;
  o.train.missing_k = 2;
  o.train.learning_rate = 1e-2;
  o.trainset.segment_length = 11;
  return o;
}

// Events 1 .. 4 in turn, from a start of their own.
RunData loops() {
  RunData data;
  data.name = "loops";
  data.coding.events = true;
  data.coding.channels = {"event"};
  data.coding.offset = {1};
  data.coding.unit = {3};
  data.coding.ids = {1, 2, 3, 4};
  for (SeriesSet* set : {&data.train, &data.test}) {
    set->x = Tensor<float, 3>(7, 1, 11);
    set->known = Tensor<float, 3>(7, 1, 11);
    for (index_t i = 0; i < 7; ++i)
      for (index_t l = 0; l < 11; ++l) {
        set->x(i, 0, l) = static_cast<float>(1 + (i + l) % 4);
        set->known(i, 0, l) = 1;
      }
  }
  return data;
}

std::string config_of(Options options) { return make_settings(options).to_json(); }

std::unique_ptr<Trainer> trainer_of(const Options& options, const RunData& data) {
  return backend_of({}).make_trainer(options, config_of(options), data);
}

}  // namespace

TEST_CASE("sssd batches: distinct rows, or all in order") {
  const RunData data = loops();
  Options o = small_options("s4");
  o.train.batch_size = 5;
  Batches batches(o, data.train, data.coding, Generator(1), Generator(2));
  std::set<float> seen;
  for (int n = 0; n < 20; ++n) {
    batches.make(n);
    CHECK(batches.batch().x0.size(0) == 5);
    index_t missing = 0;
    for (index_t i = 0; i < batches.batch().mask.count(); ++i) missing += batches.batch().mask.data()[i] == 0;
    CHECK(missing == 10);
  }
  o.train.shuffle = false;
  Batches ordered(o, data.train, data.coding, Generator(1), Generator(2));
  ordered.make(1);  // rows 5, 6, 0, 1, 2
  CHECK(ordered.batch().x0(0, 0, 0) == data.coding.encode(data.train.x(5, 0, 0), 0));
  CHECK(ordered.batch().x0(2, 0, 3) == data.coding.encode(data.train.x(0, 0, 3), 0));
  o.train.batch_size = 100;
  Batches whole(o, data.train, data.coding, Generator(1), Generator(2));
  CHECK(whole.batch().x0.size(0) == 7);
}

TEST_CASE("sssd batches: rows without repetition") {
  RunData data = loops();
  for (index_t i = 0; i < 7; ++i) data.train.x(i, 0, 0) = static_cast<float>(100 + i);
  Options o = small_options("s4");
  o.train.batch_size = 6;
  Batches batches(o, data.train, data.coding, Generator(1), Generator(2));
  std::set<float> all;
  for (int n = 0; n < 30; ++n) {
    batches.make(n);
    std::set<float> rows;
    for (index_t b = 0; b < 6; ++b) rows.insert(batches.batch().x0(b, 0, 0));
    CHECK(rows.size() == 6);
    all.insert(rows.begin(), rows.end());
  }
  CHECK(all.size() == 7);
}

TEST_CASE("sssd batches: masks for each series or for the batch, what was never known, nothing known at all") {
  RunData data = loops();
  Options o = small_options("s4");
  o.train.batch_size = 7;
  o.train.masking = "bm";
  const auto same_masks = [&](const Batches& batches) {
    const auto& mask = batches.batch().mask;
    bool same = true;
    for (index_t b = 1; b < 7; ++b)
      for (index_t l = 0; l < 11; ++l) same = same && mask(b, 0, l) == mask(0, 0, l);
    return same;
  };
  Batches each(o, data.train, data.coding, Generator(1), Generator(2));
  each.make(0);
  CHECK(!same_masks(each));
  CHECK(each.complete());
  o.train.mask_per_sample = 0;
  Batches one(o, data.train, data.coding, Generator(1), Generator(2));
  one.make(0);
  CHECK(same_masks(one));

  data.train.known(0, 0, 4) = 0;
  o.train.shuffle = false;
  Batches gap(o, data.train, data.coding, Generator(1), Generator(2));
  gap.make(0);
  CHECK(!gap.complete());
  CHECK(gap.batch().mask(0, 0, 4) == 0);
  CHECK(gap.batch().observed(0, 0, 4) == 0);
  CHECK(gap.batch().x0(0, 0, 4) == 0);

  o.train.uncond_prob = 1;
  Batches nothing(o, data.train, data.coding, Generator(1), Generator(2));
  nothing.make(0);
  for (index_t i = 0; i < nothing.batch().mask.count(); ++i) CHECK(nothing.batch().mask.data()[i] == 0);
}

TEST_CASE("sssd trainer: a run that goes on from a checkpoint makes the same bits, for every model") {
  const TemporaryFolder folder;
  const RunData data = loops();
  for (const char* model : {"s4", "s4d", "diffwave", "categorical"}) {
    const Options o = small_options(model);
    const auto whole = trainer_of(o, data);
    for (int i = 0; i < 6; ++i) {
      whole->step();
      if (i == 2) whole->save(folder / "part");
    }
    whole->save(folder / "whole");
    const auto second = trainer_of(o, data);
    const Checkpoint saved(folder / "part");
    second->load(saved);
    CHECK(second->iteration() == 2);
    for (int i = 3; i < 6; ++i) second->step();
    CHECK(second->iteration() == 5);
    second->seconds = whole->seconds;
    second->save(folder / "again");
    CHECK(longwave::test::read_text(folder / "whole") == longwave::test::read_text(folder / "again"));
    CHECK(second->loss() == whole->loss());
    CHECK(second->validate() == whole->validate());
  }
}

TEST_CASE("sssd trainer: after the first steps a step allocates nothing, for every model") {
  const RunData data = loops();
  for (const char* model : {"s4", "s4d", "diffwave", "categorical"}) {
    const Options o = small_options(model);
    const auto trainer = trainer_of(o, data);
    for (int i = 0; i < 3; ++i) trainer->step();
    const long before = allocations;
    for (int i = 0; i < 4; ++i) trainer->step();
    const long made = allocations - before;
    INFO(model);
    CHECK(made == 0);
  }
}

TEST_CASE("sssd trainer: validation sees the same batch each time and changes nothing") {
  const RunData data = loops();
  const Options o = small_options("s4");
  const auto trainer = trainer_of(o, data), other = trainer_of(o, data);
  trainer->step();
  other->step();
  const double first = trainer->validate();
  CHECK(trainer->validate() == first);
  trainer->step();
  other->step();
  CHECK(trainer->loss() == other->loss());
}

TEST_CASE("sssd draws: known values stay, the rest are events, the same for the same seed") {
  const TemporaryFolder folder;
  const RunData data = loops();
  for (const char* model : {"s4", "categorical"}) {
    Options o = small_options(model);
    o.train.learning_rate = 1e-2;
    const auto trainer = trainer_of(o, data);
    for (int i = 0; i < 30; ++i) trainer->step();
    trainer->save(folder / "x.ckpt");
    const Trained trained = load_trained(folder / "x.ckpt", "max");
    CHECK(trained.iteration == 29);
    CHECK(trained.coding.ids == data.coding.ids);
    CHECK(trained.options.wavenet.res_channels == 4);

    Tensor<float, 3> cond = coded_values(trained.kind(), trained.coding, data.test), mask(7, 1, 11);
    for (index_t i = 0; i < 7; ++i)
      for (index_t l = 0; l < 11; ++l) mask(i, 0, l) = l == 5 || l == 6 ? 0.0f : 1.0f;
    DrawRequest request;
    request.cond = cond.view();
    request.mask = mask.view();
    request.samples = 2;
    request.batch = 4;
    index_t told = 0;
    request.progress = [&](index_t done, index_t total) {
      CHECK(total == 14);
      told = done;
    };
    const auto drawer = backend_of({}).make_drawer(trained);
    const Tensor<float, 4> draws = drawer->draw(request);
    CHECK(told == 14);
    CHECK(draws.sizes() == longwave::Extents<4>{2, 7, 1, 11});
    for (index_t s = 0; s < 2; ++s)
      for (index_t i = 0; i < 7; ++i)
        for (index_t l = 0; l < 11; ++l) {
          if (mask(i, 0, l) != 0) CHECK(draws(s, i, 0, l) == cond(i, 0, l));
          if (trained.kind() == ModelKind::categorical) {
            const float id = decode(trained.kind(), trained.coding, draws(s, i, 0, l), 0);
            CHECK((id >= 1 && id <= 4));
          }
        }
    const Tensor<float, 4> again = drawer->draw(request);
    CHECK(longwave::test::same_bits(draws, again));
  }
}

TEST_CASE("sssd draws: more steps than the network was trained with") {
  const Options o = small_options("s4");
  CHECK(contains(error_text([&] { plan_of(o, {.steps = 9}); }), "trained with 8 diffusion steps"));
  CHECK(plan_of(o, {}).steps.size() == 8);
  CHECK(plan_of(o, {.name = "ddim"}).steps.size() == 8);
  CHECK(plan_of(o, {.name = "ddim", .steps = 3}).steps.size() == 3);
}

TEST_CASE("sssd trainer: channels that the configuration did not expect") {
  const RunData data = loops();
  Options o = small_options("s4");
  o.wavenet.in_channels = 2;
  CHECK(contains(error_text([&] { trainer_of(o, data); }), "in_channels is 2, the data have 1 channels"));
}
