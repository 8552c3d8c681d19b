// SPDX-License-Identifier: MIT
/*
 * Dumps for replay: what a process that ends at once leaves, contents of buffers for those who ask
 * for them, and `accelctl dump replay`, which must come to the same end in the same packet. Needs
 * root, and accelctl.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "kept.h"
#include "root.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)
#define NOWHERE		0x7000000000ull
#define MORE		0x20000000ull	/* where tests map further buffers */
#define PAGE		4096ull
#define EXIT_MISMATCH	8
#define WORKERS		7

FIXTURE(replay) {
	struct client c;
	uint8_t *data;
	size_t size;
	char file[64];
	/* What accelctl wrote. */
	char text[8192];
};

FIXTURE_SETUP(replay)
{
	int fd;

	kept_discard();
	strcpy(self->file, "/tmp/replay-XXXXXX");
	fd = mkstemp(self->file);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, client_open(&self->c, 300, 60000));
}

FIXTURE_TEARDOWN(replay)
{
	free(self->data);
	unlink(self->file);
	client_close(&self->c);
	kept_discard();
}

/* The dump, in memory and in a file. */
static bool keep(FIXTURE_DATA(replay) *self)
{
	FILE *f;
	bool ok;

	self->data = kept_read(&self->size);
	f = fopen(self->file, "we");
	ok = f && fwrite(self->data, 1, self->size, f) == self->size;
	return f && !fclose(f) && ok;
}

/* The exit status of a replay, with further arguments. */
static int replay(FIXTURE_DATA(replay) *self, const char *arguments)
{
	char command[256];
	size_t n;
	int status;
	FILE *f;

	snprintf(command, sizeof(command), "accelctl dump replay %s -o json --limit 1000 %s", self->file,
		 arguments);
	f = popen(command, "re");
	if (!f)
		return -1;
	n = fread(self->text, 1, sizeof(self->text) - 1, f);
	self->text[n] = 0;
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool says(FIXTURE_DATA(replay) *self, const char *text)
{
	const char *first = strstr(self->text, text);

	/* Expected and seen. */
	return first && strstr(first + 1, text);
}

static uint32_t program(FIXTURE_DATA(replay) *self, void *end)
{
	return client_size(&self->c, end);
}

static const struct drm_loom_result *ended(FIXTURE_DATA(replay) *self, uint64_t number)
{
	return client_result(&self->c, number);
}

/* The third packet of four reads what is not mapped. */
TEST_F(replay, unmapped)
{
	void *p = pkt_fill(self->c.cpu, DATA, 1, 16);

	p = pkt_fill(p, DATA + 0x1000, 2, 16);
	p = pkt_copy(p, DATA, NOWHERE + 0x123000, 4);
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 program(self, pkt_fence(p, DATA, 7))));
	ASSERT_EQ(LOOM_FAULT_NOT_MAPPED, ended(self, 1)->fault_code);
	ASSERT_TRUE(keep(self));
	ASSERT_EQ(0, replay(self, ""));
	EXPECT_TRUE(says(self, "\"index\": 2,"));
	EXPECT_TRUE(says(self, "\"code\": \"not-mapped\""));
	EXPECT_TRUE(says(self, "\"access\": \"read\""));
}

/* What the card may only read is known from the dump. */
TEST_F(replay, permission)
{
	const struct loom_dump_mapping *map;
	uint32_t bo;

	ASSERT_EQ(0, bo_create(self->c.fd, PAGE, 0, 0, &bo));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP | DRM_LOOM_BIND_READONLY, bo,
			     0, MORE, PAGE));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 program(self, pkt_fill(pkt_copy(self->c.cpu, DATA, MORE, 4), MORE, 1, 4))));
	ASSERT_EQ(LOOM_FAULT_PERMISSION, ended(self, 1)->fault_code);
	ASSERT_TRUE(keep(self));
	map = (const void *)(section_find(self->data, LOOM_DUMP_MAP, 0) + 1);
	EXPECT_EQ(LOOM_PTE_READ | LOOM_PTE_WRITE, map[0].prot);
	EXPECT_EQ(LOOM_PTE_READ, map[1].prot);
	ASSERT_EQ(0, replay(self, ""));
	EXPECT_TRUE(says(self, "\"index\": 1,"));
	EXPECT_TRUE(says(self, "\"code\": \"permission\""));
	EXPECT_TRUE(says(self, "\"access\": \"write\""));
}

/* A bad packet in the middle. */
TEST_F(replay, bad_packet)
{
	void *bad = pkt_fill(self->c.cpu, DATA, 1, 16), *p = pkt_fence(bad, DATA, 7);

	((struct loom_pkt_header *)bad)->opcode = 0xee;
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 program(self, pkt_fence(p, DATA, 8))));
	ASSERT_EQ(LOOM_FAULT_CMD_OPCODE, ended(self, 1)->fault_code);
	ASSERT_TRUE(keep(self));
	ASSERT_EQ(0, replay(self, ""));
	EXPECT_TRUE(says(self, "\"outcome\": \"bad-program\""));
	EXPECT_TRUE(says(self, "\"index\": 1,"));
}

/* A hang in the middle; a card without packets for tests ends it otherwise. */
TEST_F(replay, hang)
{
	void *p = pkt_hang(pkt_fill(self->c.cpu, DATA, 1, 16), false);

	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no HANG packet");
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 program(self, pkt_fence(p, DATA, 7))));
	ASSERT_EQ(-ETIME, ended(self, 1)->error);
	ASSERT_TRUE(keep(self));
	ASSERT_EQ(0, replay(self, ""));
	EXPECT_TRUE(says(self, "\"outcome\": \"timeout\""));
	EXPECT_TRUE(says(self, "\"name\": \"HANG\""));
	EXPECT_EQ(EXIT_MISMATCH, replay(self, "-d sim:"));
	EXPECT_NE(NULL, strstr(self->text, "\"reproduced\": false"));
}

/* A failure of the card comes again only if it fails again. */
TEST_F(replay, injected)
{
	struct root_rings rings;

	ASSERT_EQ(0, root_rings(&rings));
	ASSERT_EQ(0, root_debugf("inject", "dma-error %u", rings.ring));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 program(self, pkt_fill(self->c.cpu, DATA, 1, 16))));
	ASSERT_EQ(LOOM_FAULT_BUS, ended(self, 1)->fault_code);
	ASSERT_TRUE(keep(self));
	EXPECT_EQ(EXIT_MISMATCH, replay(self, ""));
	EXPECT_EQ(0, replay(self, "-d sim:inject=dma-error:ring=1"));
}

/*
 * Runs a job, unmaps everything as soon as it is over, and ends. It finds the end of the job by
 * itself, and keeps the processor: no worker comes in between unless the kernel waits for it.
 */
static int in_a_hurry(const uint8_t *commands, uint32_t size)
{
	const struct sched_param param = { .sched_priority = 1 };
	struct drm_loom_queue_poll poll = { .number = 1, .poll_ns = DRM_LOOM_POLL_NS_MAX };
	struct client c;

	if (client_open(&c, 300, 60000))
		return 1;
	memcpy(c.cpu, commands, size);
	poll.id = c.queue;
	if (sched_setscheduler(0, SCHED_FIFO, &param) ||
	    submit(c.fd, c.queue, CLIENT_VA, size, NULL, 0, NULL))
		return 2;
	do {
		if (card_ioctl(c.fd, DRM_IOCTL_LOOM_QUEUE_POLL, &poll))
			return 3;
	} while (poll.completed < 1);
	if (vm_bind(c.fd, c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, CLIENT_VA, CLIENT_SIZE) ||
	    bo_close(c.fd, c.bo))
		return 4;
	return 0;
}

TEST_F(replay, gone_at_once)
{
	const struct loom_dump_section *s;
	uint32_t size = program(self, pkt_copy(self->c.cpu, DATA, NOWHERE, 4));
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(in_a_hurry(self->c.cpu, size));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	ASSERT_TRUE(keep(self));
	s = section_find(self->data, LOOM_DUMP_COMMANDS, 0);
	ASSERT_NE(NULL, s);
	ASSERT_EQ(size, s->size);
	EXPECT_EQ(0, memcmp(s + 1, self->c.cpu, size));
	s = section_find(self->data, LOOM_DUMP_MAP, 0);
	ASSERT_NE(NULL, s);
	EXPECT_EQ(sizeof(struct loom_dump_mapping), s->size);
	ASSERT_EQ(0, replay(self, ""));
}

static int queue_with_contents(FIXTURE_DATA(replay) *self, uint32_t *id)
{
	struct drm_loom_queue_create args = {
		.vm_id = self->c.vm, .timeout_ms = 300, .flags = DRM_LOOM_QUEUE_DUMP_CONTENTS,
		.priority = DRM_LOOM_PRIORITY_NORMAL,
	};
	int ret = card_ioctl(self->c.fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &args);

	*id = args.id;
	return ret;
}

/* A further buffer, with a pattern that begins with @seed in its first and last word. */
static uint8_t *buffer(FIXTURE_DATA(replay) *self, uint64_t va, uint64_t size, uint32_t flags,
		       uint64_t seed, uint32_t *handle)
{
	uint64_t *p;

	if (bo_create(self->c.fd, size, flags, 0, handle) ||
	    vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP, *handle, 0, va, size))
		return NULL;
	p = bo_map(self->c.fd, *handle, size);
	if (p) {
		p[0] = seed;
		p[size / 8 - 1] = ~seed;
	}
	return (uint8_t *)p;
}

/* The section of contents at an address. */
static const struct loom_dump_section *contents(FIXTURE_DATA(replay) *self, uint64_t va)
{
	const struct loom_dump_section *s;

	for (uint32_t i = 0; (s = section_find(self->data, LOOM_DUMP_CONTENTS, i)); i++)
		if (s->at == va)
			return s;
	return NULL;
}

static bool has(FIXTURE_DATA(replay) *self, uint64_t va, const void *memory, uint64_t size)
{
	const struct loom_dump_section *s = contents(self, va);

	return s && s->size == size && !(s->flags & LOOM_DUMP_INCOMPLETE) &&
	       !memcmp(s + 1, memory, size);
}

/* What a queue asked for: all that is its own, and nothing that others know. */
static void expect_contents(struct __test_metadata *_metadata, FIXTURE_DATA(replay) *self, void *end)
{
	struct drm_prime_handle export = { .flags = O_CLOEXEC };
	uint32_t queue, own, local = 0, shared;
	struct drm_loom_query_info info;
	uint8_t *a, *b = NULL, *c;

	ASSERT_EQ(0, card_info(self->c.fd, &info));
	a = buffer(self, MORE, 4 * PAGE, 0, 0x1111, &own);
	ASSERT_NE(NULL, a);
	c = buffer(self, 2 * MORE, PAGE, 0, 0x2222, &shared);
	ASSERT_NE(NULL, c);
	export.handle = shared;
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &export));
	/* The same memory once more, and a part of it. */
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_MAP, own, PAGE, 3 * MORE, 2 * PAGE));
	if (info.caps & DRM_LOOM_CAP_LOCAL_MEMORY) {
		b = buffer(self, 4 * MORE, 4 * PAGE, DRM_LOOM_BO_LOCAL, 0x3333, &local);
		ASSERT_NE(NULL, b);
	}
	ASSERT_EQ(0, queue_with_contents(self, &queue));
	ASSERT_EQ(0, run(self->c.fd, queue, CLIENT_VA, program(self, end)));
	ASSERT_TRUE(keep(self));
	EXPECT_TRUE(has(self, CLIENT_VA, self->c.cpu, CLIENT_SIZE));
	EXPECT_TRUE(has(self, MORE, a, 4 * PAGE));
	EXPECT_TRUE(has(self, 3 * MORE, a + PAGE, 2 * PAGE));
	EXPECT_EQ(NULL, contents(self, 2 * MORE));
	if (b)
		EXPECT_TRUE(has(self, 4 * MORE, b, 4 * PAGE));
	close(export.fd);
	ASSERT_EQ(0, replay(self, ""));
	EXPECT_NE(NULL, strstr(self->text, "\"absent\": 1,"));
	EXPECT_NE(NULL, strstr(self->text, "\"truncated\": 0,"));
}

TEST_F(replay, contents_of_a_fault)
{
	expect_contents(_metadata, self, pkt_copy(self->c.cpu, DATA, NOWHERE, 1));
}

TEST_F(replay, contents_of_a_hang)
{
	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no HANG packet");
	expect_contents(_metadata, self, pkt_hang(pkt_fill(self->c.cpu, DATA, 1, 1), false));
}

/* No more than 8 MiB: what is small is whole, what is large is cut off and says so. */
TEST_F(replay, contents_are_bounded)
{
	const uint64_t large = 6 << 20;
	const struct loom_dump_section *s;
	uint32_t queue, handle;
	uint64_t total = 0;
	uint8_t *small, *first;

	first = buffer(self, MORE, large, 0, 0x4444, &handle);
	ASSERT_NE(NULL, first);
	ASSERT_NE(NULL, buffer(self, 2 * MORE, large, 0, 0x5555, &handle));
	ASSERT_NE(NULL, buffer(self, 3 * MORE, large, 0, 0x6666, &handle));
	small = buffer(self, 4 * MORE, PAGE, 0, 0x7777, &handle);
	ASSERT_NE(NULL, small);
	ASSERT_EQ(0, queue_with_contents(self, &queue));
	ASSERT_EQ(0, run(self->c.fd, queue, CLIENT_VA,
			 program(self, pkt_copy(self->c.cpu, DATA, NOWHERE, 1))));
	ASSERT_TRUE(keep(self));
	EXPECT_TRUE(has(self, 4 * MORE, small, PAGE));
	EXPECT_TRUE(has(self, MORE, first, large));
	s = contents(self, 2 * MORE);
	ASSERT_NE(NULL, s);
	EXPECT_LT(0, s->size);
	EXPECT_NE(0, s->flags & LOOM_DUMP_INCOMPLETE);
	EXPECT_EQ(0x5555, *(const uint64_t *)(s + 1));
	s = contents(self, 3 * MORE);
	ASSERT_NE(NULL, s);
	EXPECT_EQ(0, s->size);
	EXPECT_NE(0, s->flags & LOOM_DUMP_INCOMPLETE);
	for (uint32_t i = 0; (s = section_find(self->data, LOOM_DUMP_CONTENTS, i)); i++)
		total += s->size;
	EXPECT_EQ(8 << 20, total);
	EXPECT_EQ(LOOM_DUMP_INCOMPLETE, ((const struct loom_dump_header *)self->data)->flags);
	ASSERT_EQ(0, replay(self, ""));
	EXPECT_NE(NULL, strstr(self->text, "\"absent\": 1,"));
	EXPECT_NE(NULL, strstr(self->text, "\"truncated\": 1,"));
}

/* A program in local memory is in the dump as well. */
TEST_F(replay, program_in_local_memory)
{
	struct drm_loom_query_info info;
	const struct loom_dump_section *s;
	uint32_t handle;
	uint8_t *cpu;

	ASSERT_EQ(0, card_info(self->c.fd, &info));
	if (!(info.caps & DRM_LOOM_CAP_LOCAL_MEMORY))
		SKIP(return, "the card has no local memory");
	cpu = buffer(self, MORE, 2 * PAGE, DRM_LOOM_BO_LOCAL, 0, &handle);
	ASSERT_NE(NULL, cpu);
	/* Over the end of a page. */
	pkt_copy(pkt_fill(cpu + PAGE - 64, DATA, 1, 1), DATA, NOWHERE, 1);
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, MORE + PAGE - 64,
			 sizeof(struct loom_pkt_fill) + sizeof(struct loom_pkt_copy)));
	ASSERT_TRUE(keep(self));
	s = section_find(self->data, LOOM_DUMP_COMMANDS, 0);
	ASSERT_NE(NULL, s);
	EXPECT_EQ(0, s->flags & LOOM_DUMP_INCOMPLETE);
	ASSERT_EQ(sizeof(struct loom_pkt_fill) + sizeof(struct loom_pkt_copy), s->size);
	EXPECT_EQ(0, memcmp(s + 1, cpu + PAGE - 64, s->size));
	ASSERT_EQ(0, replay(self, ""));
	EXPECT_TRUE(says(self, "\"index\": 1,"));
}

/* ---- one process hangs, seven work ---- */

struct crowd {
	_Atomic uint64_t rounds[WORKERS];
	_Atomic int stop;
};

/* Products of 8 by 8 matrices of small integers: exact. */
static int worker(struct crowd *crowd, int id)
{
	const uint32_t n = 8;
	struct client c;

	if (client_open(&c, 0, 0))
		return 1;
	for (uint64_t round = 0; !crowd->stop; round++) {
		float *a = (float *)c.data, *b = a + n * n, *out = b + n * n;
		uint32_t size = client_size(&c, pkt_gemm_f32(c.cpu, DATA + 8 * n * n, DATA, DATA + 4 * n * n,
							     n, n, n));

		for (uint32_t i = 0; i < n * n; i++) {
			a[i] = (float)((i + id + round) % 7);
			b[i] = (float)((i * 3 + round) % 5);
			out[i] = -1;
		}
		if (run(c.fd, c.queue, CLIENT_VA, size))
			return 2;
		for (uint32_t i = 0; i < n; i++) {
			for (uint32_t j = 0; j < n; j++) {
				float sum = 0;

				for (uint32_t k = 0; k < n; k++)
					sum += a[i * n + k] * b[k * n + j];
				if (out[i * n + j] != sum)
					return 3;
			}
		}
		if (client_result(&c, round + 1)->error)
			return 4;
		crowd->rounds[id] = round + 1;
	}
	client_close(&c);
	return 0;
}

/* Until every worker has done so many rounds more; false: one has ended. */
static bool more_rounds(struct crowd *crowd, const pid_t *pids, uint64_t rounds)
{
	int status;

	for (int i = 0; i < WORKERS; i++) {
		uint64_t until = crowd->rounds[i] + rounds;

		while (crowd->rounds[i] < until) {
			if (waitpid(pids[i], &status, WNOHANG))
				return false;
			usleep(1000);
		}
	}
	return true;
}

TEST_F(replay, hang_among_seven)
{
	void *p = pkt_hang(pkt_fill(self->c.cpu, DATA, 1, 16), false);
	uint32_t size = program(self, pkt_fence(p, DATA, 7));
	struct drm_loom_queue_state state;
	struct crowd *crowd;
	pid_t pids[WORKERS];
	int status;

	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no HANG packet");
	crowd = mmap(NULL, sizeof(*crowd), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, crowd);
	for (int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(worker(crowd, i));
	}
	EXPECT_TRUE(more_rounds(crowd, pids, 1));
	/* The first gets its error. */
	EXPECT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA, size));
	EXPECT_EQ(-ETIME, ended(self, 1)->error);
	EXPECT_EQ(0, queue_state(self->c.fd, self->c.queue, &state));
	EXPECT_EQ(DRM_LOOM_QUEUE_BANNED, state.status);
	/* The seven lose nothing: every job of theirs had the right result, and goes on. */
	EXPECT_TRUE(more_rounds(crowd, pids, 3));
	crowd->stop = 1;
	for (int i = 0; i < WORKERS; i++) {
		EXPECT_EQ(pids[i], waitpid(pids[i], &status, 0));
		EXPECT_EQ(0, status);
	}
	munmap(crowd, sizeof(*crowd));
	/* And the dump tells in which packet. */
	ASSERT_TRUE(keep(self));
	ASSERT_EQ(0, replay(self, ""));
	EXPECT_TRUE(says(self, "\"index\": 1,"));
	EXPECT_TRUE(says(self, "\"name\": \"HANG\""));
}

TEST_HARNESS_MAIN
