// SPDX-License-Identifier: Apache-2.0
// A router applied to one sample, forward and backward. Nothing is to be shared among samples then, so each weight is read
// once, in sequence, and vectors run over the inputs.
#pragma once
#include "bfloat16.h"

constexpr int DOT = LANES > 8 ? 8 : LANES;  // rows at a time and lanes

// The sum of the lanes of each row: lane i of the result belongs to row i.
template <int WIDTH = DOT / 2>
inline Vector<DOT> sums_of_lanes(Vector<DOT> *rows) {
    const auto lanes = std::make_index_sequence<DOT>();
#pragma GCC unroll 8
    for (int i = 0; i < WIDTH; i++)
        rows[i] = shuffled<Lower<DOT, WIDTH>>(rows[i], rows[i + WIDTH], lanes) +
                  shuffled<Upper<DOT, WIDTH>>(rows[i], rows[i + WIDTH], lanes);
    if constexpr (WIDTH > 1) return sums_of_lanes<WIDTH / 2>(rows);
    return rows[0];
}

// y[i] = start[i] + sum over j of w[i * w_step + j] * x[j], start null for 0
template <class T>
inline void dot_products(const T *w, long w_step, long rows, long terms, const float *x, const float *start, float *y) {
    const long whole = terms - terms % DOT;
    long row = 0;
    for (; row + DOT <= rows; row += DOT, w += DOT * w_step) {
        Vector<DOT> sum[DOT] = {};
        for (long j = 0; j < whole; j += DOT) {
            const Vector<DOT> value = load<DOT>(x + j);
#pragma GCC unroll 8
            for (int i = 0; i < DOT; i++) sum[i] += load<DOT>(w + i * w_step + j) * value;
        }
        Vector<DOT> result = sums_of_lanes(sum);
        if (start) result += load<DOT>(start + row);
        store<DOT>(y + row, result);
        for (long i = 0; i < DOT; i++)
            for (long j = whole; j < terms; j++) y[row + i] += widened(w[i * w_step + j]) * x[j];
    }
    for (; row < rows; row++, w += w_step) {
        Vector<DOT> lanes = {};
        for (long j = 0; j < whole; j += DOT) lanes += load<DOT>(w + j) * load<DOT>(x + j);
        float sum = start ? start[row] : 0;
        for (long j = whole; j < terms; j++) sum += widened(w[j]) * x[j];
        for (int i = 0; i < DOT; i++) sum += lanes[i];
        y[row] = sum;
    }
}

// L * N inputs from j on: dw[i][j] = above[i] * x[j], and below[j] = sum over i of above[i] * w[i][j]; what the weights
// and the inputs of a router get from the gradients above it. Gradients of an earlier sample in dw stay in the sum.
template <int L, int N, class T>
inline void derive_columns(const float *above, const float *x, const T *w, long w_step, long rows, bool adds, T *dw,
                           float *below) {
    Vector<L> value[N], sum[N] = {};
#pragma GCC unroll 4
    for (int n = 0; n < N; n++) value[n] = load<L>(x + n * L);
    for (long i = 0; i < rows; i++, w += w_step, dw += w_step) {
#pragma GCC unroll 4
        for (int n = 0; n < N; n++) {
            Vector<L> change = above[i] * value[n];
            if (adds) change += load<L>(dw + n * L);
            store<L>(dw + n * L, change);
            sum[n] += above[i] * load<L>(w + n * L);
        }
    }
#pragma GCC unroll 4
    for (int n = 0; n < N; n++) store<L>(below + n * L, sum[n]);
}

template <class T>
inline void derive(const float *above, const float *x, const T *w, long w_step, long rows, long terms, bool adds, T *dw,
                   float *below) {
    long j = 0;
    for (; j + 2 * LANES <= terms; j += 2 * LANES)
        derive_columns<LANES, 2>(above, x + j, w + j, w_step, rows, adds, dw + j, below + j);
    for (; j + HALF <= terms; j += HALF)
        derive_columns<HALF, 1>(above, x + j, w + j, w_step, rows, adds, dw + j, below + j);
    for (; j < terms; j++) derive_columns<1, 1>(above, x + j, w + j, w_step, rows, adds, dw + j, below + j);
}
