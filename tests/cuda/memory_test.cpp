#include "longwave/cuda/memory.hpp"

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

TEST_CASE("cuda memory: more than there is says how much was asked and is free", "[out-of-memory]") {
  on_device([] {
    const std::string text = error_text<DeviceError>([] { Memory<Cuda>::allocate(std::size_t(1) << 50); });
    INFO(text);
    CHECK(text.find("cudaMalloc: out of memory: 1048576.00 GiB asked, ") == 0);
    CHECK(text.find(" GiB free of ") != std::string::npos);
    CHECK(text.find("(memory.cu:") != std::string::npos);
    // The device is as good as before.
    CHECK(relative_error(cuda::to_host(Tensor<float, 1, Cuda>(5)), Tensor<float, 1>(5)) == 0);
  });
}

TEST_CASE("cuda memory: without a device there is a typed error and no crash") {
  if (cuda::device_count() > 0) return;
  CHECK(error_text<DeviceError>([] { Memory<Cuda>::allocate(64); }).find("cudaMalloc: ") == 0);
}
