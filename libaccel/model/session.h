/* SPDX-License-Identifier: MIT */
/*
 * Sessions, between the files that make them: life and data (session.c), memory
 * (session-memory.c), programs and runs (session-run.c), runs that go on alone
 * (session-async.c).
 */
#ifndef ACCEL_PRIV_SESSION_H
#define ACCEL_PRIV_SESSION_H

#include "../object.h"
#include "card.h"
#include "constants.h"
#include "model.h"
#include "plan.h"

/* An input or an output: a place in the session's own memory, or in the caller's. */
struct slot {
	struct ir_value *value;
	uint64_t own;		/* offset in the buffer of slots */
	struct accel_buffer *bound;
	uint64_t offset;	/* in it */
};

/* A program, or one node of the processor. */
struct step {
	struct accel_program *program;
	struct ir_node *node;
};

/* A large constant, shared with other sessions: as it is, in panels, or both. */
struct held {
	struct ir_value *value;
	struct constant *plain;
	struct constant *panels;
	bool wants_plain, wants_panels;
};

/* What a session has for itself. */
enum { ARENA, SLOTS, OWN };

/**
 * struct accel_session - see model.h
 * @lock: protects all below; held while a run goes on in accel_session_run()
 * @use: what the cache had to do with it
 * @memory: values in between, and the session's own inputs and outputs
 * @small: all small constants together
 * @held: large constants
 * @steps: programs and nodes of the processor, in order; rebuilt when @built is false
 * @fence: of a run that may still be under way
 * @abandoned: and whose end nobody waited for, so that the rest of it was not run
 * @status: of the last run: 0, a negative errno, or 1 before the first
 * @why: more on @status, or ""
 * @worker: runs what is more than one submission, from the first such run on
 * @wake: the worker has something to do, or is to end
 * @running: it has: nobody else touches programs and memory
 * @soft: fence of that run
 * @run_deadline: of it
 * @stop: it is to go no further
 */
struct accel_session {
	atomic_uint refs;
	struct accel_model *model;
	struct accel_queue *queue;
	struct ir_graph *graph;
	struct model_use use;
	struct accel_session_info info;
	pthread_mutex_t lock;
	bool system_memory;
	struct accel_buffer *memory[OWN];
	struct constant *small;
	struct held *held;
	size_t nheld;
	struct slot *slots;
	struct step *steps;
	size_t nsteps;
	bool built;
	struct accel_fence *fence;
	bool abandoned;
	int status;
	char why[256];
	pthread_t worker;
	bool has_worker;
	bool quit;
	bool running;
	pthread_cond_t wake;
	struct accel_fence *soft;
	uint64_t run_deadline;
	atomic_bool stop;
};

/** session_place() - give all values memory, and bring the constants there. */
int session_place(struct accel_session *s);
void session_unplace(struct accel_session *s);

/** session_operands() - where values are, for card_emit(). */
struct card_operands session_operands(struct accel_session *s);

/** session_pointer() - where the CPU sees a value. */
int session_pointer(struct accel_session *s, const struct ir_value *v, void **ptr);

/** session_build() - make the programs of a run anew. */
int session_build(struct accel_session *s);
void session_unbuild(struct accel_session *s);

/** session_host() - run a node on the processor. */
int session_host(struct accel_session *s, const struct ir_node *n);

/**
 * session_card() - run a program and wait
 *
 * What is not waited for to its end, as after a deadline or a signal, keeps the session busy: @fence is set then.
 */
int session_card(struct accel_session *s, struct accel_program *program, uint64_t deadline,
		 struct accel_result *result);

/** session_add() - add what a program cost to a run, and how it failed if it did. */
void session_add(struct accel_result *sum, const struct accel_result *r, bool first);

/** session_worker_end() - when nobody else has the session. */
void session_worker_end(struct accel_session *s);
void session_free(struct accel_session *s);

/** session_idle() - under the lock: -EBUSY if a run is under way.
 *
 * Takes in the end of one that went on alone.
 */
int session_idle(struct accel_session *s);

#endif
