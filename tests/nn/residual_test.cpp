#include "longwave/nn/residual.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

struct Case {
  const char* what;
  ResidualOptions options;
};

const Case cases[] = {
    {"R", {}},
    {"R weighted", {.alpha = 0.7, .beta = -0.4}},
    {"R without input", {.alpha = 0, .beta = 0.5}},
    {"F", {.kind = ResidualKind::feedforward}},
    {"A", {.kind = ResidualKind::affine, .beta = 2, .gamma = 0.5}},
    {"A per feature", {.kind = ResidualKind::affine, .alpha = 0.5, .scalar = false}},
    {"A without input", {.kind = ResidualKind::affine, .alpha = 0}},
    {"D", {.kind = ResidualKind::decay}},
    {"D linear", {.kind = ResidualKind::decay, .power = 1, .l2 = false}},
    {"H", {.kind = ResidualKind::highway}},
    {"H elemwise", {.kind = ResidualKind::highway, .scaling_correction = true, .elemwise = true}},
};

double sigma(double x) { return 1 / (1 + std::exp(-x)); }

// The formulas of the header, one number at a time, for block number 3.
double expected(Residual<double>& r, const Tensor<double, 3>& x, const Tensor<double, 3>& y, index_t b, index_t h,
                index_t l) {
  const ResidualOptions& o = r.options;
  switch (o.kind) {
    case ResidualKind::residual:
      return o.alpha * x(b, h, l) + o.beta * y(b, h, l);
    case ResidualKind::feedforward:
      return y(b, h, l);
    case ResidualKind::affine:
      return o.alpha * x(b, h, l) + r.affine.value(o.scalar ? 0 : h) * y(b, h, l);
    case ResidualKind::decay: {
      const double beta = std::pow(3.0, -o.power);
      return (o.l2 ? std::sqrt(1 - beta * beta) : 1 - beta) * x(b, h, l) + beta * y(b, h, l);
    }
    case ResidualKind::highway:
      break;
  }
  double v = o.elemwise ? r.Wy_elemwise.value(h) * y(b, h, l) : r.Wy->bias.value(h), u = r.Wx->bias.value(h);
  for (index_t i = 0; i < x.size(1); ++i) {
    if (!o.elemwise) v += r.Wy->weight.value(h, i) * y(b, i, l);
    u += r.Wx->weight.value(h, i) * x(b, i, l);
  }
  const double gate = sigma(u + v);
  return (o.scaling_correction ? 1.732 : 1) * (1 - gate) * x(b, h, l) + gate * v;
}

}  // namespace

TEST_CASE("Residual: every kind is its formula, sample by sample as well, and its gradients agree with differences") {
  for (const Case& c : cases) {
    Generator gen(1);
    Residual<double> residual(c.options, 3, 4, 4, gen);
    auto x = random<double>(Extents<3>{2, 4, 3}), y = random<double>(Extents<3>{2, 4, 3}, 2);
    Tape<double> tape;
    const auto z = residual(tape, tape.input(x), tape.input(y)).value();
    INFO(c.what);
    for (index_t b = 0; b < 2; ++b)
      for (index_t h = 0; h < 4; ++h)
        for (index_t l = 0; l < 3; ++l) CHECK(z(b, h, l) == Approx(expected(residual, x, y, b, h, l)).epsilon(1e-12));

    const auto check = grad_check([&](auto& t, auto a, auto b) { return residual(t, a, b); }, x, y);
    INFO(check.text());
    CHECK(check.error < 1e-7);
    if (count_parameters(residual) > 0)
      CHECK(parameter_error(residual, [&](auto& t) { return residual(t, t.input(x), t.input(y)); }) < 1e-7);

    Tensor<double, 2> xs(2, 4), ys(2, 4), zs(2, 4);
    for (index_t b = 0; b < 2; ++b)
      for (index_t h = 0; h < 4; ++h) {
        xs(b, h) = x(b, h, 1);
        ys(b, h) = y(b, h, 1);
      }
    residual.step(xs, ys, zs.view());
    for (index_t b = 0; b < 2; ++b)
      for (index_t h = 0; h < 4; ++h) CHECK(zs(b, h) == Approx(z(b, h, 1)).epsilon(1e-13));
    if (c.options.kind == ResidualKind::highway) continue;
    residual.step(xs, ys, ys.view());
    CHECK(relative_error(ys, zs) == 0);
  }
}

TEST_CASE("Residual: parameters, start values and names") {
  Generator gen(1);
  using Names = std::vector<std::string>;
  const auto shapes = [&](ResidualOptions o) {
    Residual<float> residual(o, 2, 3, 3, gen);
    return state_shapes<float>(residual);
  };
  CHECK(shapes({}).empty());
  CHECK(shapes({.kind = parse_residual("affine")}) == Names{"affine 1"});
  CHECK(shapes({.kind = parse_residual("A"), .scalar = false}) == Names{"affine 3"});
  CHECK(shapes({.kind = parse_residual("H")}) == Names{"Wx.weight 3 3", "Wx.bias 3", "Wy.weight 3 3", "Wy.bias 3"});
  CHECK(shapes({.kind = parse_residual("H"), .elemwise = true}) == Names{"Wy 3", "Wx.weight 3 3", "Wx.bias 3"});
  Residual<double> affine({.kind = ResidualKind::affine, .beta = 2, .gamma = 0.5}, 4, 3, 3, gen);
  CHECK(affine.affine.value(0) == 1);
  Residual<double> first({.kind = ResidualKind::decay}, 1, 3, 3, gen);  // the first block keeps only its layer
  CHECK(first.weights.a == 0);
  CHECK(first.weights.b == 1);
  CHECK(parse_residual("none") == ResidualKind::feedforward);
}

TEST_CASE("Residual: unknown names and widths that cannot be joined are named") {
  Generator gen(1);
  CHECK(error_text<ValueError>([] { parse_residual("X"); }) ==
        "residual: 'X' is unknown, expected one of R, F, N, A, D, H, residual, none, ff, feedforward, affine, decay, "
        "highway");
  CHECK(error_text<ValueError>([&] { Residual<float>({}, 1, 3, 4, gen); }) ==
        "Residual: R joins an input of width 3 and a layer of width 4; only F, or alpha = 0, may change the width");
  CHECK_NOTHROW(Residual<float>({.kind = ResidualKind::feedforward}, 1, 3, 4, gen));
  CHECK_NOTHROW(Residual<float>({.alpha = 0}, 1, 3, 4, gen));
  CHECK(error_text<ValueError>([&] { Residual<float>({}, 0, 3, 3, gen); }) ==
        "Residual: i_layer is 0, expected at least 1");
}
