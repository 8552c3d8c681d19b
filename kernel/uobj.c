// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Arrays in user memory.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "loom.h"

/* No element is larger for a long time; keeps the check of unknown tails short. */
#define STRIDE_MAX	1024

/**
 * loom_array_copy() - copy an array of structures from user memory
 * @array: where it is
 * @size: size of an element, as in the first version of the interface
 * @max: largest number of elements
 * @out: the copy, for kvfree(); NULL if there are no elements
 *
 * Return: 0; -EINVAL: bad stride; -E2BIG: too many, or an element has an unknown tail that is not
 * zero; -EFAULT; -ENOMEM.
 */
int loom_array_copy(const struct drm_loom_array *array, size_t size, u32 max, void **out)
{
	u8 *copy;
	u32 i;
	int err;

	*out = NULL;
	if (!array->count)
		return 0;
	if (array->count > max)
		return -E2BIG;
	if (array->stride < size || array->stride % 8)
		return -EINVAL;
	if (array->stride > STRIDE_MAX)
		return -E2BIG;
	/* The product is at most 32 bits wide; the sum must not wrap. */
	if (array->array + (u64)array->stride * array->count < array->array)
		return -EFAULT;

	copy = kvmalloc_array(array->count, size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!copy)
		return -ENOMEM;
	if (array->stride == size) {
		if (copy_from_user(copy, u64_to_user_ptr(array->array), size * array->count)) {
			kvfree(copy);
			return -EFAULT;
		}
		*out = copy;
		return 0;
	}
	for (i = 0; i < array->count; i++) {
		err = copy_struct_from_user(copy + i * size, size,
					    u64_to_user_ptr(array->array +
							    (u64)i * array->stride),
					    array->stride);
		if (err) {
			kvfree(copy);
			return err;
		}
	}
	*out = copy;
	return 0;
}
