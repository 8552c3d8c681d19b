// SPDX-License-Identifier: MIT
/* Every call of the driver, with arguments that are right. */
#include <errno.h>
#include <poll.h>
#include <sys/mman.h>

#include "calls.h"

#define DATA		(CLIENT_VA + CLIENT_DATA)

static int query(struct client *c, uint32_t type)
{
	uint8_t answer[512];
	struct drm_loom_dev_query args = {
		.type = type, .size = sizeof(answer), .pointer = (uintptr_t)answer,
	};

	return card_ioctl(c->fd, DRM_IOCTL_LOOM_DEV_QUERY, &args);
}

int call_query_info(struct client *c)
{
	return query(c, DRM_LOOM_QUERY_INFO);
}

static int call_query_timestamp(struct client *c)
{
	return query(c, DRM_LOOM_QUERY_TIMESTAMP);
}

static int call_query_memory(struct client *c)
{
	return query(c, DRM_LOOM_QUERY_MEMORY);
}

static int call_query_counters(struct client *c)
{
	return query(c, DRM_LOOM_QUERY_COUNTERS);
}

static int call_bo_create(struct client *c)
{
	uint32_t bo;

	return bo_create(c->fd, 4096, 0, 0, &bo);
}

static int call_bo_mmap_offset(struct client *c)
{
	struct drm_loom_bo_mmap_offset args = { .handle = c->bo };

	return card_ioctl(c->fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args);
}

static int call_bo_info(struct client *c)
{
	struct drm_loom_bo_info args = { .handle = c->bo };

	return card_ioctl(c->fd, DRM_IOCTL_LOOM_BO_INFO, &args);
}

static int call_bo_label(struct client *c)
{
	struct drm_loom_bo_label args = { .handle = c->bo, .label = (uintptr_t)"label" };

	return card_ioctl(c->fd, DRM_IOCTL_LOOM_BO_LABEL, &args);
}

/* The offset is a buffer's for ever: who knows it need not ask again. */
uint64_t offsets[CALL_FILES];

int call_mmap(struct client *c)
{
	struct drm_loom_bo_mmap_offset args = { .handle = c->bo };
	void *p;
	int err = 0;

	if (!offsets[c->fd]) {
		err = card_ioctl(c->fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args);
		offsets[c->fd] = args.offset;
	}
	if (err)
		return err;
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, c->fd, offsets[c->fd]);
	if (p == MAP_FAILED)
		return -errno;
	*(volatile uint8_t *)p = 1;
	munmap(p, 4096);
	return 0;
}

/* There is no event to be read. */
int call_poll(struct client *c)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	int n = poll(&p, 1, 0);

	return n < 0 ? -errno : p.revents;
}

int call_vm_create(struct client *c)
{
	uint32_t vm;

	return vm_create(c->fd, &vm);
}

static int call_vm_bind_map(struct client *c)
{
	return vm_bind(c->fd, c->vm, DRM_LOOM_BIND_MAP, c->bo, 0, 0x50000000, 4096);
}

static int call_vm_bind_unmap(struct client *c)
{
	return vm_bind(c->fd, c->vm, DRM_LOOM_BIND_UNMAP, 0, 0, 0x50000000, 4096);
}

static int call_vm_state(struct client *c)
{
	struct drm_loom_vm_state args = { .id = c->vm };

	return card_ioctl(c->fd, DRM_IOCTL_LOOM_VM_STATE, &args);
}

static int call_queue_create(struct client *c)
{
	uint32_t queue;

	return client_queue(c, &queue);
}

static int call_queue_state(struct client *c)
{
	struct drm_loom_queue_state state;

	return queue_state(c->fd, c->queue, &state);
}

static int call_queue_poll(struct client *c)
{
	struct drm_loom_queue_poll args = { .id = c->queue };

	return card_ioctl(c->fd, DRM_IOCTL_LOOM_QUEUE_POLL, &args);
}

static int call_submit(struct client *c)
{
	return submit(c->fd, c->queue, 0, 0, NULL, 0, NULL);
}

static int call_queue_destroy(struct client *c)
{
	return queue_destroy(c->fd, c->queue);
}

static int call_vm_destroy(struct client *c)
{
	struct drm_loom_vm_destroy args = { .id = c->vm };

	return card_ioctl(c->fd, DRM_IOCTL_LOOM_VM_DESTROY, &args);
}

static int call_gem_close(struct client *c)
{
	return bo_close(c->fd, c->bo);
}

static int call_syncobj_create(struct client *c)
{
	uint32_t handle;

	return sync_create(c->fd, &handle);
}

const struct call calls[CALLS] = {
	{ "DEV_QUERY INFO", call_query_info, 0, 0, -ENODEV },
	{ "DEV_QUERY TIMESTAMP", call_query_timestamp, 0, -EIO, -ENODEV },
	{ "DEV_QUERY MEMORY", call_query_memory, 0, 0, -ENODEV },
	{ "DEV_QUERY COUNTERS", call_query_counters, 0, -EIO, -ENODEV },
	{ "BO_CREATE", call_bo_create, 0, -EIO, -ENODEV },
	{ "BO_MMAP_OFFSET", call_bo_mmap_offset, 0, 0, -ENODEV },
	{ "mmap", call_mmap, 0, 0, -ENODEV },
	{ "BO_INFO", call_bo_info, 0, 0, -ENODEV },
	{ "BO_LABEL", call_bo_label, 0, 0, -ENODEV },
	{ "VM_CREATE", call_vm_create, 0, -EIO, -ENODEV },
	{ "VM_BIND map", call_vm_bind_map, 0, -EIO, -ENODEV },
	{ "VM_BIND unmap", call_vm_bind_unmap, 0, -EIO, -ENODEV },
	{ "VM_STATE", call_vm_state, 0, 0, -ENODEV },
	{ "QUEUE_CREATE", call_queue_create, 0, -EIO, -ENODEV },
	{ "QUEUE_STATE", call_queue_state, 0, 0, -ENODEV },
	{ "QUEUE_POLL", call_queue_poll, 0, 0, -ENODEV },
	{ "SUBMIT", call_submit, -EIO, -EIO, -ENODEV },
	{ "SYNCOBJ_CREATE", call_syncobj_create, 0, 0, -ENODEV },
	{ "QUEUE_DESTROY", call_queue_destroy, 0, 0, -ENODEV },
	{ "VM_DESTROY", call_vm_destroy, 0, 0, -ENODEV },
	{ "GEM_CLOSE", call_gem_close, 0, 0, -ENODEV },
};
