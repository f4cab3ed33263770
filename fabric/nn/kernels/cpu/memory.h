// SPDX-License-Identifier: Apache-2.0
// The memory that calls work in. It is kept from call to call, as fresh pages cost more than the sums.
#pragma once
#include <algorithm>
#include <cstdlib>
#include <new>

// It grows to the largest call of its thread.
class Arena {
    char *start = nullptr;
    std::size_t size = 0, used = 0;

public:
    void reserve(std::size_t floats) {
        used = 0;
        const std::size_t wanted = (floats * sizeof(float) + 4095) / 4096 * 4096;
        if (wanted <= size) return;
        std::free(start);
        size = 0;
        start = static_cast<char *>(std::aligned_alloc(4096, wanted));
        if (!start) throw std::bad_alloc();
        size = wanted;
    }
    float *take(std::size_t floats) {
        float *part = reinterpret_cast<float *>(start + used);
        used += rounded(floats) * sizeof(float);
        return part;
    }
    static std::size_t rounded(std::size_t floats) { return (floats + 15) / 16 * 16; }
    ~Arena() { std::free(start); }
};
