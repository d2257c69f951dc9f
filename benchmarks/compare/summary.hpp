// summary.hpp - what the measurements say: where forms cross, and whether Algorithm::auto_ takes the best one.
#pragma once

#include <string>
#include <vector>

#include "compare/results.hpp"

namespace longwave::compare {

// All lengths of one (B, H, N), one form; in increasing L.
struct Series {
  std::string form;
  std::vector<const Result*> points;
};

struct Group {
  index_t B, H, N;
  std::vector<Series> series;  // in the order of forms(), those that were measured
};

std::vector<Group> groups_of(const Results& results);

using Quantity = double Result::*;

// From one length on, `to` is the fastest of all forms in place of `from`; L where the lines between the neighbouring
// points of the two meet, both axes logarithmic.
struct Crossover {
  std::string from, to;
  double L;
};

std::vector<Crossover> crossovers(const Group& group, Quantity quantity);

// Algorithm::auto_ against the best of the forms that it chooses from, at one grid point and in one direction.
struct Choice {
  Sizes sizes;
  std::string chosen, best;
  double chosen_time, best_time;

  double slower() const { return chosen_time / best_time; }
  bool poor() const { return slower() > 1.15; }
};

// Points at which the chosen form was not measured are left out.
std::vector<Choice> choices(const Results& results, bool backward);

}  // namespace longwave::compare
