// results.hpp - what is measured of one form at one grid point, and the JSON file that holds it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "longwave/core/extents.hpp"

namespace longwave::compare {

struct Sizes {
  index_t B = 1, H = 1, N = 2, L = 1;  // N is d_state: N / 2 modes are stored

  friend bool operator==(const Sizes&, const Sizes&) = default;
};

struct Result {
  std::string form;
  Sizes sizes;
  double forward = 0, backward = 0, both = 0;  // seconds; both: a whole step, forward + backward
  double forward_bytes = 0, both_bytes = 0;    // peak of working memory
};

struct Results {
  std::vector<std::pair<std::string, std::string>> machine;
  std::vector<Result> rows;
};

double median(std::vector<double> values);

// Several measurements of the same as one, each figure the median.
Result median(const std::vector<Result>& rounds);

std::string to_json(const Result& result);  // one line
Result result_from_json(const std::string& text, const std::string& origin);

void write_results(const std::string& path, const Results& results);  // as a whole or not at all
Results read_results(const std::string& path);                        // throws IoError

std::string text_of(const Sizes& sizes);  // "B=1 H=64 N=64 L=1024"

}  // namespace longwave::compare
