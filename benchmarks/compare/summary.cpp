#include "compare/summary.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "compare/forms.hpp"

namespace longwave::compare {

namespace {

const Result* at_length(const Series& series, index_t L) {
  for (const Result* r : series.points)
    if (r->sizes.L == L) return r;
  return nullptr;
}

std::vector<index_t> lengths_of(const Group& group) {
  std::vector<index_t> all;
  for (const Series& s : group.series)
    for (const Result* r : s.points) all.push_back(r->sizes.L);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

// The fastest at one length; nullptr where nothing was measured.
const Series* fastest(const Group& group, index_t L, Quantity quantity) {
  const Series* best = nullptr;
  for (const Series& s : group.series)
    if (const Result* r = at_length(s, L); r != nullptr)
      if (best == nullptr || r->*quantity < at_length(*best, L)->*quantity) best = &s;
  return best;
}

}  // namespace

std::vector<Group> groups_of(const Results& results) {
  std::map<std::tuple<index_t, index_t, index_t>, std::vector<const Result*>> by_sizes;
  for (const Result& r : results.rows) by_sizes[{r.sizes.N, r.sizes.H, r.sizes.B}].push_back(&r);
  std::vector<Group> groups;
  for (const auto& [key, rows] : by_sizes) {
    Group group{std::get<2>(key), std::get<1>(key), std::get<0>(key), {}};
    for (const Form& form : forms()) {
      Series series{form.name, {}};
      for (const Result* r : rows)
        if (r->form == form.name) series.points.push_back(r);
      std::sort(series.points.begin(), series.points.end(),
                [](const Result* a, const Result* b) { return a->sizes.L < b->sizes.L; });
      if (!series.points.empty()) group.series.push_back(std::move(series));
    }
    if (!group.series.empty()) groups.push_back(std::move(group));
  }
  return groups;
}

std::vector<Crossover> crossovers(const Group& group, Quantity quantity) {
  std::vector<Crossover> found;
  const std::vector<index_t> lengths = lengths_of(group);
  for (std::size_t i = 1; i < lengths.size(); ++i) {
    const index_t L0 = lengths[i - 1], L1 = lengths[i];
    const Series *from = fastest(group, L0, quantity), *to = fastest(group, L1, quantity);
    if (from == to || at_length(*from, L1) == nullptr || at_length(*to, L0) == nullptr) continue;
    auto lead = [&](index_t L) {  // of `from`, below 0 while it is the faster one
      return std::log(at_length(*from, L)->*quantity) - std::log(at_length(*to, L)->*quantity);
    };
    const double a = lead(L0), b = lead(L1), part = b > a ? -a / (b - a) : 0.5;
    const double log_L = std::log(static_cast<double>(L0)) * (1 - part) + std::log(static_cast<double>(L1)) * part;
    found.push_back({from->form, to->form, std::exp(log_L)});
  }
  return found;
}

std::vector<Choice> choices(const Results& results, bool backward) {
  const Quantity quantity = backward ? &Result::backward : &Result::forward;
  const bool on_cuda = std::any_of(results.machine.begin(), results.machine.end(),
                                   [](const auto& pair) { return pair.first == "device"; });
  std::vector<Choice> all;
  for (const Group& group : groups_of(results))
    for (const index_t L : lengths_of(group)) {
      const Sizes sizes{group.B, group.H, group.N, L};
      Group own{group.B, group.H, group.N, {}};  // the forms auto_ chooses from
      for (const Series& s : group.series)
        if (form_named(s.form).algorithm) own.series.push_back(s);
      const std::string chosen = (backward ? chosen_backward(sizes, on_cuda) : chosen_forward(sizes, on_cuda)).name;
      const Series* best = fastest(own, L, quantity);
      for (const Series& s : own.series)
        if (const Result* r = at_length(s, L); r != nullptr && s.form == chosen)
          all.push_back({sizes, chosen, best->form, r->*quantity, at_length(*best, L)->*quantity});
    }
  return all;
}

}  // namespace longwave::compare
