// SPDX-License-Identifier: MIT
/* Interrupts that stand for several completions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define US	"irq_coalesce_us"
#define COUNT	"irq_coalesce_count"
#define JOBS	16

FIXTURE(irq) {
	struct client c;
	struct drm_loom_sync sync;
	uint32_t size;
};

FIXTURE_SETUP(irq)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	self->sync.flags = DRM_LOOM_SYNC_SIGNAL | DRM_LOOM_SYNC_TIMELINE;
	ASSERT_EQ(0, sync_create(self->c.fd, &self->sync.handle));
	self->size = client_size(&self->c,
				 pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, 1));
}

FIXTURE_TEARDOWN(irq)
{
	EXPECT_EQ(0, root_sysfs(COUNT, "0"));
	EXPECT_EQ(0, root_sysfs(US, "0"));
	client_close(&self->c);
}

/* Interrupts for JOBS submissions, none of which waits for the one before. */
static int burst(struct client *c, struct drm_loom_sync *sync, uint32_t size)
{
	unsigned long before = root_interrupts();
	int err = 0;

	for (int i = 0; i < JOBS && !err; i++) {
		sync->point++;
		err = submit(c->fd, c->queue, CLIENT_VA, size, sync, 1, NULL);
	}
	if (!err)
		err = sync_wait(c->fd, sync->handle, sync->point, PATIENCE);
	return err ? err : (int)(root_interrupts() - before);
}

/*
 * The time is a second: a machine that stands still for so long gets an interrupt more. Without
 * coalescing there is one for each, though one that comes late may find the work of others done.
 */
TEST_F(irq, one_for_many)
{
	int n;

	ASSERT_EQ(0, root_sysfs(COUNT, "16"));
	ASSERT_EQ(0, root_sysfs(US, "1000000"));
	n = burst(&self->c, &self->sync, self->size);
	EXPECT_GE(n, 0);
	EXPECT_LT(n, JOBS / 2);
	/* What the card forgets in a reset it is told again. */
	ASSERT_EQ(0, root_debug("reset", "device"));
	n = burst(&self->c, &self->sync, self->size);
	EXPECT_GE(n, 0);
	EXPECT_LT(n, JOBS / 2);
	ASSERT_EQ(0, root_sysfs(US, "0"));
	n = 0;
	for (int i = 0, before; i < JOBS; i++) {
		before = (int)root_interrupts();
		self->sync.point++;
		ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, self->size,
				    &self->sync, 1, NULL));
		ASSERT_EQ(0, sync_wait(self->c.fd, self->sync.handle, self->sync.point,
				       PATIENCE));
		n += (int)root_interrupts() - before;
	}
	EXPECT_GE(n, JOBS / 2);
}

/* The time alone brings the interrupt for fewer than there should be. */
TEST_F(irq, the_last_ones_do_not_wait_for_ever)
{
	ASSERT_EQ(0, root_sysfs(COUNT, "65535"));
	ASSERT_EQ(0, root_sysfs(US, "100"));
	EXPECT_GE(burst(&self->c, &self->sync, self->size), 0);
	ASSERT_EQ(0, root_sysfs(COUNT, "0"));
	EXPECT_GE(burst(&self->c, &self->sync, self->size), 0);
}

TEST_F(irq, limits)
{
	EXPECT_EQ(0, root_sysfs(US, "1000000\n"));
	EXPECT_EQ(-EINVAL, root_sysfs(US, "1000001"));
	EXPECT_EQ(-EINVAL, root_sysfs(US, "-1"));
	EXPECT_EQ(-EINVAL, root_sysfs(US, "soon"));
	EXPECT_EQ(-ERANGE, root_sysfs(US, "4294967296"));
	EXPECT_EQ(0, root_sysfs(COUNT, "65535"));
	EXPECT_EQ(-EINVAL, root_sysfs(COUNT, "65536"));
}

TEST_HARNESS_MAIN
