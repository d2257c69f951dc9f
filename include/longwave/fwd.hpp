// fwd.hpp - names without definitions, for headers that only pass these types on. Default arguments belong to the
// definitions: before those are seen, write the device as well.
#pragma once

#include "longwave/core/device.hpp"

namespace longwave {

template <int N>
struct Extents;
template <class T>
struct complex;
template <class T, int N, device D>
class TensorView;
template <class T, int N, device D>
class Tensor;
template <device D>
class Arena;
template <device D>
class ScratchOn;
class Generator;

template <class T, int N, device D>
class Var;
template <class T, device D>
class Tape;

template <class T, int N, device D>
struct Parameter;

}  // namespace longwave
