// search.hpp - a search of options with two objectives, both to be small: what to try next, what was tried, what is
// best.
//
// A study is a file of JSON lines: first what it is about, then a line per finished trial. It can be gone on with.
// Sampler tpe: after ten random trials, the trials so far are split into a good quarter, by ranks of dominance, and the
// rest; each option is drawn from the density of the good ones, of 24 draws the one that is likeliest there and least
// likely among the rest (Bergstra et al. 2011, with the split of Ozaki et al. 2022 by ranks alone).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "longwave/core/random.hpp"

namespace longwave::examples::trace_gan {

struct Dimension {
  std::string name;          // an option of train
  double low = 0, high = 0;  // log: both above 0
  bool logarithmic = false;
  bool integer = false;
  std::vector<double> choices = {};  // in place of a range
};

struct Space {
  std::string name;
  std::vector<Dimension> dimensions;
  std::map<std::string, std::string> fixed;  // further options of train
};

// main, w44 or third.
Space space_of(const std::string& name);

using Parameters = std::map<std::string, double>;

struct Trial {
  std::int64_t number = 0;
  Parameters parameters;
  double d_loss = 0, g_loss = 0;
  double first = 9999, second = 9999;  // the objectives; 9999 for a trial that failed
  double seconds = 0;
  bool failed() const { return first >= 9999; }
};

// Of trial `number` with what is known of the others.
Parameters draw(const Space& space, const std::string& sampler, const std::vector<Trial>& known, std::uint64_t seed,
                std::int64_t number);

// Those that no other trial surpasses in both objectives, by the first.
std::vector<Trial> pareto(const std::vector<Trial>& trials);

class Study {
 public:
  // Goes on with the file's trials if it is there; one of another name, space, target or trace is an error.
  Study(std::string path, std::string about);
  void add(const Trial& trial);
  const std::vector<Trial>& trials() const { return trials_; }

 private:
  std::string path_;
  std::vector<Trial> trials_;
};

// The losses of the last line "[Epoch e/E] D Loss: x.xxxx | G Loss: x.xxxx"; false if there is none.
bool last_losses(const std::string& output, double& d_loss, double& g_loss);

}  // namespace longwave::examples::trace_gan
