#include "longwave/nn/dss.hpp"

#include <map>

#include "check.hpp"

using namespace longwave;
using namespace longwave::test;

static_assert(kernel_module<DssKernel<float>>);
static_assert(kernel_module<DssKernel<double>>);

namespace {

constexpr DssVersion all_versions[] = {DssVersion::softmax,      DssVersion::exp,  DssVersion::exp_re_im,
                                       DssVersion::exp_no_scale, DssVersion::clip, DssVersion::clip_no_scale};

template <class T = double>
DssKernel<T> make(const DssKernelOptions& options,
                  const KernelShape& shape = {.channels = 2, .d_model = 5, .d_state = 4}) {
  Generator gen(3);
  return DssKernel<T>(shape, options, gen);
}

std::map<std::string, std::vector<index_t>> shapes(const DssKernelOptions& options) {
  auto kernel = make(options);
  std::map<std::string, std::vector<index_t>> found;
  for (const auto& p : parameters<double>(kernel)) found[p.name] = p.shape;
  return found;
}

}  // namespace

TEST_CASE("DssKernel: names and shapes are those of the official state dict") {
  using Shapes = std::map<std::string, std::vector<index_t>>;
  const std::vector<index_t> W{2, 5, 4, 2};
  for (const DssVersion version : {DssVersion::softmax, DssVersion::clip, DssVersion::clip_no_scale})
    CHECK(shapes({.version = version}) == Shapes{{"log_dt", {5, 2}}, {"Lambda", {4, 2}}, {"W", W}});
  for (const DssVersion version : {DssVersion::exp, DssVersion::exp_no_scale})
    CHECK(shapes({.version = version}) ==
          Shapes{{"log_dt", {5, 2}}, {"Lambda_log_neg_re", {4}}, {"Lambda_im", {4}}, {"W", W}});
  CHECK(shapes({.version = DssVersion::exp_re_im, .sep_dt_re_im = false}) ==
        Shapes{{"log_dt", {5}}, {"Lambda_log_neg_re", {4}}, {"Lambda_log_im", {4}}, {"W", W}});
}

TEST_CASE("DssKernel: every version starts at the same Lambda and with equal steps") {
  const double want[] = {19.85741037, 5.35420852, 1.95779415, 0.42748871};
  for (const DssVersion version : all_versions) {
    const auto kernel = make({.version = version});
    INFO(to_string(version));
    for (index_t n = 0; n < 4; ++n) {
      double re = 0, im = 0;
      if (kernel.form().logarithmic()) {
        re = -std::exp(kernel.Lambda_log_neg_re.value(n));
        im = version == DssVersion::exp_re_im ? std::exp(kernel.Lambda_log_im.value(n)) : kernel.Lambda_im.value(n);
      } else {
        re = kernel.Lambda.value(n, 0);
        im = kernel.Lambda.value(n, 1);
      }
      CHECK(std::abs(re + 0.5) < 1e-12);
      CHECK(std::abs(im - want[n]) < 1e-8);
    }
    for (index_t h = 0; h < 5; ++h) {
      CHECK(kernel.log_dt.value(h, 0) == kernel.log_dt.value(h, 1));
      CHECK(kernel.log_dt.value(h, 0) >= std::log(1e-3));
      CHECK(kernel.log_dt.value(h, 0) <= std::log(1e-1));
    }
    CHECK(kernel.log_dt.value(0, 0) != kernel.log_dt.value(1, 0));
  }
}

TEST_CASE("DssKernel: randn gives complex normal modes of either sign, W is standard normal in both parts") {
  const auto kernel = make({.Lambda_init = "randn"}, {.channels = 1, .d_model = 64, .d_state = 256});
  double sums[2] = {}, W = 0;
  index_t positive = 0;
  for (index_t n = 0; n < 256; ++n) {
    positive += kernel.Lambda.value(n, 0) > 0;
    for (const int k : {0, 1}) sums[k] += kernel.Lambda.value(n, k) * kernel.Lambda.value(n, k) / 256;
  }
  for (index_t i = 0; i < kernel.W.value.count(); ++i) W += kernel.W.value.data()[i] * kernel.W.value.data()[i];
  CHECK(positive > 96);  // 4 standard deviations are 32
  CHECK(positive < 160);
  for (const double sum : sums) CHECK(std::abs(sum - 0.5) < 0.18);  // 4 standard deviations of a mean of 256 squares
  CHECK(std::abs(W / static_cast<double>(kernel.W.value.count()) - 1) < 0.04);
}

TEST_CASE("DssKernel: learning rates, and no decay") {
  const DssKernelOptions options{.lr_log_dt = 0.02, .lr_Lambda = 0.003};
  auto kernel = make(options);
  std::map<std::string, double> rates;
  for (const auto& p : parameters<double>(kernel)) {
    rates[p.name] = p.group.lr;
    CHECK(p.group.weight_decay == 0);
  }
  CHECK(rates == std::map<std::string, double>{{"log_dt", 0.02}, {"Lambda", 0.003}, {"W", 1e-3}});
  auto other = make(options, {.d_model = 2, .d_state = 3, .lr = 0.5});
  for (const auto& p : parameters<double>(other)) CHECK(p.group.lr == 0.5);
}

TEST_CASE("DssKernel: on a tape it is the kernel of its parameters, and gradients reach all of them") {
  for (const DssVersion version : all_versions)
    for (const bool sep_dt : {true, false}) {
      auto kernel = make({.version = version, .sep_dt_re_im = sep_dt});
      Tape<double> tape;
      const DssVars<double> vars = kernel.on(tape);
      CHECK(vars.sizes().C == 2);
      CHECK(vars.sizes().H == 5);
      CHECK(vars.sizes().N == 4);
      const auto K = ssm_kernel(tape, vars, 9);
      tape.backward(K, K.value());
      for (const auto& p : parameters<double>(kernel)) {
        INFO(to_string(version) << " " << p.name);
        double sum = 0;
        for (index_t i = 0; i < p.count; ++i) sum += std::abs(p.grad[i]);
        CHECK(sum > 0);
        CHECK(std::isfinite(sum));
      }
    }
}

TEST_CASE("DssKernel: one shared step is the same as two equal ones") {
  auto two = make({}), one = make({.sep_dt_re_im = false});
  Tape<double> tape;
  const auto a = ssm_kernel(tape, two.on(tape), 30), b = ssm_kernel(tape, one.on(tape), 30);
  CHECK(relative_error(b.value(), a.value()) == 0);
}

TEST_CASE("DssKernel: options reach the kernel") {
  auto kernel = make({.version = DssVersion::clip, .epsilon = 0.5, .max_real_Lambda = -1});
  Tape<double> tape;
  const DssForm form = kernel.on(tape).form;
  CHECK(form.version == DssVersion::clip);
  CHECK(form.epsilon == 0.5);
  CHECK(form.max_real_Lambda == -1);
  auto fixed = make({.softmax_length = 40});
  CHECK(fixed.on(tape).form.softmax_length == 40);
}

TEST_CASE("DSS: the layer steps as it convolves, in every version") {
  const index_t B = 2, H = 3, L = 12;
  for (const DssVersion version : all_versions) {
    Generator gen(5);
    DSS<double> layer({.d_model = H, .d_state = 4, .kernel = {.version = version}}, gen);
    const auto u = random<double>(Extents<3>{B, H, L}, 6);
    Tape<double> tape;
    const auto y = layer(tape, tape.input(u));
    auto state = layer.make_state(B, {.length = L});
    Tensor<double, 2> in(B, H), out(B, H);
    double error = 0;
    for (index_t l = 0; l < L; ++l) {
      for (index_t b = 0; b < B; ++b)
        for (index_t h = 0; h < H; ++h) in(b, h) = u(b, h, l);
      layer.step(in.view(), state, out.view());
      for (index_t b = 0; b < B; ++b)
        for (index_t h = 0; h < H; ++h) error = std::max(error, std::abs(out(b, h) - y.value()(b, h, l)));
    }
    INFO(to_string(version));
    CHECK(error < 1e-11);  // L rounded steps against one transform
  }
}

TEST_CASE("DSS: the layer has as many parameters as the paper's, and names the length it must know to stream") {
  const index_t H = 6, N = 4;
  Generator gen(5);
  DSS<double> layer({.d_model = H, .d_state = N}, gen);
  CHECK(count_parameters(layer) == 2 * H * N + 2 * N + 2 * H + H + H * H + H);
  CHECK(error_text<ValueError>([&] { layer.make_state(1); }) ==
        "make_step_tables: this kernel depends on its length, name the length that it was trained for");
  DSS<double> fixed({.d_model = H, .d_state = N, .kernel = {.softmax_length = 20}}, gen);
  CHECK(error_text<ValueError>([&] { fixed.make_state(1); }).empty());
}

TEST_CASE("DssKernel: what cannot be is one clear error") {
  CHECK(error_text<ValueError>([] { make({.Lambda_init = "lin"}); }) ==
        "dss_lambda_init: unknown init 'lin', expected hippo_skew_pos_imag or randn");
  CHECK(error_text<ValueError>([] { make({.version = DssVersion::exp_re_im, .Lambda_init = "randn"}); }) ==
        "DssKernel: version exp-re-im needs Re Lambda < 0, Lambda_init randn draws either sign; use "
        "hippo_skew_pos_imag, or version softmax or clip");
  CHECK(error_text<ValueError>([] { make({.epsilon = 0}); }) == "DssKernel: epsilon is 0.000000, expected more than 0");
  CHECK(error_text<ValueError>([] { make({.softmax_length = -1}); }) ==
        "DssKernel: softmax_length is -1, expected at least 0");
  CHECK(error_text<ValueError>([] { make({}, {.d_state = 0}); }) == "DssKernel: d_state is 0, expected at least 1");
  CHECK(error_text<ValueError>([] { make({}, {.dt_min = 0.2}); }) ==
        "DssKernel: dt_min is 0.200000 and dt_max 0.100000, expected 0 < dt_min <= dt_max");
  CHECK(make({}, {.d_state = 3}).Lambda.value.size(0) == 3);  // no pairs: odd numbers are fine
}
