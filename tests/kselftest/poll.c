// SPDX-License-Identifier: MIT
/* QUEUE_POLL: looking for completions without waiting for an interrupt. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"
#include "root.h"

#define TRACING		"/sys/kernel/tracing/"
#define EVENT		TRACING "events/loom/loom_complete/enable"

FIXTURE(poll) {
	struct client c;
	struct drm_loom_queue_poll args;
	uint32_t size;
};

FIXTURE_SETUP(poll)
{
	ASSERT_EQ(0, client_open(&self->c, 300, 0));
	self->size = client_size(&self->c, pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, 1));
	memset(&self->args, 0, sizeof(self->args));
	self->args.id = self->c.queue;
}

FIXTURE_TEARDOWN(poll)
{
	client_close(&self->c);
}

#define POLL()	card_ioctl(self->c.fd, DRM_IOCTL_LOOM_QUEUE_POLL, &self->args)

/* Until the job is completed; 0 or a negative errno. */
static int poll_until(struct client *c, uint64_t number)
{
	struct drm_loom_queue_poll args = { .id = c->queue, .number = number, .poll_ns = 50000 };
	uint64_t end = now() + PATIENCE;
	int ret;

	do {
		ret = card_ioctl(c->fd, DRM_IOCTL_LOOM_QUEUE_POLL, &args);
		if (ret)
			return ret;
		if (args.completed >= number)
			return 0;
	} while (now() < end);
	return -ETIME;
}

TEST_F(poll, pad)
{
	for (int bit = 0; bit < 32; bit++) {
		self->args.pad = 1u << bit;
		EXPECT_EQ(-EINVAL, POLL());
	}
}

TEST_F(poll, unknown_queue)
{
	self->args.id = 0;
	EXPECT_EQ(-ENOENT, POLL());
	self->args.id = 0x7fffffff;
	EXPECT_EQ(-ENOENT, POLL());
}

TEST_F(poll, is_announced)
{
	struct drm_loom_query_info info;

	ASSERT_EQ(0, card_info(self->c.fd, &info));
	EXPECT_TRUE(info.caps & DRM_LOOM_CAP_POLL);
}

/* However long the caller is willing to: it ends. */
TEST_F(poll, ends)
{
	EXPECT_EQ(0, POLL());
	EXPECT_EQ(0, self->args.completed);
	self->args.number = UINT64_MAX;
	self->args.poll_ns = UINT64_MAX;
	EXPECT_EQ(0, POLL());
	EXPECT_EQ(0, self->args.completed);
}

/* What it says is completed has its result and its effect. */
TEST_F(poll, results_are_there)
{
	for (uint64_t i = 1; i <= 1000; i++) {
		const struct drm_loom_result *r;

		client_size(&self->c, pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, i));
		ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, self->size, NULL, 0, NULL));
		ASSERT_EQ(0, poll_until(&self->c, i));
		r = client_result(&self->c, i);
		ASSERT_NE(NULL, r);
		ASSERT_EQ(0, r->error);
		ASSERT_EQ(i, self->c.data[0]);
		ASSERT_LE(r->t_start, r->t_end);
	}
}

/* The word that a job writes says nothing of its outcome. */
TEST_F(poll, a_job_that_faults_after_its_last_word)
{
	void *p = pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, 7);
	const struct drm_loom_result *r;

	p = pkt_fence(p, CLIENT_VA + 0x100000000ull, 1);
	ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, client_size(&self->c, p), NULL, 0,
			    NULL));
	ASSERT_EQ(0, poll_until(&self->c, 1));
	EXPECT_EQ(7, self->c.data[0]);
	r = client_result(&self->c, 1);
	ASSERT_NE(NULL, r);
	EXPECT_EQ(-EIO, r->error);
	EXPECT_EQ(CLIENT_VA + 0x100000000ull, r->fault_va);
}

TEST_F(poll, a_job_that_hangs)
{
	const struct drm_loom_result *r;

	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no HANG packet");
	self->size = client_size(&self->c, pkt_hang(self->c.cpu, false));
	ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, self->size, NULL, 0, NULL));
	ASSERT_EQ(0, poll_until(&self->c, 1));
	r = client_result(&self->c, 1);
	ASSERT_NE(NULL, r);
	EXPECT_EQ(-ETIME, r->error);
}

struct poller {
	struct client *c;
	uint64_t number;
	bool looks;		/* has looked once */
	int ret;
};

static void *poller_run(void *arg)
{
	struct poller *poller = arg;

	poller->ret = poll_until(poller->c, 0);
	__atomic_store_n(&poller->looks, true, __ATOMIC_RELEASE);
	if (!poller->ret)
		poller->ret = poll_until(poller->c, poller->number);
	return NULL;
}

static int poller_start(struct poller *poller, pthread_t *thread)
{
	int err = pthread_create(thread, NULL, poller_run, poller);

	while (!err && !__atomic_load_n(&poller->looks, __ATOMIC_ACQUIRE))
		usleep(100);
	return err;
}

TEST_F(poll, many_threads)
{
	enum { THREADS = 8, JOBS = 200 };
	struct poller pollers[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		pollers[i] = (struct poller){ .c = &self->c, .number = JOBS };
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, poller_run, &pollers[i]));
	}
	for (int i = 0; i < JOBS; i++)
		ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, self->size, NULL, 0, NULL));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT_EQ(0, pollers[i].ret);
	}
}

/* The queue goes while a job of it hangs and somebody looks at it. */
TEST_F(poll, a_queue_that_is_destroyed)
{
	struct poller poller = { .c = &self->c, .number = 1 };
	pthread_t thread;

	if (!card_debug(self->c.fd))
		SKIP(return, "the card has no HANG packet");
	self->size = client_size(&self->c, pkt_hang(self->c.cpu, true));
	ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, self->size, NULL, 0, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, poller_run, &poller));
	ASSERT_EQ(0, queue_destroy(self->c.fd, self->c.queue));
	pthread_join(thread, NULL);
	/* It may just have seen the end of the job. */
	EXPECT_TRUE(poller.ret == -ENOENT || !poller.ret);
}

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	int ret = -1;

	if (fd >= 0) {
		ret = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
		close(fd);
	}
	return ret;
}

/* Number of a ring with something in it, as text. */
static int busy_ring(int fd, char *name, size_t size)
{
	char *rings = debug_read(fd, "rings"), *line;
	unsigned long long written, retired;
	unsigned int ring, vector;

	for (line = rings; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%u %u %llu %llu", &ring, &vector, &written, &retired) == 4 &&
		    written != retired)
			break;
	}
	snprintf(name, size, "%u", line ? ring : 0);
	free(rings);
	return line ? 0 : -ENOENT;
}

/* The reset takes one's job and its successors; others get what they look for. */
static void expect_through_reset(struct __test_metadata *_metadata, struct client *c,
				 const char *what)
{
	struct client other;
	struct poller lost = { .c = c, .number = 3 }, good = { .c = &other, .number = 5 };
	pthread_t threads[2];
	char ring[16];
	uint32_t size;

	ASSERT_EQ(0, client_open(&other, 60000, 60000));
	size = client_size(c, pkt_hang(pkt_fence(c->cpu, CLIENT_VA + CLIENT_DATA, 1), true));
	ASSERT_EQ(0, submit(c->fd, c->queue, CLIENT_VA, size, NULL, 0, NULL));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, submit(c->fd, c->queue, 0, 0, NULL, 0, NULL));
	/* It is in execution. */
	while (!__atomic_load_n(&c->data[0], __ATOMIC_ACQUIRE))
		;
	ASSERT_EQ(0, busy_ring(c->fd, ring, sizeof(ring)));
	ASSERT_EQ(0, poller_start(&lost, &threads[0]));
	ASSERT_EQ(0, poller_start(&good, &threads[1]));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, submit(other.fd, other.queue, 0, 0, NULL, 0, NULL));
	if (!strcmp(what, "function")) {
		ASSERT_EQ(0, card_function_reset(c->fd));
	} else {
		ASSERT_EQ(0, debug_write(c->fd, "reset", strcmp(what, "ring") ? what : ring));
	}
	ASSERT_EQ(0, submit(other.fd, other.queue, 0, 0, NULL, 0, NULL));
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, lost.ret);
	EXPECT_EQ(0, good.ret);
	for (uint64_t i = 1; i <= 3; i++) {
		ASSERT_NE(NULL, client_result(c, i));
		EXPECT_EQ(-ECANCELED, client_result(c, i)->error);
	}
	for (uint64_t i = 1; i <= 5; i++) {
		ASSERT_NE(NULL, client_result(&other, i));
		EXPECT_EQ(0, client_result(&other, i)->error);
	}
	client_close(&other);
}

#define RESET(what)							\
TEST_F(poll, what##_reset)						\
{									\
	if (!card_debug(self->c.fd))					\
		SKIP(return, "the card has no HANG packet");		\
	expect_through_reset(_metadata, &self->c, #what);		\
}

RESET(ring)
RESET(device)
RESET(function)

/* Processes come and go, which look as well, at what is theirs by inheritance. */
TEST_F(poll, forks)
{
	struct poller poller = { .c = &self->c, .number = 20 };
	pthread_t thread;

	ASSERT_EQ(0, poller_start(&poller, &thread));
	for (uint64_t i = 1; i <= 20; i++) {
		pid_t pid = fork();
		int status;

		ASSERT_GE(pid, 0);
		if (!pid)
			_exit(poll_until(&self->c, i) || !client_result(&self->c, i));
		pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, i);
		ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, self->size, NULL, 0, NULL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_EQ(i, self->c.data[0]);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, poller.ret);
}

/* Lines of the trace that this thread wrote outside of interrupts. */
static int own_completions(void)
{
	char line[512], own[64];
	int count = 0;
	FILE *in = fopen(TRACING "trace", "re");

	snprintf(own, sizeof(own), "-%ld ", (long)syscall(SYS_gettid));
	while (in && fgets(line, sizeof(line), in)) {
		/* "task-pid [cpu] irqs-off/need-resched/hardirq/preempt time: event" */
		char *flags = strchr(line, ']');

		if (strstr(line, "loom_complete:") && strstr(line, own) && flags &&
		    strlen(flags) > 4 && flags[4] != 'h' && flags[4] != 'H')
			count++;
	}
	if (in)
		fclose(in);
	return count;
}

/*
 * It is the caller that sees completions, and not the interrupt that comes anyway: late, where the card can
 * gather interrupts, else when it likes, but not always first.
 */
TEST_F(poll, does_not_need_the_interrupt)
{
	int seen;

	if (access(EVENT, W_OK))
		SKIP(return, "no tracing");
	if (!root_exists("irq_coalesce_us")) {
		ASSERT_EQ(0, root_sysfs("irq_coalesce_count", "65535"));
		ASSERT_EQ(0, root_sysfs("irq_coalesce_us", "1000000"));
	}
	ASSERT_EQ(0, write_text(TRACING "trace", ""));
	ASSERT_EQ(0, write_text(EVENT, "1"));
	for (uint64_t i = 1; i <= 300; i++) {
		EXPECT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, self->size, NULL, 0, NULL));
		EXPECT_EQ(0, poll_until(&self->c, i));
	}
	EXPECT_EQ(0, write_text(EVENT, "0"));
	if (!root_exists("irq_coalesce_us")) {
		EXPECT_EQ(0, root_sysfs("irq_coalesce_us", "0"));
		EXPECT_EQ(0, root_sysfs("irq_coalesce_count", "0"));
	}
	seen = own_completions();
	TH_LOG("%d of 300 completions were seen by polling", seen);
	EXPECT_GT(seen, 0);
}

/* A signal ends the look, not the program's patience: nothing is lost. */
static void on_signal(int sig)
{
	(void)sig;
}

TEST_F(poll, signals)
{
	struct poller poller = { .c = &self->c, .number = 500 };
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t thread;

	ASSERT_EQ(0, sigaction(SIGUSR1, &action, NULL));
	ASSERT_EQ(0, pthread_create(&thread, NULL, poller_run, &poller));
	for (int i = 0; i < 500; i++) {
		ASSERT_EQ(0, submit(self->c.fd, self->c.queue, CLIENT_VA, self->size, NULL, 0, NULL));
		pthread_kill(thread, SIGUSR1);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(0, poller.ret);
}

TEST_HARNESS_MAIN
