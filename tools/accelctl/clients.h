/* SPDX-License-Identifier: MIT */
/*
 * Who has a card open, and what it has used: from /proc, as any user may read it for processes
 * of its own.
 */
#ifndef ACCELCTL_CLIENTS_H
#define ACCELCTL_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* struct client - an open file of a process */
struct client {
	pid_t pid;
	uid_t uid;
	char command[32];	/* as in /proc/PID/comm */
	char card[32];		/* PCI address */
	uint64_t id;		/* of the file: the same in processes that share it */
	uint64_t when;		/* accel_now() */
	uint64_t engine_ns;	/* observed */
	uint64_t queues;
	uint64_t jobs;
	uint64_t cycles;	/* modelled */
	uint64_t energy_pj;	/* modelled */
	uint64_t system_bytes;
	uint64_t local_bytes;
};

struct clients {
	struct client *client;	/* by process, card and file */
	size_t count;
	size_t room;
	size_t hidden;		/* processes whose files may not be looked at */
};

/* clients_parse() - what a file in fdinfo says; false: it is none of a card of ours. */
bool clients_parse(FILE *file, struct client *client);

/* clients_read() - look at all processes below @proc: 0 or an exit code, with a message. */
int clients_read(struct clients *clients, const char *proc);
/* clients_find() - the same file of the same process at another time; NULL: it was not there. */
const struct client *clients_find(const struct clients *clients, const struct client *client);
void clients_free(struct clients *clients);

#endif
