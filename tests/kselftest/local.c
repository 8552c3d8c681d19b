// SPDX-License-Identifier: MIT
/* Buffers in the card's local memory. The machine has two cards. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

#define PAGE	4096ull
#define MIB	(1ull << 20)
#define VA	0x200000000ull
#define SECRET	0x5ec1e75ec1e75ec1ull
#define PIECE	(64ull << 10)

FIXTURE(local) {
	struct client c;
	struct drm_loom_query_info info;
};

FIXTURE_SETUP(local)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	ASSERT_EQ(0, card_info(self->c.fd, &self->info));
	ASSERT_TRUE(self->info.caps & DRM_LOOM_CAP_LOCAL_MEMORY);
}

FIXTURE_TEARDOWN(local)
{
	client_close(&self->c);
}

static int memory(int fd, struct drm_loom_query_memory *m)
{
	struct drm_loom_dev_query query = {
		.type = DRM_LOOM_QUERY_MEMORY, .size = sizeof(*m), .pointer = (uintptr_t)m,
	};

	return card_ioctl(fd, DRM_IOCTL_LOOM_DEV_QUERY, &query);
}

static int local_create(int fd, uint64_t size, uint32_t *handle)
{
	return bo_create(fd, size, DRM_LOOM_BO_LOCAL, 0, handle);
}

/* The card copies between the client's BO and va. */
static int card_copy(struct client *c, uint64_t dst, uint64_t src, uint32_t words)
{
	void *p = pkt_copy(c->cpu, dst, src, words);

	return run(c->fd, c->queue, CLIENT_VA, client_size(c, p));
}

TEST_F(local, starts_as_zeros_for_the_cpu)
{
	uint64_t *p, bad = 0;
	uint32_t bo;

	ASSERT_EQ(0, local_create(self->c.fd, 4 * MIB, &bo));
	p = bo_map(self->c.fd, bo, 4 * MIB);
	ASSERT_NE(NULL, p);
	for (size_t i = 0; i < 4 * MIB / 8; i++)
		bad += !!p[i];
	EXPECT_EQ(0, bad);
	munmap(p, 4 * MIB);
}

TEST_F(local, cpu_and_card_see_the_same)
{
	uint64_t *p;
	uint32_t bo;

	ASSERT_EQ(0, local_create(self->c.fd, MIB, &bo));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, bo, 0, VA, MIB));
	p = bo_map(self->c.fd, bo, MIB);
	ASSERT_NE(NULL, p);
	for (int i = 0; i < 512; i++)
		p[i] = i * 0x0101010101010101ull;
	ASSERT_EQ(0, card_copy(&self->c, CLIENT_VA + CLIENT_DATA, VA, 512));
	for (int i = 0; i < 512; i++)
		ASSERT_EQ(i * 0x0101010101010101ull, self->c.data[i]);
	for (int i = 0; i < 512; i++)
		self->c.data[i] = ~i;
	ASSERT_EQ(0, card_copy(&self->c, VA + PAGE, CLIENT_VA + CLIENT_DATA, 512));
	for (int i = 0; i < 512; i++)
		ASSERT_EQ(~i, (int)p[512 + i]);
	munmap(p, MIB);
}

/* What is left of a mapping shows what it showed. */
TEST_F(local, mapping_that_is_cut)
{
	uint64_t *p, *q;
	uint32_t bo;

	ASSERT_EQ(0, local_create(self->c.fd, 4 * PAGE, &bo));
	p = bo_map(self->c.fd, bo, 4 * PAGE);
	q = bo_map(self->c.fd, bo, 4 * PAGE);
	ASSERT_NE(NULL, p);
	ASSERT_NE(NULL, q);
	for (int i = 0; i < 4; i++)
		p[i * PAGE / 8] = 100 + i;
	ASSERT_EQ(0, munmap(q, 2 * PAGE));
	EXPECT_EQ(103, q[3 * PAGE / 8]);
	EXPECT_EQ(102, q[2 * PAGE / 8]);
	munmap(q + 2 * PAGE / 8, 2 * PAGE);
	munmap(p, 4 * PAGE);
}

TEST_F(local, all_of_it_then_no_more_then_whole_again)
{
	struct drm_loom_query_memory before, m;
	uint32_t bo, more;

	ASSERT_EQ(0, memory(self->c.fd, &before));
	EXPECT_EQ(self->info.local_size, before.local_free + before.local_used);
	ASSERT_EQ(0, before.local_used);
	for (int round = 0; round < 3; round++) {
		ASSERT_EQ(0, local_create(self->c.fd, self->info.local_size, &bo));
		EXPECT_EQ(-ENOSPC, local_create(self->c.fd, 1, &more));
		ASSERT_EQ(0, memory(self->c.fd, &m));
		EXPECT_EQ(0, m.local_free);
		EXPECT_EQ(self->info.local_size, m.local_used);
		/* At once, in the middle of its clear. */
		ASSERT_EQ(0, bo_close(self->c.fd, bo));
	}
	EXPECT_EQ(-ENOSPC, local_create(self->c.fd, self->info.local_size + 1, &bo));
}


TEST_F(local, edges)
{
	uint32_t bo, handle;
	struct drm_loom_bo_info i;
	struct drm_loom_bo_mmap_offset offset = { 0 };

	EXPECT_EQ(-EINVAL, local_create(self->c.fd, 0, &bo));
	EXPECT_EQ(-ENOSPC, local_create(self->c.fd, 1ull << 38, &bo));
	EXPECT_EQ(-EINVAL, local_create(self->c.fd, (1ull << 38) + 1, &bo));
	ASSERT_EQ(0, local_create(self->c.fd, 1, &bo));
	i = (struct drm_loom_bo_info){ .handle = bo };
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_BO_INFO, &i));
	EXPECT_EQ(PAGE, i.size);
	EXPECT_EQ(DRM_LOOM_BO_LOCAL, i.flags);
	EXPECT_EQ(0, i.state);
	ASSERT_EQ(0, bo_create(self->c.fd, PAGE, DRM_LOOM_BO_LOCAL | DRM_LOOM_BO_NO_MMAP, 0,
			       &offset.handle));
	EXPECT_EQ(-EPERM, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &offset));
	ASSERT_EQ(0, bo_create(self->c.fd, PAGE, DRM_LOOM_BO_LOCAL, self->c.vm, &handle));
	EXPECT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, handle, 0, VA, PAGE));
}

static bool all_zero(const uint64_t *p, uint64_t size)
{
	uint64_t any = 0;

	for (uint64_t i = 0; i < size / 8; i++)
		any |= p[i];
	return !any;
}

/* Fills a range of up to all local memory. */
static int card_fill(struct client *c, uint64_t va, uint64_t value, uint64_t size)
{
	void *p = c->cpu;

	for (uint64_t at = 0; at < size; at += 32 * MIB)
		p = pkt_fill(p, va + at, value, (size - at < 32 * MIB ? size - at : 32 * MIB) / 8);
	return run(c->fd, c->queue, CLIENT_VA, client_size(c, p));
}

/* A process that leaves a secret in all of local memory. */
static int leave_secret(uint64_t size)
{
	struct client c;
	uint32_t bo;
	int status;
	pid_t pid = fork();

	if (pid)
		return pid < 0 || waitpid(pid, &status, 0) != pid || status;
	if (client_open(&c, 0, 0) || local_create(c.fd, size, &bo) ||
	    vm_bind(c.fd, c.vm, 0, bo, 0, VA, size) || card_fill(&c, VA, SECRET, size))
		_exit(1);
	_exit(0);
}

/*
 * Resets the card or a ring, again and again, but not for ever: each reset of the card starts the
 * clears from the beginning. Counts in *done.
 */
static pid_t keep_resetting(int fd, const char *what, volatile int *done)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* One of the function takes its time. */
	while (*done < 12 && !(strcmp(what, "function") ? debug_write(fd, "reset", what) :
							  card_function_reset(fd)))
		*done += strcmp(what, "function") ? 1 : 4;
	_exit(0);
}

FIXTURE(left) {
	struct client c;
	struct drm_loom_query_info info;
};

FIXTURE_VARIANT(left)
{
	const char *reset;
};

FIXTURE_VARIANT_ADD(left, quiet) { .reset = NULL };
FIXTURE_VARIANT_ADD(left, ring_resets) { .reset = "0" };
FIXTURE_VARIANT_ADD(left, device_resets) { .reset = "device" };
FIXTURE_VARIANT_ADD(left, function_resets) { .reset = "function" };

FIXTURE_SETUP(left)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	ASSERT_EQ(0, card_info(self->c.fd, &self->info));
}

FIXTURE_TEARDOWN(left)
{
	client_close(&self->c);
}

TEST_F(left, seen_by_nobody)
{
	uint64_t total = self->info.local_size, sum = 0, size;
	uint64_t *p[64];
	uint32_t bo[64];
	volatile int *done;
	pid_t pid = 0;
	int n;

	done = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)done);
	ASSERT_EQ(0, leave_secret(total));
	if (variant->reset) {
		pid = keep_resetting(self->c.fd, variant->reset, done);
		ASSERT_GT(pid, 0);
		while (!*done)
			usleep(1000);
	}
	/* All of it, in pieces of all sizes. */
	for (n = 0, size = total / 2; n < 64 && sum < total; sum += size, n++) {
		while (local_create(self->c.fd, size, &bo[n]) && size > PAGE)
			size /= 2;
		p[n] = bo_map(self->c.fd, bo[n], size);
		ASSERT_NE(NULL, p[n]);
		/* The end is cleared last. */
		EXPECT_EQ(0, p[n][size / 8 - 1]);
	}
	EXPECT_EQ(total, sum);
	for (int i = 0; i < n; i++) {
		struct drm_loom_bo_info args = { .handle = bo[i] };

		ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_BO_INFO, &args));
		EXPECT_TRUE(all_zero(p[i], args.size));
		munmap(p[i], args.size);
	}
	if (pid) {
		EXPECT_GT(*done, 1);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

TEST_F(local, binding_waits_for_the_clear)
{
	uint64_t total = self->info.local_size;
	uint32_t bo;

	ASSERT_EQ(0, leave_secret(total));
	self->c.data[0] = 1;
	ASSERT_EQ(0, local_create(self->c.fd, total, &bo));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, bo, 0, VA, total));
	ASSERT_EQ(0, card_copy(&self->c, CLIENT_VA + CLIENT_DATA, VA + total - PAGE, 512));
	EXPECT_TRUE(all_zero(self->c.data, PAGE));
}

/* Each part of the clear fails at once, until the driver gives up; ends with its parent. */
static pid_t keep_failing(int fd, volatile int *done)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!debug_write(fd, "inject", "ecc 0"))
		++*done;
	_exit(1);
}

/* What cannot be cleared is seen by nobody, and not lost either. */
TEST_F(local, memory_that_cannot_be_cleared)
{
	uint64_t total = self->info.local_size, end = now() + PATIENCE, *p;
	struct drm_loom_query_memory m;
	volatile int *done;
	uint32_t bo;
	pid_t pid;
	int ret;

	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no fault injection");
	ASSERT_EQ(0, leave_secret(total));
	done = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)done);
	pid = keep_failing(self->c.fd, done);
	ASSERT_GT(pid, 0);
	while (!*done)
		;
	/* What makes it fail may be too slow. */
	while (now() < end) {
		ASSERT_EQ(0, local_create(self->c.fd, total, &bo));
		ret = vm_bind(self->c.fd, self->c.vm, 0, bo, 0, VA, total);
		if (ret)
			break;
		ASSERT_EQ(0, bo_close(self->c.fd, bo));
		ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA, total));
	}
	EXPECT_EQ(-EIO, ret);
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, NULL, 0));
	ASSERT_EQ(0, debug_write(self->c.fd, "inject", "none"));
	/* Not later either, nor in part. */
	EXPECT_EQ(-EIO, vm_bind(self->c.fd, self->c.vm, 0, bo, 0, VA, PAGE));
	p = bo_map(self->c.fd, bo, total);
	ASSERT_NE(NULL, p);
	for (uint64_t at = 0; at < total; at += total / 64)
		EXPECT_EQ(0, p[at / 8]);
	/* It is a page in its place, not the memory: that holds the secret. */
	p[0] = 1;
	EXPECT_EQ(1, p[total / 16]);
	munmap(p, total);
	ASSERT_EQ(0, memory(self->c.fd, &m));
	EXPECT_EQ(total, m.local_used);
	ASSERT_EQ(0, bo_close(self->c.fd, bo));
	/* The next one gets all of it, clear. */
	ASSERT_EQ(0, local_create(self->c.fd, total, &bo));
	p = bo_map(self->c.fd, bo, total);
	ASSERT_NE(NULL, p);
	for (uint64_t at = 0; at < total; at += PAGE)
		ASSERT_EQ(0, p[at / 8]);
	munmap(p, total);
}

TEST_F(local, pieces_that_are_scattered)
{
	uint64_t total = self->info.local_size, n = total / PIECE, size = total / 2;
	uint32_t *bo = calloc(n, sizeof(*bo)), big;
	uint64_t *p;

	ASSERT_NE(NULL, bo);
	for (uint64_t i = 0; i < n; i++)
		ASSERT_EQ(0, local_create(self->c.fd, PIECE, &bo[i]));
	for (uint64_t i = 0; i < n; i += 2)
		ASSERT_EQ(0, bo_close(self->c.fd, bo[i]));
	ASSERT_EQ(0, local_create(self->c.fd, size, &big));
	p = bo_map(self->c.fd, big, size);
	ASSERT_NE(NULL, p);
	EXPECT_TRUE(all_zero(p, size));
	for (uint64_t at = 0; at < size; at += PIECE / 2)
		p[at / 8] = at;
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, big, 0, VA, size));
	for (uint64_t at = 0; at < size; at += size / 16) {
		uint64_t from = at + PIECE / 2 * (at / (size / 16) % 3);

		ASSERT_EQ(0, card_copy(&self->c, CLIENT_VA + CLIENT_DATA, VA + from, 1));
		EXPECT_EQ(from, self->c.data[0]);
	}
	munmap(p, size);
	ASSERT_EQ(0, bo_close(self->c.fd, big));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA, size));
	for (uint64_t i = 1; i < n; i += 2)
		ASSERT_EQ(0, bo_close(self->c.fd, bo[i]));
	ASSERT_EQ(0, local_create(self->c.fd, total, &big));
	free(bo);
}

/* A job writes while its memory is taken away and given to somebody else. */
TEST_F(local, unmapped_memory_is_out_of_reach)
{
	uint64_t total = self->info.local_size;
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
	struct client other;
	void *p = self->c.cpu;
	uint32_t bo;
	uint64_t *q;
	int file;

	ASSERT_EQ(0, client_open(&other, 0, 0));
	ASSERT_EQ(0, local_create(self->c.fd, total, &bo));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, bo, 0, VA, total));
	ASSERT_EQ(0, bo_close(self->c.fd, bo));
	p = pkt_fence(p, CLIENT_VA + CLIENT_DATA, 1);
	for (int i = 0; i < 64; i++)
		p = pkt_fill(p, VA, SECRET, total / 8);
	ASSERT_EQ(0, sync_create(self->c.fd, &sync.handle));
	ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, client_size(&self->c, p), &sync,
			    1, NULL));
	while (!*(volatile uint64_t *)self->c.data)
		;
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA, total));
	ASSERT_EQ(0, local_create(other.fd, total, &bo));
	q = bo_map(other.fd, bo, total);
	ASSERT_NE(NULL, q);
	EXPECT_TRUE(all_zero(q, total));
	ASSERT_EQ(0, sync_wait(self->c.fd, sync.handle, 0, PATIENCE));
	file = sync_export(self->c.fd, sync.handle);
	EXPECT_EQ(-EIO, sync_file_status(file));
	close(file);
	EXPECT_TRUE(all_zero(q, total));
	munmap(q, total);
	client_close(&other);
}

TEST_F(local, large_pages_where_they_fit)
{
	uint32_t bo;

	ASSERT_EQ(0, local_create(self->c.fd, 9 * MIB, &bo));
	EXPECT_EQ(0, vm_large_pages(self->c.fd));
	/* 8 MiB and 1 MiB. */
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, bo, 0, VA, 9 * MIB));
	EXPECT_EQ(4, vm_large_pages(self->c.fd));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA + 3 * MIB, PAGE));
	EXPECT_EQ(3, vm_large_pages(self->c.fd));
	ASSERT_EQ(0, card_fill(&self->c, VA + 3 * MIB + PAGE, 3, MIB));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, bo, 2 * MIB, VA + 2 * MIB, 2 * MIB));
	EXPECT_EQ(4, vm_large_pages(self->c.fd));
	/* Addresses that do not fit. */
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA, 9 * MIB));
	EXPECT_EQ(0, vm_large_pages(self->c.fd));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, bo, 0, VA + PAGE, 9 * MIB));
	EXPECT_EQ(0, vm_large_pages(self->c.fd));
}

TEST_F(local, fdinfo)
{
	char path[64], line[256];
	int found = 0;
	uint32_t bo;
	FILE *f;

	ASSERT_EQ(0, local_create(self->c.fd, 3 * MIB, &bo));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", self->c.fd);
	f = fopen(path, "r");
	ASSERT_NE(NULL, f);
	while (fgets(line, sizeof(line), f)) {
		found += !strcmp(line, "drm-total-local:\t3 MiB\n");
		found += !strcmp(line, "drm-resident-local:\t3 MiB\n");
	}
	fclose(f);
	EXPECT_EQ(2, found);
}

/* On the other card: this one goes. */
TEST(mapping_after_the_end_of_the_card)
{
	char address[32];
	struct drm_loom_query_info info;
	struct client next;
	uint64_t *p, *q;
	uint32_t bo;
	int fd, file, prime;

	ASSERT_EQ(0, card_other());
	fd = card_open();
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, local_create(fd, MIB, &bo));
	p = bo_map(fd, bo, MIB);
	ASSERT_NE(NULL, p);
	p[0] = SECRET;
	p[MIB / 16] = SECRET;
	struct drm_prime_handle args = { .handle = bo, .flags = O_CLOEXEC | O_RDWR };

	ASSERT_EQ(0, card_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args));
	prime = args.fd;
	q = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, prime, 0);
	ASSERT_NE(MAP_FAILED, (void *)q);
	EXPECT_EQ(SECRET, q[0]);
	/* Nobody finds the dma-buf by its handle any more. */
	ASSERT_EQ(0, bo_close(fd, bo));

	ASSERT_EQ(0, card_address(fd, address, sizeof(address)));
	file = open("/sys/bus/pci/drivers/loom/unbind", O_WRONLY);
	ASSERT_GE(file, 0);
	ASSERT_EQ(strlen(address), write(file, address, strlen(address)));
	close(file);

	EXPECT_EQ(0, p[0]);
	EXPECT_EQ(0, q[MIB / 16]);
	p[1] = 4;
	q[2] = 5;
	EXPECT_EQ(-ENODEV, card_info(fd, &info));
	close(fd);

	file = open("/sys/bus/pci/drivers/loom/bind", O_WRONLY);
	ASSERT_GE(file, 0);
	ASSERT_EQ(strlen(address), write(file, address, strlen(address)));
	close(file);
	ASSERT_EQ(0, card_other());
	/* The memory is the next one's, who has all of it. */
	ASSERT_EQ(0, client_open(&next, 0, 0));
	ASSERT_EQ(0, card_info(next.fd, &info));
	ASSERT_EQ(0, local_create(next.fd, info.local_size, &bo));
	ASSERT_EQ(0, vm_bind(next.fd, next.vm, 0, bo, 0, VA, info.local_size));
	ASSERT_EQ(0, card_fill(&next, VA, SECRET, info.local_size));
	for (uint64_t at = 0; at < MIB; at += PAGE) {
		EXPECT_EQ(0, p[at / 8]);
		EXPECT_EQ(0, q[at / 8]);
	}
	EXPECT_EQ(4, q[1]);
	EXPECT_EQ(5, p[2]);
	munmap(p, MIB);
	munmap(q, MIB);
	close(prime);
	client_close(&next);
}

TEST_HARNESS_MAIN
