// report.hpp - the measurements as a page of charts and tables, and the tables as text.
#pragma once

#include <string>

#include "compare/results.hpp"

namespace longwave::compare {

void write_report(const Results& results, const std::string& path);

// Algorithm::auto_ beside the best form at each grid point, as lines of text.
std::string choice_text(const Results& results);

}  // namespace longwave::compare
