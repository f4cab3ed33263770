// SPDX-License-Identifier: Apache-2.0
// Matrices transposed in registers, from float or bfloat16 to float.
#pragma once
#include "bfloat16.h"

// One step of a transposition: the blocks of WIDTH off the diagonal change places, then those within the blocks.
template <int L, int WIDTH>
inline void exchange(Vector<L> *rows) {
    const auto lanes = std::make_index_sequence<L>();
#pragma GCC unroll 16
    for (int i = 0; i < L; i++)
        if (!(i & WIDTH)) {
            const Vector<L> a = rows[i], b = rows[i + WIDTH];
            rows[i] = shuffled<Lower<L, WIDTH>>(a, b, lanes);
            rows[i + WIDTH] = shuffled<Upper<L, WIDTH>>(a, b, lanes);
        }
    if constexpr (WIDTH > 1) exchange<L, WIDTH / 2>(rows);
}

// to[column][row] = from[row][column] for a square of L. Registers of 8 floats do it faster than those of 16.
template <int L, class T>
inline void transpose_square(const T *from, long from_step, float *to, long to_step) {
    Vector<L> square[L];
#pragma GCC unroll 8
    for (int i = 0; i < L; i++) square[i] = load<L>(from + i * from_step);
    exchange<L, L / 2>(square);
#pragma GCC unroll 8
    for (int i = 0; i < L; i++) store<L>(to + i * to_step, square[i]);
}

// to[column][row] = from[row][column]
template <int L = (LANES > 8 ? 8 : LANES), class T>
inline void transpose(const T *from, long from_step, long rows, long columns, float *to, long to_step) {
    if constexpr (L < 4) {
        for (long row = 0; row < rows; row++)
            for (long column = 0; column < columns; column++) store<1>(to + column * to_step + row, load<1>(from + row * from_step + column));
    } else {
        const long whole_rows = rows - rows % L, whole_columns = columns - columns % L;
        // The inner loop goes along the rows that lie farther apart: neighbouring squares share their cache lines.
        if (from_step > to_step)
            for (long row = 0; row < whole_rows; row += L)
                for (long column = 0; column < whole_columns; column += L)
                    transpose_square<L>(from + row * from_step + column, from_step, to + column * to_step + row, to_step);
        else
            for (long column = 0; column < whole_columns; column += L)
                for (long row = 0; row < whole_rows; row += L)
                    transpose_square<L>(from + row * from_step + column, from_step, to + column * to_step + row, to_step);
        if (whole_columns < columns)
            transpose<L / 2>(from + whole_columns, from_step, whole_rows, columns - whole_columns, to + whole_columns * to_step,
                             to_step);
        if (whole_rows < rows)
            transpose<L / 2>(from + whole_rows * from_step, from_step, rows - whole_rows, columns, to + whole_rows, to_step);
    }
}
