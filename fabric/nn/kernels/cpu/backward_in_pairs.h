// SPDX-License-Identifier: Apache-2.0
// The backward pass in pairs of bfloat16: pairs of neurons for the gradients of values, pairs of samples for those of weights.
#pragma once
#include "backward.h"
#include "levels_in_pairs.h"

namespace {

struct BackwardInPairs : Backward<bfloat16> {
    LevelsInPairs in_pairs{*this};
    std::vector<const Pair *> transposed;  // weights of the stages, (routers, inputs, half(outputs))

    explicit BackwardInPairs(const Call &call) : Backward(call) {}

    static long block(const Stage &stage) { return stage.inputs * half(stage.outputs); }

    std::size_t parameters_size() const override {
        std::size_t size = in_pairs.memory(), most = 0;
        for (const Stage &stage : net.stages) {
            size += Arena::rounded(stage.routers * block(stage));
            most = max<std::size_t>(most, Arena::rounded(block(stage)));
        }
        return size + most;
    }

    void read_parameters() override {
        in_pairs.read_weights();
        long most = 0;
        for (const Stage &stage : net.stages) most = max(most, block(stage));
        auto *scratch = reinterpret_cast<Pair *>(arena.take(most));
        for (long s = 0; s <= last; s++) {
            const Stage &stage = net.stages[s];
            const long m = stage.outputs, k = stage.inputs;
            auto *to = reinterpret_cast<Pair *>(arena.take(stage.routers * block(stage)));
            transposed.push_back(to);
            const auto *from = static_cast<const bfloat16 *>(call.weights[s]);
            for (long r = 0; r < stage.routers; r++, from += m * k, to += block(stage)) {
                const auto row = [&](long i) { return i < stage.used_outputs[r] ? from + i * k : nullptr; };
                for (long i = 0; i < m; i += 2) interleave(row(i), row(i + 1), k, k, scratch + i / 2 * k);
                transpose_pairs(scratch, k, half(m), k, to, half(m));
            }
        }
    }

    void tile(const Own &own, long b, long samples, long width) const override {
        const auto *x = static_cast<const bfloat16 *>(call.x) + b * net.inputs;
        const auto *dy = static_cast<const bfloat16 *>(call.dy) + b * net.outputs;
        const auto pairs = [](float *memory) { return reinterpret_cast<Pair *>(memory); };
        auto *scratch = reinterpret_cast<bfloat16 *>(own.scratch);
        for (long s = 0; s < last; s++)
            in_pairs.fill(s, x, samples, pairs(own.levels[s]), pairs(own.levels[s + 1]), width, pairs(own.in), scratch);
        add_bias(own, dy, samples);
        for (long s = last; s >= 0; s--) {
            const Stage &stage = net.stages[s];
            Pair *below = pairs(own.gradients[(s + 1) % 2]);
            if (s > 0 && has_gaps(net.stages[s - 1].outputs, net.stages[s - 1].used_outputs))
                std::fill_n(below, net.stages[s - 1].routers * half(net.stages[s - 1].outputs) * width, 0);
            for (long r = 0; r < stage.routers; r++) {
                const Pair *above = pairs(own.gradients[s % 2]) + r * half(stage.outputs) * width;
                if (s == last) {
                    fetch_neighbour(dy, net.outputs, samples, outputs(r));
                    read_pairs(dy, net.outputs, samples, outputs(r), pairs(own.above), width, scratch);
                    above = pairs(own.above);
                }
                add_weights(own, s, r, x, samples, above, width);
                if (s > 0) {
                    turn_back(s, r, above, stage.pair_reads.data() + r * stage.inputs, below, width);
                } else if (call.dx) {
                    auto *dx = static_cast<bfloat16 *>(call.dx) + b * net.inputs;
                    turn_back(s, r, above, in_pairs.in_sequence.data(), pairs(own.below), width);
                    fetch_neighbour(dx, net.inputs, samples, inputs(r));
                    write_pairs(pairs(own.below), width, samples, inputs(r), dx, net.inputs, scratch);
                }
            }
        }
    }

    void add_weights(const Own &own, long s, long r, const bfloat16 *x, long samples, const Pair *above, long width) const {
        const Stage &stage = net.stages[s];
        const long m = stage.outputs, columns = padded(stage.inputs), used = stage.used_inputs[r], step = 2 * half(stage.inputs);
        auto *rows = reinterpret_cast<bfloat16 *>(own.scratch);  // of samples
        if (s == 0)
            for (long b = 0; b < samples; b++) gather_pairs(x + b * net.inputs, inputs(r), step / 2, rows + b * step);
        else
            transpose_pairs(reinterpret_cast<Pair *>(own.levels[s]) + r * step / 2 * width, width, step / 2, samples, rows, step / 2);
        auto *values = reinterpret_cast<Pair *>(own.in);  // two samples a row
        for (long b = 0; b < samples; b += 2)
            interleave(rows + b * step, b + 1 < samples ? rows + (b + 1) * step : nullptr, used, columns, values + b / 2 * columns);
        auto *gradients = reinterpret_cast<bfloat16 *>(values + TILE / 2 * columns);  // a row for each output
        for (long t = 0; t < half(m); t++) part(above + t * width, width, gradients + 2 * t * width, gradients + (2 * t + 1) * width);
        add_outer_in_pairs(reinterpret_cast<const Pair *>(gradients), width / 2, stage.used_outputs[r], half(samples), values,
                           columns, own.weights[s] + r * m * columns);
    }

    void turn_back(long s, long r, const Pair *above, const int32_t *place, Pair *below, long width) const {
        const Stage &stage = net.stages[s];
        multiply_in_pairs(transposed[s] + r * block(stage), half(stage.outputs), stage.used_inputs[r], half(stage.used_outputs[r]),
                          above, width, nullptr, place, below);
    }
};

}  // namespace
