#include "longwave/core/error.hpp"

#include "check.hpp"

using namespace longwave;

TEST_CASE("error: every type is an Error, and an Error a runtime_error") {
  STATIC_REQUIRE(std::is_base_of_v<std::runtime_error, Error>);
  STATIC_REQUIRE(std::is_base_of_v<Error, ShapeError>);
  STATIC_REQUIRE(std::is_base_of_v<Error, ValueError>);
  STATIC_REQUIRE(std::is_base_of_v<Error, IoError>);
  STATIC_REQUIRE(std::is_base_of_v<Error, DeviceError>);
  CHECK_THROWS_AS(throw_shape_error("x"), ShapeError);
  CHECK_THROWS_AS(throw_value_error("x"), ValueError);
}

TEST_CASE("error: an IoError names the file, and the offset where there is one") {
  const IoError with("a.npy", "the header ends early", 12), without("a.npy", "no such file");
  CHECK(std::string(with.what()) == "a.npy (offset 12): the header ends early");
  CHECK(with.file == "a.npy");
  CHECK(with.offset == 12);
  CHECK(std::string(without.what()) == "a.npy: no such file");
  CHECK(without.offset == -1);
}

TEST_CASE("error: a DeviceError names the call and the place") {
  const DeviceError error("cudaMalloc", "out of memory", "tensor.cu", 7);
  CHECK(std::string(error.what()) == "cudaMalloc: out of memory (tensor.cu:7)");
  CHECK(error.call == "cudaMalloc");
  CHECK(error.line == 7);
}
