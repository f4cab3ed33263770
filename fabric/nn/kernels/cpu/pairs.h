// SPDX-License-Identifier: Apache-2.0
// Products in bfloat16 where the processor multiplies pairs of them and adds both products to a float.
//
// A level holds a row for each pair of neurons and in it the samples, 32 bits each. So the pairs of a router's weights are
// read where they lie, and x and y are transposed as numbers of 32 bits, half as many as there are features. Hidden levels
// are rounded to bfloat16, as between PyTorch's products.
#pragma once
#include <immintrin.h>

#include "pass.h"

namespace {

using Pair = uint32_t;  // the first of two neighbours in the lower half

inline Vector<16> add_products(Vector<16> sum, Pair one, Wide<16> values) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(one), (__m512bh)values);
}
inline Vector<8> add_products(Vector<8> sum, Pair one, Wide<8> values) {
    return _mm256_dpbf16_ps(sum, (__m256bh)_mm256_set1_epi32(one), (__m256bh)values);
}
inline Wide<16> rounded(Vector<16> value) { return (Wide<16>)_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(value)); }
inline Wide<8> rounded(Vector<8> value) { return (Wide<8>)_mm256_cvtepu16_epi32((__m128i)_mm256_cvtneps_pbh(value)); }

template <int L>
inline Wide<L> load_pairs(const Pair *from) {
    Wide<L> value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

inline Pair load_pair(const Pair *from) {
    Pair value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

// sum[i][n] += sum over t of a[i * a_step + t] · v[t * v_step + n * L ...]
template <int L, int WIDTH, int ROWS>
inline void add_pairs(const Pair *a, long a_step, long pairs, const Pair *v, long v_step, Vector<L> (&sum)[ROWS][WIDTH]) {
    for (long t = 0; t < pairs; t++, a++, v += v_step) {
        Wide<L> value[WIDTH];
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) value[n] = load_pairs<L>(v + n * L);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
            for (int n = 0; n < WIDTH; n++) sum[i][n] = add_products(sum[i][n], load_pair(a + i * a_step), value[n]);
    }
}

// Neuron place[i] of y = start[i] + sum over t of w[i * w_step + t] · x[t], for L * WIDTH samples and ROWS neurons i
template <int L, int WIDTH, int ROWS>
void multiply_rows_in_pairs(const Pair *w, long w_step, long pairs, const Pair *x, long width, const float *start,
                            const int32_t *place, Pair *y) {
    Vector<L> sum[ROWS][WIDTH];
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) sum[i][n] = start ? start[i] + Vector<L>{} : Vector<L>{};
    add_pairs<L, WIDTH, ROWS>(w, w_step, pairs, x, width, sum);
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) {
        const Pair kept = place[i] % 2 ? 0x0000FFFF : 0xFFFF0000;
        const int up = place[i] % 2 * 16;
        Pair *row = y + place[i] / 2 * width;
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) {
            const Wide<L> both = (load_pairs<L>(row + n * L) & kept) | (rounded(sum[i][n]) << up);
            std::memcpy(row + n * L, &both, sizeof both);
        }
    }
}

inline void multiply_in_pairs(const Pair *w, long w_step, long rows, long pairs, const Pair *x, long width, const float *start,
                              const int32_t *place, Pair *y) {
    cover(width, rows, [=](auto lanes, auto vectors, auto count, long column, long row) {
        multiply_rows_in_pairs<lanes, vectors, count>(w + row * w_step, w_step, pairs, x + column, width,
                                                      start ? start + row : nullptr, place + row, y + column);
    });
}

// g[i][j] += sum over pairs of samples t of a[i][t] · v[t][j]
inline void add_outer_in_pairs(const Pair *a, long a_step, long rows, long pairs, const Pair *v, long columns, float *g) {
    cover(columns, rows, [=](auto lanes, auto vectors, auto count, long column, long row) {
        constexpr int L = lanes, WIDTH = vectors, ROWS = count;
        Vector<L> sum[ROWS][WIDTH];
        float *to = g + row * columns + column;
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
            for (int n = 0; n < WIDTH; n++) sum[i][n] = load<L>(to + i * columns + n * L);
        add_pairs<L, WIDTH, ROWS>(a + row * a_step, a_step, pairs, v + column, columns, sum);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
            for (int n = 0; n < WIDTH; n++) store<L>(to + i * columns + n * L, sum[i][n]);
    });
}

// to[j] = (a[j], b[j]) for `count` numbers, zeros for a row that is null, and zeros up to `size`
inline void interleave(const bfloat16 *a, const bfloat16 *b, long count, long size, Pair *to) {
    long j = 0;
    for (; a && b && j + 16 <= count; j += 16) {
        Narrow<16> first, second;
        std::memcpy(&first, a + j, sizeof first), std::memcpy(&second, b + j, sizeof second);
        const Wide<16> both = __builtin_convertvector(first, Wide<16>) | __builtin_convertvector(second, Wide<16>) << 16;
        std::memcpy(to + j, &both, sizeof both);
    }
    for (; j < count; j++) to[j] = (a ? a[j].bits : 0) | Pair(b ? b[j].bits : 0) << 16;
    std::fill(to + j, to + size, 0);
}

// The two rows of numbers that `count` pairs, a multiple of 8, are made of.
inline void part(const Pair *from, long count, bfloat16 *first, bfloat16 *second) {
    for (long j = 0; j < count; j += 8) {
        const Wide<8> both = load_pairs<8>(from + j);
        const Narrow<8> a = __builtin_convertvector(both & 0xFFFF, Narrow<8>), b = __builtin_convertvector(both >> 16, Narrow<8>);
        std::memcpy(first + j, &a, sizeof a), std::memcpy(second + j, &b, sizeof b);
    }
}

inline void transpose_pairs(const void *from, long from_step, long rows, long columns, void *to, long to_step) {
    transpose(static_cast<const float *>(from), from_step, rows, columns, static_cast<float *>(to), to_step);
}

inline long half(long size) { return (size + 1) / 2; }

// `count` numbers and zeros behind them.
inline void fill_pairs(const bfloat16 *from, long count, long pairs, bfloat16 *to) {
    std::copy_n(from, count, to);
    std::fill(to + count, to + 2 * pairs, bfloat16{0});
}

// A router's features of one row, in pairs.
inline void gather_pairs(const bfloat16 *row, Features features, long pairs, bfloat16 *to) {
    if (features.in_order) return fill_pairs(row + features.of[0], features.count, pairs, to);
    for (long i = 0; i < 2 * pairs; i++) to[i] = i < features.count ? row[features.of[i]] : bfloat16{0};
}

// Rows, one a sample, to rows of pairs; by way of `scratch` where features that make a pair are no neighbours.
inline void read_pairs(const bfloat16 *from, long from_step, long samples, Features features, Pair *to, long width,
                       bfloat16 *scratch) {
    const long pairs = half(features.count);
    if (features.in_order && features.count % 2 == 0 && from_step % 2 == 0) {
        transpose_pairs(from + features.of[0], from_step / 2, samples, pairs, to, width);
    } else {
        for (long b = 0; b < samples; b++) gather_pairs(from + b * from_step, features, pairs, scratch + b * 2 * pairs);
        transpose_pairs(scratch, pairs, samples, pairs, to, width);
    }
    for (long t = 0; samples < width && t < pairs; t++) std::fill(to + t * width + samples, to + (t + 1) * width, 0);
}

// Rows of pairs to rows, one a sample.
inline void write_pairs(const Pair *from, long width, long samples, Features features, bfloat16 *to, long to_step,
                        bfloat16 *scratch) {
    const long pairs = half(features.count);
    transpose_pairs(from, width, pairs, samples, scratch, pairs);
    for (long b = 0; b < samples; b++, scratch += 2 * pairs, to += to_step)
        if (features.in_order)
            std::copy_n(scratch, features.count, to + features.of[0]);
        else
            for (long i = 0; i < features.count; i++) to[features.of[i]] = scratch[i];
}

}  // namespace
