// SPDX-License-Identifier: MIT
/*
 * Device nodes: opening, and what the driver says of the card.
 */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "loom_hw.h"
#include "node.h"

int node_ioctl(const struct node *node, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(node->fd, request, arg);
	} while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

int node_error(const struct node *node, int code, const char *what)
{
	if (code == -ENODEV)
		return err(code, "open the device again when the card is back",
			   "cannot %s: the card %s is gone", what, node->base.props.id);
	return err(code, code == -EIO ? "see dmesg" : NULL, "cannot %s on %s: %s", what,
		   node->base.props.id, accel_strerror(code));
}

int node_handle_take(struct node *node, uint32_t handle)
{
	int ret = 0;

	pthread_mutex_lock(&node->lock);
	if (handle >= node->nhandles) {
		uint32_t n = handle * 2 + 64;
		uint32_t *handles = realloc(node->handles, n * sizeof(*handles));

		if (handles) {
			memset(handles + node->nhandles, 0,
			       (n - node->nhandles) * sizeof(*handles));
			node->handles = handles;
			node->nhandles = n;
		} else {
			ret = err_nomem("a buffer");
		}
	}
	if (!ret)
		node->handles[handle]++;
	pthread_mutex_unlock(&node->lock);
	return ret;
}

void node_handle_drop(struct node *node, uint32_t handle)
{
	pthread_mutex_lock(&node->lock);
	if (!--node->handles[handle])
		drmCloseBufferHandle(node->fd, handle);
	pthread_mutex_unlock(&node->lock);
}

static int query(const struct node *node, uint32_t type, void *answer, uint32_t size)
{
	struct drm_loom_dev_query arg = {
		.type = type,
		.size = size,
		.pointer = (uintptr_t)answer,
	};

	/* An older driver fills in what it knows; the rest stays zero. */
	memset(answer, 0, size);
	return node_ioctl(node, DRM_IOCTL_LOOM_DEV_QUERY, &arg);
}

static void node_close(struct accel_device *device)
{
	struct node *node = node_of_device(device);

	/* In a forked child this closes the child's descriptor only. */
	close(node->fd);
	free(node->handles);
	pthread_mutex_destroy(&node->lock);
	free(node);
}

static int node_counters(struct accel_device *device, struct accel_device_counters *c)
{
	struct node *node = node_of_device(device);
	struct drm_loom_query_counters q;
	int ret = query(node, DRM_LOOM_QUERY_COUNTERS, &q, sizeof(q));

	if (ret)
		return node_error(node, ret, "read the counters");
	c->descriptors = q.descriptors;
	c->packets = q.packets;
	c->busy_ns = q.busy_ns;
	c->cycles = q.cycles;
	c->macs = q.macs;
	c->bytes_local = q.bytes_local;
	c->bytes_host = q.bytes_host;
	c->energy_pj = q.energy_pj;
	c->faults = q.faults;
	c->tlb_misses = q.tlb_misses;
	c->resets = q.resets;
	return 0;
}

static int node_memory(struct accel_device *device, struct accel_device_memory *memory)
{
	struct node *node = node_of_device(device);
	struct drm_loom_query_memory q;
	int ret = query(node, DRM_LOOM_QUERY_MEMORY, &q, sizeof(q));

	if (ret)
		return node_error(node, ret, "ask for the use of memory");
	memory->system_used = q.system_used;
	memory->local_used = q.local_used;
	memory->local_free = q.local_free;
	return 0;
}

static int node_timestamp(struct accel_device *device, struct accel_timestamp *stamp)
{
	struct node *node = node_of_device(device);
	struct drm_loom_query_timestamp q;
	int ret = query(node, DRM_LOOM_QUERY_TIMESTAMP, &q, sizeof(q));

	if (ret)
		return node_error(node, ret, "read the card's clock");
	stamp->device = q.device;
	stamp->cpu = q.cpu;
	stamp->uncertainty = (q.duration + 1) / 2;
	stamp->cpu_raw = q.raw;
	stamp->cpu_boot = q.boot;
	return 0;
}

static int node_generation(struct accel_device *device, uint32_t *generation)
{
	struct node *node = node_of_device(device);
	struct drm_loom_query_info info;
	int ret = query(node, DRM_LOOM_QUERY_INFO, &info, sizeof(info));

	if (ret)
		return node_error(node, ret, "ask for the properties");
	*generation = info.generation;
	return 0;
}

static const struct backend node_backend = {
	.context_size = sizeof(struct node_context),
	.buffer_size = sizeof(struct node_buffer),
	.queue_size = sizeof(struct node_queue),
	.device_close = node_close,
	.device_counters = node_counters,
	.device_memory = node_memory,
	.device_timestamp = node_timestamp,
	.device_generation = node_generation,
	.context_init = node_context_init,
	.context_fini = node_context_fini,
	.buffer_init = node_buffer_init,
	.buffer_fini = node_buffer_fini,
	.buffer_import = node_buffer_import,
	.buffer_export = node_buffer_export,
	.buffer_map = node_buffer_map,
	.buffer_name = node_buffer_name,
	.buffer_bind = node_buffer_bind,
	.buffer_unbind = node_buffer_unbind,
	.queue_init = node_queue_init,
	.queue_stop = node_queue_stop,
	.queue_fini = node_queue_fini,
	.queue_submit = node_queue_submit,
	.queue_poll = node_queue_poll,
	.queue_wait = node_queue_wait,
	.queue_status = node_queue_status,
	.queue_arm = node_queue_arm,
	.fence_fd = node_fence_fd,
	.fence_import = node_fence_import,
	.fence_wait = node_fence_wait,
	.fence_poll = node_fence_poll,
	.fence_error = node_fence_error,
	.fence_fini = node_fence_fini,
};

static int open_error(const char *path, int code)
{
	struct passwd *user;
	struct group *group;
	struct stat st;

	if (code == -ENOENT || code == -ENOTDIR || code == -ENXIO)
		return err(-ENODEV,
			   "load the driver (modprobe loom), or use the simulated card: sim:",
			   "there is no %s", path);
	if (code == -EISDIR)
		return err(-EPROTO, "see accelctl list", "%s is a directory, not a device node",
			   path);
	if ((code != -EACCES && code != -EPERM) || stat(path, &st))
		return err(code, NULL, "cannot open %s: %s", path, accel_strerror(code));
	/* Names are for people: numbers will do where the lookup fails. */
	user = getpwuid(st.st_uid);
	group = getgrgid(st.st_gid);
	if (group && st.st_gid && st.st_mode & S_IWGRP)
		return err(-EACCES,
			   "join the group and log in again: sudo usermod -aG render $USER",
			   "no permission to open %s (mode %04o, owner %s, group %s)", path,
			   st.st_mode & 07777, user ? user->pw_name : "?", group->gr_name);
	return err(-EACCES, "install the udev rule (group render, mode 0660), then: "
		   "sudo usermod -aG render $USER",
		   "no permission to open %s (mode %04o, owner %s, group %s)", path,
		   st.st_mode & 07777, user ? user->pw_name : "?", group ? group->gr_name : "?");
}

static int check_driver(struct node *node, const char *path)
{
	drmVersionPtr version = drmGetVersion(node->fd);
	uint64_t timeline = 0;
	int ret = 0;

	if (!version)
		return err(-EPROTO, NULL, "%s is not a device of the loom driver", path);
	if (strcmp(version->name, NODE_DRIVER))
		ret = err(-EPROTO, NULL, "%s belongs to the driver %s, not to " NODE_DRIVER, path,
			  version->name);
	else if (version->version_major != NODE_DRIVER_MAJOR)
		ret = err(-EPROTO, "install a driver and a libaccel that match",
			  "the driver of %s has version %d.%d, libaccel " ACCEL_VERSION_STRING
			  " speaks %d.x", path, version->version_major, version->version_minor,
			  NODE_DRIVER_MAJOR);
	node->base.props.driver_version = (uint32_t)version->version_major << 16 |
					  (uint32_t)version->version_minor;
	drmFreeVersion(version);
	if (ret)
		return ret;
	if (drmGetCap(node->fd, DRM_CAP_SYNCOBJ_TIMELINE, &timeline) || !timeline)
		return err(-EPROTO, "update the driver", "the driver of %s has no timelines", path);
	return 0;
}

/* The PCI address, by which the device can be opened again. */
static void find_id(struct node *node, const char *path)
{
	struct accel_device_props *p = &node->base.props;
	char link[64], target[512];
	const char *base = NULL;
	struct stat st;
	ssize_t n;

	if (!fstat(node->fd, &st)) {
		snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
			 minor(st.st_rdev));
		n = readlink(link, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = '\0';
			base = strrchr(target, '/');
		}
	}
	snprintf(p->id, sizeof(p->id), "%.63s", base ? base + 1 : path);
}

static void read_text(char *to, size_t size, const uint8_t *from, size_t length)
{
	size_t n = length < size - 1 ? length : size - 1;

	memcpy(to, from, n);
	to[n] = '\0';
}

static int read_props(struct node *node, const char *path)
{
	static const struct { uint64_t theirs; enum accel_cap ours; } caps[] = {
		{ DRM_LOOM_CAP_LOCAL_MEMORY, ACCEL_CAP_LOCAL_MEMORY },
		{ DRM_LOOM_CAP_DMABUF, ACCEL_CAP_DMABUF },
		{ DRM_LOOM_CAP_DEBUG, ACCEL_CAP_DEBUG },
	};
	struct accel_device_props *p = &node->base.props;
	struct drm_loom_query_info info;
	int ret;

	ret = query(node, DRM_LOOM_QUERY_INFO, &info, sizeof(info));
	if (ret)
		return err(ret == -ENODEV ? ret : -EPROTO, "update driver and libaccel",
			   "%s does not tell its properties: %s", path, accel_strerror(ret));
	if (!(info.caps & DRM_LOOM_CAP_RESULTS))
		return err(-EPROTO, "update the driver", "the driver of %s writes no results",
			   path);
	p->sz = sizeof(*p);
	p->caps = 1ull << ACCEL_CAP_SYNC_FILE;
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		if (info.caps & caps[i].theirs)
			p->caps |= 1ull << caps[i].ours;
	node->polls = info.caps & DRM_LOOM_CAP_POLL;
	node->dumps = info.caps & DRM_LOOM_CAP_DUMP_CONTENTS;
	p->dtypes = info.dtypes;
	memcpy(p->opcodes, info.opcodes, sizeof(p->opcodes));
	p->local_size = info.local_size;
	p->va_start = info.va_start;
	p->va_end = info.va_end;
	p->timestamp_hz = info.timestamp_hz;
	p->hw_version = info.hw_version;
	p->array_rows = info.array >> 16;
	p->array_columns = info.array & 0xffff;
	p->clock_khz = info.clock_khz;
	p->sram_kib = info.sram_kib;
	p->local_mbps = info.local_mbps;
	p->host_mbps = info.host_mbps;
	p->rings = info.rings;
	p->contexts = info.contexts;
	p->jobs_max = info.jobs_max;
	p->queue_depth_max = info.queue_depth_max;
	p->program_size_max = info.cmd_size_max;
	p->generation = info.generation;
	snprintf(p->profile, sizeof(p->profile), "%s",
		 info.profile == LOOM_PROFILE_LOOM1 ? "loom1" :
		 info.profile == LOOM_PROFILE_TPUV1 ? "tpuv1" : "unknown");
	read_text(p->model, sizeof(p->model), info.model, sizeof(info.model));
	read_text(p->serial, sizeof(p->serial), info.serial, sizeof(info.serial));
	/* One sync operation of each job is its own signal. */
	node->base.syncs_max = info.syncs_max ? info.syncs_max - 1 : 0;
	node->base.timeout_ms_max = info.timeout_ms_max;
	if (!p->jobs_max || !p->queue_depth_max || p->va_end <= p->va_start)
		return err(-EPROTO, "update driver and libaccel", "%s tells no limits", path);
	return 0;
}

int drm_device_open(const char *path, struct accel_device **device)
{
	struct node *node;
	int ret, fd;

	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return open_error(path, -errno);
	node = calloc(1, sizeof(*node));
	if (!node) {
		close(fd);
		return err_nomem("a device");
	}
	node->fd = fd;
	atomic_init(&node->base.refs, 1);
	node->base.forks = fork_generation();
	node->base.ops = &node_backend;
	pthread_mutex_init(&node->lock, NULL);
	ret = check_driver(node, path);
	if (!ret) {
		find_id(node, path);
		ret = read_props(node, path);
	}
	if (ret) {
		node_close(&node->base);
		return ret;
	}
	*device = &node->base;
	return 0;
}
