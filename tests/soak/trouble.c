// SPDX-License-Identifier: MIT
/* Clients that make trouble. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest/card.h"
#include "../kselftest/root.h"

#include "soak.h"

#define DATA	(CLIENT_VA + CLIENT_DATA)
#define LONG	(300 * SEC)

/* ---- jobs that fail, a card that fails ---------------------------------------------- */

static int start(struct client *c, void *end, uint32_t signal, uint64_t *number)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL, .handle = signal };

	return submit(c->fd, c->queue, CLIENT_VA, client_size(c, end), &sync, 1, number);
}

/* It must end as @wanted, or be lost to a reset that somebody else's job has brought about. */
static void expect(struct client *c, const char *what, uint32_t signal, uint64_t number, int wanted)
{
	const struct drm_loom_result *r;
	int err = sync_wait(c->fd, signal, 0, LONG);

	if (err) {
		finding(&soak->board, "%s: waiting for it gives error %d", what, -err);
		return;
	}
	r = client_result(c, number);
	if (!r)
		finding(&soak->board, "%s: no result", what);
	else if (r->error != wanted && r->error != -ECANCELED)
		finding(&soak->board, "%s: ended with %d and not %d", what, r->error, wanted);
}

static void hang(struct client *c, uint32_t signal, bool busy)
{
	uint64_t number;

	if (soak_judge("a job that hangs", start(c, pkt_hang(c->cpu, busy), signal, &number))) {
		expect(c, "a job that hangs", signal, number, -ETIME);
		soak_count(&soak->hangs);
	}
}

static void fault(struct client *c, uint32_t signal, uint64_t *seed)
{
	uint64_t va = 0x100000000ull * (1 + soak_random(seed, 100)), number;
	void *end = pkt_copy(c->cpu, DATA, va, 8);

	if (soak_judge("a job that faults", start(c, end, signal, &number))) {
		expect(c, "a job that faults", signal, number, -EIO);
		soak_count(&soak->faults);
	}
}

/* The engine does not let go of this one: that takes a reset. It is the one that executes. */
static void stubborn(struct client *c, uint32_t signal, const char *kind)
{
	uint64_t number;
	void *end;

	c->data[0] = 0;
	end = pkt_hang(pkt_fence(c->cpu, DATA, 1), false);
	if (!soak_judge("a job that hangs", start(c, end, signal, &number)))
		return;
	while (!__atomic_load_n(&c->data[0], __ATOMIC_ACQUIRE) &&
	       sync_wait(c->fd, signal, 0, 0) == -ETIME)
		;
	root_debug("inject", kind);
	/* It was over before: then nobody else may be meant. */
	if (sync_wait(c->fd, signal, 0, 0) != -ETIME)
		root_debug("inject", "none");
	expect(c, kind, signal, number, -ETIME);
	soak_count(&soak->hangs);
}

static void injected(const char *kind)
{
	if (!root_debug("inject", kind))
		soak_count(&soak->injected);
}

static void reset(const char *what)
{
	int err = root_debug("reset", what);

	if (err)
		finding(&soak->board, "resetting \"%s\": error %d", what, -err);
	soak_count(&soak->resets);
}

static void trouble(struct client *c, uint32_t signal, unsigned int ring, uint64_t *seed)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", ring);
	switch (soak_random(seed, 24)) {
	case 0:
		injected("lost-irq");
		break;
	case 1:
		injected("lost-doorbell");
		break;
	case 2:
		injected("dma-error");
		break;
	case 3:
		injected("ecc");
		break;
	case 4:
		reset(number);
		break;
	case 5:
		reset("device");
		break;
	case 6:
		stubborn(c, signal, "hang");
		break;
	case 7:
		stubborn(c, signal, "hang-device");
		break;
	case 8:
	case 9:
	case 10:
	case 11:
		fault(c, signal, seed);
		break;
	default:
		hang(c, signal, soak_random(seed, 2));
		break;
	}
}

void client_hang(uint64_t seed)
{
	struct root_rings rings;

	if (root_rings(&rings)) {
		finding(&soak->board, "debugfs says nothing about the rings");
		return;
	}
	while (!soak_over()) {
		struct client c;
		uint32_t signal;
		int err = client_open(&c, 20 + soak_random(&seed, 500), 2000);

		if (!err)
			err = sync_create(c.fd, &signal);
		if (soak_judge("a client for trouble", err))
			trouble(&c, signal, rings.ring, &seed);
		client_close(&c);
		soak_pause(&seed, 100);
	}
}

/* ---- processes that die ------------------------------------------------------------- */

static void victim(struct slot *slot, uint64_t seed)
{
	static struct life life;
	struct program program;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (life_begin(&life, &soak->board, slot, -1, seed & 1))
		_exit(0);
	while (!soak_over()) {
		program_next(&program, &slot->corpus, &seed);
		if (life_run(&life, &program))
			corpus_add(&slot->corpus, &program, &seed);
	}
	_exit(0);
}

void client_kill(uint64_t seed)
{
	while (!soak_over()) {
		uint32_t count = 1 + soak_random(&seed, 3), i;
		pid_t pids[3];

		for (i = 0; i < count; i++) {
			uint64_t own = rng_next(&seed);

			pids[i] = fork();
			if (!pids[i])
				victim(&soak->board.slot[i], own);
		}
		soak_pause(&seed, 1u << (2 + soak_random(&seed, 9)));
		for (i = 0; i < count; i++) {
			if (pids[i] < 0)
				continue;
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
			soak_count(&soak->killed);
		}
	}
}

/* ---- opens and closes --------------------------------------------------------------- */

/* A job that nobody waits for. */
static void leave(struct client *c)
{
	submit(c->fd, c->queue, CLIENT_VA, client_size(c, pkt_fill(c->cpu, DATA, 1, 256)), NULL, 0,
	       NULL);
}

void client_storm(uint64_t seed)
{
	while (!soak_over()) {
		struct client c[4];
		uint32_t count = 1 + soak_random(&seed, 4), i;

		for (i = 0; i < count; i++) {
			int err = client_open(&c[i], 0, 0);

			if (!soak_judge("opening", err))
				break;
			if (soak_random(&seed, 2))
				leave(&c[i]);
		}
		while (i) {
			client_close(&c[--i]);
			soak_count(&soak->storms);
		}
		soak_pause(&seed, 20);
	}
}

/* ---- memory ------------------------------------------------------------------------- */

static unsigned long available_mib(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "MemAvailable: %lu", &kib);
	if (f)
		fclose(f);
	return kib >> 10;
}

static void hog(unsigned long leave_mib)
{
	const size_t size = 8ul << 20;
	/* The rest of the machine, which then reads its programs again and again, is no matter here. */
	const uint64_t end = now() + 5 * SEC;
	int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	/* If it is too much for the machine, this one goes. */
	if (file < 0 || write(file, "1000", 4) < 0)
		_exit(0);
	while (available_mib() > leave_mib && now() < end && !soak_over()) {
		void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

		if (p == MAP_FAILED)
			break;
	}
	usleep(300000);
	_exit(0);
}

void client_hog(uint64_t seed)
{
	while (!soak_over()) {
		pid_t pid = fork();

		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			hog(40 + soak_random(&seed, 150));
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
		soak_count(&soak->hogs);
		soak_pause(&seed, 4000);
	}
}
