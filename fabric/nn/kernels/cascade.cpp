// SPDX-License-Identifier: Apache-2.0
// Forward and backward pass of a cascade of routers, all stages for a few samples at a time.
//
// The hidden levels of TILE samples stay in the cache and are never written to memory; the backward pass computes them
// anew from x. Weights are brought into the order of the products once per call (their number is small). Each thread takes
// a run of samples; weight gradients are summed per thread and then over the threads in order, so that the same number
// of threads gives the same bits.
#include <cmath>
#include <memory>
#include <vector>

#include "cascade.h"
#include "products.h"

#ifndef TILE
#define TILE 24
#endif

namespace {

using std::max;
using std::min;

// (rows, n) → (rows, n), features looked up in `source` (null: in order), narrow numbers made floats.
template <class T>
void read_rows(const T *from, long from_step, long rows, const int32_t *source, long n, float *to, long to_step) {
    for (long b = 0; b < rows; b++, from += from_step, to += to_step) {
        if (source)
            for (long i = 0; i < n; i++) to[i] = source[i] < 0 ? 0 : widened(from[source[i]]);
        else
            for (long i = 0; i < n; i++) to[i] = widened(from[i]);
    }
}

template <class T>
void write_rows(const float *from, long from_step, long rows, const int32_t *target, long n, T *to, long to_step) {
    for (long b = 0; b < rows; b++, from += from_step, to += to_step) {
        if (target)
            for (long i = 0; i < n; i++) {
                if (target[i] >= 0) assign(to[target[i]], from[i]);
            }
        else
            for (long i = 0; i < n; i++) assign(to[i], from[i]);
    }
}

// The stage's weight with inputs as rows: (routers, inputs, padded(outputs)).
template <class T>
void pack_by_input(const Stage &stage, const T *weight, float *packed, float *scratch) {
    const long m = stage.outputs, k = stage.inputs, columns = padded(m);
    for (long r = 0; r < stage.routers; r++, weight += m * k, packed += k * columns) {
        if (columns > m)
            for (long j = 0; j < k; j++) std::fill(packed + j * columns + m, packed + (j + 1) * columns, 0.f);
        if constexpr (std::is_same_v<T, float>) {
            transpose(weight, k, m, k, packed, columns);
        } else {
            read_rows(weight, k, m, nullptr, k, scratch, k);
            transpose(scratch, k, m, k, packed, columns);
        }
    }
}

// The stage's weight with outputs as rows: (routers, outputs, padded(inputs)).
template <class T>
const float *pack_by_output(const Stage &stage, const T *weight, float *packed) {
    const long columns = padded(stage.inputs);
    if constexpr (std::is_same_v<T, float>)
        if (columns == stage.inputs) return weight;
    for (long row = 0; row < stage.routers * stage.outputs; row++, weight += stage.inputs) {
        read_rows(weight, 0, 1, nullptr, stage.inputs, packed + row * columns, 0);
        std::fill(packed + row * columns + stage.inputs, packed + (row + 1) * columns, 0.f);
    }
    return packed;
}

thread_local Arena arena;

template <class T>
struct Pass {
    const Call &call;
    const Cascade &net;
    const long depth;
    const T *x, *bias_tensor;
    std::vector<float *> by_input;         // per stage
    std::vector<const float *> by_output;  // per stage, backward only
    float *bias = nullptr;

    explicit Pass(const Call &call)
        : call(call), net(*call.cascade), depth(net.depth), x(static_cast<const T *>(call.x)),
          bias_tensor(static_cast<const T *>(call.bias)) {}

    const Stage &last() const { return net.stages[depth - 1]; }
    const T *weight(long s) const { return static_cast<const T *>(call.tensors[s]); }

    std::size_t weights_size() const {
        std::size_t size = Arena::rounded(last().above());
        long largest = 0;
        for (long s = 0; s < depth; s++) {
            const Stage &stage = net.stages[s];
            size += Arena::rounded(stage.routers * stage.inputs * padded(stage.outputs));
            size += Arena::rounded(stage.routers * stage.outputs * padded(stage.inputs));
            largest = max<long>(largest, stage.outputs * stage.inputs);
        }
        return size + Arena::rounded(largest);
    }

    void pack(bool backward) {
        long largest = 0;
        for (long s = 0; s < depth; s++) largest = max<long>(largest, net.stages[s].outputs * net.stages[s].inputs);
        float *scratch = arena.take(largest);
        for (long s = 0; s < depth; s++) {
            const Stage &stage = net.stages[s];
            by_input.push_back(arena.take(stage.routers * stage.inputs * padded(stage.outputs)));
            if (!backward || s < depth - 1) pack_by_input(stage, weight(s), by_input[s], scratch);
            if (backward)
                by_output.push_back(
                    pack_by_output(stage, weight(s), arena.take(stage.routers * stage.outputs * padded(stage.inputs))));
        }
        if (bias_tensor && !backward) {
            bias = arena.take(last().above());
            read_rows(bias_tensor, 0, 1, net.to_y, last().above(), bias, 0);
        }
    }

    // One stage for `rows` samples: the level below in the order of `reads`, the level above in the producers' order.
    void apply(long s, const float *below, long below_step, long rows, float *above, long above_step) const {
        const Stage &stage = net.stages[s];
        const long k = stage.inputs, columns = padded(stage.outputs);
        const float *start = s == depth - 1 ? bias : nullptr;
        for (long r = 0; r < stage.routers; r++)
            product(below, below_step, rows, stage.reads + r * k, stage.used_inputs[r], by_input[s] + r * k * columns,
                    columns, start ? start + r * columns : nullptr, above + r * columns, above_step);
    }

    // Samples [first, last) of thread `number`: an even share.
    std::pair<long, long> share(long number, long threads) const {
        return {call.batch * number / threads, call.batch * (number + 1) / threads};
    }
};

template <class T>
struct Forward : Pass<T> {
    using Base = Pass<T>;
    using Base::call, Base::depth, Base::net;

    explicit Forward(const Call &call) : Base(call) {}

    // Stages write the result themselves where its neurons lie in order and are floats.
    bool direct() const { return std::is_same_v<T, float> && !net.to_y; }

    void run() {
        const long threads = max<long>(1, min<long>(call.threads, call.batch / 4));
        const long below = pitch(net.stages[0].below());
        long widest = pitch(Base::last().above());
        for (long s = 0; s < depth; s++) widest = max(widest, pitch(net.stages[s].above()));
        const std::size_t own = Arena::rounded(TILE * below) + 2 * Arena::rounded(TILE * widest);
        arena.reserve(Base::weights_size() + threads * own);
        Base::pack(false);
        float *space = arena.take(threads * own);
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
        for (long number = 0; number < threads; number++) {
            float *level0 = space + number * own, *levels[2];
            levels[0] = level0 + Arena::rounded(TILE * below);
            levels[1] = levels[0] + Arena::rounded(TILE * widest);
            const auto [first, last] = Base::share(number, threads);
            for (long b = first; b < last; b += TILE) tile(b, min<long>(TILE, last - b), level0, below, levels, widest);
        }
    }

    void tile(long b, long rows, float *level0, long below, float *const *levels, long widest) const {
        T *y = static_cast<T *>(call.y) + b * net.outputs;
        read_rows(Base::x + b * net.inputs, net.inputs, rows, net.from_x, net.stages[0].below(), level0, below);
        const float *level = level0;
        for (long s = 0; s < depth; s++) {
            const bool to_y = s == depth - 1 && direct();
            float *above = to_y ? reinterpret_cast<float *>(y) : levels[s % 2];
            Base::apply(s, level, s ? widest : below, rows, above, to_y ? net.outputs : widest);
            level = above;
        }
        if (!direct()) write_rows(level, widest, rows, net.to_y, Base::last().above(), y, net.outputs);
    }
};

template <class T>
struct Backward : Pass<T> {
    using Base = Pass<T>;
    using Base::call, Base::depth, Base::net;

    // The memory of a thread: samples in rows, and the sums of its gradients.
    struct Own {
        float *level0, *above, *values, *gradients[2], *bias;
        std::vector<float *> hidden, weights;
    };
    long below, above, widest;  // distances of rows: level 0, the last level, hidden levels
    std::vector<Own> owns;

    explicit Backward(const Call &call) : Base(call) {
        below = pitch(net.stages[0].below());
        above = pitch(Base::last().above());
        widest = below;
        for (long s = 0; s < depth; s++) {
            widest = max(widest, pitch(net.stages[s].below()));
            widest = max(widest, pitch(net.stages[s].above()));
        }
    }

    // Gradients of the last stage's weights are summed with inputs as rows, those of the others with outputs as rows: so
    // their vectors run over the neurons of dy or x as these lie in memory.
    bool by_input_rows(long s) const { return s == depth - 1 && s > 0; }

    long gradient_size(long s) const {
        const Stage &stage = net.stages[s];
        return stage.routers * max(stage.inputs * padded(stage.outputs), stage.outputs * padded(stage.inputs));
    }

    void run() {
        const long threads = max<long>(1, min<long>(call.threads, call.batch / 8));
        std::size_t rows = Arena::rounded(TILE * below) + Arena::rounded(TILE * above);
        rows += (depth + 2) * Arena::rounded(TILE * widest);
        std::size_t sums = Arena::rounded(Base::last().above());
        for (long s = 0; s < depth; s++) sums += Arena::rounded(gradient_size(s));
        arena.reserve(Base::weights_size() + threads * (rows + sums));
        Base::pack(true);
        for (long number = 0; number < threads; number++) owns.push_back(own());
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
        for (long number = 0; number < threads; number++) {
            const auto [first, last] = Base::share(number, threads);
            std::memset(owns[number].bias, 0, sums * sizeof(float));
            for (long b = first; b < last; b += TILE) tile(owns[number], b, min<long>(TILE, last - b));
        }
        for (long number = 1; number < threads; number++)
            for (std::size_t i = 0; i < sums; i++) owns[0].bias[i] += owns[number].bias[i];
        hand_over(owns[0]);
    }

    Own own() const {
        Own own;
        own.level0 = arena.take(TILE * below);
        own.above = arena.take(TILE * above);
        own.values = arena.take(TILE * widest);
        for (float *&rows : own.gradients) rows = arena.take(TILE * widest);
        own.hidden.push_back(own.level0);
        for (long s = 1; s < depth; s++) own.hidden.push_back(arena.take(TILE * widest));
        own.bias = arena.take(Base::last().above());  // from here on sums, one behind the other
        for (long s = 0; s < depth; s++) own.weights.push_back(arena.take(gradient_size(s)));
        return own;
    }

    void tile(const Own &own, long b, long rows) const {
        const T *dy = static_cast<const T *>(call.dy) + b * net.outputs;
        read_rows(Base::x + b * net.inputs, net.inputs, rows, net.from_x, net.stages[0].below(), own.level0, below);
        read_rows(dy, net.outputs, rows, net.to_y, Base::last().above(), own.above, above);
        for (long s = 0; s < depth - 1; s++)
            Base::apply(s, own.hidden[s], s ? widest : below, rows, own.hidden[s + 1], widest);
        if (call.dbias)
            for (long r = 0; r < rows; r++)
                for (long i = 0; i < Base::last().above(); i++) own.bias[i] += own.above[r * above + i];
        const float *gradient = own.above;
        for (long s = depth - 1; s >= 0; s--) {
            const long step = s == depth - 1 ? above : widest;
            add_weight_gradient(own, s, gradient, step, rows);
            if (s == 0 && !call.wants_dx) break;
            float *lower = own.gradients[s % 2];
            const Stage &stage = net.stages[s];
            const long m = stage.outputs, columns = padded(stage.inputs);
            for (long r = 0; r < stage.routers; r++)
                product(gradient, step, rows, stage.writes + r * m, stage.used_outputs[r],
                        Base::by_output[s] + r * m * columns, columns, nullptr, lower + r * columns, widest);
            gradient = lower;
        }
        if (call.wants_dx)
            write_rows(gradient, widest, rows, net.from_x, net.stages[0].below(),
                       static_cast<T *>(call.dx) + b * net.inputs, net.inputs);
    }

    void add_weight_gradient(const Own &own, long s, const float *gradient, long step, long rows) const {
        const Stage &stage = net.stages[s];
        const long m = stage.outputs, k = stage.inputs, level_step = s ? widest : below;
        if (by_input_rows(s)) {
            const long columns = padded(m);
            for (long r = 0; r < stage.routers; r++)
                outer(own.hidden[s], level_step, rows, stage.reads + r * k, stage.used_inputs[r], gradient + r * columns,
                      step, own.weights[s] + r * k * columns, columns);
            return;
        }
        const long columns = padded(k);
        const float *values = own.level0;
        if (s > 0) {
            to_consumers_order(s, own.hidden[s], rows, own.values);
            values = own.values;
        }
        for (long r = 0; r < stage.routers; r++)
            outer(gradient, step, rows, stage.writes + r * m, stage.used_outputs[r], values + r * columns, level_step,
                  own.weights[s] + r * m * columns, columns);
    }

    void to_consumers_order(long s, const float *from, long rows, float *to) const {
        const Stage &stage = net.stages[s], &producer = net.stages[s - 1];
        const long k = stage.inputs, columns = padded(k);
        for (long b = 0; b < rows; b++, from += widest, to += widest) {
            if (stage.transposed) {
                transpose(from, padded(producer.outputs), producer.routers, producer.outputs, to, columns);
                continue;
            }
            for (long r = 0; r < stage.routers; r++)
                for (long j = 0; j < k; j++) to[r * columns + j] = from[stage.reads[r * k + j]];
        }
    }

    void hand_over(const Own &own) const {
        if (call.dbias) write_rows(own.bias, 0, 1, net.to_y, Base::last().above(), static_cast<T *>(call.dbias), 0);
        for (long s = 0; s < depth; s++) {
            const Stage &stage = net.stages[s];
            const long m = stage.outputs, k = stage.inputs;
            T *result = static_cast<T *>(const_cast<void *>(call.tensors[depth + s]));
            std::vector<float> turned(by_input_rows(s) ? m * k : 0);
            for (long r = 0; r < stage.routers; r++, result += m * k) {
                if (by_input_rows(s)) {
                    transpose(own.weights[s] + r * k * padded(m), padded(m), k, m, turned.data(), k);
                    write_rows(turned.data(), k, m, nullptr, k, result, k);
                } else {
                    write_rows(own.weights[s] + r * m * padded(k), padded(k), m, nullptr, k, result, k);
                }
                for (long i = 0; i < m; i++)  // entries that stand for no edge have gradient zero
                    for (long j = i < stage.used_outputs[r] ? stage.used_inputs[r] : 0; j < k; j++)
                        assign(result[i * k + j], 0.f);
            }
        }
    }
};

template <class Run>
int guarded(Run run) {
    try {
        run();
        return 0;
    } catch (const std::bad_alloc &) {
        return 1;
    }
}

}  // namespace

// 0, or 1 where memory did not suffice.
extern "C" __attribute__((visibility("default"))) int fabric_forward_float32(const Call *call) { return guarded([=] { Forward<float>(*call).run(); }); }
extern "C" __attribute__((visibility("default"))) int fabric_forward_bfloat16(const Call *call) { return guarded([=] { Forward<bfloat16>(*call).run(); }); }
extern "C" __attribute__((visibility("default"))) int fabric_backward_float32(const Call *call) { return guarded([=] { Backward<float>(*call).run(); }); }
extern "C" __attribute__((visibility("default"))) int fabric_backward_bfloat16(const Call *call) { return guarded([=] { Backward<bfloat16>(*call).run(); }); }
extern "C" __attribute__((visibility("default"))) int fabric_half() { return HALF; }
