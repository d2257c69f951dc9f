#!/bin/sh
# device_run.sh [GOLDEN_DIR]: builds what is to run on a machine with a GPU and little else, into build-gpu/:
#
#   build-gpu/bin      tests, golden_runner, longwave_gpu_bench, programs and their tests (stripped; no OpenMP or FFTW,
#                      zlib and libstdc++ linked in, no library that is not used), what times PyTorch, run.sh
#   build-gpu/golden   the reference cases; the runner leaves out what has no device form
#   build-gpu/data     MNIST-1D
#
# There: build-gpu/bin/run.sh OUT_DIR
set -eu
cd "$(dirname "$0")/.."
golden=${1:-${LONGWAVE_GOLDEN:-}}
programs="long_sequence sssd mnist1d_diffusion"
build=build/device

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DLONGWAVE_CUDA=ON -DCMAKE_CUDA_ARCHITECTURES="${ARCHITECTURES:-90a-real}" \
  -DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON -DCMAKE_DISABLE_FIND_PACKAGE_FFTW3=ON -DZLIB_USE_STATIC_LIBS=ON \
  -DCMAKE_CUDA_FLAGS=-lineinfo -DCMAKE_EXE_LINKER_FLAGS="-static-libstdc++ -static-libgcc -Wl,--as-needed"
cmake --build "$build" --parallel "${JOBS:-1}" --target longwave_cuda_tests golden_runner longwave_gpu_bench $programs

rm -rf build-gpu
mkdir -p build-gpu/bin build-gpu/golden
cp "$build/tests/longwave_cuda_tests" "$build/tests/golden_runner" "$build/benchmarks/longwave_gpu_bench" build-gpu/bin/
for program in $programs; do cp "$build/examples/$program" build-gpu/bin/; done
strip build-gpu/bin/*
for program in $programs; do cp "tests/examples/${program}_test.sh" build-gpu/bin/; done
cp benchmarks/gpu/peer_torch.py benchmarks/models/sssd_peer.py tests/examples/expect.sh build-gpu/bin/
cp -r examples/data build-gpu/
cp cuda/on_device.sh build-gpu/bin/run.sh
chmod +x build-gpu/bin/run.sh
if [ -n "$golden" ]; then cp -r "$golden"/. build-gpu/golden/; fi
chmod -R u+w build-gpu
du -sh build-gpu
