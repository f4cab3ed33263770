// SPDX-License-Identifier: Apache-2.0
// The two products that all stages consist of, with their results kept in registers.
//
// A row is one sample. Vectors run over neighbouring neurons of a router; the other factor is one float of a sample, spread
// over a vector. So samples stay in rows, nothing is transposed, and which neuron a float comes from is looked up.
#pragma once
#include "vectors.h"

// Registers hold ROWS * WIDTH sums, WIDTH vectors of the weights and one float: of 32 registers (16 with AVX2).
constexpr int rows_at_once(int width) {
    constexpr int sums = LANES == 8 ? 12 : 24;
    const int rows = sums / width;
    return rows > 12 ? 12 : rows;
}
constexpr int WIDEST = LANES == 8 ? 3 : 4;

// y[b][0 : L * WIDTH] = start + sum over t of x[b][position[t]] * w[t][0 : L * WIDTH], for ROWS samples b
template <int L, int WIDTH, int ROWS>
void multiply_rows(const float* x, long x_step, const int32_t* position, long terms, const float* w, long w_step,
                   const float* start, float* y, long y_step) {
    Vector<L> sum[ROWS][WIDTH];
#pragma GCC unroll 16
    for (int n = 0; n < WIDTH; n++) {
        const Vector<L> first = start ? load<L>(start + n * L) : Vector<L>{};
#pragma GCC unroll 16
        for (int b = 0; b < ROWS; b++) sum[b][n] = first;
    }
    for (long t = 0; t < terms; t++, w += w_step) {
        Vector<L> weight[WIDTH];
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) weight[n] = load<L>(w + n * L);
        const float* value = x + position[t];
#pragma GCC unroll 16
        for (int b = 0; b < ROWS; b++)
#pragma GCC unroll 16
            for (int n = 0; n < WIDTH; n++) sum[b][n] += value[b * x_step] * weight[n];
    }
#pragma GCC unroll 16
    for (int b = 0; b < ROWS; b++)
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) store<L>(y + b * y_step + n * L, sum[b][n]);
}

// g[t][0 : L * WIDTH] += sum over samples b of a[b][position[t]] * v[b][0 : L * WIDTH], for ROWS terms t
template <int L, int WIDTH, int ROWS>
void add_outer_products(const float* a, long a_step, const int32_t* position, long samples, const float* v, long v_step,
                        float* g, long g_step) {
    Vector<L> sum[ROWS][WIDTH];
    const float* factor[ROWS];
#pragma GCC unroll 16
    for (int t = 0; t < ROWS; t++) {
        factor[t] = a + position[t];
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) sum[t][n] = load<L>(g + t * g_step + n * L);
    }
    for (long b = 0; b < samples; b++, v += v_step) {
        Vector<L> value[WIDTH];
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) value[n] = load<L>(v + n * L);
#pragma GCC unroll 16
        for (int t = 0; t < ROWS; t++)
#pragma GCC unroll 16
            for (int n = 0; n < WIDTH; n++) sum[t][n] += factor[t][b * a_step] * value[n];
    }
#pragma GCC unroll 16
    for (int t = 0; t < ROWS; t++)
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) store<L>(g + t * g_step + n * L, sum[t][n]);
}

// Calls run<L, WIDTH, ROWS>(column, first row) until `columns` (whole halves of a register) times `rows` are covered.
template <int L, int WIDTH, int ROWS, class Run>
void cover_rows(long column, long first, long rows, Run run) {
    for (; rows - first >= ROWS; first += ROWS) run(std::integral_constant<int, L>(), std::integral_constant<int, WIDTH>(),
                                                    std::integral_constant<int, ROWS>(), column, first);
    if constexpr (ROWS > 1)
        if (first < rows) cover_rows<L, WIDTH, (ROWS > 4 ? ROWS - 2 : ROWS - 1)>(column, first, rows, run);
}

template <int WIDTH, class Run>
long cover_columns(long column, long columns, long rows, Run run) {
    for (; columns - column >= WIDTH * LANES; column += WIDTH * LANES)
        cover_rows<LANES, WIDTH, rows_at_once(WIDTH)>(column, 0, rows, run);
    if constexpr (WIDTH > 1) return cover_columns<WIDTH - 1>(column, columns, rows, run);
    return column;
}

template <class Run>
void cover(long columns, long rows, Run run) {
    const long column = cover_columns<WIDEST>(0, columns, rows, run);
    if (column < columns) cover_rows<HALF, 1, rows_at_once(1)>(column, 0, rows, run);
}

inline void product(const float* x, long x_step, long samples, const int32_t* position, long terms, const float* w,
                    long columns, const float* start, float* y, long y_step) {
    cover(columns, samples, [=](auto lanes, auto width, auto rows, long column, long first) {
        multiply_rows<lanes, width, rows>(x + first * x_step, x_step, position, terms, w + column, columns,
                                          start ? start + column : nullptr, y + first * y_step + column, y_step);
    });
}

inline void outer(const float* a, long a_step, long samples, const int32_t* position, long terms, const float* v,
                  long v_step, float* g, long columns) {
    cover(columns, terms, [=](auto lanes, auto width, auto rows, long column, long first) {
        add_outer_products<lanes, width, rows>(a, a_step, position + first, samples, v + column, v_step,
                                               g + first * columns + column, columns);
    });
}
