#include "longwave/nn/normalization.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("Normalization: every name gives its layer, with the official parameter names") {
  const auto shapes = [](const char* name) {
    Normalization<float> norm(parse_norm(name), 3);
    return state_shapes<float>(norm);
  };
  using Names = std::vector<std::string>;
  CHECK(shapes("layer") == Names{"norm.weight 3", "norm.bias 3"});
  CHECK(shapes("transposed_layer") == Names{"norm.m 1", "norm.s 1"});
  CHECK(shapes("batch") ==
        Names{"norm.weight 3", "norm.bias 3", "norm.running_mean 3", "norm.running_var 3", "norm.num_batches_tracked"});
  CHECK(shapes("instance").empty());
  CHECK(shapes("group") == Names{"norm.weight 3", "norm.bias 3"});
  CHECK(shapes("none").empty());
  CHECK(error_text<ValueError>([] { parse_norm("layers"); }) ==
        "norm: 'layers' is unknown, expected one of layer, transposed_layer, batch, instance, group, none");
}

TEMPLATE_TEST_CASE("Normalization: stepping equals the whole sequence, in place as well", "", float, double) {
  using T = TestType;
  for (const NormKind kind : {NormKind::none, NormKind::layer, NormKind::transposed_layer, NormKind::batch}) {
    Normalization<T> norm(kind, 21);
    CHECK(norm.causal());
    std::uint64_t seed = 1;
    for (const auto& p : state<T>(norm))
      for (index_t i = 0; i < p.count; ++i) p.value[i] += random<T>(Extents<1>{1}, ++seed)(0) * T(0.1);
    const auto x = random<T>(Extents<3>{3, 21, 5}, 7);
    Tape<T> tape;
    const auto y = norm(tape, tape.input(x)).value();
    const auto stepped = run_steps<T>(x, 21, 0, [&](auto in, auto out) { norm.step(in, out); });
    const auto in_place = run_steps<T>(x, 21, 0, [&](auto in, auto out) {
      copy(out, in);
      norm.step(out, out);
    });
    INFO("kind " << int(kind));
    CHECK(relative_error(stepped.view(), y) < (sizeof(T) == 4 ? 2e-6 : 1e-14));
    CHECK(relative_error(in_place, stepped) == 0);
  }
  CHECK_FALSE(Normalization<T>(NormKind::group, 4).causal());
  CHECK_FALSE(Normalization<T>(NormKind::instance, 4).causal());
}
