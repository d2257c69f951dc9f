#include "longwave/io/folder.hpp"

#include "check.hpp"
#include "files.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("folder: names come by their numbers") {
  const TemporaryFolder folder;
  for (const char* name : {"10.txt", "9.txt", "9.png", "a2", "a10", "a", ".hidden", "b01", "b1"})
    write_text(folder / name, "");
  CHECK(list_folder(folder.path()) ==
        std::vector<std::string>{"9.png", "9.txt", "10.txt", "a", "a2", "a10", "b01", "b1"});
  CHECK(list_folder(folder.path(), ".txt") == std::vector<std::string>{"9.txt", "10.txt"});
  CHECK(is_folder(folder.path()));
  CHECK(!is_folder(folder / "a"));
  CHECK(contains(error_text<IoError>([&] { list_folder(folder / "none"); }), "cannot list this folder: No such file"));
}

TEST_CASE("folder: numeric order is an order") {
  const std::string names[] = {
      "", "0", "00", "1", "01", "1a", "10", "a", "a0", "a00b", "a0c", "b", "99999999999999999999999"};
  for (const std::string& a : names)
    for (const std::string& b : names) {
      CHECK((numeric_order(a, b) || numeric_order(b, a)) == (a != b));
      CHECK(!(numeric_order(a, b) && numeric_order(b, a)));
      for (const std::string& c : names)
        if (numeric_order(a, b) && numeric_order(b, c)) CHECK(numeric_order(a, c));
    }
}
