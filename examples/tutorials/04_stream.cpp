// One model, three ways to run it: the whole sequence at once, in pieces, sample by sample. The numbers are the same.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "longwave/core/random.hpp"
#include "longwave/nn/s4d.hpp"

namespace lw = longwave;

double difference(lw::TensorView<const float, 3> a, lw::TensorView<const float, 3> b) {
  double largest = 0;
  for (lw::index_t h = 0; h < a.size(1); ++h)
    for (lw::index_t l = 0; l < a.size(2); ++l)
      largest = std::max(largest, static_cast<double>(std::abs(a(0, h, l) - b(0, h, l))));
  return largest;
}

int main() {
  const lw::index_t H = 16, L = 1000, cut = 600;
  lw::Generator gen(3);
  lw::S4D<float> layer({.d_model = H, .d_state = 64}, gen);
  lw::Tensor<float, 3> u(1, H, L), none(1, H, L);
  gen.normal(u.view());
  lw::Tape<float> tape;
  tape.set_recording(false);  // values only

  // [snippet: stream_whole]
  const auto whole = layer(tape, tape.input(u)).value();  // all 1000 steps at once
  // [/snippet]

  // [snippet: stream_pieces]
  auto state = layer.make_state(/*B=*/1);
  const auto first = layer.forward(tape, tape.input(u.view().slice(2, 0, cut)), tape.input(state.x));
  const auto second = layer.forward(tape, tape.input(u.view().slice(2, cut, L)), first.state);
  // [/snippet]
  const double in_pieces = std::max(difference(first.y.value(), whole.slice(2, 0, cut)),
                                    difference(second.y.value(), whole.slice(2, cut, L)));

  // [snippet: stream_steps]
  lw::copy(state.x.view(), first.state.value());  // go on where the first piece ended
  lw::Tensor<float, 2> in(1, H), out(1, H);
  lw::Tensor<float, 3> stepped(1, H, L - cut);
  for (lw::index_t l = cut; l < L; ++l) {
    for (lw::index_t h = 0; h < H; ++h) in(0, h) = u(0, h, l);
    layer.step(in, state, out.view());
    for (lw::index_t h = 0; h < H; ++h) stepped(0, h, l - cut) = out(0, h);
  }
  // [/snippet]
  const double in_steps = difference(stepped, whole.slice(2, cut, L));
  std::printf("largest difference: in pieces %.1e, in steps %.1e\n", in_pieces, in_steps);
  return in_pieces < 1e-5 && in_steps < 1e-5 ? 0 : 1;  // values of size one, rounded to float
}
