/* SPDX-License-Identifier: MIT */
/*
 * Every call of the driver, and what it says in each state of the card: the table "States and errors" of
 * Documentation/uapi.rst.
 */
#ifndef CALLS_H
#define CALLS_H

#include "card.h"

#define CALLS		21u
/* Files are known by their descriptors, up to this. */
#define CALL_FILES	1024u

/* What it returns after the queue has ended, after the card was given up, and without it. */
struct call {
	const char *name;
	int (*call)(struct client *c);
	int ended, wedged, removed;
};

/* In this order: the last ones end what the others use. */
extern const struct call calls[CALLS];

/* Of the buffer of each file, once it has been asked for; to be zeroed for a descriptor that is another's. */
extern uint64_t offsets[CALL_FILES];

int call_query_info(struct client *c);
int call_mmap(struct client *c);
int call_poll(struct client *c);
int call_vm_create(struct client *c);

#endif
