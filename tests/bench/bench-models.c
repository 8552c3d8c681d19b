// SPDX-License-Identifier: MIT
/*
 * One model on one card, for tests/bench/models, which has the same of ONNX Runtime beside it:
 *
 *	bench-models [--peer DIRECTORY] MODEL BATCH DEVICE INPUT...
 *
 * INPUTs are files of raw elements, one for each input of the model. DEVICE "" is the card. Says
 * "ready NS", the time from the first call to the first result, then obeys lines on standard input:
 *
 *	run N		runs one after the other: "took CPU WALL", in ns
 *	flight N	N sessions, a run of each at a time: the same
 *	out FILE	elements of the first output of the last run: "done"
 *	info		"info PEAK_KB ARENA LIVE CARD HOST"
 *
 * In a virtual machine, whose standard input is not its host's, lines are files in a DIRECTORY that
 * both see: ask.N, answer.N, until one says "end". What it says first is answer.0; what it writes
 * is there, too.
 */
#include <accel/accel.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

#define FLIGHT_MAX	64

static struct accel_queue *queue;
static struct accel_model *model;
static struct accel_session *sessions[FLIGHT_MAX];
static int64_t batch;
static char **inputs;
static const char *peer;
static unsigned int number;	/* of the next answer */

static void check(int ret)
{
	if (!ret)
		return;
	fprintf(stderr, "bench-models: %s\n", accel_last_error()->text);
	exit(1);
}

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	char path[4096], made[4096 + 8];
	FILE *to = stdout;
	va_list args;

	if (peer) {
		snprintf(path, sizeof(path), "%s/answer.%u", peer, number++);
		snprintf(made, sizeof(made), "%s.tmp", path);
		to = fopen(made, "w");
		if (!to) {
			fprintf(stderr, "bench-models: %s: %s\n", made, strerror(errno));
			exit(1);
		}
	}
	va_start(args, fmt);
	vfprintf(to, fmt, args);
	va_end(args);
	if (peer && (fclose(to) || rename(made, path))) {
		fprintf(stderr, "bench-models: %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

static bool hear(char *line, size_t size)
{
	char path[4096];
	FILE *from;

	if (!peer) {
		if (!fgets(line, (int)size, stdin))
			return false;
	} else {
		snprintf(path, sizeof(path), "%s/ask.%u", peer, number);
		while (!(from = fopen(path, "r")))
			usleep(2000);
		if (!fgets(line, (int)size, from))
			line[0] = 0;
		fclose(from);
	}
	line[strcspn(line, "\n")] = 0;
	return strcmp(line, "end");
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void *slurp(const char *path, size_t *size)
{
	FILE *f = fopen(path, "rb");
	void *data = NULL;

	*size = 0;
	if (f && !fseek(f, 0, SEEK_END)) {
		*size = (size_t)ftell(f);
		rewind(f);
		data = malloc(*size + 1);
		if (data && fread(data, 1, *size, f) != *size)
			*size = 0;
	}
	if (f)
		fclose(f);
	if (!data || !*size) {
		fprintf(stderr, "bench-models: cannot read %s\n", path);
		exit(1);
	}
	return data;
}

static struct accel_session *session(unsigned int i)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_model_dim dim = { "N", batch };
	struct accel_session_info info = ACCEL_INIT(info);

	if (sessions[i])
		return sessions[i];
	opts.dims = &dim;
	opts.ndims = 1;
	check(accel_session_create(model, queue, &opts, &sessions[i]));
	check(accel_session_info(sessions[i], &info));
	for (uint32_t k = 0; k < info.inputs && inputs[k]; k++) {
		size_t size;
		void *data = slurp(inputs[k], &size);

		check(accel_session_write(sessions[i], k, data, size));
		free(data);
	}
	return sessions[i];
}

static void run(unsigned long n)
{
	uint64_t cpu = cpu_ns(), wall = clock_ns();

	for (unsigned long i = 0; i < n; i++)
		check(accel_session_run(session(0), ACCEL_FOREVER, NULL));
	say("took %llu %llu\n", (unsigned long long)(cpu_ns() - cpu),
	       (unsigned long long)(clock_ns() - wall));
}

/* Where operators on the processor come last, runs are not asynchronous: then one by one. */
static void flight(unsigned long n)
{
	struct accel_fence *fences[FLIGHT_MAX] = { NULL };
	uint64_t cpu, wall;

	n = n < FLIGHT_MAX ? n : FLIGHT_MAX;
	for (unsigned int i = 0; i < n; i++)
		session(i);
	cpu = cpu_ns();
	wall = clock_ns();
	for (unsigned int i = 0; i < n; i++)
		if (accel_session_run_async(sessions[i], &fences[i]))
			check(accel_session_run(sessions[i], ACCEL_FOREVER, NULL));
	for (unsigned int i = 0; i < n; i++) {
		if (!fences[i])
			continue;
		check(accel_fence_wait(fences[i], ACCEL_FOREVER));
		accel_fence_unref(fences[i]);
	}
	say("took %llu %llu\n", (unsigned long long)(cpu_ns() - cpu),
	       (unsigned long long)(clock_ns() - wall));
}

static void out(const char *path)
{
	struct accel_value_info info = ACCEL_INIT(info);
	char place[4096];
	size_t size;
	void *data;
	FILE *f;

	snprintf(place, sizeof(place), "%s%s%s", peer ? peer : "", peer ? "/" : "", path);
	f = fopen(place, "wb");
	check(accel_session_output(sessions[0], 0, &info));
	size = accel_dtype_size(info.dtype);
	for (uint32_t i = 0; i < info.rank; i++)
		size *= (size_t)info.dims[i];
	data = malloc(size);
	if (!f || !data)
		exit(1);
	check(accel_session_read(sessions[0], 0, data, size));
	if (fwrite(data, 1, size, f) != size || fclose(f))
		exit(1);
	free(data);
	say("done\n");
}

static void info(void)
{
	struct accel_session_info i = ACCEL_INIT(i);
	unsigned long peak = 0;
	char line[200];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmHWM:", 6))
			peak = strtoul(line + 6, NULL, 10);
	if (f)
		fclose(f);
	check(accel_session_info(sessions[0], &i));
	say("info %lu %llu %llu %u %u\n", peak, (unsigned long long)i.arena_bytes,
	       (unsigned long long)i.live_bytes, i.card_nodes, i.host_nodes);
}

int main(int argc, char **argv)
{
	struct accel_device *device;
	struct accel_context *context;
	uint64_t start = clock_ns();
	char line[4096];

	if (argc > 2 && !strcmp(argv[1], "--peer")) {
		peer = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc < 5) {
		fprintf(stderr,
			"usage: bench-models [--peer DIRECTORY] MODEL BATCH DEVICE INPUT...\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	batch = strtoll(argv[2], NULL, 10);
	inputs = argv + 4;
	check(accel_device_open(argv[3], NULL, &device));
	check(accel_context_create(device, NULL, &context));
	check(accel_queue_create(context, NULL, &queue));
	check(accel_model_load(argv[1], NULL, &model));
	check(accel_session_run(session(0), ACCEL_FOREVER, NULL));
	say("ready %llu\n", (unsigned long long)(clock_ns() - start));
	while (hear(line, sizeof(line))) {
		if (!strncmp(line, "run ", 4))
			run(strtoul(line + 4, NULL, 10));
		else if (!strncmp(line, "flight ", 7))
			flight(strtoul(line + 7, NULL, 10));
		else if (!strncmp(line, "out ", 4))
			out(line + 4);
		else if (!strcmp(line, "info"))
			info();
		else
			return 2;
	}
	for (unsigned int i = 0; i < FLIGHT_MAX; i++)
		accel_session_unref(sessions[i]);
	accel_model_unref(model);
	accel_queue_unref(queue);
	accel_context_unref(context);
	accel_device_unref(device);
	return 0;
}
