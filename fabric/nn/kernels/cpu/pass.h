// SPDX-License-Identifier: Apache-2.0
// What forward and backward pass share: parameters as floats, tiles of samples, and a router applied to a tile.
#pragma once
#include "columns.h"
#include "edges.h"
#include "kernel.h"
#include "memory.h"

#ifndef TILE
#define TILE 48  // samples: a multiple of WIDEST registers; of 96 or 144 a level of 1024 neurons leaves too little of the cache
#endif

namespace {

using std::max;
using std::min;

thread_local Arena arena;

template <class T>
struct Pass {
    const Call &call;
    const Cascade &net;
    const long last;                     // stage
    std::vector<const float *> weights;  // of the stages
    const float *bias = nullptr;         // (routers, outputs) of the last stage
    long hidden = 0, panel = 0;          // slots of the widest hidden level; floats of the largest tile of a band

    explicit Pass(const Call &call) : call(call), net(*call.cascade), last(long(net.stages.size()) - 1) {
        for (long s = 0; s <= last; s++) {
            const Stage &stage = net.stages[s];
            if (s < last) hidden = max({hidden, stage.slots_above(), net.stages[s + 1].slots_below()});
            panel = max(panel, TILE * max(stage.outputs, padded(stage.inputs)));
            for (const Band &band : stage.bands) panel = max<long>(panel, TILE * max(band.inputs.size(), band.outputs.size()));
        }
    }

    std::size_t parameters_size() const {
        std::size_t size = Arena::rounded(net.stages[last].slots_above());
        if constexpr (!std::is_same_v<T, float>)
            for (const Stage &stage : net.stages) size += Arena::rounded(stage.weights);
        return size;
    }

    void read_parameters() {
        for (long s = 0; s <= last; s++) {
            const T *weight = static_cast<const T *>(call.weights[s]);
            if constexpr (std::is_same_v<T, float>) {
                weights.push_back(weight);
            } else {
                float *wide = arena.take(net.stages[s].weights);
                copy(weight, net.stages[s].weights, wide);
                weights.push_back(wide);
            }
        }
        read_bias(arena.take(net.stages[last].slots_above()));
    }

    void read_bias(float *ordered) {
        if (!call.bias) return;
        const Stage &stage = net.stages[last];
        for (long r = 0; r < stage.routers; r++)
            read_rows(static_cast<const T *>(call.bias), 0, 1, outputs(r), ordered + r * stage.outputs, 0);
        bias = ordered;
    }

    Features inputs(long r) const {
        const Stage &stage = net.stages[0];
        return {stage.reads.data() + r * stage.inputs, stage.used_inputs[r], net.inputs_in_order};
    }
    Features outputs(long r) const {
        const Stage &stage = net.stages[last];
        return {stage.writes.data() + r * stage.outputs, stage.used_outputs[r], net.outputs_in_order};
    }

    Features inputs(const Band &band) const { return {band.inputs.data(), long(band.inputs.size()), band.inputs_in_order}; }
    Features outputs(const Band &band) const { return {band.outputs.data(), long(band.outputs.size()), band.outputs_in_order}; }

    EdgeList edges_up(long s) const { return {call.edges[s].offsets, call.edges[s].sources, nullptr, net.stages[s].outputs}; }
    EdgeList edges_down(long s) const {
        return {call.edges[s].source_offsets, call.edges[s].targets, call.edges[s].order, net.stages[s].inputs};
    }

    // What router r of stage s adds to its outputs from without.
    const float *start(long s, long r) const {
        const Stage &stage = net.stages[s];
        return bias && s == last && !stage.adds_outputs[r] ? bias + r * stage.outputs : nullptr;
    }

    // The outputs of router r of stage s. `place` says which rows of `above` they are; in sequence if null.
    void apply(long s, long r, const float *below, const int32_t *place, float *above, long width) const {
        const Stage &stage = net.stages[s];
        const long m = stage.outputs, k = stage.inputs;
        if (stage.by_edges)
            sum_edges(edges_up(s), weights[s], below, width, start(s, r), place, above);
        else
            multiply(weights[s] + r * m * k, k, 1, stage.used_outputs[r], stage.used_inputs[r], below, width, start(s, r),
                     place && stage.adds_outputs[r], place, above, width);
    }

    // A stage whose outputs are a hidden level.
    void apply_below(long s, const T *x, long rows, const float *below, float *above, long width, float *in,
                     float *scratch) const {
        const Stage &stage = net.stages[s];
        for (const Band &band : stage.bands) {
            if (s == 0) {
                fetch(x + rows * net.inputs, static_cast<const T *>(call.x) + call.batch * net.inputs, rows * net.inputs,
                      &band - stage.bands.data(), stage.bands.size());
                read_columns(x, net.inputs, rows, inputs(band), in, width, scratch);
            }
            const float *own = in;
            for (long r = band.begin; r < band.end; own += stage.used_inputs[r++] * width)
                apply(s, r, s ? below + r * stage.inputs * width : own, stage.writes.data() + r * stage.outputs, above, width);
        }
        for (const auto &[from, to] : stage.copies_above) std::copy_n(above + from * width, width, above + to * width);
    }

    // Runs tile(thread, first sample, samples, columns) over all samples: columns are samples filled up to halves of a register.
    template <class Tile>
    void for_tiles(long threads, Tile tile) const {
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
        for (long thread = 0; thread < threads; thread++) {
            long b = call.batch * thread / threads;
            const long end = call.batch * (thread + 1) / threads;
            for (long tiles = (end - b + TILE - 1) / TILE; tiles > 0; tiles--) {
                const long halves = padded((end - b + tiles - 1) / tiles) / HALF;
                const long columns = (halves > 1 ? halves + halves % 2 : 1) * HALF, rows = min(columns, end - b);
                tile(thread, b, rows, columns);
                b += rows;
            }
        }
    }

    long threads_for(long samples_each) const { return max<long>(1, min<long>(call.threads, call.batch / samples_each)); }
};

}  // namespace
