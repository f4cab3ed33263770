// SPDX-License-Identifier: Apache-2.0
// Forward and backward pass of a cascade of routers, all stages for a tile of samples at a time.
//
// Between the stages a tile stays in the cache: hidden levels are never written to memory, and the backward pass computes
// them anew from x. Samples are turned from rows into columns and back router by router, beside the first and last product.
// Each thread takes a run of samples; gradients of weights are summed per thread and then over the threads in order, so
// that the same number of threads gives the same bits.
#include <algorithm>
#include <vector>

#include "cascade.h"
#include "products.h"
#include "single.h"

#ifndef TILE
#define TILE 48  // samples: a multiple of WIDEST registers
#endif
constexpr long SINGLY = 2;  // batches up to this one sample at a time

namespace {

using std::max;
using std::min;

thread_local Arena arena;

// The neurons of one router at the edge of the cascade: columns of x or y.
struct Features {
    const int32_t *of;
    long count;
    bool in_order;
};

// to[b][i] = from[b][features i]
template <class T>
void read_rows(const T *from, long from_step, long rows, Features features, float *to, long to_step) {
    for (long b = 0; b < rows; b++, from += from_step, to += to_step)
        if (features.in_order)
            for (long i = 0; i < features.count; i++) to[i] = widened(from[features.of[0] + i]);
        else
            for (long i = 0; i < features.count; i++) to[i] = widened(from[features.of[i]]);
}

// Brings part number `part` of `parts` of the `size` elements behind `from` nearer, as far as `end`: the next tile, while this
// one is computed. Routers read and write x and y in pieces too small and too far apart for the processor to foresee them.
template <class T>
void fetch(const T *from, const T *end, long size, long part, long parts) {
    const char *piece = reinterpret_cast<const char *>(from + size * part / parts);
    const char *stop = reinterpret_cast<const char *>(min(end, from + size * (part + 1) / parts));
    for (; piece < stop; piece += 64) __builtin_prefetch(piece, 0, 2);
}

// The same for the next router's columns of these rows.
template <class T>
void fetch_neighbour(const T *rows, long step, long count, Features features) {
    const T *next = rows + features.of[0] + features.count;
    if (features.in_order)
        for (long b = 0; b < count; b++, next += step)
            for (long i = 0; i < features.count; i += 64 / sizeof(T)) __builtin_prefetch(next + i, 0, 2);
}

// to[i][b] = from[b][features i]
template <class T>
void read_columns(const T *from, long from_step, long rows, Features features, float *to, long to_step, float *scratch) {
    if constexpr (std::is_same_v<T, float>)
        if (features.in_order) return transpose(from + features.of[0], from_step, rows, features.count, to, to_step);
    read_rows(from, from_step, rows, features, scratch, features.count);
    transpose(scratch, features.count, rows, features.count, to, to_step);
}

// to[b][features i] = from[i][b], by way of `scratch`: rows of y lie a power of two apart, and squares written there one by
// one would drive each other out of the cache.
template <class T>
void write_columns(const float *from, long from_step, long rows, Features features, T *to, long to_step, float *scratch) {
    transpose(from, from_step, features.count, rows, scratch, features.count);
    for (long b = 0; b < rows; b++, scratch += features.count, to += to_step)
        if (features.in_order)
            for (long i = 0; i < features.count; i++) assign(to[features.of[0] + i], scratch[i]);
        else
            for (long i = 0; i < features.count; i++) assign(to[features.of[i]], scratch[i]);
}

template <class T>
struct Pass {
    const Call &call;
    const Cascade &net;
    const long last;                     // stage
    std::vector<const float *> weights;  // of the stages
    const float *bias = nullptr;         // (routers, outputs) of the last stage
    long hidden = 0, panel = 0;          // neurons of the widest hidden level; floats of the largest router's tile

    explicit Pass(const Call &call) : call(call), net(*call.cascade), last(net.depth - 1) {
        for (long s = 0; s <= last; s++) {
            const Stage &stage = net.stages[s];
            if (s < last) hidden = max<long>(hidden, stage.routers * stage.outputs);
            panel = max(panel, TILE * max<long>(stage.outputs, padded(stage.inputs)));
        }
    }

    std::size_t shared_size() const {
        std::size_t size = Arena::rounded(net.outputs + net.stages[last].routers);
        if constexpr (!std::is_same_v<T, float>)
            for (long s = 0; s <= last; s++) size += Arena::rounded(net.stages[s].size());
        return size;
    }

    void read_parameters() {
        for (long s = 0; s <= last; s++) {
            const T *weight = static_cast<const T *>(call.tensors[s]);
            if constexpr (std::is_same_v<T, float>) {
                weights.push_back(weight);
            } else {
                float *wide = arena.take(net.stages[s].size());
                for (long i = 0; i < net.stages[s].size(); i++) wide[i] = widened(weight[i]);
                weights.push_back(wide);
            }
        }
        if (!call.bias) return;
        const Stage &stage = net.stages[last];
        float *ordered = arena.take(stage.routers * stage.outputs);
        for (long r = 0; r < stage.routers; r++)
            read_rows(static_cast<const T *>(call.bias), 0, 1, outputs(r), ordered + r * stage.outputs, 0);
        bias = ordered;
    }

    Features inputs(long r) const {
        const Stage &stage = net.stages[0];
        return {stage.reads + r * stage.inputs, stage.used_inputs[r], bool(net.inputs_in_order)};
    }
    Features outputs(long r) const {
        const Stage &stage = net.stages[last];
        return {stage.writes + r * stage.outputs, stage.used_outputs[r], bool(net.outputs_in_order)};
    }

    // The outputs of router r of stage s. `place` says which rows of `above` they are; in sequence if null.
    void apply(long s, long r, const float *below, const int32_t *place, float *above, long width) const {
        const Stage &stage = net.stages[s];
        const long m = stage.outputs, k = stage.inputs;
        multiply(weights[s] + r * m * k, k, 1, stage.used_outputs[r], stage.used_inputs[r], below, width,
                 bias && s == last ? bias + r * m : nullptr, place, above, width);
    }

    // A stage whose outputs are a hidden level.
    void apply_below(long s, const T *x, long rows, const float *below, float *above, long width, float *in,
                     float *scratch) const {
        const Stage &stage = net.stages[s];
        for (long r = 0; r < stage.routers; r++) {
            if (s == 0) {
                fetch(x + rows * net.inputs, static_cast<const T *>(call.x) + call.batch * net.inputs, rows * net.inputs, r,
                      stage.routers);
                read_columns(x, net.inputs, rows, inputs(r), in, width, scratch);
            }
            apply(s, r, s ? below + r * stage.inputs * width : in, stage.writes + r * stage.outputs, above, width);
        }
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

template <class T>
struct Forward : Pass<T> {
    using Base = Pass<T>;
    using Base::call, Base::hidden, Base::last, Base::net, Base::panel;

    explicit Forward(const Call &call) : Base(call) {}

    void run() {
        if (call.batch <= SINGLY)
            by_sample();
        else
            by_tile();
    }

    void by_sample() {
        arena.reserve(Base::shared_size() + 2 * Arena::rounded(hidden) + 2 * Arena::rounded(panel));
        Base::read_parameters();
        float *levels[2] = {arena.take(hidden), arena.take(hidden)}, *sample = arena.take(panel), *outputs = arena.take(panel);
        for (long b = 0; b < call.batch; b++) {
            const T *x = static_cast<const T *>(call.x) + b * net.inputs;
            T *y = static_cast<T *>(call.y) + b * net.outputs;
            for (long s = 0; s <= last; s++) {
                const Stage &stage = net.stages[s];
                const long m = stage.outputs, k = stage.inputs;
                for (long r = 0; r < stage.routers; r++) {
                    const float *in = levels[(s + 1) % 2] + r * k;
                    if (s == 0) {
                        read_rows(x, 0, 1, Base::inputs(r), sample, 0);
                        in = sample;
                    }
                    dot_products(Base::weights[s] + r * m * k, k, stage.used_outputs[r], stage.used_inputs[r], in,
                                 Base::bias && s == last ? Base::bias + r * m : nullptr, outputs);
                    const int32_t *place = stage.writes + r * m;
                    for (long i = 0; i < stage.used_outputs[r]; i++)
                        if (s < last)
                            levels[s % 2][place[i]] = outputs[i];
                        else
                            assign(y[place[i]], outputs[i]);
                }
            }
        }
    }

    void by_tile() {
        const long threads = Base::threads_for(8);
        const std::size_t level = Arena::rounded(TILE * hidden), own = 2 * level + 3 * Arena::rounded(panel);
        arena.reserve(Base::shared_size() + threads * own);
        Base::read_parameters();
        float *space = arena.take(threads * own);
        Base::for_tiles(threads, [&](long thread, long b, long rows, long width) {
            float *levels[2] = {space + thread * own, space + thread * own + level};
            float *in = levels[1] + level, *out = in + Arena::rounded(panel), *scratch = out + Arena::rounded(panel);
            const T *x = static_cast<const T *>(call.x) + b * net.inputs;
            T *y = static_cast<T *>(call.y) + b * net.outputs;
            for (long s = 0; s < last; s++)
                Base::apply_below(s, x, rows, levels[(s + 1) % 2], levels[s % 2], width, in, scratch);
            const Stage &stage = net.stages[last];
            for (long r = 0; r < stage.routers; r++) {
                if (last == 0) read_columns(x, net.inputs, rows, Base::inputs(r), in, width, scratch);
                Base::apply(last, r, last ? levels[(last + 1) % 2] + r * stage.inputs * width : in, nullptr, out, width);
                fetch_neighbour(y, net.outputs, rows, Base::outputs(r));
                write_columns(out, width, rows, Base::outputs(r), y, net.outputs, scratch);
            }
        });
    }
};

template <class T>
struct Backward : Pass<T> {
    using Base = Pass<T>;
    using Base::call, Base::hidden, Base::last, Base::net, Base::panel;

    // The memory of a thread.
    struct Own {
        std::vector<float *> levels;       // hidden levels, the first at 1
        float *gradients[2];               // of hidden levels, by turns
        float *above, *below, *scratch;    // a router's gradients above and below it; its inputs in rows
        std::vector<float *> weights;      // sums: of weights (routers, outputs, padded(inputs)) ...
        float *bias;                       // ... and of the bias
    };
    std::vector<Own> owns;

    explicit Backward(const Call &call) : Base(call) {}

    long sums_size(long s) const {
        const Stage &stage = net.stages[s];
        return stage.routers * stage.outputs * padded(stage.inputs);
    }
    T *result(long s) const { return static_cast<T *>(const_cast<void *>(call.tensors[net.depth + s])); }

    // Whether the first thread sums in the result itself.
    bool in_place(long s) const { return std::is_same_v<T, float> && padded(net.stages[s].inputs) == net.stages[s].inputs; }

    void run() {
        const long threads = Base::threads_for(16);
        const std::size_t level = Arena::rounded(TILE * hidden);
        std::size_t own = (last + 2) * level + 3 * Arena::rounded(panel) + Arena::rounded(net.outputs);
        for (long s = 0; s <= last; s++) own += Arena::rounded(sums_size(s));
        arena.reserve(Base::shared_size() + threads * own);
        Base::read_parameters();
        for (long thread = 0; thread < threads; thread++) owns.push_back(memory(thread, level));
        Base::for_tiles(threads, [&](long thread, long b, long rows, long width) { tile(owns[thread], b, rows, width); });
        for (long s = 0; s <= last; s++) {
            for (long thread = 1; thread < threads; thread++) add(owns[thread].weights[s], owns[0].weights[s], sums_size(s));
            hand_over(s);
        }
        if (!call.dbias) return;
        for (long thread = 1; thread < threads; thread++) add(owns[thread].bias, owns[0].bias, net.outputs);
        for (long i = 0; i < net.outputs; i++) assign(static_cast<T *>(call.dbias)[i], owns[0].bias[i]);
    }

    Own memory(long thread, std::size_t level) const {
        Own own;
        own.levels.push_back(nullptr);
        for (long s = 0; s < last; s++) own.levels.push_back(arena.take(level));
        for (float *&part : own.gradients) part = arena.take(level);
        for (float **part : {&own.above, &own.below, &own.scratch}) *part = arena.take(panel);
        for (long s = 0; s <= last; s++) {
            float *sums = arena.take(sums_size(s));
            if constexpr (std::is_same_v<T, float>)
                if (thread == 0 && in_place(s)) sums = result(s);
            std::fill(sums, sums + sums_size(s), 0.f);
            own.weights.push_back(sums);
        }
        own.bias = arena.take(net.outputs);
        std::fill(own.bias, own.bias + net.outputs, 0.f);
        return own;
    }

    static void add(const float *from, float *to, long size) {
        for (long i = 0; i < size; i++) to[i] += from[i];
    }

    void tile(const Own &own, long b, long rows, long width) const {
        const T *x = static_cast<const T *>(call.x) + b * net.inputs, *dy = static_cast<const T *>(call.dy) + b * net.outputs;
        for (long s = 0; s < last; s++)
            Base::apply_below(s, x, rows, own.levels[s], own.levels[s + 1], width, own.below, own.scratch);
        if (call.dbias)
            for (long row = 0; row < rows; row++)
                for (long i = 0; i < net.outputs; i++) own.bias[i] += widened(dy[row * net.outputs + i]);
        for (long s = last; s >= 0; s--) {
            const Stage &stage = net.stages[s];
            const long m = stage.outputs, k = stage.inputs, columns = padded(k);
            for (long r = 0; r < stage.routers; r++) {
                const float *above = own.gradients[s % 2] + r * m * width;
                if (s == last) {
                    fetch_neighbour(dy, net.outputs, rows, Base::outputs(r));
                    read_columns(dy, net.outputs, rows, Base::outputs(r), own.above, width, own.scratch);
                    above = own.above;
                }
                if (s == 0)
                    read_rows(x, net.inputs, rows, Base::inputs(r), own.scratch, columns);
                else
                    transpose(own.levels[s] + r * k * width, width, k, rows, own.scratch, columns);
                add_outer(above, width, stage.used_outputs[r], rows, own.scratch, columns, own.weights[s] + r * m * columns);
                if (s == 0 && !call.wants_dx) continue;
                multiply(Base::weights[s] + r * m * k, 1, k, stage.used_inputs[r], stage.used_outputs[r], above, width, nullptr,
                         s ? stage.reads + r * k : nullptr, s ? own.gradients[(s + 1) % 2] : own.below, width);
                if (s == 0) fetch_neighbour(static_cast<T *>(call.dx) + b * net.inputs, net.inputs, rows, Base::inputs(r));
                if (s == 0)
                    write_columns(own.below, width, rows, Base::inputs(r), static_cast<T *>(call.dx) + b * net.inputs,
                                  net.inputs, own.scratch);
            }
        }
    }

    // The gradients of a stage's weights; zero for entries that stand for no edge.
    void hand_over(long s) const {
        const Stage &stage = net.stages[s];
        const long m = stage.outputs, k = stage.inputs;
        for (long r = 0; r < stage.routers; r++)
            for (long i = 0; i < m; i++) {
                T *to = result(s) + (r * m + i) * k;
                const float *from = owns[0].weights[s] + (r * m + i) * padded(k);
                const long used = i < stage.used_outputs[r] ? stage.used_inputs[r] : 0;
                if (!in_place(s))
                    for (long j = 0; j < used; j++) assign(to[j], from[j]);
                for (long j = used; j < k; j++) assign(to[j], 0.f);
            }
    }
};

// 0, or 1 where memory did not suffice.
template <class Run>
int guarded(const Call *call) {
    try {
        Run(*call).run();
        return 0;
    } catch (const std::bad_alloc &) {
        return 1;
    }
}

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default"))) int
EXPORTED fabric_forward_float32(const Call *call) { return guarded<Forward<float>>(call); }
EXPORTED fabric_forward_bfloat16(const Call *call) { return guarded<Forward<bfloat16>>(call); }
EXPORTED fabric_backward_float32(const Call *call) { return guarded<Backward<float>>(call); }
EXPORTED fabric_backward_bfloat16(const Call *call) { return guarded<Backward<bfloat16>>(call); }
