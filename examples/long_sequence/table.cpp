// table.cpp - the subcommand table: finished runs side by side.
#include <cstdio>

#include "long_sequence/commands.hpp"
#include "long_sequence/results.hpp"

namespace longwave::examples {

int table(const TableArguments& arguments) {
  std::fputs(results_table(find_runs(arguments.folder)).c_str(), stdout);
  return 0;
}

}  // namespace longwave::examples
