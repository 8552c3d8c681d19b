// SPDX-License-Identifier: MIT
/*
 * fuzz_compiled: a compiled model from anywhere: reading it, making a session of it on a simulated card,
 * running that, and saving it once more.
 *
 * Digests are not compared (FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION), as they are no obstacle to
 * who writes such files on purpose. What may not happen: a crash, memory or time without bound, a
 * failure without a text, a job that the card refuses or that touches what it may not, a graph that was
 * taken and, saved, is not taken any more. A job that takes longer than the card lets it is none of these.
 */
#include <accel/accel.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* What a model may need to be run here: more is as good for a file of ONNX, and takes as long. */
#define BYTES_MAX	(64 << 10)
#define NODES_MAX	64

static struct accel_queue *queue;

static void told(int ret)
{
	const struct accel_error *e = accel_last_error();

	if (ret < 0 && e->code == ret && e->text[0])
		return;
	fprintf(stderr, "finding: a failure %d without a text\n", ret);
	abort();
}

static void open_queue(void)
{
	struct accel_context *context = NULL;
	struct accel_device *device = NULL;

	if (queue)
		return;
	if (accel_device_open("sim:threads=0,limit_ms=500", NULL, &device) ||
	    accel_context_create(device, NULL, &context) ||
	    accel_queue_create(context, NULL, &queue)) {
		fprintf(stderr, "%s\n", accel_last_error()->text);
		abort();
	}
	accel_context_unref(context);
	accel_device_unref(device);
}

/* All that can be asked of the graph; whether it is small. */
static bool look(struct accel_model *model)
{
	struct accel_graph *graph;
	uint64_t bytes = 0;
	uint32_t nodes;
	int ret = accel_graph_create(model, NULL, NULL, NULL, &graph);

	if (ret) {
		told(ret);
		return false;
	}
	nodes = accel_graph_nodes(graph);
	for (uint32_t i = 0; i < nodes; i++) {
		struct accel_node_info node = ACCEL_INIT(node);
		struct accel_value_info value = ACCEL_INIT(value);

		if (accel_graph_node(graph, i, &node))
			abort();
		for (uint32_t j = 0; j < node.inputs; j++) {
			if (accel_graph_operand(graph, i, j, &value))
				abort();
			bytes += value.size;
		}
		for (uint32_t j = 0; j < node.outputs; j++) {
			if (accel_graph_result(graph, i, j, &value))
				abort();
			bytes += value.size;
		}
	}
	accel_graph_free(graph);
	return bytes <= BYTES_MAX && nodes <= NODES_MAX;
}

/* Stopped with another one that took too long, or by the reset that this took. */
static bool taken_along(const struct accel_result *result)
{
	int status = accel_queue_status(queue);

	return result->error == -ECANCELED &&
	       (status == ACCEL_QUEUE_BANNED || status == ACCEL_QUEUE_INNOCENT);
}

/* @rows: 1: all as it is; 2: as many, of which each has the same elements, and so the same results. */
static void run(struct accel_model *model, const struct accel_session_opts *opts, uint64_t rows)
{
	struct accel_session_info info = ACCEL_INIT(info);
	struct accel_value_info value = ACCEL_INIT(value);
	static uint8_t bytes[BYTES_MAX + 1];
	struct accel_result result = { 0 };
	struct accel_session *session;
	int ret = accel_session_create(model, queue, opts, &session);

	if (ret) {
		told(ret);
		return;
	}
	accel_session_info(session, &info);
	for (uint32_t i = 0; i < info.inputs; i++) {
		accel_session_input(session, i, &value);
		for (uint64_t k = 0; k < value.size && k < BYTES_MAX; k++)
			bytes[k] = (uint8_t)(k % (value.size / rows) * 37 + i);
		if (value.size <= BYTES_MAX && !value.constant &&
		    accel_session_write(session, i, bytes, value.size))
			abort();
	}
	ret = accel_session_run(session, ACCEL_FOREVER, &result);
	if (ret) {
		accel_session_unref(session);
		if (!result.error) {
			told(ret);
			return;
		}
		if (result.error != -ETIME && !taken_along(&result)) {
			fprintf(stderr, "finding: a job failed with %d, fault %u at packet %u\n",
				result.error, result.fault_code, result.fault_packet);
			abort();
		}
		/* The queue is done for. */
		accel_queue_unref(queue);
		queue = NULL;
		return;
	}
	for (uint32_t i = 0; i < info.outputs; i++) {
		struct accel_value_info now = ACCEL_INIT(now);

		accel_session_output(session, i, &value);
		if (accel_session_shape(session, i, &now))
			abort();
		for (uint32_t k = 0; k < now.rank; k++) {
			if (now.dims[k] >= 0 && now.dims[k] <= value.dims[k])
				continue;
			fprintf(stderr, "finding: an output is larger than it may be\n");
			abort();
		}
		if (value.size > BYTES_MAX)
			continue;
		if (accel_session_read(session, i, bytes, value.size))
			abort();
		if (rows > 1 && memcmp(bytes, bytes + value.size / 2, value.size / 2)) {
			fprintf(stderr, "finding: rows that are proved to be alike differ\n");
			abort();
		}
	}
	accel_session_unref(session);
}

/* Two rows of all inputs, if that is granted. */
static void batch(struct accel_model *model)
{
	struct accel_session_opts opts = ACCEL_INIT(opts);
	struct accel_model_info info = ACCEL_INIT(info);
	struct accel_model_dim dims[8];
	char names[8][200];

	if (accel_model_info(model, &info) || !info.inputs || info.inputs > 8)
		return;
	for (uint32_t i = 0; i < info.inputs; i++) {
		struct accel_value_info v = ACCEL_INIT(v);

		if (accel_model_input(model, i, &v) || !v.rank || v.dims[0] == 2)
			return;
		snprintf(names[i], sizeof(names[i]), "%.128s:0", v.name);
		dims[i] = (struct accel_model_dim){ names[i], 2 };
	}
	opts.dims = dims;
	opts.ndims = info.inputs;
	run(model, &opts, 2);
}

static void again(struct accel_model *model)
{
	struct accel_model *twin;
	int fd = memfd_create("compiled", MFD_CLOEXEC);
	int ret = accel_model_save_fd(model, NULL, NULL, fd);

	if (ret) {
		told(ret);
	} else if (lseek(fd, 0, SEEK_SET) || accel_model_load_fd(fd, NULL, &twin)) {
		fprintf(stderr, "finding: what was taken is not taken again: %s\n",
			accel_last_error()->text);
		abort();
	} else {
		accel_model_unref(twin);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t magic[] = "\211LOOM\r\n\032";
	struct accel_model *model;
	int ret;

	/* The importer has a target of its own. */
	if (size < sizeof(magic) - 1 || memcmp(data, magic, sizeof(magic) - 1))
		return 0;
	open_queue();
	ret = accel_model_load_memory(data, size, NULL, &model);
	if (ret) {
		told(ret);
		return 0;
	}
	if (look(model)) {
		run(model, NULL, 1);
		open_queue();
		batch(model);
		again(model);
	}
	accel_model_unref(model);
	return 0;
}
