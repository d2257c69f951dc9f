// scores.hpp - how near an image is to the classical one, and how well it is focused.
#pragma once

#include <string>
#include <vector>

#include "longwave/data/sar_product.hpp"
#include "longwave/sar/quality.hpp"
#include "sar_focus/scene.hpp"

namespace longwave::examples::sar_focus {

struct Place {
  index_t row, column;
};

// The brightest samples, those that are no side lobe of a brighter one and have room for an impulse response around.
std::vector<Place> brightest_scatterers(ImageView image, index_t count);

struct Scores {
  std::string name;
  double ssim = 0, psnr = 0;  // in the network's units, as an image of I and Q of each column side by side
  double error = 0;           // energy of the difference over that of the target, dB: no unit, no range
  double contrast = 0, entropy = 0;
  std::vector<sar::ImpulseResponse> responses;
};

// Signals over range: v' = (v - low) / (high - low) of I and Q, (rows, 2 columns).
Tensor<float, 2> unit_image(ImageView image, SarScale scale);

Scores score(std::string name, ImageView image, ImageView target, SarScale scale, const std::vector<Place>& places);

// What needs no network: always 0.5, the target's mean of I and of Q, and the input in its own range.
Image constant_image(const Extents<2>& sizes, complex<float> value);
complex<float> mean_sample(ImageView image);
Image rescaled_input(ImageView rc, SarScale rc_scale, SarScale az_scale);

// From the peak, in dB.
struct Cut {
  std::vector<double> at, db;  // samples from the scatterer
};
Cut azimuth_cut(ImageView image, Place place);
Cut range_cut(ImageView image, Place place);

}  // namespace longwave::examples::sar_focus
