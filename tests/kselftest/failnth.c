// SPDX-License-Identifier: MIT
/*
 * Every call, once with each of its allocations failing, and once with each access to the caller's
 * memory failing: the right error, nothing is left over, and the next call works. Needs root and a
 * kernel with fault injection, see tests/debug.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define PAGE	4096ull
#define LARGE	(2ull << 20)
#define VA	0x200000000ull
#define DATA	(CLIENT_VA + CLIENT_DATA)
#define MOST	2000	/* no call gets that far */

/* A client, and what a call has been prepared with and has made. */
struct scene {
	struct client c;
	uint32_t handle, id, sync[3];
	uint64_t mapped, submitted;
	int fd, next;		/* @next: the descriptor that comes next */
	void *map;
};

/* ---- calls -------------------------------------------------------------------------- */

static int none(struct scene *s)
{
	(void)s;
	return 0;
}

static int do_open(struct scene *s)
{
	s->fd = card_open();
	return s->fd < 0 ? s->fd : 0;
}

static int query(struct scene *s, uint32_t type)
{
	uint8_t answer[512];
	struct drm_loom_dev_query args = {
		.type = type, .size = sizeof(answer), .pointer = (uintptr_t)answer,
	};

	return card_ioctl(s->c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &args);
}

static int do_query_info(struct scene *s)
{
	return query(s, DRM_LOOM_QUERY_INFO);
}

static int do_query_timestamp(struct scene *s)
{
	return query(s, DRM_LOOM_QUERY_TIMESTAMP);
}

static int do_query_memory(struct scene *s)
{
	return query(s, DRM_LOOM_QUERY_MEMORY);
}

static int do_query_counters(struct scene *s)
{
	return query(s, DRM_LOOM_QUERY_COUNTERS);
}

static int do_bo_create(struct scene *s)
{
	return bo_create(s->c.fd, 4 * PAGE, 0, 0, &s->handle);
}

static int do_bo_create_private(struct scene *s)
{
	return bo_create(s->c.fd, 4 * PAGE, 0, s->c.vm, &s->handle);
}

static int do_bo_create_local(struct scene *s)
{
	return bo_create(s->c.fd, 4 * PAGE, DRM_LOOM_BO_LOCAL, 0, &s->handle);
}

static int do_mmap_offset(struct scene *s)
{
	struct drm_loom_bo_mmap_offset args = { .handle = s->c.bo };

	return card_ioctl(s->c.fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args);
}

static int do_mmap(struct scene *s)
{
	s->map = bo_map(s->c.fd, s->handle, 4 * PAGE);
	return s->map ? 0 : -errno;
}

static int do_bo_info(struct scene *s)
{
	struct drm_loom_bo_info args = { .handle = s->c.bo };

	return card_ioctl(s->c.fd, DRM_IOCTL_LOOM_BO_INFO, &args);
}

static int do_bo_label(struct scene *s)
{
	struct drm_loom_bo_label args = { .handle = s->c.bo, .label = (uintptr_t)"label" };

	return card_ioctl(s->c.fd, DRM_IOCTL_LOOM_BO_LABEL, &args);
}

static int do_gem_close(struct scene *s)
{
	return bo_close(s->c.fd, s->handle);
}

static int do_vm_create(struct scene *s)
{
	return vm_create(s->c.fd, &s->id);
}

static int do_vm_destroy(struct scene *s)
{
	struct drm_loom_vm_destroy args = { .id = s->id };

	return card_ioctl(s->c.fd, DRM_IOCTL_LOOM_VM_DESTROY, &args);
}

static int do_vm_state(struct scene *s)
{
	struct drm_loom_vm_state args = { .id = s->c.vm };

	return card_ioctl(s->c.fd, DRM_IOCTL_LOOM_VM_STATE, &args);
}

static int do_bind(struct scene *s)
{
	return vm_bind(s->c.fd, s->c.vm, DRM_LOOM_BIND_MAP, s->handle, 0, VA, 4 * PAGE);
}

static int prepare_hole(struct scene *s)
{
	int ret = bo_create(s->c.fd, 2 * LARGE, DRM_LOOM_BO_LOCAL, 0, &s->handle);

	return ret ? ret : vm_bind(s->c.fd, s->c.vm, DRM_LOOM_BIND_MAP, s->handle, 0, VA,
				   2 * LARGE);
}

/* Cuts a large page and its mapping in two. */
static int do_unbind_hole(struct scene *s)
{
	return vm_bind(s->c.fd, s->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA + LARGE / 2, 3 * PAGE);
}

/* The same with something else in the hole. */
static int do_bind_hole(struct scene *s)
{
	return vm_bind(s->c.fd, s->c.vm, DRM_LOOM_BIND_MAP, s->c.bo, 0, VA + LARGE / 2, 3 * PAGE);
}

/* Far from each other: each needs tables of its own. */
static int do_bind_many(struct scene *s)
{
	struct drm_loom_bind ops[4];
	struct drm_loom_vm_bind args = {
		.vm_id = s->c.vm,
		.ops = { .stride = sizeof(*ops), .count = 4, .array = (uintptr_t)ops },
	};
	struct drm_loom_vm_state state = { .id = s->c.vm };
	int ret;

	for (uint64_t i = 0; i < 4; i++)
		ops[i] = (struct drm_loom_bind){
			.handle = s->handle, .va = (i + 1) << 39, .size = 4 * PAGE,
		};
	ret = card_ioctl(s->c.fd, DRM_IOCTL_LOOM_VM_BIND, &args);
	if (ret == -ENOMEM) {
		/* Those before the one that failed are there; here they are taken back. */
		if (args.failed > 3 || card_ioctl(s->c.fd, DRM_IOCTL_LOOM_VM_STATE, &state) ||
		    state.mapped != CLIENT_SIZE + args.failed * 4 * PAGE)
			return -EILSEQ;
		for (uint64_t i = 0; i < args.failed; i++)
			if (vm_bind(s->c.fd, s->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, ops[i].va,
				    4 * PAGE))
				return -EILSEQ;
	}
	return ret;
}

static int do_queue_create(struct scene *s)
{
	return queue_create(s->c.fd, s->c.vm, 0, 0, s->c.bo_results, CLIENT_SLOTS, &s->id);
}

static int prepare_queue(struct scene *s)
{
	return client_queue(&s->c, &s->id);
}

static int do_queue_destroy(struct scene *s)
{
	return queue_destroy(s->c.fd, s->id);
}

static int do_queue_state(struct scene *s)
{
	struct drm_loom_queue_state state;

	return queue_state(s->c.fd, s->c.queue, &state);
}

static int do_queue_poll(struct scene *s)
{
	struct drm_loom_queue_poll args = { .id = s->c.queue, .poll_ns = 1000 };

	return card_ioctl(s->c.fd, DRM_IOCTL_LOOM_QUEUE_POLL, &args);
}

static int do_submit(struct scene *s)
{
	return submit(s->c.fd, s->c.queue, CLIENT_VA, sizeof(struct loom_pkt_fence), NULL, 0, NULL);
}

/* Something of another queue to wait for, which does not happen before the end. */
static int prepare_submit_syncs(struct scene *s)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
	uint32_t size = client_size(&s->c, pkt_hang(s->c.cpu + 0x1000, true)) - 0x1000;
	int ret = prepare_queue(s);

	for (int i = 0; i < 3 && !ret; i++)
		ret = sync_create(s->c.fd, &s->sync[i]);
	sync.handle = s->sync[0];
	return ret ? ret : submit(s->c.fd, s->id, CLIENT_VA + 0x1000, size, &sync, 1, NULL);
}

/* Three groups: one waits, one signals both kinds of syncobjs, one does nothing of that. */
static int do_submit_syncs(struct scene *s)
{
	const struct drm_loom_sync wait = { .handle = s->sync[0] }, signal[2] = {
		{ .flags = DRM_LOOM_SYNC_SIGNAL, .handle = s->sync[1] },
		{ .flags = DRM_LOOM_SYNC_SIGNAL | DRM_LOOM_SYNC_TIMELINE, .handle = s->sync[2],
		  .point = 5 },
	};
	const struct drm_loom_job jobs[4] = {
		{ .cmd_va = CLIENT_VA, .cmd_size = sizeof(struct loom_pkt_fence) },
		{ .syncs = { sizeof(wait), 1, (uintptr_t)&wait } },
		{ .syncs = { sizeof(*signal), 2, (uintptr_t)signal } },
		{ .cmd_va = CLIENT_VA, .cmd_size = sizeof(struct loom_pkt_fence) },
	};
	struct drm_loom_submit args = {
		.queue_id = s->c.queue,
		.jobs = { sizeof(*jobs), 4, (uintptr_t)jobs },
	};

	return card_ioctl(s->c.fd, DRM_IOCTL_LOOM_SUBMIT, &args);
}

static int prepare_export(struct scene *s)
{
	s->next = dup(s->c.fd);
	close(s->next);
	return do_bo_create(s);
}

static int do_export(struct scene *s)
{
	struct drm_prime_handle args = { .handle = s->handle, .flags = O_CLOEXEC | O_RDWR };
	int ret = card_ioctl(s->c.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	if (!ret)
		s->fd = args.fd;
	else if (ret == -EFAULT)
		close(s->next);
	return ret;
}

/* Into another file of the card. */
static int prepare_import(struct scene *s)
{
	struct drm_prime_handle args = { .flags = O_CLOEXEC | O_RDWR };
	int other = card_open(), ret;

	if (other < 0)
		return other;
	ret = bo_create(other, 4 * PAGE, 0, 0, &args.handle);
	if (!ret)
		ret = card_ioctl(other, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);
	if (!ret)
		s->fd = args.fd;
	close(other);
	return ret;
}

static int do_import(struct scene *s)
{
	struct drm_prime_handle args = { .fd = s->fd };

	return card_ioctl(s->c.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);
}

/* Who is not told the answer, because it cannot be written, has got it all the same. */
static const struct call {
	const char *name;
	int (*prepare)(struct scene *s);
	int (*call)(struct scene *s);
} calls[] = {
	{ "open", none, do_open },
	{ "DEV_QUERY INFO", none, do_query_info },
	{ "DEV_QUERY TIMESTAMP", none, do_query_timestamp },
	{ "DEV_QUERY MEMORY", none, do_query_memory },
	{ "DEV_QUERY COUNTERS", none, do_query_counters },
	{ "BO_CREATE", none, do_bo_create },
	{ "BO_CREATE, private", none, do_bo_create_private },
	{ "BO_CREATE, local", none, do_bo_create_local },
	{ "BO_MMAP_OFFSET", none, do_mmap_offset },
	{ "mmap", do_bo_create, do_mmap },
	{ "mmap, local", do_bo_create_local, do_mmap },
	{ "BO_INFO", none, do_bo_info },
	{ "BO_LABEL", none, do_bo_label },
	{ "GEM_CLOSE", do_bo_create, do_gem_close },
	{ "GEM_CLOSE, local", do_bo_create_local, do_gem_close },
	{ "VM_CREATE", none, do_vm_create },
	{ "VM_DESTROY", do_vm_create, do_vm_destroy },
	{ "VM_BIND", do_bo_create, do_bind },
	{ "VM_BIND, local", do_bo_create_local, do_bind },
	{ "VM_BIND, unmap in the middle", prepare_hole, do_unbind_hole },
	{ "VM_BIND, map in the middle", prepare_hole, do_bind_hole },
	{ "VM_BIND, many", do_bo_create, do_bind_many },
	{ "VM_STATE", none, do_vm_state },
	{ "QUEUE_CREATE", none, do_queue_create },
	{ "QUEUE_DESTROY", prepare_queue, do_queue_destroy },
	{ "QUEUE_STATE", none, do_queue_state },
	{ "QUEUE_POLL", none, do_queue_poll },
	{ "SUBMIT", none, do_submit },
	{ "SUBMIT, syncs", prepare_submit_syncs, do_submit_syncs },
	{ "PRIME_HANDLE_TO_FD", prepare_export, do_export },
	{ "PRIME_FD_TO_HANDLE", prepare_import, do_import },
};

#define CALLS	(sizeof(calls) / sizeof(*calls))

/* ---- failures ----------------------------------------------------------------------- */

#define DEBUGFS	"/sys/kernel/debug/"

static int fail_file;

static int put(const char *file, const char *text)
{
	return root_sysfs(file, text);
}

/* The n-th thing that may fail in this thread does, 0: none. */
static int fail_at(int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", n);

	return pwrite(fail_file, text, len, 0) == len ? 0 : -errno;
}

/* Whether it has. */
static bool has_failed(void)
{
	char text[16] = "";

	return pread(fail_file, text, sizeof(text) - 1, 0) > 0 && !atoi(text);
}

/* What a file has, as far as it can be seen from outside. */
struct state {
	struct drm_loom_query_memory memory;
	uint64_t mapped, submitted;
	uint32_t mappings;
	int bos, vms, queues;
};

static int count(const char *text, const char *word)
{
	int n = 0;

	while (text && (text = strstr(text, word)))
		text += strlen(word), n++;
	return n;
}

static int state_take(struct client *c, struct state *state)
{
	struct drm_loom_dev_query query = {
		.type = DRM_LOOM_QUERY_MEMORY, .size = sizeof(state->memory),
		.pointer = (uintptr_t)&state->memory,
	};
	struct drm_loom_vm_state vm = { .id = c->vm };
	struct drm_loom_queue_state queue;
	char path[64], line[128], *text = debug_read(c->fd, "vms");
	FILE *f;

	memset(state, 0, sizeof(*state));
	state->vms = count(text, "faults ");
	free(text);
	state->bos = root_bos();
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", c->fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "loom-queues: %d", &state->queues);
	if (f)
		fclose(f);
	if (!text || !f || card_ioctl(c->fd, DRM_IOCTL_LOOM_DEV_QUERY, &query) ||
	    card_ioctl(c->fd, DRM_IOCTL_LOOM_VM_STATE, &vm) || queue_state(c->fd, c->queue, &queue))
		return -EIO;
	state->mapped = vm.mapped;
	state->mappings = vm.mappings;
	state->submitted = queue.submitted;
	return 0;
}

/* What was taken back may be gone a moment later. */
static bool state_becomes(struct client *c, const struct state *wanted, struct state *got)
{
	uint64_t end = now() + PATIENCE;

	do {
		if (state_take(c, got))
			return false;
		if (!memcmp(got, wanted, sizeof(*got)))
			return true;
		usleep(1000);
	} while (now() < end);
	return false;
}

static void scene_close(struct scene *s)
{
	if (s->map)
		munmap(s->map, 4 * PAGE);
	if (s->fd >= 0)
		close(s->fd);
	client_close(&s->c);
}

static int scene_open(struct scene *s, const struct call *call)
{
	int ret;

	memset(s, 0, sizeof(*s));
	s->fd = -1;
	ret = client_open(&s->c, 60000, 60000);
	if (ret)
		return ret;
	pkt_fence(s->c.cpu, DATA, 7);
	return call->prepare(s);
}

FIXTURE(failnth) {
	struct client c;
};

FIXTURE_VARIANT(failnth)
{
	bool memory;	/* its allocation fails; else the access to the caller's */
};

FIXTURE_VARIANT_ADD(failnth, allocations) { .memory = true };
FIXTURE_VARIANT_ADD(failnth, accesses) { .memory = false };

static int attribute_set(const char *name, const char *what, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), DEBUGFS "%s/%s", name, what);
	return put(path, value);
}

/* Where a function of the kernel begins and where the next one does, as text. */
static int function(const char *name, char *begin, char *end)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], address[32], symbol[256], type;
	unsigned long long at = 0, next = ~0ull, value;

	for (int pass = 0; f && pass < 2; pass++, rewind(f))
		while (fgets(line, sizeof(line), f)) {
			if (sscanf(line, "%31s %c %255s", address, &type, symbol) != 3)
				continue;
			value = strtoull(address, NULL, 16);
			if (!pass && !strcmp(symbol, name))
				at = value;
			else if (pass && value > at && value < next)
				next = value;
		}
	if (f)
		fclose(f);
	sprintf(begin, "0x%llx", at);
	sprintf(end, "0x%llx", next);
	return at ? 0 : -ENOENT;
}

/*
 * An attribute whose callers must come from nowhere never fails. Nor do allocations of the kernel's
 * buddy allocator when it cuts a block: it gives back what it has not taken then, and is broken
 * from there on (as of Linux 6.12.117).
 */
static void attribute(struct __test_metadata *_metadata, const char *name, bool on)
{
	char begin[32], end[32];

	ASSERT_EQ(0, function("split_block", begin, end));
	ASSERT_EQ(0, attribute_set(name, "verbose", "0"));
	ASSERT_EQ(0, attribute_set(name, "stacktrace-depth", "32"));
	ASSERT_EQ(0, attribute_set(name, "require-start", "0"));
	ASSERT_EQ(0, attribute_set(name, "require-end", on ? "0xffffffffffffffff" : "0"));
	ASSERT_EQ(0, attribute_set(name, "reject-start", begin));
	ASSERT_EQ(0, attribute_set(name, "reject-end", end));
}

FIXTURE_SETUP(failnth)
{
	fail_file = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	ASSERT_GE(fail_file, 0) TH_LOG("this kernel has no fault injection");
	attribute(_metadata, "failslab", variant->memory);
	attribute(_metadata, "fail_page_alloc", variant->memory);
	attribute(_metadata, "fail_usercopy", !variant->memory);
	/* Otherwise only what must not sleep fails. */
	ASSERT_EQ(0, put(DEBUGFS "failslab/ignore-gfp-wait", "N"));
	ASSERT_EQ(0, put(DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N"));
	ASSERT_EQ(0, put(DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N"));
	ASSERT_EQ(0, put(DEBUGFS "fail_page_alloc/min-order", "0"));
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
}

FIXTURE_TEARDOWN(failnth)
{
	client_close(&self->c);
	close(fail_file);
}

/* Returns false when nothing was left to fail. */
static bool one(struct __test_metadata *_metadata, const struct call *call, bool memory, int n,
		struct client *c, const struct state *none)
{
	struct state before, after;
	struct scene s;
	bool failed;
	int ret;

	/* Of the scene before this one, which may have left a job on the card. */
	EXPECT_TRUE(state_becomes(c, none, &after)) TH_LOG("%s, before %d", call->name, n);
	EXPECT_EQ(0, scene_open(&s, call)) TH_LOG("%s: preparations", call->name);
	EXPECT_EQ(0, state_take(&s.c, &before));
	ret = fail_at(n);
	if (!ret)
		ret = call->call(&s);
	failed = has_failed();
	fail_at(0);
	if (!failed) {
		EXPECT_EQ(0, ret) TH_LOG("%s: with nothing failing", call->name);
	} else if (ret) {
		EXPECT_EQ(memory ? -ENOMEM : -EFAULT, ret) TH_LOG("%s, %d", call->name, n);
	}
	if (ret && memory) {
		EXPECT_TRUE(state_becomes(&s.c, &before, &after)) {
			TH_LOG("%s, %d: bytes %lld local %lld mapped %lld in %d, jobs %lld, BOs %d, VMs %d, queues %d too many",
			       call->name, n,
			       (long long)(after.memory.system_used - before.memory.system_used),
			       (long long)(after.memory.local_used - before.memory.local_used),
			       (long long)(after.mapped - before.mapped),
			       after.mappings - before.mappings,
			       (long long)(after.submitted - before.submitted),
			       after.bos - before.bos, after.vms - before.vms,
			       after.queues - before.queues);
		}
		EXPECT_EQ(0, call->call(&s)) TH_LOG("%s, %d: the call after it", call->name, n);
	}
	scene_close(&s);
	return failed;
}

TEST_F_TIMEOUT(failnth, every_call, 1800)
{
	struct state before, after;

	ASSERT_EQ(0, state_take(&self->c, &before));
	for (size_t i = 0; i < CALLS; i++) {
		int n = 1;

		while (one(_metadata, &calls[i], variant->memory, n, &self->c, &before) && n < MOST)
			n++;
		EXPECT_LT(n, MOST) TH_LOG("%s has no end", calls[i].name);
		printf("# %s: %d\n", calls[i].name, n - 1);
		fflush(stdout);
		/* Nothing stays of the files that were closed, and the card works. */
		EXPECT_TRUE(state_becomes(&self->c, &before, &after)) TH_LOG("after %s", calls[i].name);
		ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
				 client_size(&self->c, pkt_fence(self->c.cpu, DATA, i + 1))));
		EXPECT_EQ(i + 1, self->c.data[0]);
		ASSERT_EQ(0, state_take(&self->c, &before));
	}
}

TEST_HARNESS_MAIN
