// SPDX-License-Identifier: Apache-2.0
// The forward pass in pairs of bfloat16, tile by tile.
#pragma once
#include "levels_in_pairs.h"

namespace {

struct ForwardInPairs : Pass<bfloat16> {
    LevelsInPairs in_pairs{*this};

    explicit ForwardInPairs(const Call &call) : Pass(call) {}

    void run() {
        const long threads = threads_for(8);
        const std::size_t level = Arena::rounded(TILE * hidden), router = Arena::rounded(panel);
        const std::size_t own = 2 * level + 3 * router, bias_size = net.stages[last].slots_above();
        arena.reserve(Arena::rounded(bias_size) + in_pairs.memory() + threads * own);
        read_bias(arena.take(bias_size));
        in_pairs.read_weights();
        auto *space = reinterpret_cast<Pair *>(arena.take(threads * own));
        for_tiles(threads, [&](long thread, long b, long samples, long width) {
            Pair *levels[2] = {space + thread * own, space + thread * own + level};
            Pair *in = levels[1] + level, *out = in + router;
            auto *scratch = reinterpret_cast<bfloat16 *>(out + router);
            const auto *x = static_cast<const bfloat16 *>(call.x) + b * net.inputs;
            auto *y = static_cast<bfloat16 *>(call.y) + b * net.outputs;
            for (long s = 0; s < last; s++) in_pairs.fill(s, x, samples, levels[(s + 1) % 2], levels[s % 2], width, in, scratch);
            const Stage &stage = net.stages[last];
            for (long r = 0; r < stage.routers; r++) {
                if (last == 0) in_pairs.read_inputs(r, x, samples, in, width, scratch);
                const Pair *below = last ? levels[(last + 1) % 2] + r * half(stage.inputs) * width : in;
                in_pairs.apply(last, r, below, in_pairs.in_sequence.data(), out, width);
                fetch_neighbour(y, net.outputs, samples, outputs(r));
                write_pairs(out, width, samples, outputs(r), y, net.outputs, scratch);
            }
        });
    }
};

}  // namespace
