// SPDX-License-Identifier: Apache-2.0
// The backward pass, tile by tile: the hidden levels are computed again, then the gradients go down stage by stage.
#pragma once
#include "pass.h"

namespace {

template <class T>
struct Backward : Pass<T> {
    using Base = Pass<T>;
    using Base::call, Base::hidden, Base::last, Base::net, Base::panel;

    // The memory of a thread.
    struct Own {
        std::vector<float *> levels;               // hidden levels, the first at 1
        float *gradients[2];                       // of hidden levels, by turns
        float *above, *in, *below, *scratch;       // a router's gradients above, inputs and gradients below; its inputs in rows
        std::vector<float *> weights;              // sums: of weights (routers, outputs, padded(inputs)) ...
        float *bias;                               // ... and of the bias
    };
    std::vector<Own> owns;

    explicit Backward(const Call &call) : Base(call) {}

    virtual std::size_t parameters_size() const { return Base::parameters_size(); }
    virtual void read_parameters() { Base::read_parameters(); }

    long sums_size(const Stage &stage) const {
        return stage.by_edges ? stage.weights : stage.routers * stage.outputs * padded(stage.inputs);
    }
    T *result(long s) const { return static_cast<T *>(call.dweights[s]); }

    // Whether the first thread sums in the result itself.
    bool in_place(const Stage &stage) const { return std::is_same_v<T, float> && sums_size(stage) == stage.weights; }

    void run() {
        const long threads = Base::threads_for(16);
        const std::size_t level = Arena::rounded(TILE * hidden);
        std::size_t own = (last + 2) * level + 4 * Arena::rounded(panel) + Arena::rounded(net.outputs);
        for (const Stage &stage : net.stages) own += Arena::rounded(sums_size(stage));
        arena.reserve(parameters_size() + threads * own);
        read_parameters();
        for (long thread = 0; thread < threads; thread++) owns.push_back(memory(thread, level));
        Base::for_tiles(threads, [&](long thread, long b, long rows, long width) { tile(owns[thread], b, rows, width); });
        for (long s = 0; s <= last; s++) {
            for (long thread = 1; thread < threads; thread++)
                add(owns[thread].weights[s], owns[0].weights[s], sums_size(net.stages[s]));
            hand_over(s);
        }
        if (!call.dbias) return;
        for (long thread = 1; thread < threads; thread++) add(owns[thread].bias, owns[0].bias, net.outputs);
        copy(owns[0].bias, net.outputs, static_cast<T *>(call.dbias));
    }

    Own memory(long thread, std::size_t level) const {
        Own own;
        own.levels.push_back(nullptr);
        for (long s = 0; s < last; s++) own.levels.push_back(arena.take(level));
        for (float *&part : own.gradients) part = arena.take(level);
        for (float **part : {&own.above, &own.in, &own.below, &own.scratch}) *part = arena.take(panel);
        for (long s = 0; s <= last; s++) {
            const Stage &stage = net.stages[s];
            float *sums = arena.take(sums_size(stage));
            if constexpr (std::is_same_v<T, float>)
                if (thread == 0 && in_place(stage)) sums = result(s);
            std::fill(sums, sums + sums_size(stage), 0.f);
            own.weights.push_back(sums);
        }
        own.bias = arena.take(net.outputs);
        std::fill(own.bias, own.bias + net.outputs, 0.f);
        return own;
    }

    template <class From>
    static void add(const From *from, float *to, long size) {
        long i = 0;
        for (; i + LANES <= size; i += LANES) store<LANES>(to + i, load<LANES>(to + i) + load<LANES>(from + i));
        for (; i < size; i++) to[i] += widened(from[i]);
    }

    virtual void tile(const Own &own, long b, long rows, long width) const {
        const T *x = static_cast<const T *>(call.x) + b * net.inputs, *dy = static_cast<const T *>(call.dy) + b * net.outputs;
        for (long s = 0; s < last; s++)
            Base::apply_below(s, x, rows, own.levels[s], own.levels[s + 1], width, own.in, own.scratch);
        add_bias(own, dy, rows);
        for (long s = last; s >= 0; s--) {
            const Stage &stage = net.stages[s];
            for (const Band &band : stage.bands) {
                if (s == last) {
                    fetch_neighbour(dy, net.outputs, rows, Base::outputs(band));
                    read_columns(dy, net.outputs, rows, Base::outputs(band), own.above, width, own.scratch);
                }
                if (s == 0 && reads_columns(stage))
                    read_columns(x, net.inputs, rows, Base::inputs(band), own.in, width, own.scratch);
                const float *read = own.above, *read_below = own.in;
                float *into = own.below;
                for (long r = band.begin; r < band.end; r++) {
                    const float *above = s == last ? read : own.gradients[s % 2] + r * stage.outputs * width;
                    const float *in = s ? own.levels[s] + r * stage.inputs * width : read_below;
                    add_weights(own, s, r, x, rows, above, in, width);
                    if (s > 0)
                        turn_back(s, r, above, stage.reads.data() + r * stage.inputs, own.gradients[(s + 1) % 2], width);
                    else if (call.dx)
                        turn_back(s, r, above, nullptr, into, width);
                    read += stage.used_outputs[r] * width;
                    read_below += stage.used_inputs[r] * width, into += stage.used_inputs[r] * width;
                }
                if (s > 0 || !call.dx) continue;
                T *dx = static_cast<T *>(call.dx) + b * net.inputs;
                fetch_neighbour(dx, net.inputs, rows, Base::inputs(band));
                write_columns(own.below, width, rows, Base::inputs(band), stage.adds_inputs[band.begin], dx, net.inputs,
                              own.scratch);
            }
            float *below = own.gradients[(s + 1) % 2];
            for (const auto &[from, to] : stage.copies_below) std::copy_n(below + from * width, width, below + to * width);
        }
    }

    void add_bias(const Own &own, const T *dy, long rows) const {
        for (long row = 0; call.dbias && row < rows; row++) add(dy + row * net.outputs, own.bias, net.outputs);
    }

    // Whether the gradients of weights are computed from columns of inputs, else from rows.
    static bool reads_columns(const Stage &stage) { return stage.by_edges || stage.outputs * stage.inputs <= DOTS; }

    // The gradients of the weights of router r of stage s.
    void add_weights(const Own &own, long s, long r, const T *x, long rows, const float *above, const float *in,
                     long width) const {
        const Stage &stage = net.stages[s];
        const long m = stage.outputs, k = stage.inputs, columns = padded(k);
        float *sums = own.weights[s] + r * m * columns;
        if (stage.by_edges) return add_edge_products(Base::edges_up(s), above, in, width, own.weights[s]);
        if (reads_columns(stage))
            return add_dots(above, stage.used_outputs[r], in, stage.used_inputs[r], width, sums, columns);
        if (s == 0)
            read_rows(x, net.inputs, rows, Base::inputs(r), own.scratch, columns);
        else
            transpose(in, width, k, rows, own.scratch, columns);
        add_outer(above, width, stage.used_outputs[r], rows, own.scratch, columns, sums);
    }

    // The gradients of the inputs of router r of stage s, in the rows of `below` that `place` names.
    void turn_back(long s, long r, const float *above, const int32_t *place, float *below, long width) const {
        const Stage &stage = net.stages[s];
        const long m = stage.outputs, k = stage.inputs;
        if (stage.by_edges)
            sum_edges(Base::edges_down(s), Base::weights[s], above, width, nullptr, place, below);
        else
            multiply(Base::weights[s] + r * m * k, 1, k, stage.used_inputs[r], stage.used_outputs[r], above, width, nullptr,
                     place && stage.adds_inputs[r], place, below, width);
    }

    // The gradients of a stage's weights; zero for entries that stand for no edge.
    void hand_over(long s) const {
        const Stage &stage = net.stages[s];
        if (stage.by_edges) {
            if (!in_place(stage)) copy(owns[0].weights[s], stage.weights, result(s));
            return;
        }
        const long m = stage.outputs, k = stage.inputs;
        for (long r = 0; r < stage.routers; r++)
            for (long i = 0; i < m; i++) {
                T *to = result(s) + (r * m + i) * k;
                const long used = i < stage.used_outputs[r] ? stage.used_inputs[r] : 0;
                if (!in_place(stage)) copy(owns[0].weights[s] + (r * m + i) * padded(k), used, to);
                for (long j = used; j < k; j++) assign(to[j], 0.f);
            }
    }
};

}  // namespace
