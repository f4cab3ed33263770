// SPDX-License-Identifier: Apache-2.0
// Moves arrays through the valid/ready streams of a Verilated design, one clock cycle after the other.
//
// The includer defines, for its top module V:
//   void drive(V*, int source, bool valid, const uint32_t* words);   bool accepted(V*, int source);
//   void allow(V*, int sink, bool ready);                            bool delivered(V*, int sink, uint32_t* words);
//   uint32_t progress(V*);                                           bool busy(V*);
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

struct Stream {
    uint32_t* data;         // beats of `words` words, read by a source and written by a sink
    int64_t words;
    int64_t beats;
    int64_t done;
    const uint8_t* stalls;  // in cycle t the stream pauses where stalls[t mod period] is not zero
    int64_t period;
    int64_t* times;         // cycle of each beat, or null
};

enum Outcome { FINISHED = 0, OUT_OF_CYCLES = 1, HANGS = 2 };

template <std::size_t N> void put(VlWide<N>& port, const uint32_t* words) { std::memcpy(port.data(), words, 4 * N); }
template <std::size_t N> void get(const VlWide<N>& port, uint32_t* words) { std::memcpy(words, port.data(), 4 * N); }
inline void put(QData& port, const uint32_t* words) { port = words[0] | (QData(words[1]) << 32); }
inline void get(const QData& port, uint32_t* words) { words[0] = uint32_t(port); words[1] = uint32_t(port >> 32); }
template <class T> void put(T& port, const uint32_t* words) { port = T(words[0]); }
template <class T> void get(const T& port, uint32_t* words) { words[0] = port; }

// Ends when all beats have moved and the design is idle (or, unless `settle`, when all sources are empty), after
// `cycles` cycles, or when for `patience` cycles no beat has moved and the design has made no step.
template <class V, class Trace>
int pump(V* top, Stream* sources, int source_count, Stream* sinks, int sink_count, bool settle, int64_t cycles,
         int64_t patience, Trace* trace, int64_t* clock)
{
    int64_t quiet = 0;
    for (int64_t spent = 0; spent < cycles; ++spent) {
        bool moved = true;
        for (int k = 0; k < source_count; ++k) {
            Stream& s = sources[k];
            const bool valid = s.done < s.beats && !s.stalls[*clock % s.period];
            drive(top, k, valid, valid ? s.data + s.done * s.words : nullptr);
            moved = moved && s.done == s.beats;
        }
        for (int k = 0; k < sink_count; ++k) {
            const Stream& s = sinks[k];
            allow(top, k, s.done < s.beats && !s.stalls[*clock % s.period]);
            moved = moved && (!settle || s.done == s.beats);
        }
        top->clk = 0;
        top->eval();
        if (moved && !(settle && busy(top)))
            return FINISHED;
        if (trace)
            trace->dump(uint64_t(2 * *clock));
        const uint32_t before = progress(top);
        bool active = false;
        for (int k = 0; k < source_count; ++k) {
            Stream& s = sources[k];
            if (accepted(top, k)) {
                if (s.times)
                    s.times[s.done] = *clock;
                ++s.done;
                active = true;
            }
        }
        for (int k = 0; k < sink_count; ++k) {
            Stream& s = sinks[k];
            if (delivered(top, k, s.data + s.done * s.words)) {
                if (s.times)
                    s.times[s.done] = *clock;
                ++s.done;
                active = true;
            }
        }
        top->clk = 1;
        top->eval();
        if (trace)
            trace->dump(uint64_t(2 * *clock + 1));
        ++*clock;
        quiet = active || progress(top) != before ? 0 : quiet + 1;
        if (quiet > patience)
            return HANGS;
    }
    return OUT_OF_CYCLES;
}
