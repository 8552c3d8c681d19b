// SPDX-License-Identifier: MIT
/* Each fault that a card with x-debug=on can be told to have: who notices, and what it costs. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define TIMEOUT_MS	300
#define DATA		(CLIENT_VA + CLIENT_DATA)

FIXTURE(inject) {
	struct client c, other;
	struct drm_loom_queue_state state;
	struct root_rings before, after;
	uint32_t signal;
};

FIXTURE_SETUP(inject)
{
	struct drm_loom_query_info info;

	ASSERT_EQ(0, client_open(&self->c, TIMEOUT_MS, 60000));
	ASSERT_EQ(0, client_open(&self->other, 60000, 60000));
	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no fault injection");
	ASSERT_EQ(0, card_info(self->c.fd, &info));
	if (info.rings != 1)
		SKIP(return, "not all jobs share a ring");
	ASSERT_EQ(0, root_rings(&self->before));
	ASSERT_EQ(0, sync_create(self->c.fd, &self->signal));
}

FIXTURE_TEARDOWN(inject)
{
	client_close(&self->other);
	client_close(&self->c);
}

/* Fills, copies and stores: right only if all of it was done. */
static int compute(struct client *c, uint64_t value)
{
	void *p = pkt_fill(c->cpu, DATA + 8, value, 100);
	int err;

	memset(c->data, 0, 400 * 8);
	p = pkt_copy(p, DATA + 200 * 8, DATA + 8, 100);
	p = pkt_fence(p, DATA, value);
	err = run(c->fd, c->queue, CLIENT_VA, client_size(c, p));
	if (err)
		return err;
	for (int i = 0; i < 100; i++)
		if (c->data[1 + i] != value || c->data[200 + i] != value)
			return -EILSEQ;
	return c->data[0] == value ? 0 : -EILSEQ;
}

static int start(struct client *c, uint32_t size, uint32_t signal)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL, .handle = signal };

	return submit(c->fd, c->queue, CLIENT_VA, size, &sync, 1, NULL);
}

/* Submits a job that stores and then hangs, and waits until it is in execution. */
static int start_hang(struct client *c, uint32_t signal)
{
	int err;

	c->data[0] = 0;
	err = start(c, client_size(c, pkt_hang(pkt_fence(c->cpu, DATA, 1), true)), signal);
	while (!err && !__atomic_load_n(&c->data[0], __ATOMIC_ACQUIRE))
		;
	return err;
}

TEST_F(inject, nonsense)
{
	EXPECT_EQ(-EINVAL, root_debug("inject", "nonsense"));
	EXPECT_EQ(-EINVAL, root_debug("inject", ""));
	EXPECT_EQ(-EINVAL, root_debug("inject", "hang 64"));
	EXPECT_EQ(-EINVAL, root_debug("inject", "hang x"));
	EXPECT_EQ(-EINVAL, root_debug("inject", "dead 0"));
	EXPECT_EQ(-EINVAL, root_debug("inject", "lost-doorbell 000000000000000000000000000001"));
	EXPECT_EQ(0, root_debug("inject", "none\n"));
	EXPECT_EQ(0, compute(&self->c, 1));
}

/* Whose job was lost in a reset that was not its fault hears of it. */
TEST_F(inject, event_of_a_reset)
{
	struct pollfd p = { .fd = self->other.fd, .events = POLLIN };
	struct drm_loom_event event = { 0 };

	ASSERT_EQ(0, sync_create(self->other.fd, &self->signal));
	ASSERT_EQ(0, start_hang(&self->other, self->signal));
	EXPECT_EQ(0, poll(&p, 1, 0));
	ASSERT_EQ(0, root_debug("reset", "device"));
	ASSERT_EQ(1, poll(&p, 1, PATIENCE / 1000000));
	ASSERT_EQ((ssize_t)sizeof(event), read(self->other.fd, &event, sizeof(event)));
	EXPECT_EQ(DRM_LOOM_EVENT_RESET, event.base.type);
	EXPECT_EQ(self->other.queue, event.queue_id);
	EXPECT_EQ(-ECANCELED, event.error);
	EXPECT_EQ(1, event.job);
	EXPECT_EQ(0xc00c1eull, event.cookie);
	EXPECT_EQ(0, event.fault_code);
	ASSERT_EQ(0, queue_state(self->other.fd, self->other.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_INNOCENT, self->state.status);
	/* Nobody else does. */
	p.fd = self->c.fd;
	EXPECT_EQ(0, poll(&p, 1, 0));
}

/* The watchdog finds the completion. */
TEST_F(inject, lost_interrupt)
{
	for (int i = 1; i <= 3; i++) {
		ASSERT_EQ(0, root_debugf("inject", "lost-irq %u", self->before.ring));
		ASSERT_EQ(0, compute(&self->c, 0x1000 + i));
	}
	ASSERT_EQ(0, root_rings(&self->after));
	EXPECT_EQ(self->before.resets, self->after.resets);
}

/* The watchdog rings again. */
TEST_F(inject, lost_doorbell)
{
	for (int i = 1; i <= 3; i++) {
		ASSERT_EQ(0, root_debugf("inject", "lost-doorbell %u", self->before.ring));
		ASSERT_EQ(0, compute(&self->c, 0x2000 + i));
	}
	ASSERT_EQ(0, root_rings(&self->after));
	EXPECT_EQ(self->before.resets, self->after.resets);
}

/* The fault names the operand; nobody else is touched. */
TEST_F(inject, dma_error)
{
	const struct drm_loom_result *r;
	uint32_t size = client_size(&self->c, pkt_copy(self->c.cpu, DATA, DATA + 64, 4));

	ASSERT_EQ(0, root_debugf("inject", "dma-error %u", self->before.ring));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
	r = client_result(&self->c, 1);
	ASSERT_NE(NULL, r);
	EXPECT_EQ(-EIO, r->error);
	EXPECT_EQ(LOOM_OUTCOME_FAULT, r->outcome);
	EXPECT_EQ(LOOM_FAULT_BUS, r->fault_code);
	EXPECT_EQ(r->fault_operand ? DATA + 64 : DATA, r->fault_va);
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_FAULTED, self->state.status);
	EXPECT_EQ(LOOM_FAULT_BUS, self->state.fault_code);
	EXPECT_EQ(-EIO, submit(self->c.fd, self->c.queue, CLIENT_VA, size, NULL, 0, NULL));
	EXPECT_EQ(0, compute(&self->other, 3));
	ASSERT_EQ(0, client_queue(&self->c, &self->c.queue));
	EXPECT_EQ(0, compute(&self->c, 4));
	ASSERT_EQ(0, root_rings(&self->after));
	EXPECT_EQ(self->before.resets, self->after.resets);
}

/* The card itself failed: an error of the hardware, with no address. */
TEST_F(inject, ecc)
{
	const struct drm_loom_result *r;
	uint32_t size = client_size(&self->c, pkt_fence(self->c.cpu, DATA, 1));

	ASSERT_EQ(0, root_debugf("inject", "ecc %u", self->before.ring));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
	r = client_result(&self->c, 1);
	ASSERT_NE(NULL, r);
	EXPECT_EQ(-EIO, r->error);
	EXPECT_EQ(LOOM_OUTCOME_HW_ERROR, r->outcome);
	EXPECT_EQ(LOOM_FAULT_NONE, r->fault_code);
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_FAULTED, self->state.status);
	EXPECT_EQ(-EIO, submit(self->c.fd, self->c.queue, CLIENT_VA, size, NULL, 0, NULL));
	EXPECT_EQ(0, compute(&self->other, 5));
}

static void expect_ended_by(struct __test_metadata *_metadata, FIXTURE_DATA(inject) *self,
			    const char *kind, unsigned int generations)
{
	ASSERT_EQ(0, start(&self->c, client_size(&self->c, pkt_hang(pkt_fence(self->c.cpu, DATA, 1),
								    false)), self->signal));
	while (!__atomic_load_n(&self->c.data[0], __ATOMIC_ACQUIRE))
		;
	ASSERT_EQ(0, root_debugf("inject", "%s %u", kind, self->before.ring));
	/* Behind it in the ring: it waits, and then it runs. */
	EXPECT_EQ(0, compute(&self->other, 6));
	ASSERT_EQ(0, sync_wait(self->c.fd, self->signal, 0, PATIENCE));
	ASSERT_NE(NULL, client_result(&self->c, 1));
	EXPECT_EQ(-ETIME, client_result(&self->c, 1)->error);
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_BANNED, self->state.status);
	ASSERT_EQ(0, queue_state(self->other.fd, self->other.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_OK, self->state.status);
	EXPECT_EQ(1, self->state.completed);
	ASSERT_EQ(0, root_rings(&self->after));
	EXPECT_EQ(1, self->after.resets - self->before.resets);
	EXPECT_EQ(generations, self->after.generation - self->before.generation);
}

TEST_F(inject, hang_that_takes_a_ring_reset)
{
	expect_ended_by(_metadata, self, "hang", 0);
}

TEST_F(inject, hang_that_takes_a_device_reset)
{
	expect_ended_by(_metadata, self, "hang-device", 1);
}

/*
 * A reset that nobody is to blame for: what was executing is lost, as innocent, its queue's other
 * jobs with it; what waited behind it runs.
 */
static void expect_innocent(struct __test_metadata *_metadata, FIXTURE_DATA(inject) *self,
			    const char *what)
{
	struct client *c = &self->c, *other = &self->other;
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
	uint64_t *words = other->data;
	int file;

	ASSERT_EQ(0, queue_destroy(c->fd, c->queue));
	ASSERT_EQ(0, queue_create(c->fd, c->vm, 60000, 60000, c->bo_results, CLIENT_SLOTS,
				  &c->queue));
	ASSERT_EQ(0, start_hang(c, self->signal));
	ASSERT_EQ(0, submit(c->fd, c->queue, 0, 0, NULL, 0, NULL));
	file = sync_export(c->fd, self->signal);
	ASSERT_GE(file, 0);

	ASSERT_EQ(0, sync_create(other->fd, &sync.handle));
	memset(words, 0, 16 * 8);
	for (int i = 0; i < 16; i++) {
		uint8_t *p = other->cpu + 256 * i;

		ASSERT_EQ(0, submit(other->fd, other->queue, CLIENT_VA + 256 * i,
				    (uint8_t *)pkt_fence(p, DATA + 8 * i, 100 + i) - p, &sync, 1,
				    NULL));
	}
	/* They are in the ring when it is reset, not still on their way there. */
	do {
		ASSERT_EQ(0, root_rings(&self->after));
	} while (self->after.written - self->after.retired < 18);

	ASSERT_EQ(0, root_debug("reset", what));
	ASSERT_EQ(0, sync_wait(other->fd, sync.handle, 0, PATIENCE));
	for (int i = 0; i < 16; i++)
		EXPECT_EQ(100 + i, words[i]);
	for (int i = 1; i <= 16; i++) {
		ASSERT_NE(NULL, client_result(other, i));
		EXPECT_EQ(0, client_result(other, i)->error);
	}
	ASSERT_EQ(0, queue_state(other->fd, other->queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_OK, self->state.status);
	EXPECT_EQ(1, self->state.resets);

	ASSERT_EQ(0, sync_wait(c->fd, self->signal, 0, PATIENCE));
	EXPECT_EQ(-ECANCELED, sync_file_status(file));
	ASSERT_NE(NULL, client_result(c, 1));
	EXPECT_EQ(-ECANCELED, client_result(c, 1)->error);
	EXPECT_EQ(LOOM_OUTCOME_ABORTED, client_result(c, 1)->outcome);
	while (!client_result(c, 2))
		;
	EXPECT_EQ(-ECANCELED, client_result(c, 2)->error);
	ASSERT_EQ(0, queue_state(c->fd, c->queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_INNOCENT, self->state.status);
	EXPECT_EQ(1, self->state.resets);
	EXPECT_EQ(1, self->state.fault_job);
	EXPECT_EQ(-ECANCELED, submit(c->fd, c->queue, 0, 0, NULL, 0, NULL));
	ASSERT_EQ(0, client_queue(c, &c->queue));
	EXPECT_EQ(0, compute(c, 7));
	close(file);
}

TEST_F(inject, innocent_of_a_ring_reset)
{
	char ring[16];

	snprintf(ring, sizeof(ring), "%u", self->before.ring);
	expect_innocent(_metadata, self, ring);
	ASSERT_EQ(0, root_rings(&self->after));
	EXPECT_EQ(self->before.generation, self->after.generation);
}

TEST_F(inject, innocent_of_a_device_reset)
{
	expect_innocent(_metadata, self, "device");
	ASSERT_EQ(0, root_rings(&self->after));
	EXPECT_EQ(1, self->after.generation - self->before.generation);
}

/* A reset of the function, through sysfs. */
TEST_F(inject, function_reset_under_load)
{
	ASSERT_EQ(0, start_hang(&self->c, self->signal));
	ASSERT_EQ(0, root_sysfs("reset", "1"));
	ASSERT_EQ(0, sync_wait(self->c.fd, self->signal, 0, PATIENCE));
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_INNOCENT, self->state.status);
	for (int i = 1; i <= 20; i++) {
		ASSERT_EQ(0, compute(&self->other, i));
		if (i % 5 == 0)
			ASSERT_EQ(0, root_sysfs("reset", "1"));
	}
	ASSERT_EQ(0, root_rings(&self->after));
	EXPECT_EQ(5, self->after.generation - self->before.generation);
	EXPECT_EQ(0, self->after.error);
}

TEST_HARNESS_MAIN
