#include "longwave/io/checkpoint.hpp"

#include <sys/resource.h>
#include <csignal>

#include "check.hpp"
#include "files.hpp"
#include "longwave/nn/module.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

struct Pair {
  Parameter<float, 2> weight{Extents<2>{3, 5}};
  Tensor<float, 1> running{Extents<1>{4}};
  template <class F>
  void for_each_parameter(F&& f) {
    f("weight", weight);
  }
  template <class F>
  void for_each_buffer(F&& f) {
    f("running", running);
  }
};

// A model and moments of an optimiser, drawn from a seed.
struct Run {
  Pair model;
  Tensor<double, 1> moment{Extents<1>{15}};

  explicit Run(std::uint64_t seed) {
    Generator generator(seed);
    generator.normal(model.weight.value.view());
    generator.normal(model.running.view());
    generator.normal(moment.view());
  }
  auto model_state() { return state<float>(model); }
  std::vector<ParameterRef<double>> optimizer_state() { return {{"m.weight", {15}, moment.data(), nullptr, 15, {}}}; }

  void save(const std::string& path, const CheckpointInfo& info) {
    save_checkpoint(path, model_state(), optimizer_state(), info);
  }
  bool same(const Run& other) const {
    return same_bits(model.weight.value, other.model.weight.value) && same_bits(model.running, other.model.running) &&
           same_bits(moment, other.moment);
  }
};

CheckpointInfo at_step(std::int64_t step) {
  CheckpointInfo info;
  info.step = step;
  return info;
}

void flip(const std::string& path, std::size_t from_end) {
  std::string content = read_text(path);
  content[content.size() - from_end] ^= 1;
  write_text(path, content);
}

}  // namespace

TEST_CASE("checkpoint: everything comes back bit for bit") {
  const TemporaryFolder folder;
  Run run(1), other(2);
  run.model.weight.value(1, 1) = std::nanf("0x123");  // even a NaN keeps its bits
  CheckpointInfo info;
  info.epoch = 7;
  info.step = 123456789012;
  info.generators = {{"data", {~std::uint64_t(0), 3, 4294967295}}, {"dropout", {42, 1, 5}}};
  info.schedule = R"({"kind":"cosine","step":5})";
  info.config = "{\n  \"model\": {}\n}";
  info.more = {{"best", "0.97"}};
  run.save(folder / "c", info);

  const Checkpoint saved(folder / "c");
  CHECK(saved.notice().empty());
  CHECK(saved.info().epoch == 7);
  CHECK(saved.info().step == 123456789012);
  CHECK(saved.info().generators.at("data").seed == ~std::uint64_t(0));
  CHECK(saved.info().generators.at("data").draw == 4294967295);
  CHECK(saved.info().generators.at("dropout").stream == 1);
  CHECK(saved.info().schedule == info.schedule);
  CHECK(saved.info().config == info.config);
  CHECK(saved.info().more == info.more);
  saved.load(other.model_state(), other.optimizer_state());
  CHECK(run.same(other));
  CHECK(SafetensorsFile(folder / "c").contains("model/weight"));
}

TEST_CASE("checkpoint: the model alone can be loaded") {
  const TemporaryFolder folder;
  Run run(1), other(2);
  run.save(folder / "c", {});
  Checkpoint(folder / "c").load_model(other.model_state());
  CHECK(same_bits(run.model.weight.value, other.model.weight.value));
  CHECK(same_bits(run.model.running, other.model.running));
  CHECK_FALSE(same_bits(run.moment, other.moment));
}

TEST_CASE("checkpoint: the one before is kept and used when the newest is damaged, cut or gone") {
  const TemporaryFolder folder;
  Run first(1), second(2), loaded(3);
  first.save(folder / "c", at_step(1));
  second.save(folder / "c", at_step(2));
  CHECK(folder.files() == 2);
  CHECK(Checkpoint(folder / "c").info().step == 2);

  std::string why;
  SECTION("an element changed") {
    flip(folder / "c", 5);
    why = "the checksum does not match";
  }
  SECTION("the metadata changed") {
    std::string content = read_text(folder / "c");
    content.replace(content.find("\\\"step\\\":2"), 10, "\\\"step\\\":9");
    write_text(folder / "c", content);
    why = "the checksum does not match";
  }
  SECTION("cut short") {
    write_text(folder / "c", read_text(folder / "c").substr(0, 300));
    why = "cut short";
  }
  SECTION("empty") {
    write_text(folder / "c", "");
    why = "not a safetensors file";
  }
  SECTION("gone") {
    std::filesystem::remove(folder / "c");
    why = "cannot open it";
  }
  const Checkpoint saved(folder / "c");
  INFO(saved.notice());
  CHECK(saved.info().step == 1);
  CHECK(contains(saved.notice(), why));
  CHECK(contains(saved.notice(), "the previous checkpoint is used: " + previous_checkpoint(folder / "c")));
  saved.load(loaded.model_state(), loaded.optimizer_state());
  CHECK(loaded.same(first));
}

TEST_CASE("checkpoint: a damaged one never takes the place of the previous good one") {
  const TemporaryFolder folder;
  Run run(1);
  run.save(folder / "c", at_step(1));
  run.save(folder / "c", at_step(2));
  flip(folder / "c", 5);
  run.save(folder / "c", at_step(3));
  CHECK(Checkpoint(folder / "c").info().step == 3);
  CHECK(Checkpoint(previous_checkpoint(folder / "c")).info().step == 1);
}

TEST_CASE("checkpoint: with no good one at all the newest one's error is thrown") {
  const TemporaryFolder folder;
  CHECK(contains(error_text<IoError>([&] { Checkpoint saved(folder / "c"); }), "cannot open it"));
  write_safetensors(folder / "c", {});
  CHECK(contains(error_text<IoError>([&] { Checkpoint saved(folder / "c"); }), "not a checkpoint of longwave"));
}

TEST_CASE("checkpoint: all misfits are in one error and nothing is loaded") {
  const TemporaryFolder folder;
  Run run(1), other(2);
  const Run before(2);
  run.save(folder / "c", {});
  auto refs = other.model_state();
  refs[0].shape = {5, 3};
  refs[1].name = "mean";
  const std::string text = error_text<IoError>([&] { Checkpoint(folder / "c").load(refs, other.optimizer_state()); });
  CHECK(text == folder / "c" +
                    ": the checkpoint belongs to another model or optimizer; nothing was loaded"
                    "\n  missing: model/mean (4)"
                    "\n  differs: model/weight is F32 (3, 5) in the file, F32 (5, 3) here"
                    "\n  extra:   model/running (4)");
  CHECK(other.same(before));
  CHECK(contains(error_text([&] { Checkpoint(folder / "c").load(other.model_state(), other.model_state()); }),
                 "extra:   optimizer/m.weight (15)"));
}

TEST_CASE("checkpoint: on a full disk the old one stays and loads") {
  const TemporaryFolder folder;
  Run run(1), next(2), loaded(3);
  run.save(folder / "c", at_step(1));
  rlimit before;
  ::getrlimit(RLIMIT_FSIZE, &before);
  auto* handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 200;
  ::setrlimit(RLIMIT_FSIZE, &small);
  const std::string text = error_text<IoError>([&] { next.save(folder / "c", at_step(2)); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(contains(text, "cannot write its temporary file"));
  CHECK(folder.files() == 1);
  const Checkpoint saved(folder / "c");
  CHECK(saved.notice().empty());
  CHECK(saved.info().step == 1);
  saved.load(loaded.model_state(), loaded.optimizer_state());
  CHECK(loaded.same(run));
}

TEST_CASE("checkpoint: a reference whose shape and count disagree is refused") {
  Run run(1);
  auto refs = run.model_state();
  refs[0].count = 14;
  CHECK(contains(error_text<ShapeError>([&] { save_checkpoint("unused", refs, refs, {}); }),
                 "model/weight has the shape (3, 5) and 14 elements"));
}

TEST_CASE("crc32c: known values, and any cut gives the same") {
  CHECK(detail::crc32c("123456789", 9) == 0xe3069283u);
  const std::string zeros(32, '\0');
  CHECK(detail::crc32c(zeros.data(), 32) == 0x8a9136aau);  // RFC 3720, B.4
  CHECK(detail::crc32c("56789", 5, detail::crc32c("1234", 4)) == 0xe3069283u);
}
