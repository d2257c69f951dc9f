// cuda.hpp - what a program that uses a device includes besides its ops: memory, copies, streams. Plain C++20; link
// longwave::cuda.
#pragma once

#include "longwave/cuda/memory.hpp"
#include "longwave/cuda/stream.hpp"
