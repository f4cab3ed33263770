// SPDX-License-Identifier: Apache-2.0
// Forward and backward pass of samples one by one: no tiles, and weights are read where they lie.
#pragma once
#include "pass.h"

namespace {

constexpr long FORWARD_SINGLY = 2, BACKWARD_SINGLY = 4;  // the largest batches that come here

template <class T>
struct Samples : Pass<T> {
    using Base = Pass<T>;
    using Base::call, Base::hidden, Base::last, Base::net, Base::panel;

    std::vector<float *> levels;  // levels[s]: what stage s reads; the first in the consumers' order, too
    float *outputs;               // of a router
    float *turns[2];              // gradients of a level and of the one below
    float *ordered;               // the bias

    explicit Samples(const Call &call) : Base(call) {}

    std::size_t memory() const { return (last + 4) * Arena::rounded(widest()) + Arena::rounded(panel); }

    void take_memory() {
        for (float **part : {&ordered, &turns[0], &turns[1]}) *part = arena.take(widest());
        for (long s = 0; s <= last; s++) levels.push_back(arena.take(widest()));
        outputs = arena.take(panel);
    }

    // The most slots of any level, x and y among them.
    long widest() const { return max({hidden, net.stages[0].slots_below(), net.stages[last].slots_above()}); }

    const T *weights(long s, long r) const {
        const Stage &stage = net.stages[s];
        return static_cast<const T *>(call.weights[s]) + r * stage.outputs * stage.inputs;
    }

    void forward() {
        arena.reserve(memory());
        take_memory();
        for (long b = 0; b < call.batch; b++) forward(b);
    }

    void forward(long b) {
        Base::read_bias(ordered);
        fill_levels(b);
        T *y = static_cast<T *>(call.y) + b * net.outputs;
        apply(last, [=](int32_t feature, float value, bool adds) {
            assign(y[feature], adds ? widened(y[feature]) + value : value);
        });
    }

    void fill_levels(long b) {
        const T *x = static_cast<const T *>(call.x) + b * net.inputs;
        for (long r = 0; r < net.stages[0].routers; r++)
            read_rows(x, 0, 1, Base::inputs(r), levels[0] + r * net.stages[0].inputs, 0);
        for (long s = 0; s < last; s++) {
            float *above = levels[s + 1];
            apply(s, [=](int32_t slot, float value, bool adds) { above[slot] = adds ? above[slot] + value : value; });
            for (const auto &[from, to] : net.stages[s].copies_above) above[to] = above[from];
        }
    }

    // Calls put(place, value, adds) for every output of stage s.
    template <class Put>
    void apply(long s, Put put) const {
        const Stage &stage = net.stages[s];
        for (long r = 0; r < stage.routers; r++) {
            const float *in = levels[s] + r * stage.inputs, *start = Base::start(s, r);
            if (stage.by_edges)
                sum_edges(Base::edges_up(s), weights(s, 0), in, start, outputs);
            else
                dot_products(weights(s, r), stage.inputs, stage.used_outputs[r], stage.used_inputs[r], in, start, outputs);
            put_all(stage.writes.data() + r * stage.outputs, stage.used_outputs[r], stage.adds_outputs[r], put);
        }
    }

    template <class Put>
    void put_all(const int32_t *place, long count, bool adds, Put put) const {
        const float *values = outputs;
        for (long i = 0; i < count; i++) put(place[i], values[i], adds);
    }

    static void sum_edges(EdgeList list, const T *w, const float *x, const float *start, float *y) {
        for (long n = 0; n < list.neurons; n++) {
            float sum = start ? start[n] : 0;
            for (long e = list.offsets[n]; e < list.offsets[n + 1]; e++)
                sum += widened(w[list.order ? list.order[e] : e]) * x[list.from[e]];
            y[n] = sum;
        }
    }

    void backward() {
        arena.reserve(memory());
        take_memory();
        for (long b = 0; b < call.batch; b++) {
            fill_levels(b);
            backward(b, {b > 0, 1});
        }
    }

    // Where the changes of weights and bias, which lie in call.dweights and call.dbias, begin, and the gradients' factor.
    struct Rule {
        bool adds;
        float factor;

        Change<T> of(const T *values) const { return {adds ? values : nullptr, factor}; }
    };

    // With the levels that sample b has filled.
    void backward(long b, Rule rule) {
        const Stage &top = net.stages[last];
        const T *dy = static_cast<const T *>(call.dy) + b * net.outputs;
        for (long r = 0; r < top.routers; r++) read_rows(dy, 0, 1, Base::outputs(r), turns[last % 2] + r * top.outputs, 0);
        if (call.dbias) {
            T *sums = static_cast<T *>(call.dbias);
            for (long i = 0; i < net.outputs; i++)
                assign(sums[i], (rule.adds ? widened(sums[i]) : 0) + rule.factor * widened(dy[i]));
        }
        for (long s = last; s > 0; s--) {
            float *below = turns[(s + 1) % 2];
            turn_back(s, turns[s % 2], rule, true, [=](int32_t slot, float value, bool adds) {
                below[slot] = adds ? below[slot] + value : value;
            });
            for (const auto &[from, to] : net.stages[s].copies_below) below[to] = below[from];
        }
        T *dx = static_cast<T *>(call.dx) + b * net.inputs;
        turn_back(0, turns[0], rule, call.dx, [=](int32_t feature, float value, bool adds) {
            assign(dx[feature], adds ? widened(dx[feature]) + value : value);
        });
    }

    // Changes the weights of stage s; where `wanted`, calls put(place, value, adds) for the gradient of every input.
    template <class Put>
    void turn_back(long s, const float *above, Rule rule, bool wanted, Put put) const {
        const Stage &stage = net.stages[s];
        const long m = stage.outputs, k = stage.inputs;
        for (long r = 0; r < stage.routers; r++) {
            const float *gradients = above + r * m, *in = levels[s] + r * k;
            T *dw = static_cast<T *>(call.dweights[s]) + r * m * k;
            const long rows = stage.used_outputs[r], columns = stage.used_inputs[r];
            if (stage.by_edges) {
                if (wanted) sum_edges(Base::edges_down(s), weights(s, 0), gradients, nullptr, outputs);
                add_edge_products(Base::edges_up(s), gradients, in, rule.of(dw), dw);
            } else {
                if (wanted)
                    derive(gradients, in, weights(s, r), k, rows, columns, rule.of(dw), dw, outputs);
                else
                    derive_weights(gradients, in, weights(s, r), k, rows, columns, rule.of(dw), dw);
                for (long i = columns < k ? 0 : rows; i < m; i++)
                    for (long j = i < rows ? columns : 0; j < k; j++) assign(dw[i * k + j], 0.f);
            }
            if (wanted) put_all(stage.reads.data() + r * k, columns, stage.adds_inputs[r], put);
        }
    }

    static void add_edge_products(EdgeList list, const float *above, const float *below, Change<T> change, T *dw) {
        for (long n = 0; n < list.neurons; n++)
            for (long e = list.offsets[n]; e < list.offsets[n + 1]; e++) {
                const float step = change.factor * above[n] * below[list.from[e]];
                assign(dw[e], change.base ? widened(change.base[e]) + step : step);
            }
    }
};

}  // namespace
