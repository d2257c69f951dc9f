#include "longwave/ops/lstm.hpp"

#include <vector>

#include "longwave/cuda/graph.hpp"
#include "longwave/nn/lstm.hpp"
#include "lstm_problem.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;
using cuda::LstmForm;

namespace {

// A problem on the device.
template <class T>
struct There {
  LstmSizes n;
  Tensor<T, 3, Cuda> x, dy;
  Tensor<T, 2, Cuda> W_ih, W_hh, h0, c0, dh, dc;
  Tensor<T, 1, Cuda> b_ih, b_hh;

  explicit There(const LstmProblem<T>& p)
      : n(p.n),
        x(cuda::to_device(p.x)),
        dy(cuda::to_device(p.dy)),
        W_ih(cuda::to_device(p.W_ih)),
        W_hh(cuda::to_device(p.W_hh)),
        h0(cuda::to_device(p.h0)),
        c0(cuda::to_device(p.c0)),
        dh(cuda::to_device(p.dh)),
        dc(cuda::to_device(p.dc)),
        b_ih(cuda::to_device(p.b_ih)),
        b_hh(cuda::to_device(p.b_hh)) {}

  LstmWeightViews<const T, Cuda> weights(bool bias = true) const {
    LstmWeightViews<const T, Cuda> w{W_ih.view(), W_hh.view(), {}, {}};
    if (bias) w.b_ih = b_ih.view(), w.b_hh = b_hh.view();
    return w;
  }
  LstmStateViews<const T, Cuda> start() const { return {h0.view(), c0.view()}; }
  Tensor<T, 1, Cuda> saved() const {
    return unwritten<T, 1, Cuda>(Extents<1>{ops::Lstm::saved_count<T, Cuda>(x.sizes(), n.H)});
  }
};

template <class T>
struct Values {
  Tensor<T, 3> y;
  Tensor<T, 2> h, c;
};
template <class T>
struct Gradients {
  Tensor<T, 3> dx;
  Tensor<T, 2> dW_ih, dW_hh, dh0, dc0;
  Tensor<T, 1> db_ih, db_hh;
};

struct Choice {
  bool reverse = false, bias = true, state = true;
};

Values<double> reference(const LstmProblem<double>& p, Choice o) {
  Values<double> v{Tensor<double, 3>(p.dy.sizes()), Tensor<double, 2>(p.h0.sizes()), Tensor<double, 2>(p.h0.sizes())};
  ops::Lstm::forward(v.y.view(), {v.h.view(), v.c.view()}, {}, p.x, p.weights(o.bias),
                     o.state ? p.start() : LstmStateViews<const double>(), o.reverse);
  return v;
}

Gradients<double> reference_gradients(const LstmProblem<double>& p, Choice o) {
  Gradients<double> g{Tensor<double, 3>(p.x.sizes()),    Tensor<double, 2>(p.W_ih.sizes()),
                      Tensor<double, 2>(p.W_hh.sizes()), Tensor<double, 2>(p.h0.sizes()),
                      Tensor<double, 2>(p.h0.sizes()),   Tensor<double, 1>(p.b_ih.sizes()),
                      Tensor<double, 1>(p.b_hh.sizes())};
  Tensor<double, 1> saved(ops::Lstm::saved_count<double, Host>(p.x.sizes(), p.n.H));
  ops::Lstm::forward(TensorView<double, 3>(), {}, saved.view(), p.x, p.weights(o.bias),
                     o.state ? p.start() : LstmStateViews<const double>(), o.reverse);
  ops::Lstm::backward(g.dx.view(), {g.dW_ih.view(), g.dW_hh.view(), g.db_ih.view(), g.db_hh.view()},
                      {g.dh0.view(), g.dc0.view()}, p.dy,
                      o.state ? LstmStateViews<const double>{p.dh.view(), p.dc.view()} : LstmStateViews<const double>(),
                      saved.view(), p.weights(o.bias), p.x.sizes(), o.reverse);
  return g;
}

template <class T>
Values<T> forward(const There<T>& p, LstmForm form, Choice o, TensorView<T, 1, Cuda> saved = {}) {
  auto y = unwritten<T, 3, Cuda>(p.dy.sizes());
  auto h = unwritten<T, 2, Cuda>(p.h0.sizes()), c = unwritten<T, 2, Cuda>(p.h0.sizes());
  cuda::lstm_forward<T>(form, y.view(), {h.view(), c.view()}, saved, p.x, p.weights(o.bias),
                        o.state ? p.start() : LstmStateViews<const T, Cuda>(), o.reverse);
  return {cuda::to_host(y), cuda::to_host(h), cuda::to_host(c)};
}

// Gradients of weights start at 1: they are added to.
template <class T>
Gradients<T> backward(const There<T>& p, LstmForm form, Choice o, TensorView<T, 1, Cuda> saved) {
  auto dx = unwritten<T, 3, Cuda>(p.x.sizes());
  auto dh0 = unwritten<T, 2, Cuda>(p.h0.sizes()), dc0 = unwritten<T, 2, Cuda>(p.h0.sizes());
  Tensor<T, 2, Cuda> dW_ih(p.W_ih.sizes()), dW_hh(p.W_hh.sizes());
  Tensor<T, 1, Cuda> db_ih(p.b_ih.sizes()), db_hh(p.b_hh.sizes());
  longwave::detail::fill(dW_ih.view(), T(1));
  longwave::detail::fill(dW_hh.view(), T(1));
  longwave::detail::fill(db_ih.view(), T(1));
  longwave::detail::fill(db_hh.view(), T(1));
  const auto dend = o.state ? LstmStateViews<const T, Cuda>{p.dh.view(), p.dc.view()} : LstmStateViews<const T, Cuda>();
  cuda::lstm_backward<T>(form, dx.view(), {dW_ih.view(), dW_hh.view(), db_ih.view(), db_hh.view()},
                         {dh0.view(), dc0.view()}, p.dy, dend, saved, p.weights(o.bias), p.x.sizes(), o.reverse);
  Gradients<T> g{cuda::to_host(dx),  cuda::to_host(dW_ih), cuda::to_host(dW_hh), cuda::to_host(dh0),
                 cuda::to_host(dc0), cuda::to_host(db_ih), cuda::to_host(db_hh)};
  const auto less_one = [](auto& t) {
    for (index_t i = 0; i < t.count(); ++i) t.data()[i] -= T(1);
  };
  less_one(g.dW_ih), less_one(g.dW_hh), less_one(g.db_ih), less_one(g.db_hh);
  return g;
}

bool clusters() { return cuda::device_info(cuda::current_device()).major >= 9; }

template <class T>
std::vector<LstmForm> forms_of(const LstmSizes& n) {
  const auto grid = cuda::LstmGrid::of<T>(n.I, n.H);
  if (!grid.fits || (grid.blocks > 1 && !clusters())) return {LstmForm::steps};
  return {LstmForm::resident, LstmForm::steps};
}

// Sums of up to 320 rounded terms, 40 steps on top of one another.
template <class T>
double tolerance() {
  return sizeof(T) == 4 ? 2e-5 : 1e-13;
}

template <class T>
void check_values(const Values<T>& got, const Values<double>& want) {
  CHECK(relative_error(got.y, want.y) < tolerance<T>());
  CHECK(relative_error(got.h, want.h) < tolerance<T>());
  CHECK(relative_error(got.c, want.c) < tolerance<T>());
}

template <class T>
void check_gradients(const Gradients<T>& got, const Gradients<double>& want) {
  CHECK(relative_error(got.dx, want.dx) < tolerance<T>());
  CHECK(relative_error(got.dW_ih, want.dW_ih) < tolerance<T>());
  CHECK(relative_error(got.dW_hh, want.dW_hh) < tolerance<T>());
  CHECK(relative_error(got.dh0, want.dh0) < tolerance<T>());
  CHECK(relative_error(got.dc0, want.dc0) < tolerance<T>());
  CHECK(relative_error(got.db_ih, want.db_ih) < tolerance<T>());
  CHECK(relative_error(got.db_hh, want.db_hh) < tolerance<T>());
}

// Empty ones; one block; clusters of 2, 4 and 8 with and without W_ih held; sizes that divide by nothing; too wide.
const std::vector<LstmSizes> all_sizes = {
    {0, 3, 2, 3},   {2, 0, 2, 3},   {1, 1, 1, 1},    {1, 2, 1, 1},     {3, 5, 2, 7},   {17, 3, 5, 13},  {33, 4, 3, 6},
    {70, 2, 4, 5},  {8, 7, 16, 11}, {2, 40, 3, 4},   {6, 3, 16, 40},   {9, 3, 16, 66}, {6, 4, 4, 66},   {5, 3, 70, 30},
    {5, 3, 40, 88}, {4, 3, 70, 97}, {4, 3, 70, 200}, {3, 2, 128, 256}, {2, 3, 3, 128}, {3, 2, 31, 225}, {3, 2, 5, 300}};

}  // namespace

TEST_CASE("cuda lstm: where the weights lie") {
  const auto is = [](cuda::LstmGrid g, bool fits, bool fused, index_t blocks, index_t units, index_t inputs) {
    return g.fits == fits && g.fused == fused && g.blocks == blocks && g.units == units && g.inputs == inputs;
  };
  CHECK(is(cuda::LstmGrid::of<float>(1, 1), true, true, 1, 1, 1));
  CHECK(is(cuda::LstmGrid::of<float>(16, 66), true, true, 4, 17, 4));  // the generator of gan-io
  CHECK(is(cuda::LstmGrid::of<float>(4, 66), true, true, 4, 17, 1));   // its discriminator
  CHECK(is(cuda::LstmGrid::of<float>(128, 256), true, false, 8, 32, 0));
  CHECK(is(cuda::LstmGrid::of<float>(31, 225), true, false, 8, 29, 0));
  CHECK(is(cuda::LstmGrid::of<double>(16, 66), true, true, 4, 17, 4));
  CHECK(is(cuda::LstmGrid::of<double>(1, 128), true, false, 4, 32, 0));
  CHECK(!cuda::LstmGrid::of<float>(1, 257).fits);
  CHECK(!cuda::LstmGrid::of<double>(1, 129).fits);
  for (index_t H = 1; H <= 256; ++H)
    for (index_t I = 0; I <= 300; ++I) {  // every unit and feature has a place in a block of at most 256 threads
      const auto g = cuda::LstmGrid::of<float>(I, H);
      REQUIRE(g.blocks * g.units >= H);
      REQUIRE(g.units + g.inputs <= cuda::LstmGrid::most_outputs);
      REQUIRE((!g.fused || (g.blocks * g.inputs >= I && H + I <= 256)));
    }
}

TEMPLATE_TEST_CASE("cuda lstm: both forms agree with the host in double, forwards and backwards in time", "", float,
                   double) {
  using T = TestType;
  on_device([] {
    for (const LstmSizes& n : all_sizes)
      for (const Choice o : {Choice{false, true, true}, Choice{true, true, true}, Choice{true, false, false}}) {
        const LstmProblem<T> here(n);
        const LstmProblem<double> exact(n);
        const There<T> p(here);
        const auto want = reference(exact, o);
        const auto gradients = reference_gradients(exact, o);
        for (const LstmForm form : forms_of<T>(n)) {
          INFO(n.B << " " << n.L << " " << n.I << " " << n.H << (form == LstmForm::resident ? " resident" : " steps")
                   << " reverse " << o.reverse << " bias and state " << o.state);
          check_values(forward(p, form, o), want);
          auto saved = p.saved();
          check_values(forward(p, form, o, saved.view()), want);
          check_gradients(backward(p, form, o, saved.view()), gradients);
        }
        if (forms_of<T>(n).size() < 2) continue;
        auto saved = p.saved();  // what one form keeps the other can use
        forward(p, LstmForm::resident, o, saved.view());
        check_gradients(backward(p, LstmForm::steps, o, saved.view()), gradients);
        forward(p, LstmForm::steps, o, saved.view());
        check_gradients(backward(p, LstmForm::resident, o, saved.view()), gradients);
      }
  });
}

TEST_CASE("cuda lstm: more sequences than clusters that fit at once, long ones", "[large]") {
  on_device([] {
    for (const LstmSizes& n : {LstmSizes{515, 12, 16, 66}, {256, 12, 4, 66}, {64, 256, 128, 256}, {301, 9, 128, 256}}) {
      const LstmProblem<float> here(n);
      const LstmProblem<double> exact(n);
      const There<float> p(here);
      const auto want = reference_gradients(exact, {});
      const auto values = reference(exact, {});
      for (const LstmForm form : forms_of<float>(n)) {
        INFO(n.B << " " << n.L << " " << n.I << " " << n.H << (form == LstmForm::resident ? " resident" : " steps"));
        auto saved = p.saved();
        check_values(forward(p, form, {}, saved.view()), values);
        const auto got = backward(p, form, {}, saved.view());
        check_gradients(got, want);
        for (int again = 0; again < 3; ++again) {  // the same bits each time
          forward(p, form, {}, saved.view());
          CHECK(relative_error(backward(p, form, {}, saved.view()).dW_hh, got.dW_hh) == 0);
        }
      }
    }
  });
}

TEMPLATE_TEST_CASE("cuda lstm: whatever is left out changes nothing else", "", float, double) {
  using T = TestType;
  on_device([] {
    for (const LstmSizes& n : {LstmSizes{5, 4, 3, 6}, {5, 4, 16, 66}, {3, 3, 200, 40}})
      for (const LstmForm form : forms_of<T>(n)) {
        INFO(n.B << " " << n.L << " " << n.I << " " << n.H << (form == LstmForm::resident ? " resident" : " steps"));
        const LstmProblem<T> here(n);
        const There<T> p(here);
        auto saved = p.saved();
        const auto all = forward(p, form, {}, saved.view());
        const auto want = backward(p, form, {}, saved.view());
        auto h = unwritten<T, 2, Cuda>(p.h0.sizes());
        cuda::lstm_forward<T>(form, {}, {h.view(), {}}, saved.view(), p.x, p.weights(), p.start(), false);
        CHECK(relative_error(cuda::to_host(h), all.h) == 0);
        auto dx = unwritten<T, 3, Cuda>(p.x.sizes());
        const LstmStateViews<const T, Cuda> dend{p.dh.view(), p.dc.view()};
        cuda::lstm_backward<T>(form, dx.view(), {}, {}, p.dy, dend, saved.view(), p.weights(), p.x.sizes(), false);
        CHECK(relative_error(cuda::to_host(dx), want.dx) < tolerance<T>());

        // Each gradient of the weights by itself.
        for (int which = 0; which < 4; ++which) {
          cuda::lstm_forward<T>(form, {}, {}, saved.view(), p.x, p.weights(), p.start(), false);
          Tensor<T, 2, Cuda> dW_ih(p.W_ih.sizes()), dW_hh(p.W_hh.sizes());
          Tensor<T, 1, Cuda> db(p.b_ih.sizes());
          LstmWeightViews<T, Cuda> d;
          if (which == 0) d.W_ih = dW_ih.view();
          if (which == 1) d.W_hh = dW_hh.view();
          if (which == 2) d.b_ih = db.view();
          if (which == 3) d.b_hh = db.view();
          cuda::lstm_backward<T>(form, {}, d, {}, p.dy, dend, saved.view(), p.weights(), p.x.sizes(), false);
          if (which == 0) CHECK(relative_error(cuda::to_host(dW_ih), want.dW_ih) < tolerance<T>());
          if (which == 1) CHECK(relative_error(cuda::to_host(dW_hh), want.dW_hh) < tolerance<T>());
          if (which > 1) CHECK(relative_error(cuda::to_host(db), want.db_ih) < tolerance<T>());
        }

        // Half a state, and no dy: the gradient comes from the state alone.
        cuda::lstm_forward<T>(form, {}, {}, saved.view(), p.x, p.weights(), {{}, p.c0.view()}, false);
        auto dc0 = unwritten<T, 2, Cuda>(p.h0.sizes());
        cuda::lstm_backward<T>(form, {}, {}, {{}, dc0.view()}, {}, {p.dh.view(), {}}, saved.view(), p.weights(),
                               p.x.sizes(), false);
        const LstmProblem<double> exact(n);
        Tensor<double, 1> kept(ops::Lstm::saved_count<double, Host>(exact.x.sizes(), n.H));
        Tensor<double, 2> exact_dc0(exact.c0.sizes());
        ops::Lstm::forward(TensorView<double, 3>(), {}, kept.view(), exact.x, exact.weights(), {{}, exact.c0.view()});
        ops::Lstm::backward(TensorView<double, 3>(), {}, {{}, exact_dc0.view()}, {}, {exact.dh.view(), {}}, kept.view(),
                            exact.weights(), exact.x.sizes());
        CHECK(relative_error(cuda::to_host(dc0), exact_dc0) < tolerance<T>());
      }
  });
}

TEMPLATE_TEST_CASE("cuda lstm: strided views, such as a (B, I, L) signal", "", float, double) {
  using T = TestType;
  on_device([] {
    for (const LstmSizes& n : {LstmSizes{5, 4, 3, 6}, {5, 4, 16, 66}, {3, 3, 200, 40}})
      for (const LstmForm form : forms_of<T>(n)) {
        INFO(n.B << " " << n.L << " " << n.I << " " << n.H << (form == LstmForm::resident ? " resident" : " steps"));
        const auto [B, L, I, H] = n;
        const LstmProblem<T> here(n);
        const There<T> p(here);
        auto saved = p.saved();
        const auto want = forward(p, form, {}, saved.view());
        const auto gradients = backward(p, form, {}, saved.view());

        Tensor<T, 3, Cuda> signal(B, I, L), dy(B, H, L);
        Tensor<T, 2, Cuda> W_ih(I, 4 * H), W_hh(H, 4 * H), h0(H, B);
        copy(signal.view().transpose(1, 2), p.x.view());
        copy(dy.view().transpose(1, 2), p.dy.view());
        copy(W_ih.view().transpose(0, 1), p.W_ih.view());
        copy(W_hh.view().transpose(0, 1), p.W_hh.view());
        copy(h0.view().transpose(0, 1), p.h0.view());
        LstmWeightViews<const T, Cuda> turned = p.weights();
        turned.W_ih = W_ih.view().transpose(0, 1);
        turned.W_hh = W_hh.view().transpose(0, 1);
        auto y = unwritten<T, 3, Cuda>(Extents<3>{B, H, L}), dx = unwritten<T, 3, Cuda>(Extents<3>{B, I, L});
        auto h = unwritten<T, 2, Cuda>(Extents<2>{H, B}), dh0 = unwritten<T, 2, Cuda>(Extents<2>{H, B});
        Tensor<T, 2, Cuda> dW(H, 4 * H);
        cuda::lstm_forward<T>(form, y.view().transpose(1, 2), {h.view().transpose(0, 1), {}}, saved.view(),
                              signal.view().transpose(1, 2), turned, {h0.view().transpose(0, 1), p.c0.view()}, false);
        cuda::lstm_backward<T>(form, dx.view().transpose(1, 2), {{}, dW.view().transpose(0, 1), {}, {}},
                               {dh0.view().transpose(0, 1), {}}, dy.view().transpose(1, 2), {p.dh.view(), p.dc.view()},
                               saved.view(), turned, p.x.sizes(), false);
        CHECK(relative_error(cuda::to_host(y).view().transpose(1, 2), want.y.view()) < tolerance<T>());
        CHECK(relative_error(cuda::to_host(h).view().transpose(0, 1), want.h.view()) < tolerance<T>());
        CHECK(relative_error(cuda::to_host(dx).view().transpose(1, 2), gradients.dx.view()) < tolerance<T>());
        CHECK(relative_error(cuda::to_host(dW).view().transpose(0, 1), gradients.dW_hh.view()) < tolerance<T>());
        CHECK(relative_error(cuda::to_host(dh0).view().transpose(0, 1), gradients.dh0.view()) < tolerance<T>());
      }
  });
}

TEST_CASE("cuda lstm: the resident form where the weights do not fit is an error") {
  on_device([] {
    const LstmProblem<float> here({2, 2, 3, 260});
    const There<float> p(here);
    CHECK(error_text<ValueError>([&] { forward(p, LstmForm::resident, {}); }) ==
          "lstm: the resident form takes H up to 256, and clusters of blocks, which this device may lack");
  });
}
