#include "longwave/ops/norm.hpp"

#include "check.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/norm.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// Layer norm over axis 1 of (P, H, Q) in double.
template <class T>
Tensor<double, 3> reference(TensorView<const T, 3> x, TensorView<const T, 1> w, TensorView<const T, 1> b, double eps) {
  Tensor<double, 3> y(x.sizes());
  const double H = static_cast<double>(x.size(1));
  for (index_t p = 0; p < x.size(0); ++p)
    for (index_t q = 0; q < x.size(2); ++q) {
      double mean = 0, var = 0;
      for (index_t h = 0; h < x.size(1); ++h) mean += double(x(p, h, q)) / H;
      for (index_t h = 0; h < x.size(1); ++h) var += (double(x(p, h, q)) - mean) * (double(x(p, h, q)) - mean) / H;
      for (index_t h = 0; h < x.size(1); ++h)
        y(p, h, q) = (double(x(p, h, q)) - mean) / std::sqrt(var + eps) * double(w(h)) + double(b(h));
    }
  return y;
}

// Batch norm over axes 0 and 2 of (B, H, L) in double.
template <class T>
Tensor<double, 3> batch_reference(const Tensor<T, 3>& x, const Tensor<T, 1>& w, const Tensor<T, 1>& b, double eps) {
  Tensor<double, 3> y(x.sizes());
  const double n = double(x.size(0) * x.size(2));
  for (index_t h = 0; h < x.size(1); ++h) {
    double mean = 0, var = 0;
    for (index_t i = 0; i < x.size(0); ++i)
      for (index_t l = 0; l < x.size(2); ++l) mean += double(x(i, h, l)) / n;
    for (index_t i = 0; i < x.size(0); ++i)
      for (index_t l = 0; l < x.size(2); ++l) var += std::pow(double(x(i, h, l)) - mean, 2) / n;
    for (index_t i = 0; i < x.size(0); ++i)
      for (index_t l = 0; l < x.size(2); ++l)
        y(i, h, l) = (double(x(i, h, l)) - mean) / std::sqrt(var + eps) * double(w(h)) + double(b(h));
  }
  return y;
}

template <class T>
constexpr double tolerance = std::is_same_v<T, float> ? 3e-6 : 1e-14;  // about 4 epsilon sqrt(H) at H = 67

}  // namespace

TEMPLATE_TEST_CASE("layer_norm: equals the formula over the last axis and over axis 1, for any size", "", float,
                   double) {
  using T = TestType;
  for (index_t H : {1, 2, 16, 67})
    for (index_t L : {1, 2, 16, 31, 64, 130}) {
      const auto x = random<T>(Extents{3, H, L}, 1), xt = random<T>(Extents{3, L, H}, 2);
      const auto w = random<T>(Extents{H}, 3), b = random<T>(Extents{H}, 4);
      Tensor<T, 3> y(3, H, L), yt(3, L, H);
      ops::LayerNorm::forward(y.view(), {}, {}, x, w, b, {.axis = 1});
      CHECK(relative_error(y, reference(x.view(), w.view(), b.view(), 1e-5)) < tolerance<T>);
      ops::LayerNorm::forward(yt.view(), {}, {}, xt, w, b, {.axis = -1});
      CHECK(relative_error(yt.view().transpose(1, 2),
                           reference(xt.view().transpose(1, 2), w.view(), b.view(), 1e-5).view()) < tolerance<T>);
    }
}

TEST_CASE("layer_norm: axis 0 of a matrix, a vector, and strided views") {
  const auto x = random<double>(Extents{5, 12}), w = random<double>(Extents{5, 1}), b = random<double>(Extents{5, 1});
  Tensor<double, 2> y(5, 12);
  ops::LayerNorm::forward(y.view(), {}, {}, x, w.view().flat(), b.view().flat(), {.axis = 0});
  const auto want = reference(x.view().reshape(Extents{1, 5, 12}), w.view().flat(), b.view().flat(), 1e-5);
  CHECK(relative_error(y.view(), want.view()[0]) < 1e-14);

  Tensor<double, 2> yt(12, 5);  // output transposed: neither axis is side by side in both
  ops::LayerNorm::forward(yt.view().transpose(0, 1), {}, {}, x, w.view().flat(), b.view().flat(), {.axis = 0});
  CHECK(relative_error(yt.view().transpose(0, 1), want.view()[0]) < 1e-14);

  Tensor<double, 1> v = random<double>(Extents{7}), u(7);
  ops::LayerNorm::forward(u.view(), {}, {}, v, {}, {}, {.axis = 0});
  double sum = 0, squares = 0;
  for (index_t i = 0; i < 7; ++i) sum += u(i), squares += u(i) * u(i);
  CHECK(std::abs(sum) < 1e-14);
  CHECK(std::abs(squares - 7) < 1e-3);  // eps
}

TEST_CASE("layer_norm: a mean far from zero costs no digits") {
  for (int axis : {1, 2}) {
    Tensor<float, 3> x = random<float>(Extents{2, 96, 96}), y(2, 96, 96);
    for (index_t i = 0; i < x.count(); ++i) x.data()[i] += 1e4f;
    Tensor<float, 1> w(96), b(96);
    for (index_t i = 0; i < 96; ++i) w(i) = 1;
    ops::LayerNorm::forward(y.view(), {}, {}, x, w, b, {.axis = axis});
    const auto xv = axis == 1 ? x.view() : x.view().transpose(1, 2),
               yv = axis == 1 ? y.view() : y.view().transpose(1, 2);
    const auto want = reference<float>(xv, w.view(), b.view(), 1e-5);
    CHECK(relative_error(yv, want.view()) < 1e-5);
  }
}

TEST_CASE("layer_norm: gradients against differences, both axes") {
  for (index_t L : {1, 5, 70})
    for (int axis : {1, 2}) {
      const Extents<3> sizes = axis == 1 ? Extents{2, 3, L} : Extents{2, L, 3};
      auto x = random<double>(sizes);
      auto w = random<double>(Extents{3}, 2), b = random<double>(Extents{3}, 3);
      const auto check =
          grad_check([&](auto&, auto vx, auto vw, auto vb) { return layer_norm(vx, vw, vb, {.axis = axis}); }, x, w, b);
      INFO(check.text());
      CHECK(check.error < 1e-7);  // differences in double lose half of the digits
    }
  auto x = random<double>(Extents{4, 6});
  const auto check = grad_check([](auto&, auto vx) { return layer_norm(vx, {}, {}); }, x);
  CHECK(check.error < 1e-7);
}

TEMPLATE_TEST_CASE("layer_norm: gradients of strided views equal those of dense ones", "", float, double) {
  using T = TestType;
  const auto x = random<T>(Extents{3, 20, 70}, 1), dy = random<T>(Extents{3, 20, 70}, 2);
  const auto w = random<T>(Extents{20}, 3);
  auto run = [&](bool strided) {
    Tensor<T, 3> y(3, 20, 70), dx(3, 20, 70), t(70, 20, 3);
    Tensor<T, 2> mean(3, 70), rstd(3, 70);
    Tensor<T, 1> dw(20), db(20);
    TensorView<T, 3> xv{const_cast<T*>(x.data()), x.sizes()};
    Tensor<T, 3> copy(70, 20, 3);
    if (strided) {
      detail::add_to(copy.view().transpose(0, 2), xv);
      xv = copy.view().transpose(0, 2);
    }
    const TensorView<T, 3> dxv = strided ? t.view().transpose(0, 2) : dx.view();
    ops::LayerNorm::forward(y.view(), mean, rstd, xv, w, {}, {.axis = 1});
    ops::LayerNorm::backward(dxv, dw, db, dy.view(), mean, rstd, xv, w, {.axis = 1});
    Tensor<T, 3> out(3, 20, 70);
    detail::add_to(out.view(), dxv);
    return std::make_tuple(std::move(out), std::move(dw), std::move(db));
  };
  const auto dense = run(false), strided = run(true);
  CHECK(relative_error(std::get<0>(strided), std::get<0>(dense)) < tolerance<T>);
  CHECK(relative_error(std::get<1>(strided), std::get<1>(dense)) < 10 * tolerance<T>);  // sums of 210 terms
  CHECK(relative_error(std::get<2>(strided), std::get<2>(dense)) < 10 * tolerance<T>);
}

TEST_CASE("layer_norm: the same bits for any number of threads; parameter gradients accumulate") {
  const auto x = random<float>(Extents{5, 33, 700}), dy = random<float>(Extents{5, 33, 700}, 2);
  for (int axis : {1, 2}) {
    auto run = [&](int threads, Tensor<float, 1>& dw) {
      set_num_threads(threads);
      Tensor<float, 3> y(x.sizes()), dx(x.sizes());
      const auto rest = impl::drop_axis(x.sizes(), axis);
      Tensor<float, 2> mean(rest), rstd(rest);
      ops::LayerNorm::forward(y.view(), mean, rstd, x, {}, {}, {.axis = axis});
      ops::LayerNorm::backward(dx, dw, {}, dy.view(), mean, rstd, x, {}, {.axis = axis});
      set_num_threads(0);
      return dx;
    };
    Tensor<float, 1> one(x.size(axis)), eight(x.size(axis)), twice(x.size(axis));
    const auto a = run(1, one), b = run(8, eight);
    CHECK(std::equal(a.data(), a.data() + a.count(), b.data()));
    CHECK(std::equal(one.data(), one.data() + one.count(), eight.data()));
    run(2, twice);
    run(2, twice);
    CHECK(twice(1) == 2 * one(1));
  }
}

TEST_CASE("layer_norm: empty tensors pass, wrong shapes and options are named") {
  Tensor<float, 3> none(0, 4, 3), y(0, 4, 3);
  Tensor<float, 1> w(4);
  ops::LayerNorm::forward(y.view(), {}, {}, none, w, {}, {.axis = 1});
  Tensor<float, 2> x(3, 4), out(3, 4);
  Tensor<float, 1> wrong(3);
  CHECK(error_text<ShapeError>([&] { ops::LayerNorm::forward(out.view(), {}, {}, x, wrong, {}); }) ==
        "layer_norm: weight is (H=3), expected (H=4)");
  CHECK(error_text<ShapeError>([&] { ops::LayerNorm::forward(out.view(), wrong, w, x, {}, {}); }) ==
        "layer_norm: rstd is (4), expected (3)");
  CHECK(error_text<ValueError>([&] { ops::LayerNorm::forward(out.view(), {}, {}, x, {}, {}, {.axis = 2}); }) ==
        "layer_norm: axis is 2, the tensor has rank 2");
  CHECK(error_text<ValueError>([&] {
          ops::LayerNorm::forward(out.view(), {}, {}, x, {}, {}, {.eps = NAN});
        }).find("layer_norm: eps") == 0);
}

TEMPLATE_TEST_CASE("batch_norm: training normalises by the batch and moves the running statistics", "", float, double) {
  using T = TestType;
  for (index_t L : {1, 7, 5000}) {
    auto x = random<T>(Extents{3, 4, L});
    for (index_t i = 0; i < x.count(); ++i) x.data()[i] += 3;
    const auto w = random<T>(Extents{4}, 2), b = random<T>(Extents{4}, 3);
    Tensor<T, 3> y(x.sizes());
    Tensor<T, 1> mean(4), var(4);
    ops::BatchNorm::forward(y.view(), {}, {}, mean, var, x, w, b, {.training = true, .momentum = 0.25});
    CHECK(relative_error(y, batch_reference(x, w, b, 1e-5)) < 5 * tolerance<T>);  // L = 5000
    const double n = double(3 * L);
    double m = 0, v = 0;
    for (index_t i = 0; i < 3; ++i)
      for (index_t l = 0; l < L; ++l) m += double(x(i, 2, l)) / n;
    for (index_t i = 0; i < 3; ++i)
      for (index_t l = 0; l < L; ++l) v += std::pow(double(x(i, 2, l)) - m, 2) / (n - 1);
    CHECK(std::abs(double(mean(2)) - 0.25 * m) < tolerance<T>);
    CHECK(std::abs(double(var(2)) - 0.25 * v) < tolerance<T>);
    if (L == 1) {
      Tensor<T, 2> flat(3, 4);
      ops::BatchNorm::forward(flat.view(), {}, {}, {}, {}, x.view().reshape(Extents{3, 4}), w, b, {.training = true});
      CHECK(relative_error(flat.view(), y.view().reshape(Extents{3, 4})) < tolerance<T>);  // sums in another order
    }
  }
}

TEST_CASE("batch_norm: evaluation uses the running statistics and leaves them") {
  const auto x = random<double>(Extents{2, 3, 4});
  Tensor<double, 1> mean = random<double>(Extents{3}, 2), var(3);
  for (index_t h = 0; h < 3; ++h) var(h) = 0.5 + double(h);
  const Tensor<double, 1> before = mean.clone();
  Tensor<double, 3> y(x.sizes());
  ops::BatchNorm::forward(y.view(), {}, {}, mean, var, x, {}, {}, {});
  for (index_t h = 0; h < 3; ++h)
    CHECK(std::abs(y(1, h, 2) - (x(1, h, 2) - mean(h)) / std::sqrt(var(h) + 1e-5)) < 1e-14);
  CHECK(relative_error(mean, before) == 0);
}

TEST_CASE("batch_norm: gradients against differences, training and evaluation, both ranks") {
  Tensor<double, 1> mean = random<double>(Extents{3}, 2), var(3);
  for (index_t h = 0; h < 3; ++h) var(h) = 0.5 + double(h);
  auto w = random<double>(Extents{3}, 4), b = random<double>(Extents{3}, 5);
  auto x3 = random<double>(Extents{2, 3, 5});
  auto x2 = random<double>(Extents{5, 3});
  for (bool training : {true, false}) {
    auto f = [&](auto&, auto x, auto vw, auto vb) {
      return training ? batch_norm(x, vw, vb, {}, {}, {.training = true}) : batch_norm(x, vw, vb, mean, var, {});
    };
    const auto check3 = grad_check(f, x3, w, b), check2 = grad_check(f, x2, w, b);
    INFO(check3.text() << "; " << check2.text());
    CHECK(check3.error < 1e-7);
    CHECK(check2.error < 1e-7);
  }
}

TEST_CASE("batch_norm: strided views equal dense ones") {
  const auto x = random<double>(Extents{4, 3, 6}), dy = random<double>(Extents{4, 3, 6}, 2);
  Tensor<double, 3> copy(6, 3, 4), y(4, 3, 6), ys(6, 3, 4), dx(4, 3, 6), dxs(6, 3, 4);
  detail::add_to(copy.view().transpose(0, 2), x);
  Tensor<double, 1> mean(3), rstd(3);
  const BatchNormOptions options{.training = true};
  ops::BatchNorm::forward(y.view(), mean, rstd, {}, {}, x, {}, {}, options);
  ops::BatchNorm::backward(dx, {}, {}, dy.view(), mean, rstd, x, {}, options);
  ops::BatchNorm::forward(ys.view().transpose(0, 2), {}, {}, {}, {}, copy.view().transpose(0, 2), {}, {}, options);
  ops::BatchNorm::backward(dxs.view().transpose(0, 2), {}, {}, dy.view(), mean, rstd, copy.view().transpose(0, 2), {},
                           options);
  CHECK(relative_error(ys.view().transpose(0, 2), y.view()) < 1e-14);
  CHECK(relative_error(dxs.view().transpose(0, 2), dx.view()) < 1e-14);
}

TEST_CASE("batch_norm: one value per channel, missing statistics and wrong shapes are named") {
  Tensor<float, 2> x(1, 3), y(1, 3);
  Tensor<float, 1> v(3), wrong(2);
  CHECK(error_text<ValueError>([&] {
          ops::BatchNorm::forward(y.view(), {}, {}, {}, {}, x, {}, {}, {.training = true});
        }) == "batch_norm: training needs more than one value per channel, x is (B=1, H=3)");
  CHECK(error_text<ValueError>([&] { ops::BatchNorm::forward(y.view(), {}, {}, {}, {}, x, {}, {}, {}); }) ==
        "batch_norm: outside training it needs running_mean and running_var");
  CHECK(error_text<ShapeError>([&] { ops::BatchNorm::forward(y.view(), {}, {}, v, wrong, x, {}, {}, {}); }) ==
        "batch_norm: running_var is (H=2), expected (H=3)");
  CHECK(error_text<ValueError>([&] {
          ops::BatchNorm::forward(y.view(), {}, {}, v, v, x, {}, {}, {.momentum = 2});
        }).find("momentum") != std::string::npos);
}

TEMPLATE_TEST_CASE("scalar_layer_norm: one scale and one shift, added before the division", "", float, double) {
  using T = TestType;
  for (const index_t H : {2, 16, 67})
    for (const index_t L : {0, 1, 31, 130}) {
      const auto x = random<T>(Extents{3, H, L}, 1);
      const auto s = random<T>(Extents{1}, 2), m = random<T>(Extents{1}, 3);
      Tensor<T, 3> y(3, H, L);
      Tensor<T, 2> mean(3, L), rstd(3, L);
      Tensor<double, 3> want(3, H, L);
      ops::ScalarLayerNorm::forward(y.view(), mean, rstd, x, s, m);
      for (index_t b = 0; b < 3; ++b)
        for (index_t l = 0; l < L; ++l) {
          double mu = 0, var = 0;
          for (index_t h = 0; h < H; ++h) mu += double(x(b, h, l)) / double(H);
          for (index_t h = 0; h < H; ++h) var += std::pow(double(x(b, h, l)) - mu, 2) / double(H);
          for (index_t h = 0; h < H; ++h)
            want(b, h, l) = double(s(0)) / std::sqrt(var + 1e-12) * (double(x(b, h, l)) - mu + double(m(0)));
        }
      // Two features can be close to one another, and their difference is then divided by itself.
      CHECK(relative_error(y, want) < (H == 2 ? 100 : 2) * tolerance<T>);
    }
}

TEST_CASE("add_layer_norm: layer_norm of a sum, gradients through both results and through each alone") {
  for (const int axis : {1, 2}) {
    auto x = random<double>(Extents{2, 5, 4}), r = random<double>(Extents{2, 5, 4}, 2);
    auto w = random<double>(Extents{axis == 1 ? 5 : 4}, 3), b = random<double>(Extents{axis == 1 ? 5 : 4}, 4);
    Tape<double> tape;
    const auto both = add_layer_norm(tape.input(x), tape.input(r), tape.input(w), tape.input(b), {.axis = axis});
    const auto sum = tape.input(x) + tape.input(r);
    CHECK(relative_error(both.first.value(), sum.value()) == 0);
    CHECK(relative_error(both.second.value(), layer_norm(sum, tape.input(w), tape.input(b), {.axis = axis}).value()) ==
          0);
    for (const int use : {0, 1, 2}) {
      const auto check = grad_check(
          [&](auto&, auto vx, auto vr, auto vw, auto vb) {
            const auto [z, y] = add_layer_norm(vx, vr, vw, vb, {.axis = axis});
            return use == 0 ? y : use == 1 ? z + vx : z * y;
          },
          x, r, w, b);
      INFO(check.text());
      CHECK(check.error < 1e-6);
    }
  }
}

TEST_CASE("scalar_layer_norm: gradients against differences, equal features, wrong sizes") {
  for (const index_t L : {1, 5, 70}) {
    auto x = random<double>(Extents{2, 4, L});
    auto s = random<double>(Extents{1}, 2), m = random<double>(Extents{1}, 3);
    const auto check =
        grad_check([](auto&, auto vx, auto vs, auto vm) { return scalar_layer_norm(vx, vs, vm); }, x, s, m);
    INFO(check.text());
    CHECK(check.error < 1e-6);  // four features: some positions are steep
  }
  Tensor<float, 3> flat(1, 4, 2), y(1, 4, 2);
  Tensor<float, 2> mean(1, 2), rstd(1, 2);
  Tensor<float, 1> one(1), zero(1), two(2);
  one(0) = 1;
  ops::ScalarLayerNorm::forward(y.view(), mean, rstd, flat, one, zero);
  CHECK(y(0, 3, 1) == 0);
  CHECK(error_text<ShapeError>([&] { ops::ScalarLayerNorm::forward(y.view(), mean, rstd, flat, two, zero); }) ==
        "scalar_layer_norm: s is (2), expected (1)");
}
