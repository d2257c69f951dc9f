#include "longwave/cuda/stream.hpp"

#include <thread>

#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("cuda streams: ops go to the stream of the scope") {
  on_device([] {
    cuda::Stream stream;
    cuda::Stream& before = cuda::current_stream();
    {
      cuda::UseStream use(stream);
      CHECK(&cuda::current_stream() == &stream);
      check_vandermonde<float, Cuda>(2, 3, 1100);
      CHECK(stream.scratch().reserved_bytes() > 0);  // the partial sums of two tiles
    }
    CHECK(&cuda::current_stream() == &before);
  });
}

TEST_CASE("cuda streams: working memory is taken once and used again") {
  on_device([] {
    cuda::Stream stream;
    cuda::UseStream use(stream);
    check_vandermonde<float, Cuda>(2, 3, 5000);
    const std::size_t bytes = stream.scratch().reserved_bytes();
    for (int i = 0; i < 3; ++i) check_vandermonde<float, Cuda>(2, 3, 5000);
    CHECK(stream.scratch().reserved_bytes() == bytes);
  });
}

TEST_CASE("cuda streams: each thread has its own") {
  on_device([] {
    cuda::Stream* other = nullptr;
    double error = 1;
    std::thread([&] {
      other = &cuda::current_stream();
      const auto x = random<float>(Extents(1000), 41);
      const auto there = cuda::to_device(x);
      error = relative_error(cuda::to_host(there), x);
    }).join();
    CHECK(other != &cuda::current_stream());
    CHECK(error == 0);
  });
}

TEST_CASE("cuda streams: an event orders two streams and measures time") {
  on_device([] {
    const index_t n = 1 << 20;
    const auto x = random<float>(Extents(n), 42);
    const auto there = cuda::to_device(x);
    Tensor<float, 1, Cuda> y(n), z(n);
    cuda::synchronize();
    cuda::Stream side;
    cuda::Event begin, end;
    CHECK(begin.happened());
    {
      const cuda::UseStream use(side);
      begin.record();
      for (int i = 0; i < 50; ++i) ops::Gelu::forward(y.view(), there);
      end.record();
    }
    end.wait();
    ops::Gelu::forward(z.view(), y);
    Tensor<float, 1> want_y(n), want(n);
    ops::Gelu::forward(want_y.view(), x);
    ops::Gelu::forward(want.view(), want_y);
    CHECK(relative_error(cuda::to_host(z), want) < 1e-6);
    CHECK(cuda::milliseconds(begin, end) > 0);
    CHECK(cuda::milliseconds(begin, end) < 1000);
  });
}

TEST_CASE("cuda devices: by name, by number, with what they are") {
  CHECK_FALSE(parse_device("cpu").on_cuda);
  CHECK(parse_device("cuda").index == 0);
  CHECK(parse_device("cuda:12").index == 12);
  CHECK(parse_device("cuda:12").on_cuda);
  for (const char* text : {"", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:12345", "cuda1", "Cuda"})
    CHECK(error_text<ValueError>([&] { parse_device(text); }) ==
          "device: \"" + std::string(text) + "\" is none of cpu, cuda, cuda:<number>");
  on_device([] {
    const cuda::DeviceInfo info = cuda::device_info(0);
    CHECK_FALSE(info.name.empty());
    CHECK(info.major >= 5);
    CHECK(info.memory > std::size_t(1) << 30);
    cuda::set_device(0);
    CHECK(cuda::current_device() == 0);
    const std::string text = error_text<DeviceError>([] { cuda::set_device(cuda::device_count()); });
    INFO(text);
    CHECK(text.find("cuda::set_device: there is no device " + std::to_string(cuda::device_count()) + ": ") == 0);
  });
}
