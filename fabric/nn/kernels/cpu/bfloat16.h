// SPDX-License-Identifier: Apache-2.0
// bfloat16, the upper half of a float, and its way to floats and back, one by one and by the register. Sums are floats.
#pragma once
#include "vectors.h"

struct bfloat16 {
    uint16_t bits;
};

template <int L, class T>
struct IntegersOf {
    typedef T type __attribute__((vector_size(L * sizeof(T))));
};
template <int L>
using Wide = typename IntegersOf<L, uint32_t>::type;
template <int L>
using Narrow = typename IntegersOf<L, uint16_t>::type;

template <int L>
inline Vector<L> load(const bfloat16 *from) {
    Narrow<L> halves;
    std::memcpy(&halves, from, sizeof halves);
    return (Vector<L>)(__builtin_convertvector(halves, Wide<L>) << 16);
}

// Rounded to nearest, ties to even; a NaN stays one.
template <int L>
inline void store(bfloat16 *to, Vector<L> value) {
    const Wide<L> bits = (Wide<L>)value;
    const Wide<L> rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
    const Wide<L> kept = bits >> 16 | 0x40;
    const Narrow<L> halves = __builtin_convertvector((bits & 0x7FFFFFFF) > 0x7F800000 ? kept : rounded, Narrow<L>);
    std::memcpy(to, &halves, sizeof halves);
}

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
    to.bits = uint16_t((bits & 0x7FFFFFFF) > 0x7F800000 ? bits >> 16 | 0x40 : rounded);
}

// to[i] = from[i], between any two of float and bfloat16
template <class From, class To>
inline void copy(const From *from, long size, To *to) {
    long i = 0;
    for (; i + LANES <= size; i += LANES) store<LANES>(to + i, load<LANES>(from + i));
    for (; i < size; i++) assign(to[i], widened(from[i]));
}
