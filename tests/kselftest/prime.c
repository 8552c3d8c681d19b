// SPDX-License-Identifier: MIT
/* dma-bufs: export, import, and what cannot be shared. The machine has two cards. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define PAGE	4096ull
#define SIZE	(16 * PAGE)
#define VA	0x200000000ull
#define WORDS	(SIZE / 8)
#define LARGE	(2ull << 20)

FIXTURE(prime) {
	struct client c;
	uint32_t bo;
	int dmabuf;
};

static int export(int fd, uint32_t handle)
{
	struct drm_prime_handle args = { .handle = handle, .flags = O_CLOEXEC | O_RDWR, .fd = -1 };
	int ret = card_ioctl(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &args);

	return ret ? ret : args.fd;
}

static int import(int fd, int dmabuf, uint32_t *handle)
{
	struct drm_prime_handle args = { .fd = dmabuf };
	int ret = card_ioctl(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &args);

	*handle = args.handle;
	return ret;
}

static int info(int fd, uint32_t handle, struct drm_loom_bo_info *out)
{
	*out = (struct drm_loom_bo_info){ .handle = handle };
	return card_ioctl(fd, DRM_IOCTL_LOOM_BO_INFO, out);
}

static uint64_t *map(int fd, uint64_t offset, uint64_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

static int sealed(unsigned int flags, uint64_t size)
{
	int fd = memfd_create("udmabuf", MFD_ALLOW_SEALING | MFD_CLOEXEC | flags);

	return fd < 0 || ftruncate(fd, size) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) ? -1 : fd;
}

/* A buffer of another driver: pages of a memfd. */
static int udmabuf_of(int memfd, uint64_t size)
{
	struct udmabuf_create args = {
		.memfd = memfd, .flags = UDMABUF_FLAGS_CLOEXEC, .size = size,
	};
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd;

	fd = device < 0 ? -1 : ioctl(device, UDMABUF_CREATE, &args);
	close(device);
	return fd;
}

static int udmabuf(int *memfd)
{
	*memfd = sealed(0, SIZE);
	return udmabuf_of(*memfd, SIZE);
}

/*
 * The machine bounces what other drivers hand over, or says that it might: the card would work on a
 * copy.
 */
static bool bounced(void)
{
	char line[4096] = "";
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);

	if (read(fd, line, sizeof(line) - 1) < 0)
		line[0] = 0;
	close(fd);
	return (strstr(line, "swiotlb=force") && !strstr(line, "iommu=on")) || root_dma_checked();
}

static int fill(struct client *c, uint64_t va, uint64_t value, uint32_t words)
{
	return run(c->fd, c->queue, CLIENT_VA, client_size(c, pkt_fill(c->cpu, va, value, words)));
}

FIXTURE_SETUP(prime)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	ASSERT_EQ(0, bo_create(self->c.fd, SIZE, 0, 0, &self->bo));
	self->dmabuf = export(self->c.fd, self->bo);
	ASSERT_GE(self->dmabuf, 0);
}

FIXTURE_TEARDOWN(prime)
{
	close(self->dmabuf);
	client_close(&self->c);
}

TEST_F(prime, capability)
{
	struct drm_loom_query_info card;

	ASSERT_EQ(0, card_info(self->c.fd, &card));
	EXPECT_TRUE(card.caps & DRM_LOOM_CAP_DMABUF);
}

TEST_F(prime, comes_back_as_the_same_handle)
{
	struct drm_loom_bo_info i;
	uint32_t handle;

	ASSERT_EQ(0, import(self->c.fd, self->dmabuf, &handle));
	EXPECT_EQ(self->bo, handle);
	ASSERT_EQ(0, info(self->c.fd, handle, &i));
	EXPECT_EQ(0, i.state);
}

TEST_F(prime, another_file_of_the_card_shares_the_memory)
{
	struct drm_loom_bo_info i;
	struct client other;
	uint32_t handle;
	uint64_t *p;

	ASSERT_EQ(0, client_open(&other, 0, 0));
	ASSERT_EQ(0, import(other.fd, self->dmabuf, &handle));
	ASSERT_EQ(0, info(other.fd, handle, &i));
	EXPECT_EQ(SIZE, i.size);
	EXPECT_EQ(0, i.state);
	ASSERT_EQ(0, vm_bind(other.fd, other.vm, 0, handle, 0, VA, SIZE));
	ASSERT_EQ(0, fill(&other, VA, 77, WORDS));
	client_close(&other);
	p = bo_map(self->c.fd, self->bo, SIZE);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(77, p[0]);
	EXPECT_EQ(77, p[WORDS - 1]);
	munmap(p, SIZE);
}

TEST_F(prime, mapping_of_the_descriptor)
{
	uint64_t *p = bo_map(self->c.fd, self->bo, SIZE), *whole, *tail;

	ASSERT_NE(NULL, p);
	for (uint64_t i = 0; i < SIZE / PAGE; i++)
		p[i * PAGE / 8] = i;
	whole = map(self->dmabuf, 0, SIZE);
	tail = map(self->dmabuf, 5 * PAGE, SIZE - 5 * PAGE);
	ASSERT_NE(NULL, whole);
	ASSERT_NE(NULL, tail);
	for (uint64_t i = 0; i < SIZE / PAGE; i++)
		EXPECT_EQ(i, whole[i * PAGE / 8]);
	for (uint64_t i = 5; i < SIZE / PAGE; i++)
		EXPECT_EQ(i, tail[(i - 5) * PAGE / 8]);
	EXPECT_EQ(NULL, map(self->dmabuf, PAGE, SIZE));
}

TEST_F(prime, outlives_handle_and_file)
{
	struct client other;
	uint32_t handle;
	uint64_t *p;

	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, self->bo, 0, VA, SIZE));
	ASSERT_EQ(0, fill(&self->c, VA, 42, WORDS));
	client_close(&self->c);
	p = map(self->dmabuf, 0, SIZE);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(42, p[17]);
	ASSERT_EQ(0, client_open(&other, 0, 0));
	ASSERT_EQ(0, import(other.fd, self->dmabuf, &handle));
	ASSERT_EQ(0, vm_bind(other.fd, other.vm, 0, handle, 0, VA, SIZE));
	ASSERT_EQ(0, fill(&other, VA, 43, WORDS));
	EXPECT_EQ(43, p[17]);
	munmap(p, SIZE);
	client_close(&other);
}

TEST_F(prime, private_is_not_exported)
{
	uint32_t bo;

	ASSERT_EQ(0, bo_create(self->c.fd, PAGE, 0, self->c.vm, &bo));
	EXPECT_EQ(-EPERM, export(self->c.fd, bo));
	ASSERT_EQ(0, bo_create(self->c.fd, PAGE, DRM_LOOM_BO_LOCAL, self->c.vm, &bo));
	EXPECT_EQ(-EPERM, export(self->c.fd, bo));
}

TEST_F(prime, no_mmap_holds_for_the_descriptor)
{
	static const uint32_t flags[] = { 0, DRM_LOOM_BO_LOCAL };
	uint32_t bo;
	int fd;

	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, bo_create(self->c.fd, PAGE, DRM_LOOM_BO_NO_MMAP | flags[i], 0, &bo));
		fd = export(self->c.fd, bo);
		ASSERT_GE(fd, 0);
		errno = 0;
		EXPECT_EQ(NULL, map(fd, 0, PAGE));
		EXPECT_EQ(EPERM, errno);
		close(fd);
	}
}

TEST_F(prime, no_dmabuf)
{
	uint32_t handle;
	int fd = memfd_create("none", MFD_CLOEXEC);

	EXPECT_EQ(-EINVAL, import(self->c.fd, fd, &handle));
	EXPECT_EQ(-EBADF, import(self->c.fd, -1, &handle));
	EXPECT_EQ(-ENOENT, export(self->c.fd, 0x7fffffff));
	close(fd);
}

TEST_F(prime, foreign_memory)
{
	struct drm_loom_bo_info i;
	uint64_t *p, *q;
	uint32_t handle;
	int memfd, fd = udmabuf(&memfd);

	ASSERT_GE(fd, 0);
	if (bounced()) {
		EXPECT_EQ(-EOPNOTSUPP, import(self->c.fd, fd, &handle));
		return;
	}
	ASSERT_EQ(0, import(self->c.fd, fd, &handle));
	ASSERT_EQ(0, info(self->c.fd, handle, &i));
	EXPECT_EQ(SIZE, i.size);
	EXPECT_EQ(DRM_LOOM_BO_INFO_IMPORTED, i.state);
	EXPECT_EQ(0, i.flags);
	p = map(memfd, 0, SIZE);
	q = bo_map(self->c.fd, handle, SIZE);
	ASSERT_NE(NULL, p);
	ASSERT_NE(NULL, q);
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, handle, 3 * PAGE, VA, 2 * PAGE));
	ASSERT_EQ(0, fill(&self->c, VA, 5, 2 * PAGE / 8));
	for (uint64_t at = 0; at < WORDS; at++)
		ASSERT_EQ(at / 512 == 3 || at / 512 == 4 ? 5 : 0, p[at]);
	EXPECT_EQ(5, q[3 * 512]);
	q[3 * 512 + 1] = 6;
	EXPECT_EQ(6, p[3 * 512 + 1]);
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 client_size(&self->c, pkt_copy(self->c.cpu, CLIENT_VA + CLIENT_DATA, VA, 2))));
	EXPECT_EQ(5, self->c.data[0]);
	EXPECT_EQ(6, self->c.data[1]);
	munmap(q, SIZE);
	/* It stays as long as the card needs it. */
	close(fd);
	close(memfd);
	ASSERT_EQ(0, bo_close(self->c.fd, handle));
	ASSERT_EQ(0, fill(&self->c, VA, 7, 2 * PAGE / 8));
	EXPECT_EQ(7, p[3 * 512]);
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA, 2 * PAGE));
	munmap(p, SIZE);
}

static int huge_pages(const char *count)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY | O_CLOEXEC), ret;

	ret = fd < 0 || write(fd, count, strlen(count)) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

/* Memory of the machine in large pages, where it lies so and the addresses fit. */
TEST_F(prime, large_pages_of_system_memory)
{
	uint32_t handle;
	uint64_t *p;
	int memfd, fd;

	/* Its pages are there before anybody else takes them. */
	ASSERT_EQ(0, huge_pages("2"));
	memfd = sealed(MFD_HUGETLB, 2 * LARGE);
	p = map(memfd, 0, 2 * LARGE);
	ASSERT_NE(NULL, p);
	memset(p, 0, 2 * LARGE);
	fd = udmabuf_of(memfd, 2 * LARGE);
	ASSERT_GE(fd, 0);
	if (bounced()) {
		EXPECT_EQ(-EOPNOTSUPP, import(self->c.fd, fd, &handle));
		goto out;
	}
	ASSERT_EQ(0, import(self->c.fd, fd, &handle));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, handle, 0, VA, 2 * LARGE));
	EXPECT_EQ(2, vm_large_pages(self->c.fd));
	ASSERT_EQ(0, fill(&self->c, VA + LARGE - PAGE, 5, 2 * PAGE / 8));
	EXPECT_EQ(0, p[(LARGE - PAGE) / 8 - 1]);
	EXPECT_EQ(5, p[(LARGE - PAGE) / 8]);
	EXPECT_EQ(5, p[(LARGE + PAGE) / 8 - 1]);
	EXPECT_EQ(0, p[(LARGE + PAGE) / 8]);
	/* One is cut in two, and what is left shows the same. */
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA + PAGE, PAGE));
	EXPECT_EQ(1, vm_large_pages(self->c.fd));
	ASSERT_EQ(0, fill(&self->c, VA + 2 * PAGE, 6, 1));
	EXPECT_EQ(6, p[2 * PAGE / 8]);
	/* Neither address nor offset fits. */
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, handle, 0, VA + PAGE, LARGE));
	EXPECT_EQ(0, vm_large_pages(self->c.fd));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, handle, PAGE, VA, LARGE));
	EXPECT_EQ(0, vm_large_pages(self->c.fd));
	ASSERT_EQ(0, fill(&self->c, VA + LARGE - PAGE, 7, 1));
	EXPECT_EQ(7, p[LARGE / 8]);
out:
	munmap(p, 2 * LARGE);
	close(fd);
	close(memfd);
	client_close(&self->c);
	EXPECT_EQ(0, huge_pages("0"));
}

TEST_F(prime, foreign_memory_goes_on_as_itself)
{
	struct client other;
	uint32_t handle, again;
	int memfd, fd = udmabuf(&memfd), back;

	ASSERT_GE(fd, 0);
	if (bounced())
		return;
	ASSERT_EQ(0, import(self->c.fd, fd, &handle));
	ASSERT_EQ(0, import(self->c.fd, fd, &again));
	EXPECT_EQ(handle, again);
	back = export(self->c.fd, handle);
	ASSERT_GE(back, 0);
	ASSERT_EQ(0, client_open(&other, 0, 0));
	ASSERT_EQ(0, import(other.fd, back, &again));
	ASSERT_EQ(0, vm_bind(other.fd, other.vm, 0, again, 0, VA, SIZE));
	ASSERT_EQ(0, fill(&other, VA, 9, WORDS));
	client_close(&other);
	close(back);
	close(memfd);
	close(fd);
}

/* Whoever maps it finds all of it or nothing, and nothing is all that the kernel says. */
TEST_F(prime, foreign_memory_is_closed_while_it_is_mapped)
{
	volatile uint64_t *offset = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct drm_loom_bo_mmap_offset args;
	int memfd, fd = udmabuf(&memfd), status;
	uint32_t handle;
	uint64_t *p;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, (void *)offset);
	ASSERT_GE(fd, 0);
	if (bounced())
		return;
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (*offset != UINT64_MAX) {
			p = map(self->c.fd, *offset, SIZE);
			if (p && p[0])
				_exit(1);
			if (p)
				munmap(p, SIZE);
			else if (errno != EACCES && errno != EINVAL)
				_exit(2);
		}
		_exit(0);
	}
	for (int i = 0; i < 1000; i++) {
		ASSERT_EQ(0, import(self->c.fd, fd, &handle));
		args = (struct drm_loom_bo_mmap_offset){ .handle = handle };
		ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args));
		*offset = args.offset;
		if (i % 2)
			sched_yield();
		ASSERT_EQ(0, bo_close(self->c.fd, handle));
	}
	*offset = UINT64_MAX;
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(fd);
	close(memfd);
}

TEST_F(prime, foreign_memory_does_not_count_as_the_cards)
{
	struct drm_loom_query_memory before, after;
	struct drm_loom_dev_query query = {
		.type = DRM_LOOM_QUERY_MEMORY, .size = sizeof(before),
		.pointer = (uintptr_t)&before,
	};
	int memfd, fd = udmabuf(&memfd);
	uint32_t handle;

	ASSERT_GE(fd, 0);
	if (bounced())
		return;
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &query));
	ASSERT_EQ(0, import(self->c.fd, fd, &handle));
	query.pointer = (uintptr_t)&after;
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &query));
	EXPECT_EQ(before.system_used, after.system_used);
	ASSERT_EQ(0, bo_close(self->c.fd, handle));
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &query));
	EXPECT_EQ(before.system_used, after.system_used);
	close(fd);
	close(memfd);
}

TEST_F(prime, results_need_the_drivers_own_system_memory)
{
	int memfd, fd = udmabuf(&memfd);
	uint32_t handle, queue;

	ASSERT_GE(fd, 0);
	if (!bounced()) {
		ASSERT_EQ(0, import(self->c.fd, fd, &handle));
		EXPECT_EQ(-EOPNOTSUPP, queue_create(self->c.fd, self->c.vm, 0, 0, handle, 16,
						   &queue));
	}
	ASSERT_EQ(0, bo_create(self->c.fd, PAGE, DRM_LOOM_BO_LOCAL, 0, &handle));
	EXPECT_EQ(-EOPNOTSUPP, queue_create(self->c.fd, self->c.vm, 0, 0, handle, 16, &queue));
	close(fd);
	close(memfd);
}

TEST_F(prime, local_memory_within_the_card)
{
	struct client other;
	uint32_t bo, handle;
	uint64_t *p;
	int fd;

	ASSERT_EQ(0, bo_create(self->c.fd, SIZE, DRM_LOOM_BO_LOCAL, 0, &bo));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, bo, 0, VA, SIZE));
	ASSERT_EQ(0, fill(&self->c, VA, 11, WORDS));
	fd = export(self->c.fd, bo);
	ASSERT_GE(fd, 0);
	p = map(fd, PAGE, SIZE - PAGE);
	ASSERT_NE(NULL, p);
	EXPECT_EQ(11, p[0]);
	ASSERT_EQ(0, client_open(&other, 0, 0));
	ASSERT_EQ(0, import(other.fd, fd, &handle));
	ASSERT_EQ(0, vm_bind(other.fd, other.vm, 0, handle, 0, VA, SIZE));
	ASSERT_EQ(0, fill(&other, VA, 12, WORDS));
	EXPECT_EQ(12, p[0]);
	client_close(&other);
	munmap(p, SIZE - PAGE);
	close(fd);
}

FIXTURE(peer) {
	struct client a, b;
};

FIXTURE_SETUP(peer)
{
	ASSERT_EQ(0, client_open(&self->a, 0, 0));
	ASSERT_EQ(0, card_other());
	ASSERT_EQ(0, client_open(&self->b, 0, 0));
	unsetenv("LOOM_NODE");
}

FIXTURE_TEARDOWN(peer)
{
	client_close(&self->a);
	client_close(&self->b);
}

TEST_F(peer, system_memory)
{
	struct drm_loom_bo_info i;
	uint32_t bo, handle;
	uint64_t *p, *q;
	int fd;

	ASSERT_EQ(0, bo_create(self->a.fd, SIZE, 0, 0, &bo));
	fd = export(self->a.fd, bo);
	ASSERT_GE(fd, 0);
	if (bounced()) {
		EXPECT_EQ(-EOPNOTSUPP, import(self->b.fd, fd, &handle));
		return;
	}
	ASSERT_EQ(0, import(self->b.fd, fd, &handle));
	close(fd);
	ASSERT_EQ(0, info(self->b.fd, handle, &i));
	EXPECT_EQ(DRM_LOOM_BO_INFO_IMPORTED, i.state);
	ASSERT_EQ(0, vm_bind(self->a.fd, self->a.vm, 0, bo, 0, VA, SIZE));
	ASSERT_EQ(0, vm_bind(self->b.fd, self->b.vm, 0, handle, 0, VA, SIZE));
	ASSERT_EQ(0, fill(&self->b, VA, 21, WORDS));
	p = bo_map(self->a.fd, bo, SIZE);
	q = bo_map(self->b.fd, handle, SIZE);
	ASSERT_NE(NULL, p);
	ASSERT_NE(NULL, q);
	EXPECT_EQ(21, p[WORDS - 1]);
	ASSERT_EQ(0, fill(&self->a, VA, 22, WORDS));
	EXPECT_EQ(22, q[WORDS - 1]);
	/* The exporter's file goes first. */
	client_close(&self->a);
	ASSERT_EQ(0, fill(&self->b, VA, 23, WORDS));
	EXPECT_EQ(23, q[WORDS - 1]);
	munmap(p, SIZE);
	munmap(q, SIZE);
}

TEST_F(peer, local_memory_stays_at_home)
{
	uint32_t bo, handle;
	int fd;

	ASSERT_EQ(0, bo_create(self->a.fd, SIZE, DRM_LOOM_BO_LOCAL, 0, &bo));
	fd = export(self->a.fd, bo);
	ASSERT_GE(fd, 0);
	EXPECT_EQ(-EOPNOTSUPP, import(self->b.fd, fd, &handle));
	close(fd);
}

/* On the other card: this one goes. */
TEST(first_mapped_after_the_end_of_the_card)
{
	char address[32];
	uint64_t *p;
	uint32_t bo;
	int fd, dmabuf, err;

	ASSERT_EQ(0, card_other());
	fd = card_open();
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, card_address(fd, address, sizeof(address)));
	ASSERT_EQ(0, bo_create(fd, SIZE, 0, 0, &bo));
	dmabuf = export(fd, bo);
	ASSERT_GE(dmabuf, 0);
	ASSERT_EQ(0, root_sysfs("/sys/bus/pci/drivers/loom/unbind", address));
	p = map(dmabuf, 0, SIZE);
	err = p ? 0 : errno;
	if (p) {
		EXPECT_EQ(0, p[0]);
		munmap(p, SIZE);
	}
	/* Memory of the DMA API is not to be had any more. */
	if (bounced() && !root_dma_checked()) {
		EXPECT_EQ(ENODEV, err);
	}
	close(dmabuf);
	close(fd);
	ASSERT_EQ(0, root_sysfs("/sys/bus/pci/drivers/loom/bind", address));
	ASSERT_EQ(0, card_other());
}

TEST_HARNESS_MAIN
