// SPDX-License-Identifier: MIT
#include <math.h>

#include "one.h"

int one_make(struct one *o, const Onnx__ModelProto *m, const struct accel_session_opts *opts)
{
	size_t size;
	void *data = onnx_bytes(m, &size);
	int ret;

	memset(o, 0, sizeof(*o));
	if (!bench_open(&o->b, NULL)) {
		free(data);
		return 1;
	}
	ret = accel_model_load_memory(data, size, NULL, &o->model);
	free(data);
	if (ret) {
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
		return 1;
	}
	return accel_session_create(o->model, o->b.queue, opts, &o->session);
}

void one_done(struct one *o)
{
	accel_session_unref(o->session);
	accel_model_unref(o->model);
	bench_close(&o->b);
}

bool one_run(struct one *o)
{
	if (!accel_session_run(o->session, soon(), NULL))
		return true;
	check_fail(__FILE__, __LINE__, accel_last_error()->text);
	return false;
}

/* The first output's elements, to be freed, or NULL. */
static void *result(const Onnx__ModelProto *m, const void *x, size_t size, size_t want_size)
{
	struct accel_value_info info = ACCEL_INIT(info);
	void *data = calloc(1, want_size + 1);
	bool good = false;
	struct one o;

	if (one_make(&o, m, NULL)) {
		check_fail(__FILE__, __LINE__, accel_last_error()->text);
	} else if ((!x || !accel_session_write(o.session, 0, x, size)) && one_run(&o)) {
		good = !accel_session_shape(o.session, 0, &info) && info.size == want_size &&
		       !accel_session_read(o.session, 0, data, want_size);
		if (info.size != want_size)
			printf("# its output has %llu bytes, not %zu\n", (unsigned long long)info.size, want_size);
	}
	one_done(&o);
	if (good)
		return data;
	free(data);
	return NULL;
}

bool one_gives(const Onnx__ModelProto *m, const void *x, size_t size, const void *want, size_t want_size)
{
	unsigned char *got = result(m, x, size, want_size);
	bool same = got && !memcmp(got, want, want_size);

	for (size_t i = 0; got && !same && i < want_size; i++)
		if (got[i] != ((const unsigned char *)want)[i]) {
			printf("# byte %zu is %u, not %u\n", i, got[i], ((const unsigned char *)want)[i]);
			break;
		}
	free(got);
	return same;
}

bool one_near(const Onnx__ModelProto *m, const void *x, size_t size, const float *want, size_t count,
	      double tolerance)
{
	float *got = result(m, x, size, count * sizeof(*want));
	bool near = got;

	for (size_t i = 0; i < count && near; i++) {
		near = fabs((double)got[i] - (double)want[i]) <= tolerance;
		if (!near)
			printf("# element %zu is %.9g, not %.9g\n", i, (double)got[i], (double)want[i]);
	}
	free(got);
	return near;
}
