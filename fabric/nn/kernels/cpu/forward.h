// SPDX-License-Identifier: Apache-2.0
// The forward pass, tile by tile.
#pragma once
#include "pass.h"

namespace {

template <class T>
struct Forward : Pass<T> {
    using Base = Pass<T>;
    using Base::call, Base::hidden, Base::last, Base::net, Base::panel;

    explicit Forward(const Call &call) : Base(call) {}

    void run() {
        const long threads = Base::threads_for(8);
        const std::size_t level = Arena::rounded(TILE * hidden), own = 2 * level + 3 * Arena::rounded(panel);
        arena.reserve(Base::parameters_size() + threads * own);
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
            for (const Band &band : stage.bands) {
                if (last == 0) read_columns(x, net.inputs, rows, Base::inputs(band), in, width, scratch);
                const float *from = in;
                float *to = out;
                for (long r = band.begin; r < band.end; r++) {
                    Base::apply(last, r, last ? levels[(last + 1) % 2] + r * stage.inputs * width : from, nullptr, to, width);
                    from += stage.used_inputs[r] * width, to += stage.used_outputs[r] * width;
                }
                fetch_neighbour(y, net.outputs, rows, Base::outputs(band));
                write_columns(out, width, rows, Base::outputs(band), stage.adds_outputs[band.begin], y, net.outputs, scratch);
            }
        });
    }
};

}  // namespace
