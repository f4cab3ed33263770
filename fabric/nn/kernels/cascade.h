// SPDX-License-Identifier: Apache-2.0
// What a call hands over (made by _native.py), and the memory that calls work in.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <new>

#include "vectors.h"

// A stage of routers, each a dense block of the weight (routers, outputs, inputs).
//
// A level between two stages has two orders. In the producers' order, output i of router r lies at r * padded(outputs) + i;
// in the consumers' order, input j of router r lies at r * padded(inputs) + j. Level 0 has the consumers' order only, the
// last level the producers' only.
struct Stage {
    int64_t routers, outputs, inputs;  // of the largest router
    int64_t transposed;                // whether reads[r * inputs + j] is j * padded(outputs below) + r
    const int32_t *reads;              // (routers, inputs): where in the producers' order of the level below (level 0: consumers')
    const int32_t *writes;             // (routers, outputs): where in the consumers' order of the level above (last: producers')
    const int32_t *used_inputs, *used_outputs;  // (routers,): smaller routers leave the last entries of their block unused

    long below() const { return routers * padded(inputs); }
    long above() const { return routers * padded(outputs); }
};

struct Cascade {
    int64_t depth, inputs, outputs;
    const Stage *stages;
    const int32_t *from_x;  // (consumers' order of level 0): the feature, or -1 for padding; null: the features in order
    const int32_t *to_y;    // (producers' order of the last level): likewise
};

struct Call {
    const Cascade *cascade;
    int64_t batch, threads, wants_dx;
    const void *x, *bias;     // bias may be null
    void *y;                  // forward
    const void *dy;           // backward
    void *dx, *dbias;         // dbias may be null
    const void *tensors[1];   // the weights of all stages, then (backward) their gradients
};

// bfloat16: the upper half of a float, rounded to nearest, ties to even.
struct bfloat16 {
    uint16_t bits;
};

inline float widened(float value) { return value; }
inline float widened(bfloat16 value) {
    const uint32_t bits = uint32_t(value.bits) << 16;
    float result;
    std::memcpy(&result, &bits, sizeof result);
    return result;
}

inline void assign(float &to, float value) { to = value; }
inline void assign(bfloat16 &to, float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    const uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    to.bits = uint16_t((bits & 0x7FFFFFFF) > 0x7F800000 ? bits >> 16 | 0x40 : rounded);  // a NaN stays one
}

// Memory that is kept from call to call: fresh pages cost more than the sums. It grows to the largest call of its thread.
class Arena {
    char *start = nullptr;
    std::size_t size = 0, used = 0;

public:
    void reserve(std::size_t floats) {
        used = 0;
        const std::size_t wanted = (floats * sizeof(float) + 4095) / 4096 * 4096;
        if (wanted <= size) return;
        std::free(start);
        size = 0;
        start = static_cast<char *>(std::aligned_alloc(4096, wanted));
        if (!start) throw std::bad_alloc();
        size = wanted;
    }
    float *take(std::size_t floats) {
        float *part = reinterpret_cast<float *>(start + used);
        used += rounded(floats) * sizeof(float);
        return part;
    }
    static std::size_t rounded(std::size_t floats) { return (floats + 15) / 16 * 16; }
    ~Arena() { std::free(start); }
};

// Rows of a power of two of floats would all fall into the same few sets of the cache: one more line between them.
inline long pitch(long neurons) { return (neurons + 15) / 16 * 16 + 16; }
