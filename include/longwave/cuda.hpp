// cuda.hpp - what a program that uses a device includes besides its ops: devices, memory, copies, streams, events,
// graphs. Plain C++20; link longwave::cuda.
#pragma once

#include "longwave/cuda/aside.hpp"
#include "longwave/cuda/device.hpp"
#include "longwave/cuda/event.hpp"
#include "longwave/cuda/graph.hpp"
#include "longwave/cuda/memory.hpp"
#include "longwave/cuda/readback.hpp"
#include "longwave/cuda/staging.hpp"
#include "longwave/cuda/stream.hpp"
