// SPDX-License-Identifier: Apache-2.0
// A stage of single edges applied to a tile, a row of samples for each neuron. Vectors run over samples. The rows that edges
// read lie anywhere in a level, which no nearest cache holds: the second one's bandwidth is the limit.
#pragma once
#include "products.h"
#include "single.h"

// Edges sorted by the neurons that they lead to: those of neuron n are offsets[n] to offsets[n + 1] and come from `from`.
// The weight of edge e is w[order[e]], w[e] where order is null.
struct EdgeList {
    const int32_t *offsets, *from, *order;
    long neurons;
};

template <int L, int WIDTH>
void sum_edges_of(EdgeList list, const float *w, const float *x, long width, const float *start, const int32_t *place, float *y) {
    for (long n = 0; n < list.neurons; n++) {
        Vector<L> sum[2][WIDTH];  // of every other edge, so that additions need not wait for each other
        for (int i = 0; i < WIDTH; i++) sum[0][i] = start ? start[n] + Vector<L>{} : Vector<L>{}, sum[1][i] = Vector<L>{};
        const auto add = [&](long e, Vector<L> *to) {
            const float weight = w[list.order ? list.order[e] : e];
            const float *row = x + list.from[e] * width;
#pragma GCC unroll 4
            for (int i = 0; i < WIDTH; i++) to[i] += weight * load<L>(row + i * L);
        };
        long e = list.offsets[n];
        for (; e + 2 <= list.offsets[n + 1]; e += 2) add(e, sum[0]), add(e + 1, sum[1]);
        if (e < list.offsets[n + 1]) add(e, sum[0]);
        for (int i = 0; i < WIDTH; i++) store<L>(y + (place ? place[n] : n) * width + i * L, sum[0][i] + sum[1][i]);
    }
}

// y[place[n]] = start[n] + sum over the edges e to n of w[e] * x[from e], for all samples
inline void sum_edges(EdgeList list, const float *w, const float *x, long width, const float *start, const int32_t *place,
                      float *y) {
    cover(width, 1, [=](auto lanes, auto count, auto, long column, long) {
        sum_edges_of<lanes, count>(list, w, x + column, width, start, place, y + column);
    });
}

// dw[e] += the product of the samples of both ends of edge e
inline void add_edge_products(EdgeList list, const float *above, const float *below, long width, float *dw) {
    const long whole = width - width % DOT;
    for (long n = 0; n < list.neurons; n++, above += width)
        for (long e = list.offsets[n], end = list.offsets[n + 1]; e < end; e += DOT) {
            const long count = std::min<long>(DOT, end - e);
            const float *rows[DOT];
            for (long i = 0; i < DOT; i++) rows[i] = below + list.from[e + std::min(i, count - 1)] * width;
            Vector<DOT> sum[DOT] = {};
            for (long b = 0; b < whole; b += DOT) {
                const Vector<DOT> value = load<DOT>(above + b);
#pragma GCC unroll 8
                for (int i = 0; i < DOT; i++) sum[i] += load<DOT>(rows[i] + b) * value;
            }
            const Vector<DOT> sums = sums_of_lanes(sum);
            if (count == DOT)
                store<DOT>(dw + e, load<DOT>(dw + e) + sums);
            else
                for (long i = 0; i < count; i++) dw[e + i] += sums[i];
            for (long b = whole; b < width; b++)
                for (long i = 0; i < count; i++) dw[e + i] += above[b] * rows[i][b];
        }
}
