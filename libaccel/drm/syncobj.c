// SPDX-License-Identifier: MIT
/*
 * Syncobj calls that libdrm does not have in the shape that is needed here: its
 * waits restart after signals, and its older versions know no eventfd.
 */
#include "node.h"

#ifndef DRM_IOCTL_SYNCOBJ_EVENTFD
struct drm_syncobj_eventfd {
	__u32 handle;
	__u32 flags;
	__u64 point;
	__s32 fd;
	__u32 pad;
};

#define DRM_IOCTL_SYNCOBJ_EVENTFD	DRM_IOWR(0xCF, struct drm_syncobj_eventfd)
#endif

#include <sys/ioctl.h>

int syncobj_wait(const struct node *node, uint32_t handle, uint64_t point, uint64_t deadline)
{
	struct drm_syncobj_timeline_wait wait = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.timeout_nsec = deadline > INT64_MAX ? INT64_MAX : (int64_t)deadline,
		.count_handles = 1,
	};

	return ioctl(node->fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &wait) ? -errno : 0;
}

int syncobj_eventfd(const struct node *node, uint32_t handle, uint64_t point, int fd)
{
	struct drm_syncobj_eventfd arg = { .handle = handle, .point = point, .fd = fd };

	return node_ioctl(node, DRM_IOCTL_SYNCOBJ_EVENTFD, &arg);
}
