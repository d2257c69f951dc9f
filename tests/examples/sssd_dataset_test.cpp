#include "check.hpp"
#include "files.hpp"
#include "longwave/io/npy.hpp"
#include "sssd/dataset.hpp"
#include "sssd/files.hpp"

using namespace longwave::examples::sssd;
using longwave::index_t;
using longwave::Tensor;
using longwave::test::contains;
using longwave::test::error_text;
using longwave::test::TemporaryFolder;

namespace {

Coding events(std::vector<std::int64_t> ids) {
  Coding coding;
  coding.events = true;
  coding.channels = {"event"};
  coding.offset = {1};
  coding.unit = {61};
  coding.ids = std::move(ids);
  return coding;
}

Options csv_options(const std::string& path, index_t length) {
  Options o;
  o.trainset.train_data_path = path;
  o.trainset.segment_length = length;
  o.train.missing_k = 1;
  return o;
}

}  // namespace

TEST_CASE("sssd coding: ids, their places and the nearest of them") {
  const Coding coding = events({1, 2, 5, 9});
  CHECK(coding.class_of(5) == 2);
  CHECK(coding.class_of(4) == -1);
  CHECK(coding.nearest_id(-3) == 1);
  CHECK(coding.nearest_id(7) == 5);  // the smaller of two
  CHECK(coding.nearest_id(8) == 9);
  CHECK(coding.nearest_id(100) == 9);
  CHECK(coding.encode(62, 0) == 1.0f);
  CHECK(coding.decode(0, 0) == 1.0f);
}

TEST_CASE("sssd coding: there and back as JSON") {
  Coding coding = events({1, 4});
  coding.kind = "minmax";
  coding.train_min = 1;
  coding.train_max = 62;
  const Coding back = Coding::from_json(coding.to_json(), "file");
  CHECK(back.to_json() == coding.to_json());
  CHECK(back.ids == coding.ids);
  CHECK(back.train_max == 62);
  CHECK(contains(error_text([] { Coding::from_json("{}", "file"); }), "file: its normalization cannot be read"));
}

TEST_CASE("sssd data: a csv in windows, NaN is missing, scaled by the training rows") {
  const TemporaryFolder folder;
  std::string text = "date,a,b\n";
  for (int r = 0; r < 10; ++r)
    text += "d" + std::to_string(r) + "," + std::to_string(r) + "," + (r == 3 ? "" : std::to_string(10 * r)) + "\n";
  longwave::test::write_text(folder / "x.csv", text);
  const RunData data = load_data(csv_options(folder / "x.csv", 2), {});
  CHECK(data.train.size() == 7);  // of the first 8 rows
  CHECK(data.test.size() == 1);
  CHECK(data.coding.channels == std::vector<std::string>{"a", "b"});
  CHECK(data.train.known(2, 1, 1) == 0);
  CHECK(data.train.x(2, 1, 1) == 0);
  CHECK(data.train.x(2, 0, 1) == 3);
  CHECK(data.test.x(0, 1, 1) == 90);
  CHECK(data.coding.kind == "zscore");
  CHECK(data.coding.offset[0] == Approx(3.5));

  Options o = csv_options(folder / "x.csv", 2);
  o.trainset.train_rows = ":4";
  o.trainset.test_rows = "4:10";
  o.trainset.columns = "b";
  const RunData part = load_data(o, {.folder = "", .test_stride = 1});
  CHECK(part.train.size() == 3);
  CHECK(part.test.size() == 5);
  CHECK(part.train.channels() == 1);

  o.trainset.train_rows = "4:40";
  CHECK(
      contains(error_text([&] { load_data(o, {}); }), "train_rows is \"4:40\", expected begin:end within the 10 rows"));
  o.trainset.train_rows = ":4";
  o.trainset.segment_length = 5;
  CHECK(contains(error_text([&] { load_data(o, {}); }), "4 rows to train on, shorter than segment_length 5"));
  o.trainset.columns = "c";
  CHECK(contains(error_text([&] { load_data(o, {}); }), "'c'"));
  CHECK(
      contains(error_text([&] { load_data(csv_options("none.csv", 2), {.folder = folder.path()}); }), "is not there"));
  CHECK(contains(error_text([&] { load_data(csv_options("none.txt", 2), {}); }), "ends in .csv or .npy"));
}

TEST_CASE("sssd data: official npy files (N, L, C)") {
  const TemporaryFolder folder;
  Tensor<float, 3> stored(2, 4, 3);
  for (index_t i = 0; i < stored.count(); ++i) stored.data()[i] = static_cast<float>(i);
  stored(1, 2, 0) = NAN;
  longwave::write_npy(folder / "x.npy", stored);
  const RunData data = load_data(csv_options(folder / "x.npy", 3), {});
  CHECK(data.train.channels() == 3);
  CHECK(data.train.length() == 3);  // the first three of four
  CHECK(data.train.x(1, 2, 1) == stored(1, 1, 2));
  CHECK(data.train.known(1, 0, 2) == 0);
  CHECK(data.coding.kind == "none");
  CHECK(contains(error_text([&] { read_series_npy(folder / "x.npy", 5); }), "length 4, shorter than segment_length 5"));
  longwave::write_npy(folder / "y.npy", Tensor<float, 1>(3));
  CHECK(contains(error_text([&] { read_series_npy(folder / "y.npy", 1); }), "holds 1 axes"));
}

TEST_CASE("sssd data: kernel traces in the user's folder") {
  const TemporaryFolder folder;
  longwave::make_folders(folder / "kernel_traces/gzip/sequence_length_3");
  const std::string run = folder / "kernel_traces/gzip/sequence_length_3/";
  longwave::test::write_text(run + "training", "1,2,3\n2,3,5\n1,2,3\n3,5,1\n5,1,2");
  longwave::test::write_text(run + "testing", "1,2,3\n5,5,5\n");
  Options o;
  o.trainset.dataset = "gzip";
  o.trainset.segment_length = 3;
  const RunData data = load_data(o, {.folder = folder.path()});
  CHECK(data.coding.events);
  CHECK(data.coding.ids == std::vector<std::int64_t>{1, 2, 3, 5});
  CHECK(data.coding.offset[0] == 1);
  CHECK(data.coding.unit[0] == 4);
  CHECK(data.train.size() == 5);
  CHECK(data.test.x(1, 0, 2) == 5);
  check_ids(data.test, data.coding, "test");

  o.trainset.split = "honest";
  const RunData honest = load_data(o, {.folder = folder.path()});
  CHECK(honest.train.size() == 3);  // distinct ones of the first four
  CHECK(honest.test.size() == 1);
  CHECK(honest.test.x(0, 0, 0) == 5);

  o.trainset.split = "published";
  longwave::test::write_text(run + "testing", "1,2,4\n");
  const RunData unknown = load_data(o, {.folder = folder.path()});
  CHECK(contains(error_text([&] { check_ids(unknown.test, unknown.coding, "test"); }),
                 "test: sequence 1, position 3: event 4 is outside the trained vocabulary of 4 events"));
  o.trainset.segment_length = 4;
  CHECK(contains(error_text([&] { load_data(o, {.folder = folder.path()}); }), "training"));
  o.trainset.dataset = "gzipp";
  CHECK(contains(error_text([&] { load_data(o, {.folder = folder.path()}); }), "did you mean \"gzip\""));
}
