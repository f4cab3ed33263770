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
inline Vector<L> load(const float* from) {
    Vector<L> value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <int L>
inline void store(float* to, Vector<L> value) {
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
inline void exchange(Vector<L>* rows) {
    const auto lanes = std::make_index_sequence<L>();
    for (int i = 0; i < L; i++)
        if (!(i & WIDTH)) {
            const Vector<L> a = rows[i], b = rows[i + WIDTH];
            rows[i] = shuffled<Lower<L, WIDTH>>(a, b, lanes);
            rows[i + WIDTH] = shuffled<Upper<L, WIDTH>>(a, b, lanes);
        }
    if constexpr (WIDTH > 1) exchange<L, WIDTH / 2>(rows);
}

// The sum of the lanes of each of the L rows: lane i of the result belongs to row i.
template <int L, int WIDTH = L / 2>
inline Vector<L> sums_of_lanes(Vector<L>* rows) {
    const auto lanes = std::make_index_sequence<L>();
    for (int i = 0; i < WIDTH; i++)
        rows[i] = shuffled<Lower<L, WIDTH>>(rows[i], rows[i + WIDTH], lanes) +
                  shuffled<Upper<L, WIDTH>>(rows[i], rows[i + WIDTH], lanes);
    if constexpr (WIDTH > 1) return sums_of_lanes<L, WIDTH / 2>(rows);
    return rows[0];
}

// to[column][row] = from[row][column]
inline void transpose(const float* from, long from_step, long rows, long columns, float* to, long to_step) {
    constexpr int L = LANES > 8 ? 8 : LANES;
    const long whole_rows = rows - rows % L, whole_columns = columns - columns % L;
    for (long row = 0; row < whole_rows; row += L)
        for (long column = 0; column < whole_columns; column += L) {
            Vector<L> block[L];
            for (int i = 0; i < L; i++) block[i] = load<L>(from + (row + i) * from_step + column);
            exchange<L, L / 2>(block);
            for (int i = 0; i < L; i++) store<L>(to + (column + i) * to_step + row, block[i]);
        }
    for (long row = 0; row < rows; row++)
        for (long column = row < whole_rows ? whole_columns : 0; column < columns; column++)
            to[column * to_step + row] = from[row * from_step + column];
}
