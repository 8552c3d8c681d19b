/* SPDX-License-Identifier: MIT */
/* What the engines for x86 take from each other. */
#ifndef LOOM_KERN_X86_H
#define LOOM_KERN_X86_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void loom_f16_widen_avx2(const uint16_t *src, float *dst, size_t n);
void loom_f16_narrow_avx2(const float *src, uint16_t *dst, size_t n);

bool loom_usable_avx2(void);

#endif
