#include "longwave/data/listops_generate.hpp"

#include <set>

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("listops_generate: trees keep the bounds, and their values are those of the text") {
  const ListOpsGenerator how{.max_depth = 4, .max_args = 5, .min_length = 5, .max_length = 60, .seed = 3};
  const ListOps data = generate_listops(300, how);
  const std::string text = listops_text(data);
  const ListOps read = read_listops(as_bytes(text), "text");
  CHECK(read.symbols == data.symbols);
  CHECK(read.values == data.values);
  std::vector<int> of_value(10), of_op(15);
  for (index_t i = 0; i < data.size(); ++i) {
    const auto expression = data.expression(i);
    CHECK((expression.size() > 5 && expression.size() < 60));
    index_t depth = 0, deepest = 0;
    for (const std::uint8_t s : expression) {
      depth += s >= listops_max ? 1 : s == listops_close ? -1 : 0;
      deepest = std::max(deepest, depth);
      ++of_op[s];
    }
    CHECK(deepest <= 3);  // of operators: nodes of depth 4 are digits
    ++of_value[data.values[static_cast<std::size_t>(i)]];
  }
  for (const int count : of_value) CHECK(count > 5);
  for (int s = 0; s < 15; ++s) CHECK(of_op[static_cast<std::size_t>(s)] > 50);
}

TEST_CASE("listops_generate: the same seed gives the same set, a larger one starts with it, another differs") {
  ListOpsGenerator how{.max_depth = 5, .max_args = 4, .min_length = 10, .max_length = 80, .seed = 3};
  const ListOps ten = generate_listops(10, how), again = generate_listops(10, how), twenty = generate_listops(20, how);
  CHECK(ten.symbols == again.symbols);
  CHECK(slice(twenty, 0, 10).symbols == ten.symbols);
  how.seed = 4;
  CHECK(generate_listops(10, how).symbols != ten.symbols);
}

TEST_CASE("listops_generate: no expression comes twice unless that is wanted") {
  ListOpsGenerator how{.max_depth = 2, .max_args = 2, .min_length = 0, .max_length = 5};
  const auto distinct = [](const ListOps& data) {
    std::set<std::vector<std::uint8_t>> seen;
    for (index_t i = 0; i < data.size(); ++i) seen.emplace(data.expression(i).begin(), data.expression(i).end());
    return static_cast<index_t>(seen.size());
  };
  CHECK(distinct(generate_listops(200, how)) == 200);
  how.unique = false;
  CHECK(distinct(generate_listops(200, how)) < 150);
}

TEST_CASE("listops_generate: what cannot be drawn is refused") {
  const auto refuses = [](index_t n, const ListOpsGenerator& how, const std::string& part) {
    const std::string text = error_text<ValueError>([&] { generate_listops(n, how); });
    INFO(text);
    CHECK(contains(text, part));
  };
  refuses(0, {}, "0 trees");
  refuses(1, {.max_args = 1}, "up to 1 arguments (2 or more)");
  refuses(1, {.min_length = 5, .max_length = 6}, "cannot be drawn");
  refuses(1, {.max_depth = 1, .min_length = 1, .max_length = 9}, "in a million draws, after 0 trees");
  refuses(11, {.max_depth = 1, .min_length = 0, .max_length = 9}, "after 10 trees");
}
