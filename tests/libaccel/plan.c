// SPDX-License-Identifier: MIT
/*
 * The memory plan of models, which are files: what their values take is at most a tenth more than the
 * largest sum of those that are alive together.
 */
#include "check.h"

static char **models;

static void plan(void)
{
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	for (char **path = models; *path; path++) {
		struct accel_model *model = NULL;

		CHECK(!accel_model_load(*path, NULL, &model));
		for (int64_t batch = 1; model && batch <= 8; batch += 7) {
			struct accel_session_info info = ACCEL_INIT(info);
			struct accel_session_opts opts = ACCEL_INIT(opts);
			struct accel_model_dim dim = { "N", batch };
			struct accel_session *session = NULL;

			opts.dims = &dim;
			opts.ndims = 1;
			CHECK(!accel_session_create(model, b.queue, &opts, &session));
			CHECK(session && !accel_session_info(session, &info));
			printf("# %s, %lld: %llu of %llu bytes\n", *path, (long long)batch,
			       (unsigned long long)info.arena_bytes,
			       (unsigned long long)info.live_bytes);
			CHECK(info.live_bytes && info.arena_bytes >= info.live_bytes &&
			      info.arena_bytes - info.live_bytes <= info.live_bytes / 10);
			accel_session_unref(session);
		}
		accel_model_unref(model);
	}
	bench_close(&b);
}

int main(int argc, char **argv)
{
	static const struct check_test tests[] = { TEST(plan) };

	models = argv + 1;
	return argc < 2 ? 2 : check_main(tests, 1);
}
