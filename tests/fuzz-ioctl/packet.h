/* SPDX-License-Identifier: MIT */
/* Command buffers: good packets, some of them spoilt. */
#ifndef PACKET_H
#define PACKET_H

#include <stdint.h>

#include "program.h"

/* Where operands may lie. */
struct packet_range {
	uint64_t va;
	uint32_t size;
};

/*
 * Writes up to @count packets to @to, which has @room; returns the bytes. @hang: some never end,
 * and the queue's time limit has to be short.
 */
uint32_t packets_write(uint8_t *to, uint32_t room, uint32_t count, const struct packet_range *range,
		       bool hang, struct choices *choices);

#endif
