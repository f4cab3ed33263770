// SPDX-License-Identifier: Apache-2.0
// A cascade as tables: which router takes which neuron from where. They are made of the numbers of Layout.flat (_layout.py).
#pragma once
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <stdexcept>
#include <utility>
#include <vector>

constexpr long BAND = 64;  // features: so many rows of a tile stay in the nearest cache

// Neighbouring routers of a stage. Their features of x or y are turned from rows into columns, or back, at once: those of one
// router may be too few to fill registers.
struct Band {
    long begin, end;                       // routers
    std::vector<int32_t> inputs, outputs;  // features of x and of y, router by router; of hidden levels empty
    bool inputs_in_order, outputs_in_order;  // whether they are neighbours
};

// A stage of routers, each a dense block of the weight (routers, outputs, inputs), or of single edges.
//
// A level between two stages has two orders of its neurons. In the producers' order, output i of router r below lies in
// slot r * outputs + i; in the consumers' order, input j of router r above lies in slot r * inputs + j. Values lie in the
// consumers' order, gradients in the producers': so either is read in sequence and written in rows. A neuron that several
// routers read (or write) has a slot for each; the first is written, then copied. Edges take neurons in their own order.
struct Stage {
    bool by_edges;
    long routers, outputs, inputs;   // of the largest router; of edges: 1 and the neurons above and below
    long weights;                    // entries
    std::vector<int32_t> reads;      // (routers, inputs): slots in the producers' order below; first stage: features of x, -1 for none
    std::vector<int32_t> writes;     // (routers, outputs): slots in the consumers' order above; last stage: features of y
    std::vector<int32_t> pair_reads, pair_writes;  // of hidden levels, where every router has an even number of slots
    std::vector<int32_t> used_inputs, used_outputs;  // (routers,): smaller routers leave the last entries of their block unused
    std::vector<char> adds_inputs, adds_outputs;     // (routers,): whether an earlier router has the same neurons below (above)
    std::vector<std::pair<int32_t, int32_t>> copies_above, copies_below;  // of values, of gradients: from slot, to slot
    std::vector<Band> bands;

    long slots_below() const { return routers * inputs; }
    long slots_above() const { return routers * outputs; }
};

struct Cascade {
    long inputs, outputs;
    std::vector<Stage> stages;
    bool inputs_in_order, outputs_in_order;  // whether every router's features of x (of y) are neighbours
    bool forks = false;                      // whether there are edges, or values that go to, or come from, several routers

    explicit Cascade(const std::vector<int64_t> &flat);

    // How many lists describe the stages of edges.
    std::size_t lists() const {
        return 5 * std::count_if(stages.begin(), stages.end(), [](const Stage &stage) { return stage.by_edges; });
    }
};

// One side of a stage: the neuron in each slot, -1 where a smaller router has none.
using Members = std::vector<int32_t>;

// The members of routers that share a run of neurons, as Part of _layout.py says.
inline void append_members(Members &members, long routers, long size, long stride, long first, long neurons) {
    if (routers * size == neurons) {
        for (long r = 0; r < routers; r++)
            for (long i = 0; i < size; i++) members.push_back(first + (r / stride * size + i) * stride + r % stride);
        return;
    }
    long next = first;
    for (long r = 0; r < routers; r++) {
        const long own = neurons / routers + (r < neurons % routers);
        for (long i = 0; i < size; i++) members.push_back(i < own ? next++ : -1);
    }
}

// The first slot of each neuron, and copies from there to its other slots.
inline std::vector<int32_t> first_slots(const Members &members, std::vector<std::pair<int32_t, int32_t>> &copies) {
    std::vector<int32_t> first(members.size(), -1);
    for (std::size_t slot = 0; slot < members.size(); slot++) {
        int32_t &known = first[members[slot]];
        if (known < 0)
            known = slot;
        else
            copies.emplace_back(known, slot);
    }
    return first;
}

// Slots of routers of `size` neurons each as they are where all have an even number.
inline std::vector<int32_t> with_even_slots(std::vector<int32_t> slots, long size) {
    for (int32_t &slot : slots) slot = slot / size * (size + size % 2) + slot % size;
    return slots;
}

inline bool are_neighbours(const std::vector<int32_t> &features) {
    return std::adjacent_find(features.begin(), features.end(), [](int32_t a, int32_t b) { return b != a + 1; }) == features.end();
}

// The bands of a stage that reads x, writes y, does both or neither; of at most BAND features unless one router has more.
inline std::vector<Band> bands_of(const Stage &stage, bool reads_x, bool writes_y) {
    std::vector<Band> bands;
    for (long r = 0; r < stage.routers; r++) {
        const auto joins = [&](const std::vector<int32_t> &present, long own, const std::vector<char> &adds) {
            return long(present.size()) + own <= BAND && adds[r] == adds[bands.back().begin];
        };
        const long inputs = reads_x ? stage.used_inputs[r] : 0, outputs = writes_y ? stage.used_outputs[r] : 0;
        if (bands.empty() || (reads_x && !joins(bands.back().inputs, inputs, stage.adds_inputs)) ||
            (writes_y && !joins(bands.back().outputs, outputs, stage.adds_outputs)))
            bands.push_back({r, r, {}, {}, true, true});
        Band &band = bands.back();
        band.end = r + 1;
        const auto in = stage.reads.begin() + r * stage.inputs, out = stage.writes.begin() + r * stage.outputs;
        band.inputs.insert(band.inputs.end(), in, in + inputs);
        band.outputs.insert(band.outputs.end(), out, out + outputs);
    }
    for (Band &band : bands)
        band.inputs_in_order = are_neighbours(band.inputs), band.outputs_in_order = are_neighbours(band.outputs);
    return bands;
}

inline Cascade::Cascade(const std::vector<int64_t> &flat) : inputs(flat.at(0)), outputs(flat.at(1)) {
    std::vector<Members> below, above;
    std::size_t next = 2;
    const auto number = [&] { return long(flat.at(next++)); };
    while (next < flat.size()) {
        Stage stage{};
        const long parts = number();
        stage.by_edges = parts == 0;
        stage.routers = number(), stage.outputs = number(), stage.inputs = number();
        Members in, out;
        bool in_order = true, out_in_order = true;
        if (stage.by_edges) {
            stage.weights = stage.routers;
            stage.routers = 1;
            append_members(in, 1, stage.inputs, 1, 0, stage.inputs);
            append_members(out, 1, stage.outputs, 1, 0, stage.outputs);
        }
        for (long part = 0; part < parts; part++) {
            const long first_in = number(), in_run = number(), in_stride = number();
            const long first_out = number(), out_run = number(), out_stride = number();
            append_members(in, stage.routers, stage.inputs, in_stride, first_in, in_run);
            append_members(out, stage.routers, stage.outputs, out_stride, first_out, out_run);
            in_order = in_order && in_stride == 1, out_in_order = out_in_order && out_stride == 1;
        }
        if (below.empty()) inputs_in_order = in_order;
        outputs_in_order = out_in_order;
        if (parts) stage.routers *= parts, stage.weights = stage.routers * stage.outputs * stage.inputs;
        const auto describe = [&](const Members &members, long size, std::vector<int32_t> &used, std::vector<char> &adds) {
            std::vector<char> known(members.size(), 0);
            for (long r = 0; r < stage.routers; r++) {
                adds.push_back(known[members[r * size]]);
                long count = 0;
                for (; count < size && members[r * size + count] >= 0; count++) known[members[r * size + count]] = 1;
                used.push_back(count);
            }
        };
        describe(in, stage.inputs, stage.used_inputs, stage.adds_inputs);
        describe(out, stage.outputs, stage.used_outputs, stage.adds_outputs);
        stage.reads = in, stage.writes = out;
        below.push_back(std::move(in)), above.push_back(std::move(out));
        stages.push_back(std::move(stage));
    }
    for (std::size_t s = 0; s + 1 < stages.size(); s++) {
        const auto for_values = first_slots(below[s + 1], stages[s].copies_above);
        const auto for_gradients = first_slots(above[s], stages[s + 1].copies_below);
        for (int32_t &slot : stages[s].writes) slot = for_values.at(slot);
        for (int32_t &slot : stages[s + 1].reads) slot = for_gradients.at(slot);
        stages[s].pair_writes = with_even_slots(stages[s].writes, stages[s + 1].inputs);
        stages[s + 1].pair_reads = with_even_slots(stages[s + 1].reads, stages[s].outputs);
    }
    for (Stage &stage : stages) {
        stage.bands = bands_of(stage, &stage == &stages.front(), &stage == &stages.back());
        const auto any = [](const std::vector<char> &adds) { return std::count(adds.begin(), adds.end(), 1) > 0; };
        const bool copies = !stage.copies_above.empty() || !stage.copies_below.empty();
        forks = forks || stage.by_edges || copies || any(stage.adds_inputs) || any(stage.adds_outputs);
    }
}
