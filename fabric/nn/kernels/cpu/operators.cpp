// SPDX-License-Identifier: Apache-2.0
// The kernel as PyTorch's operators fabric::cascade and fabric::cascade_backward, which _operators.py declares, on the CPU
// and with gradients. What the kernel does not do goes to the same formulas in PyTorch's operators (fabric::…_formula).
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <list>

#include "operands.h"

namespace {

using Bias = std::optional<Tensor>;
using Gradients = std::tuple<Tensor, Tensor, std::vector<Tensor>>;
using Product = Tensor(const Tensor &, const Bias &, TensorList, TensorList, IntArrayRef);
using ProductBackward = Gradients(const Tensor &, const Tensor &, TensorList, TensorList, IntArrayRef, bool, bool);

template <class Signature>
auto operator_named(const char *name) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Signature>();
}

// Whether the kernel computes with these: float32 or bfloat16, all alike.
bool is_served(const Tensor &x, TensorList weights, const Tensor *bias) {
    const auto type = x.scalar_type();
    if (type != at::kFloat && type != at::kBFloat16) return false;
    for (const Tensor &weight : weights)
        if (weight.scalar_type() != type) return false;
    return !bias || bias->scalar_type() == type;
}

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

// Changes weights and biases; the layouts stand one after the other, each behind its length.
Tensor train_singly(const Tensor &x, const Tensor &labels, TensorList weights, TensorList biases, TensorList edges,
                    IntArrayRef layouts, double rate) {
    for (const TensorList list : {TensorList(x), weights, biases})
        for (const Tensor &tensor : list)
            TORCH_CHECK_VALUE(tensor.scalar_type() == at::kFloat && tensor.is_contiguous(), "x, weights and biases must be ",
                              "contiguous and float32, got ", tensor.scalar_type(), " with strides ", tensor.strides());
    TORCH_CHECK_VALUE(x.dim() == 2 && labels.scalar_type() == at::kLong && labels.is_contiguous() &&
                          labels.sizes().equals({x.size(0)}),
                      "labels must be contiguous, int64 and one for each row of x ", x.sizes(), ", got ", labels.sizes());
    Tensor losses = at::empty({x.size(0)}, x.options()), nothing;
    std::list<Operands> layers;
    Descent descent{{}, x.const_data_ptr<float>(), labels.const_data_ptr<int64_t>(), x.size(0), float(rate),
                    losses.mutable_data_ptr<float>()};
    for (; !layouts.empty(); layouts = layouts.slice(1 + layouts[0])) {
        const IntArrayRef layout = layouts.slice(1, layouts[0]);
        const Cascade &cascade = cascade_of(layout);
        const std::size_t stages = cascade.stages.size(), lists = cascade.lists();
        TORCH_CHECK_VALUE(weights.size() >= stages && edges.size() >= lists && !biases.empty(), "too few tensors");
        const Tensor below = layers.empty() ? x : at::empty({1, layers.back().cascade.outputs}, x.options());
        Operands &layer = layers.emplace_back(below, weights.slice(0, stages), edges.slice(0, lists), layout);
        layer.bias = biases[0].numel() ? biases[0] : nothing;
        Call &call = descent.layers.emplace_back(layer.call());
        call.dbias = const_cast<void *>(call.bias);
        for (const Tensor &weight : layer.weights) call.dweights.push_back(weight.mutable_data_ptr());
        weights = weights.slice(stages), edges = edges.slice(lists), biases = biases.slice(1);
    }
    const long classes = descent.layers.back().cascade->outputs;
    for (long i = 0; i < descent.samples; i++)
        TORCH_CHECK_VALUE(descent.labels[i] >= 0 && descent.labels[i] < classes, "labels must be from 0 to ", classes - 1,
                          ", got ", descent.labels[i]);
    descend(descent);
    return losses;
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
        context->saved_data["bias"] = bias.has_value();
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
        const bool for_x = context->needs_input_grad(0);  // counts inputs that are there
        const bool for_bias = context->saved_data["bias"].toBool() && context->needs_input_grad(1);
        static const auto operation = operator_named<ProductBackward>("fabric::cascade_backward");
        static const auto formula = operator_named<ProductBackward>("fabric::cascade_backward_formula");
        // Of many gradients at once (is_grads_batched): PyTorch has no rule for operators that return lists.
        const c10::DispatchKeySet batched({c10::DispatchKey::FuncTorchBatched, c10::DispatchKey::Batched});
        auto [dx, dbias, dweights] = (above[0].key_set().has_any(batched) ? formula : operation)
                                         .call(above[0], saved[0], weights, edges, layout, for_x, for_bias);
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
    library.impl("descend", train_singly);
}

TORCH_LIBRARY_IMPL(fabric, AutogradCPU, library) {
    library.impl("cascade", cascade_with_gradients);
    library.impl("cascade_backward", cascade_backward_with_gradients);
}
