// SPDX-License-Identifier: Apache-2.0
// The two products that every stage consists of, with their results kept in registers.
//
// A level holds a row for each neuron and in it the samples. So vectors run over samples whatever the size of a router, the
// weights are read where they lie, one float spread over a vector, and any order of the neurons is a choice of rows. To fetch
// the next router's weights ahead gains nothing.
#pragma once
#include "vectors.h"

// WIDTH vectors times ROWS floats fill the registers, 32 of them or, with AVX2, 16.
constexpr int WIDEST = 3;
constexpr int rows_at_once(int width) {
    const int rows = (LANES == 8 ? 12 : 24) / width;
    return rows > 12 ? 12 : rows;
}

// y[place[i]][0 : L * WIDTH] = start[i] + sum over t of w[i * row_step + t * term_step] * x[t][0 : L * WIDTH], ROWS rows i;
// `adds` to what is there
template <int L, int WIDTH, int ROWS>
void multiply_rows(const float *w, long row_step, long term_step, long terms, const float *x, long x_step,
                   const float *start, bool adds, const int32_t *place, float *y, long y_step) {
    Vector<L> sum[ROWS][WIDTH];
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) {
            sum[i][n] = start ? start[i] + Vector<L>{} : Vector<L>{};
            if (adds) sum[i][n] += load<L>(y + (place ? place[i] : i) * y_step + n * L);
        }
    for (long t = 0; t < terms; t++, w += term_step, x += x_step) {
        Vector<L> value[WIDTH];
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) value[n] = load<L>(x + n * L);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
            for (int n = 0; n < WIDTH; n++) sum[i][n] += w[i * row_step] * value[n];
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) store<L>(y + (place ? place[i] : i) * y_step + n * L, sum[i][n]);
}

// g[i][0 : L * WIDTH] += sum over samples b of a[i][b] * v[b][0 : L * WIDTH], for ROWS rows i
template <int L, int WIDTH, int ROWS>
void add_outer_products(const float *a, long a_step, long samples, const float *v, long v_step, float *g, long g_step) {
    Vector<L> sum[ROWS][WIDTH];
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) sum[i][n] = load<L>(g + i * g_step + n * L);
    for (long b = 0; b < samples; b++, a++, v += v_step) {
        Vector<L> value[WIDTH];
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) value[n] = load<L>(v + n * L);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
            for (int n = 0; n < WIDTH; n++) sum[i][n] += a[i * a_step] * value[n];
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) store<L>(g + i * g_step + n * L, sum[i][n]);
}

template <int N>
using Constant = std::integral_constant<int, N>;

template <int L, int WIDTH, int ROWS, class Run>
void with_rows(long count, long column, long row, const Run &run) {
    if constexpr (ROWS > 0) {
        if (count == ROWS) return run(Constant<L>(), Constant<WIDTH>(), Constant<ROWS>(), column, row);
        with_rows<L, WIDTH, ROWS - 1>(count, column, row, run);
    }
}

template <int L, int WIDTH, class Run>
void cover_rows(long column, long rows, const Run &run) {
    constexpr int most = rows_at_once(WIDTH);
    for (long parts = (rows + most - 1) / most, row = 0; parts > 0; parts--) {
        const long count = (rows - row + parts - 1) / parts;
        with_rows<L, WIDTH, most>(count, column, row, run);
        row += count;
    }
}

template <int WIDTH, class Run>
void with_width(long width, long column, long rows, const Run &run) {
    if constexpr (WIDTH > 0) {
        if (width == WIDTH) return cover_rows<LANES, WIDTH>(column, rows, run);
        with_width<WIDTH - 1>(width, column, rows, run);
    }
}

// Calls run(L, WIDTH, ROWS, column, row) for blocks of about equal size that cover `columns` (halves of a register) by `rows`.
template <class Run>
void cover(long columns, long rows, const Run &run) {
    const long whole = columns / LANES;
    long done = 0;
    for (long parts = (whole + WIDEST - 1) / WIDEST; parts > 0; parts--) {
        const long width = (whole - done + parts - 1) / parts;
        with_width<WIDEST>(width, done * LANES, rows, run);
        done += width;
    }
    if (columns % LANES) cover_rows<HALF, 1>(done * LANES, rows, run);
}

inline void multiply(const float *w, long row_step, long term_step, long rows, long terms, const float *x, long x_step,
                     const float *start, bool adds, const int32_t *place, float *y, long y_step) {
    cover(x_step, rows, [=](auto lanes, auto width, auto count, long column, long row) {
        multiply_rows<lanes, width, count>(w + row * row_step, row_step, term_step, terms, x + column, x_step,
                                           start ? start + row : nullptr, adds, place ? place + row : nullptr,
                                           (place ? y : y + row * y_step) + column, y_step);
    });
}

template <int L>
inline float sum_of(Vector<L> value) {
    if constexpr (L == 1) {
        return value[0];
    } else {
        Vector<L / 2> halves[2];
        std::memcpy(halves, &value, sizeof value);
        return sum_of<L / 2>(halves[0] + halves[1]);
    }
}

// Up to so many weights of a router are derived by `add_dots`, which needs no rows of samples, else by `add_outer`.
constexpr long DOTS = 48;

// g[i][j] += sum over samples b of a[i][b] * v[j][b], for `rows` rows i and `columns` rows j
inline void add_dots(const float *a, long rows, const float *v, long columns, long width, float *g, long g_step) {
    for (long i = 0; i < rows; i++, a += width, g += g_step)
        for (long j = 0; j < columns; j++) {
            Vector<HALF> sum{};
            for (long b = 0; b < width; b += HALF) sum += load<HALF>(a + b) * load<HALF>(v + j * width + b);
            g[j] += sum_of<HALF>(sum);
        }
}

inline void add_outer(const float *a, long a_step, long rows, long samples, const float *v, long columns, float *g) {
    cover(columns, rows, [=](auto lanes, auto width, auto count, long column, long row) {
        add_outer_products<lanes, width, count>(a + row * a_step, a_step, samples, v + column, columns,
                                                g + row * columns + column, columns);
    });
}
