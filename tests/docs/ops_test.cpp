// The snippets of docs/course/11_ops.md: one property of each op.
#include "check.hpp"
#include "longwave/autograd/functions.hpp"
#include "longwave/state_space/recurrence.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("ops: elementwise: a gradient is summed where its operand was repeated") {
  // [snippet: op_elementwise]
  const auto x = random<double>(Extents<3>{2, 3, 10}), gain = random<double>(Extents<3>{1, 3, 1}, 2);
  Tape<double> tape;
  const auto g = tape.variable(gain.view());
  tape.backward(sum(tape.input(x) * g));  // one gain per channel
  double want = 0;
  for (index_t b = 0; b < 2; ++b)
    for (index_t l = 0; l < 10; ++l) want += x(b, 1, l);
  CHECK(g.grad()(0, 1, 0) == Approx(want));
  // [/snippet]
}

TEST_CASE("ops: activation: silu is x times sigmoid") {
  // [snippet: op_activation]
  const auto x = random<double>(Extents<2>{4, 9});
  Tape<double> tape;
  const auto v = tape.input(x);
  CHECK(relative_error(silu(v).value(), (v * sigmoid(v)).value()) < 1e-15);
  CHECK(glu(v, 0).value()(1, 5) == Approx(x(1, 5) * sigmoid(v).value()(3, 5)));  // (4, 9) -> (2, 9)
  // [/snippet]
}

TEST_CASE("ops: cast: bfloat16 is rounded once and exact on its way back, its gradient is bfloat16 too") {
  // [snippet: op_cast]
  const auto x = random<float>(Extents<2>{4, 9});
  Tape<float> tape;  // of floats; values of bfloat16 lie on it, too
  const auto v = tape.variable(x.view());
  const Var<bfloat16, 2> narrow = cast<bfloat16>(v);
  const Var<float, 2> y = cast<float>(gelu(narrow));  // gelu is computed in float and rounded
  tape.backward(y, x.view());
  CHECK(narrow.value()(1, 5) == bfloat16(x(1, 5)));
  CHECK(std::abs(narrow.value()(1, 5) - x(1, 5)) <= 0x1p-8f * std::abs(x(1, 5)));
  CHECK(v.grad()(1, 5) == narrow.grad()(1, 5));
  // [/snippet]
}

TEST_CASE("ops: reduce: softmax does not see a shift, log_softmax is its logarithm") {
  // [snippet: op_reduce]
  const auto x = random<double>(Extents<2>{4, 9});
  Tape<double> tape;
  const auto v = tape.input(x);
  const auto p = softmax(v, 1);
  CHECK(relative_error(softmax(v + 1000, 1).value(), p.value()) < 1e-12);
  CHECK(relative_error(log(p).value(), log_softmax(v, 1).value()) < 1e-13);
  CHECK(sum(p).value()() == Approx(4));  // each of the four rows sums to 1
  // [/snippet]
}

TEST_CASE("ops: mask_lengths: the padding has no influence") {
  // [snippet: op_mask_lengths]
  auto x = random<double>(Extents<3>{2, 3, 8});
  Tensor<index_t, 1> lengths(2);
  lengths(0) = 8;
  lengths(1) = 2;
  x(1, 0, 2) = NAN;  // beyond the end of sequence 1
  Tape<double> tape;
  const auto y = mask_lengths(tape.input(x), lengths.view()).value();
  CHECK((y(0, 0, 7) == x(0, 0, 7) && y(1, 0, 1) == x(1, 0, 1) && y(1, 0, 2) == 0));
  // [/snippet]
}

TEST_CASE("ops: matmul: (A B)^T = B^T A^T, through views") {
  // [snippet: op_matmul]
  const auto A = random<double>(Extents<2>{5, 7}, 1), B = random<double>(Extents<2>{7, 3}, 2);
  Tensor<double, 2> AB(5, 3), BtAt(3, 5);
  ops::Matmul::forward(AB.view(), A, B);
  ops::Matmul::forward(BtAt.view(), B.view().transpose(0, 1), A.view().transpose(0, 1));
  CHECK(relative_error(BtAt.view().transpose(0, 1), AB.view()) < 1e-15);
  // [/snippet]
}

TEST_CASE("ops: matmul: a linear layer with its activation") {
  // [snippet: op_linear_relu]
  const auto x = random<double>(Extents<2>{6, 5}, 1), W = random<double>(Extents<2>{3, 5}, 2);
  Tape<double> tape;
  const auto v = tape.variable(W.view());
  const auto y = linear_relu(tape.input(x), v);  // relu(linear(x, W)), of rank as x: (6, 3)
  tape.backward(sum(y));
  double want = 0;  // dW_oi: x_i of the rows that were not cut
  for (index_t r = 0; r < 6; ++r) want += y.value()(r, 1) > 0 ? x(r, 4) : 0;
  CHECK(v.grad()(1, 4) == Approx(want));
  // [/snippet]
}

TEST_CASE("ops: norm: neither shift nor scale of the features is seen") {
  // [snippet: op_norm]
  const auto x = random<double>(Extents<3>{2, 16, 5});  // (B, H, L): normalised over H at every step
  Tape<double> tape;
  const auto v = tape.input(x);
  const auto y = layer_norm(v, {}, {}, {.axis = 1, .eps = 1e-12});
  CHECK(relative_error(layer_norm(v * 3 + 7, {}, {}, {.axis = 1, .eps = 1e-12}).value(), y.value()) < 1e-11);
  CHECK(std::abs(sum(y).value()()) < 1e-12);
  // [/snippet]
}

TEST_CASE("ops: weight_norm: rows have the length that is given, and their gradient is orthogonal to them") {
  // [snippet: op_weight_norm]
  const auto v = random<double>(Extents<2>{4, 9}), loss = random<double>(Extents<2>{4, 9}, 2);
  const auto g = random<double>(Extents<1>{4}, 3);
  Tape<double> tape;
  const auto direction = tape.variable(v.view());
  const auto W = weight_norm(direction, tape.input(g));
  CHECK(sum(square(W), 1).value()(2) == Approx(g(2) * g(2)));
  tape.backward(sum(W * tape.input(loss)));
  CHECK(std::abs(sum(tape.input(direction.grad()) * direction, 1).value()(2)) < 1e-14);
  // [/snippet]
}

TEST_CASE("ops: conv1d: one tap is a linear layer at every position") {
  // [snippet: op_conv1d]
  const auto x = random<double>(Extents<3>{2, 4, 9}), W = random<double>(Extents<3>{3, 4, 1}, 2);
  Tape<double> tape;
  const auto y = conv1d(tape.input(x), tape.input(W), {});
  const auto W2 = tape.input(W.view().reshape(Extents{3, 4}));
  const auto rows = linear(tape.input(x.view()[1].transpose(0, 1)), W2);  // (L, 4) -> (L, 3)
  CHECK(relative_error(rows.value().transpose(0, 1), y.value()[1]) < 1e-14);
  // [/snippet]
}

TEST_CASE("ops: dropout: what is dropped is a function of the key") {
  // [snippet: op_dropout]
  const auto x = random<float>(Extents<3>{2, 3, 100});
  Tensor<float, 3> y(x.sizes()), again(x.sizes());
  const PhiloxKey key = Generator(7).next();
  ops::Dropout::forward(y.view(), x, key, 0.3);
  ops::Dropout::forward(again.view(), x, key, 0.3);  // no mask was stored: backward draws it again in the same way
  CHECK(relative_error(again, y) == 0);
  // [/snippet]
}

TEST_CASE("ops: embedding: a row of the table, and its gradient counts its uses") {
  // [snippet: op_embedding]
  const auto table = random<double>(Extents<2>{5, 3});
  Tensor<std::int32_t, 1> index(4);
  index(1) = index(2) = 4;
  Tape<double> tape;
  const auto t = tape.variable(table.view());
  const auto y = embedding(t, index.view());  // (4, 3)
  tape.backward(sum(y));
  CHECK(y.value()(2, 0) == table(4, 0));
  CHECK((t.grad()(4, 0) == 2 && t.grad()(0, 0) == 2 && t.grad()(3, 0) == 0));
  // [/snippet]
}

TEST_CASE("ops: fft: the transform keeps the energy, of a row of any length") {
  // [snippet: op_fft]
  const index_t n = 997;
  const auto x = random<double>(Extents<2>{1, n});
  Tape<double> tape;
  const auto X = rfft(tape.input(x), n).value();  // (1, 499, 2): Re, Im
  double energy = 0;
  for (index_t k = 0; k <= n / 2; ++k)  // the bins that are not stored are conjugates of these
    energy += (k == 0 ? 1 : 2) * (X(0, k, 0) * X(0, k, 0) + X(0, k, 1) * X(0, k, 1)) / n;
  CHECK(energy == Approx(sum(square(tape.input(x))).value()()).epsilon(1e-12));
  // [/snippet]
}

TEST_CASE("ops: fft_conv: a kernel of one late 1 is a delay") {
  // [snippet: op_fft_conv]
  const auto u = random<double>(Extents<3>{2, 3, 200});
  Tensor<double, 2> K(3, 200);
  for (index_t h = 0; h < 3; ++h) K(h, 17) = 1;
  Tensor<double, 3> y(2, 3, 200);
  ops::FftConv::forward(y.view(), u, K);
  CHECK(relative_error(y.view().slice(2, 17, 200), u.view().slice(2, 0, 183)) < 1e-13);
  // [/snippet]
}

TEST_CASE("ops: vandermonde: one real mode is a geometric series") {
  // [snippet: op_vandermonde]
  Tensor<complex<double>, 2> x(1, 1), v(1, 1);
  x(0, 0) = std::log(0.9);
  v(0, 0) = 0.5;
  Tensor<float, 2> K(1, 100);
  ops::Vandermonde::forward(K.view(), x, v);  // 2 Re v e^(x l) = 0.9^l
  for (index_t l = 0; l < 100; ++l) CHECK(K(0, l) == Approx(std::pow(0.9, static_cast<double>(l))).epsilon(5e-7));
  // [/snippet]
}

TEST_CASE("ops: diag_scan, chunk_scan: one op, two orders of work") {
  // [snippet: op_scans]
  Tensor<complex<double>, 2> x(3, 2), c(3, 2);
  for (index_t i = 0; i < 6; ++i) {
    x.data()[i] = {-0.1, static_cast<double>(i)};
    c.data()[i] = {1, -1};
  }
  const auto u = random<double>(Extents<3>{2, 3, 150});
  Tensor<double, 3> steps(u.sizes()), chunks(u.sizes());
  const DiagonalInputs<double> in{u, x, c, /*D=*/{}, /*state_in=*/{}};
  ops::DiagScan::forward(DiagonalOutputs<double>{steps, {}}, in);
  ops::ChunkScan::forward(DiagonalOutputs<double>{chunks, {}}, in);
  CHECK(relative_error(chunks, steps) < 1e-12);
  // [/snippet]
}

TEST_CASE("ops: loss: what the mask leaves out has no part, whatever is there") {
  // [snippet: op_loss]
  auto x = random<double>(Extents<2>{4, 9}), t = random<double>(Extents<2>{4, 9}, 2);
  Tensor<double, 2> mask(4, 9);
  for (index_t l = 0; l < 9; ++l) mask(1, l) = 1;
  x(0, 0) = NAN;  // not observed
  Tape<double> tape;
  const auto v = tape.variable(x.view());
  const auto loss = mse(v, tape.input(t), tape.input(mask));  // the mean over row 1
  tape.backward(loss);
  CHECK((std::isfinite(loss.value()()) && v.grad()(0, 0) == 0));
  CHECK(v.grad()(1, 3) == Approx(2 * (x(1, 3) - t(1, 3)) / 9));
  // [/snippet]
}

TEST_CASE("ops: cross_entropy: scores that say nothing cost log K") {
  // [snippet: op_cross_entropy]
  Tensor<double, 2> scores(3, 10);
  Tensor<index_t, 1> classes(3);
  classes(1) = 7;
  classes(2) = -100;  // ignored
  Tape<double> tape;
  const auto x = tape.variable(scores.view());
  const auto loss = cross_entropy(x, classes.view());
  tape.backward(loss);
  CHECK(loss.value()() == Approx(std::log(10.0)));
  CHECK(x.grad()(1, 7) == Approx((0.1 - 1) / 2));  // (p - [k = c]) over the two that count
  // [/snippet]
}

TEST_CASE("ops: pool: an average over time, and the way back") {
  // [snippet: op_pool]
  const auto x = random<double>(Extents<3>{2, 3, 8});
  Tensor<double, 3> y(2, 3, 4), back(2, 3, 8);
  ops::AvgPool::forward(y.view(), x, /*stride=*/2);
  ops::RepeatTime::forward(back.view(), y, /*stride=*/2);
  CHECK(back(1, 2, 5) == Approx((x(1, 2, 4) + x(1, 2, 5)) / 2));
  // [/snippet]
}

TEST_CASE("ops: readout: padding has no part in the mean") {
  // [snippet: op_readout]
  auto x = random<double>(Extents<3>{2, 3, 8});
  Tensor<index_t, 1> lengths(2);
  lengths(0) = 8;
  lengths(1) = 2;
  x(1, 0, 2) = NAN;  // beyond the end of sequence 1
  Tensor<double, 3> y(2, 3, 1);
  ops::Readout::forward(y.view(), x, lengths, ReadoutMode::mean);
  CHECK(y(1, 0, 0) == Approx((x(1, 0, 0) + x(1, 0, 1)) / 2));
  // [/snippet]
}
