// SPDX-License-Identifier: MIT
/*
 * Fences as sync_files, out and in.
 */
#include <fcntl.h>
#include <linux/sync_file.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "node.h"

int node_fence_fd(struct accel_fence *fence, int *fd)
{
	struct node *node = node_of_device(fence->device);
	uint32_t binary;
	int ret = 0, copy;

	if (!fence->queue) {
		copy = fcntl(((struct node_fence *)fence)->fd, F_DUPFD_CLOEXEC, 0);
		if (copy < 0)
			return err(-errno, NULL, "cannot duplicate a sync_file: %s",
				   strerror(errno));
		*fd = copy;
		return 0;
	}
	if (drmSyncobjCreate(node->fd, 0, &binary))
		return node_error(node, -errno, "export a fence");
	if (drmSyncobjTransfer(node->fd, binary, 0, ((struct node_queue *)fence->queue)->syncobj,
			       fence->number, 0) ||
	    drmSyncobjExportSyncFile(node->fd, binary, fd))
		ret = node_error(node, -errno, "export a fence");
	drmSyncobjDestroy(node->fd, binary);
	return ret;
}

struct accel_fence *node_fence_import(struct accel_device *device, int fd, int *error)
{
	struct node *node = node_of_device(device);
	struct sync_file_info info = { 0 };
	struct node_fence *fence;

	if (ioctl(fd, SYNC_IOC_FILE_INFO, &info)) {
		*error = err(errno == EBADF ? -EBADF : -EINVAL, NULL,
			     "descriptor %d is not a sync_file", fd);
		return NULL;
	}
	fence = calloc(1, sizeof(*fence));
	if (!fence) {
		*error = err_nomem("a fence");
		return NULL;
	}
	atomic_init(&fence->base.refs, 1);
	fence->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fence->fd < 0) {
		*error = err(-errno, NULL, "cannot duplicate a sync_file: %s", strerror(errno));
		free(fence);
		return NULL;
	}
	if (drmSyncobjCreate(node->fd, 0, &fence->syncobj)) {
		*error = node_error(node, -errno, "import a fence");
	} else if (drmSyncobjImportSyncFile(node->fd, fence->syncobj, fd)) {
		*error = node_error(node, -errno, "import a fence");
		drmSyncobjDestroy(node->fd, fence->syncobj);
	} else {
		fence->base.device = accel_device_ref(device);
		return &fence->base;
	}
	close(fence->fd);
	free(fence);
	return NULL;
}

int node_fence_wait(struct accel_fence *fence, uint64_t deadline)
{
	struct pollfd poll = { .fd = ((struct node_fence *)fence)->fd, .events = POLLIN };

	for (;;) {
		uint64_t now = accel_now(), left = deadline > now ? deadline - now : 0;
		struct timespec ts = {
			.tv_sec = (time_t)(left / 1000000000u),
			.tv_nsec = (long)(left % 1000000000u),
		};
		int n = ppoll(&poll, 1, deadline == ACCEL_FOREVER ? NULL : &ts, NULL);

		if (n > 0)
			return 0;
		if (n < 0)
			return -errno;
		if (accel_now() >= deadline)
			return -ETIME;
	}
}

bool node_fence_poll(const struct accel_fence *fence)
{
	struct pollfd pfd = { .fd = ((const struct node_fence *)fence)->fd, .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

int node_fence_error(const struct accel_fence *fence)
{
	struct sync_file_info info = { 0 };

	if (ioctl(((const struct node_fence *)fence)->fd, SYNC_IOC_FILE_INFO, &info))
		return -errno;
	return info.status < 0 ? info.status : 0;
}

void node_fence_fini(struct accel_fence *fence)
{
	struct node_fence *f = (struct node_fence *)fence;

	if (!device_forked(fence->device))
		drmSyncobjDestroy(node_of_device(fence->device)->fd, f->syncobj);
	close(f->fd);
}
