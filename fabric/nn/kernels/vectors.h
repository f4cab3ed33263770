// SPDX-License-Identifier: Apache-2.0
// Vectors of floats of any length, and matrices transposed in registers. The compiler's vector extensions stand for the
// instruction set: LANES floats fill one register of it (16: AVX-512, 8: AVX2, 4: NEON).
#pragma once
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

// Exchanges the blocks of WIDTH lanes that lie off the diagonal of a and b: the step of a transposition.
template <int L, int WIDTH>
struct Lower {
    static constexpr int source(int lane) { return lane & WIDTH ? L + (lane - WIDTH) : lane; }
};
template <int L, int WIDTH>
struct Upper {
    static constexpr int source(int lane) { return lane & WIDTH ? L + lane : lane + WIDTH; }
};

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
template <int L>
inline void transpose_square(const float *from, long from_step, float *to, long to_step) {
    Vector<L> square[L];
#pragma GCC unroll 8
    for (int i = 0; i < L; i++) square[i] = load<L>(from + i * from_step);
    exchange<L, L / 2>(square);
#pragma GCC unroll 8
    for (int i = 0; i < L; i++) store<L>(to + i * to_step, square[i]);
}

// to[column][row] = from[row][column]
template <int L = (LANES > 8 ? 8 : LANES)>
inline void transpose(const float *from, long from_step, long rows, long columns, float *to, long to_step) {
    if constexpr (L < 4) {
        for (long row = 0; row < rows; row++)
            for (long column = 0; column < columns; column++) to[column * to_step + row] = from[row * from_step + column];
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
