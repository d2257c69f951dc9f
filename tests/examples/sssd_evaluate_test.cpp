#include <nlohmann/json.hpp>

#include "check.hpp"
#include "files.hpp"
#include "longwave/io/npy.hpp"
#include "sssd/commands.hpp"

using namespace longwave;
using namespace longwave::test;
using longwave::examples::sssd::evaluate;

TEST_CASE("sssd evaluate: scores and report beside them, nothing overwritten without being asked") {
  const TemporaryFolder folder;
  write_text(folder / "generated.txt", "1,2,3\nbroken\n\n4,5,6");
  write_text(folder / "real.txt", "1,2,4\n7,7,7\n");
  examples::sssd::EvaluateArguments arguments{folder / "generated.txt", folder / "real.txt", folder / "s.json"};
  CHECK(evaluate(arguments) == 0);
  const auto json = nlohmann::json::parse(read_text(folder / "s.json"));
  CHECK(json["similarity_metrics"]["accuracy"] == Approx(1.0 / 3));  // 2/3 and 0
  CHECK(json["similarity_metrics"]["rouge_l"] == Approx(0.5));       // 2/3 and 1/3
  CHECK(json["distribution_metrics"]["gen_unique_events"] == 6);
  CHECK(contains(read_text(folder / "s.html"), "share of events"));

  CHECK(contains(error_text<ValueError>([&] { evaluate(arguments); }), "s.json is there already"));
  arguments.force = true;
  CHECK(evaluate(arguments) == 0);
  arguments.output.clear();
  CHECK(evaluate(arguments) == 0);
  CHECK(folder.files() == 4);
}

TEST_CASE("sssd evaluate: a recording is compared in windows of the generated length") {
  const TemporaryFolder folder;
  Tensor<std::uint8_t, 1> stream(20);
  for (index_t i = 0; i < 20; ++i) stream(i) = static_cast<std::uint8_t>(i);
  write_npy(folder / "real.npy", stream);
  write_text(folder / "generated.txt", "5,6,7");
  examples::sssd::EvaluateArguments arguments{folder / "generated.txt", folder / "real.npy", folder / "s.json"};
  CHECK(evaluate(arguments) == 0);
  const auto json = nlohmann::json::parse(read_text(folder / "s.json"));
  CHECK(json["similarity_metrics"]["accuracy"] == 1);
  CHECK(json["distribution_metrics"]["real_mean_length"] == 3);
}

TEST_CASE("sssd evaluate: files that are not there or hold nothing") {
  const TemporaryFolder folder;
  write_text(folder / "empty.txt", "\n\n");
  write_text(folder / "some.txt", "1,2");
  CHECK(contains(error_text<IoError>([&] { evaluate({folder / "none", folder / "some.txt", ""}); }), "cannot open it"));
  CHECK(contains(error_text<IoError>([&] {
                   evaluate({folder / "some.txt", folder / "empty.txt", ""});
                 }),
                 "empty.txt: holds no sequence of events"));
}
