// SPDX-License-Identifier: MIT
/*
 * Arguments from the table: what is a good value of a field, and what is a bad one.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest/card.h"

#include "life.h"
#include "packet.h"

#define PAGE		4096ull
#define LARGE		(2ull << 20)
#define ARENA		(256ull << 10)
#define ARG_MAX		512u	/* longer than any structure, and zero behind it */

/* What a life may ask for; four of them at a time fit into a small machine. */
#define LIFE_MEMORY	(48ull << 20)
#define LIFE_BINDS	2000u
/* Nothing that is larger is ever given. */
#define NEVER		(1ull << 36)
#define LONGEST_MS	100u
#define LIST_MOST	(1u << 17)

void finding(struct board *board, const char *format, ...)
{
	va_list args;

	if (!__atomic_exchange_n(&board->found, true, __ATOMIC_ACQ_REL)) {
		va_start(args, format);
		vsnprintf(board->finding, sizeof(board->finding), format, args);
		va_end(args);
	}
	__atomic_store_n(&board->stop, true, __ATOMIC_RELEASE);
}

/* ---- what is there ------------------------------------------------------------------ */

struct pool *life_pool(struct life *life, struct file *file, enum object_kind kind)
{
	return kind < OBJ_FILE_KINDS ? &file->pools[kind] : &life->fds[kind - OBJ_FILE_KINDS];
}

struct object *pool_pick(struct pool *pool, struct choices *choices)
{
	return pool->count ? &pool->at[choose(choices, pool->count)] : NULL;
}

static struct object *pool_find(struct pool *pool, uint32_t id)
{
	for (uint32_t i = 0; i < pool->count; i++)
		if (pool->at[i].id == id)
			return &pool->at[i];
	return NULL;
}

void pool_forget(struct pool *pool, uint32_t id)
{
	struct object *object = pool_find(pool, id);

	if (!object)
		return;
	pool->stale[pool->stales++ % STALE] = id;
	*object = pool->at[--pool->count];
}

static void object_end(struct file *file, enum object_kind kind, uint32_t id)
{
	struct drm_gem_close bo = { .handle = id };
	struct drm_loom_vm_destroy vm = { .id = id };
	struct drm_loom_queue_destroy queue = { .id = id };
	struct drm_syncobj_destroy sync = { .handle = id };

	switch (kind) {
	case OBJ_BO:
		ioctl(file->fd, DRM_IOCTL_GEM_CLOSE, &bo);
		break;
	case OBJ_VM:
		ioctl(file->fd, DRM_IOCTL_LOOM_VM_DESTROY, &vm);
		break;
	case OBJ_QUEUE:
		ioctl(file->fd, DRM_IOCTL_LOOM_QUEUE_DESTROY, &queue);
		break;
	case OBJ_SYNC:
		ioctl(file->fd, DRM_IOCTL_SYNCOBJ_DESTROY, &sync);
		break;
	default:
		close(id);
		break;
	}
}

struct object *life_keep(struct life *life, struct file *file, enum object_kind kind, uint32_t id)
{
	struct pool *pool = life_pool(life, file, kind);
	struct object *object = pool_find(pool, id);

	if (object)
		return object;
	if (pool->count == POOL_MAX) {
		/* The first few are what others live on. */
		uint32_t old = pool->at[4 + (id & 15)].id;

		object_end(file, kind, old);
		pool_forget(pool, old);
	}
	object = &pool->at[pool->count++];
	memset(object, 0, sizeof(*object));
	object->id = id;
	return object;
}

/* ---- values ------------------------------------------------------------------------- */

uint64_t life_va(struct choices *choices)
{
	switch (choose(choices, 8)) {
	case 0:
		return CLIENT_VA + choose(choices, CLIENT_SIZE / PAGE) * PAGE;
	case 1:
		return (uint64_t)(1 + choose(choices, 200)) << 39;
	case 2:
		return choose(choices, 2) ? 0x10000 : (1ull << 47) - PAGE * (1 + choose(choices, 4));
	case 3:
	case 4:
		return 0x40000000 + choose(choices, 8) * LARGE;
	default:
		return 0x40000000 + choose(choices, 1024) * PAGE;
	}
}

static uint32_t an_id(struct pool *pool, struct choices *choices, uint32_t otherwise)
{
	struct object *object = pool_pick(pool, choices);

	return object ? object->id : otherwise;
}

static uint64_t good_size(struct choices *choices)
{
	switch (choose(choices, 8)) {
	case 0:
		return LARGE;
	case 1:
		return LARGE + PAGE * choose(choices, 4);
	case 2:
		return 1 + choose(choices, 20000);
	default:
		return PAGE * (1 + choose(choices, 16));
	}
}

static uint64_t bind_size(struct life *life, struct choices *choices)
{
	uint64_t left = life->bo ? life->bo->size - life->offset : PAGE;

	if (life->unmap)
		return choose(choices, 4) ? PAGE * (1 + choose(choices, 64)) :
		       PAGE << choose(choices, 34);
	if (choose(choices, 2) || left <= PAGE)
		return left & ~(PAGE - 1);
	return PAGE * (1 + choose(choices, left / PAGE));
}

static uint64_t job_size(struct file *file, struct life *life, struct choices *choices)
{
	if (life->slot_chosen < SLOTS)
		return file->cmd_size[life->slot_chosen];
	return life->slot_chosen == SLOTS ? 0 : 8 * (1 + choose(choices, 64));
}

static uint64_t good(struct life *life, struct file *file, const struct field *field,
		     struct choices *choices)
{
	struct pool *pools = file->pools;

	switch (field->kind) {
	case K_NUMBER:
		return choose(choices, field->limit);
	case K_FLAGS:
		return choose(choices, 2) ? choose64(choices) & field->limit : 0;
	case K_FIXED:
		return field->limit;
	case K_MOST_FLAGS:
		return choose(choices, 4) ? field->limit : choose64(choices) & field->limit;
	case K_ANY:
		return choose64(choices);
	case K_BO:
		return an_id(&pools[OBJ_BO], choices, 1);
	case K_VM:
		return an_id(&pools[OBJ_VM], choices, 1);
	case K_VM_OR_NONE:
		return choose(choices, 3) ? 0 : an_id(&pools[OBJ_VM], choices, 0);
	case K_QUEUE:
		return an_id(&pools[OBJ_QUEUE], choices, 1);
	case K_SYNC:
		return an_id(&pools[OBJ_SYNC], choices, 1);
	case K_DMABUF:
		return an_id(&life->fds[OBJ_DMABUF - OBJ_FILE_KINDS], choices, file->fd);
	case K_SYNC_FILE:
		return an_id(&life->fds[OBJ_SYNC_FILE - OBJ_FILE_KINDS], choices, file->fd);
	case K_SYNC_FD:
		return an_id(&life->fds[OBJ_SYNC_FD - OBJ_FILE_KINDS], choices, file->fd);
	case K_EVENTFD:
		return an_id(&life->fds[OBJ_EVENTFD - OBJ_FILE_KINDS], choices, file->fd);
	case K_LENGTH:
		return choose(choices, 4) ? ARG_MAX : choose(choices, ARG_MAX);
	case K_SIZE:
		return good_size(choices);
	case K_BIND_FLAGS:
		life->unmap = choose(choices, 4) == 3;
		if (life->unmap)
			return DRM_LOOM_BIND_UNMAP;
		return choose(choices, 3) ? DRM_LOOM_BIND_MAP :
		       DRM_LOOM_BIND_MAP | DRM_LOOM_BIND_READONLY;
	case K_BIND_BO:
		life->bo = life->unmap ? NULL : pool_pick(&pools[OBJ_BO], choices);
		return life->bo ? life->bo->id : 0;
	case K_BIND_OFFSET:
		life->offset = life->bo && life->bo->size > PAGE && !choose(choices, 3) ?
			       PAGE * choose(choices, life->bo->size / PAGE) : 0;
		return life->offset;
	case K_BIND_SIZE:
		return bind_size(life, choices);
	case K_VA:
		return life_va(choices);
	case K_TIMEOUT_MS:
		return 1 + choose(choices, LONGEST_MS);
	case K_RESULTS_BO:
		life->bo = choose(choices, 2) ? pool_pick(&pools[OBJ_BO], choices) : NULL;
		return life->bo ? life->bo->id : 0;
	case K_RESULTS_OFFSET:
		return life->bo && !choose(choices, 4) ? 64 * choose(choices, 16) : 0;
	case K_RESULTS_COUNT:
		return life->bo ? 1u << choose(choices, 5) : 0;
	case K_CMD_VA:
		/* Nothing to run, or somewhere that somebody may have mapped. */
		life->slot_chosen = one_in(choices, 40) ? SLOTS + 1 : choose(choices, SLOTS + 1);
		if (life->slot_chosen == SLOTS ||
		    (life->slot_chosen < SLOTS && !file->cmd_size[life->slot_chosen]))
			return life->slot_chosen = SLOTS, 0;
		return life->slot_chosen > SLOTS ? life_va(choices) :
		       CLIENT_VA + life->slot_chosen * SLOT_SIZE;
	case K_CMD_SIZE:
		return job_size(file, life, choices);
	case K_SYNC_FLAGS:
		life->timeline = choose(choices, 2);
		return (choose(choices, 5) ? DRM_LOOM_SYNC_SIGNAL : 0) |
		       (life->timeline ? DRM_LOOM_SYNC_TIMELINE : 0);
	case K_POINT:
		return life->timeline ? 1 + choose(choices, 32) : 0;
	case K_POINT_ANY:
		return choose(choices, 32);
	case K_JOB:
		return choose(choices, 64);
	case K_DEADLINE:
		return now() + 1000ull * choose(choices, 3000);
	default:
		return 0;
	}
}

static uint64_t bad(struct life *life, struct file *file, const struct field *field,
		    struct choices *choices)
{
	static const enum object_kind stale_of[] = {
		[K_BO] = OBJ_BO, [K_VM] = OBJ_VM, [K_VM_OR_NONE] = OBJ_VM, [K_QUEUE] = OBJ_QUEUE,
		[K_SYNC] = OBJ_SYNC, [K_DMABUF] = OBJ_DMABUF, [K_SYNC_FILE] = OBJ_SYNC_FILE,
		[K_SYNC_FD] = OBJ_SYNC_FD, [K_EVENTFD] = OBJ_EVENTFD,
	};
	uint64_t value = good(life, file, field, choices);

	switch (choose(choices, 8)) {
	case 0:
		return 0;
	case 1:
		return ~0ull;
	case 2:
		return 1ull << choose(choices, 64);
	case 3:
		return choose64(choices) >> choose(choices, 64);
	case 4:
		return value ^ 1ull << choose(choices, 8 * field->size);
	case 5:
		return value + 1;
	case 6:
		if (field->kind >= K_BO && field->kind <= K_EVENTFD && stale_of[field->kind])
			return life_pool(life, file, stale_of[field->kind])->stale[choose(choices,
											   STALE)];
		return value - 1;
	default:
		/* That of another file, or of another kind. */
		return choose(choices, 48);
	}
}

/* Nothing bad must come of it for the machine. */
static uint64_t tame(struct life *life, const struct field *field, uint64_t value)
{
	if (field->kind == K_SIZE && value <= NEVER && value > life->memory)
		return PAGE;
	if (field->kind == K_TIMEOUT_MS && (uint32_t)value <= 600000 &&
	    ((uint32_t)value > LONGEST_MS || !(uint32_t)value))
		return LONGEST_MS;
	return value;
}

/* ---- structures --------------------------------------------------------------------- */

static uint8_t *arena_take(struct life *life, uint32_t size)
{
	uint8_t *at = life->arena + life->arena_used;

	life->arena_used += (size + 15) & ~15u;
	if (life->arena_used > ARENA)
		return life->arena_end;
	memset(at, 0, size);
	return at;
}

static uint64_t bad_address(struct life *life, struct choices *choices)
{
	switch (choose(choices, 6)) {
	case 0:
		return 0;
	case 1:
		return (uintptr_t)life->arena_end;
	case 2:
		return (uintptr_t)life->arena_end - 8 * (1 + choose(choices, 8));
	case 3:
		return (uintptr_t)life->readonly;
	case 4:
		return 0x8000000000000000ull;
	default:
		return choose64(choices);
	}
}

static void build(struct life *life, struct file *file, const struct layout *layout, uint8_t *to,
		  struct choices *choices);

static uint32_t elements(const struct life *life, const struct field *field,
			 struct choices *choices)
{
	if (field->kind == K_LIST)
		return choose(choices, 4);
	if (!field->limit)
		return one_in(choices, 40);
	if (one_in(choices, 60u << 2 * life->depth))
		return choose(choices, 300);
	if (!life->depth && !one_in(choices, 20))
		return 1 + choose(choices, field->limit);
	return choose(choices, field->limit + 1);
}

/* Elements that are as far apart as @stride; as many as there is room for. */
static uint64_t array(struct life *life, struct file *file, const struct layout *layout,
		      uint32_t stride, uint32_t count, struct choices *choices)
{
	uint8_t *at;

	if (!count || (uint64_t)stride * count > ARENA / 2)
		return (uintptr_t)life->arena_end;
	at = arena_take(life, stride * count);
	if (at == life->arena_end)
		return (uintptr_t)at;
	life->depth++;
	for (uint32_t i = 0; i < count; i++)
		build(life, file, layout, at + (uint64_t)i * stride, choices);
	life->depth--;
	if (one_in(choices, 100))
		return bad_address(life, choices);
	return (uintptr_t)at;
}

static void build_array(struct life *life, struct file *file, const struct field *field,
			uint8_t *to, struct choices *choices)
{
	struct drm_loom_array value = {
		.stride = field->layout->size, .count = elements(life, field, choices),
	};

	/* A later version of the structure: longer, with zeros behind what is known, or not. */
	if (one_in(choices, 24))
		value.stride += 8 * choose(choices, 4);
	value.array = array(life, file, field->layout, value.stride, value.count, choices);
	if (one_in(choices, 60) && value.array >= (uintptr_t)life->arena &&
	    value.array + value.stride <= (uintptr_t)life->arena_end)
		((uint8_t *)(uintptr_t)value.array)[value.stride - 1] = 1;
	if (one_in(choices, 60))
		value.stride = choose(choices, 2048);
	if (one_in(choices, 60))
		value.count = choose(choices, 2) ? 1u << choose(choices, 32) : choose64(choices);
	memcpy(to + field->offset, &value, sizeof(value));
}

static void build_list(struct life *life, struct file *file, const struct field *field, uint8_t *to,
		       struct choices *choices)
{
	uint32_t count, stride = field->layout->size;
	uint64_t at;

	if (field->kind == K_LIST)
		life->list_count = elements(life, field, choices);
	at = array(life, file, field->layout, stride, life->list_count, choices);
	memcpy(to + field->offset, &at, sizeof(at));
	/* Not more: DRM's core warns of an allocation that is too large (as of Linux 6.12.117). */
	count = one_in(choices, 100) ? choose(choices, LIST_MOST) : life->list_count;
	if (field->kind == K_LIST)
		memcpy(to + field->limit, &count, sizeof(count));
}

static void build(struct life *life, struct file *file, const struct layout *layout, uint8_t *to,
		  struct choices *choices)
{
	static const char *const strings[] = { "", "weights", "a label of some length\n\x01\xff" };
	const struct field *field;

	for (field = layout->fields; field->kind != K_END; field++) {
		uint64_t value;

		switch (field->kind) {
		case K_ARRAY:
			build_array(life, file, field, to, choices);
			continue;
		case K_LIST:
		case K_LIST_TOO:
			build_list(life, file, field, to, choices);
			continue;
		case K_OUT:
			value = one_in(choices, 8) ? choose64(choices) : 0;
			break;
		case K_BUFFER:
			value = one_in(choices, 12) ? bad_address(life, choices) :
				(uintptr_t)arena_take(life, ARG_MAX);
			break;
		case K_STRING:
			value = (uintptr_t)arena_take(life, ARG_MAX);
			if (one_in(choices, 12) || value == (uintptr_t)life->arena_end)
				value = bad_address(life, choices);
			else if (one_in(choices, 8))
				memset((void *)(uintptr_t)value, 'x', 60 + choose(choices, 8));
			else
				strcpy((void *)(uintptr_t)value, strings[choose(choices, 3)]);
			break;
		default:
			/* Where there are many fields, most are right, so that the last is seen. */
			value = one_in(choices, 40u << 2 * life->depth) ?
				bad(life, file, field, choices) : good(life, file, field, choices);
			value = tame(life, field, value);
			break;
		}
		memcpy(to + field->offset, &value, field->size);
	}
}

/* ---- calls -------------------------------------------------------------------------- */

/* What the call has made, as far as later ones have to know. */
static void keep(struct life *life, struct file *file, const struct call *call, const uint8_t *arg)
{
	const struct drm_loom_bo_create *create = (const void *)arg;
	struct drm_loom_bo_info info = { 0 };
	struct object *object;
	uint32_t id;

	memcpy(&id, arg + call->at, sizeof(id));
	if (call->takes)
		pool_forget(&file->pools[call->takes], id);
	if (!call->makes)
		return;
	if (call->makes < OBJ_FILE_KINDS && !id) {
		finding(life->board, "%s succeeded and made 0", call->name);
		return;
	}
	object = life_keep(life, file, call->makes, id);
	if (call->makes != OBJ_BO)
		return;
	info.handle = id;
	if (ioctl(file->fd, DRM_IOCTL_LOOM_BO_INFO, &info))
		return;
	object->size = info.size;
	object->flags = info.flags;
	if (call->request == DRM_IOCTL_LOOM_BO_CREATE) {
		life->memory -= life->memory < info.size ? life->memory : info.size;
		/* Unless somebody else closes it at the same time, and has another one by that name. */
		if (!life->child && create->size != info.size)
			finding(life->board, "BO_CREATE said %llu bytes, BO_INFO %llu",
				(unsigned long long)create->size, (unsigned long long)info.size);
	}
}

/* A queue that has ended is a dead end: there is a new one, now and then. */
static void renew(struct life *life, struct file *file, const struct call *call, const uint8_t *arg,
		  int err, struct choices *choices)
{
	const struct drm_loom_submit *submit = (const void *)arg;
	struct pool *vms = &file->pools[OBJ_VM];
	uint32_t queue = submit->queue_id;

	if (call->request != DRM_IOCTL_LOOM_SUBMIT || one_in(choices, 4) ||
	    (err != -EIO && err != -ETIME && err != -ECANCELED))
		return;
	object_end(file, OBJ_QUEUE, queue);
	pool_forget(&file->pools[OBJ_QUEUE], queue);
	/* The first VM has the commands in it. */
	if (vms->count && !queue_create(file->fd, vms->at[0].id, 50, LONGEST_MS, 0, 0, &queue))
		life_keep(life, file, OBJ_QUEUE, queue);
}

/* Too many mappings would be too many tables. */
static bool too_many(struct life *life, const struct call *call, const uint8_t *arg)
{
	const struct drm_loom_vm_bind *bind = (const void *)arg;

	if (call->request != DRM_IOCTL_LOOM_VM_BIND || bind->ops.count > 1024)
		return false;
	if (bind->ops.count > life->binds)
		return true;
	life->binds -= bind->ops.count;
	return false;
}

/* Another size, another direction, another number. */
static unsigned long alter(unsigned long request, uint8_t *arg, struct choices *choices)
{
	unsigned int size = _IOC_SIZE(request), dir = _IOC_DIR(request), nr = _IOC_NR(request);

	switch (choose(choices, 5)) {
	case 0:
		size += 8 * (1 + choose(choices, 4));
		break;
	case 1:
		arg[size] = 1;
		size += 8;
		break;
	case 2:
		size = choose(choices, size + 1);
		break;
	case 3:
		dir = choose(choices, 4);
		break;
	default:
		/* One that there is not. */
		nr = DRM_COMMAND_BASE + DRM_LOOM_QUEUE_POLL + 1 + choose(choices, 32);
		break;
	}
	return _IOC(dir, _IOC_TYPE(request), nr, size);
}

/* An argument that is not one. What it has there may say any number of elements, see build_list(). */
static void *astray_at(struct life *life, const struct layout *layout, struct choices *choices)
{
	for (const struct field *field = layout->fields; field->kind != K_END; field++)
		if (field->kind == K_LIST)
			return life->arena_end;
	return (void *)(uintptr_t)bad_address(life, choices);
}

static int call_ioctl(struct life *life, struct file *file, const struct call *call,
		      struct choices *choices)
{
	enum object_kind on = call->target == ON_DMABUF ? OBJ_DMABUF : OBJ_SYNC_FILE;
	uint8_t *arg, before[ARG_MAX];
	unsigned long request = call->request;
	bool altered, astray;
	int fd = file->fd, err;
	void *at;

	life->arena_used = 0;
	life->depth = 0;
	life->bo = NULL;
	life->unmap = life->timeline = false;
	if (call->target != ON_NODE) {
		fd = an_id(&life->fds[on - OBJ_FILE_KINDS], choices, -1);
		if (fd < 0)
			return -EBADF;
	}
	arg = arena_take(life, ARG_MAX);
	build(life, file, call->layout, arg, choices);
	altered = one_in(choices, 50);
	if (altered)
		request = alter(request, arg, choices);
	astray = one_in(choices, 80);
	at = astray ? astray_at(life, call->layout, choices) : arg;
	if (too_many(life, call, arg))
		return -EBUSY;
	memcpy(before, arg, sizeof(before));

	cover_begin(&life->cover);
	err = ioctl(fd, request, at) < 0 ? -errno : 0;
	/* What comes after it is no part of the call. */
	if (altered || astray)
		return err;
	if (!err)
		keep(life, file, call, arg);
	else if (call->errors[0] && err == -EINTR &&
		 memcmp(before, arg, call->layout->size))
		finding(life->board, "%s was interrupted and changed its argument", call->name);
	renew(life, file, call, arg, err, choices);
	if (!call_error_is_listed(call, -err, altered))
		finding(life->board, "%s gave error %d (%s), which is not listed", call->name, -err,
			strerror(-err));
	return err;
}

void life_close(struct life *life, uint32_t i)
{
	munmap(life->files[i].cpu, CLIENT_SIZE);
	close(life->files[i].fd);
	life->files[i] = life->files[--life->file_count];
}

static unsigned int life_call(struct life *life, const struct op *op)
{
	const struct call *call = &calls[op->call];
	struct file *file = &life->files[op->file % life->file_count];
	struct board *board = life->board;
	struct choices choices;
	int err;

	choices_begin(&choices, op);
	__atomic_store_n(&life->slot->call, op->call, __ATOMIC_RELAXED);
	__atomic_fetch_add(&life->slot->progress, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&board->calls, 1, __ATOMIC_RELAXED);
	__atomic_fetch_add(&board->call[op->call].tried, 1, __ATOMIC_RELAXED);
	cover_begin(&life->cover);
	err = call->act ? call->act(life, file, &choices) : call_ioctl(life, file, call, &choices);
	if (!err)
		__atomic_fetch_add(&board->call[op->call].good, 1, __ATOMIC_RELAXED);
	else if ((uint32_t)-err < ERRORS_MAX)
		__atomic_fetch_add(&board->call[op->call].errors[-err], 1, __ATOMIC_RELAXED);
	return cover_end(&life->cover, op->call, err);
}

/* A file that has lost what all else needs goes, and another one comes. */
static void files_renew(struct life *life)
{
	for (uint32_t i = 0; i < life->file_count; i++) {
		struct file *file = &life->files[i];

		if (file->pools[OBJ_VM].count && file->pools[OBJ_QUEUE].count &&
		    file->pools[OBJ_BO].count && file->pools[OBJ_SYNC].count)
			continue;
		life_close(life, i--);
		life_open(life);
		if (!life->file_count)
			_exit(0);
	}
}

unsigned int life_run(struct life *life, const struct program *program)
{
	unsigned int fresh = 0;

	files_renew(life);
	for (uint32_t i = 0; i < program->count; i++)
		fresh += life_call(life, &program->op[i]);
	if (life->is_child)
		_exit(0);
	if (life->child) {
		/* It may be anywhere. */
		if (program->op[0].seed & 1)
			kill(life->child, SIGKILL);
		while (waitpid(life->child, NULL, 0) < 0 && errno == EINTR)
			;
		life->child = 0;
	}
	return fresh;
}

/* ---- beginning ---------------------------------------------------------------------- */

static struct life *the_life;

/* Memory of a card, or of a file that was cut, may be missing: an access to it is a trial. */
static void on_trap(int signal)
{
	if (!the_life->trapped)
		_exit(128 + signal);
	siglongjmp(the_life->trap, 1);
}

/* Interrupts calls that wait, for ever or not. */
static void on_alarm(int signal)
{
	(void)signal;
}

int life_open(struct life *life)
{
	struct file *file = &life->files[life->file_count];
	struct object *object;
	struct client c;
	uint32_t sync;
	int err;

	if (life->file_count == FILES_MAX)
		return -EMFILE;
	err = client_open(&c, 50, LONGEST_MS);
	if (err)
		return err;
	memset(file, 0, sizeof(*file));
	file->fd = c.fd;
	file->cpu = c.cpu;
	/* Something to run in the beginning; packets of all kinds come later. */
	for (uint32_t i = 0; i < SLOTS; i++) {
		uint8_t *at = c.cpu + i * SLOT_SIZE;

		file->cmd_size[i] = (uint8_t *)pkt_fence(at, CLIENT_VA + CLIENT_DATA, i) - at;
	}
	life_keep(life, file, OBJ_VM, c.vm);
	life_keep(life, file, OBJ_QUEUE, c.queue);
	object = life_keep(life, file, OBJ_BO, c.bo);
	object->size = CLIENT_SIZE;
	object = life_keep(life, file, OBJ_BO, c.bo_results);
	object->size = 2 * PAGE;
	munmap(c.results, CLIENT_SLOTS * sizeof(*c.results));
	for (int i = 0; i < 4; i++) {
		struct drm_syncobj_array signal = { (uintptr_t)&sync, 1, 0 };

		if (sync_create(c.fd, &sync))
			break;
		life_keep(life, file, OBJ_SYNC, sync);
		/* Something that can be waited for from the beginning. */
		if (i)
			ioctl(c.fd, DRM_IOCTL_SYNCOBJ_SIGNAL, &signal);
	}
	life->file_count++;
	return 0;
}

int life_begin(struct life *life, struct board *board, struct slot *slot, int cover_file,
	       bool root)
{
	const struct rlimit files = { 200, 200 };
	struct sigaction trap = { .sa_handler = on_trap, .sa_flags = SA_NODEFER };
	struct sigaction alarm = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 11000 }, { 0, 11000 } };
	int err;

	memset(life, 0, sizeof(*life));
	the_life = life;
	life->board = board;
	life->slot = slot;
	life->memory = LIFE_MEMORY;
	life->binds = LIFE_BINDS;
	setrlimit(RLIMIT_NOFILE, &files);
	life->arena = mmap(NULL, ARENA + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (life->arena == MAP_FAILED)
		return -ENOMEM;
	life->arena_end = life->arena + ARENA;
	life->readonly = life->arena_end + PAGE;
	if (mprotect(life->arena, ARENA, PROT_READ | PROT_WRITE) ||
	    mprotect(life->readonly, PAGE, PROT_READ))
		return -errno;
	if (!root && (setgid(65534) || setuid(65534)))
		return -errno;
	/* Otherwise what is in /proc about it is root's. */
	prctl(PR_SET_DUMPABLE, 1);
	for (int i = 0; i < 2; i++) {
		err = life_open(life);
		if (err)
			return err;
	}
	life->hang = card_debug(life->files[0].fd);
	sigaction(SIGBUS, &trap, NULL);
	sigaction(SIGSEGV, &trap, NULL);
	sigaction(SIGALRM, &alarm, NULL);
	cover_init(&life->cover, &board->places, slot->features, cover_file);
	setitimer(ITIMER_REAL, &often, NULL);
	return 0;
}
