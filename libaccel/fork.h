/* SPDX-License-Identifier: MIT */
#ifndef ACCEL_PRIV_FORK_H
#define ACCEL_PRIV_FORK_H

/** fork_generation() - changes in a child process. */
unsigned int fork_generation(void);

#endif
