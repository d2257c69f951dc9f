// functions.hpp - every tape function: Var in, Var out, with the gradient recorded on the way.
#pragma once

#include "longwave/autograd/functions/activation.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/autograd/functions/reduce.hpp"
