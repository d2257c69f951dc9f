#include "longwave/cuda/chunk_scan.hpp"

#include "longwave/ops/diag_scan.hpp"
#include "modes.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

double tolerance(cuda::Product product) { return product == cuda::Product::tf32 ? 1e-3 : 3e-6; }

struct Sizes {
  index_t B, H, N, L;
};

template <class T, int N>
Tensor<double, N> in_double(const Tensor<T, N>& x) {
  Tensor<double, N> y(x.sizes());
  for (index_t i = 0; i < x.count(); ++i) y.data()[i] = static_cast<double>(x.data()[i]);
  return y;
}

double mode_error(const Tensor<complex<double>, 2>& got, const Tensor<complex<double>, 2>& want) {
  return relative_error(got, want);
}

struct Results {
  Tensor<float, 3> y, du;
  Tensor<float, 4> state, dstate;
  Tensor<complex<double>, 2> dx, dc;
  Tensor<float, 1> dskip;
};

// Both directions on the device; states: a state comes in and goes out.
Results on_cuda(const DiagonalCase<float>& c, const Tensor<float, 3>& dy, const Tensor<float, 4>& dend, bool states,
                cuda::Product product) {
  const auto u = cuda::to_device(c.u), dy_there = cuda::to_device(dy);
  const auto x = cuda::to_device(c.x), w = cuda::to_device(c.c);
  const auto skip = cuda::to_device(c.skip);
  const auto state = cuda::to_device(c.state), dend_there = cuda::to_device(dend);
  auto y = unwritten<float, 3, Cuda>(c.u.sizes()), du = unwritten<float, 3, Cuda>(c.u.sizes());
  auto end = unwritten<float, 4, Cuda>(c.state.sizes()), dstate = unwritten<float, 4, Cuda>(c.state.sizes());
  Tensor<complex<double>, 2, Cuda> dx(c.x.sizes()), dc(c.x.sizes());
  Tensor<float, 1, Cuda> dskip(c.skip.sizes());
  const DiagonalInputs<float, Cuda> in{u, x, w, skip, states ? state.view() : TensorView<const float, 4, Cuda>()};
  cuda::chunk_scan_forward({y, states ? end.view() : TensorView<float, 4, Cuda>()}, in, product);
  cuda::chunk_scan_backward({du, dx, dc, dskip, states ? dstate.view() : TensorView<float, 4, Cuda>()},
                            {dy_there, states ? dend_there.view() : TensorView<const float, 4, Cuda>()}, in, product);
  return {cuda::to_host(y),  cuda::to_host(du), cuda::to_host(end),  cuda::to_host(dstate),
          cuda::to_host(dx), cuda::to_host(dc), cuda::to_host(dskip)};
}

void check_against_host(Sizes s, bool states, cuda::Product product) {
  INFO("B " << s.B << ", H " << s.H << ", N " << s.N << ", L " << s.L << ", states " << states << ", product "
            << static_cast<int>(product));
  const DiagonalCase<float> c(s.B, s.H, s.N, s.L, 3);
  const auto dy = random<float>(c.u.sizes(), 11);
  const auto dend = random<float>(c.state.sizes(), 12);
  const Results got = on_cuda(c, dy, dend, states, product);

  const auto u = in_double(c.u), dy2 = in_double(dy);
  const auto skip = in_double(c.skip);
  const auto state = in_double(c.state), dend2 = in_double(dend);
  const TensorView<const double, 4> none;
  const DiagonalInputs<double> in{u, c.x, c.c, skip, states ? state.view() : none};
  Tensor<double, 3> y(c.u.sizes()), du(c.u.sizes());
  Tensor<double, 4> end(c.state.sizes()), dstate(c.state.sizes());
  Tensor<complex<double>, 2> dx(c.x.sizes()), dc(c.x.sizes());
  Tensor<double, 1> dskip(c.skip.sizes());
  ops::DiagScan::forward(DiagonalOutputs<double>{y, end}, in);
  ops::DiagScan::backward(DiagonalGradients<double>{du, dx, dc, dskip, dstate},
                          DiagonalCotangents<double>{dy2, states ? dend2.view() : none}, in);
  const double limit = tolerance(product);
  CHECK(relative_error(got.y, y) <= limit);
  CHECK(relative_error(got.du, du) <= limit);
  CHECK(mode_error(got.dx, dx) <= 2 * limit);
  CHECK(mode_error(got.dc, dc) <= 2 * limit);
  CHECK(relative_error(got.dskip, dskip) <= 2 * limit);
  if (!states) return;
  CHECK(relative_error(got.state, end) <= limit);
  CHECK(relative_error(got.dstate, dstate) <= limit);
}

constexpr cuda::Product products[] = {cuda::Product::tf32, cuda::Product::tf32x3};

}  // namespace

TEST_CASE("on the device: the chunked scan agrees with the recurrence in float64 at small sizes") {
  on_device([] {
    for (const cuda::Product product : products) {
      for (const Sizes s : {Sizes{1, 1, 1, 1}, {2, 3, 5, 63}, {3, 2, 16, 64}, {1, 2, 17, 65}, {17, 2, 32, 200}})
        check_against_host(s, false, product);
      check_against_host({3, 2, 5, 130}, true, product);
    }
  });
}

TEST_CASE("on the device: the chunked scan at any number of modes, sequences and samples", "[large]") {
  on_device([] {
    for (const cuda::Product product : products)
      for (const bool states : {false, true}) {
        for (const index_t L : {1, 2, 64, 128, 997, 1000, 2048}) check_against_host({3, 2, 7, L}, states, product);
        for (const index_t N : {2, 15, 16, 31, 32, 33, 70, 128}) check_against_host({2, 3, N, 640}, states, product);
        for (const index_t B : {1, 15, 16, 33}) check_against_host({B, 150, 4, 260}, states, product);
        check_against_host({1, 1, 3, 20000}, states, product);   // many segments
        check_against_host({5, 40, 32, 4096}, states, product);  // some
        check_against_host({33, 150, 4, 260}, states, product);  // blocks with several tiles of rows
        check_against_host({64, 128, 32, 784}, states, product);
      }
  });
}

TEST_CASE("on the device: the chunked scan without modes, sequences or samples, and parts left out") {
  on_device([] {
    for (const Sizes s : {Sizes{2, 3, 0, 100}, {0, 3, 4, 100}, {2, 0, 4, 100}, {2, 3, 4, 0}})
      check_against_host(s, false, cuda::Product::tf32x3);
    const DiagonalCase<float> c(2, 3, 4, 100, 5);
    const auto u = cuda::to_device(c.u), dy = cuda::to_device(random<float>(c.u.sizes(), 6));
    const auto x = cuda::to_device(c.x), w = cuda::to_device(c.c);
    const DiagonalInputs<float, Cuda> in{u, x, w, {}, {}};
    Tensor<complex<double>, 2, Cuda> dx(c.x.sizes()), dx_alone(c.x.sizes()), dc(c.x.sizes());
    Tensor<float, 3, Cuda> du(c.u.sizes());
    cuda::chunk_scan_backward({du, dx, dc, {}, {}}, {dy, {}}, in, cuda::Product::tf32x3);
    cuda::chunk_scan_backward({{}, dx_alone, {}, {}, {}}, {dy, {}}, in, cuda::Product::tf32x3);
    CHECK(relative_error(cuda::to_host(dx_alone), cuda::to_host(dx)) == 0);
  });
}

TEST_CASE("on the device: the chunked scan adds to a gradient that is there") {
  on_device([] {
    for (const cuda::Product product : products)
      for (const Sizes s : {Sizes{3, 2, 4, 128}, {17, 2, 5, 65}, {2, 2, 40, 130}, {40, 140, 3, 64}}) {
        const DiagonalCase<float> c(s.B, s.H, s.N, s.L, 5);
        const auto u = cuda::to_device(c.u), dy = cuda::to_device(random<float>(c.u.sizes(), 6));
        const auto before = random<float>(c.u.sizes(), 7);
        const auto x = cuda::to_device(c.x), w = cuda::to_device(c.c);
        const DiagonalInputs<float, Cuda> in{u, x, w, {}, {}};
        Tensor<complex<double>, 2, Cuda> dx(c.x.sizes()), dc(c.x.sizes());
        auto alone = unwritten<float, 3, Cuda>(c.u.sizes()), added = cuda::to_device(before);
        cuda::chunk_scan_backward({alone, dx, dc, {}, {}}, {dy, {}}, in, product);
        cuda::chunk_scan_backward({added, dx, dc, {}, {}, true}, {dy, {}}, in, product);
        Tensor<float, 3> want = cuda::to_host(alone);
        for (index_t i = 0; i < want.count(); ++i) want.data()[i] += before.data()[i];
        CHECK(relative_error(cuda::to_host(added), want) <= 1e-6);
      }
  });
}

TEST_CASE("on the device: the chunked scan of views with gaps") {
  on_device([] {
    const index_t B = 3, H = 2, N = 4, L = 300;
    const DiagonalCase<float> c(B, H, N, L, 7);
    Tensor<float, 3> wide(B, 2 * H, L + 1);
    for (index_t b = 0; b < B; ++b)
      for (index_t h = 0; h < H; ++h)
        for (index_t l = 0; l < L; ++l) wide(b, 2 * h, l + 1) = c.u(b, h, l);
    const auto wide_there = cuda::to_device(wide), u = cuda::to_device(c.u);
    const TensorView<const float, 3, Cuda> gaps(wide_there.data() + 1, Extents<3>{B, H, L},
                                                Extents<3>{2 * H * (L + 1), 2 * (L + 1), 1});
    const auto x = cuda::to_device(c.x), w = cuda::to_device(c.c);
    auto dense = unwritten<float, 3, Cuda>(c.u.sizes()), turned = unwritten<float, 3, Cuda>(Extents<3>{B, L, H});
    cuda::chunk_scan_forward({dense, {}}, {u, x, w, {}, {}}, cuda::Product::tf32x3);
    cuda::chunk_scan_forward({turned.view().transpose(1, 2), {}}, {gaps, x, w, {}, {}}, cuda::Product::tf32x3);
    CHECK(relative_error(cuda::to_host(turned).view().transpose(1, 2), cuda::to_host(dense).view()) == 0);
  });
}

TEST_CASE("on the device: the chunked scan gives the same bits twice") {
  on_device([] {
    const DiagonalCase<float> c(20, 9, 40, 1000, 8);
    const auto dy = random<float>(c.u.sizes(), 9);
    const auto dend = random<float>(c.state.sizes(), 10);
    const Results a = on_cuda(c, dy, dend, true, cuda::Product::tf32x3);
    const Results b = on_cuda(c, dy, dend, true, cuda::Product::tf32x3);
    CHECK(relative_error(a.y, in_double(b.y)) == 0);
    CHECK(relative_error(a.du, in_double(b.du)) == 0);
    CHECK(mode_error(a.dx, b.dx) == 0);
    CHECK(mode_error(a.dc, b.dc) == 0);
    CHECK(relative_error(a.state, in_double(b.state)) == 0);
  });
}

TEST_CASE("on the device: the chunked scan keeps slow modes over 2^17 samples", "[large]") {
  on_device([] {
    const index_t L = 1 << 17;
    DiagonalCase<float> c(1, 2, 2, L, 13);
    for (index_t i = 0; i < c.x.count(); ++i) c.x.data()[i] = {-1e-5, 0.01 * static_cast<double>(1 + i)};
    const auto dy = random<float>(c.u.sizes(), 14);
    const Results got = on_cuda(c, dy, random<float>(c.state.sizes(), 15), false, cuda::Product::tf32x3);
    const auto u = in_double(c.u);
    const auto skip = in_double(c.skip);
    Tensor<double, 3> y(c.u.sizes());
    ops::DiagScan::forward(DiagonalOutputs<double>{y, {}}, DiagonalInputs<double>{u, c.x, c.c, skip, {}});
    CHECK(relative_error(got.y, y) <= 3e-5);
  });
}
