// typed_linalg.hpp - dense products, convolutions along time and transforms, as bodies over the scalar type and the
// device (see typed_ops.hpp). What is right is what the host's op gives in double.
#pragma once

#include "longwave/ops/conv1d.hpp"
#include "longwave/ops/fft.hpp"
#include "longwave/ops/fft_conv.hpp"
#include "longwave/ops/matmul.hpp"
#include "typed_ops.hpp"

namespace longwave::test {

// Sums of up to 1e5 products of normal numbers, each of the scalar's precision.
template <class T>
double product_tolerance() {
  return sizeof(T) == 4 ? 1e-5 : 1e-13;
}

template <class T, int N>
Tensor<double, N> in_double(const Tensor<T, N>& t) {
  Tensor<double, N> wide(t.sizes());
  for (index_t i = 0; i < t.count(); ++i) wide.data()[i] = static_cast<double>(t.data()[i]);
  return wide;
}

template <class T, int N, device D>
TensorView<const T, N, D> read(const Tensor<T, N, D>& t) {
  return t.view();
}

template <class T, int N, device D>
double error_of(const Tensor<T, N, D>& got, const Tensor<double, N>& want) {
  return relative_error(Place<D>::from(got), want);
}

// Every `step`th element of each axis of a larger tensor: strides that no product takes as they are.
template <class T, int N, device D>
struct Sparse {
  Tensor<T, N, D> store;
  TensorView<T, N, D> view;

  explicit Sparse(const Tensor<T, N>& values, index_t step = 2) {
    Extents<N> sizes = values.sizes(), strides;
    for (int i = 0; i < N; ++i) sizes[i] *= step;
    Tensor<T, N> spread(sizes);
    for (index_t i = 0; i < spread.count(); ++i) spread.data()[i] = T(std::nan(""));
    strides = dense_strides(sizes);
    for (int i = 0; i < N; ++i) strides[i] *= step;
    const TensorView<T, N> sparse(spread.data(), values.sizes(), strides);
    longwave::copy(sparse, values.view());
    store = Place<D>::to(spread);
    view = {store.data(), values.sizes(), strides};
  }

  Tensor<T, N> back() const {
    const Tensor<T, N> all = Place<D>::from(store);
    Tensor<T, N> values(view.sizes());
    longwave::copy(values.view(), TensorView<const T, N>(all.data(), view.sizes(), view.strides()));
    return values;
  }
};

template <class T, device D>
void check_matmul(index_t M, index_t K, index_t N) {
  INFO("M " << M << ", K " << K << ", N " << N);
  const auto A = random<T>(Extents(M, K), 1), B = random<T>(Extents(K, N), 2), dC = random<T>(Extents(M, N), 3);
  Tensor<double, 2> C_want(M, N), dA_want(M, K), dB_want(K, N);
  const auto A_wide = in_double(A), B_wide = in_double(B), dC_wide = in_double(dC);
  ops::Matmul::forward(C_want.view(), A_wide, B_wide);
  ops::Matmul::backward(dA_want.view(), dB_want.view(), read(dC_wide), A_wide, B_wide);

  const auto a = Place<D>::to(A), b = Place<D>::to(B), d = Place<D>::to(dC);
  auto C = unwritten<T, 2, D>({M, N}), dA = unwritten<T, 2, D>({M, K}), dB = unwritten<T, 2, D>({K, N});
  ops::Matmul::forward(C.view(), a, b);
  ops::Matmul::backward(dA.view(), dB.view(), read(d), a, b);
  CHECK(error_of(C, C_want) <= product_tolerance<T>());
  CHECK(error_of(dA, dA_want) <= product_tolerance<T>());
  CHECK(error_of(dB, dB_want) <= product_tolerance<T>());
}

template <class T, device D>
void check_matmul_sizes() {
  for (const index_t M : {1, 7, 101})
    for (const index_t K : {0, 1, 31, 257})
      for (const index_t N : {1, 13, 300}) check_matmul<T, D>(M, K, N);
  check_matmul<T, D>(0, 3, 5);
}

// Operands and result as they are, transposed, or with gaps: all 27 combinations.
template <class T, device D>
void check_matmul_strided() {
  const auto A = random<T>(Extents(5, 9), 1), B = random<T>(Extents(9, 4), 2);
  Tensor<double, 2> want(5, 4);
  const auto A_wide = in_double(A), B_wide = in_double(B);
  ops::Matmul::forward(want.view(), A_wide, B_wide);
  const auto turned = [](const Tensor<T, 2>& t) {
    Tensor<T, 2> other(t.size(1), t.size(0));
    longwave::copy(other.view().transpose(0, 1), t.view());
    return other;
  };
  const Sparse<T, 2, D> a[] = {Sparse<T, 2, D>(A, 1), Sparse<T, 2, D>(turned(A), 1), Sparse<T, 2, D>(A, 2)};
  const Sparse<T, 2, D> b[] = {Sparse<T, 2, D>(B, 1), Sparse<T, 2, D>(turned(B), 1), Sparse<T, 2, D>(B, 2)};
  for (int i = 0; i < 27; ++i) {
    const int ia = i / 9, ib = i / 3 % 3, ic = i % 3;
    if (ic == 2 && std::is_same_v<D, Host>) continue;  // rows of C must be contiguous there
    if (ic == 1 && std::is_same_v<D, Host>) continue;
    Tensor<T, 2> poison(ic == 1 ? Extents<2>(4, 5) : Extents<2>(5, 4));
    for (index_t j = 0; j < poison.count(); ++j) poison.data()[j] = T(std::nan(""));
    const Sparse<T, 2, D> c(poison, ic == 2 ? 2 : 1);
    ops::Matmul::forward(ic == 1 ? c.view.transpose(0, 1) : c.view, ia == 1 ? a[1].view.transpose(0, 1) : a[ia].view,
                         ib == 1 ? b[1].view.transpose(0, 1) : b[ib].view);
    INFO("layouts of A " << ia << ", B " << ib << ", C " << ic);
    const Tensor<T, 2> back = ic == 1 ? turned(c.back()) : c.back();
    CHECK(relative_error(back, want) <= product_tolerance<T>());
  }
}

template <class T, device D>
void check_batched_matmul() {
  const auto A = random<T>(Extents(3, 5, 9), 1), B = random<T>(Extents(3, 9, 4), 2),
             dC = random<T>(Extents(3, 5, 4), 3);
  Tensor<double, 3> C_want(3, 5, 4), dA_want(3, 5, 9), dB_want(3, 9, 4);
  const auto A_wide = in_double(A), B_wide = in_double(B), dC_wide = in_double(dC);
  ops::BatchedMatmul::forward(C_want.view(), A_wide, B_wide);
  ops::BatchedMatmul::backward(dA_want.view(), dB_want.view(), read(dC_wide), A_wide, B_wide);
  const auto a = Place<D>::to(A), d = Place<D>::to(dC);
  const Sparse<T, 3, D> b(B);
  auto C = unwritten<T, 3, D>({3, 5, 4}), dA = unwritten<T, 3, D>({3, 5, 9}), dB = unwritten<T, 3, D>({3, 9, 4});
  ops::BatchedMatmul::forward(C.view(), a, b.view);
  ops::BatchedMatmul::backward(dA.view(), dB.view(), read(d), a, b.view);
  CHECK(error_of(C, C_want) <= product_tolerance<T>());
  CHECK(error_of(dA, dA_want) <= product_tolerance<T>());
  CHECK(error_of(dB, dB_want) <= product_tolerance<T>());
}

// R rows; dW and db are added to.
template <class T, device D>
void check_linear(index_t R, index_t I, index_t O) {
  INFO("R " << R << ", I " << I << ", O " << O);
  const auto x = random<T>(Extents(R, I), 1), W = random<T>(Extents(O, I), 2), dy = random<T>(Extents(R, O), 4);
  const auto b = random<T>(Extents(O), 3), db_before = random<T>(Extents(O), 6);
  const auto dW_before = random<T>(Extents(O, I), 5);
  Tensor<double, 2> y_want(R, O), dx_want(R, I), dW_want = in_double(dW_before);
  Tensor<double, 1> db_want = in_double(db_before);
  const auto x_wide = in_double(x), W_wide = in_double(W), dy_wide = in_double(dy);
  ops::Linear::forward(y_want.view(), x_wide, W_wide, in_double(b));
  ops::Linear::backward(dx_want.view(), dW_want.view(), db_want.view(), read(dy_wide), x_wide, W_wide);

  const auto x_there = Place<D>::to(x), W_there = Place<D>::to(W), dy_there = Place<D>::to(dy);
  auto y = unwritten<T, 2, D>({R, O}), dx = unwritten<T, 2, D>({R, I});
  auto dW = Place<D>::to(dW_before);
  auto db = Place<D>::to(db_before);
  ops::Linear::forward(y.view(), x_there, W_there, Place<D>::to(b));
  ops::Linear::backward(dx.view(), dW.view(), db.view(), read(dy_there), x_there, W_there);
  CHECK(error_of(y, y_want) <= product_tolerance<T>());
  CHECK(error_of(dx, dx_want) <= product_tolerance<T>());
  CHECK(error_of(dW, dW_want) <= product_tolerance<T>());
  CHECK(error_of(db, db_want) <= product_tolerance<T>());
}

// Gradients that are left out, and operands that lie by columns: the same numbers.
template <class T, device D>
void check_linear_parts() {
  const index_t R = 140, I = 35, O = 40;
  const auto x = random<T>(Extents(R, I), 1), W = random<T>(Extents(O, I), 2), dy = random<T>(Extents(R, O), 3);
  Tensor<double, 2> dx_want(R, I), dW_want(O, I);
  Tensor<double, 1> db_want(O);
  ops::Linear::backward(dx_want.view(), dW_want.view(), db_want.view(), read(in_double(dy)), in_double(x),
                        in_double(W));
  Tensor<T, 2> x_by_columns(I, R), dy_by_columns(O, R);
  copy(x_by_columns.view(), x.view().transpose(0, 1));
  copy(dy_by_columns.view(), dy.view().transpose(0, 1));
  const auto x_t = Place<D>::to(x_by_columns), dy_t = Place<D>::to(dy_by_columns), W_there = Place<D>::to(W);
  for (const int parts : {1, 2, 3, 4, 5, 6, 7}) {
    INFO("parts " << parts);
    auto dx = unwritten<T, 2, D>({R, I});
    Tensor<T, 2, D> dW(O, I);
    Tensor<T, 1, D> db(Extents<1>{O});
    ops::Linear::backward((parts & 1) != 0 ? dx.view() : TensorView<T, 2, D>(),
                          (parts & 2) != 0 ? dW.view() : TensorView<T, 2, D>(),
                          (parts & 4) != 0 ? db.view() : TensorView<T, 1, D>(), read(dy_t).transpose(0, 1),
                          read(x_t).transpose(0, 1), W_there);
    if ((parts & 1) != 0) CHECK(error_of(dx, dx_want) <= product_tolerance<T>());
    if ((parts & 2) != 0) CHECK(error_of(dW, dW_want) <= product_tolerance<T>());
    if ((parts & 4) != 0) CHECK(error_of(db, db_want) <= product_tolerance<T>());
  }
}

template <class T, device D>
void check_linear_sizes() {
  check_linear<T, D>(1, 1, 1);
  check_linear<T, D>(6, 5, 3);
  for (const index_t R : {32, 128, 129, 300, 1537}) check_linear<T, D>(R, 66, 4);  // pieces of 128 rows
  check_linear<T, D>(300, 33, 70);
  check_linear<T, D>(128, 64, 41);
  check_linear<T, D>(128, 256, 128);  // the largest that the device does at once
  check_linear<T, D>(128, 257, 128);
  check_linear<T, D>(20011, 17, 40);  // the sum over rows is cut into pieces
}

struct ConvCase {
  index_t B, I, O, L, k;
  Conv1dOptions options;
  bool sparse = false;
};

template <class T, device D>
void check_conv1d(const ConvCase& c) {
  const auto& o = c.options;
  const index_t M = conv1d_length(c.L, c.k, o);
  INFO("B " << c.B << ", I " << c.I << ", O " << c.O << ", L " << c.L << ", k " << c.k << ", stride " << o.stride
            << ", padding " << o.padding << ", dilation " << o.dilation << ", groups " << o.groups);
  const auto x = random<T>(Extents(c.B, c.I, c.L), 1), W = random<T>(Extents(c.O, c.I / o.groups, c.k), 2);
  const auto dy = random<T>(Extents(c.B, c.O, M), 3), dW_before = random<T>(W.sizes(), 4);
  const auto bias = random<T>(Extents(c.O), 5), db_before = random<T>(Extents(c.O), 6);
  Tensor<double, 3> y_want(dy.sizes()), dx_want(x.sizes()), dW_want = in_double(dW_before);
  Tensor<double, 1> db_want = in_double(db_before);
  const auto x_wide = in_double(x), W_wide = in_double(W), dy_wide = in_double(dy);
  ops::Conv1d::forward(y_want.view(), x_wide, W_wide, in_double(bias), o);
  ops::Conv1d::backward(dx_want.view(), dW_want.view(), db_want.view(), read(dy_wide), x_wide, W_wide, o);

  const index_t step = c.sparse ? 2 : 1;
  const auto poisoned = [](Extents<3> sizes) {
    Tensor<T, 3> t(sizes);
    for (index_t i = 0; i < t.count(); ++i) t.data()[i] = T(std::nan(""));
    return t;
  };
  const Sparse<T, 3, D> X(x, step), V(W, step), dY(dy, step), dV(dW_before, step);
  const Sparse<T, 3, D> Y(poisoned(dy.sizes()), step), dX(poisoned(x.sizes()), step);
  const Sparse<T, 1, D> b(bias, step), db(db_before, step);
  ops::Conv1d::forward(Y.view, X.view, V.view, b.view, o);
  ops::Conv1d::backward(dX.view, dV.view, db.view, TensorView<const T, 3, D>(dY.view), X.view, V.view, o);
  CHECK(relative_error(Y.back(), y_want) <= product_tolerance<T>());
  CHECK(relative_error(dX.back(), dx_want) <= product_tolerance<T>());
  CHECK(relative_error(dV.back(), dW_want) <= product_tolerance<T>());
  CHECK(relative_error(db.back(), db_want) <= product_tolerance<T>());
}

template <class T, device D>
void check_conv1d_sizes() {
  for (const bool sparse : {false, true}) {
    check_conv1d<T, D>({1, 1, 1, 1, 1, {}, sparse});
    check_conv1d<T, D>({3, 5, 7, 33, 1, {}, sparse});   // one tap, few channels
    check_conv1d<T, D>({3, 3, 2, 300, 1, {}, sparse});  // fewer
    check_conv1d<T, D>({3, 9, 7, 33, 1, {}, sparse});   // more
    check_conv1d<T, D>({3, 1, 19, 33, 1, {}, sparse});  // from few to more
    check_conv1d<T, D>({2, 8, 40, 300, 1, {}, sparse});
    check_conv1d<T, D>({3, 6, 4, 29, 1, {.stride = 3}, sparse});
    check_conv1d<T, D>({2, 3, 5, 40, 4, {.stride = 4}, sparse});  // windows side by side
    check_conv1d<T, D>({2, 3, 5, 31, 3, {.padding = 1}, sparse});
    check_conv1d<T, D>({2, 3, 5, 32, 3, {.padding = 1}, sparse});  // windows by vectors
    check_conv1d<T, D>({3, 6, 4, 40, 4, {.padding = 6, .dilation = 4, .groups = 2}, sparse});
    check_conv1d<T, D>({2, 4, 6, 50, 5, {.stride = 2, .padding = 3, .dilation = 2, .groups = 2}, sparse});
    check_conv1d<T, D>({2, 12, 24, 37, 3, {.padding = 2, .dilation = 2, .groups = 12}, sparse});  // by one thread each
    check_conv1d<T, D>({3, 10, 10, 41, 4, {.stride = 3, .padding = 4, .groups = 10}, sparse});
  }
  check_conv1d<T, D>({2, 3, 4, 0, 1, {}});
  check_conv1d<T, D>({0, 3, 4, 5, 3, {}});
}

template <class T, device D>
void check_conv1d_large() {
  check_conv1d<T, D>({5, 40, 70, 3001, 1, {}});
  check_conv1d<T, D>({10, 2, 2, 10007, 1, {}});
  check_conv1d<T, D>({3, 8, 8, 60013, 1, {}});
  check_conv1d<T, D>({1, 16, 32, 20011, 1, {}});  // dW in pieces of one long row
  check_conv1d<T, D>({32, 9, 256, 200, 1, {}});   // bias sums by vectors: less than a block reads at once
  check_conv1d<T, D>({9, 12, 11, 8004, 1, {}});   // parts that begin within a row, several turns each
  for (const index_t I : {1, 2, 3, 4, 5}) {
    check_conv1d<T, D>({5, I, 40, 200, 1, {}});  // dW with the bias, from few channels
    check_conv1d<T, D>({9, I, 11, 8004, 1, {}});
  }
  check_conv1d<T, D>({3, 32, 24, 2049, 5, {.padding = 2}});
  check_conv1d<T, D>({4, 64, 64, 5003, 7, {.padding = 3, .groups = 64}});
}

template <class T>
Tensor<complex<T>, 2> random_bins(Extents<2> sizes, std::uint64_t seed) {
  const auto pairs = random<T>(Extents(sizes[0], sizes[1], 2), seed);
  Tensor<complex<T>, 2> bins(sizes);
  for (index_t i = 0; i < bins.count(); ++i) bins.data()[i] = {pairs.data()[2 * i], pairs.data()[2 * i + 1]};
  return bins;
}

template <class T>
Tensor<double, 3> pairs_of(const Tensor<complex<T>, 2>& bins) {
  Tensor<double, 3> pairs(bins.size(0), bins.size(1), 2);
  for (index_t i = 0; i < bins.count(); ++i) {
    pairs.data()[2 * i] = static_cast<double>(bins.data()[i].re);
    pairs.data()[2 * i + 1] = static_cast<double>(bins.data()[i].im);
  }
  return pairs;
}

template <class T>
Tensor<complex<double>, 2> in_double(const Tensor<complex<T>, 2>& bins) {
  Tensor<complex<double>, 2> wide(bins.sizes());
  for (index_t i = 0; i < bins.count(); ++i) wide.data()[i] = complex<double>(bins.data()[i]);
  return wide;
}

template <class T, device D>
void check_fft(index_t B, index_t L, index_t n) {
  INFO("B " << B << ", L " << L << ", n " << n);
  const double tolerance = sizeof(T) == 4 ? 2e-6 : 1e-13;
  const index_t bins = n / 2 + 1;
  const auto x = random<T>(Extents(B, L), 1), dz = random<T>(Extents(B, n), 2);
  const auto X = random_bins<T>({B, bins}, 3);
  const auto nothing = [](Extents<2> sizes) {
    Tensor<complex<T>, 2> t(sizes);
    for (index_t i = 0; i < t.count(); ++i) t.data()[i] = {T(std::nan("")), T(std::nan(""))};
    return Place<D>::to(t);
  };
  Tensor<complex<double>, 2> X_want(B, bins), dX_want(B, bins);
  Tensor<double, 2> dx_want(B, L), z_want(B, n);
  const auto X_wide = in_double(X);
  ops::Rfft::forward(X_want.view(), in_double(x), n);
  ops::Rfft::backward(dx_want.view(), X_wide, n);
  ops::Irfft::forward(z_want.view(), X_wide);
  ops::Irfft::backward(dX_want.view(), in_double(dz));

  const auto X_there = Place<D>::to(X);
  auto X_got = nothing({B, bins}), dX_got = nothing({B, bins});
  auto dx = unwritten<T, 2, D>({B, L}), z = unwritten<T, 2, D>({B, n});
  ops::Rfft::forward(X_got.view(), Place<D>::to(x), n);
  ops::Rfft::backward(dx.view(), X_there, n);
  ops::Irfft::forward(z.view(), X_there);
  ops::Irfft::backward(dX_got.view(), Place<D>::to(dz));
  CHECK(relative_error(pairs_of(Place<D>::from(X_got)), pairs_of(X_want)) <= tolerance);
  CHECK(relative_error(pairs_of(Place<D>::from(dX_got)), pairs_of(dX_want)) <= tolerance);
  CHECK(error_of(dx, dx_want) <= tolerance);
  CHECK(error_of(z, z_want) <= tolerance);
}

template <class T, device D>
void check_fft_lengths() {
  for (const index_t n : {1, 2, 3, 7, 16, 31, 100, 997, 1024}) {
    check_fft<T, D>(3, n, n);
    check_fft<T, D>(2, n + 5, n);        // cut
    check_fft<T, D>(2, (n + 1) / 2, n);  // padded
  }
  check_fft<T, D>(0, 5, 8);
}

struct LongConvCase {
  index_t B, C, H, L, M;
  bool two_sided = false, skip = true;
};

template <class T, device D>
void check_fft_conv(const LongConvCase& c) {
  INFO("B " << c.B << ", C " << c.C << ", H " << c.H << ", L " << c.L << ", M " << c.M
            << (c.two_sided ? ", two-sided" : "") << (c.skip ? "" : ", no skip"));
  const double tolerance = sizeof(T) == 4 ? 3e-6 : 1e-13;
  const auto u = random<T>(Extents(c.B, c.H, c.L), 1), K = random<T>(Extents(c.two_sided ? 2 * c.C : c.C, c.H, c.M), 2);
  const auto dy = random<T>(Extents(c.B, c.C, c.H, c.L), 3);
  const auto skip = random<T>(Extents(c.C, c.H), 4), dD_before = random<T>(Extents(c.C, c.H), 5);
  Tensor<double, 4> y_want(dy.sizes());
  Tensor<double, 3> du_want(u.sizes()), dK_want(K.sizes());
  Tensor<double, 2> dD_want = in_double(dD_before);
  const auto u_wide = in_double(u), K_wide = in_double(K);
  const auto D_wide = in_double(skip);
  const TensorView<const double, 2> D_used = c.skip ? read(D_wide) : TensorView<const double, 2>();
  ops::FftConv::forward(y_want.view(), u_wide, K_wide, D_used);
  ops::FftConv::backward(du_want.view(), dK_want.view(), dD_want.view(), in_double(dy), u_wide, K_wide, D_used);

  const auto u_there = Place<D>::to(u), K_there = Place<D>::to(K);
  const auto dy_there = Place<D>::to(dy);
  const auto D_there = Place<D>::to(skip);
  const TensorView<const T, 2, D> D_view = c.skip ? read(D_there) : TensorView<const T, 2, D>();
  auto y = unwritten<T, 4, D>(dy.sizes());
  auto du = unwritten<T, 3, D>(u.sizes()), dK = unwritten<T, 3, D>(K.sizes());
  auto dD = Place<D>::to(dD_before);
  ops::FftConv::forward(y.view(), u_there, K_there, D_view);
  ops::FftConv::backward(du.view(), dK.view(), dD.view(), dy_there, u_there, K_there, D_view);
  CHECK(error_of(y, y_want) <= tolerance);
  CHECK(error_of(du, du_want) <= tolerance);
  CHECK(error_of(dK, dK_want) <= tolerance);
  CHECK(error_of(dD, dD_want) <= product_tolerance<T>());

  auto alone = unwritten<T, 3, D>(u.sizes()), dK_alone = unwritten<T, 3, D>(K.sizes());
  ops::FftConv::backward(alone.view(), {}, {}, dy_there, u_there, K_there, D_view);
  ops::FftConv::backward(TensorView<T, 3, D>(), dK_alone.view(), {}, dy_there, u_there, K_there, D_view);
  CHECK(relative_error(Place<D>::from(alone), Place<D>::from(du)) == 0);
  CHECK(relative_error(Place<D>::from(dK_alone), Place<D>::from(dK)) == 0);
}

template <class T, device D>
void check_fft_conv_sizes() {
  for (const index_t L : {1, 2, 3, 7, 31, 64, 100, 129, 300, 512}) {
    check_fft_conv<T, D>({3, 1, 2, L, L});
    check_fft_conv<T, D>({2, 2, 3, L, (L + 1) / 2, true});
    check_fft_conv<T, D>({5, 1, 3, L, L, true, false});
  }
  check_fft_conv<T, D>({2, 3, 5, 50, 7});
  check_fft_conv<T, D>({2, 1, 3, 40, 0});
  check_fft_conv<T, D>({0, 2, 3, 40, 40});
  check_fft_conv<T, D>({2, 1, 0, 40, 40});
}

template <class T, device D>
void check_fft_conv_large() {
  for (const index_t L : {997, 1024, 2048, 3000, 4097, 8192}) {
    check_fft_conv<T, D>({3, 1, 2, L, L});
    check_fft_conv<T, D>({2, 2, 1, L, L, true});
  }
  check_fft_conv<T, D>({2, 1, 2, 16384, 16384});
  check_fft_conv<T, D>({2, 2, 2, 16001, 16001, true});
  check_fft_conv<T, D>({2, 1, 2, 20011, 300, true});
  check_fft_conv<T, D>({9, 1, 70, 1000, 1000});
}

// Views with gaps in every operand of a long convolution.
template <class T, device D>
void check_fft_conv_strided() {
  const auto u = random<T>(Extents(2, 3, 70), 1), K = random<T>(Extents(4, 3, 60), 2);
  const auto dy = random<T>(Extents(2, 2, 3, 70), 3);
  const auto skip = random<T>(Extents(2, 3), 4);
  const auto run = [&](auto step) {
    constexpr index_t s = decltype(step)::value;
    const Sparse<T, 3, D> U(u, s), k(K, s), du(u, s), dK(K, s);
    const Sparse<T, 4, D> dY(dy, s), y(dy, s);
    const Sparse<T, 2, D> d(skip, s), dD(skip, s);
    ops::FftConv::forward(y.view, U.view, k.view, d.view);
    ops::FftConv::backward(du.view, dK.view, dD.view, dY.view, U.view, k.view, d.view);
    return std::make_tuple(y.back(), du.back(), dK.back(), dD.back());
  };
  const auto [y, du, dK, dD] = run(std::integral_constant<index_t, 1>());
  const auto [y2, du2, dK2, dD2] = run(std::integral_constant<index_t, 2>());
  const double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12;  // the host adds dD in another order
  CHECK(relative_error(y2, y) <= tolerance);
  CHECK(relative_error(du2, du) <= tolerance);
  CHECK(relative_error(dK2, dK) <= tolerance);
  CHECK(relative_error(dD2, dD) <= tolerance);
}

template <class T, device D>
void check_linalg_repeatable() {
  const auto x = Place<D>::to(random<T>(Extents(7, 40, 1500), 1)),
             dy = Place<D>::to(random<T>(Extents(7, 24, 1500), 2));
  const auto W = Place<D>::to(random<T>(Extents(24, 40, 1), 3));
  Tensor<T, 3, D> dx[2] = {Tensor<T, 3, D>(x.sizes()), Tensor<T, 3, D>(x.sizes())};
  Tensor<T, 3, D> dW[2] = {Tensor<T, 3, D>(W.sizes()), Tensor<T, 3, D>(W.sizes())};
  Tensor<T, 1, D> db[2] = {Tensor<T, 1, D>(24), Tensor<T, 1, D>(24)};
  const auto K = Place<D>::to(random<T>(Extents(40, 1500), 4)), D_skip = Place<D>::to(random<T>(Extents(1, 40), 5));
  Tensor<T, 3, D> du[2] = {Tensor<T, 3, D>(x.sizes()), Tensor<T, 3, D>(x.sizes())};
  Tensor<T, 2, D> dK[2] = {Tensor<T, 2, D>(K.sizes()), Tensor<T, 2, D>(K.sizes())};
  for (int i = 0; i < 2; ++i) {
    ops::Conv1d::backward(dx[i].view(), dW[i].view(), db[i].view(), read(dy), x, W);
    ops::FftConv::backward(du[i].view(), dK[i].view(), {}, x.view(), x, K);
  }
  CHECK(relative_error(Place<D>::from(dx[1]), Place<D>::from(dx[0])) == 0);
  CHECK(relative_error(Place<D>::from(dW[1]), Place<D>::from(dW[0])) == 0);
  CHECK(relative_error(Place<D>::from(db[1]), Place<D>::from(db[0])) == 0);
  CHECK(relative_error(Place<D>::from(du[1]), Place<D>::from(du[0])) == 0);
  CHECK(relative_error(Place<D>::from(dK[1]), Place<D>::from(dK[0])) == 0);
}

template <class T, device D>
void check_linalg_shapes_are_named() {
  Tensor<T, 2, D> C(2, 3), A(2, 4), B(5, 3);
  CHECK(error_text<ShapeError>([&] { ops::Matmul::forward(C.view(), A, B); }) ==
        "matmul: A and B disagree on K: A is (M=2, K=4), B is (K=5, N=3)");
  Tensor<T, 3, D> y(2, 3, 8), x(2, 5, 8), W(3, 4, 1);
  CHECK(error_text<ShapeError>([&] { ops::Conv1d::forward(y.view(), x, W, {}); }) ==
        "conv1d: x and W disagree on I: x is (B=2, I=5, L=8), W is (O=3, I=4, k=1) with groups=1");
  Tensor<T, 2, D> K(4, 8);
  CHECK(error_text<ShapeError>([&] { ops::FftConv::forward(y.view(), y.view(), K); }) ==
        "fft_conv: u and K disagree on H: u is (B=2, H=3, L=8), K is (C=1, H=4, M=8)");
}

}  // namespace longwave::test
