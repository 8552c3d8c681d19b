/* SPDX-License-Identifier: MIT */
/*
 * A life: a process that makes calls until it has made enough or is killed. What it has made stays
 * and is used by later calls, so that these get far.
 */
#ifndef LIFE_H
#define LIFE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "call.h"
#include "cover.h"
#include "program.h"

#define FUZZERS_MAX	16
#define CALLS_MAX	64
#define ERRORS_MAX	134u

/* What one of the processes that fuzz tells the others. */
struct slot {
	/* Goes on as long as it does anything; what it does. */
	uint64_t progress;
	uint32_t call;
	pid_t pid;
	uint64_t lives, killed;
	/* Survive a life. */
	uint8_t features[FEATURES];
	struct corpus corpus;
};

/* Shared by all processes. */
struct board {
	bool stop;
	uint64_t calls, limit;
	struct {
		uint64_t tried, good;
		uint32_t errors[ERRORS_MAX];
	} call[CALLS_MAX];
	/* The first thing that was not as it should be. */
	bool found;
	char finding[512];
	struct places places;
	struct slot slot[FUZZERS_MAX];
};

struct object {
	uint32_t id;
	uint32_t flags;
	uint64_t size;
};

#define POOL_MAX	40
#define STALE		4

struct pool {
	uint32_t count;
	struct object at[POOL_MAX];
	/* What some were called that are gone. */
	uint32_t stale[STALE], stales;
};

#define FILES_MAX	4
#define SLOTS		16u	/* command buffers of a file */
#define SLOT_SIZE	0x400u

struct file {
	int fd;
	struct pool pools[OBJ_FILE_KINDS];
	uint8_t *cpu;		/* its first BO: commands and data */
	uint32_t cmd_size[SLOTS];
};

#define MAPS_MAX	24

struct life {
	struct board *board;
	struct slot *slot;
	struct cover cover;
	bool hang;		/* the card has endless packets */
	struct file files[FILES_MAX];
	uint32_t file_count;
	struct pool fds[OBJ_KINDS - OBJ_FILE_KINDS];
	struct {
		volatile uint8_t *at;
		uint64_t size;
	} maps[MAPS_MAX];
	uint32_t map_count;
	uint64_t memory;	/* bytes that it may still ask for */
	uint32_t binds;		/* mappings likewise: tables take memory, too */
	pid_t child;		/* of fork, until the program ends */
	bool is_child;
	sigjmp_buf trap;
	bool trapped;

	/* Room for arguments, and what lies behind it. */
	uint8_t *arena, *arena_end, *readonly;
	uint32_t arena_used;
	/* What was chosen last, for what depends on it. */
	const struct object *bo;
	uint64_t offset;
	uint32_t slot_chosen;
	bool unmap, timeline;
	uint32_t depth, list_count;
};

/* Opens files and has signals come. Returns a negative errno if it cannot. */
int life_begin(struct life *life, struct board *board, struct slot *slot, int cover_file,
	       bool root);
/* Makes the calls of a program; returns how much of what they did was new. */
unsigned int life_run(struct life *life, const struct program *program);

/* Something is not as it should be: the first is kept, and all ends. */
void finding(struct board *board, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- for acts ----------------------------------------------------------------------- */

struct pool *life_pool(struct life *life, struct file *file, enum object_kind kind);
/* One that is there, or NULL. */
struct object *pool_pick(struct pool *pool, struct choices *choices);
/* Another one; if there are too many, one goes. */
struct object *life_keep(struct life *life, struct file *file, enum object_kind kind, uint32_t id);
void pool_forget(struct pool *pool, uint32_t id);
/* Another file of the card with all that jobs need. */
int life_open(struct life *life);
void life_close(struct life *life, uint32_t i);
/* An address where something may be mapped for the card. */
uint64_t life_va(struct choices *choices);

#endif
