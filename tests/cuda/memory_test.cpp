#include "longwave/cuda/memory.hpp"

#include "longwave/cuda/staging.hpp"
#include "place.hpp"

using namespace longwave;
using namespace longwave::test;

TEST_CASE("cuda memory: a tensor goes there and back") {
  on_device([] {
    for (const index_t n : {0, 1, 997}) {
      const auto host = random<float>(Extents<2>(3, n), 1);
      const auto there = cuda::to_device(host);
      CHECK(relative_error(cuda::to_host(there), host) == 0);
      CHECK(relative_error(cuda::to_host(there.clone()), host) == 0);
    }
  });
}

TEST_CASE("cuda memory: a new tensor is zero and starts on 64 bytes") {
  on_device([] {
    const Tensor<double, 2, Cuda> there(17, 33);
    CHECK(relative_error(cuda::to_host(there), Tensor<double, 2>(17, 33)) == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(there.data()) % alignment == 0);
  });
}

TEST_CASE("cuda memory: copies between views of other shapes or with gaps are refused") {
  on_device([] {
    Tensor<float, 2, Cuda> there(3, 4);
    const Tensor<float, 2> host(4, 3);
    CHECK(error_text<ShapeError>([&] { cuda::copy(there.view(), host); }) ==
          "cuda::copy: to and from differ in shape: to is (3, 4), from is (4, 3)");
    CHECK(error_text<ShapeError>([&] { cuda::copy(there.view(), host.view().transpose(0, 1)); }) ==
          "cuda::copy: a view of (3, 4) is not contiguous; copy it into a tensor first");
  });
}

TEST_CASE("cuda memory: more than there is says how much was asked and is free", "[out-of-memory][large]") {
  on_device([] {
    const std::string text = error_text<DeviceError>([] { Memory<Cuda>::allocate(std::size_t(1) << 50); });
    INFO(text);
    CHECK(text.find("cudaMallocAsync: out of memory: 1048576.00 GiB asked, ") == 0);
    CHECK(text.find(" GiB free of ") != std::string::npos);
    CHECK(text.find("(memory.cu:") != std::string::npos);
    // The device is as good as before.
    CHECK(relative_error(cuda::to_host(Tensor<float, 1, Cuda>(5)), Tensor<float, 1>(5)) == 0);
  });
}

TEST_CASE("cuda memory: without a device there is a typed error and no crash") {
  if (cuda::device_count() > 0) return;
  CHECK(error_text<DeviceError>([] { Memory<Cuda>::allocate(64); }).find("cuda") == 0);
  CHECK(error_text<DeviceError>([] { cuda::set_device(0); }).find("this machine has no CUDA device or no driver") !=
        std::string::npos);
}

TEST_CASE("cuda memory: what is released while another stream still reads it is not handed on too early") {
  on_device([] {
    const index_t n = 1 << 22;
    cuda::Stream side;
    auto out = Tensor<float, 1, Cuda>(Extents(n));
    Tensor<float, 1> start(n);
    for (index_t i = 0; i < n; ++i) start(i) = 1;
    auto read = cuda::to_device(start);
    cuda::synchronize();
    {
      const cuda::UseStream use(side);
      for (int i = 0; i < 100; ++i) ops::Gelu::forward(out.view(), read);
    }
    const float* const place = read.data();
    read = Tensor<float, 1, Cuda>();
    const Tensor<float, 1, Cuda> next(n);  // zeroes the same memory, on the thread's own stream
    CHECK(next.data() == place);
    side.synchronize();
    const auto back = cuda::to_host(out);
    CHECK(back(0) == Approx(0.841345));
    CHECK(back(n - 1) == back(0));
  });
}

TEST_CASE("cuda memory: the pool keeps what is released, tells the most that was used, and gives it back when asked") {
  on_device([] {
    const std::size_t mib = std::size_t(1) << 20;
    const cuda::PeakMemory peak;
    const cuda::MemoryUse before = cuda::memory_use();
    {
      const Tensor<float, 1, Cuda> a(3 << 20), b(5 << 20);
      CHECK(cuda::memory_use().used >= before.used + 32 * mib);
    }
    CHECK(cuda::memory_use().used == before.used);
    CHECK(cuda::memory_use().reserved >= 32 * mib);
    CHECK(peak.bytes() >= 32 * mib);
    CHECK(peak.bytes() < 40 * mib);
    cuda::release_unused_memory();
    CHECK(cuda::memory_use().reserved < before.used + 32 * mib + 64 * mib);
    cuda::reset_peak_memory();
    CHECK(peak.bytes() == 0);
  });
}

TEST_CASE("cuda memory: an arena's block is as large as what asks for it") {
  on_device([] {
    Arena<Cuda> arena;
    arena.take<char>(100);
    CHECK(arena.reserved_bytes() == std::size_t(1) << 20);
    arena.take<char>(5 << 20);
    arena.take<char>(100);
    CHECK(arena.reserved_bytes() == std::size_t(7) << 20);
  });
}

TEST_CASE("cuda memory: batches travel through pinned memory and arrive as they were") {
  on_device([] {
    struct Filler {
      index_t fill(index_t i, TensorView<float, 3> x, TensorView<index_t, 1> y) const {
        const index_t B = i % 4 == 3 ? 2 : 3;
        for (index_t b = 0; b < B; ++b) {
          for (index_t l = 0; l < x.size(2); ++l) x(b, 0, l) = static_cast<float>(100 * i + b) + 0.001f * float(l % 7);
          y(b) = 10 * i + b;
        }
        return B;
      }
    };
    const index_t L = 4001;
    cuda::Staging<float> staging(Extents<3>(3, 1, L));
    Tensor<float, 2, Cuda> kept(40, 3 * L);
    kept.zero();
    const float* place = nullptr;
    for (index_t i = 0; i < 40; ++i) {
      const auto batch = staging.next(Filler(), i);
      if (place == nullptr) place = batch.x.data();
      CHECK(batch.x.data() == place);
      CHECK(batch.x.size(0) == (i % 4 == 3 ? 2 : 3));
      CHECK(batch.labels(1) == 10 * i + 1);
      Memory<Cuda>::copy(&kept.data()[i * 3 * L], batch.x.data(), static_cast<std::size_t>(batch.x.count()) * 4);
    }
    const auto back = cuda::to_host(kept);
    for (index_t i = 0; i < 40; ++i) {
      CHECK(back(i, L) == static_cast<float>(100 * i + 1));
      CHECK(back(i, L + 3) == static_cast<float>(100 * i + 1) + 0.003f);
      CHECK(back(i, 2 * L) == (i % 4 == 3 ? 0.0f : static_cast<float>(100 * i + 2)));
    }
  });
}
