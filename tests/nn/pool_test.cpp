#include "longwave/nn/pool.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("Pool: sizes and parameters of every kind") {
  Generator gen(1);
  const auto x = random<double>(Extents<3>{2, 4, 12});
  Tape<double> tape;
  const auto run = [&](PoolOptions o, Extents<3> sizes, const Names& names) {
    Pool<double> pool(o, 4, gen);
    CHECK(pool.d_output() == sizes[1]);
    CHECK(pool(tape, tape.input(x)).sizes() == sizes);
    CHECK(state_shapes<double>(pool) == names);
  };
  run({}, {2, 4, 12}, {});
  run({.kind = parse_pool("sample"), .stride = 5}, {2, 4, 3}, {});
  run({.kind = parse_pool("sample"), .stride = 3, .expand = 2}, {2, 8, 4}, {});
  run({.kind = parse_pool("avg"), .stride = 5}, {2, 4, 2}, {});
  run({.kind = parse_pool("pool"), .stride = 3, .expand = 1}, {2, 4, 4}, {"linear.weight 4 4", "linear.bias 4"});
  run({.kind = parse_pool("average"), .stride = 3, .expand = 2}, {2, 8, 4}, {"linear.weight 8 4", "linear.bias 8"});
  run({.kind = parse_pool("linear"), .stride = 3, .expand = 2}, {2, 8, 4}, {"linear.weight 8 12", "linear.bias 8"});
  run({.kind = parse_pool("linear"), .stride = 2}, {2, 4, 6}, {"linear.weight 4 8", "linear.bias 4"});
  run({.kind = parse_pool("spectral"), .stride = 3, .expand = 2}, {2, 8, 4}, {});
}

TEST_CASE("UpPool: sizes and parameters of every kind") {
  Generator gen(1);
  const auto x = random<double>(Extents<3>{2, 4, 3});
  Tape<double> tape;
  const auto run = [&](PoolOptions o, Extents<3> sizes, const Names& names) {
    UpPool<double> pool(o, 4, gen);
    CHECK(pool.d_output() == sizes[1]);
    CHECK(pool(tape, tape.input(x)).sizes() == sizes);
    CHECK(state_shapes<double>(pool) == names);
  };
  run({}, {2, 4, 3}, {});
  run({.kind = PoolKind::sample, .stride = 2, .expand = 2}, {2, 2, 6}, {});
  run({.kind = PoolKind::average, .stride = 2, .expand = 2}, {2, 2, 6}, {"linear.weight 2 4", "linear.bias 2"});
  run({.kind = PoolKind::linear, .stride = 2, .expand = 4}, {2, 1, 6}, {"linear.weight 2 4", "linear.bias 2"});
}

TEST_CASE("Pool: the linear pool sees features first, then positions; up-sampling undoes the order") {
  Generator gen(1);
  Pool<double> down({.kind = PoolKind::linear, .stride = 2, .expand = 2}, 2, gen);
  UpPool<double> up({.kind = PoolKind::linear, .stride = 2, .expand = 2}, 4, gen);
  for (auto* linear : {&*down.linear, &*up.linear}) {
    linear->weight.value.zero();
    linear->bias.value.zero();
    for (index_t i = 0; i < 4; ++i) linear->weight.value(i, i) = 1;
  }
  const auto x = random<double>(Extents<3>{1, 2, 6});
  Tape<double> tape;
  const auto packed = down(tape, tape.input(x));
  for (index_t m = 0; m < 3; ++m)
    for (index_t i = 0; i < 4; ++i) CHECK(packed.value()(0, i, m) == x(0, i / 2, 2 * m + i % 2));
  CHECK(relative_error(up(tape, packed).value(), x.view()) == 0);

  up.options.causal = true;  // one group later
  const auto late = up(tape, packed).value();
  for (index_t l = 0; l < 6; ++l) CHECK(late(0, 1, l) == (l < 2 ? 0 : x(0, 1, l - 2)));
}

TEST_CASE("UpPool: averages of features, each position repeated") {
  Generator gen(1);
  UpPool<double> pool({.kind = PoolKind::sample, .stride = 3, .expand = 2}, 4, gen);
  const auto x = random<double>(Extents<3>{1, 4, 2});
  Tape<double> tape;
  const auto y = pool(tape, tape.input(x)).value();
  for (index_t h = 0; h < 2; ++h)
    for (index_t l = 0; l < 6; ++l)
      CHECK(y(0, h, l) == Approx((x(0, 2 * h, l / 3) + x(0, 2 * h + 1, l / 3)) / 2).epsilon(1e-14));
}

TEST_CASE("Pool, UpPool: gradients agree with differences") {
  Generator gen(1);
  auto x = random<double>(Extents<3>{2, 4, 6});
  const auto check = [&](auto& pool) {
    const auto inputs = grad_check([&](auto& tape, auto v) { return pool(tape, v); }, x);
    INFO(inputs.text());
    CHECK(inputs.error < 1e-8);
    if (count_parameters(pool) > 0)
      CHECK(parameter_error(pool, [&](auto& tape) { return pool(tape, tape.input(x)); }) < 1e-8);
  };
  for (const PoolKind kind : {PoolKind::sample, PoolKind::average, PoolKind::linear, PoolKind::spectral}) {
    Pool<double> down({.kind = kind, .stride = 2, .expand = 2}, 4, gen);
    check(down);
    if (kind == PoolKind::spectral) continue;
    UpPool<double> up({.kind = kind, .stride = 2, .expand = 2, .causal = kind != PoolKind::sample}, 4, gen);
    check(up);
  }
}

TEST_CASE("Pool: stepping one that keeps the rate equals the whole sequence") {
  Generator gen(1);
  const auto x = random<double>(Extents<3>{2, 4, 6});
  for (const PoolKind kind : {PoolKind::sample, PoolKind::average, PoolKind::linear, PoolKind::spectral})
    for (const index_t expand : {0, 1, 3}) {
      Pool<double> pool({.kind = kind, .expand = expand}, 4, gen);
      REQUIRE(pool.keeps_rate());
      Tape<double> tape;
      const auto y = pool(tape, tape.input(x)).value();
      const auto stepped = run_steps<double>(x, pool.d_output(), 0, [&](auto in, auto out) { pool.step(in, out); });
      INFO(int(kind) << " expand " << expand);
      CHECK(relative_error(stepped.view(), y) < 1e-14);
    }
  CHECK_FALSE(Pool<double>({.kind = PoolKind::sample, .stride = 2}, 4, gen).keeps_rate());
}

TEST_CASE("Pool, UpPool: what does not fit is named") {
  Generator gen(1);
  Tape<float> tape;
  CHECK(error_text<ValueError>([] { parse_pool("max"); }) ==
        "pool: 'max' is unknown, expected one of sample, pool, avg, average, linear, spectral, none");
  CHECK(error_text<ValueError>([&] { Pool<float>({.kind = PoolKind::sample, .stride = 0}, 4, gen); }) ==
        "Pool: stride is 0, expected at least 1");
  CHECK(error_text<ValueError>([&] { UpPool<float>({.kind = PoolKind::linear, .expand = 3}, 4, gen); }) ==
        "UpPool: expand is 3, expected a divisor of d_input = 4");
  CHECK(error_text<ValueError>([&] { UpPool<float>({.kind = PoolKind::spectral}, 4, gen); }) ==
        "UpPool: there is no spectral up-sampling, expected one of sample, average, linear, none");
  Pool<float> pool({.kind = PoolKind::linear, .stride = 4}, 3, gen);
  CHECK(error_text<ShapeError>([&] {
          pool(tape, tape.input(random<float>(Extents<3>{1, 3, 6})));
        }) == "Pool: x is (B=1, H=3, L=6), L must be a multiple of stride=4");
}
