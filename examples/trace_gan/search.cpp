#include "trace_gan/search.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>

#include "longwave/io/file.hpp"
#include "longwave/io/json.hpp"

namespace longwave::examples::trace_gan {

namespace {

using Json = nlohmann::ordered_json;

// Uniform numbers of one trial.
class Numbers {
 public:
  Numbers(std::uint64_t seed, std::int64_t trial) : gen_(seed, static_cast<std::uint32_t>(trial)) {}
  double next() {
    Tensor<double, 1> one(1);
    gen_.uniform(one.view());
    return one(0);
  }
  double normal() {
    Tensor<double, 1> one(1);
    gen_.normal(one.view());
    return one(0);
  }

 private:
  Generator gen_;
};

double to_axis(const Dimension& d, double x) { return d.logarithmic ? std::log(x) : x; }
double from_axis(const Dimension& d, double u) {
  double x = d.logarithmic ? std::exp(u) : u;
  if (d.integer) x = std::round(x);
  return std::clamp(x, d.low, d.high);
}

double draw_uniform(const Dimension& d, Numbers& numbers) {
  const double u = numbers.next();
  if (!d.choices.empty()) return d.choices[static_cast<std::size_t>(u * static_cast<double>(d.choices.size()))];
  const double low = to_axis(d, d.low), high = to_axis(d, d.high);
  return from_axis(d, low + u * (high - low));
}

// Gaussians around what was seen and one over the whole range; for choices, counts plus one.
class Density {
 public:
  Density(const Dimension& d, const std::vector<Trial>& trials) : d_(d) {
    for (const Trial& t : trials) seen_.push_back(t.parameters.at(d.name));
    if (d.choices.empty()) {
      low_ = to_axis(d, d.low);
      range_ = to_axis(d, d.high) - low_;
      for (double& x : seen_) x = to_axis(d, x);
      width_ = std::max(range_ / std::sqrt(static_cast<double>(seen_.size() + 1)) / 2, range_ / 50);
    }
  }

  double draw(Numbers& numbers) const {
    const double n = static_cast<double>(seen_.size());
    const auto which = static_cast<std::size_t>(numbers.next() * (n + 1));
    if (which >= seen_.size()) return draw_uniform(d_, numbers);
    if (!d_.choices.empty()) return seen_[which];
    double u = seen_[which] + width_ * numbers.normal();
    u = std::clamp(u, low_, low_ + range_);
    return from_axis(d_, u);
  }

  double log(double x) const {
    const double n = static_cast<double>(seen_.size());
    if (!d_.choices.empty()) {
      const auto count = static_cast<double>(std::count(seen_.begin(), seen_.end(), x));
      return std::log((count + 1) / (n + static_cast<double>(d_.choices.size())));
    }
    double density = 1 / std::max(range_, 1e-300);
    for (const double at : seen_) {
      const double z = (to_axis(d_, x) - at) / width_;
      density += std::exp(-z * z / 2) / (width_ * std::sqrt(2 * std::numbers::pi));
    }
    return std::log(density / (n + 1));
  }

 private:
  const Dimension& d_;
  std::vector<double> seen_;
  double low_ = 0, range_ = 0, width_ = 0;
};

bool dominates(const Trial& a, const Trial& b) {
  return a.first <= b.first && a.second <= b.second && (a.first < b.first || a.second < b.second);
}

// Front after front of undominated trials; a later front only where the earlier ones are too few.
std::vector<std::int64_t> best_first(const std::vector<Trial>& trials) {
  std::vector<Trial> left = trials;
  std::vector<std::int64_t> order;
  while (!left.empty()) {
    const std::vector<Trial> front = pareto(left);
    for (const Trial& t : front) {
      order.push_back(t.number);
      left.erase(std::find_if(left.begin(), left.end(), [&](const Trial& other) { return other.number == t.number; }));
    }
  }
  return order;
}

Json to_json(const Trial& t) {
  Json line;
  line["trial"] = t.number;
  line["parameters"] = t.parameters;
  line["d_loss"] = t.d_loss;
  line["g_loss"] = t.g_loss;
  line["objectives"] = {t.first, t.second};
  line["seconds"] = t.seconds;
  return line;
}

Trial to_trial(const Json& line) {
  Trial t;
  t.number = line.at("trial").get<std::int64_t>();
  t.parameters = line.at("parameters").get<Parameters>();
  t.d_loss = line.at("d_loss").get<double>();
  t.g_loss = line.at("g_loss").get<double>();
  t.first = line.at("objectives").at(0).get<double>();
  t.second = line.at("objectives").at(1).get<double>();
  t.seconds = line.at("seconds").get<double>();
  return t;
}

}  // namespace

Space space_of(const std::string& name) {
  const Dimension hidden{.name = "hidden_dim", .low = 100, .high = 128, .logarithmic = true, .integer = true};
  const Dimension batch{.name = "batch_size", .choices = {64, 128}};
  const auto rate = [](const char* which, double low) {
    return Dimension{.name = which, .low = low, .high = 5e-4, .logarithmic = true};
  };
  const Dimension three_d{.name = "d_updates", .choices = {1, 2, 3}},
      three_g{.name = "g_updates", .choices = {1, 2, 3}};
  if (name == "main")
    return {name,
            {rate("lrG", 5e-5),
             rate("lrD", 1e-4),
             {.name = "d_updates", .choices = {2, 3}},
             {.name = "g_updates", .choices = {1, 2}},
             hidden,
             batch},
            {{"num_epochs", "30"}, {"latent_dim", "10"}, {"seq_len", "12"}, {"max_lines", "10000000"}}};
  if (name == "w44")
    return {name,
            {rate("lrG", 5e-5), rate("lrD", 5e-5), three_d, three_g, hidden, batch},
            {{"num_epochs", "50"}, {"latent_dim", "10"}, {"seq_len", "20"}, {"max_lines", "11368248"}}};
  if (name == "third")
    return {name,
            {rate("lrG", 1e-4), rate("lrD", 1e-4), three_d, three_g, hidden, batch},
            {{"num_epochs", "30"}, {"latent_dim", "16"}, {"seq_len", "20"}, {"max_lines", "99878"}}};
  throw_value_error("there is no space \"" + name + "\"; there are main, w44, third");
}

Parameters draw(const Space& space, const std::string& sampler, const std::vector<Trial>& known, std::uint64_t seed,
                std::int64_t number) {
  constexpr std::size_t random_trials = 10;
  constexpr int draws = 24;
  Numbers numbers(seed, number);
  Parameters parameters;
  if (sampler == "random" || known.size() < random_trials) {
    for (const Dimension& d : space.dimensions) parameters[d.name] = draw_uniform(d, numbers);
    return parameters;
  }
  const auto order = best_first(known);
  const std::size_t good_count = std::max<std::size_t>(2, known.size() / 4);
  std::vector<Trial> good, rest;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto t = std::find_if(known.begin(), known.end(), [&](const Trial& k) { return k.number == order[i]; });
    (i < good_count ? good : rest).push_back(*t);
  }
  for (const Dimension& d : space.dimensions) {
    const Density likely(d, good), other(d, rest);
    double best = -INFINITY;
    for (int i = 0; i < draws; ++i) {
      const double x = likely.draw(numbers), value = likely.log(x) - other.log(x);
      if (value > best) {
        best = value;
        parameters[d.name] = x;
      }
    }
  }
  return parameters;
}

std::vector<Trial> pareto(const std::vector<Trial>& trials) {
  std::vector<Trial> front;
  for (const Trial& t : trials)
    if (std::none_of(trials.begin(), trials.end(), [&](const Trial& other) { return dominates(other, t); }))
      front.push_back(t);
  std::stable_sort(front.begin(), front.end(), [](const Trial& a, const Trial& b) { return a.first < b.first; });
  return front;
}

Study::Study(std::string path, std::string about) : path_(std::move(path)) {
  if (!file_exists(path_)) {
    AtomicFile file(path_);
    file.write(about + "\n");
    file.commit();
    return;
  }
  const MappedFile file(path_);
  const std::string text(reinterpret_cast<const char*>(file.bytes().data()), file.size());
  std::size_t begin = 0, number = 1;
  for (std::size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1, ++number) {
    const std::string line = text.substr(begin, end - begin);
    if (number == 1) {
      if (line != about)
        throw IoError(path_, "is another study: " + line + ", not " + about + "; name another --storage");
      continue;
    }
    try {
      trials_.push_back(to_trial(Json::parse(line)));
    } catch (const nlohmann::json::exception&) {
      throw IoError(path_, "line " + std::to_string(number) + " is no trial");
    }
  }
  if (number == 1) throw IoError(path_, "is no study");
  // A last line without an end is that of a trial cut short while it was written: it runs again.
  if (begin < text.size()) {
    AtomicFile whole(path_);
    whole.write(text.substr(0, begin));
    whole.commit();
  }
}

void Study::add(const Trial& trial) {
  trials_.push_back(trial);
  std::FILE* file = std::fopen(path_.c_str(), "a");
  if (file == nullptr) detail::throw_system_error(path_, "cannot add to it");
  const std::string line = to_json(trial).dump() + "\n";
  const bool written = std::fwrite(line.data(), 1, line.size(), file) == line.size();
  if (std::fclose(file) != 0 || !written) detail::throw_system_error(path_, "cannot add to it");
}

bool last_losses(const std::string& output, double& d_loss, double& g_loss) {
  const std::size_t at = output.rfind("[Epoch ");
  if (at == std::string::npos) return false;
  long long epoch = 0, epochs = 0;
  return std::sscanf(output.c_str() + at, "[Epoch %lld/%lld] D Loss: %lf | G Loss: %lf", &epoch, &epochs, &d_loss,
                     &g_loss) == 4 &&
         std::isfinite(d_loss) && std::isfinite(g_loss);
}

}  // namespace longwave::examples::trace_gan
