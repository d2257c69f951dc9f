// functions.hpp - every tape function: Var in, Var out, with the gradient recorded on the way.
#pragma once

#include "longwave/autograd/functions/activation.hpp"
#include "longwave/autograd/functions/cauchy.hpp"
#include "longwave/autograd/functions/conv1d.hpp"
#include "longwave/autograd/functions/dropout.hpp"
#include "longwave/autograd/functions/elementwise.hpp"
#include "longwave/autograd/functions/embedding.hpp"
#include "longwave/autograd/functions/fft.hpp"
#include "longwave/autograd/functions/fft_conv.hpp"
#include "longwave/autograd/functions/loss.hpp"
#include "longwave/autograd/functions/matmul.hpp"
#include "longwave/autograd/functions/norm.hpp"
#include "longwave/autograd/functions/pool.hpp"
#include "longwave/autograd/functions/readout.hpp"
#include "longwave/autograd/functions/reduce.hpp"
#include "longwave/autograd/functions/shape.hpp"
