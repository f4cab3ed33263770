// SPDX-License-Identifier: Apache-2.0
// What the operators (operators.cpp) ask of the kernel (kernel.cpp). Only pointers pass here, and nothing of PyTorch.
#pragma once
#include "plan.h"

// The edges of a stage, by output neuron and, for the way back, by input neuron: `order` says which weight an edge has.
struct Edges {
    const int32_t *offsets, *sources, *source_offsets, *targets, *order;
};

struct Call {
    const Cascade *cascade;
    long batch, threads;
    const void *x, *bias;              // (batch, inputs); (outputs,) or null
    std::vector<const void *> weights;  // of each stage
    std::vector<Edges> edges;           // of each stage; of stages of routers empty
    void *y = nullptr;                  // forward: (batch, outputs)
    const void *dy = nullptr;           // backward: likewise
    void *dx = nullptr, *dbias = nullptr;  // null where not wanted
    std::vector<void *> dweights = {};
};

enum class Type { float32, bfloat16 };

// Layers with ReLUs between them, and samples of which each changes weights and biases before the next one comes.
struct Descent {
    std::vector<Call> layers;  // of one sample; dweights are the weights, dbias is the bias
    const float *x;            // (samples, inputs)
    const int64_t *labels;     // (samples,), of the last layer's outputs
    long samples;
    float rate, *losses;       // (samples,)
};

// Throws std::bad_alloc where memory does not suffice.
void forward(const Call &call, Type type);
void backward(const Call &call, Type type);
void descend(Descent &descent);
