// Tensors own numbers, views refer to them. Rank and device are part of the type, sizes are not.
#include <iostream>

#include "longwave/core/print.hpp"
#include "longwave/core/random.hpp"
#include "longwave/ops/elementwise.hpp"

namespace lw = longwave;

int main() {
  // [snippet: tensor_make]
  lw::Tensor<float, 3> u(2, 3, 8);  // (B, H, L): batch, channel, time; zeros at first
  lw::Generator gen(42);            // numbers are a function of (seed, stream, draw, index)
  gen.normal(u.view());
  u(0, 0, 0) = 1;
  // [/snippet]
  std::cout << "u =\n" << u << "\n\n";

  // [snippet: tensor_view]
  const lw::TensorView<float, 2> second = u.view()[1];                   // (H, L) of batch entry 1
  const lw::TensorView<float, 3> past = u.view().slice(2, 0, 5);         // steps 0 .. 4 of every row
  const lw::TensorView<float, 3> time_first = u.view().transpose(0, 2);  // (L, H, B), nothing is copied
  const lw::TensorView<float, 2> rows = u.view().reshape(lw::Extents{6, 8});
  second(0, 4) = 5;  // the same element as u(1, 0, 4), past(1, 0, 4), time_first(4, 0, 1) and rows(3, 4)
  // [/snippet]
  const bool one_element = u(1, 0, 4) == 5 && past(1, 0, 4) == 5 && time_first(4, 0, 1) == 5 && rows(3, 4) == 5;
  std::cout << "past has the shape " << lw::to_string(past.sizes(), "BHL") << "\n\n";

  // [snippet: tensor_copy]
  lw::Tensor<float, 3> copy = u.clone();         // a copy is always spelled out
  lw::Tensor<float, 3> moved = std::move(copy);  // a move is cheap and keeps the address
  lw::Tensor<float, 3> gain(1, 3, 1);            // one number per channel,
  gain(0, 1, 0) = 2;
  lw::ops::Mul::forward(moved.view(), u, gain);  // repeated over batch and time
  // [/snippet]

  // [snippet: tensor_error]
  std::string text;
  try {
    lw::ops::Mul::forward(moved.view(), u, lw::Tensor<float, 3>(1, 4, 1));
  } catch (const lw::ShapeError& error) {
    text = error.what();  // mul: a (2, 3, 8) and b (1, 4, 1) differ along axis 1, and neither has size 1 there
  }
  // [/snippet]
  std::cout << text << "\n";

  return one_element && moved(1, 1, 4) == 2 * u(1, 1, 4) && text.find("axis 1") != std::string::npos ? 0 : 1;
}
