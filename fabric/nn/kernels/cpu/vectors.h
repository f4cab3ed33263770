// SPDX-License-Identifier: Apache-2.0
// Vectors of floats of any length, and matrices transposed in registers. The compiler's vector extensions stand for the
// instruction set: LANES floats fill one register of it (16: AVX-512, 8: AVX2, 4: NEON).
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>

template <int L>
struct VectorOf {
    typedef float type __attribute__((vector_size(L * sizeof(float))));
};
template <int L>
using Vector = typename VectorOf<L>::type;

constexpr int HALF = LANES > 4 ? LANES / 2 : LANES;  // rows of weights are padded to whole halves of a register

inline long padded(long size) { return (size + HALF - 1) / HALF * HALF; }

template <int L>
inline Vector<L> load(const float *from) {
    Vector<L> value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <int L>
inline void store(float *to, Vector<L> value) {
    std::memcpy(to, &value, sizeof value);
}

// Lane i of the result is lane i of a (0 to L-1) or of b (L to 2L-1), as the table says.
template <class Table, class V, std::size_t... I>
inline V shuffled(V a, V b, std::index_sequence<I...>) {
    return __builtin_shufflevector(a, b, Table::source(I)...);
}

// Shuffles that exchange the blocks of WIDTH lanes which lie off the diagonal of a and b.
template <int L, int WIDTH>
struct Lower {
    static constexpr int source(int lane) { return lane & WIDTH ? L + (lane - WIDTH) : lane; }
};
template <int L, int WIDTH>
struct Upper {
    static constexpr int source(int lane) { return lane & WIDTH ? L + lane : lane + WIDTH; }
};
