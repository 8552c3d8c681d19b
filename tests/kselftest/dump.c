// SPDX-License-Identifier: MIT
/* The dump that a failure leaves in /sys/class/devcoredump, section by section. Needs root. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "kept.h"
#include "root.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)
#define COOKIE		0xc00c1e	/* submit()'s */
#define NOWHERE		0x7000000000ull
#define LABEL		"the client's memory"
#define NAME		"dump-test"

FIXTURE(dump) {
	struct client c;
	uint8_t *data;
	size_t size;
	const struct loom_dump_header *head;
	const struct loom_dump_meta *meta;
};

static const struct loom_dump_section *section(FIXTURE_DATA(dump) *self, uint32_t type, uint32_t id)
{
	return section_find(self->data, type, id);
}

/* The frame: header, sections one after the other up to the very end, META first. */
static void dump_open(struct __test_metadata *_metadata, FIXTURE_DATA(dump) *self)
{
	const struct loom_dump_section *s;

	self->data = kept_read(&self->size);
	ASSERT_NE(NULL, self->data);
	ASSERT_GE(self->size, sizeof(*self->head));
	self->head = (const void *)self->data;
	ASSERT_EQ(LOOM_DUMP_MAGIC, self->head->magic);
	ASSERT_EQ(LOOM_DUMP_VERSION, self->head->version);
	EXPECT_EQ(sizeof(*self->head), self->head->size);
	ASSERT_EQ(self->size, self->head->total);
	EXPECT_EQ(0, self->head->flags);
	s = (const void *)(self->data + self->head->size);
	EXPECT_EQ(LOOM_DUMP_META, s->type);
	for (uint32_t i = 0; i < self->head->sections; i++, s = section_next(s)) {
		uint64_t at = (const uint8_t *)s - self->data;

		ASSERT_LE(at + sizeof(*s), self->size);
		ASSERT_LE(s->size, self->size - at - sizeof(*s));
		EXPECT_EQ(0, s->size % s->stride);
		EXPECT_EQ(0, s->flags & LOOM_DUMP_INCOMPLETE);
	}
	EXPECT_EQ((const uint8_t *)s, self->data + self->size);
	s = section(self, LOOM_DUMP_META, 0);
	ASSERT_EQ(sizeof(*self->meta), s->size);
	self->meta = (const void *)(s + 1);
}

static uint64_t register_value(const struct loom_dump_section *s, uint32_t offset)
{
	const struct loom_dump_register *r = (const void *)(s + 1);

	for (size_t i = 0; i < s->size / sizeof(*r); i++)
		if (r[i].offset == offset)
			return r[i].value;
	return ~0ull;
}

FIXTURE_SETUP(dump)
{
	struct drm_loom_bo_label label = { .label = (uintptr_t)LABEL };

	prctl(PR_SET_NAME, NAME);
	kept_discard();
	ASSERT_EQ(0, client_open(&self->c, 300, 60000));
	label.handle = self->c.bo;
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_BO_LABEL, &label));
}

FIXTURE_TEARDOWN(dump)
{
	free(self->data);
	client_close(&self->c);
	kept_discard();
}

/* What every dump of a job of the client must say. */
static void expect_job(struct __test_metadata *_metadata, FIXTURE_DATA(dump) *self, uint64_t job,
		       uint32_t size)
{
	const struct loom_dump_meta *m = self->meta;
	const struct loom_dump_section *s;
	const struct loom_dump_mapping *map;
	const struct loom_desc *desc;
	struct drm_loom_query_info info;
	char fdinfo[64], line[256];
	unsigned long long client = 0;
	unsigned int found = 0;
	FILE *f;

	ASSERT_EQ(0, card_info(self->c.fd, &info));
	snprintf(fdinfo, sizeof(fdinfo), "/proc/self/fdinfo/%d", self->c.fd);
	f = fopen(fdinfo, "re");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "drm-client-id: %llu", &client);
	fclose(f);
	EXPECT_EQ(client, m->client);
	EXPECT_EQ(getpid(), (pid_t)m->pid);
	EXPECT_STREQ(NAME, (const char *)m->comm);
	EXPECT_STREQ(root_address(), (const char *)m->pci);
	EXPECT_EQ(0, memcmp(info.serial, m->serial, sizeof(m->serial)));
	EXPECT_EQ(0, memcmp(info.model, m->model, sizeof(m->model)));
	EXPECT_EQ(info.hw_version, m->hw_version);
	EXPECT_EQ(job, m->job);
	EXPECT_EQ(COOKIE, m->cookie);
	EXPECT_EQ(CLIENT_VA, m->cmd_va);
	EXPECT_EQ(size, m->cmd_size);
	EXPECT_EQ(self->c.queue, m->queue);
	EXPECT_NE(0, m->realtime);
	EXPECT_NE(0, m->timestamp);
	EXPECT_NE(0, m->root % 4096 == 0 && m->root);

	s = section(self, LOOM_DUMP_REGISTERS, 0);
	ASSERT_NE(NULL, s);
	EXPECT_EQ(LOOM_MAGIC, register_value(s, LOOM_REG_MAGIC));
	EXPECT_EQ(LOOM_STATUS_ENABLED, register_value(s, LOOM_REG_STATUS));
	s = section(self, LOOM_DUMP_RING_REGISTERS, m->ring);
	ASSERT_NE(NULL, s);
	EXPECT_NE(0, register_value(s, LOOM_REG_RING(m->ring) + LOOM_RING_STATUS) &
		  LOOM_RING_STATUS_ENABLED);

	s = section(self, LOOM_DUMP_CONTEXT, m->context);
	ASSERT_NE(NULL, s);
	EXPECT_EQ(sizeof(struct loom_ctx_entry), s->size);
	EXPECT_EQ(m->root, ((const struct loom_ctx_entry *)(s + 1))->root);

	s = section(self, LOOM_DUMP_DESCRIPTORS, m->ring);
	ASSERT_NE(NULL, s);
	desc = (const void *)(s + 1);
	for (size_t i = 0; i < s->size / sizeof(*desc); i++)
		found += desc[i].cookie == COOKIE && desc[i].context == m->context &&
			 desc[i].cmd_va == CLIENT_VA;
	EXPECT_GE(found, 1);
	s = section(self, LOOM_DUMP_COMPLETIONS, m->ring);
	ASSERT_NE(NULL, s);

	s = section(self, LOOM_DUMP_COMMANDS, 0);
	ASSERT_NE(NULL, s);
	EXPECT_EQ(CLIENT_VA, s->at);
	ASSERT_EQ(size, s->size);
	EXPECT_EQ(0, memcmp(s + 1, self->c.cpu, size));

	s = section(self, LOOM_DUMP_MAP, 0);
	ASSERT_NE(NULL, s);
	ASSERT_EQ(sizeof(*map), s->size);
	map = (const void *)(s + 1);
	EXPECT_EQ(CLIENT_VA, map->va);
	EXPECT_EQ(CLIENT_SIZE, map->size);
	EXPECT_EQ(CLIENT_SIZE, map->buffer_size);
	EXPECT_EQ(0, map->offset);
	EXPECT_STREQ(LABEL, (const char *)map->label);
	EXPECT_EQ(LOOM_PTE_READ | LOOM_PTE_WRITE, map->prot);
	EXPECT_EQ(NULL, section(self, LOOM_DUMP_CONTENTS, 0));
}

TEST_F(dump, of_a_fault)
{
	uint32_t size = client_size(&self->c, pkt_copy(self->c.cpu, DATA, NOWHERE, 1));
	const struct loom_dump_section *s;
	const struct loom_dump_step *step;
	const struct loom_fault *fault;

	ASSERT_EQ(0, run(self->c.fd, self->c.queue, 0, 0));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
	dump_open(_metadata, self);
	EXPECT_EQ(LOOM_DUMP_REASON_FAULT, self->meta->reason);
	EXPECT_EQ(LOOM_OUTCOME_FAULT, self->meta->outcome);
	expect_job(_metadata, self, 2, size);

	s = section(self, LOOM_DUMP_FAULT, 0);
	ASSERT_NE(NULL, s);
	fault = (const void *)(s + 1);
	EXPECT_EQ(NOWHERE, fault->va);
	EXPECT_EQ(LOOM_FAULT_NOT_MAPPED, fault->code);
	EXPECT_EQ(COOKIE, fault->cookie);
	EXPECT_EQ(self->meta->context, fault->context);

	/* The walk goes as far as the card's. */
	s = section(self, LOOM_DUMP_WALK, 0);
	ASSERT_NE(NULL, s);
	EXPECT_EQ(NOWHERE, s->at);
	ASSERT_EQ(sizeof(*step) * (4 - fault->level), s->size);
	step = (const void *)(s + 1);
	EXPECT_EQ(self->meta->root, step->table);
	step += 3 - fault->level;
	EXPECT_EQ(fault->level, step->level);
	EXPECT_EQ(fault->pte, step->entry);
	EXPECT_EQ(NOWHERE >> LOOM_PT_SHIFT(step->level) & 511, step->index);
}

/* A walk down to a leaf, a job that still runs. */
TEST_F(dump, of_a_hang)
{
	uint32_t size = client_size(&self->c, pkt_hang(self->c.cpu, false));
	const struct loom_dump_section *s;
	const struct loom_dump_ring *ring;
	const struct loom_dump_step *step;
	const struct loom_dump_job *job;

	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no HANG packet");
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
	dump_open(_metadata, self);
	EXPECT_EQ(LOOM_DUMP_REASON_HANG, self->meta->reason);
	EXPECT_STREQ("made no progress", (const char *)self->meta->why);
	expect_job(_metadata, self, 1, size);
	EXPECT_EQ(NULL, section(self, LOOM_DUMP_FAULT, 0));

	/* As it was while the job hung. */
	s = section(self, LOOM_DUMP_RING_REGISTERS, self->meta->ring);
	EXPECT_EQ(LOOM_RING_STATUS_ENABLED | LOOM_RING_STATUS_RUNNING,
		  register_value(s, LOOM_REG_RING(self->meta->ring) + LOOM_RING_STATUS));
	EXPECT_EQ(self->meta->context, register_value(s, LOOM_REG_RING(self->meta->ring) +
						      LOOM_RING_CURRENT_CONTEXT));
	s = section(self, LOOM_DUMP_RING, self->meta->ring);
	ASSERT_NE(NULL, s);
	ring = (const void *)(s + 1);
	EXPECT_EQ(1, ring->write - ring->done);
	EXPECT_EQ(0, ring->flags);
	s = section(self, LOOM_DUMP_JOBS, self->meta->ring);
	ASSERT_NE(NULL, s);
	ASSERT_EQ(sizeof(*job), s->size);
	job = (const void *)(s + 1);
	EXPECT_EQ(ring->done, job->index);
	EXPECT_EQ(1, job->job);
	EXPECT_EQ(COOKIE, job->cookie);
	EXPECT_EQ(self->meta->client, job->client);
	EXPECT_EQ(self->meta->context, job->context);
	EXPECT_EQ(getpid(), (pid_t)job->pid);
	s = section(self, LOOM_DUMP_WALK, 0);
	ASSERT_NE(NULL, s);
	EXPECT_EQ(CLIENT_VA, s->at);
	ASSERT_EQ(0, s->size % sizeof(*step));
	step = (const void *)(s + 1);
	step += s->size / sizeof(*step) - 1;
	EXPECT_EQ(LOOM_PTE_VALID | LOOM_PTE_LEAF | LOOM_PTE_READ | LOOM_PTE_WRITE,
		  step->entry & ~LOOM_PTE_ADDR);
}

/* A reset that nobody is to blame for has no job. */
TEST_F(dump, of_a_reset)
{
	ASSERT_EQ(0, root_debug("reset", "device"));
	dump_open(_metadata, self);
	EXPECT_EQ(LOOM_DUMP_REASON_DEVICE, self->meta->reason);
	EXPECT_EQ(0xffffffff, self->meta->ring);
	EXPECT_EQ(0, self->meta->job);
	EXPECT_EQ(0, self->meta->pid);
	EXPECT_NE(NULL, section(self, LOOM_DUMP_REGISTERS, 0));
	EXPECT_EQ(NULL, section(self, LOOM_DUMP_MAP, 0));
}

/* What comes after the first failure does not replace it. */
TEST_F(dump, first_is_kept)
{
	uint32_t size = client_size(&self->c, pkt_copy(self->c.cpu, DATA, NOWHERE, 1));
	struct client other;
	char path[256];

	ASSERT_EQ(0, client_open(&other, 0, 0));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
	while (!kept_path(path, sizeof(path)))
		usleep(1000);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, run(other.fd, other.queue, CLIENT_VA,
				 client_size(&other, pkt_copy(other.cpu, NOWHERE, DATA, 1))));
		ASSERT_EQ(0, queue_destroy(other.fd, other.queue));
		ASSERT_EQ(0, client_queue(&other, &other.queue));
	}
	client_close(&other);
	dump_open(_metadata, self);
	expect_job(_metadata, self, 1, size);
}

TEST_HARNESS_MAIN
