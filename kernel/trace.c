// SPDX-License-Identifier: GPL-2.0 OR MIT
#include "loom.h"
#include "queue.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
