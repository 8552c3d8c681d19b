// SPDX-License-Identifier: MIT
/*
 * How clients share the card. What counts is what the card says it did for whom, by modelled
 * cycles, while all of them had work: not how long it took.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

#define JOBS		240u
#define QUEUES		16u
#define RESULTS		256u
#define RESULTS_SIZE	(QUEUES * RESULTS * sizeof(struct drm_loom_result))
#define DATA		(CLIENT_VA + CLIENT_DATA)
#define WORDS		((CLIENT_SIZE - CLIENT_DATA) / 8)

/* Somebody with one or more queues, whose results all stay. */
struct party {
	struct client c;
	uint32_t queues, jobs, queue[QUEUES];
	struct drm_loom_result *results;
	uint32_t gate;			/* a syncobj */
};

/* Everybody waits for a job that hangs until the gate is opened. */
FIXTURE(share) {
	struct drm_loom_query_info info;
	struct client gate;
	uint32_t gate_queue;
	int gate_file;
};

static int queue_add(struct party *p, uint32_t priority, uint32_t bo)
{
	struct drm_loom_queue_create args = {
		.vm_id = p->c.vm,
		.priority = priority,
		.results_handle = bo,
		.results_offset = p->queues * RESULTS * sizeof(*p->results),
		.results_count = RESULTS,
	};
	int ret = card_ioctl(p->c.fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &args);

	if (!ret)
		p->queue[p->queues++] = args.id;
	return ret;
}

/* Without a gate, -1, its jobs wait for nothing. */
static int party_open(struct party *p, int gate, uint32_t queues, const uint32_t *priorities)
{
	struct drm_syncobj_handle import = {
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE, .fd = gate,
	};
	uint32_t bo;
	int ret;

	memset(p, 0, sizeof(*p));
	ret = client_open(&p->c, 0, 0);
	/* The helper's own queue is not wanted: it would be the client's first. */
	if (!ret)
		ret = queue_destroy(p->c.fd, p->c.queue);
	if (!ret)
		ret = bo_create(p->c.fd, RESULTS_SIZE, 0, 0, &bo);
	if (ret)
		return ret;
	p->results = bo_map(p->c.fd, bo, RESULTS_SIZE);
	if (!p->results)
		return -ENOMEM;
	for (uint32_t i = 0; i < queues && !ret; i++)
		ret = queue_add(p, priorities ? priorities[i] : DRM_LOOM_PRIORITY_NORMAL, bo);
	if (ret || gate < 0)
		return ret;
	ret = sync_create(p->c.fd, &p->gate);
	import.handle = p->gate;
	return ret ? ret : card_ioctl(p->c.fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import);
}

static void party_close(struct party *p)
{
	munmap(p->results, RESULTS_SIZE);
	client_close(&p->c);
}

/* @count jobs of @packets packets each to queue @q, behind the gate if there is one. */
static int party_submit(struct party *p, uint32_t q, uint32_t count, uint32_t packets)
{
	struct drm_loom_sync sync = { .handle = p->gate };
	struct drm_loom_job jobs[JOBS];
	struct drm_loom_submit args = {
		.queue_id = p->queue[q],
		.jobs = { .stride = sizeof(*jobs), .count = count, .array = (uintptr_t)jobs },
	};
	void *at = p->c.cpu;

	for (uint32_t i = 0; i < packets; i++)
		at = pkt_fill(at, DATA, i, WORDS);
	memset(jobs, 0, sizeof(jobs));
	for (uint32_t i = 0; i < count; i++) {
		jobs[i].cmd_va = CLIENT_VA;
		jobs[i].cmd_size = client_size(&p->c, at);
	}
	jobs[0].syncs.stride = sizeof(sync);
	jobs[0].syncs.count = p->gate ? 1 : 0;
	jobs[0].syncs.array = (uintptr_t)&sync;
	p->jobs = count;
	return card_ioctl(p->c.fd, DRM_IOCTL_LOOM_SUBMIT, &args);
}

static const struct drm_loom_result *result(const struct party *p, uint32_t q, uint32_t number)
{
	return &p->results[q * RESULTS + number % RESULTS];
}

static int party_wait(struct party *p)
{
	struct drm_loom_queue_state state;
	int ret = 0;

	for (uint32_t q = 0; q < p->queues && !ret; q++) {
		ret = run(p->c.fd, p->queue[q], 0, 0);
		if (!ret)
			ret = queue_state(p->c.fd, p->queue[q], &state);
		if (!ret && state.status != DRM_LOOM_QUEUE_OK)
			ret = -EIO;
	}
	return ret;
}

static uint64_t queue_start(const struct party *p, uint32_t q)
{
	return result(p, q, 1)->t_start;
}

static uint64_t queue_end(const struct party *p, uint32_t q)
{
	return result(p, q, p->jobs)->t_end;
}

static uint64_t party_start(const struct party *p)
{
	uint64_t t = UINT64_MAX;

	for (uint32_t q = 0; q < p->queues; q++)
		if (queue_start(p, q) < t)
			t = queue_start(p, q);
	return t;
}

static uint64_t party_end(const struct party *p)
{
	uint64_t t = 0;

	for (uint32_t q = 0; q < p->queues; q++)
		if (queue_end(p, q) > t)
			t = queue_end(p, q);
	return t;
}

/* What the card did for somebody between two moments. */
static double party_cycles(const struct party *p, uint64_t from, uint64_t to)
{
	double sum = 0;

	for (uint32_t q = 0; q < p->queues; q++) {
		for (uint32_t i = 1; i <= p->jobs; i++) {
			const struct drm_loom_result *r = result(p, q, i);

			if (r->t_start >= from && r->t_end <= to)
				sum += r->cycles;
		}
	}
	return sum;
}

/* What it did for each while all had work. */
static void shares(const struct party *p, uint32_t count, double *cycles)
{
	uint64_t from = 0, to = UINT64_MAX;

	for (uint32_t i = 0; i < count; i++) {
		if (party_start(&p[i]) > from)
			from = party_start(&p[i]);
		if (party_end(&p[i]) < to)
			to = party_end(&p[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		cycles[i] = party_cycles(&p[i], from, to);
}

/* Which part of somebody's work is done between two moments. */
static double party_part(const struct party *p, uint64_t from, uint64_t to)
{
	return party_cycles(p, from, to) / party_cycles(p, 0, UINT64_MAX);
}

/* It is at work. */
static void party_begun(const struct party *p)
{
	while (!__atomic_load_n(&result(p, 0, 1)->number, __ATOMIC_ACQUIRE))
		;
}

FIXTURE_SETUP(share)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
	struct drm_loom_queue_create args = { .priority = DRM_LOOM_PRIORITY_LOW };
	uint32_t size;

	ASSERT_EQ(0, client_open(&self->gate, 0, 0));
	ASSERT_EQ(0, card_info(self->gate.fd, &self->info));
	ASSERT_TRUE(card_debug(self->gate.fd));
	args.vm_id = self->gate.vm;
	ASSERT_EQ(0, card_ioctl(self->gate.fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &args));
	self->gate_queue = args.id;
	size = client_size(&self->gate, pkt_hang(self->gate.cpu, true));
	ASSERT_EQ(0, sync_create(self->gate.fd, &sync.handle));
	ASSERT_EQ(0, submit(self->gate.fd, args.id, CLIENT_VA, size, &sync, 1, NULL));
	self->gate_file = sync_export(self->gate.fd, sync.handle);
	ASSERT_GE(self->gate_file, 0);
}

FIXTURE_TEARDOWN(share)
{
	close(self->gate_file);
	client_close(&self->gate);
}

#define OPEN_GATE()	ASSERT_EQ(0, queue_destroy(self->gate.fd, self->gate_queue))

#define EXPECT_EQUAL(a, b) do {						\
	EXPECT_TRUE((a) > 0.8 * (b) && (a) < 1.25 * (b))		\
		TH_LOG("%.0f and %.0f cycles", (a), (b));		\
} while (0)

/* One has short jobs, the other long ones: the same share of the card. */
TEST_F(share, two_alike)
{
	struct party p[2];
	double cycles[2];

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, party_open(&p[i], self->gate_file, 1, NULL));
	ASSERT_EQ(0, party_submit(&p[0], 0, JOBS, 2));
	ASSERT_EQ(0, party_submit(&p[1], 0, JOBS / 8, 16));
	OPEN_GATE();
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, party_wait(&p[i]));
	shares(p, 2, cycles);
	EXPECT_EQUAL(cycles[0], cycles[1]);
	for (int i = 0; i < 2; i++)
		party_close(&p[i]);
}

/*
 * Many queues do not make a large share. The card has so much to do that all of them are on it before
 * one has ended, however slow the machine is that hands them out.
 */
TEST_F(share, greedy)
{
	struct party p[2];
	double cycles[2], part;

	ASSERT_EQ(0, party_open(&p[0], self->gate_file, QUEUES, NULL));
	ASSERT_EQ(0, party_open(&p[1], self->gate_file, 1, NULL));
	for (uint32_t q = 0; q < QUEUES; q++)
		ASSERT_EQ(0, party_submit(&p[0], q, JOBS, 16));
	ASSERT_EQ(0, party_submit(&p[1], 0, JOBS, 16));
	OPEN_GATE();
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, party_wait(&p[i]));
	shares(p, 2, cycles);
	EXPECT_EQUAL(cycles[0], cycles[1]);
	/* They do not stand before the other's either: that would wait for a third of them or more. */
	part = party_part(&p[0], 0, party_start(&p[1]));
	EXPECT_LT(part, 0.2) TH_LOG("it waited for %.2f of them", part);
	/* And it is the greedy one that is left with work. */
	EXPECT_LT(party_end(&p[1]), party_end(&p[0]));
	for (int i = 0; i < 2; i++)
		party_close(&p[i]);
}

/* Nor does it help to be there first. */
TEST_F(share, greedy_and_early)
{
	struct party p[3];
	double cycles[3];

	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, party_open(&p[i], self->gate_file, i ? 1 : QUEUES, NULL));
	for (uint32_t q = 0; q < QUEUES; q++)
		ASSERT_EQ(0, party_submit(&p[0], q, JOBS, 8));
	OPEN_GATE();
	party_begun(&p[0]);
	for (int i = 1; i < 3; i++)
		ASSERT_EQ(0, party_submit(&p[i], 0, JOBS, 4));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, party_wait(&p[i]));
	shares(p, 3, cycles);
	EXPECT_EQUAL(cycles[0], cycles[1]);
	EXPECT_EQUAL(cycles[0], cycles[2]);
	for (int i = 0; i < 3; i++)
		party_close(&p[i]);
}

/* While one priority has work a lower one gets nothing; then it gets all. */
static void strict(struct __test_metadata *_metadata, struct client *gate, uint32_t gate_queue,
		   int gate_file, uint32_t upper, uint32_t lower)
{
	struct party p[2];
	uint64_t from, to;

	ASSERT_EQ(0, party_open(&p[0], gate_file, 1, &upper));
	ASSERT_EQ(0, party_open(&p[1], gate_file, 1, &lower));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, party_submit(&p[i], 0, JOBS, 4));
	ASSERT_EQ(0, queue_destroy(gate->fd, gate_queue));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, party_wait(&p[i]));
	from = party_start(&p[0]);
	to = party_end(&p[0]);
	/* A packet that is in the engines when the other comes is not taken out of them. */
	EXPECT_LT(party_cycles(&p[1], from, to), 0.05 * party_cycles(&p[0], from, to));
	EXPECT_LT(to, party_end(&p[1]));
	for (int i = 0; i < 2; i++)
		party_close(&p[i]);
}

TEST_F(share, high_before_normal)
{
	strict(_metadata, &self->gate, self->gate_queue, self->gate_file,
	       DRM_LOOM_PRIORITY_HIGH, DRM_LOOM_PRIORITY_NORMAL);
}

TEST_F(share, normal_before_low)
{
	strict(_metadata, &self->gate, self->gate_queue, self->gate_file,
	       DRM_LOOM_PRIORITY_NORMAL, DRM_LOOM_PRIORITY_LOW);
}

#define RINGS		256u
#define FEW		32u

/* Descriptors that each ring has been given so far. */
static int written(int fd, uint64_t *rings)
{
	char *text = debug_read(fd, "rings"), *line = text;
	unsigned long long of_ring;
	uint32_t id;

	memset(rings, 0, RINGS * sizeof(*rings));
	for (; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%u %*u %llu", &id, &of_ring) == 2 && id < RINGS)
			rings[id] = of_ring;
	}
	free(text);
	return text ? 0 : -EIO;
}

/* Waits until one ring was given @count descriptors; which one, or -EIO. */
static int written_to_one(int fd, const uint64_t *before, uint64_t count)
{
	uint64_t rings[RINGS];

	while (!written(fd, rings))
		for (uint32_t i = 0; i < RINGS; i++)
			if (rings[i] - before[i] >= count)
				return i;
	return -EIO;
}

/* Waits until all others together were. */
static int written_to_others(int fd, const uint64_t *before, uint32_t one, uint64_t count)
{
	uint64_t rings[RINGS], sum;
	int err;

	do {
		err = written(fd, rings);
		sum = 0;
		for (uint32_t i = 0; i < RINGS; i++)
			sum += i == one ? 0 : rings[i] - before[i];
	} while (!err && sum < count);
	return err;
}

/* Jobs of somebody's that started before a moment. */
static uint32_t party_started(const struct party *p, uint64_t when)
{
	uint32_t count = 0;

	for (uint32_t q = 0; q < p->queues; q++)
		for (uint32_t i = 1; i <= p->jobs; i++)
			count += result(p, q, i)->t_start < when;
	return count;
}
/*
 * Jobs of low priority that are on the card already, on all rings that they can get, are in nobody's
 * way: neither do others wait behind them, nor do they go on meanwhile. The gate keeps the card busy
 * until all is on it, so that only the card decides what it does then.
 */
TEST_F(share, low_is_in_nobodys_way)
{
	uint32_t low[QUEUES], before_it;
	uint64_t rings[RINGS];
	struct party p[2], background;
	int ring;

	for (uint32_t q = 0; q < QUEUES; q++)
		low[q] = DRM_LOOM_PRIORITY_LOW;
	ASSERT_EQ(0, written(self->gate.fd, rings));
	ASSERT_EQ(0, party_open(&background, -1, QUEUES, low));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, party_open(&p[i], -1, 1, NULL));
	for (uint32_t q = 0; q < QUEUES; q++)
		ASSERT_EQ(0, party_submit(&background, q, JOBS, 4));
	ring = written_to_one(self->gate.fd, rings, 2 * QUEUES);
	ASSERT_GE(ring, 0);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, party_submit(&p[i], 0, FEW, 4));
	ASSERT_EQ(0, written_to_others(self->gate.fd, rings, ring, 2 * FEW));
	OPEN_GATE();
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, party_wait(&p[i]));
	ASSERT_EQ(0, party_wait(&background));
	for (int i = 0; i < 2; i++) {
		/* A packet that is in the engines is not taken out of them. */
		before_it = party_started(&background, party_end(&p[i]));
		EXPECT_LE(before_it, 1) TH_LOG("%u of %u went before", before_it, QUEUES * JOBS);
		party_close(&p[i]);
	}
	party_close(&background);
}

TEST_HARNESS_MAIN
