# A thin front: every goal installs the Debian packages it lacks, configures a preset and calls CMake.
# `make help` lists the goals.

JOBS ?= $(shell nproc)
CMAKE_BUILD = cmake --build build/$(1) --parallel $(JOBS)

.PHONY: help
help:
	@echo "make demo      train on MNIST-1D, evaluate, stream; impute ETTh1; eight diffusion experiments; a GAN of your own disk's trace; a radar scene focused; reports (a few minutes)"
	@echo "make test      build and run all tests"
	@echo "make cuda      the device's side, where nvcc is: build all of it, run its tests (skipped where no GPU is)"
	@echo "make bench     build and run the benchmarks, JSON and a table under build/native/benchmarks/json [ONLY=regex of program names]"
	@echo "make bench-compare   FFT convolution, recurrence and chunked scan against one another on a small grid, with a report [ARGS='--L 64,4096 ...']"
	@echo "make docs      reference pages under build/docs (Doxygen)"
	@echo "make golden DIR=folder [OPS=a,b] [DEVICE=cpu|cuda]   run the reference cases of a folder"
	@echo "make umbrella  write the list of longwave.hpp"
	@echo "make format    clang-format over all sources"
	@echo "make clean     remove build/"
	@echo
	@echo "Missing Debian packages are installed through apt-get (sudo where not root); nothing else is downloaded."

.PHONY: demo
demo:
	cmake/bootstrap.sh build demo
	cmake --preset native
	$(call CMAKE_BUILD,native) --target long_sequence sssd mnist1d_diffusion trace_gan sar_focus
	examples/long_sequence/demo.sh build/native
	examples/sssd/demo.sh build/native
	examples/mnist1d_diffusion/demo.sh build/native
	examples/trace_gan/demo.sh build/native
	examples/sar_focus/demo.sh build/native

.PHONY: test
test:
	cmake/bootstrap.sh build demo test bench
	cmake --preset ci
	$(call CMAKE_BUILD,ci)
	ctest --preset ci

.PHONY: bench
bench:
	cmake/bootstrap.sh build bench
	cmake --preset native
	$(call CMAKE_BUILD,native) --target benchmarks
	benchmarks/run.sh build/native '$(ONLY)'

.PHONY: bench-compare
bench-compare:
	cmake/bootstrap.sh build demo
	cmake --preset native
	$(call CMAKE_BUILD,native) --target longwave_compare
	mkdir -p build/native/benchmarks/json
	build/native/benchmarks/longwave_compare --quick --json build/native/benchmarks/json/compare.json $(ARGS)
	build/native/benchmarks/longwave_compare report build/native/benchmarks/json/compare.json build/native/benchmarks/compare.html

.PHONY: docs
docs:
	cmake/bootstrap.sh docs
	mkdir -p build/docs
	doxygen Doxyfile
	@echo "build/docs/html/index.html"

# The device's side: library, tests, reference runner and programs, where nvcc is; runs the tests. With
# CUDA_ARCHITECTURES="90a-real" for one kind of device, in half the time.
.PHONY: cuda
cuda:
	cmake/bootstrap.sh build demo test
	cmake --preset cuda $(if $(CUDA_ARCHITECTURES),'-DCMAKE_CUDA_ARCHITECTURES=$(CUDA_ARCHITECTURES)')
	cmake --build --preset cuda --parallel $(JOBS)
	ctest --preset cuda

GOLDEN_PRESET = $(if $(filter cuda,$(DEVICE)),cuda,release)
.PHONY: golden
golden:
	@test -n '$(DIR)' || { echo "usage: make golden DIR=folder [OPS=a,b] [DEVICE=cpu|cuda]" >&2; exit 2; }
	cmake/bootstrap.sh build test
	cmake --preset $(GOLDEN_PRESET)
	$(call CMAKE_BUILD,$(GOLDEN_PRESET)) --target golden_runner
	build/$(GOLDEN_PRESET)/tests/golden_runner '$(DIR)' $(if $(OPS),--ops '$(OPS)') --device $(or $(DEVICE),cpu)

.PHONY: umbrella
umbrella:
	tests/headers/umbrella.sh include --write

.PHONY: format
format:
	git ls-files '*.hpp' '*.cpp' '*.cu' '*.cuh' | xargs clang-format -i

.PHONY: clean
clean:
	rm -rf build
