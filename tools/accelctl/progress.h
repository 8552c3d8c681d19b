/* SPDX-License-Identifier: MIT */
/*
 * A progress bar on standard error: only on a terminal, only for work that takes more than a
 * second, gone at its end.
 */
#ifndef ACCELCTL_PROGRESS_H
#define ACCELCTL_PROGRESS_H

#include <stdint.h>

void progress_begin(const char *title, uint64_t total);
void progress_update(uint64_t done);
/* progress_tick() - time passed, nothing else is known. */
void progress_tick(void);
void progress_end(void);
/* progress_clear() - before other output; it comes back with the next update. */
void progress_clear(void);

#endif
