// SPDX-License-Identifier: MIT
/*
 * Contexts: address spaces.
 */
#include <stdlib.h>

#include "object.h"

ACCEL_API int accel_context_create(struct accel_device *device,
				   const struct accel_context_opts *opts,
				   struct accel_context **context)
{
	API_ENTER;
	struct accel_context_opts o = ACCEL_INIT(o);
	struct accel_context *c;
	int ret;

	if (!device || !context)
		return err(-EINVAL, NULL, "%s is NULL", device ? "context" : "device");
	if (device_forked(device))
		return err_forked();
	if (opts) {
		ret = sized_in(&o, sizeof(o), opts, "struct accel_context_opts");
		if (ret)
			return ret;
	}
	if (o.flags)
		return err(-EINVAL, NULL, "unknown flags %#llx", (unsigned long long)o.flags);

	c = calloc(1, device->ops->context_size);
	if (!c)
		return err_nomem("a context");
	if (range_init(&c->va, device->props.va_start, device->props.va_end)) {
		free(c);
		return err_nomem("a context");
	}
	atomic_init(&c->refs, 1);
	pthread_mutex_init(&c->lock, NULL);
	c->device = accel_device_ref(device);
	ret = device->ops->context_init(c);
	if (ret) {
		range_fini(&c->va);
		pthread_mutex_destroy(&c->lock);
		free(c);
		accel_device_unref(device);
		return ret;
	}
	*context = c;
	return 0;
}

ACCEL_API struct accel_context *accel_context_ref(struct accel_context *context)
{
	if (context)
		ref_more(&context->refs);
	return context;
}

ACCEL_API void accel_context_unref(struct accel_context *context)
{
	API_ENTER;
	struct accel_device *device;

	if (!context || !ref_last(&context->refs))
		return;
	device = context->device;
	device->ops->context_fini(context);
	range_fini(&context->va);
	pthread_mutex_destroy(&context->lock);
	free(context);
	accel_device_unref(device);
}

ACCEL_API struct accel_device *accel_context_device(struct accel_context *context)
{
	return context ? context->device : NULL;
}
