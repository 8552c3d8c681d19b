/* SPDX-License-Identifier: MIT */
/*
 * The Loom card, without anything around it.
 *
 * The core is plain C11 over POSIX mutexes. It reaches the outside world
 * through one table of host operations and includes no header of QEMU, of the
 * kernel's internals or of libaccel. The QEMU device, libaccel's sim: back
 * end, the unit tests and the fuzzers are its hosts.
 *
 * Threads: the host calls loom_core_mmio_*(), doorbells and resets from any
 * thread; none of these waits for work, except loom_core_reset() and
 * loom_core_quiesce(), which wait until the engines have dropped all memory:
 * a bounded time, at most 1 ms of work per engine thread. The core calls the
 * host operations from its own threads without holding any lock.
 */
#ifndef LOOM_CORE_H
#define LOOM_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loom_hw.h"
#include "loom_isa.h"

struct loom_core;

/**
 * struct loom_map - a piece of memory made accessible to the core
 * @ptr: where it is in this process
 * @len: bytes accessible at @ptr; may be less than asked for, never zero
 * @priv: the host's
 */
struct loom_map {
	void *ptr;
	uint64_t len;
	void *priv;
};

/**
 * enum loom_event - what a host may want to trace or log
 * @LOOM_EVENT_DOORBELL: ring
 * @LOOM_EVENT_DESC_START: ring, index, context, command buffer VA
 * @LOOM_EVENT_DESC_DONE: ring, index, outcome, cycles
 * @LOOM_EVENT_PACKET: ring, opcode, byte offset, tag
 * @LOOM_EVENT_FAULT: context, enum loom_fault_code, VA, byte offset of the packet
 * @LOOM_EVENT_IRQ: vector
 * @LOOM_EVENT_RING_RESET: ring, new generation
 * @LOOM_EVENT_DEVICE_RESET: new generation
 * @LOOM_EVENT_RING_ERROR: ring, enum loom_ring_error
 * @LOOM_EVENT_GUEST_ERROR: register offset, value: the driver did what it must not
 */
enum loom_event {
	LOOM_EVENT_DOORBELL,
	LOOM_EVENT_DESC_START,
	LOOM_EVENT_DESC_DONE,
	LOOM_EVENT_PACKET,
	LOOM_EVENT_FAULT,
	LOOM_EVENT_IRQ,
	LOOM_EVENT_RING_RESET,
	LOOM_EVENT_DEVICE_RESET,
	LOOM_EVENT_RING_ERROR,
	LOOM_EVENT_GUEST_ERROR,
};

/**
 * struct loom_host_ops - what the core asks of its host
 *
 * All may be called from the core's threads, several at once. Bus addresses are
 * what the card puts on the bus: the host translates them.
 */
struct loom_host_ops {
	/**
	 * @map: give access to @len bytes of host memory at bus address @bus.
	 * Only memory qualifies: -EFAULT for anything else, for a read-only
	 * page that is to be written, or while the card may not be bus master.
	 * May return fewer bytes. Undone by @unmap.
	 */
	int (*map)(void *host, uint64_t bus, uint64_t len, bool write, struct loom_map *map);
	/** @unmap: end of access; the first @written bytes may have been written. */
	void (*unmap)(void *host, struct loom_map *map, uint64_t written);
	/** @local_written: local memory was written (dirty tracking); may be NULL. */
	void (*local_written)(void *host, uint64_t offset, uint64_t len);
	/** @irq: raise MSI-X vector @vector; never blocks. */
	void (*irq)(void *host, unsigned int vector);
	/** @now_ns: card clock in nanoseconds; never goes back. */
	uint64_t (*now_ns)(void *host);
	/**
	 * @thread_start: run @fn(@arg) on a new thread named @name; NULL with
	 * errno set on failure.
	 */
	void *(*thread_start)(void *host, const char *name, void *(*fn)(void *arg), void *arg);
	/** @thread_join: wait for the end of a thread. */
	void (*thread_join)(void *host, void *thread);
	/** @event: trace or log; never blocks; may be NULL. */
	void (*event)(void *host, enum loom_event event, const uint64_t *args, unsigned int n);
};

/**
 * struct loom_core_config - what card to build
 */
struct loom_core_config {
	/** @rings: 1..LOOM_RINGS_MAX, ring 0 being the admin ring. */
	unsigned int rings;
	/** @contexts: 1..LOOM_CONTEXTS_MAX. */
	unsigned int contexts;
	/** @vectors: 1..rings + 1. */
	unsigned int vectors;
	/**
	 * @threads: engine threads besides the front end's; 0: the front end
	 * computes alone.
	 */
	unsigned int threads;
	/** @local: local memory, owned by the host, NULL if none. */
	void *local;
	/** @local_size: its size in bytes, a power of two or 0. */
	uint64_t local_size;
	/** @scratch_max: bytes of private memory that the card may use in all; 0: 256 MiB. */
	uint64_t scratch_max;
	/** @profile: LOOM_PROFILE_*; 0: LOOM1. */
	unsigned int profile;
	/** @debug: offer LOOM_FEATURE_DEBUG. */
	bool debug;
	/** @features_mask: offer only these features; 0: all (tests of old cards). */
	uint64_t features_mask;
	/** @spin_us: how long the front end looks for work before it sleeps. */
	unsigned int spin_us;
	/** @isa: engine by name ("generic", "avx2", ...; see loom_engine_names()); NULL: the best. */
	const char *isa;
	/** @serial: at most 31 characters. */
	const char *serial;
};

/**
 * loom_core_create() - build a card, as after power-on
 *
 * Return: 0, -EINVAL (a bad configuration; *@why says which), -ENOMEM, or what
 * thread_start failed with.
 */
int loom_core_create(const struct loom_core_config *config, const struct loom_host_ops *ops,
		     void *host, struct loom_core **core, const char **why);

/** loom_core_destroy() - stop all threads and free the card. */
void loom_core_destroy(struct loom_core *core);

/**
 * loom_core_mmio_read() - read of BAR0
 * @size: 4 or 8; @offset is a multiple of it, else the result is zero
 */
uint64_t loom_core_mmio_read(struct loom_core *core, uint64_t offset, unsigned int size);

/** loom_core_mmio_write() - write to BAR0, doorbells included. */
void loom_core_mmio_write(struct loom_core *core, uint64_t offset, uint64_t value,
			  unsigned int size);

/** loom_core_doorbell() - ring the doorbell of @ring (for hosts with an ioeventfd). */
void loom_core_doorbell(struct loom_core *core, unsigned int ring);

/**
 * loom_core_reset() - device reset: all registers as after power-on but
 * GENERATION, the timestamp and the counters
 *
 * When it returns, no engine touches memory any more and no interrupt follows.
 */
void loom_core_reset(struct loom_core *core);

/**
 * loom_core_quiesce() - stop at the next tile boundary and drop all memory
 *
 * Nests with nothing: each call is undone by one loom_core_resume(). Work
 * continues exactly where it was. For VM stop and power states.
 */
void loom_core_quiesce(struct loom_core *core);

/** loom_core_resume() - go on after loom_core_quiesce(). */
void loom_core_resume(struct loom_core *core);

/**
 * loom_core_idle() - whether the card's threads sleep, and nobody has asked them for anything
 *
 * For hosts that judge who hangs: what a ring that is RUNNING has not done by now is not
 * for want of a processor. What is read from the card's registers after it is at least as new.
 */
bool loom_core_idle(struct loom_core *core);

/**
 * loom_core_waiting() - rings that could execute and wait for their turn, or for another's memory
 *
 * Return: bit r is ring r. One that waits does not hang, whatever others do before it.
 */
uint64_t loom_core_waiting(struct loom_core *core);

/**
 * loom_core_save() - the state of a card that is quiesced
 * @data: to be freed with free()
 *
 * Everything but memory: local memory and the host's are saved by the host. A job in execution
 * is saved as it stands and goes on, in this card or where the state is loaded,
 * with the same results. One save or load at a time.
 *
 * Return: 0, -ENOMEM, or -EBUSY if the card is not quiesced
 */
int loom_core_save(struct loom_core *core, void **data, size_t *size);

/**
 * loom_core_load() - take up a state
 * @why: set to a text, if it fails
 *
 * The card is quiesced and built as the one that was saved: same rings, contexts, vectors, local memory,
 * profile and features. Number of threads and engine may differ; but a job that
 * was stopped within a packet that works in place needs its engine. @data is
 * trusted in nothing.
 *
 * Return: 0, -ENOMEM, -EBUSY, or -EINVAL for a state that is damaged or of another card
 */
int loom_core_load(struct loom_core *core, const void *data, size_t size, const char **why);

/**
 * loom_core_inject() - have something go wrong, once
 * @what: of which kind
 * @ring: of which ring; 0 for the kinds that are the whole card's
 *
 * For tests of drivers; what each kind does is with enum loom_inject. Works at
 * any time, whether or not the guest may ask for the same (LOOM_REG_INJECT).
 *
 * Return: 0, or -EINVAL if there is no such kind or ring
 */
int loom_core_inject(struct loom_core *core, enum loom_inject what, unsigned int ring);

/**
 * loom_core_injected() - what is armed and has not happened yet, as text
 *
 * As loom_inject_parse() understands it, separated by blanks; empty if there is
 * nothing.
 *
 * Return: as snprintf()
 */
size_t loom_core_injected(struct loom_core *core, char *text, size_t size);

/**
 * loom_inject_parse() - the name of a kind, and of which ring: "hang:ring=2", "dead"
 *
 * Names are those of enum loom_inject in small letters, with hyphens.
 *
 * Return: 0 or -EINVAL
 */
int loom_inject_parse(const char *text, enum loom_inject *what, unsigned int *ring);

/** loom_engine_names() - engines that this processor can run, best first, NULL-terminated. */
const char *const *loom_engine_names(void);

#endif
