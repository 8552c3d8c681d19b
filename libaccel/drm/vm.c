// SPDX-License-Identifier: MIT
/*
 * Address spaces.
 */
#include "node.h"

int node_context_init(struct accel_context *context)
{
	struct node *node = node_of(context);
	struct drm_loom_vm_create arg = { 0 };
	int ret = node_ioctl(node, DRM_IOCTL_LOOM_VM_CREATE, &arg);

	if (ret)
		return node_error(node, ret, "create a context");
	((struct node_context *)context)->vm = arg.id;
	return 0;
}

void node_context_fini(struct accel_context *context)
{
	struct drm_loom_vm_destroy arg = { .id = node_vm(context) };

	if (!device_forked(context->device))
		node_ioctl(node_of(context), DRM_IOCTL_LOOM_VM_DESTROY, &arg);
}

static int bind(struct accel_buffer *buffer, struct drm_loom_bind *op)
{
	struct drm_loom_vm_bind arg = {
		.vm_id = node_vm(buffer->context),
		.ops = { .stride = sizeof(*op), .count = 1, .array = (uintptr_t)op },
	};

	return node_ioctl(node_of(buffer->context), DRM_IOCTL_LOOM_VM_BIND, &arg);
}

int node_buffer_bind(struct accel_buffer *buffer)
{
	struct drm_loom_bind op = {
		.flags = DRM_LOOM_BIND_MAP,
		.handle = ((struct node_buffer *)buffer)->handle,
		.va = buffer->va,
		.size = buffer->size,
	};
	int ret;

	if (buffer->flags & ACCEL_BUFFER_READONLY)
		op.flags |= DRM_LOOM_BIND_READONLY;
	ret = bind(buffer, &op);
	return ret ? node_error(node_of(buffer->context), ret, "map a buffer") : 0;
}

int node_buffer_unbind(struct accel_buffer *buffer)
{
	struct drm_loom_bind op = {
		.flags = DRM_LOOM_BIND_UNMAP,
		.va = buffer->va,
		.size = buffer->size,
	};

	return bind(buffer, &op);
}
