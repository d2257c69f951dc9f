// The snippets of docs/course/14_gpu.md.
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/cuda/blas.hpp"
#include "longwave/models/sequence_classifier.hpp"
#include "longwave/optim/adamw.hpp"
#include "longwave/stream/session.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("course 14: one type changes and the program runs on the device") {
  on_device([] {
    const auto u = random<float>(Extents<3>{2, 16, 1000}, 1);
    // [snippet: course_gpu_switch]
    Generator gen(42), same(42);
    S4D<float> here({.d_model = 16, .d_state = 16}, gen);
    S4D<float, Cuda> there({.d_model = 16, .d_state = 16}, same);  // the same numbers at first

    Tape<float> tape;
    const auto y = here(tape, tape.input(u)).value();

    const Tensor<float, 3, Cuda> u_there = cuda::to_device(u);
    Tape<float, Cuda> tape_there;
    const auto y_there = there(tape_there, tape_there.input(u_there)).value();  // queued; returns at once

    const Tensor<float, 3> fetched = cuda::to_host(y_there);  // waits for it
    CHECK(relative_error(fetched.view(), y) < 1e-5);
    // [/snippet]
  });
}

TEST_CASE("course 14: a stream for a scope") {
  on_device([] {
    const auto x = cuda::to_device(random<float>(Extents<1>{1000}, 1));
    Tensor<float, 1, Cuda> y(1000);
    // [snippet: course_gpu_stream]
    cuda::Stream stream;
    cuda::Event ready;
    {
      cuda::UseStream use(stream);  // what this thread queues in this scope goes there
      ops::Gelu::forward(y.view(), x);
      ready.record();
    }
    ready.wait();                     // this thread's own stream goes on after it; the host does not wait
    ops::Relu::forward(y.view(), y);  // so this sees the result of gelu
    cuda::synchronize();              // the host waits, and errors of kernels come out here
    // [/snippet]
    CHECK(relative_error(cuda::to_host(y), cuda::to_host(x)) <= 1);
  });
}

TEST_CASE("course 14: a captured training step") {
  on_device([] {
    const index_t B = 8, L = 50;
    Tensor<index_t, 1> classes(B);
    for (index_t b = 0; b < B; ++b) classes(b) = b % 4;
    const auto x = cuda::to_device(random<float>(Extents<3>{B, 1, L}, 2));
    const auto labels = cuda::to_device(classes);
    // [snippet: course_gpu_graph]
    Generator gen(42);
    SequenceClassifier<float, Cuda> model({.d_output = 4, .d_model = 16, .d_state = 8, .n_layers = 2}, gen);
    AdamW<float, Cuda> optimizer(model, {.lr = 1e-2});
    Tape<float, Cuda> tape;
    tape.train(gen);

    cuda::Readback losses;
    cuda::Graph graph;
    graph.advances(gen, optimizer, losses);  // they count on as if every step had been called
    for (int step = 0; step < 100; ++step)
      graph.run([&] {  // called twice, then captured work is replayed: one launch per step
        tape.rewind();
        const auto loss = cross_entropy(model(tape, tape.input(x)), labels.view());
        tape.backward(loss);
        optimizer.step();
        losses.publish(loss.value());
      });
    CHECK(losses.value(99) < 0.5 * losses.value(0));  // only here the host waits
    // [/snippet]
  });
}

TEST_CASE("course 14: products in TF32") {
  on_device([] {
    const auto A = random<float>(Extents<2>(300, 400), 1), B = random<float>(Extents<2>(400, 200), 2);
    Tensor<double, 2> want(300, 200);
    for (index_t m = 0; m < 300; ++m)
      for (index_t n = 0; n < 200; ++n)
        for (index_t k = 0; k < 400; ++k) want(m, n) += static_cast<double>(A(m, k)) * static_cast<double>(B(k, n));
    // [snippet: course_gpu_tf32]
    const auto A_there = cuda::to_device(A), B_there = cuda::to_device(B);
    Tensor<float, 2, Cuda> C(300, 200);
    ops::Matmul::forward(C.view(), A_there, B_there);
    CHECK(relative_error(cuda::to_host(C), want) < 1e-6);

    cuda::set_tf32(true);  // for the whole program
    ops::Matmul::forward(C.view(), A_there, B_there);
    CHECK(relative_error(cuda::to_host(C), want) < 2e-3);
    cuda::set_tf32(false);
    // [/snippet]
  });
}

TEST_CASE("course 14: many streams at once") {
  on_device([] {
    const index_t B = 1000, L = 64;
    Generator gen(42);
    SequenceClassifier<float, Cuda> model({.d_model = 16, .d_state = 8, .n_layers = 2}, gen);
    const auto history = cuda::to_device(random<float>(Extents<3>{B, 1, L}, 2));
    const auto samples = cuda::to_device(random<float>(Extents<2>{B, 1}, 3));
    // [snippet: course_gpu_session]
    Session session(model, /*B=*/1000);  // one state and one sample for each of 1000 streams
    session.prefill(history);            // (1000, 1, 64): what has been so far, in one pass
    for (int i = 0; i < 10; ++i) {
      copy(session.input(), samples.view());  // (1000, 1)
      session.step();                         // one launch
    }
    const Tensor<float, 2> logits = cuda::to_host(session.output());  // (1000, 10), after 74 samples
    // [/snippet]
    CHECK(logits.size(0) == B);
    CHECK(std::isfinite(logits(B - 1, 9)));
  });
}
