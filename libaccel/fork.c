// SPDX-License-Identifier: MIT
/*
 * What a child inherits is not its own: threads do not cross fork(), and a
 * descriptor of the node stays the parent's, with all its handles.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "fork.h"

static atomic_uint generation;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void child(void)
{
	atomic_fetch_add_explicit(&generation, 1, memory_order_relaxed);
}

static void install(void)
{
	pthread_atfork(NULL, NULL, child);
}

unsigned int fork_generation(void)
{
	pthread_once(&once, install);
	return atomic_load_explicit(&generation, memory_order_relaxed);
}
