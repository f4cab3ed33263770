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

// The sums over j of w[i * w_step + j] * x[j] for `rows` rows i, at most DOT.
template <class T>
inline Vector<DOT> dot_products_of(const T *w, long w_step, long rows, long terms, const float *x) {
    constexpr int half = DOT / 2;
    Vector<DOT> sum[DOT] = {};
    long j = 0;
    if (rows == DOT)
        for (; j + DOT <= terms; j += DOT) {
            const Vector<DOT> value = load<DOT>(x + j);
            const T *lower = w + j, *upper = lower + half * w_step;  // fewer addresses than rows, so that they stay in registers
#pragma GCC unroll 8
            for (int i = 0; i < half; i++) {
                sum[i] += load<DOT>(lower + i * w_step) * value;
                sum[i + half] += load<DOT>(upper + i * w_step) * value;
            }
        }
    else
        for (; j + DOT <= terms; j += DOT)
#pragma GCC unroll 8
            for (int i = 0; i < DOT; i++)
                if (i < rows) sum[i] += load<DOT>(w + i * w_step + j) * load<DOT>(x + j);
    Vector<DOT> result = sums_of_lanes(sum);
    for (; j < terms; j++) {
        Vector<DOT> column = {};
        for (long i = 0; i < rows; i++) column[i] = widened(w[i * w_step + j]);
        result += column * x[j];
    }
    return result;
}

// y[i] = start[i] + sum over j of w[i * w_step + j] * x[j], start null for 0
template <class T>
inline void dot_products(const T *w, long w_step, long rows, long terms, const float *x, const float *start, float *y) {
    for (long row = 0; row < rows; row += DOT, w += DOT * w_step) {
        const long count = std::min<long>(DOT, rows - row);
        const Vector<DOT> sums = dot_products_of(w, w_step, count, terms, x);
        if (count == DOT)
            store<DOT>(y + row, start ? sums + load<DOT>(start + row) : sums);
        else
            for (long i = 0; i < count; i++) y[row + i] = start ? sums[i] + start[row + i] : sums[i];
    }
}

// How a weight changes: to base + factor * gradient, 0 in the place of a base that is null.
template <class T>
struct Change {
    const T *base;
    float factor;

    Change at(long entry) const { return {base ? base + entry : nullptr, factor}; }
};

// L * N inputs from j on: w_new[i][j] as `change` says, with the gradient above[i] * x[j]; and, unless it is null,
// below[j] = sum over i of above[i] * w[i][j]. So a router's weights and inputs get what the gradients above it give them.
// w_new may be w.
template <bool BASE, bool BELOW, int L, int N, class T>
inline void derive_columns(const float *above, const float *x, const T *w, long w_step, long rows, Change<T> change, T *w_new,
                           float *below) {
    Vector<L> value[N], sum[N] = {};
#pragma GCC unroll 4
    for (int n = 0; n < N; n++) value[n] = load<L>(x + n * L);
    for (long i = 0; i < rows; i++, w += w_step, w_new += w_step, change.base += BASE ? w_step : 0) {
        const float factor = change.factor * above[i];
#pragma GCC unroll 4
        for (int n = 0; n < N; n++) {
            Vector<L> changed = factor * value[n];
            if constexpr (BASE) changed = load<L>(change.base + n * L) + factor * value[n];
            if constexpr (BELOW) sum[n] += above[i] * load<L>(w + n * L);
            store<L>(w_new + n * L, changed);
        }
    }
#pragma GCC unroll 4
    for (int n = 0; BELOW && n < N; n++) store<L>(below + n * L, sum[n]);
}

template <bool BASE, bool BELOW, class T>
void derive_as(const float *above, const float *x, const T *w, long w_step, long rows, long terms, Change<T> change, T *w_new,
               float *below) {
    long j = 0;
    const auto columns = [&](auto lanes, auto vectors) {
        constexpr int L = lanes, N = vectors;
        for (; j + L * N <= terms; j += L * N)
            derive_columns<BASE, BELOW, L, N>(above, x + j, w + j, w_step, rows, change.at(j), w_new + j, below + (BELOW ? j : 0));
    };
    using std::integral_constant;
    columns(integral_constant<int, LANES>(), integral_constant<int, 2>());
    columns(integral_constant<int, HALF>(), integral_constant<int, 1>());
    columns(integral_constant<int, 4>(), integral_constant<int, 1>());
    columns(integral_constant<int, 1>(), integral_constant<int, 1>());
}

template <class T>
inline void derive(const float *above, const float *x, const T *w, long w_step, long rows, long terms, Change<T> change,
                   T *w_new, float *below) {
    if (below) {
        const auto run = change.base ? derive_as<true, true, T> : derive_as<false, true, T>;
        return run(above, x, w, w_step, rows, terms, change, w_new, below);
    }
    // Only the weights change: long rows one by one then, as they lie.
    const auto run = change.base ? derive_as<true, false, T> : derive_as<false, false, T>;
    const long at_once = terms > 4 * LANES ? 1 : rows;
    for (long i = 0; i < rows; i += at_once)
        run(above + i, x, w + i * w_step, w_step, at_once, terms, change.at(i * w_step), w_new + i * w_step, nullptr);
}
