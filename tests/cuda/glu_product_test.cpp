// bf16: linear_glu_after
#include "longwave/cuda/glu_product.hpp"

#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/cuda/graph.hpp"
#include "place.hpp"
#include "typed_bfloat16_layer.hpp"

using namespace longwave;
using namespace longwave::test;

namespace {

class UseTf32 {
 public:
  UseTf32() { cuda::set_tf32(true); }
  ~UseTf32() { cuda::set_tf32(false); }
};

// Operands are rounded to 11 or 8 bits, results in bfloat16 once more.
template <class S>
constexpr double bound = std::is_same_v<S, bfloat16> ? 0x1p-6 : 2e-3;

template <class S>
Tensor<S, 3> stored(const Tensor<float, 3>& x) {
  if constexpr (std::is_same_v<S, bfloat16>)
    return in_bfloat16(x);
  else
    return x.clone();
}

template <class S>
struct TailData {
  Tensor<S, 3> x, dy;
  Tensor<float, 3> W;
  Tensor<float, 1> bias;
  double p;

  TailData(index_t B, index_t H, index_t L, double dropped = 0)
      : x(stored<S>(random<float>(Extents<3>(B, H, L), 1))),
        dy(stored<S>(random<float>(Extents<3>(B, H, L), 2))),
        W(random<float>(Extents<3>(2 * H, H, 1), 3, 0.1f)),
        bias(random<float>(Extents<1>(2 * H), 4)),
        p(dropped) {}
};

struct TailResults {
  Tensor<float, 3> y, dx, dW;
  Tensor<float, 1> dbias;
};

double largest_error(const TailResults& a, const TailResults& b) {
  return std::max(std::max(relative_error(a.y, b.y), relative_error(a.dx, b.dx)),
                  std::max(relative_error(a.dW, b.dW), relative_error(a.dbias, b.dbias)));
}

// On the host in double.
template <class S>
TailResults expected(const TailData<S>& data) {
  Generator gen(8);
  Tape<double> tape;
  tape.train(gen);
  const auto x = converted<double>(data.x), dy = converted<double>(data.dy), W = converted<double>(data.W);
  const auto bias = converted<double>(data.bias);
  const auto u = tape.variable(x.view()), w = tape.variable(W.view());
  const auto b = tape.variable(bias.view());
  const auto y = linear_glu_after(u, GeluRule(), w, b, data.p, true);
  tape.backward(y, dy.view());
  return {converted<float>(fetched(y.value())), converted<float>(fetched(u.grad())),
          converted<float>(fetched(w.grad())), converted<float>(fetched(b.grad()))};
}

// Where x and dy start: at a multiple of 16 bytes, an element behind one, or rows further apart than they are long.
enum class Place3 { aligned, shifted, spread };

template <class S>
struct Placed {
  Tensor<S, 1, Cuda> memory;
  TensorView<S, 3, Cuda> view;

  Placed(const Tensor<S, 3>& x, Place3 place) {
    const index_t B = x.size(0), H = x.size(1), L = x.size(2), row = place == Place3::spread ? L + 1 : L;
    memory = unwritten<S, 1, Cuda>(Extents<1>(B * H * row + 1));
    view = TensorView<S, 3, Cuda>(memory.data() + (place == Place3::shifted ? 1 : 0), Extents<3>(B, H, L),
                                  Extents<3>(H * row, row, 1));
    const auto there = cuda::to_device(x);
    copy(view, there.view());
  }
};

template <class S>
class TailRun {
 public:
  explicit TailRun(const TailData<S>& data, Place3 x = Place3::aligned, Place3 dy = Place3::aligned)
      : p_(data.p), x_(data.x, x), dy_(data.dy, dy), W_(cuda::to_device(data.W)), bias_(cuda::to_device(data.bias)) {}

  bool one_kernel() const { return cuda::glu_product_takes<S>(x_.view, W_.sizes()); }

  // After a run on NaN, which leaves them in all memory that is not written.
  TailResults operator()() {
    Tensor<S, 3> nan(x_.view.sizes());
    for (index_t i = 0; i < nan.count(); ++i) nan.data()[i] = S(NAN);
    const auto poison = cuda::to_device(nan);
    pass(poison.view(), poison.view());
    return pass(x_.view, dy_.view);
  }

  Tape<float, Cuda>& tape() { return tape_; }

 private:
  TailResults pass(TensorView<const S, 3, Cuda> x, TensorView<const S, 3, Cuda> dy) {
    Generator gen(8);
    tape_.rewind();
    tape_.train(gen);
    const Var<S, 3, Cuda> u = tape_.variable(x);
    const auto w = tape_.variable(W_.view());
    const auto b = tape_.variable(bias_.view());
    const auto y = linear_glu_after(u, GeluRule(), w, b, p_, true);
    tape_.backward(y, dy);
    return {converted<float>(fetched(y.value())), converted<float>(fetched(u.grad())),
            converted<float>(fetched(w.grad())), converted<float>(fetched(b.grad()))};
  }

  double p_;
  Placed<S> x_, dy_;
  Tensor<float, 3, Cuda> W_;
  Tensor<float, 1, Cuda> bias_;
  Tape<float, Cuda> tape_;
};

template <class S>
void check_tail(index_t B, index_t H, index_t L, double p) {
  const TailData<S> data(B, H, L, p);
  const TailResults want = expected(data);
  TailRun<S> run(data);
  const TailResults got = run();
  INFO("B " << B << ", H " << H << ", L " << L << ", p " << p << (run.one_kernel() ? ", one kernel" : ""));
  CHECK(relative_error(got.y, want.y) <= bound<S>);
  CHECK(relative_error(got.dx, want.dx) <= bound<S>);
  CHECK(relative_error(got.dW, want.dW) <= bound<S>);
  CHECK(relative_error(got.dbias, want.dbias) <= bound<S>);
  CHECK(largest_error(run(), got) == 0);  // the same bits
}

}  // namespace

TEMPLATE_TEST_CASE("on the device: the end of a layer against the host in double", "", float, bfloat16) {
  on_device([] {
    const UseTf32 on;
    constexpr index_t line = 16 / sizeof(TestType);
    for (const double p : {0.0, 0.3}) {
      check_tail<TestType>(1, 128, line, p);
      check_tail<TestType>(1, 256, line, p);
      check_tail<TestType>(3, 128, 7 * line, p);
      check_tail<TestType>(3, 256, 17 * line, p);
      check_tail<TestType>(2, 128, 37 * line, p);
      check_tail<TestType>(1, 256, 41 * line, p);
    }
    check_tail<TestType>(2, 128, 37, 0.3);  // not of one kernel: a row is no multiple of 16 bytes,
    check_tail<TestType>(2, 64, 40, 0.3);   // and there is none for 64 features
  });
}

// More tiles than multiprocessors, with a last one that is not full.
TEMPLATE_TEST_CASE("on the device: the end of a layer, every block with several tiles", "[large]", float, bfloat16) {
  on_device([] {
    const UseTf32 on;
    check_tail<TestType>(16, 128, 8 * 263, 0.1);
    check_tail<TestType>(16, 256, 8 * 263, 0.0);
    check_tail<TestType>(3, 256, 8 * 801, 0.1);
  });
}

TEMPLATE_TEST_CASE("on the device: the end of a layer as one kernel and as several", "", float, bfloat16) {
  on_device([] {
    const UseTf32 on;
    for (const index_t H : {128, 256}) {
      const TailData<TestType> data(3, H, 200, 0.2);
      TailRun<TestType> one(data), separate(data, Place3::spread);
      CHECK(!separate.one_kernel());
      const TailResults want = separate();
      CHECK(largest_error(one(), want) <= 2 * bound<TestType>);
      // Gradients that do not start on 16 bytes or are not dense are copied.
      const TailResults aligned = one();
      for (const Place3 place : {Place3::shifted, Place3::spread})
        CHECK(largest_error(TailRun<TestType>(data, Place3::aligned, place)(), aligned) == 0);
    }
  });
}

TEMPLATE_TEST_CASE("on the device: the end of a layer, what needs no gradient changes no bit of the rest", "", float,
                   bfloat16) {
  on_device([] {
    const UseTf32 on;
    const TailData<TestType> data(2, 128, 72);
    const TailResults all = TailRun<TestType>(data)();
    const auto x = cuda::to_device(data.x), dy = cuda::to_device(data.dy);
    const auto W = cuda::to_device(data.W);
    const auto bias = cuda::to_device(data.bias);
    for (int fixed = 0; fixed < 3; ++fixed) {
      Tape<float, Cuda> tape;
      const Var<TestType, 3, Cuda> u = fixed == 0 ? tape.input(x.view()) : tape.variable(x.view());
      const auto w = fixed == 1 ? tape.input(W.view()) : tape.variable(W.view());
      const auto b = fixed == 2 ? tape.input(bias.view()) : tape.variable(bias.view());
      tape.backward(linear_glu_after(u, GeluRule(), w, b), dy.view());
      if (fixed != 0) CHECK(relative_error(converted<float>(fetched(u.grad())), all.dx) == 0);
      if (fixed != 1) CHECK(relative_error(fetched(w.grad()), all.dW) == 0);
      if (fixed != 2) CHECK(relative_error(fetched(b.grad()), all.dbias) == 0);
    }
  });
}

TEST_CASE("on the device: the end of a layer, gradients of an input that is used twice") {
  on_device([] {
    const UseTf32 on;
    const TailData<float> data(2, 128, 36);
    TailResults want = expected(data);
    const auto x = cuda::to_device(data.x), W = cuda::to_device(data.W), dy = cuda::to_device(data.dy);
    const auto bias = cuda::to_device(data.bias);
    Tape<float, Cuda> tape;
    const auto u = tape.variable(x.view());
    const auto y = linear_glu_after(u, GeluRule(), tape.input(W), tape.input(bias)) + u;
    tape.backward(y, dy.view());
    for (index_t i = 0; i < data.dy.count(); ++i) want.dx.data()[i] += data.dy.data()[i];
    CHECK(relative_error(fetched(u.grad()), want.dx) <= bound<float>);
  });
}

TEMPLATE_TEST_CASE("on the device: the end of a layer as one kernel keeps at most z", "", float, bfloat16) {
  on_device([] {
    const UseTf32 on;
    const TailData<TestType> data(2, 256, 2048, 0.1);
    const auto x = cuda::to_device(data.x);
    const auto W = cuda::to_device(data.W);
    const auto bias = cuda::to_device(data.bias);
    if (!cuda::glu_product_takes<TestType>(x.view(), W.sizes())) {
      WARN("separate kernels here");
      return;
    }
    const index_t kept = cuda::glu_product_keeps<TestType>() ? 2 : 0;  // z
    Generator gen(1);
    Tape<float, Cuda> tape;
    tape.train(gen);
    const Var<TestType, 3, Cuda> u = tape.variable(x.view());
    linear_glu_after(u, GeluRule(), tape.variable(W.view()), tape.variable(bias.view()), data.p, true);
    const index_t bytes = (1 + kept) * x.count() * sizeof(TestType);  // y, and a first block
    CHECK(static_cast<index_t>(tape.arena().reserved_bytes()) <= bytes + (1 << 20));
  });
}

TEST_CASE("on the device: what one kernel takes") {
  on_device([] {
    const Tensor<float, 3, Cuda> x(2, 128, 36);
    const Extents<3> W(256, 128, 1);
    CHECK(!cuda::glu_product_takes<float>(x.view(), W));  // full float32 is asked for
    const UseTf32 on;
    CHECK(!cuda::glu_product_takes<float>(x.view(), Extents<3>(128, 128, 1)));
    CHECK(!cuda::glu_product_takes<float>(x.view(), Extents<3>(256, 64, 1)));
    CHECK(!cuda::glu_product_takes<float>(x.view().slice(2, 0, 32), W));
    CHECK(!cuda::glu_product_takes<float>(x.view().slice(1, 0, 64), Extents<3>(128, 64, 1)));
    const Tensor<bfloat16, 3, Cuda> narrow(2, 128, 36);  // 72 bytes
    CHECK(!cuda::glu_product_takes<bfloat16>(narrow.view(), W));
  });
}

// Dropout of layers in replays is that of as many calls: with one kernel, its draw is made in the graph.
TEMPLATE_TEST_CASE("on the device: a layer of 128 features that drops is captured, with the bits of as many calls", "",
                   float, bfloat16) {
  on_device([] {
    const UseTf32 on;
    const auto run = [](bool eager) {
      Generator gen(3);
      S4DOptions options{.d_model = 128, .d_state = 16};
      options.dropout = 0.2;
      S4D<float, Cuda> layer(options, gen);
      const auto u = cuda::to_device(stored<TestType>(random<float>(Extents<3>(3, 128, 264), 61)));
      const auto dy = cuda::to_device(stored<TestType>(random<float>(Extents<3>(3, 128, 264), 62)));
      Tape<float, Cuda> tape;
      tape.train(gen);
      cuda::Graph graph(cuda::GraphOptions{.eager = eager});
      graph.advances(gen);
      Tensor<TestType, 3, Cuda> y(u.sizes()), du(u.sizes());
      for (int i = 0; i < 5; ++i)
        graph.run([&] {
          tape.rewind();
          const Var<TestType, 3, Cuda> in = tape.variable(u.view());
          const Var<TestType, 3, Cuda> out = layer(tape, in);
          tape.backward(out, dy.view());
          copy(y.view(), out.value());
          copy(du.view(), in.grad());
        });
      CHECK(graph.captured() != eager);
      return LayerResults{converted<float>(cuda::to_host(y)), converted<float>(cuda::to_host(du)), {}};
    };
    const LayerResults called = run(true), replayed = run(false);
    CHECK(relative_error(called.y, replayed.y) == 0);
    CHECK(relative_error(called.du, replayed.du) == 0);
  });
}
