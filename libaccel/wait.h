/* SPDX-License-Identifier: MIT */
#ifndef ACCEL_PRIV_WAIT_H
#define ACCEL_PRIV_WAIT_H

#include <stdbool.h>

/** wait_may_spin() - false where who spins would keep who works from running. */
bool wait_may_spin(void);

#endif
