#include "longwave/nn/retrieval_decoder.hpp"

#include "modules.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

// y = W x + b, in place of x.
void affine(std::vector<double>& x, const Linear<double>& layer) {
  std::vector<double> y;
  for (index_t o = 0; o < layer.options.out; ++o) {
    y.push_back(layer.bias.value(o));
    for (index_t i = 0; i < layer.options.in; ++i) y.back() += layer.weight.value(o, i) * x[std::size_t(i)];
  }
  x = y;
}

void activate(std::vector<double>& x, bool gelu) {
  for (double& v : x) v = gelu ? v * (0.5 + 0.5 * std::erf(v / std::sqrt(2.0))) : std::max(v, 0.0);
}

}  // namespace

TEST_CASE("RetrievalDecoder: features of a pair, then the head") {
  const auto x = random<double>(Extents<3>{6, 4, 5});
  for (const bool nli : {false, true})
    for (const char* activation : {"gelu", "relu"}) {
      Generator gen(1);
      RetrievalDecoder<double> decoder({.d_model = 4,
                                        .d_output = 3,
                                        .d_hidden = 6,
                                        .nli = nli,
                                        .activation = parse_activation(activation),
                                        .mode = DecodeMode::last},
                                       gen);
      Tape<double> tape;
      const auto y = decoder(tape, tape.input(x)).value();
      REQUIRE(y.sizes() == Extents<2>{3, 3});
      for (index_t i = 0; i < 3; ++i) {
        std::vector<double> f;
        for (index_t h = 0; h < 4; ++h) f.push_back(x(i, h, 4));
        for (index_t h = 0; h < 4; ++h) f.push_back(x(3 + i, h, 4));
        for (index_t h = 0; h < 4 && nli; ++h) f.push_back(x(i, h, 4) - x(3 + i, h, 4));
        for (index_t h = 0; h < 4 && nli; ++h) f.push_back(x(i, h, 4) * x(3 + i, h, 4));
        const bool gelu = activation[0] == 'g';
        affine(f, decoder.first);
        activate(f, gelu);
        affine(f, decoder.second);
        if (!nli) {
          activate(f, gelu);
          affine(f, *decoder.third);
        }
        for (index_t o = 0; o < 3; ++o) CHECK(y(i, o) == Approx(f[std::size_t(o)]).epsilon(1e-12));
      }
    }
}

TEST_CASE("RetrievalDecoder: official names, gradients, lengths") {
  Generator gen(1);
  auto x = random<double>(Extents<3>{4, 4, 5});
  Tensor<index_t, 1> lengths(4);
  for (index_t b = 0; b < 4; ++b) lengths(b) = b + 2;
  RetrievalDecoder<double> nli({.d_model = 4, .use_lengths = true}, gen);
  CHECK(state_shapes<double>(nli) ==
        std::vector<std::string>{"retrieval.classifier.0.weight 4 16", "retrieval.classifier.0.bias 4",
                                 "retrieval.classifier.2.weight 2 4", "retrieval.classifier.2.bias 2"});
  RetrievalDecoder<double> plain({.d_model = 4, .nli = false}, gen);
  CHECK(state_shapes<double>(plain) ==
        std::vector<std::string>{"retrieval.classifier.0.weight 4 8", "retrieval.classifier.0.bias 4",
                                 "retrieval.classifier.2.weight 2 4", "retrieval.classifier.2.bias 2",
                                 "retrieval.classifier.4.weight 2 2", "retrieval.classifier.4.bias 2"});
  const auto check = grad_check([&](auto& tape, auto v) { return nli(tape, v, lengths); }, x);
  INFO(check.text());
  CHECK(check.error < 1e-7);
  CHECK(parameter_error(nli, [&](auto& tape) { return nli(tape, tape.input(x), lengths); }) < 1e-7);
  CHECK(parameter_error(plain, [&](auto& tape) { return plain(tape, tape.input(x)); }) < 1e-7);

  Tape<double> tape;  // padding has no part
  const auto y = nli(tape, tape.input(x), lengths).value();
  auto padded = x.clone();
  padded(0, 1, 2) = 100;
  CHECK(relative_error(nli(tape, tape.input(padded), lengths).value(), y) == 0);
}

TEST_CASE("RetrievalDecoder: an odd batch and widths that do not fit are errors") {
  Generator gen(1);
  RetrievalDecoder<float> decoder({.d_model = 4}, gen);
  Tape<float> tape;
  CHECK(error_text<ShapeError>([&] {
          decoder(tape, tape.input(random<float>(Extents<3>{3, 4, 5})));
        }) == "RetrievalDecoder: x is (B=3, H=4, L=5), expected an even B: rows i and B/2 + i are a pair");
  CHECK(error_text<ValueError>([&] { RetrievalDecoder<float>({.d_model = 4, .activation = Activation::glu}, gen); }) ==
        "RetrievalDecoder: glu would change the hidden width");
  CHECK(error_text<ValueError>([&] { RetrievalDecoder<float>({.d_model = 1, .nli = false}, gen); }) ==
        "RetrievalDecoder: d_hidden without nli is 1, expected at least 2");
}
