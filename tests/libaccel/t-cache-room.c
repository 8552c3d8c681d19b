// SPDX-License-Identifier: MIT
/*
 * How large the cache of compiled models becomes, what is thrown away, and directories that are of no
 * use.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cached.h"

static void room(void)
{
	struct accel_model_opts mo = cached();
	struct accel_session_opts so = ACCEL_INIT(so);
	struct accel_cache_info info = ACCEL_INIT(info);
	struct accel_model_dim dim = { "N", 1 };
	char aside[128];
	struct bench b;
	struct use u;
	uint64_t each;

	snprintf(path, sizeof(path), "%s/room.onnx", top);
	write_model(path, 1);
	so.dims = &dim;
	so.ndims = 1;
	REQUIRE(bench_open(&b, NULL));
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_STORED);
	CHECK(!accel_cache_info(dir, &info));
	CHECK_EQ(info.files, 2);
	CHECK(!strcmp(info.directory, dir));
	each = info.size;
	mo.cache_size = 3 * each + each / 2;
	/* A file of a process that died goes when room is made. */
	snprintf(aside, sizeof(aside), "%s/aside.0123456789abcdef", dir);
	close(open(aside, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	for (dim.size = 2; dim.size <= 6; dim.size++) {
		int64_t size = dim.size;

		CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_STORED);
		CHECK(!accel_cache_info(dir, &info));
		CHECK(info.size <= mo.cache_size);
		/* What is used stays. */
		dim.size = 1;
		CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_HIT);
		dim.size = size;
	}
	CHECK(access(aside, F_OK));
	dim.size = 2;
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_STORED);
	/* One that is larger than all of the cache. */
	mo.cache_size = 2000;
	dim.size = 9;
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_FAILED);
	CHECK(strstr(u.note, "larger"));
	CHECK(!accel_cache_clear(dir));
	CHECK_EQ(count(true, NULL), 0);
	CHECK(!accel_cache_info(dir, &info) && !info.files && !info.size);
	bench_close(&b);
	remove_all();
	CHECK(!accel_cache_info(dir, &info) && !info.files);
	CHECK(!accel_cache_clear(dir));
	CHECK_ERR(accel_cache_info("off", &info), -ENOENT);
	CHECK_ERR(accel_cache_info(dir, NULL), -EINVAL);
}

static void no_room(void)
{
	struct accel_model_opts mo = cached();
	struct accel_cache_info info = ACCEL_INIT(info);
	struct rlimit old, small;
	struct bench b;
	struct use u;

	snprintf(path, sizeof(path), "%s/none.onnx", top);
	write_model(path, 1);
	REQUIRE(bench_open(&b, NULL));
	CHECK(!mkdir(dir, 0777) && !chmod(dir, 0777));
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_FAILED);
	CHECK(strstr(u.note, "others can write"));
	CHECK_EQ(count(true, NULL), 0);
	CHECK_ERR_TEXT(accel_cache_info(dir, &info), -EACCES, "others can write");
	CHECK_ERR_TEXT(accel_cache_clear(dir), -EACCES, "others can write");
	CHECK(!chmod(dir, 0770));
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_FAILED);
	CHECK(!chmod(dir, 0700));
	if (!geteuid() && !chown(dir, 4711, (gid_t)-1)) {
		CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_FAILED);
		CHECK(strstr(u.note, "another user"));
		CHECK(!chown(dir, 0, (gid_t)-1));
	}
	/* A disk that is full. */
	signal(SIGXFSZ, SIG_IGN);
	CHECK(!getrlimit(RLIMIT_FSIZE, &old));
	small = old;
	small.rlim_cur = 3000;
	CHECK(!setrlimit(RLIMIT_FSIZE, &small));
	/* What is larger than all of the cache may be is not even written. */
	mo.cache_size = 4000;
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_FAILED);
	CHECK(strstr(u.note, "larger than the cache"));
	mo.cache_size = 0;
	CHECK(use_model(&b, NULL, &mo, NULL, &u));
	CHECK(!setrlimit(RLIMIT_FSIZE, &old));
	CHECK_EQ(u.use, ACCEL_CACHE_FAILED);
	CHECK(strstr(u.note, "cannot write"));
	CHECK_EQ(count(true, NULL), 0);
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_STORED);
	remove_all();
	/* Not a directory. */
	close(open(dir, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_FAILED && u.note[0]);
	CHECK(!unlink(dir));
	bench_close(&b);
}

int main(void)
{
	static const struct check_test tests[] = { TEST(room), TEST(no_room) };

	return cached_main(tests, sizeof(tests) / sizeof(tests[0]));
}
