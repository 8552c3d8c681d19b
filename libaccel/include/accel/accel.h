/* SPDX-License-Identifier: MIT */
/*
 * libaccel: the runtime of the Loom accelerator.
 *
 *	#include <accel/accel.h>		cc ... $(pkg-config --cflags --libs libaccel)
 */
#ifndef ACCEL_ACCEL_H
#define ACCEL_ACCEL_H

#include "types.h"
#include "version.h"
#include "error.h"
#include "device.h"
#include "buffer.h"
#include "program.h"
#include "layer.h"
#include "weights.h"
#include "queue.h"
#include "gemm.h"
#include "model.h"
#include "report.h"

#endif
