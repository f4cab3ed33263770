// SPDX-License-Identifier: Apache-2.0
// The kernel as PyTorch's operators fabric::cascade and fabric::cascade_backward, which _operators.py declares, on the CPU
// and with gradients. What the kernel does not do goes to the same formulas in PyTorch's operators (fabric::…_formula).
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <map>
#include <memory>
#include <mutex>

#include "kernel.h"

namespace {

using at::IntArrayRef, at::Tensor, at::TensorList;
using Bias = std::optional<Tensor>;
using Gradients = std::tuple<Tensor, Tensor, std::vector<Tensor>>;
using Product = Tensor(const Tensor &, const Bias &, TensorList, TensorList, IntArrayRef);
using ProductBackward = Gradients(const Tensor &, const Tensor &, TensorList, TensorList, IntArrayRef, bool, bool);

template <class Signature>
auto operator_named(const char *name) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

// The tables of a layout, made once.
const Cascade &cascade_of(IntArrayRef layout) {
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

// Whether the kernel computes with these: float32 or bfloat16, all alike.
bool is_served(const Tensor &x, TensorList weights, const Tensor *bias) {
    const auto type = x.scalar_type();
    if (type != at::kFloat && type != at::kBFloat16) return false;
    for (const Tensor &weight : weights)
        if (weight.scalar_type() != type) return false;
    return !bias || bias->scalar_type() == type;
}

const void *data(const Tensor &tensor) { return tensor.const_data_ptr(); }

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
        std::size_t lists = 0;
        for (std::size_t s = 0; s < weights.size(); s++) {
            const Stage &stage = cascade.stages[s];
            TORCH_CHECK_VALUE(weights[s].numel() == stage.weights, "weights[", s, "] must have ", stage.weights,
                              " entries, got ", weights[s].numel());
            this->weights.push_back(weights[s].contiguous());
            lists += 5 * stage.by_edges;
        }
        TORCH_CHECK_VALUE(edges.size() == lists, "edges must be ", lists, " tensors, got ", edges.size());
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

Tensor cascade(const Tensor &x, const Bias &bias, TensorList weights, TensorList edges, IntArrayRef layout) {
    if (!is_served(x, weights, bias ? &*bias : nullptr))
        return operator_named<Product>("fabric::cascade_formula").call(x, bias, weights, edges, layout);
    Operands operands(x, weights, edges, layout);
    if (bias) operands.bias = bias->contiguous();
    auto shape = x.sizes().vec();
    shape.back() = operands.cascade.outputs;
    Tensor y = at::empty(shape, x.options());
    Call call = operands.call();
    call.y = y.mutable_data_ptr();
    forward(call, operands.type());
    return y;
}

Gradients cascade_backward(const Tensor &above, const Tensor &x, TensorList weights, TensorList edges, IntArrayRef layout,
                           bool for_x, bool for_bias) {
    if (!is_served(x, weights, &above))
        return operator_named<ProductBackward>("fabric::cascade_backward_formula")
            .call(above, x, weights, edges, layout, for_x, for_bias);
    const Operands operands(x, weights, edges, layout);
    const Tensor dy = above.contiguous();
    Tensor dx = for_x ? at::empty(x.sizes(), x.options()) : at::empty({0}, x.options());
    Tensor dbias = at::empty({for_bias ? operands.cascade.outputs : 0}, x.options());
    std::vector<Tensor> dweights;
    Call call = operands.call();
    call.dy = data(dy);
    call.dx = for_x ? dx.mutable_data_ptr() : nullptr;
    call.dbias = for_bias ? dbias.mutable_data_ptr() : nullptr;
    for (const Tensor &weight : operands.weights) {
        dweights.push_back(at::empty(weight.sizes(), weight.options()));
        call.dweights.push_back(dweights.back().mutable_data_ptr());
    }
    backward(call, operands.type());
    return {dx, dbias, dweights};
}

bool are_dual(TensorList tensors) {
    return std::any_of(tensors.begin(), tensors.end(), [](const Tensor &tensor) { return tensor._fw_grad(0).defined(); });
}

bool learn(TensorList tensors) {
    return std::any_of(tensors.begin(), tensors.end(), [](const Tensor &tensor) { return tensor.requires_grad(); });
}

// Whether torch.func is at work; its derivatives, like forward ones, are left to the formulas.
bool is_transformed() { return c10::impl::tls_is_dispatch_key_included(c10::DispatchKey::FuncTorchDynamicLayerBackMode); }

Gradients cascade_backward_with_gradients(const Tensor &above, const Tensor &x, TensorList weights, TensorList edges,
                                          IntArrayRef layout, bool for_x, bool for_bias) {
    static const auto formula = operator_named<ProductBackward>("fabric::cascade_backward_formula");
    static const auto operation = operator_named<ProductBackward>("fabric::cascade_backward");
    const bool learns = at::GradMode::is_enabled() && (learn(above) || learn(x) || learn(weights));
    if (learns || is_transformed() || are_dual(above) || are_dual(x) || are_dual(weights))
        return formula.call(above, x, weights, edges, layout, for_x, for_bias);
    const at::AutoDispatchBelowADInplaceOrView guard;
    return operation.call(above, x, weights, edges, layout, for_x, for_bias);
}

struct CascadeProduct : torch::autograd::Function<CascadeProduct> {
    static Tensor forward(torch::autograd::AutogradContext *context, const Tensor &x, const Bias &bias, TensorList weights,
                          TensorList edges, IntArrayRef layout) {
        torch::autograd::variable_list saved{x};
        saved.insert(saved.end(), weights.begin(), weights.end());
        saved.insert(saved.end(), edges.begin(), edges.end());
        context->save_for_backward(std::move(saved));
        context->saved_data["layout"] = layout;
        context->saved_data["weights"] = int64_t(weights.size());
        const at::AutoDispatchBelowADInplaceOrView guard;
        static const auto operation = operator_named<Product>("fabric::cascade");
        return operation.call(x, bias, weights, edges, layout);
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext *context,
                                                   torch::autograd::variable_list above) {
        const auto saved = context->get_saved_variables();
        const TensorList tensors(saved);
        const std::size_t count = context->saved_data["weights"].toInt();
        const auto weights = tensors.slice(1, count), edges = tensors.slice(1 + count);
        const auto layout = context->saved_data["layout"].toIntVector();
        const bool for_x = context->needs_input_grad(0), for_bias = context->needs_input_grad(1);
        static const auto operation = operator_named<ProductBackward>("fabric::cascade_backward");
        auto [dx, dbias, dweights] = operation.call(above[0], saved[0], weights, edges, layout, for_x, for_bias);
        torch::autograd::variable_list gradients{for_x ? dx : Tensor(), for_bias ? dbias : Tensor()};
        gradients.insert(gradients.end(), dweights.begin(), dweights.end());
        gradients.resize(gradients.size() + edges.size() + 1);
        return gradients;
    }
};

Tensor cascade_with_gradients(const Tensor &x, const Bias &bias, TensorList weights, TensorList edges, IntArrayRef layout) {
    static const auto formula = operator_named<Product>("fabric::cascade_formula");
    static const auto operation = operator_named<Product>("fabric::cascade");
    const TensorList of_bias = bias ? TensorList(*bias) : TensorList();
    if (is_transformed() || are_dual(x) || are_dual(of_bias) || are_dual(weights))
        return formula.call(x, bias, weights, edges, layout);
    if (at::GradMode::is_enabled() && (learn(x) || learn(of_bias) || learn(weights)))
        return CascadeProduct::apply(x, bias, weights, edges, layout);
    const at::AutoDispatchBelowADInplaceOrView guard;
    return operation.call(x, bias, weights, edges, layout);
}

}  // namespace

TORCH_LIBRARY_IMPL(fabric, CPU, library) {
    library.impl("cascade", cascade);
    library.impl("cascade_backward", cascade_backward);
}

TORCH_LIBRARY_IMPL(fabric, AutogradCPU, library) {
    library.impl("cascade", cascade_with_gradients);
    library.impl("cascade_backward", cascade_backward_with_gradients);
}
