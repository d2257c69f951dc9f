// rfft, irfft, fft_conv.
#include "case.hpp"
#include "longwave/autograd/functions/fft.hpp"
#include "longwave/autograd/functions/fft_conv.hpp"

namespace longwave::golden {
namespace {

const Op rfft_op("rfft", []<class T>(Case<T>& c) {
  const index_t n = c.config.integer("n");
  if (n / 2 + 1 != c.shape("out/X").at(1)) throw_shape_error("out/X has not n/2+1 bins: n=" + std::to_string(n));
  c.out("X", rfft(c.template in<2>("x"), n));
});

const Op irfft_op("irfft", []<class T>(Case<T>& c) {
  c.out("x", irfft(c.template in<3>("X"), c.size_option("n", "out/x", 1)));
});

const Op fft_conv_op("fft_conv", []<class T>(Case<T>& c) {
  const auto u = c.template in<3>("u"), k = c.template in<3>("k");
  c.out("y", c.config.flag("bidirectional") ? fft_conv_bidirectional(u, k) : fft_conv(u, k));
});

}  // namespace
}  // namespace longwave::golden
