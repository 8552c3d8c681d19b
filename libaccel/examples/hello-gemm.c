// SPDX-License-Identifier: MIT
/* c = a x b on a Loom card, or without one: hello-gemm sim: */
#include <accel/accel.h>
#include <stdio.h>

static int fail(void)
{
	const struct accel_error *e = accel_last_error();

	fprintf(stderr, "%s: %s%s%s\n", e->op, e->text, e->hint[0] ? "; " : "", e->hint);
	return 1;
}

int main(int argc, char **argv)
{
	float a[2][3] = { { 1, 2, 3 }, { 4, 5, 6 } }, b[3][2] = { { 1, 0 }, { 0, 1 }, { 1, 1 } };
	float c[2][2];
	struct accel_matrix ma = { a, ACCEL_F32, false, 0 }, mb = { b, ACCEL_F32, false, 0 };
	struct accel_matrix mc = { c, ACCEL_F32, false, 0 };
	struct accel_device *device;
	struct accel_context *context;
	struct accel_queue *queue;

	if (accel_device_open(argc > 1 ? argv[1] : NULL, NULL, &device) ||
	    accel_context_create(device, NULL, &context) ||
	    accel_queue_create(context, NULL, &queue) ||
	    accel_gemm_host(queue, 2, 2, 3, &ma, &mb, &mc, NULL))
		return fail();
	printf("%g %g\n%g %g\n", c[0][0], c[0][1], c[1][0], c[1][1]);
	accel_queue_unref(queue);
	accel_context_unref(context);
	accel_device_unref(device);
	return 0;
}
