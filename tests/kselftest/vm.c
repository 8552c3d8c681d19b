// SPDX-License-Identifier: MIT
/* VM_CREATE, VM_DESTROY, VM_BIND, VM_STATE. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define PAGE	4096ull
#define VA	0x200000000ull

FIXTURE(vm) {
	int fd;
	uint32_t vm, bo;
	struct drm_loom_query_info info;
};

FIXTURE_SETUP(vm)
{
	self->fd = card_open();
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, card_info(self->fd, &self->info));
	ASSERT_EQ(0, vm_create(self->fd, &self->vm));
	ASSERT_EQ(0, bo_create(self->fd, 16 * PAGE, 0, 0, &self->bo));
}

FIXTURE_TEARDOWN(vm)
{
	close(self->fd);
}

static int bind_raw(int fd, uint32_t vm, void *ops, uint32_t stride, uint32_t count,
		    uint32_t *failed)
{
	struct drm_loom_vm_bind args = {
		.vm_id = vm,
		.ops = { .stride = stride, .count = count, .array = (uintptr_t)ops },
		.failed = 0xffff,
	};
	int ret;

	args.failed = 0;
	ret = card_ioctl(fd, DRM_IOCTL_LOOM_VM_BIND, &args);
	if (failed)
		*failed = args.failed;
	return ret;
}

static int state(int fd, uint32_t id, struct drm_loom_vm_state *s)
{
	memset(s, 0, sizeof(*s));
	s->id = id;
	return card_ioctl(fd, DRM_IOCTL_LOOM_VM_STATE, s);
}

TEST_F(vm, create_flags)
{
	for (int bit = 0; bit < 32; bit++) {
		struct drm_loom_vm_create args = { .flags = 1u << bit };

		EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_VM_CREATE, &args));
	}
}

TEST_F(vm, ids_are_not_zero)
{
	EXPECT_NE(0, self->vm);
}

TEST_F(vm, limit)
{
	uint32_t id, n = 1;
	int ret;

	while (!(ret = vm_create(self->fd, &id)))
		ASSERT_LT(n++, self->info.vms_max);
	EXPECT_EQ(-ENOSPC, ret);
	EXPECT_EQ(self->info.vms_max, n);
}

TEST_F(vm, destroy)
{
	struct drm_loom_vm_destroy args = { .id = self->vm, .pad = 1 };

	EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_VM_DESTROY, &args));
	args.pad = 0;
	EXPECT_EQ(0, card_ioctl(self->fd, DRM_IOCTL_LOOM_VM_DESTROY, &args));
	EXPECT_EQ(-ENOENT, card_ioctl(self->fd, DRM_IOCTL_LOOM_VM_DESTROY, &args));
	EXPECT_EQ(-ENOENT, vm_bind(self->fd, self->vm, DRM_LOOM_BIND_MAP, self->bo, 0, VA, PAGE));
	args.id = 0;
	EXPECT_EQ(-ENOENT, card_ioctl(self->fd, DRM_IOCTL_LOOM_VM_DESTROY, &args));
}

TEST_F(vm, ids_are_per_file)
{
	int other = card_open();
	struct drm_loom_vm_destroy args = { .id = self->vm };

	ASSERT_GE(other, 0);
	EXPECT_EQ(-ENOENT, card_ioctl(other, DRM_IOCTL_LOOM_VM_DESTROY, &args));
	close(other);
}

TEST_F(vm, state)
{
	struct drm_loom_vm_state s;

	ASSERT_EQ(0, vm_bind(self->fd, self->vm, DRM_LOOM_BIND_MAP, self->bo, 0, VA, 8 * PAGE));
	ASSERT_EQ(0, state(self->fd, self->vm, &s));
	EXPECT_EQ(8 * PAGE, s.mapped);
	EXPECT_EQ(1, s.mappings);
	EXPECT_EQ(0, s.faults);
}

TEST_F(vm, state_errors)
{
	struct drm_loom_vm_state s = { .id = self->vm, .pad = 1 };

	EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_VM_STATE, &s));
	EXPECT_EQ(-ENOENT, state(self->fd, 0x7fffffff, &s));
}

TEST_F(vm, bind_flags)
{
	for (int bit = 0; bit < 32; bit++) {
		struct drm_loom_vm_bind args = { .vm_id = self->vm, .flags = 1u << bit };

		EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_VM_BIND, &args));
	}
}

TEST_F(vm, bind_pad)
{
	struct drm_loom_vm_bind args = { .vm_id = self->vm, .pad = 1 };

	EXPECT_EQ(-EINVAL, card_ioctl(self->fd, DRM_IOCTL_LOOM_VM_BIND, &args));
}

TEST_F(vm, bind_nothing)
{
	EXPECT_EQ(0, bind_raw(self->fd, self->vm, NULL, 0, 0, NULL));
}

TEST_F(vm, bind_too_many)
{
	struct drm_loom_bind op = { 0 };

	EXPECT_EQ(-E2BIG, bind_raw(self->fd, self->vm, &op, sizeof(op),
				   self->info.binds_max + 1, NULL));
	EXPECT_EQ(-E2BIG, bind_raw(self->fd, self->vm, &op, sizeof(op), 0xffffffff, NULL));
}

TEST_F(vm, bind_stride)
{
	struct {
		struct drm_loom_bind op;
		uint64_t more;
	} big = {
		.op = { .flags = DRM_LOOM_BIND_MAP, .handle = self->bo, .va = VA, .size = PAGE },
	};

	EXPECT_EQ(-EINVAL, bind_raw(self->fd, self->vm, &big, sizeof(big.op) - 8, 1, NULL));
	EXPECT_EQ(-EINVAL, bind_raw(self->fd, self->vm, &big, 0, 1, NULL));
	EXPECT_EQ(-EINVAL, bind_raw(self->fd, self->vm, &big, sizeof(big.op) + 1, 1, NULL));
	EXPECT_EQ(0, bind_raw(self->fd, self->vm, &big, sizeof(big), 1, NULL));
	big.more = 1;
	EXPECT_EQ(-E2BIG, bind_raw(self->fd, self->vm, &big, sizeof(big), 1, NULL));
}

TEST_F(vm, bind_bad_address)
{
	EXPECT_EQ(-EFAULT, bind_raw(self->fd, self->vm, (void *)8, sizeof(struct drm_loom_bind), 1,
				    NULL));
}

TEST_F(vm, bind_syncs_need_the_capability)
{
	struct drm_loom_sync sync = { 0 };
	struct drm_loom_vm_bind args = {
		.vm_id = self->vm,
		.syncs = { .stride = sizeof(sync), .count = 1, .array = (uintptr_t)&sync },
	};

	if (!(self->info.caps & DRM_LOOM_CAP_ASYNC_BIND))
		EXPECT_EQ(-EOPNOTSUPP, card_ioctl(self->fd, DRM_IOCTL_LOOM_VM_BIND, &args));
}

TEST_F(vm, bind_alignment)
{
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, 0, VA + 1, PAGE));
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, 0, VA, PAGE + 8));
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, 8, VA, PAGE));
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, 0, VA, 0));
}

TEST_F(vm, bind_range)
{
	uint64_t start = self->info.va_start, end = self->info.va_end;

	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, 0, end, PAGE));
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, 0, end - PAGE, 2 * PAGE));
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, 0, ~0ull - PAGE + 1, 2 * PAGE));
	if (start)
		EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, 0, start - PAGE, PAGE));
	EXPECT_EQ(0, vm_bind(self->fd, self->vm, 0, self->bo, 0, start, PAGE));
	EXPECT_EQ(0, vm_bind(self->fd, self->vm, 0, self->bo, 0, end - PAGE, PAGE));
}

TEST_F(vm, bind_beyond_the_bo)
{
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, 0, VA, 17 * PAGE));
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, 16 * PAGE, VA, PAGE));
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, self->bo, ~0ull - PAGE + 1, VA, 2 * PAGE));
}

TEST_F(vm, bind_unknown_operation)
{
	for (uint32_t type = 2; type <= DRM_LOOM_BIND_TYPE_MASK; type++)
		EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, type, self->bo, 0, VA, PAGE));
	for (int bit = 5; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 1u << bit, self->bo, 0, VA, PAGE));
}

TEST_F(vm, unmap_takes_no_bo)
{
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, DRM_LOOM_BIND_UNMAP, self->bo, 0, VA, PAGE));
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, DRM_LOOM_BIND_UNMAP, 0, PAGE, VA, PAGE));
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, DRM_LOOM_BIND_UNMAP | DRM_LOOM_BIND_READONLY,
				   0, 0, VA, PAGE));
	EXPECT_EQ(0, vm_bind(self->fd, self->vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA, PAGE));
}

TEST_F(vm, bind_unknown_handle)
{
	EXPECT_EQ(-ENOENT, vm_bind(self->fd, self->vm, 0, 0, 0, VA, PAGE));
	EXPECT_EQ(-ENOENT, vm_bind(self->fd, self->vm, 0, 0x7fffffff, 0, VA, PAGE));
}

TEST_F(vm, private_bo_of_another_vm)
{
	uint32_t other, bo;

	ASSERT_EQ(0, vm_create(self->fd, &other));
	ASSERT_EQ(0, bo_create(self->fd, PAGE, 0, other, &bo));
	EXPECT_EQ(-EINVAL, vm_bind(self->fd, self->vm, 0, bo, 0, VA, PAGE));
	EXPECT_EQ(0, vm_bind(self->fd, other, 0, bo, 0, VA, PAGE));
}

TEST_F(vm, operations_are_checked_before_the_first)
{
	struct drm_loom_bind ops[2] = {
		{ .flags = DRM_LOOM_BIND_MAP, .handle = self->bo, .va = VA, .size = PAGE },
		{ .flags = DRM_LOOM_BIND_MAP, .handle = self->bo, .va = VA + 1, .size = PAGE },
	};
	struct drm_loom_vm_state s;
	uint32_t failed;

	EXPECT_EQ(-EINVAL, bind_raw(self->fd, self->vm, ops, sizeof(*ops), 2, &failed));
	ASSERT_EQ(0, state(self->fd, self->vm, &s));
	EXPECT_EQ(0, s.mappings);
	ops[1].va = VA + PAGE;
	ops[1].offset = PAGE;
	EXPECT_EQ(0, bind_raw(self->fd, self->vm, ops, sizeof(*ops), 2, &failed));
	EXPECT_EQ(2, failed);
}

TEST_F(vm, partial_unmap)
{
	struct drm_loom_vm_state s;

	ASSERT_EQ(0, vm_bind(self->fd, self->vm, 0, self->bo, 0, VA, 16 * PAGE));
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA + 4 * PAGE, 4 * PAGE));
	ASSERT_EQ(0, state(self->fd, self->vm, &s));
	EXPECT_EQ(12 * PAGE, s.mapped);
	EXPECT_EQ(2, s.mappings);
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA - 4 * PAGE, 64 * PAGE));
	ASSERT_EQ(0, state(self->fd, self->vm, &s));
	EXPECT_EQ(0, s.mapped);
}

TEST_F(vm, map_replaces)
{
	struct drm_loom_vm_state s;
	uint32_t other;

	ASSERT_EQ(0, bo_create(self->fd, 4 * PAGE, 0, 0, &other));
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, 0, self->bo, 0, VA, 16 * PAGE));
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, 0, other, 0, VA + 6 * PAGE, 4 * PAGE));
	ASSERT_EQ(0, state(self->fd, self->vm, &s));
	EXPECT_EQ(16 * PAGE, s.mapped);
	EXPECT_EQ(3, s.mappings);
}

TEST_F(vm, bo_outlives_its_handle)
{
	struct drm_loom_vm_state s;

	ASSERT_EQ(0, vm_bind(self->fd, self->vm, 0, self->bo, 0, VA, 16 * PAGE));
	ASSERT_EQ(0, bo_close(self->fd, self->bo));
	ASSERT_EQ(0, state(self->fd, self->vm, &s));
	EXPECT_EQ(16 * PAGE, s.mapped);
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA, 16 * PAGE));
}

TEST_F(vm, many_mappings)
{
	for (uint64_t i = 0; i < 2000; i++)
		ASSERT_EQ(0, vm_bind(self->fd, self->vm, 0, self->bo, (i % 16) * PAGE,
				     VA + 3 * i * 0x200000, PAGE));
	ASSERT_EQ(0, vm_bind(self->fd, self->vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA,
			     6000ull * 0x200000));
}

TEST_F(vm, as_many_operations_as_allowed)
{
	uint32_t n = self->info.binds_max, failed;
	struct drm_loom_bind *ops = calloc(n, sizeof(*ops));
	struct drm_loom_vm_state s;

	ASSERT_NE(NULL, ops);
	for (uint32_t i = 0; i < n; i++)
		ops[i] = (struct drm_loom_bind){
			.handle = self->bo, .offset = (i % 16) * PAGE, .va = VA + 2 * i * PAGE,
			.size = PAGE,
		};
	ASSERT_EQ(0, bind_raw(self->fd, self->vm, ops, sizeof(*ops), n, &failed));
	EXPECT_EQ(n, failed);
	ASSERT_EQ(0, state(self->fd, self->vm, &s));
	EXPECT_EQ(n, s.mappings);
	EXPECT_EQ(n * PAGE, s.mapped);
	free(ops);
}

/* A client whose BO "pages" has the number of each page in its first word. */
FIXTURE(pages) {
	struct client c;
	uint32_t bo;
	uint64_t *p;
};

FIXTURE_SETUP(pages)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	ASSERT_EQ(0, bo_create(self->c.fd, 16 * PAGE, 0, 0, &self->bo));
	self->p = bo_map(self->c.fd, self->bo, 16 * PAGE);
	ASSERT_NE(NULL, self->p);
	for (uint64_t i = 0; i < 16; i++)
		self->p[i * PAGE / 8] = 100 + i;
}

FIXTURE_TEARDOWN(pages)
{
	munmap(self->p, 16 * PAGE);
	client_close(&self->c);
}

/* What the card reads at va, in a queue of its own; 0 if that faults. */
static uint64_t seen(struct client *c, uint64_t va)
{
	uint32_t queue;
	uint64_t *word = &c->data[7];

	*word = 0;
	if (client_queue(c, &queue))
		return ~0ull;
	run(c->fd, queue, CLIENT_VA,
	    client_size(c, pkt_copy(c->cpu, CLIENT_VA + CLIENT_DATA + 56, va, 1)));
	queue_destroy(c->fd, queue);
	return *word;
}

TEST_F(pages, holes_leave_the_rest_in_place)
{
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, self->bo, 0, VA, 16 * PAGE));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA + 3 * PAGE, PAGE));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA + 8 * PAGE,
			     2 * PAGE));
	for (uint64_t i = 0; i < 16; i++)
		EXPECT_EQ(i == 3 || i == 8 || i == 9 ? 0 : 100 + i, seen(&self->c, VA + i * PAGE));
}

TEST_F(pages, mapped_over_in_the_middle)
{
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, self->bo, 0, VA, 16 * PAGE));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, self->bo, 2 * PAGE, VA + 6 * PAGE, 4 * PAGE));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, self->bo, 0, VA + 8 * PAGE, PAGE));
	for (uint64_t i = 0; i < 16; i++) {
		uint64_t page = i == 8 ? 0 : i >= 6 && i < 10 ? i - 4 : i;

		EXPECT_EQ(100 + page, seen(&self->c, VA + i * PAGE));
	}
}

TEST_F(pages, read_only_beside_writable)
{
	const uint64_t alias = VA + 0x40000000;
	struct drm_loom_queue_state s;
	uint32_t queue;

	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, self->bo, 0, VA, 16 * PAGE));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_READONLY, self->bo, 0, alias,
			     16 * PAGE));
	ASSERT_EQ(0, run(self->c.fd, self->c.queue, CLIENT_VA,
			 client_size(&self->c, pkt_fence(self->c.cpu, VA + PAGE, 55))));
	EXPECT_EQ(55, seen(&self->c, alias + PAGE));
	/* The rest of a mapping that was cut is as it was. */
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_UNMAP, 0, 0, alias + 8 * PAGE,
			     PAGE));
	for (uint64_t page = 1; page < 16; page += 9) {
		ASSERT_EQ(0, client_queue(&self->c, &queue));
		run(self->c.fd, queue, CLIENT_VA,
		    client_size(&self->c, pkt_fence(self->c.cpu, alias + page * PAGE, 66)));
		ASSERT_EQ(0, queue_state(self->c.fd, queue, &s));
		EXPECT_EQ(DRM_LOOM_QUEUE_FAULTED, s.status);
		EXPECT_EQ(LOOM_FAULT_PERMISSION, s.fault_code);
		EXPECT_EQ(alias + page * PAGE, s.fault_va);
		queue_destroy(self->c.fd, queue);
		EXPECT_NE(66, self->p[page * PAGE / 8]);
	}
}

/* Behind an IOMMU whatever memory has addresses in one piece, if it need not be synchronised. */
TEST_F(pages, large_pages_behind_an_iommu)
{
	const uint64_t large = 2 << 20;
	uint32_t bo;

	if (access("/sys/kernel/iommu_groups/0", F_OK) || root_dma_checked())
		return;
	ASSERT_EQ(0, bo_create(self->c.fd, 3 * large, 0, 0, &bo));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, bo, 0, VA, 3 * large));
	EXPECT_EQ(3, vm_large_pages(self->c.fd));
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, 0, bo, 0, VA + PAGE, 2 * large));
	EXPECT_EQ(0, vm_large_pages(self->c.fd));
}

/*
 * Maps and unmaps at random, across everything that is there, against a list of what must be
 * where. The card reads all of it after each step: what it remembers of before is wrong.
 */
#define SPACE	64u	/* pages that may be mapped */

struct model {
	uint8_t page[SPACE];	/* of which page of the BO, 0xff: nothing */
	bool readonly[SPACE];
};

static uint64_t rng(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return *seed >> 33;
}

static int model_step(struct client *c, uint32_t bo, struct model *m, uint64_t *seed)
{
	uint32_t at = rng(seed) % SPACE, count = 1 + rng(seed) % 16, from, kind = rng(seed) % 4;
	int ret;

	if (count > SPACE - at)
		count = SPACE - at;
	from = rng(seed) % (17 - count);
	if (!kind)
		ret = vm_bind(c->fd, c->vm, DRM_LOOM_BIND_UNMAP, 0, 0, VA + at * PAGE, count * PAGE);
	else
		ret = vm_bind(c->fd, c->vm, kind == 1 ? DRM_LOOM_BIND_READONLY : 0, bo, from * PAGE,
			      VA + at * PAGE, count * PAGE);
	for (uint32_t i = 0; i < count; i++) {
		m->page[at + i] = kind ? from + i : 0xff;
		m->readonly[at + i] = kind == 1;
	}
	return ret;
}

/* One job that reads the first word of all pages that are mapped. */
static int model_read(struct client *c, const struct model *m)
{
	void *p = c->cpu;

	memset(c->data, 0, SPACE * 8);
	for (uint32_t i = 0; i < SPACE; i++)
		if (m->page[i] != 0xff)
			p = pkt_copy(p, CLIENT_VA + CLIENT_DATA + 8 * i, VA + i * PAGE, 1);
	return run(c->fd, c->queue, CLIENT_VA, client_size(c, p));
}

/* The card can store at va, in a queue of its own. */
static bool writable(struct client *c, uint64_t va)
{
	struct drm_loom_queue_state state = { 0 };
	uint32_t queue;

	if (client_queue(c, &queue))
		return false;
	run(c->fd, queue, CLIENT_VA, client_size(c, pkt_fence(c->cpu, va + 8, 1)));
	queue_state(c->fd, queue, &state);
	queue_destroy(c->fd, queue);
	return state.status == DRM_LOOM_QUEUE_OK;
}

TEST_F(pages, anything_mapped_over_anything)
{
	struct drm_loom_vm_state s;
	struct model m;
	uint64_t seed = 1;

	memset(m.page, 0xff, sizeof(m.page));
	for (int step = 0; step < 200; step++) {
		uint32_t mapped = 0, probe = rng(&seed) % SPACE;

		ASSERT_EQ(0, model_step(&self->c, self->bo, &m, &seed));
		ASSERT_EQ(0, model_read(&self->c, &m)) TH_LOG("step %d", step);
		for (uint32_t i = 0; i < SPACE; i++) {
			mapped += m.page[i] != 0xff;
			ASSERT_EQ(m.page[i] == 0xff ? 0 : 100u + m.page[i], self->c.data[i])
				TH_LOG("step %d, page %u", step, i);
		}
		ASSERT_EQ(0, state(self->c.fd, self->c.vm, &s));
		ASSERT_EQ(CLIENT_SIZE + mapped * PAGE, s.mapped) TH_LOG("step %d", step);
		ASSERT_EQ(m.page[probe] != 0xff && !m.readonly[probe],
			  writable(&self->c, VA + probe * PAGE))
			TH_LOG("step %d, page %u", step, probe);
		if (m.page[probe] == 0xff)
			ASSERT_EQ(0, seen(&self->c, VA + probe * PAGE)) TH_LOG("step %d", step);
	}
}

static void label(int fd, uint32_t handle, const char *text)
{
	struct drm_loom_bo_label args = { .handle = handle, .label = (uintptr_t)text };

	card_ioctl(fd, DRM_IOCTL_LOOM_BO_LABEL, &args);
}

/* Ends the queue by a store to va; when it returns, the fault has been reported. */
static void fault_at(struct client *c, uint64_t va)
{
	char event[256];
	uint32_t queue;

	if (client_queue(c, &queue))
		return;
	run(c->fd, queue, CLIENT_VA, client_size(c, pkt_fence(c->cpu, va, 1)));
	if (read(c->fd, event, sizeof(event)) < 0)
		return;
	queue_destroy(c->fd, queue);
}

TEST_F(pages, labels_in_reports)
{
	char *text;

	label(self->c.fd, self->bo, "weights of\n\"layer\" 7");
	ASSERT_EQ(0, vm_bind(self->c.fd, self->c.vm, DRM_LOOM_BIND_READONLY, self->bo, PAGE, VA,
			     8 * PAGE));
	text = debug_read(self->c.fd, "bos");
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, strstr(text, "65536 0x0 1 system \"weights of\\n")) TH_LOG("%s", text);
	EXPECT_EQ(NULL, strstr(text, "weights of\n"));
	free(text);
	text = debug_read(self->c.fd, "vms");
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, strstr(text, "0x200000000 0x8000 r- system 0x1000 of 0x10000 \"weights of"))
		TH_LOG("%s", text);
	free(text);

	fault_at(&self->c, VA + 2 * PAGE + 16);
	text = debug_read(self->c.fd, "vms");
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, strstr(text, "write of 0x200002010: not permitted (2), 0x3010 into \"weights"))
		TH_LOG("%s", text);
	free(text);
	fault_at(&self->c, VA + 8 * PAGE + 32);
	text = debug_read(self->c.fd, "vms");
	ASSERT_NE(NULL, text);
	EXPECT_NE(NULL, strstr(text, "write of 0x200008020: not mapped (1), 0x20 past \"weights"))
		TH_LOG("%s", text);
	free(text);
}

TEST_HARNESS_MAIN
