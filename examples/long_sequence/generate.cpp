// generate.cpp - the subcommand generate: tokens one after the other from a network of the next token, after a prefix
// that it takes in one pass.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "long_sequence/commands.hpp"
#include "long_sequence/judge.hpp"
#include "long_sequence/learner.hpp"
#include "longwave/core/parallel.hpp"
#include "longwave/data/draws.hpp"
#include "longwave/data/mu_law.hpp"
#include "longwave/data/text.hpp"
#include "longwave/data/wav.hpp"

namespace longwave::examples {

namespace {

// Draws from softmax(scores / temperature), from the most probable tokens that together have at least top_p.
class Sampler {
 public:
  Sampler(double temperature, double top_p, std::uint64_t seed)
      : temperature_(temperature), top_p_(top_p), draws_({seed, generation, 0}, 0) {}

  // The token, and what its logarithmic probability under the network itself is.
  index_t draw(TensorView<const float, 1> scores, double& log_likelihood) {
    const auto K = static_cast<std::size_t>(scores.size(0));
    const std::vector<double> p = probabilities(scores);
    if (temperature_ == 0) {
      const index_t best = largest(scores);
      log_likelihood += std::log(p[static_cast<std::size_t>(best)]);
      return best;
    }
    order_.resize(K);
    std::iota(order_.begin(), order_.end(), std::size_t(0));
    weights_.resize(K);
    double sum = 0;
    for (std::size_t k = 0; k < K; ++k)
      sum += weights_[k] = temperature_ == 1 ? p[k] : std::pow(p[k], 1 / temperature_);
    if (top_p_ < 1)
      std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return weights_[a] > weights_[b]; });
    double kept = 0;
    std::size_t count = 0;
    while (count < K && kept < top_p_ * sum) kept += weights_[order_[count++]];
    double at = kept * draws_.uniform<double>();
    std::size_t chosen = 0;
    while (chosen + 1 < count && at >= weights_[order_[chosen]]) at -= weights_[order_[chosen++]];
    log_likelihood += std::log(p[order_[chosen]]);
    return static_cast<index_t>(order_[chosen]);
  }

 private:
  double temperature_, top_p_;
  Draws draws_;
  std::vector<std::size_t> order_;
  std::vector<double> weights_;
};

struct Sample {
  std::vector<Token> tokens;
  double log_likelihood = 0;
};

// The tokens to go on from: the text, or a recording; at least one.
std::vector<Token> prefix_of(const GenerateArguments& arguments, bool audio) {
  if (!audio) return byte_tokens(arguments.prefix.empty() ? "\n" : arguments.prefix);
  if (arguments.prefix.empty()) return {mu_law_encode(0)};
  const Wav<float> wav = read_wav<float>(arguments.prefix);
  std::vector<Token> tokens;
  for (index_t l = 0; l < wav.length(); ++l) tokens.push_back(mu_law_encode(static_cast<double>(wav.samples(0, l))));
  return tokens;
}

void write_sample(const std::string& path, const Sample& sample, bool audio) {
  if (audio) {
    Tensor<float, 2> sound(1, static_cast<index_t>(sample.tokens.size()));
    for (index_t l = 0; l < sound.size(1); ++l)
      sound(0, l) = static_cast<float>(mu_law_decode(sample.tokens[static_cast<std::size_t>(l)]));
    return write_wav<float>(path + ".wav", std::as_const(sound).view(), 8000);
  }
  std::string text;
  for (const Token token : sample.tokens) text += static_cast<char>(token);
  replace_file(path + ".txt", text);
}

}  // namespace

int generate(const GenerateArguments& arguments) {
  set_num_threads(static_cast<int>(arguments.threads));
  Trained trained = load_trained(arguments.checkpoint);
  const bool audio = trained.options.dataset.name == "audio";
  if (trained.shape.vocabulary != 256 || trained.shape.one_each || (!audio && trained.options.dataset.name != "bytes"))
    throw_value_error(trained.path + " holds no network of the next byte or sound sample (dataset.name bytes, audio)");
  const auto predictor = backend_of(arguments.device).make_predictor(*trained.network, trained.options, trained.shape);
  const auto B = static_cast<index_t>(arguments.count);
  const std::vector<Token> prefix = prefix_of(arguments, audio);
  const auto stream = predictor->make_stream(B, {.mode = parse_step_mode(arguments.mode)});
  Tensor<float, 2> scores(B, trained.shape.outputs);
  Tensor<index_t, 2> pieces(B, static_cast<index_t>(prefix.size()));
  for (index_t b = 0; b < B; ++b) std::copy(prefix.begin(), prefix.end(), &pieces(b, 0));
  NetworkInput<Host> input;
  input.tokens = std::as_const(pieces).view();
  stream->prefill(input, scores.view());

  std::vector<Sample> samples(static_cast<std::size_t>(B), Sample{prefix, 0});
  Sampler sampler(arguments.temperature, arguments.top_p, static_cast<std::uint64_t>(arguments.seed));
  Tensor<index_t, 1> tokens(B);
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t t = 0; t < arguments.length; ++t) {
    for (index_t b = 0; b < B; ++b) {
      Sample& sample = samples[static_cast<std::size_t>(b)];
      tokens(b) = sampler.draw(std::as_const(scores).view()[b], sample.log_likelihood);
      sample.tokens.push_back(static_cast<Token>(tokens(b)));
    }
    stream->step_tokens(std::as_const(tokens).view(), scores.view());
    predictor->wait();
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  // The most likely first.
  std::stable_sort(samples.begin(), samples.end(),
                   [](const Sample& a, const Sample& b) { return a.log_likelihood > b.log_likelihood; });
  make_folders(arguments.out);
  for (std::size_t i = 0; i < samples.size(); ++i)
    write_sample(arguments.out + "/sample_" + std::to_string(i), samples[i], audio);
  const double steps = static_cast<double>(arguments.length);
  std::printf("%lld samples of %lld %s after a prefix of %zu, %.0f a second\n", static_cast<long long>(B),
              static_cast<long long>(arguments.length), audio ? "sound samples" : "bytes", prefix.size(),
              static_cast<double>(B) * steps / seconds);
  std::printf("log-likelihood per token: %.4f nats the best, %.4f the last\n",
              samples.front().log_likelihood / std::max(1.0, steps),
              samples.back().log_likelihood / std::max(1.0, steps));
  std::printf("written to %s\n", arguments.out.c_str());
  return 0;
}

}  // namespace longwave::examples
