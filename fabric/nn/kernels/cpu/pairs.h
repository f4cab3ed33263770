// SPDX-License-Identifier: Apache-2.0
// The forward pass in bfloat16 where the processor multiplies pairs of them and adds both products to a float.
//
// A level holds a row for each pair of neurons and in it the samples, 32 bits each. So the pairs of a router's weights are
// read where they lie, and x and y are transposed as numbers of 32 bits, half as many as there are features. Hidden levels
// are rounded to bfloat16, as between PyTorch's products.
#pragma once
#ifdef __AVX512BF16__
#include <immintrin.h>

#include "pass.h"

namespace {

using Pair = uint32_t;  // the first of two neighbours in the lower half

inline Vector<16> add_products(Vector<16> sum, Pair weights, Wide<16> values) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(weights), (__m512bh)values);
}
inline Vector<8> add_products(Vector<8> sum, Pair weights, Wide<8> values) {
    return _mm256_dpbf16_ps(sum, (__m256bh)_mm256_set1_epi32(weights), (__m256bh)values);
}
inline Wide<16> rounded(Vector<16> value) { return (Wide<16>)_mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(value)); }
inline Wide<8> rounded(Vector<8> value) { return (Wide<8>)_mm256_cvtepu16_epi32((__m128i)_mm256_cvtneps_pbh(value)); }

template <int L>
inline Wide<L> load_pairs(const Pair *from) {
    Wide<L> value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

// Neuron place[i] of y = start[i] + sum over t of w[i * pairs_a_row + t] · x[t], for L * WIDTH samples and ROWS neurons i
template <int L, int WIDTH, int ROWS>
void multiply_pairs(const Pair *w, long pairs_a_row, long pairs, const Pair *x, long width, const float *start,
                    const int32_t *place, Pair *y) {
    Vector<L> sum[ROWS][WIDTH];
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) sum[i][n] = start ? start[i] + Vector<L>{} : Vector<L>{};
    for (long t = 0; t < pairs; t++, w++, x += width) {
        Wide<L> value[WIDTH];
#pragma GCC unroll 16
        for (int n = 0; n < WIDTH; n++) value[n] = load_pairs<L>(x + n * L);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) {
            Pair weights;
            std::memcpy(&weights, w + i * pairs_a_row, sizeof weights);
#pragma GCC unroll 16
            for (int n = 0; n < WIDTH; n++) sum[i][n] = add_products(sum[i][n], weights, value[n]);
        }
    }
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

struct ForwardInPairs : Pass<bfloat16> {
    std::vector<const Pair *> rows;    // the weights of the stages, (routers, outputs, pairs)
    std::vector<int32_t> in_sequence;  // places of a router's outputs in the last stage

    explicit ForwardInPairs(const Call &call) : Pass(call) {}

    static long pairs(const Stage &stage) { return (stage.inputs + 1) / 2; }

    // Whether some router has a pair of which one half stands for no neuron.
    static bool has_gaps(const Stage &stage) {
        return stage.inputs % 2 || std::any_of(stage.used_inputs.begin(), stage.used_inputs.end(),
                                               [&](int32_t used) { return used != stage.inputs; });
    }

    void run() {
        const long threads = threads_for(8);
        const std::size_t level = Arena::rounded(TILE * (hidden_pairs() + 1)), router = Arena::rounded(panel + TILE);
        const std::size_t own = 2 * level + 3 * router;
        std::size_t weights_size = Arena::rounded(net.stages[last].slots_above());
        for (const Stage &stage : net.stages) weights_size += Arena::rounded(stage.routers * stage.outputs * pairs(stage));
        arena.reserve(weights_size + threads * own);
        read_bias(arena.take(net.stages[last].slots_above()));
        for (long s = 0; s <= last; s++) rows.push_back(read_weights(s));
        in_sequence.resize(net.stages[last].outputs);
        std::iota(in_sequence.begin(), in_sequence.end(), 0);
        float *space = arena.take(threads * own);
        for_tiles(threads, [&](long thread, long b, long samples, long width) {
            Pair *levels[2], *in, *out;
            float *start = space + thread * own;
            for (Pair **part : {&levels[0], &levels[1]}) *part = reinterpret_cast<Pair *>(start), start += level;
            for (Pair **part : {&in, &out}) *part = reinterpret_cast<Pair *>(start), start += router;
            tile(b, samples, width, levels, in, out, reinterpret_cast<bfloat16 *>(start));
        });
    }

    long hidden_pairs() const {
        long most = 0;
        for (long s = 1; s <= last; s++) most = max(most, net.stages[s].routers * pairs(net.stages[s]));
        return most;
    }

    const Pair *read_weights(long s) const {
        const Stage &stage = net.stages[s];
        const auto *weight = static_cast<const bfloat16 *>(call.weights[s]);
        if (!has_gaps(stage)) return reinterpret_cast<const Pair *>(weight);
        float *space = arena.take(stage.routers * stage.outputs * pairs(stage));
        auto *to = reinterpret_cast<bfloat16 *>(space);
        for (long row = 0; row < stage.routers * stage.outputs; row++, weight += stage.inputs, to += 2 * pairs(stage))
            fill_pairs(weight, stage.used_inputs[row / stage.outputs], pairs(stage), to);
        return reinterpret_cast<const Pair *>(space);
    }

    // `count` numbers and zeros behind them.
    static void fill_pairs(const bfloat16 *from, long count, long pairs, bfloat16 *to) {
        std::copy_n(from, count, to);
        std::fill(to + count, to + 2 * pairs, bfloat16{0});
    }

    void tile(long b, long samples, long width, Pair **levels, Pair *in, Pair *out, bfloat16 *scratch) const {
        const auto *x = static_cast<const bfloat16 *>(call.x) + b * net.inputs;
        auto *y = static_cast<bfloat16 *>(call.y) + b * net.outputs;
        for (long s = 0; s <= last; s++) {
            const Stage &stage = net.stages[s];
            const Pair *below = levels[(s + 1) % 2];
            Pair *above = levels[s % 2];
            if (s < last && has_gaps(net.stages[s + 1]))
                std::fill_n(above, net.stages[s + 1].routers * pairs(net.stages[s + 1]) * width, 0);
            for (long r = 0; r < stage.routers; r++) {
                if (s == 0) {
                    fetch(x + samples * net.inputs, static_cast<const bfloat16 *>(call.x) + call.batch * net.inputs,
                          samples * net.inputs, r, stage.routers);
                    read(x, samples, inputs(r), in, width, scratch);
                }
                const Pair *from = s ? below + r * pairs(stage) * width : in;
                if (s < last) {
                    apply(s, r, from, stage.pair_writes.data() + r * stage.outputs, above, width);
                } else {
                    apply(s, r, from, in_sequence.data(), out, width);
                    fetch_neighbour(y, net.outputs, samples, outputs(r));
                    write(out, samples, outputs(r), y, width, scratch);
                }
            }
        }
    }

    void apply(long s, long r, const Pair *below, const int32_t *place, Pair *above, long width) const {
        const Stage &stage = net.stages[s];
        const long step = pairs(stage), used = (stage.used_inputs[r] + 1) / 2;
        const Pair *w = rows[s] + r * stage.outputs * step;
        const float *starts = start(s, r);
        cover(width, stage.used_outputs[r], [=](auto lanes, auto vectors, auto count, long column, long row) {
            multiply_pairs<lanes, vectors, count>(w + row * step, step, used, below + column, width,
                                                  starts ? starts + row : nullptr, place + row, above + column);
        });
    }

    // Rows of x, one a sample, to rows of pairs; by way of `scratch` where features that make a pair are no neighbours.
    void read(const bfloat16 *x, long samples, Features features, Pair *to, long width, bfloat16 *scratch) const {
        const long pairs = (features.count + 1) / 2;
        if (features.in_order && features.count % 2 == 0 && net.inputs % 2 == 0) {
            transpose_pairs(x + features.of[0], net.inputs / 2, samples, pairs, to, width);
        } else {
            for (long b = 0; b < samples; b++) {
                const bfloat16 *row = x + b * net.inputs;
                bfloat16 *copy = scratch + b * 2 * pairs;
                if (features.in_order)
                    fill_pairs(row + features.of[0], features.count, pairs, copy);
                else
                    for (long i = 0; i < 2 * pairs; i++) copy[i] = i < features.count ? row[features.of[i]] : bfloat16{0};
            }
            transpose_pairs(scratch, pairs, samples, pairs, to, width);
        }
        for (long t = 0; samples < width && t < pairs; t++) std::fill(to + t * width + samples, to + (t + 1) * width, 0);
    }

    // Rows of pairs of a router's outputs to columns of y.
    void write(const Pair *from, long samples, Features features, bfloat16 *y, long width, bfloat16 *scratch) const {
        const long pairs = (features.count + 1) / 2;
        transpose_pairs(from, width, pairs, samples, scratch, pairs);
        for (long b = 0; b < samples; b++) {
            const bfloat16 *row = scratch + b * 2 * pairs;
            bfloat16 *to = y + b * net.outputs;
            if (features.in_order)
                std::copy_n(row, features.count, to + features.of[0]);
            else
                for (long i = 0; i < features.count; i++) to[features.of[i]] = row[i];
        }
    }

    static void transpose_pairs(const void *from, long from_step, long rows, long columns, void *to, long to_step) {
        transpose(static_cast<const float *>(from), from_step, rows, columns, static_cast<float *>(to), to_step);
    }
};

}  // namespace
#endif
