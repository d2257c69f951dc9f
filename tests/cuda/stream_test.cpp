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
