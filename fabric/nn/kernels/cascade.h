// SPDX-License-Identifier: Apache-2.0
// What a call hands over (made by _native.py), and the memory that calls work in.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <new>

#include "vectors.h"

// A stage of routers, each a dense block of the weight (routers, outputs, inputs).
//
// A level between two stages has two orders of its neurons. In the producers' order, output i of router r below lies at
// r * outputs + i; in the consumers' order, input j of router r above lies at r * inputs + j. Values lie in the consumers'
// order, gradients in the producers': so either is read in sequence and written in rows.
struct Stage {
    int64_t routers, outputs, inputs;           // of the largest router
    const int32_t *reads;                       // (routers, inputs): places in the producers' order below; first stage: features of x, -1 for none
    const int32_t *writes;                      // (routers, outputs): places in the consumers' order above; last stage: features of y
    const int32_t *used_inputs, *used_outputs;  // (routers,): smaller routers leave the last entries of their block unused

    long size() const { return routers * outputs * inputs; }
};

struct Cascade {
    int64_t depth, inputs, outputs;
    const Stage *stages;
    int64_t inputs_in_order, outputs_in_order;  // whether every router's features of x (of y) are neighbours
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
