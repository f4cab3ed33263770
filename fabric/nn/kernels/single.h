// SPDX-License-Identifier: Apache-2.0
// A router applied to one sample. Nothing is to be shared among samples then, so each weight is read once, in sequence, and
// vectors run over the inputs: the dot product of eight rows of weights with the sample, their lanes summed together.
#pragma once
#include "vectors.h"

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
inline void dot_products(const float *w, long w_step, long rows, long terms, const float *x, const float *start, float *y) {
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
            for (long j = whole; j < terms; j++) y[row + i] += w[i * w_step + j] * x[j];
    }
    for (; row < rows; row++, w += w_step) {
        Vector<DOT> lanes = {};
        for (long j = 0; j < whole; j += DOT) lanes += load<DOT>(w + j) * load<DOT>(x + j);
        float sum = start ? start[row] : 0;
        for (long j = whole; j < terms; j++) sum += w[j] * x[j];
        for (int i = 0; i < DOT; i++) sum += lanes[i];
        y[row] = sum;
    }
}
