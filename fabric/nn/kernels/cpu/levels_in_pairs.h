// SPDX-License-Identifier: Apache-2.0
// Stages applied to levels of pairs: their weights, and what lies between them.
#pragma once
#include "pairs.h"

namespace {

// Whether some router has a pair of which one half stands for no neuron.
inline bool has_gaps(long size, const std::vector<int32_t> &used) {
    return size % 2 || std::any_of(used.begin(), used.end(), [&](int32_t count) { return count != size; });
}

struct LevelsInPairs {
    const Pass<bfloat16> &pass;
    const Cascade &net;
    std::vector<const Pair *> weights;  // of the stages, (routers, outputs, half(inputs))
    std::vector<int32_t> in_sequence;   // places of a router's own

    explicit LevelsInPairs(const Pass<bfloat16> &pass) : pass(pass), net(pass.net) {
        for (const Stage &stage : net.stages) in_sequence.resize(max<long>({long(in_sequence.size()), stage.outputs, stage.inputs}));
        std::iota(in_sequence.begin(), in_sequence.end(), 0);
    }

    std::size_t memory() const {
        std::size_t size = 0;
        for (const Stage &stage : net.stages) size += Arena::rounded(stage.routers * stage.outputs * half(stage.inputs));
        return size;
    }

    // They are used where they lie unless there are gaps.
    void read_weights() {
        for (std::size_t s = 0; s < net.stages.size(); s++) {
            const Stage &stage = net.stages[s];
            const auto *from = static_cast<const bfloat16 *>(pass.call.weights[s]);
            const long pairs = half(stage.inputs), rows = stage.routers * stage.outputs;
            if (has_gaps(stage.inputs, stage.used_inputs)) {
                auto *to = reinterpret_cast<bfloat16 *>(arena.take(rows * pairs));
                for (long row = 0; row < rows; row++)
                    fill_pairs(from + row * stage.inputs, stage.used_inputs[row / stage.outputs], pairs, to + row * 2 * pairs);
                from = to;
            }
            weights.push_back(reinterpret_cast<const Pair *>(from));
        }
    }

    void apply(long s, long r, const Pair *below, const int32_t *place, Pair *above, long width) const {
        const Stage &stage = net.stages[s];
        const long pairs = half(stage.inputs);
        multiply_in_pairs(weights[s] + r * stage.outputs * pairs, pairs, stage.used_outputs[r], half(stage.used_inputs[r]), below,
                          width, pass.start(s, r), place, above);
    }

    // The inputs of router r of the first stage.
    void read_inputs(long r, const bfloat16 *x, long samples, Pair *to, long width, bfloat16 *scratch) const {
        fetch(x + samples * net.inputs, static_cast<const bfloat16 *>(pass.call.x) + pass.call.batch * net.inputs,
              samples * net.inputs, r, net.stages[0].routers);
        read_pairs(x, net.inputs, samples, pass.inputs(r), to, width, scratch);
    }

    // A stage whose outputs are a hidden level.
    void fill(long s, const bfloat16 *x, long samples, const Pair *below, Pair *above, long width, Pair *in,
              bfloat16 *scratch) const {
        const Stage &stage = net.stages[s], &next = net.stages[s + 1];
        if (has_gaps(next.inputs, next.used_inputs)) std::fill_n(above, next.routers * half(next.inputs) * width, 0);
        for (long r = 0; r < stage.routers; r++) {
            if (s == 0) read_inputs(r, x, samples, in, width, scratch);
            apply(s, r, s ? below + r * half(stage.inputs) * width : in, stage.pair_writes.data() + r * stage.outputs, above, width);
        }
    }
};

}  // namespace
