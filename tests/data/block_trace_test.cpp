#include "longwave/data/block_trace.hpp"
#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

BlockTrace read(const std::string& text, const BlockTraceOptions& options = {}) {
  return read_block_trace(as_bytes(text), "t.txt", options);
}

std::vector<double> row(const BlockTrace& trace, index_t i) {
  std::vector<double> out;
  for (index_t c = 0; c < trace.view().size(1); ++c) out.push_back(trace.view()(i, c));
  return out;
}

using Numbers = std::vector<double>;

}  // namespace

TEST_CASE("block_trace: every layout is found by itself") {
  const BlockTrace six = read("0 0.0 42 45056 549528 9487.2\n1 44.3 42 65536 549400 9443.0\n");
  CHECK(six.layout == TraceLayout::six);
  CHECK(row(six, 1) == Numbers{44.3, 65536, 549400, 9443});
  const BlockTrace comma = read("171.5,x,549400,4096,1000.25\n");
  CHECK(comma.layout == TraceLayout::comma);
  CHECK(row(comma, 0) == Numbers{1000.25, 4096, 549400, 171.5});
  const BlockTrace msr = read(
      "128166481075232275,rsrch,1,Write,281358336,45056,94872\r\n128166481075232718,rsrch,1,Write,281292800,65536,"
      "94430");
  CHECK(msr.layout == TraceLayout::msr);
  CHECK(row(msr, 0) == Numbers{0, 45056, 549528, 9487.2});
  CHECK(row(msr, 1) == Numbers{44.3, 65536, 549400, 9443});
  const BlockTrace rows = read("12 4096 88 7\n");
  CHECK(rows.layout == TraceLayout::rows);
  CHECK(row(rows, 0) == Numbers{12, 4096, 88, 7});
}

TEST_CASE("block_trace: columns by name, in the order asked for") {
  BlockTraceOptions options;
  options.columns = {trace_column("latency"), trace_column("lba")};
  const BlockTrace trace = read("0 1 42 512 77 9.5 more fields\n", options);
  CHECK(row(trace, 0) == Numbers{9.5, 77});
  CHECK(trace.index(TraceColumn::lba) == 1);
  CHECK(trace.index(TraceColumn::timestamp) == -1);
  CHECK(error_text([] { trace_column("size"); }) ==
        "a trace has no column \"size\"; there are timestamp, length, lba, latency");
  CHECK(trace_layout("msr") == TraceLayout::msr);
  CHECK_THROWS_AS(trace_layout("csv"), ValueError);
}

TEST_CASE("block_trace: large times and addresses keep every digit") {
  CHECK(row(read("0 576557600000.1 42 512 374063472 1\n"), 0)[0] == 576557600000.1);
  CHECK(row(read("0 1 42 512 9007199254740991 1\n"), 0)[2] == 9007199254740991.0);
}

TEST_CASE("block_trace: lines that are left out are counted with the first of them") {
  const BlockTrace trace = read(
      "id time op len lba lat\n\n0 1 42 512 7 1.5\n1 2 42\n2 3 42 512 8 nan\n3 4 42 512 9 inf\n4 5 42 512 1e999 1\n"
      "5 6 42 5x2 9 1\n6 +7 x 512 10 2");
  CHECK(trace.rows() == 2);
  CHECK(trace.lines == 9);
  CHECK(row(trace, 1) == Numbers{7, 512, 10, 2});
  CHECK(trace.left_out() == 7);
  CHECK(trace.left_out_text() ==
        "2 lines with too few fields (first: line 2), 2 lines with a word for a number (first: line 1), "
        "3 lines with NaN or infinity (first: line 5)");
}

TEST_CASE("block_trace: a file without a request is an error that says what was found") {
  CHECK(error_text<IoError>([] { read(""); }) == "t.txt: holds no line");
  CHECK(error_text<IoError>([] { read("a b\nc\n"); }) ==
        "t.txt: holds no request: 2 lines with too few fields (first: line 1); is it a block trace of layout six, "
        "comma, msr or rows?");
  CHECK(contains(error_text<IoError>([] { read("0 1 42 512 7 nan\n"); }), "1 line with NaN or infinity"));
  BlockTraceOptions options;
  options.layout = TraceLayout::comma;
  CHECK(contains(error_text<IoError>([&] { read("0 1 42 512 7 1\n", options); }), "layout comma?"));
  options.columns.clear();
  CHECK_THROWS_AS(read("0 1 42 512 7 1\n", options), ValueError);
  CHECK_THROWS_AS(read_block_trace("/nowhere/trace.txt"), IoError);
  CHECK_THROWS_AS(read_block_trace("/"), IoError);
}

TEST_CASE("block_trace: max_lines counts raw lines") {
  BlockTraceOptions options;
  options.max_lines = 3;
  const BlockTrace trace = read("x\n0 1 42 512 7 1\ny\n0 2 42 512 7 1\n", options);
  CHECK(trace.lines == 3);
  CHECK(trace.rows() == 1);
  options.max_lines = 100;
  CHECK(read("0 1 42 512 7 1\n0 2 42 512 7 1", options).rows() == 2);
}

TEST_CASE("block_trace: pieces cut anywhere make the same trace") {
  const std::string text = "0 1.5 42 512 7 1\nshort\n1 2.25 42 1024 8 2.5\n2 3 42 512 9 3";
  const BlockTrace whole = read(text);
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    detail::BlockTraceParser parser({});
    for (std::size_t at = 0; at < text.size(); at += piece) parser.feed(std::string_view(text).substr(at, piece));
    const BlockTrace trace = parser.finish("t");
    CHECK(trace.numbers == whole.numbers);
    CHECK(trace.lines == whole.lines);
    CHECK(trace.too_few.first == 2);
  }
}

TEST_CASE("block_trace: a file of several pieces, and a line without an end in it") {
  TemporaryFolder folder;
  std::string text;
  for (int i = 0; i < 40000; ++i) text += std::to_string(i) + " " + std::to_string(i) + ".5 42 4096 12345678 100.1\n";
  write_text(folder / "a.txt", text);
  const BlockTrace trace = read_block_trace(folder / "a.txt");
  CHECK(trace.rows() == 40000);
  CHECK(row(trace, 39999) == Numbers{39999.5, 4096, 12345678, 100.1});
  write_text(folder / "b.txt", "0 1 42 512 7 1\n" + std::string(std::size_t(3) << 20, 'x') + "\n0 2 42 512 7 1\n");
  const BlockTrace long_line = read_block_trace(folder / "b.txt");
  CHECK(long_line.rows() == 2);
  CHECK(long_line.too_few.first == 2);
}

TEST_CASE("block_trace: gaps between arrivals and back") {
  double times[] = {5, 7, 7, 20};
  const TensorView<double, 1> view(times, Extents<1>{4});
  to_arrival_gaps(view);
  CHECK(Numbers(times, times + 4) == Numbers{0, 2, 0, 13});
  from_arrival_gaps(view, 5);
  CHECK(Numbers(times, times + 4) == Numbers{5, 7, 7, 20});
  to_arrival_gaps(TensorView<double, 1>(times, Extents<1>{0}));
}
