// SPDX-License-Identifier: MIT
/* Jobs that do what they must not, and how their owner hears of it. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

#define NOWHERE		0x700000000000ull
#define PAGE		4096ull

FIXTURE(fault) {
	struct client c;
	struct drm_loom_queue_state state;
};

FIXTURE_SETUP(fault)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
}

FIXTURE_TEARDOWN(fault)
{
	client_close(&self->c);
}

/* Run what is in the command buffer up to end, expect it to fail, check all its reports. */
static void expect_fault(struct __test_metadata *_metadata, struct client *c, const void *end,
			 uint32_t code, uint64_t va, uint32_t packet, uint32_t outcome)
{
	struct drm_loom_queue_state state;
	const struct drm_loom_result *r;

	ASSERT_EQ(0, run(c->fd, c->queue, CLIENT_VA, client_size(c, end)));
	r = client_result(c, 1);
	ASSERT_NE(NULL, r);
	EXPECT_EQ(-EIO, r->error);
	EXPECT_EQ(outcome, r->outcome);
	EXPECT_EQ(code, r->fault_code);
	EXPECT_EQ(va, r->fault_va);
	EXPECT_EQ(packet, r->fault_packet);
	ASSERT_EQ(0, queue_state(c->fd, c->queue, &state));
	EXPECT_EQ(DRM_LOOM_QUEUE_FAULTED, state.status);
	EXPECT_EQ(code, state.fault_code);
	EXPECT_EQ(va, state.fault_va);
	EXPECT_EQ(1, state.fault_job);
	EXPECT_EQ(packet, state.fault_packet);
	EXPECT_EQ(0xc00c1eull, state.fault_cookie);
	EXPECT_EQ(-EIO, submit(c->fd, c->queue, CLIENT_VA, 32, NULL, 0, NULL));
}

TEST_F(fault, write_nowhere)
{
	void *p = pkt_fence(self->c.cpu, NOWHERE, 1);

	expect_fault(_metadata, &self->c, p, LOOM_FAULT_NOT_MAPPED, NOWHERE, 0,
		     LOOM_OUTCOME_FAULT);
}

TEST_F(fault, read_nowhere)
{
	void *p = pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, 77);

	p = pkt_copy(p, CLIENT_VA + CLIENT_DATA + 8, NOWHERE + 8, 4);
	expect_fault(_metadata, &self->c, p, LOOM_FAULT_NOT_MAPPED, NOWHERE + 8,
		     sizeof(struct loom_pkt_fence), LOOM_OUTCOME_FAULT);
	/* What came before it was done, what it would have written was not. */
	EXPECT_EQ(77, self->c.data[0]);
	EXPECT_EQ(0, self->c.data[1]);
}

TEST_F(fault, write_to_readonly)
{
	uint32_t bo;

	ASSERT_EQ(0, bo_create(self->c.fd, PAGE, 0, 0, &bo));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP | DRM_LOOM_BIND_READONLY,
			     bo, 0, NOWHERE, PAGE));
	expect_fault(_metadata, &self->c, pkt_fence(self->c.cpu, NOWHERE, 1),
		     LOOM_FAULT_PERMISSION, NOWHERE, 0, LOOM_OUTCOME_FAULT);
}

TEST_F(fault, read_from_readonly)
{
	uint64_t *p;
	uint32_t bo;

	ASSERT_EQ(0, bo_create(self->c.fd, PAGE, 0, 0, &bo));
	p = bo_map(self->c.fd, bo, PAGE);
	ASSERT_NE(NULL, p);
	p[0] = 31337;
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP | DRM_LOOM_BIND_READONLY,
			     bo, 0, NOWHERE, PAGE));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 client_size(&self->c, pkt_copy(self->c.cpu, CLIENT_VA + CLIENT_DATA,
							NOWHERE, 1))));
	EXPECT_EQ(31337, self->c.data[0]);
}

TEST_F(fault, across_the_end_of_a_mapping)
{
	uint64_t end = CLIENT_VA + CLIENT_SIZE;

	expect_fault(_metadata, &self->c,
		     pkt_copy(self->c.cpu, CLIENT_VA + CLIENT_DATA, end - 16, 4),
		     LOOM_FAULT_NOT_MAPPED, end, 0, LOOM_OUTCOME_FAULT);
	EXPECT_EQ(0, self->c.data[0]);
}

TEST_F(fault, commands_nowhere)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };

	ASSERT_EQ(0, sync_create(self->c.fd, &sync.handle));
	ASSERT_EQ(0, submit(self->c.fd, self->c.queue, NOWHERE, 64, &sync, 1, NULL));
	ASSERT_EQ(0, sync_wait(self->c.fd, sync.handle, 0, PATIENCE));
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_FAULTED, self->state.status);
	EXPECT_EQ(NOWHERE, self->state.fault_va);
	EXPECT_EQ(LOOM_ACCESS_FETCH, self->state.fault_access);
}

TEST_F(fault, bad_opcode)
{
	struct loom_pkt_header *h = pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, 1);
	void *p;

	p = pkt_fence(h, CLIENT_VA + CLIENT_DATA + 8, 1);
	h->opcode = 0xee;
	expect_fault(_metadata, &self->c, p, LOOM_FAULT_CMD_OPCODE,
		     CLIENT_VA + sizeof(struct loom_pkt_fence), sizeof(struct loom_pkt_fence),
		     LOOM_OUTCOME_BAD_COMMAND);
	/* A buffer with a bad packet is not begun. */
	EXPECT_EQ(0, self->c.data[0]);
}

TEST_F(fault, ignorable_opcode)
{
	struct loom_pkt_header *h = (void *)self->c.cpu;
	void *p = pkt_fence(h, 0, 0);

	h->opcode = 0xee;
	h->flags = LOOM_PKT_IGNORABLE;
	p = pkt_fence(p, CLIENT_VA + CLIENT_DATA, 8);
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, client_size(&self->c, p)));
	EXPECT_EQ(8, self->c.data[0]);
}

TEST_F(fault, random_commands)
{
	uint64_t x = 88172645463325252ull;

	for (int round = 0; round < 200; round++) {
		uint32_t queue;

		for (int i = 0; i < 512; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			((uint64_t *)self->c.cpu)[i] = x;
		}
		ASSERT_EQ(0, client_queue(&self->c, &queue));
		ASSERT_EQ(0, run(self->c.fd, queue, CLIENT_VA, 4096));
		ASSERT_EQ(0, queue_state(self->c.fd, queue, &self->state));
		EXPECT_EQ(DRM_LOOM_QUEUE_FAULTED, self->state.status);
		ASSERT_EQ(0, queue_destroy(self->c.fd, queue));
	}
}

TEST_F(fault, event)
{
	struct pollfd p = { .fd = self->c.fd, .events = POLLIN };
	struct drm_loom_event event;

	EXPECT_EQ(0, poll(&p, 1, 0));
	expect_fault(_metadata, &self->c, pkt_fence(self->c.cpu, NOWHERE, 1),
		     LOOM_FAULT_NOT_MAPPED, NOWHERE, 0, LOOM_OUTCOME_FAULT);
	ASSERT_EQ(1, poll(&p, 1, PATIENCE / 1000000));
	memset(&event, 0, sizeof(event));
	ASSERT_EQ((ssize_t)sizeof(event), read(self->c.fd, &event, sizeof(event)));
	EXPECT_EQ(DRM_LOOM_EVENT_FAULT, event.base.type);
	EXPECT_EQ(sizeof(event), event.base.length);
	EXPECT_EQ(self->c.queue, event.queue_id);
	EXPECT_EQ(-EIO, event.error);
	EXPECT_EQ(NOWHERE, event.fault_va);
	EXPECT_EQ(LOOM_FAULT_NOT_MAPPED, event.fault_code);
	EXPECT_EQ(1, event.job);
	EXPECT_EQ(0xc00c1eull, event.cookie);
	EXPECT_LE(event.time, now());
	EXPECT_EQ(LOOM_ACCESS_WRITE, event.fault_access);
	EXPECT_EQ(0, event.fault_operand);
	EXPECT_EQ(0, event.label[0]);
}

/* Which buffer, if there is one at the address. */
TEST_F(fault, event_with_label)
{
	static const char name[] = "weights of layer 7";
	struct drm_loom_bo_label label = { .label = (uintptr_t)name };
	struct drm_loom_event event;

	ASSERT_EQ(0, bo_create(self->c.fd, 2 * PAGE, 0, 0, &label.handle));
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_BO_LABEL, &label));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP | DRM_LOOM_BIND_READONLY,
			     label.handle, 0, NOWHERE, 2 * PAGE));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 client_size(&self->c, pkt_fence(self->c.cpu, NOWHERE + PAGE + 8, 1))));
	ASSERT_EQ((ssize_t)sizeof(event), read(self->c.fd, &event, sizeof(event)));
	EXPECT_EQ(LOOM_FAULT_PERMISSION, event.fault_code);
	EXPECT_EQ(NOWHERE + PAGE + 8, event.fault_va);
	EXPECT_EQ(LOOM_ACCESS_WRITE, event.fault_access);
	EXPECT_STREQ(name, (char *)event.label);
}

/* A queue that faults, and whose event has been delivered: closing a file waits for that. */
static void fault_once(struct __test_metadata *_metadata, struct client *c)
{
	uint32_t queue;
	int fd;

	ASSERT_EQ(0, client_queue(c, &queue));
	ASSERT_EQ(0, run(c->fd, queue, CLIENT_VA, client_size(c, pkt_fence(c->cpu, NOWHERE, 1))));
	fd = card_open();
	ASSERT_GE(fd, 0);
	close(fd);
}

TEST_F(fault, events_are_read_whole)
{
	struct pollfd p = { .fd = self->c.fd, .events = POLLIN };
	struct drm_loom_event events[3];
	uint8_t *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);

	EXPECT_GE(DRM_LOOM_EVENT_SIZE_MAX, sizeof(events[0]));
	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, munmap(page + PAGE, PAGE));
	ASSERT_EQ(0, fcntl(self->c.fd, F_SETFL, O_NONBLOCK));
	EXPECT_EQ(-1, read(self->c.fd, events, sizeof(events)));
	EXPECT_EQ(EAGAIN, errno);
	fault_once(_metadata, &self->c);
	fault_once(_metadata, &self->c);
	/* No room, or none that can be written: it is still there. */
	EXPECT_EQ(0, read(self->c.fd, events, 0));
	EXPECT_EQ(0, read(self->c.fd, events, sizeof(events[0]) - 1));
	EXPECT_EQ(-1, read(self->c.fd, page + PAGE, sizeof(events)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, read(self->c.fd, page + PAGE - 8, sizeof(events)));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(1, poll(&p, 1, 0));
	/* The first has room, the second has not, then none. */
	EXPECT_EQ((ssize_t)sizeof(events[0]),
		  read(self->c.fd, page + PAGE - sizeof(events[0]) - 8, 2 * sizeof(events[0])));
	EXPECT_EQ((ssize_t)sizeof(events[0]), read(self->c.fd, events, sizeof(events)));
	EXPECT_EQ(DRM_LOOM_EVENT_FAULT, events[0].base.type);
	EXPECT_EQ(0, poll(&p, 1, 0));
	EXPECT_EQ(-1, read(self->c.fd, events, sizeof(events)));
	EXPECT_EQ(EAGAIN, errno);
	munmap(page, PAGE);
}

/* What finds no room is lost, and only that. */
TEST_F(fault, more_events_than_room)
{
	const ssize_t room = 4096 / sizeof(struct drm_loom_event);
	struct drm_loom_event events[64];

	ASSERT_EQ(0, fcntl(self->c.fd, F_SETFL, O_NONBLOCK));
	for (ssize_t i = 0; i < room + 8; i++)
		fault_once(_metadata, &self->c);
	ASSERT_EQ(room * (ssize_t)sizeof(events[0]), read(self->c.fd, events, sizeof(events)));
	for (ssize_t i = 1; i < room; i++)
		EXPECT_EQ(events[0].queue_id + i, events[i].queue_id);
	EXPECT_EQ(-1, read(self->c.fd, events, sizeof(events)));
	fault_once(_metadata, &self->c);
	ASSERT_EQ((ssize_t)sizeof(events[0]), read(self->c.fd, events, sizeof(events)));
	EXPECT_EQ(NOWHERE, events[0].fault_va);
}

TEST_F(fault, events_that_nobody_reads)
{
	for (int i = 0; i < 300; i++) {
		uint32_t queue;

		ASSERT_EQ(0, client_queue(&self->c, &queue));
		ASSERT_EQ(0, run(self->c.fd, queue, CLIENT_VA,
				 client_size(&self->c, pkt_fence(self->c.cpu, NOWHERE, 1))));
		ASSERT_EQ(0, queue_state(self->c.fd, queue, &self->state));
		EXPECT_EQ(DRM_LOOM_QUEUE_FAULTED, self->state.status);
		ASSERT_EQ(0, queue_destroy(self->c.fd, queue));
	}
}

TEST_F(fault, other_queues_are_unharmed)
{
	struct client other;
	uint32_t sibling;
	void *p;

	ASSERT_EQ(0, client_open(&other, 0, 0));
	ASSERT_EQ(0, client_queue(&self->c, &sibling));
	pkt_fence(self->c.cpu + 0x1000, NOWHERE, 1);
	for (int i = 1; i <= 20; i++) {
		uint32_t victim;

		ASSERT_EQ(0, client_queue(&self->c, &victim));
		ASSERT_EQ(0, submit(self->c.fd, victim, CLIENT_VA + 0x1000,
				    sizeof(struct loom_pkt_fence), NULL, 0, NULL));
		p = pkt_fence(other.cpu, CLIENT_VA + CLIENT_DATA, i);
		ASSERT_EQ(0, run(other.fd, other.queue, CLIENT_VA, client_size(&other, p)));
		ASSERT_EQ((uint64_t)i, other.data[0]);
		p = pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, i);
		ASSERT_EQ(0, run(self->c.fd, sibling, CLIENT_VA, client_size(&self->c, p)));
		ASSERT_EQ((uint64_t)i, self->c.data[0]);
		ASSERT_EQ(0, queue_destroy(self->c.fd, victim));
	}
	ASSERT_EQ(0, queue_state(other.fd, other.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_OK, self->state.status);
	client_close(&other);
}

TEST_F(fault, later_jobs_of_the_queue_are_canceled)
{
	struct drm_loom_job jobs[4] = { { 0 } };
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
	struct drm_loom_submit args = {
		.queue_id = self->c.queue,
		.jobs = { .stride = sizeof(*jobs), .count = 4, .array = (uintptr_t)jobs },
	};
	uint8_t *good = self->c.cpu, *bad, *end;

	bad = pkt_fence(good, CLIENT_VA + CLIENT_DATA, 1);
	end = pkt_fence(bad, NOWHERE, 1);
	for (int i = 0; i < 4; i++) {
		jobs[i].cmd_va = CLIENT_VA + (i == 1 ? bad - good : 0);
		jobs[i].cmd_size = i == 1 ? end - bad : bad - good;
	}
	ASSERT_EQ(0, sync_create(self->c.fd, &sync.handle));
	jobs[3].syncs = (struct drm_loom_array){ sizeof(sync), 1, (uintptr_t)&sync };
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_SUBMIT, &args));
	ASSERT_EQ(0, sync_wait(self->c.fd, sync.handle, 0, PATIENCE));
	for (int i = 0; i < 4; i++)
		ASSERT_NE(NULL, client_result(&self->c, i + 1));
	EXPECT_EQ(0, client_result(&self->c, 1)->error);
	EXPECT_EQ(-EIO, client_result(&self->c, 2)->error);
	EXPECT_EQ(-ECANCELED, client_result(&self->c, 3)->error);
	EXPECT_EQ(-ECANCELED, client_result(&self->c, 4)->error);
}

TEST_F(fault, unmapped_is_gone_at_once)
{
	uint64_t *p;
	uint32_t bo;
	void *end;

	ASSERT_EQ(0, bo_create(self->c.fd, PAGE, 0, 0, &bo));
	p = bo_map(self->c.fd, bo, PAGE);
	ASSERT_NE(NULL, p);
	/* The translation is in the card's TLB ... */
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, bo, 0, NOWHERE, PAGE));
	end = pkt_fence(self->c.cpu, NOWHERE, 1);
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, client_size(&self->c, end)));
	EXPECT_EQ(1, p[0]);
	/* ... and after the call it is not. */
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, NOWHERE, PAGE));
	end = pkt_fence(self->c.cpu, NOWHERE, 2);
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, client_size(&self->c, end)));
	EXPECT_EQ(1, p[0]);
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &self->state));
	EXPECT_EQ(DRM_LOOM_QUEUE_FAULTED, self->state.status);
}

TEST_HARNESS_MAIN
