// SPDX-License-Identifier: Apache-2.0
// The edges of a cascade: rows of x and y, one a sample, against a router's columns, one row a neuron.
#pragma once
#include <algorithm>
#include <cstdint>

#include "transpose.h"

// The neurons of one router at the edge of the cascade: columns of x or y.
struct Features {
    const int32_t *of;
    long count;
    bool in_order;  // neighbours

    Features from(long first, long most) const { return {of + first, std::min(most, count - first), in_order}; }
};

// to[b][i] = from[b][features i]
template <class T>
void read_rows(const T *from, long from_step, long rows, Features features, float *to, long to_step) {
    for (long b = 0; b < rows; b++, from += from_step, to += to_step)
        if (features.in_order)
            copy(from + features.of[0], features.count, to);
        else
            for (long i = 0; i < features.count; i++) to[i] = widened(from[features.of[i]]);
}

// to[features i] = from[i], `adds` to what is there
template <class T>
void write_row(const float *from, Features features, bool adds, T *to) {
    if (features.in_order && !adds) return copy(from, features.count, to + features.of[0]);
    for (long i = 0; i < features.count; i++) {
        T &value = to[features.of[i]];
        assign(value, adds ? widened(value) + from[i] : from[i]);
    }
}

// Features at a time: so many rows of a tile stay in the nearest cache while samples are written across them.
constexpr long CHUNK = 64;

// to[i][b] = from[b][features i], and 0 in columns without a sample
template <class T>
void read_columns(const T *from, long from_step, long rows, Features features, float *to, long to_step, float *scratch) {
    for (long done = 0; done < features.count; done += CHUNK, to += CHUNK * to_step) {
        const Features chunk = features.from(done, CHUNK);
        for (long i = 0; rows < to_step && i < chunk.count; i++)
            std::fill(to + i * to_step + rows, to + (i + 1) * to_step, 0.f);
        if (chunk.in_order) {
            transpose(from + chunk.of[0], from_step, rows, chunk.count, to, to_step);
        } else {
            read_rows(from, from_step, rows, chunk, scratch, chunk.count);
            transpose(scratch, chunk.count, rows, chunk.count, to, to_step);
        }
    }
}

// to[b][features i] = from[i][b], `adds` to what is there; by way of `scratch`: rows of y lie a power of two apart, and
// squares written there one by one would drive each other out of the cache.
template <class T>
void write_columns(const float *from, long from_step, long rows, Features features, bool adds, T *to, long to_step,
                   float *scratch) {
    for (long done = 0; done < features.count; done += CHUNK, from += CHUNK * from_step) {
        const Features chunk = features.from(done, CHUNK);
        transpose(from, from_step, chunk.count, rows, scratch, chunk.count);
        for (long b = 0; b < rows; b++)
            write_row(scratch + b * chunk.count, chunk, adds, to + b * to_step);
    }
}

// Brings part number `part` of `parts` of the `size` elements behind `from` nearer, as far as `end`: the next tile, while this
// one is computed. Routers read and write x and y in pieces too small and too far apart for the processor to foresee them.
template <class T>
void fetch(const T *from, const T *end, long size, long part, long parts) {
    const char *piece = reinterpret_cast<const char *>(from + size * part / parts);
    const char *stop = reinterpret_cast<const char *>(std::min(end, from + size * (part + 1) / parts));
    for (; piece < stop; piece += 64) __builtin_prefetch(piece, 0, 2);
}

// The same for the next router's columns of these rows.
template <class T>
void fetch_neighbour(const T *rows, long step, long count, Features features) {
    const long first = features.of[0] + features.count;
    const T *next = rows + first;
    if (features.in_order && first < step)
        for (long b = 0; b < count; b++, next += step)
            for (long i = 0; i < features.count; i += 64 / sizeof(T)) __builtin_prefetch(next + i, 0, 2);
}
