#include "longwave/core/names.hpp"

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("names: a name finds its value, a value its first name, an unknown name the list") {
  constexpr Named<int> table[] = {{"one", 1}, {"two", 2}, {"zwei", 2}};
  CHECK(value_of_name("number", "zwei", table) == 2);
  CHECK(name_of_value(2, table) == "two");
  CHECK(name_of_value(5, table) == "unknown");
  CHECK(error_text<ValueError>([&] { value_of_name("number", "three", table); }) ==
        "number: 'three' is unknown, expected one of one, two, zwei");
}
