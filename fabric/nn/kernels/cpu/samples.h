// SPDX-License-Identifier: Apache-2.0
// Forward and backward pass of samples one by one: no tiles, and weights are read where they lie.
#pragma once
#include "pass.h"

namespace {

constexpr long FORWARD_SINGLY = 2, BACKWARD_SINGLY = 4;  // the largest batches that come here

// to[place[i]] = from[i], `adds` to what is there
template <class T>
__attribute__((noinline)) void scatter(const float *from, const int32_t *place, long count, bool adds, T *to) {
    if (adds)
        for (long i = 0; i < count; i++) assign(to[place[i]], widened(to[place[i]]) + from[i]);
    else
        for (long i = 0; i < count; i++) assign(to[place[i]], from[i]);
}

template <class T>
struct Samples : Pass<T> {
    using Base = Pass<T>;
    using Base::call, Base::hidden, Base::last, Base::net, Base::panel;

    std::vector<float *> levels;  // levels[s]: what stage s reads, the first in the consumers' order, too ...
    const float *first;           // ... unless x lies in it
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

    // The inputs of router r of stage s.
    const float *below(long s, long r) const { return (s ? levels[s] : first) + r * net.stages[s].inputs; }

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
        apply(last, static_cast<T *>(call.y) + b * net.outputs);
    }

    void fill_levels(long b) {
        const T *x = static_cast<const T *>(call.x) + b * net.inputs;
        const bool lies_ready = std::is_same_v<T, float> && net.inputs_in_order && net.stages[0].slots_below() == net.inputs;
        first = lies_ready ? reinterpret_cast<const float *>(x) : levels[0];
        for (long r = 0; !lies_ready && r < net.stages[0].routers; r++)
            read_rows(x, 0, 1, Base::inputs(r), levels[0] + r * net.stages[0].inputs, 0);
        for (long s = 0; s < last; s++) {
            float *above = levels[s + 1];
            apply(s, above);
            for (const auto &[from, to] : net.stages[s].copies_above) above[to] = above[from];
        }
    }

    // The outputs of stage s.
    template <class To>
    void apply(long s, To *above) const {
        const Stage &stage = net.stages[s];
        for (long r = 0; r < stage.routers; r++) {
            const float *in = below(s, r), *start = Base::start(s, r);
            if (stage.by_edges)
                sum_edges(Base::edges_up(s), weights(s, 0), in, start, outputs);
            else
                dot_products(weights(s, r), stage.inputs, stage.used_outputs[r], stage.used_inputs[r], in, start, outputs);
            scatter(outputs, stage.writes.data() + r * stage.outputs, stage.used_outputs[r], stage.adds_outputs[r], above);
        }
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
            turn_back(s, turns[s % 2], rule, below);
            for (const auto &[from, to] : net.stages[s].copies_below) below[to] = below[from];
        }
        turn_back(0, turns[0], rule, call.dx ? static_cast<T *>(call.dx) + b * net.inputs : nullptr);
    }

    // Changes the weights of stage s and, unless `into` is null, computes the gradients of its inputs.
    template <class To>
    void turn_back(long s, const float *above, Rule rule, To *into) const {
        const Stage &stage = net.stages[s];
        const long m = stage.outputs, k = stage.inputs;
        for (long r = 0; r < stage.routers; r++) {
            const float *gradients = above + r * m, *in = below(s, r);
            T *dw = static_cast<T *>(call.dweights[s]) + r * m * k;
            const long rows = stage.used_outputs[r], columns = stage.used_inputs[r];
            if (stage.by_edges) {
                if (into) sum_edges(Base::edges_down(s), weights(s, 0), gradients, nullptr, outputs);
                add_edge_products(Base::edges_up(s), gradients, in, rule.of(dw), dw);
            } else {
                derive(gradients, in, weights(s, r), k, rows, columns, rule.of(dw), dw, into ? outputs : nullptr);
                for (long i = columns < k ? 0 : rows; i < m; i++)
                    for (long j = i < rows ? columns : 0; j < k; j++) assign(dw[i * k + j], 0.f);
            }
            if (into) scatter(outputs, stage.reads.data() + r * k, columns, stage.adds_inputs[r], into);
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
