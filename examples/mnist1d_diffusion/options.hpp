// options.hpp - what the eight experiments are, and everything about a run that its numbers depend on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace longwave::examples::mnist1d_diffusion {

enum class Loss { mse, kl };
enum class Mixing { gaussian, convex };
enum class Training { implicit, semi_implicit };

struct Experiment {
  int id;
  Loss loss;
  Mixing mixing;
  Training training;
};

// 1 to 8: {MSE, KL} x {Gaussian, convex} x {implicit, semi-implicit}.
const std::vector<Experiment>& all_experiments();

const char* name(Loss loss);          // mse, kl_divergence: as in the JSON files
const char* name(Mixing mixing);      // gaussian, convex
const char* name(Training training);  // implicit, semi_implicit

struct Options {
  std::int64_t epochs = 50;
  std::int64_t batch_size = 128;
  std::int64_t n_samples = 2000;  // training rows, half of each set
  std::int64_t n_test = 200;      // test rows, half of each set
  std::int64_t timesteps = 20;
  double beta_end = 0.02;
  std::int64_t seed = 0;
  std::int64_t repeats = 1;  // with the seeds seed, seed + 1, ..
  std::vector<int> only;     // experiments; empty: all eight
  std::string task = "mnist1d";
  std::string data;                     // folder of npy files; empty: generated
  std::string convex_target = "noise";  // noise, effective, gauss_pairs

  // Extensions, off by default.
  std::string denoiser = "unet";     // s4d
  std::string prediction = "noise";  // clean: the network predicts x_0 itself
  std::string sampler = "ddpm";      // ddim
  std::int64_t sampling_steps = 0;   // of ddim; 0: all
  double mmd_weight = 0;             // weight of the differentiable distribution loss
  double lr = 1e-3;
  bool cosine_lr = false;  // down to 0 at the last step
};

// Ids, sizes and names that make no sense: UsageError. Fills `only` with all eight where it is empty.
void check_options(Options& options);

// Everything above as JSON: two runs of equal text make equal numbers.
std::string options_json(const Options& options);

}  // namespace longwave::examples::mnist1d_diffusion
