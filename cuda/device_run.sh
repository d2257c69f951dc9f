#!/bin/sh
# device_run.sh [GOLDEN_DIR]: builds what is to run on a machine with a GPU and little else, into build-gpu/:
#
#   build-gpu/bin      tests, golden_runner, longwave_gpu_bench (stripped; no OpenMP, FFTW or zlib, libstdc++ linked in),
#                      peer_torch.py, run.sh
#   build-gpu/golden   the reference cases of the ops that have a device form
#
# There: build-gpu/bin/run.sh OUT_DIR
set -eu
cd "$(dirname "$0")/.."
golden=${1:-${LONGWAVE_GOLDEN:-}}
build=build/device

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DLONGWAVE_CUDA=ON -DLONGWAVE_EXAMPLES=OFF \
  -DCMAKE_DISABLE_FIND_PACKAGE_OpenMP=ON -DCMAKE_DISABLE_FIND_PACKAGE_FFTW3=ON -DCMAKE_DISABLE_FIND_PACKAGE_ZLIB=ON \
  -DCMAKE_CUDA_FLAGS=-lineinfo -DCMAKE_EXE_LINKER_FLAGS="-static-libstdc++ -static-libgcc"
cmake --build "$build" --parallel "${JOBS:-1}" --target longwave_cuda_tests golden_runner longwave_gpu_bench

rm -rf build-gpu
mkdir -p build-gpu/bin build-gpu/golden
cp "$build/tests/longwave_cuda_tests" "$build/tests/golden_runner" "$build/benchmarks/longwave_gpu_bench" build-gpu/bin/
strip build-gpu/bin/*
cp benchmarks/gpu/peer_torch.py build-gpu/bin/
cp cuda/on_device.sh build-gpu/bin/run.sh
chmod +x build-gpu/bin/run.sh
for op in gelu vandermonde; do
  if [ -n "$golden" ] && [ -d "$golden/$op" ]; then cp -r "$golden/$op" build-gpu/golden/; fi
done
chmod -R u+w build-gpu
du -sh build-gpu
