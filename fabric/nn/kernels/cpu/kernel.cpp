// SPDX-License-Identifier: Apache-2.0
// Forward and backward pass of a cascade, all stages for a tile of samples at a time.
//
// Between the stages a tile stays in the cache: hidden levels are never written to memory, and the backward pass computes
// them anew from x. Samples are turned from rows into columns and back for a few routers at once, beside the first and last
// product.
// Numbers of bfloat16 become floats on the way, or are multiplied in pairs where the processor can and no neuron is shared.
// Each thread takes a run of samples; gradients of weights are summed per thread and then over the threads in order, so
// that the same number of threads gives the same bits.
#include "backward.h"
#include "descend.h"
#include "forward.h"
#ifdef __AVX512BF16__
#include "backward_in_pairs.h"
#include "forward_in_pairs.h"
#endif

namespace {

template <class T>
void forward_of(const Call &call) {
    if (call.batch <= FORWARD_SINGLY) return Samples<T>(call).forward();
#ifdef __AVX512BF16__
    if constexpr (std::is_same_v<T, bfloat16>)
        if (!call.cascade->forks) return ForwardInPairs(call).run();
#endif
    Forward<T>(call).run();
}

template <class T>
void backward_of(const Call &call) {
    const long most = std::is_same_v<T, float> ? BACKWARD_SINGLY : 1;  // sums of bfloat16 would be rounded on the way
    if (call.batch > 0 && call.batch <= most)
        return Samples<T>(call).backward();
#ifdef __AVX512BF16__
    if constexpr (std::is_same_v<T, bfloat16>)
        if (!call.cascade->forks) return BackwardInPairs(call).run();
#endif
    Backward<T>(call).run();
}

}  // namespace

void forward(const Call &call, Type type) { type == Type::float32 ? forward_of<float>(call) : forward_of<bfloat16>(call); }

void backward(const Call &call, Type type) {
    type == Type::float32 ? backward_of<float>(call) : backward_of<bfloat16>(call);
}

void descend(Descent &descent) { Steps(descent).run(); }
