/* SPDX-License-Identifier: MIT */
/*
 * What the agent in the guest and the program that watches it say to each other: one stream of
 * frames, so that the exit status cannot overtake the last byte of output.
 */
#ifndef LOOM_VM_FRAME_H
#define LOOM_VM_FRAME_H

#include <stdint.h>

#define FRAME_PORT	"org.loom.run"
#define FRAME_MAX	16384

enum frame_type {
	FRAME_BOOTED = 'k',	/* the kernel is up, nothing of the driver has run */
	FRAME_READY = 'r',	/* the guest is up, the command starts */
	FRAME_STDOUT = 'o',
	FRAME_STDERR = 'e',
	FRAME_MESSAGE = 'm',	/* output of the guest's own set-up and tear-down */
	FRAME_STATUS = 's',	/* the command's exit status, le32 */
	FRAME_BROKEN = 'b',	/* set-up or tear-down failed, le32 exit status of it */
};

/* Little endian, as the guest and the host both are on x86. */
struct frame_header {
	uint32_t type;
	uint32_t length;
};

#endif
