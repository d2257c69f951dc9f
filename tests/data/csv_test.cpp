#include "longwave/data/csv.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

CsvTable<double> read(const std::string& content, const CsvOptions& options = {}) {
  return read_csv(as_bytes(content), "t.csv", options);
}

void refuses(const std::string& content, const std::string& part, const CsvOptions& options = {}) {
  const std::string text = error_text<IoError>([&] { read(content, options); });
  INFO(text);
  CHECK(contains(text, "t.csv: "));
  CHECK(contains(text, part));
}

}  // namespace

TEST_CASE("csv: names and values, with any line ends and without the last one") {
  for (const char* content :
       {"a,b\n1,2.5\n-3e2,+4\n", "a,b\r\n1,2.5\r\n-3e2,+4", "\xef\xbb\xbf a , b\n 1 ,\t2.5\n\n-3e2,+4\n\n"}) {
    const auto t = read(content);
    CHECK(t.names == std::vector<std::string>{"a", "b"});
    REQUIRE(t.values.sizes() == Extents<2>{2, 2});
    CHECK(t.values(0, 0) == 1);
    CHECK(t.values(0, 1) == 2.5);
    CHECK(t.values(1, 0) == -300);
    CHECK(t.values(1, 1) == 4);
    CHECK(t.text.empty());
    CHECK(t.column("b") == 1);
  }
}

TEST_CASE("csv: empty, NaN and NA cells are missing") {
  const auto t = read("a,b,c\n,NaN,nan\nNA,n/a,NULL\n -nan ,,\n");
  REQUIRE(t.values.sizes() == Extents<2>{3, 3});
  for (index_t i = 0; i < 9; ++i) CHECK(std::isnan(t.values.data()[i]));
  const auto one = read("a\n1\n\n3\n");  // of one column, an empty line is a missing value
  REQUIRE(one.rows() == 3);
  CHECK(std::isnan(one.values(1, 0)));
}

TEST_CASE("csv: a first column of text stays apart; one wrong cell does not make it text") {
  const auto t = read("date,x\n2016-07-01 00:00:00,1\n2016-07-01 01:00:00,2\n");
  CHECK(t.names == std::vector<std::string>{"x"});
  CHECK(t.text_name == "date");
  CHECK(t.text == std::vector<std::string>{"2016-07-01 00:00:00", "2016-07-01 01:00:00"});
  CHECK(read("id,x\nk1,1\n").text == std::vector<std::string>{"k1"});
  CHECK(read("date,x\nmon,1\ntue,2\n", {.only = {"x"}}).text.size() == 2);
  CHECK(read("date,x\nmon,1\ntue,2\n", {.skip = {"date"}}).text.empty());
  refuses("a,b\n1x,1\n2,2\n", "line 2, column 1 ('a'): '1x' is not a number");
  refuses("date,x\nmon,1\n", "line 2, column 1 ('date'): 'mon' is not a number", {.only = {"date", "x"}});
}

TEST_CASE("csv: columns by name, other delimiters, no header, quotes") {
  const auto some = read("a,b,c\n1,2,3\n", {.only = {"c", "a"}});
  CHECK(some.names == std::vector<std::string>{"c", "a"});
  CHECK(some.values(0, 0) == 3);
  CHECK(some.values(0, 1) == 1);
  CHECK(read("a,b,c\n1,x,3\n", {.skip = {"b"}}).names == std::vector<std::string>{"a", "c"});
  CHECK(read("a;b\n1;2\n", {.delimiter = ';'}).values(0, 1) == 2);
  CHECK(std::isnan(read("a\tb\n\t2\n", {.delimiter = '\t'}).values(0, 0)));
  const auto bare = read("1,2\n3,4\n", {.header = false});
  CHECK(bare.names == std::vector<std::string>{"1", "2"});
  CHECK(bare.values.sizes() == Extents<2>{2, 2});
  const auto quoted = read("\"a, \"\"b\"\"\",c\n\"1.5\" , 2\n");
  CHECK(quoted.names[0] == "a, \"b\"");
  CHECK(quoted.values(0, 0) == 1.5);
}

TEST_CASE("csv: errors name line and column") {
  refuses("", "is empty");
  refuses("\n \n", "is empty");
  refuses("a,b\n", "holds no row of values");
  refuses("a,b\n1,2\n3,4x\n", "line 3, column 2 ('b'): '4x' is not a number; leave the cell empty");
  refuses("a,b\n1,2,3\n", "line 2 holds 3 cells, expected 2");
  refuses("a,b\n1,2\n\n1\n", "line 4 holds 1 cells, expected 2");
  refuses("a,b\n1,inf\n", "line 2, column 2 ('b'): 'inf' is out of range");
  refuses("a,b\n1,1e999\n", "'1e999' is out of range");
  refuses("a,a\n1,2\n", "line 1 names the column 'a' twice");
  refuses("1,2\n3,4\n", "line 1 holds numbers, expected the columns' names");
  refuses("a,b\n1,\"2\n", "line 2, column 2 ('b'): the quote is not closed");
  refuses("a,b\n\"1\"2,3\n", "line 2, column 1 ('a'): text follows the closing quote");
  refuses("a,b\n1,2\n", "line 1 names no column 'x'; the columns are a, b", {.only = {"x"}});
  refuses("a,b\n1,2\n", "no column of numbers is left", {.skip = {"a", "b"}});
  refuses("a\n" + std::string(100, 'z') + "\n", "'" + std::string(40, 'z') + "...'");
  refuses(std::string("a\n\x01\n", 4), "'?' is not a number");
  CHECK(contains(error_text<IoError>([] { read_csv("/nowhere/x.csv"); }), "/nowhere/x.csv: cannot open it"));
  CHECK(error_text<ValueError>([] { read("a\n1\n").column("b"); }) == "CsvTable: there is no column 'b'");
}

TEST_CASE("csv: a line of any length") {
  std::string names = "c0", values = "0";
  for (int i = 1; i < 20000; ++i) {
    names += ",c" + std::to_string(i);
    values += "," + std::to_string(i) + ".25";
  }
  const auto t = read(names + "\n" + values);
  CHECK(t.columns() == 20000);
  CHECK(t.values(0, 19999) == 19999.25);
}

TEST_CASE("csv: what is written reads back, bit for bit") {
  const TemporaryFolder folder;
  CsvTable<float> t;
  t.names = {"x", "a \"quoted\", name"};
  t.values = random<float>(Extents<2>{50, 2});
  t.values(3, 1) = NAN;
  t.values(0, 0) = 1e-38f;
  t.text_name = "date";
  for (int i = 0; i < 50; ++i) t.text.push_back("day " + std::to_string(i));
  write_csv(folder / "t.csv", t);
  const auto back = read_csv<float>(folder / "t.csv");
  CHECK(back.names == t.names);
  CHECK(back.text == t.text);
  CHECK(back.text_name == "date");
  CHECK(std::isnan(back.values(3, 1)));
  index_t same = 0;
  for (index_t i = 0; i < 100; ++i) same += back.values.data()[i] == t.values.data()[i] ? 1 : 0;
  CHECK(same == 99);
  t.text.pop_back();
  CHECK(contains(error_text<ShapeError>([&] { write_csv(folder / "u.csv", t); }), "2 names and 49 texts"));
}

TEST_CASE("csv: the real ETTh1, where LONGWAVE_DATA names its folder") {
  const char* root = std::getenv("LONGWAVE_DATA");
  if (root == nullptr || !file_exists(std::string(root) + "/ett/ETTh1.csv")) {
    WARN("LONGWAVE_DATA names no folder with ett/ETTh1.csv in it: skipped");
    return;
  }
  const auto t = read_csv<float>(std::string(root) + "/ett/ETTh1.csv");
  CHECK(t.values.sizes() == Extents<2>{17420, 7});
  CHECK(t.text.back() == "2018-06-26 19:00:00");
  CHECK(t.values(0, t.column("OT")) == 30.5310001373291f);
}
