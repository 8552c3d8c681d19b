// SPDX-License-Identifier: MIT
/*
 * The table of calls. Who adds one to the interface adds it here: its structure, its line, and a
 * sequence that gets as far as it goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <linux/dma-buf.h>
#include <linux/sync_file.h>

#include "drm/loom_accel.h"

#include "acts.h"
#include "call.h"

/* What the libdrm of Debian 12 does not know yet. */
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
#ifndef DMA_BUF_IOCTL_EXPORT_SYNC_FILE
struct dma_buf_export_sync_file {
	__u32 flags;
	__s32 fd;
};

struct dma_buf_import_sync_file {
	__u32 flags;
	__s32 fd;
};

#define DMA_BUF_IOCTL_EXPORT_SYNC_FILE	_IOWR(DMA_BUF_BASE, 2, struct dma_buf_export_sync_file)
#define DMA_BUF_IOCTL_IMPORT_SYNC_FILE	_IOW(DMA_BUF_BASE, 3, struct dma_buf_import_sync_file)
#endif

#define AT(type, member)	offsetof(struct type, member)
#define SIZE(type, member)	sizeof(((struct type *)0)->member)
#define FIELD(type, member, kind, limit) \
	{ #member, AT(type, member), SIZE(type, member), kind, limit, NULL }
#define ARRAY(type, member, usual, layout) \
	{ #member, AT(type, member), SIZE(type, member), K_ARRAY, usual, &layout }
#define LIST(type, member, kind, count, layout) \
	{ #member, AT(type, member), SIZE(type, member), kind, AT(type, count), &layout }
#define END	{ NULL, 0, 0, K_END, 0, NULL }
#define LAYOUT(name, bytes, ...)						\
	static const struct field name##_fields[] = { __VA_ARGS__, END };	\
	static const struct layout name = { bytes, name##_fields }
#define STRUCT(type, ...)	LAYOUT(type, sizeof(struct type), __VA_ARGS__)

/* ---- structures --------------------------------------------------------------------- */

STRUCT(drm_loom_dev_query,
	FIELD(drm_loom_dev_query, type, K_NUMBER, 4),
	FIELD(drm_loom_dev_query, size, K_LENGTH, 0),
	FIELD(drm_loom_dev_query, pointer, K_BUFFER, 0));

STRUCT(drm_loom_bo_create,
	FIELD(drm_loom_bo_create, flags, K_FLAGS, DRM_LOOM_BO_LOCAL | DRM_LOOM_BO_NO_MMAP),
	FIELD(drm_loom_bo_create, size, K_SIZE, 0),
	FIELD(drm_loom_bo_create, vm_id, K_VM_OR_NONE, 0),
	FIELD(drm_loom_bo_create, handle, K_OUT, 0),
	FIELD(drm_loom_bo_create, pad, K_PAD, 0));

STRUCT(drm_loom_bo_mmap_offset,
	FIELD(drm_loom_bo_mmap_offset, handle, K_BO, 0),
	FIELD(drm_loom_bo_mmap_offset, pad, K_PAD, 0),
	FIELD(drm_loom_bo_mmap_offset, offset, K_OUT, 0));

STRUCT(drm_loom_bo_info,
	FIELD(drm_loom_bo_info, handle, K_BO, 0),
	FIELD(drm_loom_bo_info, pad, K_PAD, 0),
	FIELD(drm_loom_bo_info, size, K_OUT, 0),
	FIELD(drm_loom_bo_info, flags, K_OUT, 0),
	FIELD(drm_loom_bo_info, state, K_OUT, 0));

STRUCT(drm_loom_bo_label,
	FIELD(drm_loom_bo_label, handle, K_BO, 0),
	FIELD(drm_loom_bo_label, pad, K_PAD, 0),
	FIELD(drm_loom_bo_label, label, K_STRING, 0));

STRUCT(drm_loom_vm_create,
	FIELD(drm_loom_vm_create, flags, K_PAD, 0),
	FIELD(drm_loom_vm_create, id, K_OUT, 0));

STRUCT(drm_loom_vm_destroy,
	FIELD(drm_loom_vm_destroy, id, K_VM, 0),
	FIELD(drm_loom_vm_destroy, pad, K_PAD, 0));

STRUCT(drm_loom_sync,
	FIELD(drm_loom_sync, flags, K_SYNC_FLAGS, 0),
	FIELD(drm_loom_sync, handle, K_SYNC, 0),
	FIELD(drm_loom_sync, point, K_POINT, 0));

STRUCT(drm_loom_bind,
	FIELD(drm_loom_bind, flags, K_BIND_FLAGS, 0),
	FIELD(drm_loom_bind, handle, K_BIND_BO, 0),
	FIELD(drm_loom_bind, offset, K_BIND_OFFSET, 0),
	FIELD(drm_loom_bind, va, K_VA, 0),
	FIELD(drm_loom_bind, size, K_BIND_SIZE, 0));

STRUCT(drm_loom_vm_bind,
	FIELD(drm_loom_vm_bind, vm_id, K_VM, 0),
	FIELD(drm_loom_vm_bind, flags, K_PAD, 0),
	ARRAY(drm_loom_vm_bind, ops, 4, drm_loom_bind),
	ARRAY(drm_loom_vm_bind, syncs, 0, drm_loom_sync),
	FIELD(drm_loom_vm_bind, failed, K_OUT, 0),
	FIELD(drm_loom_vm_bind, pad, K_PAD, 0));

STRUCT(drm_loom_vm_state,
	FIELD(drm_loom_vm_state, id, K_VM, 0),
	FIELD(drm_loom_vm_state, pad, K_PAD, 0),
	FIELD(drm_loom_vm_state, mapped, K_OUT, 0),
	FIELD(drm_loom_vm_state, mappings, K_OUT, 0),
	FIELD(drm_loom_vm_state, faults, K_OUT, 0));

STRUCT(drm_loom_queue_create,
	FIELD(drm_loom_queue_create, vm_id, K_VM, 0),
	FIELD(drm_loom_queue_create, flags, K_FLAGS, DRM_LOOM_QUEUE_DUMP_CONTENTS),
	FIELD(drm_loom_queue_create, priority, K_NUMBER, 3),
	FIELD(drm_loom_queue_create, timeout_ms, K_TIMEOUT_MS, 0),
	FIELD(drm_loom_queue_create, limit_ms, K_TIMEOUT_MS, 0),
	FIELD(drm_loom_queue_create, results_handle, K_RESULTS_BO, 0),
	FIELD(drm_loom_queue_create, results_offset, K_RESULTS_OFFSET, 0),
	FIELD(drm_loom_queue_create, results_count, K_RESULTS_COUNT, 0),
	FIELD(drm_loom_queue_create, id, K_OUT, 0),
	FIELD(drm_loom_queue_create, reserved[0], K_PAD, 0),
	FIELD(drm_loom_queue_create, reserved[1], K_PAD, 0),
	FIELD(drm_loom_queue_create, reserved[2], K_PAD, 0),
	FIELD(drm_loom_queue_create, reserved[3], K_PAD, 0));

STRUCT(drm_loom_queue_destroy,
	FIELD(drm_loom_queue_destroy, id, K_QUEUE, 0),
	FIELD(drm_loom_queue_destroy, pad, K_PAD, 0));

LAYOUT(drm_loom_queue_state, sizeof(struct drm_loom_queue_state),
	FIELD(drm_loom_queue_state, id, K_QUEUE, 0),
	FIELD(drm_loom_queue_state, pad, K_PAD, 0),
	FIELD(drm_loom_queue_state, status, K_OUT, 0),
	FIELD(drm_loom_queue_state, generation, K_OUT, 0));

STRUCT(drm_loom_job,
	FIELD(drm_loom_job, cmd_va, K_CMD_VA, 0),
	FIELD(drm_loom_job, cmd_size, K_CMD_SIZE, 0),
	FIELD(drm_loom_job, flags, K_PAD, 0),
	FIELD(drm_loom_job, cookie, K_ANY, 0),
	ARRAY(drm_loom_job, syncs, 2, drm_loom_sync));

STRUCT(drm_loom_submit,
	FIELD(drm_loom_submit, queue_id, K_QUEUE, 0),
	FIELD(drm_loom_submit, flags, K_PAD, 0),
	ARRAY(drm_loom_submit, jobs, 4, drm_loom_job),
	FIELD(drm_loom_submit, first, K_OUT, 0));

STRUCT(drm_loom_queue_poll,
	FIELD(drm_loom_queue_poll, id, K_QUEUE, 0),
	FIELD(drm_loom_queue_poll, pad, K_PAD, 0),
	FIELD(drm_loom_queue_poll, number, K_JOB, 0),
	FIELD(drm_loom_queue_poll, poll_ns, K_NUMBER, 200000),
	FIELD(drm_loom_queue_poll, completed, K_OUT, 0));

/* Of DRM, as far as they come to the driver or lead to its objects. */

STRUCT(drm_gem_close,
	FIELD(drm_gem_close, handle, K_BO, 0),
	FIELD(drm_gem_close, pad, K_PAD, 0));

STRUCT(drm_get_cap,
	FIELD(drm_get_cap, capability, K_NUMBER, 0x18),
	FIELD(drm_get_cap, value, K_OUT, 0));

STRUCT(drm_version,
	FIELD(drm_version, name_len, K_LENGTH, 0),
	FIELD(drm_version, name, K_BUFFER, 0),
	FIELD(drm_version, desc_len, K_LENGTH, 0),
	FIELD(drm_version, desc, K_BUFFER, 0));

LAYOUT(prime_to_fd, sizeof(struct drm_prime_handle),
	FIELD(drm_prime_handle, handle, K_BO, 0),
	FIELD(drm_prime_handle, flags, K_MOST_FLAGS, O_CLOEXEC | O_RDWR),
	FIELD(drm_prime_handle, fd, K_OUT, 0));

LAYOUT(prime_to_handle, sizeof(struct drm_prime_handle),
	FIELD(drm_prime_handle, handle, K_OUT, 0),
	FIELD(drm_prime_handle, flags, K_PAD, 0),
	FIELD(drm_prime_handle, fd, K_DMABUF, 0));

STRUCT(drm_syncobj_create,
	FIELD(drm_syncobj_create, handle, K_OUT, 0),
	FIELD(drm_syncobj_create, flags, K_FLAGS, DRM_SYNCOBJ_CREATE_SIGNALED));

STRUCT(drm_syncobj_destroy,
	FIELD(drm_syncobj_destroy, handle, K_SYNC, 0),
	FIELD(drm_syncobj_destroy, pad, K_PAD, 0));

LAYOUT(sync_to_file, sizeof(struct drm_syncobj_handle),
	FIELD(drm_syncobj_handle, handle, K_SYNC, 0),
	FIELD(drm_syncobj_handle, flags, K_FIXED, DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE),
	FIELD(drm_syncobj_handle, fd, K_OUT, 0),
	FIELD(drm_syncobj_handle, pad, K_PAD, 0));

LAYOUT(sync_from_file, sizeof(struct drm_syncobj_handle),
	FIELD(drm_syncobj_handle, handle, K_SYNC, 0),
	FIELD(drm_syncobj_handle, flags, K_FIXED, DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE),
	FIELD(drm_syncobj_handle, fd, K_SYNC_FILE, 0),
	FIELD(drm_syncobj_handle, pad, K_PAD, 0));

LAYOUT(sync_to_fd, sizeof(struct drm_syncobj_handle),
	FIELD(drm_syncobj_handle, handle, K_SYNC, 0),
	FIELD(drm_syncobj_handle, flags, K_PAD, 0),
	FIELD(drm_syncobj_handle, fd, K_OUT, 0),
	FIELD(drm_syncobj_handle, pad, K_PAD, 0));

LAYOUT(sync_from_fd, sizeof(struct drm_syncobj_handle),
	FIELD(drm_syncobj_handle, handle, K_OUT, 0),
	FIELD(drm_syncobj_handle, flags, K_PAD, 0),
	FIELD(drm_syncobj_handle, fd, K_SYNC_FD, 0),
	FIELD(drm_syncobj_handle, pad, K_PAD, 0));

static const struct field sync_element_fields[] = { { "handle", 0, 4, K_SYNC, 0, NULL }, END };
static const struct layout sync_element = { 4, sync_element_fields };
static const struct field point_element_fields[] = { { "point", 0, 8, K_POINT_ANY, 0, NULL }, END };
static const struct layout point_element = { 8, point_element_fields };

#define WAIT_FLAGS	(DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT)

STRUCT(drm_syncobj_wait,
	LIST(drm_syncobj_wait, handles, K_LIST, count_handles, sync_element),
	FIELD(drm_syncobj_wait, timeout_nsec, K_DEADLINE, 0),
	FIELD(drm_syncobj_wait, flags, K_FLAGS, WAIT_FLAGS),
	FIELD(drm_syncobj_wait, first_signaled, K_OUT, 0),
	FIELD(drm_syncobj_wait, pad, K_PAD, 0));

STRUCT(drm_syncobj_timeline_wait,
	LIST(drm_syncobj_timeline_wait, handles, K_LIST, count_handles, sync_element),
	LIST(drm_syncobj_timeline_wait, points, K_LIST_TOO, count_handles, point_element),
	FIELD(drm_syncobj_timeline_wait, timeout_nsec, K_DEADLINE, 0),
	FIELD(drm_syncobj_timeline_wait, flags, K_FLAGS,
	      WAIT_FLAGS | DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE),
	FIELD(drm_syncobj_timeline_wait, first_signaled, K_OUT, 0),
	FIELD(drm_syncobj_timeline_wait, pad, K_PAD, 0));

STRUCT(drm_syncobj_array,
	LIST(drm_syncobj_array, handles, K_LIST, count_handles, sync_element),
	FIELD(drm_syncobj_array, pad, K_PAD, 0));

STRUCT(drm_syncobj_timeline_array,
	LIST(drm_syncobj_timeline_array, handles, K_LIST, count_handles, sync_element),
	LIST(drm_syncobj_timeline_array, points, K_LIST_TOO, count_handles, point_element),
	FIELD(drm_syncobj_timeline_array, flags, K_PAD, 0));

LAYOUT(timeline_query, sizeof(struct drm_syncobj_timeline_array),
	LIST(drm_syncobj_timeline_array, handles, K_LIST, count_handles, sync_element),
	LIST(drm_syncobj_timeline_array, points, K_LIST_TOO, count_handles, point_element),
	FIELD(drm_syncobj_timeline_array, flags, K_FLAGS,
	      DRM_SYNCOBJ_QUERY_FLAGS_LAST_SUBMITTED));

STRUCT(drm_syncobj_transfer,
	FIELD(drm_syncobj_transfer, src_handle, K_SYNC, 0),
	FIELD(drm_syncobj_transfer, dst_handle, K_SYNC, 0),
	FIELD(drm_syncobj_transfer, src_point, K_POINT_ANY, 0),
	FIELD(drm_syncobj_transfer, dst_point, K_POINT_ANY, 0),
	FIELD(drm_syncobj_transfer, flags, K_PAD, 0),
	FIELD(drm_syncobj_transfer, pad, K_PAD, 0));

STRUCT(drm_syncobj_eventfd,
	FIELD(drm_syncobj_eventfd, handle, K_SYNC, 0),
	FIELD(drm_syncobj_eventfd, flags, K_FLAGS, DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE),
	FIELD(drm_syncobj_eventfd, point, K_POINT_ANY, 0),
	FIELD(drm_syncobj_eventfd, fd, K_EVENTFD, 0),
	FIELD(drm_syncobj_eventfd, pad, K_PAD, 0));

/* Of dma-bufs and sync_files. */

STRUCT(dma_buf_sync, FIELD(dma_buf_sync, flags, K_MOST_FLAGS, DMA_BUF_SYNC_VALID_FLAGS_MASK));

LAYOUT(dma_buf_export, sizeof(struct dma_buf_export_sync_file),
	FIELD(dma_buf_export_sync_file, flags, K_MOST_FLAGS, DMA_BUF_SYNC_RW),
	FIELD(dma_buf_export_sync_file, fd, K_OUT, 0));

LAYOUT(dma_buf_import, sizeof(struct dma_buf_import_sync_file),
	FIELD(dma_buf_import_sync_file, flags, K_MOST_FLAGS, DMA_BUF_SYNC_RW),
	FIELD(dma_buf_import_sync_file, fd, K_SYNC_FILE, 0));

STRUCT(sync_merge_data,
	FIELD(sync_merge_data, fd2, K_SYNC_FILE, 0),
	FIELD(sync_merge_data, fence, K_OUT, 0),
	FIELD(sync_merge_data, flags, K_PAD, 0),
	FIELD(sync_merge_data, pad, K_PAD, 0));

STRUCT(sync_file_info,
	FIELD(sync_file_info, status, K_OUT, 0),
	FIELD(sync_file_info, flags, K_PAD, 0),
	FIELD(sync_file_info, num_fences, K_NUMBER, 4),
	FIELD(sync_file_info, pad, K_PAD, 0),
	FIELD(sync_file_info, sync_fence_info, K_BUFFER, 0));

/* ---- calls -------------------------------------------------------------------------- */

#define LOOM(NAME, type, weight, makes, takes, at, ...) \
	{ #NAME, DRM_IOCTL_LOOM_##NAME, &drm_loom_##type, NULL, ON_NODE, makes, takes, at, \
	  { __VA_ARGS__ }, weight }
#define DRM(NAME, layout, weight, makes, takes, at) \
	{ #NAME, DRM_IOCTL_##NAME, &layout, NULL, ON_NODE, makes, takes, at, { 0 }, weight }
#define OTHER(name, request, layout, target, makes, at, weight) \
	{ name, request, &layout, NULL, target, makes, OBJ_NONE, at, { 0 }, weight }
#define ACT(name, act, weight) \
	{ name, 0, NULL, act, ON_NODE, OBJ_NONE, OBJ_NONE, 0, { 0 }, weight }

enum {
	C_DEV_QUERY, C_BO_CREATE, C_BO_MMAP_OFFSET, C_BO_INFO, C_BO_LABEL, C_VM_CREATE, C_VM_DESTROY,
	C_VM_BIND, C_VM_STATE, C_QUEUE_CREATE, C_QUEUE_DESTROY, C_QUEUE_STATE, C_SUBMIT, C_QUEUE_POLL,
	C_VERSION, C_GET_CAP, C_GEM_CLOSE, C_PRIME_TO_FD, C_PRIME_TO_HANDLE,
	C_SYNC_CREATE, C_SYNC_DESTROY, C_SYNC_TO_FILE, C_SYNC_FROM_FILE, C_SYNC_TO_FD, C_SYNC_FROM_FD,
	C_SYNC_WAIT, C_SYNC_TIMELINE_WAIT, C_SYNC_RESET, C_SYNC_SIGNAL, C_SYNC_TIMELINE_SIGNAL,
	C_SYNC_QUERY, C_SYNC_TRANSFER, C_SYNC_EVENTFD,
	C_BUF_SYNC, C_BUF_EXPORT, C_BUF_IMPORT, C_FILE_MERGE, C_FILE_INFO,
	C_PACKETS, C_MMAP, C_MMAP_BUF, C_MUNMAP, C_TOUCH, C_POLL, C_READ, C_OPEN, C_CLOSE, C_DUP, C_FORK,
	C_FDINFO, C_EVENTFD, C_COUNT
};

#define HANDLE(type)	AT(type, handle)

const struct call calls[] = {
	[C_DEV_QUERY] = LOOM(DEV_QUERY, dev_query, 2, OBJ_NONE, OBJ_NONE, 0, EINVAL),
	[C_BO_CREATE] = LOOM(BO_CREATE, bo_create, 8, OBJ_BO, OBJ_NONE, HANDLE(drm_loom_bo_create),
			     EINVAL, ENOENT, ENOSPC, EDQUOT, EOPNOTSUPP),
	[C_BO_MMAP_OFFSET] = LOOM(BO_MMAP_OFFSET, bo_mmap_offset, 2, OBJ_NONE, OBJ_NONE, 0, EINVAL,
				  ENOENT, EPERM),
	[C_BO_INFO] = LOOM(BO_INFO, bo_info, 2, OBJ_NONE, OBJ_NONE, 0, EINVAL, ENOENT),
	[C_BO_LABEL] = LOOM(BO_LABEL, bo_label, 3, OBJ_NONE, OBJ_NONE, 0, EINVAL, ENOENT, E2BIG),
	[C_VM_CREATE] = LOOM(VM_CREATE, vm_create, 3, OBJ_VM, OBJ_NONE, AT(drm_loom_vm_create, id),
			     EINVAL, ENOSPC, EDQUOT),
	[C_VM_DESTROY] = LOOM(VM_DESTROY, vm_destroy, 2, OBJ_NONE, OBJ_VM, AT(drm_loom_vm_destroy, id),
			      EINVAL, ENOENT),
	/* EIO: a clear that was lost to a reset. */
	[C_VM_BIND] = LOOM(VM_BIND, vm_bind, 16, OBJ_NONE, OBJ_NONE, 0, EINVAL, ENOENT, E2BIG,
			   EOPNOTSUPP, EIO),
	[C_VM_STATE] = LOOM(VM_STATE, vm_state, 2, OBJ_NONE, OBJ_NONE, 0, EINVAL, ENOENT),
	[C_QUEUE_CREATE] = LOOM(QUEUE_CREATE, queue_create, 8, OBJ_QUEUE, OBJ_NONE,
				AT(drm_loom_queue_create, id), EINVAL, ENOENT, EACCES, EOPNOTSUPP,
				ENOSPC, EDQUOT),
	[C_QUEUE_DESTROY] = LOOM(QUEUE_DESTROY, queue_destroy, 4, OBJ_NONE, OBJ_QUEUE,
				 AT(drm_loom_queue_destroy, id), EINVAL, ENOENT),
	[C_QUEUE_STATE] = LOOM(QUEUE_STATE, queue_state, 2, OBJ_NONE, OBJ_NONE, 0, EINVAL, ENOENT),
	[C_SUBMIT] = LOOM(SUBMIT, submit, 24, OBJ_NONE, OBJ_NONE, 0, EINVAL, ENOENT, E2BIG, EAGAIN, EIO,
			  ETIME, ECANCELED),
	[C_QUEUE_POLL] = LOOM(QUEUE_POLL, queue_poll, 3, OBJ_NONE, OBJ_NONE, 0, EINVAL, ENOENT),

	[C_VERSION] = DRM(VERSION, drm_version, 1, OBJ_NONE, OBJ_NONE, 0),
	[C_GET_CAP] = DRM(GET_CAP, drm_get_cap, 1, OBJ_NONE, OBJ_NONE, 0),
	[C_GEM_CLOSE] = DRM(GEM_CLOSE, drm_gem_close, 5, OBJ_NONE, OBJ_BO, HANDLE(drm_gem_close)),
	[C_PRIME_TO_FD] = DRM(PRIME_HANDLE_TO_FD, prime_to_fd, 4, OBJ_DMABUF, OBJ_NONE,
			      AT(drm_prime_handle, fd)),
	[C_PRIME_TO_HANDLE] = DRM(PRIME_FD_TO_HANDLE, prime_to_handle, 4, OBJ_BO, OBJ_NONE,
				  HANDLE(drm_prime_handle)),
	[C_SYNC_CREATE] = DRM(SYNCOBJ_CREATE, drm_syncobj_create, 4, OBJ_SYNC, OBJ_NONE,
			      HANDLE(drm_syncobj_create)),
	[C_SYNC_DESTROY] = DRM(SYNCOBJ_DESTROY, drm_syncobj_destroy, 3, OBJ_NONE, OBJ_SYNC,
			       HANDLE(drm_syncobj_destroy)),
	[C_SYNC_TO_FILE] = { "SYNCOBJ_TO_FILE", DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &sync_to_file, NULL,
			     ON_NODE, OBJ_SYNC_FILE, OBJ_NONE, AT(drm_syncobj_handle, fd), { 0 }, 4 },
	[C_SYNC_FROM_FILE] = { "SYNCOBJ_FROM_FILE", DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &sync_from_file,
			       NULL, ON_NODE, OBJ_NONE, OBJ_NONE, 0, { 0 }, 3 },
	[C_SYNC_TO_FD] = { "SYNCOBJ_TO_FD", DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &sync_to_fd, NULL,
			   ON_NODE, OBJ_SYNC_FD, OBJ_NONE, AT(drm_syncobj_handle, fd), { 0 }, 2 },
	[C_SYNC_FROM_FD] = { "SYNCOBJ_FROM_FD", DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &sync_from_fd, NULL,
			     ON_NODE, OBJ_SYNC, OBJ_NONE, HANDLE(drm_syncobj_handle), { 0 }, 2 },
	[C_SYNC_WAIT] = DRM(SYNCOBJ_WAIT, drm_syncobj_wait, 4, OBJ_NONE, OBJ_NONE, 0),
	[C_SYNC_TIMELINE_WAIT] = DRM(SYNCOBJ_TIMELINE_WAIT, drm_syncobj_timeline_wait, 3, OBJ_NONE,
				     OBJ_NONE, 0),
	[C_SYNC_RESET] = DRM(SYNCOBJ_RESET, drm_syncobj_array, 2, OBJ_NONE, OBJ_NONE, 0),
	[C_SYNC_SIGNAL] = DRM(SYNCOBJ_SIGNAL, drm_syncobj_array, 2, OBJ_NONE, OBJ_NONE, 0),
	[C_SYNC_TIMELINE_SIGNAL] = DRM(SYNCOBJ_TIMELINE_SIGNAL, drm_syncobj_timeline_array, 2,
				       OBJ_NONE, OBJ_NONE, 0),
	[C_SYNC_QUERY] = DRM(SYNCOBJ_QUERY, timeline_query, 2, OBJ_NONE, OBJ_NONE, 0),
	[C_SYNC_TRANSFER] = DRM(SYNCOBJ_TRANSFER, drm_syncobj_transfer, 3, OBJ_NONE, OBJ_NONE, 0),
	[C_SYNC_EVENTFD] = DRM(SYNCOBJ_EVENTFD, drm_syncobj_eventfd, 2, OBJ_NONE, OBJ_NONE, 0),

	[C_BUF_SYNC] = OTHER("DMA_BUF_SYNC", DMA_BUF_IOCTL_SYNC, dma_buf_sync, ON_DMABUF, OBJ_NONE, 0,
			     2),
	[C_BUF_EXPORT] = OTHER("DMA_BUF_EXPORT_SYNC_FILE", DMA_BUF_IOCTL_EXPORT_SYNC_FILE,
			       dma_buf_export, ON_DMABUF, OBJ_SYNC_FILE,
			       AT(dma_buf_export_sync_file, fd), 2),
	[C_BUF_IMPORT] = OTHER("DMA_BUF_IMPORT_SYNC_FILE", DMA_BUF_IOCTL_IMPORT_SYNC_FILE,
			       dma_buf_import, ON_DMABUF, OBJ_NONE, 0, 2),
	[C_FILE_MERGE] = OTHER("SYNC_FILE_MERGE", SYNC_IOC_MERGE, sync_merge_data, ON_SYNC_FILE,
			       OBJ_SYNC_FILE, AT(sync_merge_data, fence), 2),
	[C_FILE_INFO] = OTHER("SYNC_FILE_INFO", SYNC_IOC_FILE_INFO, sync_file_info, ON_SYNC_FILE,
			      OBJ_NONE, 0, 2),

	[C_PACKETS] = ACT("packets", act_packets, 12),
	[C_MMAP] = ACT("mmap", act_mmap, 4),
	[C_MMAP_BUF] = ACT("mmap_dmabuf", act_mmap_dmabuf, 2),
	[C_MUNMAP] = ACT("munmap", act_munmap, 3),
	[C_TOUCH] = ACT("touch", act_touch, 6),
	[C_POLL] = ACT("poll", act_poll, 2),
	[C_READ] = ACT("read", act_read, 2),
	[C_OPEN] = ACT("open", act_open, 1),
	[C_CLOSE] = ACT("close", act_close, 3),
	[C_DUP] = ACT("dup", act_dup, 1),
	[C_FORK] = ACT("fork", act_fork, 1),
	[C_FDINFO] = ACT("fdinfo", act_fdinfo, 1),
	[C_EVENTFD] = ACT("eventfd", act_eventfd, 1),
};

_Static_assert(sizeof(calls) / sizeof(calls[0]) == C_COUNT, "a call is missing");
const unsigned int calls_count = C_COUNT;

const short sequences[][SEQUENCE_MAX] = {
	{ C_PACKETS, C_SUBMIT, C_SYNC_WAIT, -1 },
	{ C_PACKETS, C_SUBMIT, C_QUEUE_POLL, C_SYNC_TO_FILE, C_FILE_INFO, -1 },
	{ C_BO_CREATE, C_VM_BIND, C_PACKETS, C_SUBMIT, C_VM_BIND, C_QUEUE_STATE, -1 },
	{ C_VM_CREATE, C_BO_CREATE, C_VM_BIND, C_QUEUE_CREATE, C_SUBMIT, C_VM_DESTROY, -1 },
	{ C_BO_CREATE, C_MMAP, C_TOUCH, C_GEM_CLOSE, C_TOUCH, C_MUNMAP, -1 },
	{ C_BO_CREATE, C_PRIME_TO_FD, C_PRIME_TO_HANDLE, C_VM_BIND, C_SUBMIT, C_BUF_EXPORT, -1 },
	{ C_BO_CREATE, C_PRIME_TO_FD, C_MMAP_BUF, C_TOUCH, C_BUF_SYNC, C_CLOSE, -1 },
	{ C_SYNC_CREATE, C_SUBMIT, C_SYNC_TO_FILE, C_SYNC_FROM_FILE, C_SUBMIT, C_SYNC_WAIT, -1 },
	{ C_SYNC_CREATE, C_SUBMIT, C_SYNC_TIMELINE_WAIT, C_SYNC_TRANSFER, C_SYNC_QUERY, -1 },
	{ C_SYNC_TO_FD, C_SYNC_FROM_FD, C_SUBMIT, C_SYNC_SIGNAL, C_SYNC_RESET, -1 },
	{ C_SYNC_TO_FILE, C_FILE_MERGE, C_BUF_IMPORT, C_FILE_INFO, C_POLL, -1 },
	{ C_QUEUE_CREATE, C_SUBMIT, C_SUBMIT, C_QUEUE_DESTROY, C_SYNC_WAIT, -1 },
	{ C_VM_BIND, C_VM_BIND, C_VM_STATE, C_SUBMIT, C_POLL, C_READ, -1 },
	{ C_OPEN, C_VM_CREATE, C_BO_CREATE, C_VM_BIND, C_QUEUE_CREATE, C_SUBMIT, C_CLOSE, -1 },
	{ C_FORK, C_SUBMIT, C_VM_BIND, C_QUEUE_DESTROY, C_GEM_CLOSE, C_CLOSE, -1 },
	{ C_FORK, C_BO_CREATE, C_PRIME_TO_FD, C_PRIME_TO_HANDLE, C_GEM_CLOSE, C_BO_LABEL, -1 },
	{ C_EVENTFD, C_SYNC_EVENTFD, C_SUBMIT, C_POLL, -1 },
	{ C_DUP, C_SUBMIT, C_FDINFO, C_CLOSE, -1 },
	{ C_DEV_QUERY, C_BO_INFO, C_BO_LABEL, C_BO_MMAP_OFFSET, C_VERSION, C_GET_CAP, -1 },
	{ C_SYNC_TIMELINE_SIGNAL, C_SUBMIT, C_SYNC_DESTROY, C_VM_DESTROY, -1 },
};

const unsigned int sequences_count = sizeof(sequences) / sizeof(sequences[0]);

int call_find(const char *name)
{
	for (unsigned int i = 0; i < calls_count; i++)
		if (!strcmp(calls[i].name, name))
			return i;
	return -1;
}

bool call_error_is_listed(const struct call *call, int error, bool altered)
{
	if (!error)
		return true;
	/* The card is there all the time, whatever somebody does to it. */
	if (error == ENODEV)
		return false;
	if (!call->errors[0] || error == EINTR || error == EFAULT || error == ENOMEM)
		return true;
	if (altered && (error == EINVAL || error == E2BIG || error == ENOTTY || error == EACCES))
		return true;
	for (unsigned int i = 0; i < CALL_ERRORS && call->errors[i]; i++)
		if (call->errors[i] == error)
			return true;
	return false;
}
