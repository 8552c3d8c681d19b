/* SPDX-License-Identifier: MIT */
#ifndef ACCELCTL_MEMORY_H
#define ACCELCTL_MEMORY_H

#include <stdint.h>

/* memory_available() - bytes that can be used without swapping; UINT64_MAX: not known. */
uint64_t memory_available(void);

#endif
