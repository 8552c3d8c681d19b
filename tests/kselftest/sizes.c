// SPDX-License-Identifier: MIT
/*
 * Structures of other versions: what a program that was built with an older or a newer header
 * sends. Every ioctl and every array has a line in a table here.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

#define PAGE	4096u
#define MORE	64u	/* how much longer structures of a newer header may be here */
#define DATA	(CLIENT_VA + CLIENT_DATA)
#define MARK	0xfeedull

/* What valid arguments need. */
struct world {
	struct client c;
	struct drm_loom_query_info info;
	struct drm_loom_bind bind;
	struct drm_loom_job job;
	char label[8];
};

static void fill_dev_query(struct world *w, void *arg)
{
	*(struct drm_loom_dev_query *)arg = (struct drm_loom_dev_query){
		.type = DRM_LOOM_QUERY_INFO, .size = sizeof(w->info), .pointer = (uintptr_t)&w->info,
	};
}

static void fill_bo_create(struct world *w, void *arg)
{
	(void)w;
	*(struct drm_loom_bo_create *)arg = (struct drm_loom_bo_create){ .size = PAGE };
}

static void fill_bo_mmap_offset(struct world *w, void *arg)
{
	*(struct drm_loom_bo_mmap_offset *)arg =
		(struct drm_loom_bo_mmap_offset){ .handle = w->c.bo };
}

static void fill_bo_info(struct world *w, void *arg)
{
	*(struct drm_loom_bo_info *)arg = (struct drm_loom_bo_info){ .handle = w->c.bo };
}

static void fill_bo_label(struct world *w, void *arg)
{
	*(struct drm_loom_bo_label *)arg = (struct drm_loom_bo_label){
		.handle = w->c.bo, .label = (uintptr_t)w->label,
	};
}

static void fill_vm_create(struct world *w, void *arg)
{
	(void)w;
	*(struct drm_loom_vm_create *)arg = (struct drm_loom_vm_create){ 0 };
}

static void fill_vm_destroy(struct world *w, void *arg)
{
	struct drm_loom_vm_destroy *args = arg;

	*args = (struct drm_loom_vm_destroy){ 0 };
	vm_create(w->c.fd, &args->id);
}

static void fill_vm_bind(struct world *w, void *arg)
{
	*(struct drm_loom_vm_bind *)arg = (struct drm_loom_vm_bind){
		.vm_id = w->c.vm,
		.ops = {
			.stride = sizeof(w->bind), .count = 1, .array = (uintptr_t)&w->bind,
		},
	};
}

static void fill_vm_state(struct world *w, void *arg)
{
	*(struct drm_loom_vm_state *)arg = (struct drm_loom_vm_state){ .id = w->c.vm };
}

static void fill_queue_create(struct world *w, void *arg)
{
	*(struct drm_loom_queue_create *)arg = (struct drm_loom_queue_create){
		.vm_id = w->c.vm, .priority = DRM_LOOM_PRIORITY_NORMAL,
	};
}

static void fill_queue_destroy(struct world *w, void *arg)
{
	struct drm_loom_queue_destroy *args = arg;

	*args = (struct drm_loom_queue_destroy){ 0 };
	client_queue(&w->c, &args->id);
}

static void fill_queue_state(struct world *w, void *arg)
{
	*(struct drm_loom_queue_state *)arg = (struct drm_loom_queue_state){ .id = w->c.queue };
}

static void fill_submit(struct world *w, void *arg)
{
	*(struct drm_loom_submit *)arg = (struct drm_loom_submit){
		.queue_id = w->c.queue,
		.jobs = { .stride = sizeof(w->job), .count = 1, .array = (uintptr_t)&w->job },
	};
}

static void fill_queue_poll(struct world *w, void *arg)
{
	*(struct drm_loom_queue_poll *)arg = (struct drm_loom_queue_poll){ .id = w->c.queue };
}

/* @fill makes arguments that are valid; what they make or destroy is made anew for each call. */
#define IOCTL(NAME, name)	{ #NAME, DRM_IOCTL_LOOM_##NAME, fill_##name }
static const struct {
	const char *name;
	unsigned long request;
	void (*fill)(struct world *w, void *arg);
} ioctls[] = {
	IOCTL(DEV_QUERY, dev_query),
	IOCTL(BO_CREATE, bo_create),
	IOCTL(BO_MMAP_OFFSET, bo_mmap_offset),
	IOCTL(BO_INFO, bo_info),
	IOCTL(BO_LABEL, bo_label),
	IOCTL(VM_CREATE, vm_create),
	IOCTL(VM_DESTROY, vm_destroy),
	IOCTL(VM_BIND, vm_bind),
	IOCTL(VM_STATE, vm_state),
	IOCTL(QUEUE_CREATE, queue_create),
	IOCTL(QUEUE_DESTROY, queue_destroy),
	IOCTL(QUEUE_STATE, queue_state),
	IOCTL(SUBMIT, submit),
	IOCTL(QUEUE_POLL, queue_poll),
};

#define IOCTLS	(sizeof(ioctls) / sizeof(*ioctls))

static unsigned long sized(unsigned long request, size_t size)
{
	return _IOC(_IOC_DIR(request), _IOC_TYPE(request), _IOC_NR(request), size);
}

/* Takes back what a successful call has made, where there may only be so many. */
static void undo(struct world *w, size_t i, void *arg)
{
	struct drm_loom_vm_destroy destroy = { 0 };

	if (ioctls[i].fill == fill_vm_create) {
		destroy.id = ((struct drm_loom_vm_create *)arg)->id;
		card_ioctl(w->c.fd, DRM_IOCTL_LOOM_VM_DESTROY, &destroy);
	} else if (ioctls[i].fill == fill_queue_create) {
		queue_destroy(w->c.fd, ((struct drm_loom_queue_create *)arg)->id);
	}
}

/* Destroys what was made for a call that failed. */
static int redo(struct world *w, size_t i, void *arg)
{
	if (ioctls[i].fill != fill_vm_destroy && ioctls[i].fill != fill_queue_destroy)
		return 0;
	return card_ioctl(w->c.fd, ioctls[i].request, arg);
}

FIXTURE(sizes) {
	struct world w;
	uint8_t *page;		/* what follows it cannot be accessed */
};

FIXTURE_SETUP(sizes)
{
	struct world *w = &self->w;

	ASSERT_EQ(0, client_open(&w->c, 0, 0));
	strcpy(w->label, "label");
	w->bind = (struct drm_loom_bind){
		.handle = w->c.bo, .va = 1ull << 30, .size = PAGE,
	};
	w->job.cmd_va = CLIENT_VA;
	w->job.cmd_size = client_size(&w->c, pkt_fence(w->c.cpu, DATA, MARK));
	self->page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->page);
	ASSERT_EQ(0, mprotect(self->page + PAGE, PAGE, PROT_NONE));
}

FIXTURE_TEARDOWN(sizes)
{
	munmap(self->page, 2 * PAGE);
	client_close(&self->w.c);
}

/* No ioctl is forgotten here: the next number is not one. */
TEST_F(sizes, table_is_complete)
{
	uint8_t arg[256] = { 0 };

	for (size_t i = 0; i < IOCTLS; i++)
		EXPECT_EQ(DRM_COMMAND_BASE + i, _IOC_NR(ioctls[i].request));
	for (size_t size = 8; size <= sizeof(arg); size += 8)
		EXPECT_EQ(-EINVAL, card_ioctl(self->w.c.fd,
					      _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE,
						   DRM_COMMAND_BASE + IOCTLS, size), arg));
}

TEST_F(sizes, as_they_are)
{
	/* To the last byte of accessible memory: nothing beyond is touched. */
	for (size_t i = 0; i < IOCTLS; i++) {
		uint8_t *arg = self->page + PAGE - _IOC_SIZE(ioctls[i].request);

		ioctls[i].fill(&self->w, arg);
		EXPECT_EQ(0, card_ioctl(self->w.c.fd, ioctls[i].request, arg))
			TH_LOG("%s", ioctls[i].name);
	}
}

TEST_F(sizes, newer_header)
{
	for (size_t i = 0; i < IOCTLS; i++) {
		size_t known = _IOC_SIZE(ioctls[i].request);

		for (size_t more = 1; more <= MORE; more++) {
			uint8_t *arg = self->page + PAGE - known - more;

			memset(arg, 0, known + more);
			ioctls[i].fill(&self->w, arg);
			EXPECT_EQ(0, card_ioctl(self->w.c.fd,
						sized(ioctls[i].request, known + more), arg))
				TH_LOG("%s and %zu bytes", ioctls[i].name, more);
			for (size_t k = 0; k < more; k++)
				EXPECT_EQ(0, arg[known + k]);
			undo(&self->w, i, arg);
		}
	}
}

/* What the kernel does not know must be zero, every byte of it; then nothing has happened. */
TEST_F(sizes, newer_header_with_something_new)
{
	struct drm_loom_queue_state state;

	for (size_t i = 0; i < IOCTLS; i++) {
		size_t known = _IOC_SIZE(ioctls[i].request);

		for (size_t k = 0; k < MORE; k++) {
			uint8_t arg[512] = { 0 }, before[512];

			ioctls[i].fill(&self->w, arg);
			arg[known + k] = 1;
			memcpy(before, arg, sizeof(arg));
			EXPECT_EQ(-E2BIG, card_ioctl(self->w.c.fd,
						     sized(ioctls[i].request, known + MORE), arg))
				TH_LOG("%s, byte %zu", ioctls[i].name, k);
			EXPECT_EQ(0, memcmp(before, arg, sizeof(arg)));
			/* Still there. */
			ASSERT_EQ(0, redo(&self->w, i, arg));
		}
	}
	ASSERT_EQ(0, queue_state(self->w.c.fd, self->w.c.queue, &state));
	EXPECT_EQ(0, state.submitted);
}

TEST_F(sizes, newer_header_and_no_memory)
{
	for (size_t i = 0; i < IOCTLS; i++) {
		size_t known = _IOC_SIZE(ioctls[i].request);
		uint8_t *arg = self->page + PAGE - known;

		ioctls[i].fill(&self->w, arg);
		EXPECT_EQ(-EFAULT, card_ioctl(self->w.c.fd,
					      sized(ioctls[i].request, known + MORE), arg))
			TH_LOG("%s", ioctls[i].name);
	}
}

/*
 * This header is of the first version for all arguments: nothing shorter has ever been. A size
 * that grows gets its first one into the table, and what lies between must be taken.
 */
TEST_F(sizes, shorter_than_the_first_version)
{
	for (size_t i = 0; i < IOCTLS; i++) {
		for (size_t size = 0; size < _IOC_SIZE(ioctls[i].request); size++) {
			uint8_t arg[512] = { 0 };

			ioctls[i].fill(&self->w, arg);
			EXPECT_EQ(-EINVAL, card_ioctl(self->w.c.fd,
						      sized(ioctls[i].request, size), arg))
				TH_LOG("%s with %zu bytes", ioctls[i].name, size);
			ASSERT_EQ(0, redo(&self->w, i, arg));
		}
	}
}

TEST_F(sizes, direction)
{
	static const unsigned int wrong[] = { _IOC_NONE, _IOC_READ, _IOC_WRITE };

	for (size_t i = 0; i < IOCTLS; i++) {
		for (size_t k = 0; k < sizeof(wrong) / sizeof(*wrong); k++) {
			uint8_t arg[512] = { 0 };

			ioctls[i].fill(&self->w, arg);
			EXPECT_EQ(-EINVAL,
				  card_ioctl(self->w.c.fd,
					     _IOC(wrong[k], _IOC_TYPE(ioctls[i].request),
						  _IOC_NR(ioctls[i].request),
						  _IOC_SIZE(ioctls[i].request)), arg))
				TH_LOG("%s, direction %u", ioctls[i].name, wrong[k]);
		}
	}
}

/* ---- what must be zero ---- */

/* Bits of a field that have no meaning, by the ioctl whose argument it is in. */
#define ZERO(NAME, name, field, bits) { DRM_IOCTL_LOOM_##NAME, #NAME "." #field, 0, \
	offsetof(struct drm_loom_##name, field), sizeof(((struct drm_loom_##name *)0)->field), bits }
/* The same in an element: what @array of the argument points at. */
#define ELEMENT(NAME, name, field, bits, array) { DRM_IOCTL_LOOM_##NAME, #NAME " " #name "." #field, \
	array, offsetof(struct drm_loom_##name, field), \
	sizeof(((struct drm_loom_##name *)0)->field), bits }
#define ALL	(~0ull)

static const struct zero {
	unsigned long request;
	const char *name;
	size_t array;		/* offset of a struct drm_loom_array, 0: it is in the argument */
	size_t at, size;
	uint64_t bits;		/* of each 64 or 32 */
} zeros[] = {
	ZERO(BO_CREATE, bo_create, flags, ~(uint64_t)(DRM_LOOM_BO_LOCAL | DRM_LOOM_BO_NO_MMAP)),
	ZERO(BO_CREATE, bo_create, pad, ALL),
	ZERO(BO_MMAP_OFFSET, bo_mmap_offset, pad, ALL),
	ZERO(BO_INFO, bo_info, pad, ALL),
	ZERO(BO_LABEL, bo_label, pad, ALL),
	ZERO(VM_CREATE, vm_create, flags, ALL),
	ZERO(VM_DESTROY, vm_destroy, pad, ALL),
	ZERO(VM_BIND, vm_bind, flags, ALL),
	ZERO(VM_BIND, vm_bind, pad, ALL),
	ZERO(VM_STATE, vm_state, pad, ALL),
	ZERO(QUEUE_CREATE, queue_create, flags, ~(uint64_t)DRM_LOOM_QUEUE_DUMP_CONTENTS),
	ZERO(QUEUE_CREATE, queue_create, reserved, ALL),
	/* Without a handle for results. */
	ZERO(QUEUE_CREATE, queue_create, results_offset, ALL),
	ZERO(QUEUE_CREATE, queue_create, results_count, ALL),
	ZERO(QUEUE_DESTROY, queue_destroy, pad, ALL),
	ZERO(QUEUE_STATE, queue_state, pad, ALL),
	ZERO(SUBMIT, submit, flags, ALL),
	ZERO(QUEUE_POLL, queue_poll, pad, ALL),
	ELEMENT(VM_BIND, bind, flags, ~(uint64_t)DRM_LOOM_BIND_READONLY,
		offsetof(struct drm_loom_vm_bind, ops)),
	ELEMENT(SUBMIT, job, flags, ALL, offsetof(struct drm_loom_submit, jobs)),
};

static size_t ioctl_of(unsigned long request)
{
	size_t i;

	for (i = 0; i < IOCTLS && ioctls[i].request != request; i++)
		;
	return i;
}

/* One bit of one field after the other, with everything else valid: nothing happens. */
TEST_F(sizes, what_must_be_zero)
{
	struct drm_loom_queue_state state;

	for (size_t z = 0; z < sizeof(zeros) / sizeof(*zeros); z++) {
		const struct zero *zero = &zeros[z];
		size_t i = ioctl_of(zero->request);

		for (size_t bit = 0; bit < 8 * zero->size; bit++) {
			uint8_t arg[512] = { 0 }, before[512], *at = arg;
			struct drm_loom_array array;

			if (!(zero->bits >> bit % 64 & 1))
				continue;
			ioctls[i].fill(&self->w, arg);
			if (zero->array) {
				memcpy(&array, arg + zero->array, sizeof(array));
				at = (uint8_t *)(uintptr_t)array.array;
			}
			at[zero->at + bit / 8] ^= 1u << bit % 8;
			memcpy(before, arg, sizeof(arg));
			EXPECT_EQ(-EINVAL, card_ioctl(self->w.c.fd, zero->request, arg))
				TH_LOG("%s, bit %zu", zero->name, bit);
			EXPECT_EQ(0, memcmp(before, arg, _IOC_SIZE(zero->request)));
			at[zero->at + bit / 8] ^= 1u << bit % 8;
			ASSERT_EQ(0, redo(&self->w, i, arg));
		}
	}
	ASSERT_EQ(0, queue_state(self->w.c.fd, self->w.c.queue, &state));
	EXPECT_EQ(0, state.submitted);
}

/* Answers of DEV_QUERY to callers of any age. */
TEST_F(sizes, queries)
{
	static const uint32_t known[] = {
		[DRM_LOOM_QUERY_INFO] = sizeof(struct drm_loom_query_info),
		[DRM_LOOM_QUERY_TIMESTAMP] = sizeof(struct drm_loom_query_timestamp),
		[DRM_LOOM_QUERY_MEMORY] = sizeof(struct drm_loom_query_memory),
		[DRM_LOOM_QUERY_COUNTERS] = sizeof(struct drm_loom_query_counters),
	};

	for (uint32_t type = 0; type < sizeof(known) / sizeof(*known); type++) {
		struct drm_loom_dev_query args = { .type = type };
		uint8_t whole[512];

		ASSERT_EQ(0, card_ioctl(self->w.c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &args));
		ASSERT_EQ(known[type], args.size);
		args.pointer = (uintptr_t)whole;
		ASSERT_EQ(0, card_ioctl(self->w.c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &args));
		for (uint32_t size = 0; size <= known[type] + MORE; size++) {
			uint8_t *answer = self->page + PAGE - size;
			uint32_t taken = size < known[type] ? size : known[type];

			memset(self->page, 0xa5, PAGE);
			args.size = size;
			args.pointer = (uintptr_t)answer;
			ASSERT_EQ(0, card_ioctl(self->w.c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &args));
			/* Clocks and counters go on meanwhile. */
			if (type == DRM_LOOM_QUERY_INFO)
				EXPECT_EQ(0, memcmp(answer, whole, taken));
			for (uint32_t k = taken; k < size; k++)
				ASSERT_EQ(0, answer[k]);
			EXPECT_EQ(0xa5, self->page[PAGE - size - 1]);
		}
		/* One byte more than there is room for. */
		args.size = MORE;
		args.pointer = (uintptr_t)(self->page + PAGE - MORE + 1);
		EXPECT_EQ(-EFAULT, card_ioctl(self->w.c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &args));
		args.size = known[type] + MORE;
		args.pointer = (uintptr_t)(self->page + PAGE - known[type] - MORE + 1);
		EXPECT_EQ(-EFAULT, card_ioctl(self->w.c.fd, DRM_IOCTL_LOOM_DEV_QUERY, &args));
	}
}

/* ---- arrays ---- */

enum array { BINDS, JOBS, SYNCS, ARRAYS };

static const struct {
	const char *name;
	uint32_t size;
} arrays[ARRAYS] = {
	[BINDS] = { "binds", sizeof(struct drm_loom_bind) },
	[JOBS] = { "jobs", sizeof(struct drm_loom_job) },
	[SYNCS] = { "syncs", sizeof(struct drm_loom_sync) },
};

#define COUNT	3u

/* COUNT valid elements, @stride apart, in @room; what lies between them stays as it is. */
static void elements(struct world *w, enum array array, uint8_t *room, uint32_t stride)
{
	for (uint32_t i = 0; i < COUNT; i++) {
		struct drm_loom_bind bind = w->bind;
		struct drm_loom_job job = { 0 };
		struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
		uint8_t *at = w->c.cpu + i * 256;

		bind.va += i * PAGE;
		job.cmd_va = CLIENT_VA + i * 256;
		job.cmd_size = (uint8_t *)pkt_fence(at, DATA + 8 * i, MARK + i) - at;
		sync_create(w->c.fd, &sync.handle);
		memcpy(room + i * stride, array == BINDS ? (void *)&bind :
		       array == JOBS ? (void *)&job : (void *)&sync, arrays[array].size);
	}
}

static int send(struct world *w, enum array array, const struct drm_loom_array *desc)
{
	struct drm_loom_vm_bind bind = { .vm_id = w->c.vm, .ops = *desc };
	struct drm_loom_submit submit = { .queue_id = w->c.queue, .jobs = *desc };

	if (array == BINDS)
		return card_ioctl(w->c.fd, DRM_IOCTL_LOOM_VM_BIND, &bind);
	if (array == SYNCS) {
		w->job.syncs = *desc;
		submit.jobs = (struct drm_loom_array){
			.stride = sizeof(w->job), .count = 1, .array = (uintptr_t)&w->job,
		};
	}
	return card_ioctl(w->c.fd, DRM_IOCTL_LOOM_SUBMIT, &submit);
}

/* Whether all elements were taken from where they are. */
static bool arrived(struct world *w, enum array array, const uint8_t *room, uint32_t stride)
{
	struct drm_loom_vm_state state = { .id = w->c.vm };
	struct drm_loom_sync sync;
	bool good = true;

	if (run(w->c.fd, w->c.queue, 0, 0))
		return false;
	switch (array) {
	case BINDS:
		/* And the client's own. */
		return !card_ioctl(w->c.fd, DRM_IOCTL_LOOM_VM_STATE, &state) &&
		       state.mapped == CLIENT_SIZE + COUNT * PAGE;
	case JOBS:
		for (uint32_t i = 0; i < COUNT; i++)
			good &= w->c.data[i] == MARK + i;
		return good;
	default:
		for (uint32_t i = 0; i < COUNT; i++) {
			memcpy(&sync, room + i * stride, sizeof(sync));
			good &= !sync_wait(w->c.fd, sync.handle, 0, PATIENCE);
		}
		return good;
	}
}

TEST_F(sizes, elements_of_a_newer_header)
{
	for (int array = 0; array < ARRAYS; array++) {
		for (uint32_t more = 0; more <= MORE; more += 8) {
			uint32_t stride = arrays[array].size + more;
			uint8_t *room = self->page + PAGE - COUNT * stride;
			struct drm_loom_array desc = {
				.stride = stride, .count = COUNT, .array = (uintptr_t)room,
			};

			memset(self->page, 0, PAGE);
			memset(self->w.c.data, 0, 64);
			elements(&self->w, array, room, stride);
			EXPECT_EQ(0, send(&self->w, array, &desc))
				TH_LOG("%s of %u bytes", arrays[array].name, stride);
			EXPECT_TRUE(arrived(&self->w, array, room, stride))
				TH_LOG("%s of %u bytes", arrays[array].name, stride);
			for (uint32_t i = 0; more && i < COUNT; i++) {
				room[i * stride + arrays[array].size + more - 1] = 1;
				EXPECT_EQ(-E2BIG, send(&self->w, array, &desc))
					TH_LOG("%s of %u bytes, the tail of %u", arrays[array].name,
					       stride, i);
				room[i * stride + arrays[array].size + more - 1] = 0;
			}
		}
	}
}

TEST_F(sizes, elements_of_wrong_size)
{
	for (int array = 0; array < ARRAYS; array++) {
		uint32_t size = arrays[array].size;
		struct drm_loom_array desc = { .count = 1, .array = (uintptr_t)self->page };

		elements(&self->w, array, self->page, 64);
		for (desc.stride = 0; desc.stride < size; desc.stride++)
			EXPECT_EQ(-EINVAL, send(&self->w, array, &desc))
				TH_LOG("%s of %u bytes", arrays[array].name, desc.stride);
		for (desc.stride = size + 1; desc.stride < size + 8; desc.stride++)
			EXPECT_EQ(-EINVAL, send(&self->w, array, &desc))
				TH_LOG("%s of %u bytes", arrays[array].name, desc.stride);
		desc.stride = 0xfffffff8;
		EXPECT_EQ(-E2BIG, send(&self->w, array, &desc));
		/* Past the end of memory, and round it. */
		desc.stride = size;
		desc.count = 2;
		desc.array = (uintptr_t)(self->page + PAGE - size);
		EXPECT_EQ(-EFAULT, send(&self->w, array, &desc));
		desc.array = ~0ull - size - 7;
		EXPECT_EQ(-EFAULT, send(&self->w, array, &desc));
		/* No elements: the rest is not looked at. */
		desc = (struct drm_loom_array){ .stride = 1, .array = 1 };
		EXPECT_EQ(array == JOBS ? -EINVAL : 0, send(&self->w, array, &desc));
	}
}

/* All counts at their edge: jobs and binds in submit.c and vm.c work with theirs. */
TEST_F(sizes, as_many_elements_as_there_may_be)
{
	uint32_t most[ARRAYS];

	ASSERT_EQ(0, card_info(self->w.c.fd, &self->w.info));
	most[BINDS] = self->w.info.binds_max;
	most[JOBS] = self->w.info.jobs_max;
	most[SYNCS] = self->w.info.syncs_max;
	for (int array = 0; array < ARRAYS; array++) {
		uint32_t size = arrays[array].size;
		uint8_t *room = calloc(most[array] + 1, size);
		struct drm_loom_array desc = {
			.stride = size, .count = most[array] + 1, .array = (uintptr_t)room,
		};

		ASSERT_NE(NULL, room);
		elements(&self->w, array, room, size);
		for (uint32_t i = COUNT; i <= most[array]; i++)
			memcpy(room + i * size, room, size);
		EXPECT_EQ(-E2BIG, send(&self->w, array, &desc))
			TH_LOG("%u %s", desc.count, arrays[array].name);
		desc.count--;
		EXPECT_EQ(0, send(&self->w, array, &desc))
			TH_LOG("%u %s", desc.count, arrays[array].name);
		ASSERT_EQ(0, run(self->w.c.fd, self->w.c.queue, 0, 0));
		free(room);
	}
}

TEST_HARNESS_MAIN
