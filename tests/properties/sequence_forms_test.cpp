// What every form of a diagonal state-space layer must satisfy, written once and run for all of them.
#include "longwave/autograd/tape.hpp"
#include "modes.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

constexpr index_t lengths[] = {1, 2, 31, 64, 65, 997, 4096};

template <class T>
struct Run {
  Tensor<T, 3> y;
  Tensor<T, 4> state;

  Run(const DiagonalInputs<T>& in, Algorithm form) : y(in.u.sizes()), state(in.B(), 2, in.N(), in.H()) {
    Diagonal::forward(DiagonalOutputs<T>{y, state}, in, form);
  }
};

template <class T>
struct Gradients {
  Tensor<T, 3> du;
  Tensor<double, 3> dx, dc;  // (H, N, 2)
  Tensor<T, 1> dskip;
  Tensor<T, 4> dstate;

  Gradients(const DiagonalInputs<T>& in, const DiagonalCotangents<T>& from, Algorithm form)
      : du(in.u.sizes()),
        dx(in.H(), in.N(), 2),
        dc(in.H(), in.N(), 2),
        dskip(in.H()),
        dstate(in.B(), 2, in.N(), in.H()) {
    Diagonal::backward(DiagonalGradients<T>{du, modes(dx), modes(dc), dskip, dstate}, from, in, form);
  }
  static TensorView<complex<double>, 2> modes(Tensor<double, 3>& t) {
    return {reinterpret_cast<complex<double>*>(t.data()), Extents{t.size(0), t.size(1)}};
  }
};

template <class T>
DiagonalInputs<T> part(DiagonalInputs<T> in, index_t begin, index_t end, TensorView<const T, 4> state) {
  in.u = in.u.slice(2, begin, end);
  in.state_in = state;
  return in;
}

}  // namespace

TEMPLATE_TEST_CASE("sequence forms: each equals the naive recurrence at any length", "", float, double) {
  for (const index_t L : lengths)
    for (const index_t B : {1, 3}) {
      const DiagonalCase<TestType> c(B, 5, 3, L);
      for (const bool state : {false, true}) {
        const DiagonalResult want = naive_recurrence(c.inputs(state));
        for (const Algorithm form : all_forms) {
          INFO("form " << name_of(form) << " L " << L << " B " << B << " state " << state);
          const Run<TestType> got(c.inputs(state), form);
          CHECK(relative_error(got.y, want.y) < form_tolerance<TestType>);
          CHECK(relative_error(got.state, want.state) < form_tolerance<TestType>);
        }
      }
    }
}

TEMPLATE_TEST_CASE("sequence forms: their gradients agree with each other", "", float, double) {
  using T = TestType;
  for (const index_t L : lengths) {
    const DiagonalCase<T> c(2, 4, 3, L);
    const auto dy = random<T>(c.u.sizes(), 11);
    const auto dstate = random<T>(c.state.sizes(), 12);
    const DiagonalCotangents<T> from{dy, dstate};
    const Gradients<T> want(c.inputs(), from, Algorithm::scan);
    for (const Algorithm form : {Algorithm::fft, Algorithm::chunk}) {
      INFO("form " << name_of(form) << " L " << L);
      const Gradients<T> got(c.inputs(), from, form);
      const double tolerance = 3 * form_tolerance<T>;  // sums over time on top of the forward's rounding
      CHECK(relative_error(got.du, want.du) < tolerance);
      CHECK(relative_error(got.dx, want.dx) < tolerance);
      CHECK(relative_error(got.dc, want.dc) < tolerance);
      CHECK(relative_error(got.dskip, want.dskip) < tolerance);
      CHECK(relative_error(got.dstate, want.dstate) < tolerance);
    }
  }
}

TEST_CASE("sequence forms: every gradient agrees with finite differences") {
  for (const index_t L : {1, 2, 31, 70}) {
    DiagonalCase<double> c(2, 2, 2, L);
    const auto dy = random<double>(c.u.sizes(), 11);
    const auto dstate = random<double>(c.state.sizes(), 12);
    for (const Algorithm form : all_forms) {
      INFO("form " << name_of(form) << " L " << L);
      const Gradients<double> g(c.inputs(), {dy, dstate}, form);
      auto loss = [&] {
        const Run<double> run(c.inputs(), form);
        double sum = 0;
        for (index_t i = 0; i < run.y.count(); ++i) sum += dy.data()[i] * run.y.data()[i];
        for (index_t i = 0; i < run.state.count(); ++i) sum += dstate.data()[i] * run.state.data()[i];
        return sum;
      };
      auto check = [&](const char* what, double* p, const double* gradient, index_t count) {
        Tensor<double, 1> difference(count);
        for (index_t i = 0; i < count; ++i) {
          const double p0 = p[i], h = 1e-5;
          p[i] = p0 + h;
          const double up = loss();
          p[i] = p0 - h;
          difference(i) = (up - loss()) / (2 * h);
          p[i] = p0;
        }
        INFO(what);
        CHECK(relative_error(TensorView<const double, 1>(gradient, {count}), difference.view()) < 1e-6);
      };
      check("du", c.u.data(), g.du.data(), g.du.count());
      check("dx", &c.x.data()->re, g.dx.data(), g.dx.count());
      check("dc", &c.c.data()->re, g.dc.data(), g.dc.count());
      check("dD", c.skip.data(), g.dskip.data(), g.dskip.count());
      check("dstate_in", c.state.data(), g.dstate.data(), g.dstate.count());
    }
  }
}

TEMPLATE_TEST_CASE("sequence forms: splitting the sequence anywhere changes nothing", "", float, double) {
  using T = TestType;
  const index_t L = 200;
  const DiagonalCase<T> c(2, 3, 4, L);
  for (const Algorithm form : all_forms)
    for (const index_t cut : {1, 31, 64, 100, 128, 199}) {
      INFO("form " << name_of(form) << " cut " << cut);
      const Run<T> whole(c.inputs(), form);
      const Run<T> first(part<T>(c.inputs(), 0, cut, c.state), form);
      const Run<T> second(part<T>(c.inputs(), cut, L, first.state), form);
      CHECK(relative_error(first.y.view(), whole.y.view().slice(2, 0, cut)) < form_tolerance<T>);
      CHECK(relative_error(second.y.view(), whole.y.view().slice(2, cut, L)) < form_tolerance<T>);
      CHECK(relative_error(second.state, whole.state) < form_tolerance<T>);
    }
}

TEMPLATE_TEST_CASE("sequence forms: the future does not reach the past", "", float, double) {
  using T = TestType;
  DiagonalCase<T> c(2, 3, 4, 150);
  for (const Algorithm form : all_forms) {
    const Run<T> before(c.inputs(), form);
    for (index_t l = 100; l < 150; ++l) c.u(0, 1, l) += 10;
    const Run<T> after(c.inputs(), form);
    INFO("form " << name_of(form));
    // An FFT spreads rounding, not signal, over the whole row.
    CHECK(relative_error(after.y.view().slice(2, 0, 100), before.y.view().slice(2, 0, 100)) < form_tolerance<T>);
    CHECK(relative_error(after.y.view(), before.y.view()) > 0.1);
  }
}

TEMPLATE_TEST_CASE("sequence forms: zeros on the right are inert", "", float, double) {
  using T = TestType;
  DiagonalCase<T> c(2, 3, 4, 150);
  for (index_t b = 0; b < 2; ++b)
    for (index_t h = 0; h < 3; ++h)
      for (index_t l = 70; l < 150; ++l) c.u(b, h, l) = 0;
  for (const Algorithm form : all_forms) {
    const Run<T> padded(c.inputs(), form);
    const Run<T> bare(part<T>(c.inputs(), 0, 70, c.state), form);
    INFO("form " << name_of(form));
    CHECK(relative_error(padded.y.view().slice(2, 0, 70), bare.y.view()) < form_tolerance<T>);
  }
}

TEMPLATE_TEST_CASE("sequence forms: strided views give the same numbers as dense ones", "", float, double) {
  using T = TestType;
  const DiagonalCase<T> c(2, 3, 4, 90);
  Tensor<T, 3> u_t(90, 3, 2), y_t(90, 3, 2), du_t(90, 3, 2);  // (L, H, B): every stride differs
  const auto u = u_t.view().transpose(0, 2), y = y_t.view().transpose(0, 2), du = du_t.view().transpose(0, 2);
  detail::add_to(u, c.u);
  const auto dy = random<T>(c.u.sizes(), 11);
  for (const Algorithm form : all_forms) {
    INFO("form " << name_of(form));
    DiagonalInputs<T> in = c.inputs();
    const Run<T> want(in, form);
    const Gradients<T> want_gradients(in, {dy, {}}, form);
    in.u = u;
    Diagonal::forward(DiagonalOutputs<T>{y, {}}, in, form);
    CHECK(relative_error(y, want.y.view()) < form_tolerance<T>);
    Diagonal::backward(DiagonalGradients<T>{du, {}, {}, {}, {}}, DiagonalCotangents<T>{dy, {}}, in, form);
    CHECK(relative_error(du, want_gradients.du.view()) < form_tolerance<T>);
  }
}

TEST_CASE("sequence forms: the same bits for 1, 2 and 8 threads") {
  const DiagonalCase<float> c(3, 37, 8, 300);
  const auto dy = random<float>(c.u.sizes(), 11);
  for (const Algorithm form : all_forms) {
    INFO("form " << name_of(form));
    set_num_threads(1);
    const Run<float> want(c.inputs(), form);
    const Gradients<float> want_gradients(c.inputs(), {dy, {}}, form);
    for (const int threads : {2, 8}) {
      set_num_threads(threads);
      const Run<float> got(c.inputs(), form);
      const Gradients<float> gradients(c.inputs(), {dy, {}}, form);
      CHECK(relative_error(got.y, want.y) == 0);
      CHECK(relative_error(got.state, want.state) == 0);
      CHECK(relative_error(gradients.du, want_gradients.du) == 0);
      CHECK(relative_error(gradients.dx, want_gradients.dx) == 0);
      CHECK(relative_error(gradients.dc, want_gradients.dc) == 0);
      CHECK(relative_error(gradients.dskip, want_gradients.dskip) == 0);
    }
    set_num_threads(0);
  }
}

TEST_CASE("sequence forms: modes near the unit circle stay exact over 2^17 steps") {
  const index_t L = 1 << 17;
  DiagonalCase<float> c(1, 1, 4, L);
  for (index_t n = 0; n < 4; ++n) c.x(0, n) = {-1e-5, 0.3 * static_cast<double>(n) + 0.01};
  const DiagonalResult want = naive_recurrence(c.inputs());
  // Float transition weights are off by 6e-8 a step, so a step-by-step scan drifts by 6e-8 times the memory of 1e5
  // steps; chunks are re-anchored in double.
  const double tolerance[] = {2e-5, 5e-3, 3e-4};
  int i = 0;
  for (const Algorithm form : all_forms) {
    INFO("form " << name_of(form));
    const Run<float> got(c.inputs(), form);
    CHECK(relative_error(got.y, want.y) < tolerance[i++]);
  }
}

TEST_CASE("sequence forms: empty batches and lengths pass the state through") {
  const DiagonalCase<float> c(2, 3, 4, 0);
  for (const Algorithm form : {Algorithm::auto_, Algorithm::fft, Algorithm::scan, Algorithm::chunk}) {
    const Run<float> run(c.inputs(), form);
    CHECK(relative_error(run.state, c.state) == 0);
    const Gradients<float> g(c.inputs(), {c.u, c.state}, form);
    CHECK(relative_error(g.dstate, c.state) == 0);
  }
  const DiagonalCase<float> none(0, 3, 4, 9);
  for (const Algorithm form : {Algorithm::auto_, Algorithm::fft, Algorithm::scan, Algorithm::chunk}) {
    CHECK(Run<float>(none.inputs(), form).y.count() == 0);
    const Gradients<float> g(none.inputs(), {none.u, none.state}, form);
    CHECK(relative_error(g.dx, Tensor<double, 3>(3, 4, 2)) == 0);
  }
  // the ops by themselves, without the front that chooses
  Tensor<float, 4> state(2, 2, 4, 3);
  ops::ChunkScan::forward(DiagonalOutputs<float>{c.u.clone().view(), state}, c.inputs());
  CHECK(relative_error(state, c.state) == 0);
  state.zero();
  ops::DiagScan::forward(DiagonalOutputs<float>{c.u.clone().view(), state}, c.inputs());
  CHECK(relative_error(state, c.state) == 0);
}

TEST_CASE("sequence forms: wrong shapes are named") {
  const DiagonalCase<float> c(2, 3, 4, 10);
  Tensor<float, 3> y(2, 3, 10), short_y(2, 3, 9);
  CHECK(error_text<ShapeError>([&] {
          Diagonal::forward(DiagonalOutputs<float>{short_y, {}}, c.inputs());
        }) == "diagonal: y is (B=2, H=3, L=9), expected (B=2, H=3, L=10)");
  DiagonalInputs<float> in = c.inputs();
  const DiagonalCase<float> other(2, 5, 4, 10);
  in.u = other.u;
  CHECK(error_text<ShapeError>([&] {
          ops::ChunkScan::forward(DiagonalOutputs<float>{y, {}}, in);
        }) == "chunk_scan: u and x disagree on H: u is (B=2, H=5, L=10), x is (H=3, N=4)");
  in = c.inputs();
  in.state_in = other.state;
  CHECK(error_text<ShapeError>([&] {
          ops::DiagScan::forward(DiagonalOutputs<float>{y, {}}, in);
        }) == "diag_scan: state_in is (2, 2, 4, 5), expected (2, 2, 4, 3)");
}
