/* SPDX-License-Identifier: MIT */
/* The engines that engine.c chooses from. */
#ifndef LOOM_ENGINES_H
#define LOOM_ENGINES_H

#include "engine.h"

extern const struct loom_engine loom_engine_reference;
extern const struct loom_engine loom_engine_generic;
#if defined(__x86_64__)
extern const struct loom_engine loom_engine_avx2;
extern const struct loom_engine loom_engine_avx512;
extern const struct loom_engine loom_engine_avx512vnni;
#endif

#endif
