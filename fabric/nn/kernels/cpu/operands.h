// SPDX-License-Identifier: Apache-2.0
// What an operator is given, checked, as the kernel takes it.
#pragma once
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <mutex>

#include "kernel.h"

using at::IntArrayRef, at::Tensor, at::TensorList;

// The tables of a layout, made once.
inline const Cascade &cascade_of(IntArrayRef layout) {
    static std::mutex mutex;
    static std::map<std::vector<int64_t>, std::unique_ptr<Cascade>> known;
    thread_local std::pair<std::vector<int64_t>, const Cascade *> last;
    if (last.second && layout.equals(last.first)) return *last.second;
    const std::lock_guard guard(mutex);
    std::unique_ptr<Cascade> &entry = known[layout.vec()];
    if (!entry) entry = std::make_unique<Cascade>(layout.vec());
    last = {layout.vec(), entry.get()};
    return *entry;
}

inline const void *data(const Tensor &tensor) { return tensor.const_data_ptr(); }

// Contiguous tensors and the pointers to them.
struct Operands {
    const Cascade &cascade;
    Tensor x, bias;
    std::vector<Tensor> weights, edges;

    Operands(const Tensor &x, TensorList weights, TensorList edges, IntArrayRef layout)
        : cascade(cascade_of(layout)), x(x.contiguous()) {
        TORCH_CHECK_VALUE(x.dim() > 0 && x.size(-1) == cascade.inputs, "x must have ", cascade.inputs,
                          " features in its last axis, got shape ", x.sizes());
        TORCH_CHECK_VALUE(weights.size() == cascade.stages.size(), "weights must be ", cascade.stages.size(), " tensors, got ",
                          weights.size());
        for (std::size_t s = 0; s < weights.size(); s++) {
            const Stage &stage = cascade.stages[s];
            TORCH_CHECK_VALUE(weights[s].numel() == stage.weights, "weights[", s, "] must have ", stage.weights,
                              " entries, got ", weights[s].numel());
            this->weights.push_back(weights[s].contiguous());
        }
        TORCH_CHECK_VALUE(edges.size() == cascade.lists(), "edges must be ", cascade.lists(), " tensors, got ", edges.size());
        for (const Tensor &list : edges) {
            TORCH_CHECK_VALUE(list.scalar_type() == at::kInt, "edges must be int32, got ", list.scalar_type());
            this->edges.push_back(list.contiguous());
        }
    }

    Call call() const {
        Call call{&cascade, x.numel() / cascade.inputs, at::get_num_threads(), data(x), bias.defined() ? data(bias) : nullptr, {}, {}};
        auto list = edges.begin();
        const auto next = [&] { return (list++)->const_data_ptr<int32_t>(); };
        for (std::size_t s = 0; s < weights.size(); s++) {
            call.weights.push_back(data(weights[s]));
            Edges of_stage{};
            if (cascade.stages[s].by_edges) of_stage = {next(), next(), next(), next(), next()};
            call.edges.push_back(of_stage);
        }
        return call;
    }

    Type type() const { return x.scalar_type() == at::kFloat ? Type::float32 : Type::bfloat16; }
};
