// SPDX-License-Identifier: Apache-2.0
// Training sample by sample: every weight changes as soon as its gradient is known, and no gradient is ever stored.
#pragma once
#include <cmath>

#include "samples.h"

namespace {

struct Steps {
    Descent &descent;
    std::vector<Samples<float>> layers;

    // Between two layers lies one array of values and one of gradients.
    explicit Steps(Descent &descent) : descent(descent) {
        std::size_t size = 0;
        for (const Call &call : descent.layers) {
            layers.emplace_back(call);
            size += layers.back().memory() + 2 * Arena::rounded(call.cascade->outputs);
        }
        arena.reserve(size);
        for (auto &layer : layers) layer.take_memory();
        float *gradients = nullptr;
        for (Call &call : descent.layers) {
            call.dx = gradients;
            call.y = arena.take(call.cascade->outputs);
            call.dy = gradients = arena.take(call.cascade->outputs);
        }
        for (std::size_t l = 1; l < layers.size(); l++) descent.layers[l].x = descent.layers[l - 1].y;
    }

    void run() {
        for (long b = 0; b < descent.samples; b++) {
            descent.layers[0].x = descent.x + b * descent.layers[0].cascade->inputs;
            forward();
            descent.losses[b] = compare(descent.labels[b]);
            backward();
        }
    }

    void forward() {
        for (std::size_t l = 0; l < layers.size(); l++) {
            layers[l].forward(0);
            if (l + 1 == layers.size()) return;
            float *y = static_cast<float *>(descent.layers[l].y);
            for (long i = 0, count = layers[l].net.outputs; i < count; i++) y[i] = y[i] < 0 ? 0 : y[i];
        }
    }

    // Cross-entropy of the last layer's outputs and its gradient.
    float compare(int64_t label) {
        const Call &call = descent.layers.back();
        const float *y = static_cast<const float *>(call.y);
        float *gradients = static_cast<float *>(const_cast<void *>(call.dy));
        const long classes = call.cascade->outputs;
        const float most = *std::max_element(y, y + classes);
        float sum = 0;
        for (long i = 0; i < classes; i++) sum += gradients[i] = std::exp(y[i] - most);
        for (long i = 0; i < classes; i++) gradients[i] = gradients[i] / sum - (i == label);
        return std::log(sum) - (y[label] - most);
    }

    void backward() {
        for (std::size_t l = layers.size(); l-- > 0;) {
            layers[l].backward(0, {true, -descent.rate});
            if (l == 0) return;
            float *gradients = static_cast<float *>(descent.layers[l].dx);
            const float *values = static_cast<const float *>(descent.layers[l].x);
            for (long i = 0, count = layers[l].net.inputs; i < count; i++) gradients[i] *= values[i] > 0;
        }
    }
};

}  // namespace
