#!/bin/sh
# include_direction.sh INCLUDE_DIR: no header includes upwards, and heavy or foreign headers stay where they belong.
set -eu
cd "$1"
find longwave -name '*.hpp' | sort | xargs awk '
  function folder(path,   parts, n) {
    n = split(path, parts, "/")
    return n > 2 ? parts[2] : "top"
  }
  function allow(who, whom) { allowed[who] = " " whom " " }
  function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    failed = 1
  }
  # Which folder may see which. From left to right the order of the design.
  BEGIN {
    allow("core", "core cuda")  # cuda: the device side of its loops
    allow("cpu", "core cpu")
    allow("cuda", "core cuda")
    ops = "core cpu cuda ops"
    allow("ops", ops)
    allow("sar", ops " sar")
    autograd = ops " autograd"
    allow("autograd", autograd)
    state_space = autograd " state_space"
    allow("state_space", state_space)
    nn = state_space " nn"
    allow("nn", nn)
    allow("diffusion", nn " diffusion")
    allow("optim", nn " optim")
    models = nn " diffusion optim models"
    allow("models", models)
    allow("io", "core cuda io")  # cuda: memory, to save what is there
    allow("data", ops " io data")  # ops: synthetic signals come from an FFT
    allow("metrics", ops " metrics")
    allow("stream", models " stream")
    allow("interop", models " io interop")
    allow("top", models " top sar io data metrics stream interop")
  }
  /^ *# *include *"/ {
    split($0, parts, "\"")
    target = parts[2]
    if (target !~ /^longwave\//) complain("includes \"" target "\"; write it from longwave/ on")
    else if (index(allowed[folder(FILENAME)], " " folder(target) " ") == 0)
      complain(folder(FILENAME) "/ may not include " target)
  }
  /^ *# *include *</ {
    target = $0
    sub(/^[^<]*</, "", target)
    sub(/>.*/, "", target)
    from = folder(FILENAME)
    if (target ~ /^longwave\//) complain("our own headers are included with quotes")
    if (target ~ /^(iostream|functional|regex|format|CLI\/.*|spdlog\/.*)$/) complain("<" target "> costs every user too much")
    if (target ~ /Eigen\// && from != "cpu" && FILENAME !~ /skew_eigen|discretize_dense|dplr_length|interop/) complain("Eigen belongs in cpu/ and in the dense parts of state_space/")
    if (target ~ /fftw/ && FILENAME !~ /cpu\/fft_fftw/) complain("FFTW belongs in cpu/fft_fftw.hpp")
    if (target ~ /^nlohmann\// && from != "io") complain("JSON belongs in io/")
    if (target ~ /^(zlib|zip|zstd|blosc)\.h$/ && from != "io") complain("codecs belong in io/")
    if (target ~ /^cuda|^cu[a-z]+\.h$|^thrust\//) complain("plain headers see nothing of CUDA")
  }
  /__CUDACC__/ && FILENAME != "longwave/core/config.hpp" { complain("only core/config.hpp asks for the compiler") }
  END { exit failed }
'
# A header without a guard would not survive the tests of single headers; this names it.
missing=$(find longwave -name '*.hpp' | xargs grep -L '^#pragma once' || true)
[ -z "$missing" ] || { echo "no #pragma once: $missing"; exit 1; }
echo "$(find longwave -name '*.hpp' | wc -l) headers, none includes upwards"
