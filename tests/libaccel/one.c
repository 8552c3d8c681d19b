// SPDX-License-Identifier: MIT
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
