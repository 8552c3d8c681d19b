// SPDX-License-Identifier: MIT
/*
 * A server's loop: jobs of several clients, no thread per job, one epoll_wait() for all.
 *
 *	epoll-fence [DEVICE]
 *
 * Two ways to learn of the end of jobs: the queue's one descriptor with accel_queue_reap(),
 * for many jobs; and the descriptor of a fence, for one that matters alone.
 */
#include <accel/accel.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define REQUESTS	1000
#define SIZE		32

#define CHECK(call) \
	do { \
		if ((call) < 0) { \
			fprintf(stderr, "epoll-fence: %s: %s; %s\n", #call, \
				accel_last_error()->text, accel_last_error()->hint); \
			exit(1); \
		} \
	} while (0)

static struct accel_program *build(struct accel_context *context)
{
	const uint32_t dims[] = { SIZE, SIZE };
	struct accel_gemm_op op = ACCEL_INIT(op);
	struct accel_program *program;
	struct accel_buffer *buffer;

	CHECK(accel_buffer_alloc(context, 3 * SIZE * SIZE * sizeof(float), 0, &buffer));
	accel_tensor_init(&op.a, buffer, 0, ACCEL_F32, 2, dims);
	accel_tensor_init(&op.b, buffer, SIZE * SIZE * sizeof(float), ACCEL_F32, 2, dims);
	accel_tensor_init(&op.c, buffer, 2 * SIZE * SIZE * sizeof(float), ACCEL_F32, 2, dims);
	CHECK(accel_program_create(context, &program));
	CHECK(accel_program_gemm(program, &op));
	CHECK(accel_program_finish(program));
	accel_buffer_unref(buffer);
	return program;
}

static void watch(int ep, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event)) {
		perror("epoll_ctl");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	int ep = epoll_create1(EPOLL_CLOEXEC), queue_fd, fence_fd = -1, events = 0;
	unsigned int submitted = 0, finished = 0, failed = 0;
	struct accel_queue_opts opts = ACCEL_INIT(opts);
	struct accel_job job = ACCEL_INIT(job);
	struct accel_fence *last = NULL;
	struct accel_device *device;
	struct accel_context *context;
	struct accel_queue *queue;

	opts.depth = 64;
	CHECK(accel_device_open(argc > 1 ? argv[1] : NULL, NULL, &device));
	CHECK(accel_context_create(device, NULL, &context));
	CHECK(accel_queue_create(context, &opts, &queue));
	CHECK(accel_queue_event_fd(queue, &queue_fd));
	watch(ep, queue_fd);
	job.program = build(context);

	while (finished < REQUESTS || last) {
		struct accel_result results[16];
		struct epoll_event event;
		int n;

		/* As many as fit; the queue says when it is full. */
		while (submitted < REQUESTS) {
			bool is_last = submitted == REQUESTS - 1;

			job.cookie = submitted;
			n = accel_queue_submit(queue, &job, 1, is_last ? &last : NULL);
			if (n == -EAGAIN)
				break;
			CHECK(n);
			submitted++;
			if (is_last) {
				CHECK(accel_fence_fd(last, &fence_fd));
				watch(ep, fence_fd);
			}
		}
		if (epoll_wait(ep, &event, 1, -1) < 1)
			continue;
		events++;
		if (event.data.fd == fence_fd) {
			CHECK(accel_fence_result(last, NULL));
			printf("the fence of request %u is readable\n", REQUESTS - 1);
			close(fence_fd);
			accel_fence_unref(last);
			last = NULL;
			continue;
		}
		CHECK(n = accel_queue_reap(queue, results, 16));
		for (int i = 0; i < n; i++) {
			failed += results[i].error != 0;
			if (results[i].cookie != finished++)
				failed++;
		}
	}
	printf("%u requests answered in order, %u failed\n", finished, failed);
	fprintf(stderr, "%d wake-ups\n", events);
	accel_program_unref(job.program);
	accel_queue_unref(queue);
	accel_context_unref(context);
	accel_device_unref(device);
	close(ep);
	return failed != 0;
}
