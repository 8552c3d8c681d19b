// SPDX-License-Identifier: MIT
/*
 * The cache of compiled models: what is found again and what is not, and that neither damage nor
 * company is in anyone's way.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cached.h"

/* --- Digests: how many bytes the library takes one of -------------------------------------- */

static unsigned long digested;

void nettle_sha256_update(struct sha256_ctx *ctx, size_t length, const uint8_t *data)
{
	static void (*real)(struct sha256_ctx *ctx, size_t length, const uint8_t *data);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "nettle_sha256_update");
	digested += length;
	real(ctx, length, data);
}

/* --- Company: first, while this process has no threads ------------------------------------ */

#define PROCESSES	6
#define TURNS		12
#define MODELS		3

static float want[MODELS][256];

/* Load, run and compare, again and again, in a cache that has no room for all. */
static void child(int me)
{
	struct accel_model_opts mo = cached();
	struct bench b;
	struct use u;

	mo.cache_size = 60000;
	if (!bench_open(&b, NULL))
		_exit(2);
	for (int i = 0; i < TURNS; i++) {
		int which = (me + i) % MODELS;

		snprintf(path, sizeof(path), "%s/%d.onnx", top, which);
		if (!use_model(&b, NULL, &mo, NULL, &u) || memcmp(u.y, want[which], sizeof(u.y)))
			_exit(3);
	}
	bench_close(&b);
	_exit(check_failed ? 4 : 0);
}

/* The answers without a cache, from a process of its own, so that this one stays without threads. */
static void answers(void)
{
	struct accel_model_opts off = ACCEL_INIT(off);
	int fds[2], status;
	struct use u;
	struct bench b;
	pid_t pid;

	REQUIRE(!pipe(fds));
	off.flags = ACCEL_MODEL_NO_CACHE;
	for (int i = 0; i < MODELS; i++) {
		snprintf(path, sizeof(path), "%s/%d.onnx", top, i);
		write_model(path, i + 1);
	}
	pid = fork();
	if (!pid) {
		if (!bench_open(&b, NULL))
			_exit(1);
		for (int i = 0; i < MODELS; i++) {
			snprintf(path, sizeof(path), "%s/%d.onnx", top, i);
			if (!use_model(&b, NULL, &off, NULL, &u) ||
			    write(fds[1], u.y, sizeof(u.y)) != sizeof(u.y))
				_exit(1);
		}
		_exit(0);
	}
	close(fds[1]);
	for (int i = 0; i < MODELS; i++)
		CHECK(read(fds[0], want[i], sizeof(want[i])) == sizeof(want[i]));
	close(fds[0]);
	CHECK(waitpid(pid, &status, 0) == pid && !status);
}

static void company(void)
{
	pid_t pids[PROCESSES];
	unsigned int finished = 0, killed = 0;
	struct accel_cache_info info = ACCEL_INIT(info);

	answers();
	fflush(stdout);
	for (int i = 0; i < PROCESSES; i++) {
		pids[i] = fork();
		if (!pids[i])
			child(i);
	}
	/* Half of them die, wherever they are: those that are alone in a file die within it. */
	for (int i = 0; i < PROCESSES; i += 2) {
		while (!count(true, NULL) && !waitpid(pids[i], NULL, WNOHANG))
			usleep(1000);
		kill(pids[i], SIGKILL);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status = 0;

		waitpid(pids[i], &status, 0);
		killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
		finished += WIFEXITED(status) && !WEXITSTATUS(status);
	}
	/* One that was to be killed may have been faster. */
	CHECK_EQ(finished + killed, PROCESSES);
	CHECK(finished >= PROCESSES / 2);
	CHECK(!accel_cache_info(dir, &info));
	CHECK(info.size <= 60000);
	/* What the dead left goes, and nothing but the lock stays. */
	CHECK(!accel_cache_clear(dir));
	CHECK_EQ(count(true, NULL), 0);
	remove_all();
}

/* --- Found again, or not ----------------------------------------------------------------- */

static void hits(void)
{
	struct accel_model_opts mo = cached(), off = cached();
	struct use first, second, none;
	struct bench b;
	struct stat st;

	snprintf(path, sizeof(path), "%s/hit.onnx", top);
	write_model(path, 1);
	off.flags = ACCEL_MODEL_NO_CACHE;
	REQUIRE(bench_open(&b, NULL));
	CHECK(use_model(&b, NULL, &off, NULL, &none));
	CHECK_EQ(none.use, ACCEL_CACHE_UNUSED);
	CHECK(access(dir, F_OK));
	CHECK(use_model(&b, NULL, &mo, NULL, &first));
	CHECK_EQ(first.use, ACCEL_CACHE_STORED);
	CHECK(!stat(dir, &st) && (st.st_mode & 07777) == 0700);
	CHECK(use_model(&b, NULL, &mo, NULL, &second));
	CHECK_EQ(second.use, ACCEL_CACHE_HIT);
	CHECK(!first.note[0] && !second.note[0]);
	CHECK(same(&first, &none) && same(&second, &none));
	/* One graph and one face; no files aside. */
	CHECK_EQ(count(true, NULL), 2);
	/* Models that are not worth it, a cache that is off, and the environment. */
	off = cached();
	off.cache_least = 1 << 20;
	CHECK(use_model(&b, NULL, &off, NULL, &none) && none.use == ACCEL_CACHE_UNUSED);
	off.cache_least = 1;
	off.cache = "off";
	CHECK(use_model(&b, NULL, &off, NULL, &none) && none.use == ACCEL_CACHE_UNUSED);
	off.cache = NULL;
	setenv("ACCEL_CACHE", "off", 1);
	CHECK(use_model(&b, NULL, &off, NULL, &none) && none.use == ACCEL_CACHE_UNUSED);
	setenv("ACCEL_CACHE", dir, 1);
	CHECK(use_model(&b, NULL, &off, NULL, &none) && none.use == ACCEL_CACHE_HIT);
	setenv("ACCEL_CACHE_SIZE", "lots", 1);
	CHECK_ERR_TEXT(accel_model_load(path, &off, &(struct accel_model *){ NULL }), -EINVAL, "lots");
	setenv("ACCEL_CACHE_SIZE", "1K", 1);
	CHECK(use_model(&b, NULL, &off, NULL, &none) && none.use == ACCEL_CACHE_HIT);
	setenv("ACCEL_CACHE_SIZE", "1G", 1);
	unsetenv("ACCEL_CACHE");
	setenv("XDG_CACHE_HOME", top, 1);
	CHECK(use_model(&b, NULL, &off, NULL, &none) && none.use == ACCEL_CACHE_STORED);
	CHECK(use_model(&b, NULL, &off, NULL, &none) && none.use == ACCEL_CACHE_HIT);
	unsetenv("ACCEL_CACHE_SIZE");
	unsetenv("XDG_CACHE_HOME");
	setenv("ACCEL_CACHE", "off", 1);
	bench_close(&b);
	remove_all();
}

/* What the file's place in the cache depends on: each of it alone makes it another. */
static void stale(void)
{
	struct accel_model_dim dims[2] = { { "N", 2 }, { "x:1", 2 } }, other = { "N", 3 };
	struct accel_model_dim turned[2] = { dims[1], dims[0] };
	const char *without[2] = { "view", "bias" }, *swapped[2] = { "bias", "view" };
	struct accel_model_opts mo = cached();
	struct accel_session_opts so = ACCEL_INIT(so);
	struct accel_device *device;
	struct bench b, c;
	struct use u;

	snprintf(path, sizeof(path), "%s/stale.onnx", top);
	write_model(path, 1);
	REQUIRE(bench_open(&b, NULL));
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_STORED);
	so.dims = dims;
	so.ndims = 1;
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_STORED);
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_HIT);
	so.ndims = 2;
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_STORED);
	so.dims = turned;
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_HIT);
	so.dims = &other;
	so.ndims = 1;
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_STORED);
	so.without = without;
	so.nwithout = 2;
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_STORED);
	so.without = swapped;
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_HIT);
	so.nwithout = 1;
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_STORED);
	/* Where constants are to lie is not the compiler's. */
	so.flags = ACCEL_SESSION_SYSTEM;
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_HIT);
	/* Another card: one has the packet HANG, the other has not. */
	memset(&c, 0, sizeof(c));
	for (int debug = 0; debug < 2; debug++) {
		CHECK(!accel_device_open(debug ? "sim:debug=1,local=2M" : "sim:debug=0", NULL, &device));
		CHECK(!accel_context_create(device, NULL, &c.context));
		CHECK(!accel_queue_create(c.context, NULL, &c.queue));
		CHECK(use_model(&c, NULL, &mo, NULL, &u));
		if (!strncmp(test_device(), "sim:debug=1", 11))
			CHECK_EQ(u.use, debug ? ACCEL_CACHE_HIT : ACCEL_CACHE_STORED);
		accel_queue_unref(c.queue);
		accel_context_unref(c.context);
		accel_device_unref(device);
	}
	/* Another model. */
	write_model(path, 2);
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_STORED);
	write_model(path, 1);
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_HIT);
	bench_close(&b);
	remove_all();
}

static void fixed(void)
{
	struct accel_model_fixed list[2] = {
		{ "from", (int64_t[]){ 2 }, 8 }, { "to", (int64_t[]){ 5 }, 8 },
	}, turned[2] = { list[1], list[0] };
	struct accel_session_opts so = ACCEL_INIT(so);
	struct accel_session_info info = ACCEL_INIT(info);
	struct accel_model_opts mo = cached();
	const enum accel_cache_use uses[] = { ACCEL_CACHE_STORED, ACCEL_CACHE_HIT, ACCEL_CACHE_STORED };
	Onnx__ModelProto *m = onnx_model(13);
	const int64_t six = 6;
	struct accel_model *model;
	struct accel_session *s;
	struct bench b;
	size_t size;
	void *data;

	onnx_input(m, "x", F32, (int64_t[]){ 8, -1 });
	onnx_input(m, "from", I64, (int64_t[]){ 1, -1 });
	onnx_input(m, "to", I64, (int64_t[]){ 1, -1 });
	onnx_node(m, "Slice", "x from to", "part");
	onnx_node(m, "Exp", "part", "y");
	onnx_output(m, "y", F32);
	data = onnx_bytes(m, &size);
	REQUIRE(bench_open(&b, NULL));
	REQUIRE(!accel_model_load_memory(data, size, &mo, &model));
	CHECK_ERR(accel_session_create(model, b.queue, NULL, &s), -EOPNOTSUPP);
	CHECK_EQ(count(true, NULL), 0);		/* what cannot run is not kept */
	so.nfixed = 2;
	for (int i = 0; i < 3; i++) {
		so.fixed = i == 1 ? turned : list;
		if (i == 2)
			list[1].data = &six;
		REQUIRE(!accel_session_create(model, b.queue, &so, &s));
		CHECK(!accel_session_info(s, &info));
		CHECK_EQ(info.cache, uses[i]);
		accel_session_unref(s);
	}
	accel_model_unref(model);
	free(data);
	bench_close(&b);
	remove_all();
}

/* The same program with another name of its build. */
static void build(void)
{
	static const uint8_t note[] = { 4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0 };
	struct accel_model_opts mo = cached();
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), out, status = -1;
	struct stat st;
	uint8_t *data, *id;
	char name[64];
	struct bench b;
	struct use u;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/build.onnx", top);
	snprintf(name, sizeof(name), "%s/other", top);
	write_model(path, 1);
	REQUIRE(in >= 0 && !fstat(in, &st));
	data = malloc((size_t)st.st_size);
	for (off_t at = 0; data && at < st.st_size;) {
		ssize_t n = pread(in, data + at, (size_t)(st.st_size - at), at);

		REQUIRE(n > 0);
		at += n;
	}
	close(in);
	id = memmem(data, (size_t)st.st_size, note, sizeof(note));
	REQUIRE(id);
	REQUIRE(bench_open(&b, NULL));
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_STORED);
	for (int changed = 0; changed < 2; changed++) {
		char expected[2] = { (char)('0' + (changed ? ACCEL_CACHE_STORED : ACCEL_CACHE_HIT)), 0 };

		id[sizeof(note)] ^= changed;
		out = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
		REQUIRE(out >= 0 && write(out, data, (size_t)st.st_size) == st.st_size);
		close(out);
		pid = fork();
		if (!pid) {
			execl(name, name, dir, path, expected, NULL);
			_exit(99);
		}
		CHECK(waitpid(pid, &status, 0) == pid);
		CHECK(WIFEXITED(status));
		CHECK_EQ(WEXITSTATUS(status), 0);
	}
	bench_close(&b);
	unlink(name);
	free(data);
	remove_all();
}

/* In a program that build() started: DIRECTORY MODEL USE. */
static int probe(char **argv)
{
	struct accel_model_opts mo;
	struct bench b;
	struct use u;

	snprintf(dir, sizeof(dir), "%s", argv[1]);
	snprintf(path, sizeof(path), "%s", argv[2]);
	mo = cached();
	if (!bench_open(&b, NULL) || !use_model(&b, NULL, &mo, NULL, &u))
		return 98;
	bench_close(&b);
	return u.use == (enum accel_cache_use)(argv[3][0] - '0') ? 0 : 10 + (int)u.use;
}

/* --- Damage ------------------------------------------------------------------------------ */

static void damage(void)
{
	struct accel_model_opts mo = cached();
	char name[512] = "", other[600];
	struct use first, u;
	struct stat st;
	struct bench b;
	int fd;

	snprintf(path, sizeof(path), "%s/damage.onnx", top);
	write_model(path, 1);
	REQUIRE(bench_open(&b, NULL));
	CHECK(use_model(&b, NULL, &mo, NULL, &first) && first.use == ACCEL_CACHE_STORED);
	CHECK_EQ(count(false, name), 2);
	REQUIRE(!stat(name, &st));
	/* The head, its digest, the description, constants, the end. */
	for (off_t at = 0; at < st.st_size; at += at < 256 ? 37 : 997) {
		uint8_t x;

		fd = open(name, O_RDWR | O_CLOEXEC);
		REQUIRE(fd >= 0);
		CHECK(pread(fd, &x, 1, at) == 1);
		x ^= 0x10;
		CHECK(pwrite(fd, &x, 1, at) == 1);
		close(fd);
		CHECK(use_model(&b, NULL, &mo, NULL, &u));
		CHECK_EQ(u.use, ACCEL_CACHE_STORED);
		CHECK(strstr(u.note, "removed"));
		CHECK(same(&u, &first));
	}
	for (off_t size = 0; size < st.st_size; size += 1 + st.st_size / 5) {
		CHECK(!truncate(name, size));
		CHECK(use_model(&b, NULL, &mo, NULL, &u));
		CHECK_EQ(u.use, ACCEL_CACHE_STORED);
		CHECK(same(&u, &first));
	}
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_HIT && !u.note[0]);
	/* A file with the name of another. */
	snprintf(other, sizeof(other), "%s.x", name);
	CHECK(!rename(name, other));
	write_model(path, 2);
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_STORED);
	write_model(path, 1);
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_STORED);
	write_model(path, 2);
	CHECK(!rename(other, name));		/* the first one's, as before */
	write_model(path, 1);
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_HIT);
	/* A file that others could have written, and one that is none. */
	CHECK(!chmod(name, 0666));
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && same(&u, &first));
	CHECK(u.use == ACCEL_CACHE_STORED && strstr(u.note, "not ours alone"));
	CHECK(!unlink(name) && !symlink("/dev/zero", name));
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_STORED && same(&u, &first));
	bench_close(&b);
	remove_all();
}

/* The name of the smallest entry: a face. */
static void smallest(char name[512])
{
	DIR *d = opendir(dir);
	off_t least = INT64_MAX;
	struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		if (!is_entry(e->d_name) || fstatat(dirfd(d), e->d_name, &st, 0) || st.st_size >= least)
			continue;
		least = st.st_size;
		snprintf(name, 512, "%s/%s", dir, e->d_name);
	}
	if (d)
		closedir(d);
}

/* The face of one file by the name of another's. */
static void swapped(void)
{
	struct accel_model_opts mo = cached();
	char name[512] = "", aside[80];
	struct use first, u;
	struct bench b;

	snprintf(path, sizeof(path), "%s/swapped.onnx", top);
	snprintf(aside, sizeof(aside), "%s/aside", top);
	REQUIRE(bench_open(&b, NULL));
	write_model(path, 1);
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_STORED);
	smallest(name);
	CHECK(!rename(name, aside));
	write_model(path, 2);
	CHECK(use_model(&b, NULL, &mo, NULL, &first) && first.use == ACCEL_CACHE_STORED);
	smallest(name);
	CHECK(!rename(aside, name));
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_HIT && same(&u, &first));
	CHECK_EQ(count(false, NULL), 3);
	bench_close(&b);
	remove_all();
}

/* How often files of the cache are mapped. */
static unsigned int mappings(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[1024];
	unsigned int n = 0;

	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, dir) != NULL;
	if (f)
		fclose(f);
	return n;
}

/* All of a file is looked at once, whether it is known or not. */
static void once(void)
{
	struct accel_model_opts mo = cached();
	struct accel_model *model;
	struct use first, u;
	size_t size, at;
	struct bench b;
	struct accel_session *sessions[3] = { 0 };
	float x = 100;
	int fd;

	snprintf(path, sizeof(path), "%s/once.onnx", top);
	size = write_large(path, 1, 1 << 18);
	REQUIRE(bench_open(&b, NULL));
	for (int turn = 0; turn < 2; turn++) {
		digested = 0;
		REQUIRE(!accel_model_load(path, &mo, &model));
		CHECK(digested >= size && digested < size + size / 4);
		CHECK(use_model(&b, model, NULL, NULL, &first));
		CHECK_EQ(first.use, turn ? ACCEL_CACHE_HIT : ACCEL_CACHE_STORED);
		/* The file of the cache, too: sessions share it, as it is in memory and as it was compared. */
		CHECK(use_model(&b, model, NULL, NULL, &u) && u.use == ACCEL_CACHE_HIT);
		digested = 0;
		for (int i = 0; i < 3; i++)
			CHECK(!accel_session_create(model, b.queue, NULL, &sessions[i]));
		CHECK(digested < size / 4);
		CHECK(mappings() <= 2);		/* the face is one, too */
		CHECK(use_model(&b, model, NULL, NULL, &u) && u.use == ACCEL_CACHE_HIT && same(&u, &first));
		for (int i = 0; i < 3; i++)
			accel_session_unref(sessions[i]);
		accel_model_unref(model);
	}
	/* Another one that differs in little, where nobody looks first: it is told, and has its turn. */
	fd = open(path, O_RDWR | O_CLOEXEC);
	at = size / 2 - size / 64;
	at -= at % 4;
	REQUIRE(fd >= 0 && pwrite(fd, &x, sizeof(x), (off_t)at) == sizeof(x));
	close(fd);
	for (int turn = 0; turn < 3; turn++) {
		REQUIRE(!accel_model_load(path, &mo, &model));
		CHECK(use_model(&b, model, NULL, NULL, &u));
		CHECK_EQ(u.use, turn ? ACCEL_CACHE_HIT : ACCEL_CACHE_STORED);
		accel_model_unref(model);
	}
	digested = 0;
	REQUIRE(!accel_model_load(path, &mo, &model));
	CHECK(digested < size + size / 4);
	accel_model_unref(model);
	bench_close(&b);
	remove_all();
}

/* --- Files that were only compared -------------------------------------------------------- */

static void known(void)
{
	struct accel_model_opts mo = cached();
	struct accel_session_opts so = ACCEL_INIT(so);
	struct accel_model_dim dim = { "N", 5 };
	struct accel_model_info info = ACCEL_INIT(info);
	struct accel_value_info v = ACCEL_INIT(v);
	struct accel_session *s;
	struct accel_model *model;
	char other[80];
	struct use first, u;
	struct bench b;
	int fd;

	snprintf(path, sizeof(path), "%s/known.onnx", top);
	snprintf(other, sizeof(other), "%s.new", path);
	write_model(path, 1);
	so.dims = &dim;
	so.ndims = 1;
	REQUIRE(bench_open(&b, NULL));
	CHECK(use_model(&b, NULL, &mo, NULL, &first));
	CHECK(use_model(&b, NULL, &mo, &so, &u) && u.use == ACCEL_CACHE_STORED);
	REQUIRE(!accel_model_load(path, &mo, &model));
	CHECK(!accel_model_info(model, &info) && info.inputs == 1 && info.outputs == 3);
	CHECK(!info.compiled);
	CHECK(!accel_model_input(model, 0, &v) && v.dims[0] == -1 && !strcmp(v.symbols[0], "N"));
	/* Another file takes its place: this model is still what it was. */
	write_model(other, 2);
	CHECK(!rename(other, path));
	dim.size = 4;
	CHECK(use_model(&b, model, NULL, &so, &u) && u.use == ACCEL_CACHE_STORED);
	CHECK(use_model(&b, model, NULL, NULL, &u) && u.use == ACCEL_CACHE_HIT && same(&u, &first));
	accel_model_unref(model);
	/* It is overwritten: what is not in the cache is not to be had any more. */
	write_model(path, 1);
	CHECK(use_model(&b, NULL, &mo, NULL, &u) && u.use == ACCEL_CACHE_HIT);
	REQUIRE(!accel_model_load(path, &mo, &model));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0 && pwrite(fd, "x", 1, 40) == 1);
	close(fd);
	dim.size = 7;
	CHECK_ERR_TEXT(accel_session_create(model, b.queue, &so, &s), -ESTALE, "overwritten");
	CHECK(use_model(&b, model, NULL, NULL, &u) && u.use == ACCEL_CACHE_HIT && same(&u, &first));
	accel_model_unref(model);
	bench_close(&b);
	remove_all();
}

/* Constants in another file are part of the model. */
static void external(void)
{
	struct accel_model_opts mo = cached();
	struct accel_session_info info = ACCEL_INIT(info);
	const enum accel_cache_use uses[] = { ACCEL_CACHE_STORED, ACCEL_CACHE_HIT, ACCEL_CACHE_STORED };
	Onnx__ModelProto *m = onnx_model(13);
	Onnx__TensorProto *t;
	Onnx__StringStringEntryProto entry = ONNX__STRING_STRING_ENTRY_PROTO__INIT, *list = &entry;
	char data_path[80];
	size_t size;
	void *data;
	int fd;
	struct bench b;

	snprintf(path, sizeof(path), "%s/external.onnx", top);
	snprintf(data_path, sizeof(data_path), "%s/w.bin", top);
	onnx_input(m, "x", F32, (int64_t[]){ 4, -1 });
	t = onnx_floats(m, "w", (int64_t[]){ 4, -1 }, 1);
	t->has_raw_data = 0;
	t->n_float_data = 0;
	t->has_data_location = 1;
	t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
	entry.key = (char *)"location";
	entry.value = (char *)"w.bin";
	t->n_external_data = 1;
	t->external_data = &list;
	onnx_node(m, "Mul", "x w", "y");
	onnx_output(m, "y", F32);
	data = onnx_bytes(m, &size);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	close(fd);
	free(data);
	REQUIRE(bench_open(&b, NULL));
	for (int i = 0; i < 3; i++) {
		float w[4] = { 1, 2, 3, i == 2 ? 5 : 4 }, x[4] = { 1, 1, 1, 1 }, y[4];
		struct accel_session *s = NULL;
		struct accel_model *model = NULL;

		fd = open(data_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		REQUIRE(fd >= 0 && write(fd, w, sizeof(w)) == sizeof(w));
		close(fd);
		REQUIRE(!accel_model_load(path, &mo, &model));
		REQUIRE(!accel_session_create(model, b.queue, NULL, &s));
		CHECK(!accel_session_info(s, &info));
		CHECK_EQ(info.cache, uses[i]);
		CHECK(!accel_session_write(s, 0, x, sizeof(x)) && !accel_session_run(s, soon(), NULL));
		CHECK(!accel_session_read(s, 0, y, sizeof(y)) && !memcmp(y, w, sizeof(w)));
		accel_session_unref(s);
		accel_model_unref(model);
	}
	bench_close(&b);
	unlink(data_path);
	remove_all();
}

int main(int argc, char **argv)
{
	static const struct check_test tests[] = {
		TEST(company), TEST(hits), TEST(stale), TEST(fixed), TEST(build), TEST(damage),
		TEST(swapped), TEST(once), TEST(known), TEST(external),
	};

	if (argc == 4)
		return probe(argv);
	return cached_main(tests, sizeof(tests) / sizeof(tests[0]));
}
