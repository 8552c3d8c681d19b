// SPDX-License-Identifier: MIT
/*
 * All clients at a time, twice: for a moment, then the figures are taken, then for long; in the end
 * they must be the same. Needs root and a card with x-debug=on; meant for the virtual machine.
 *
 *	soak [--minutes N] [--seed N]
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest/card.h"
#include "../kselftest/figures.h"
#include "../kselftest/root.h"

#include "soak.h"

/* Who has not stopped by then does not stop. */
#define STUCK		(300 * SEC)
#define REPORT		(30 * SEC)

struct soak *soak;

static double minutes = 30;
static uint64_t seed = 1;

static void client_product(uint64_t at)
{
	struct product_board *board = &soak->product[at % PRODUCTS];

	if (product_work(board, at))
		finding(&soak->board, "products: error %d", -board->error);
}

static const struct role {
	const char *name;
	void (*run)(uint64_t seed);
	unsigned int count;
	bool confined;		/* its memory is limited */
} roles[] = {
	{ "products", client_product, PRODUCTS, false },
	{ "libaccel", client_gemm, 1, false },
	{ "libaccel with little memory", client_gemm, 1, true },
	{ "local memory", client_local, 1, false },
	{ "long jobs", client_long, 1, false },
	{ "dma-bufs and sync_files", client_share, 1, false },
	{ "hangs, faults, resets", client_hang, 1, false },
	{ "kills", client_kill, 1, false },
	{ "opens and closes", client_storm, 1, false },
	{ "memory", client_hog, 1, false },
};

#define ROLES	(sizeof(roles) / sizeof(roles[0]))
#define MOST	16

/* ---- for clients -------------------------------------------------------------------- */

bool soak_over(void)
{
	return __atomic_load_n(&soak->board.stop, __ATOMIC_ACQUIRE);
}

uint32_t soak_random(uint64_t *state, uint32_t n)
{
	return rng_below(state, n);
}

void soak_count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

void soak_pause(uint64_t *state, uint32_t ms)
{
	uint32_t us = soak_random(state, 1000 * ms);
	const struct timespec time = { us / 1000000, us % 1000000 * 1000 };

	nanosleep(&time, NULL);
}

bool soak_judge(const char *what, int err)
{
	switch (err) {
	case 0:
		return true;
	case -ECANCELED:
		soak_count(&soak->innocent);
		break;
	case -EIO:
		soak_count(&soak->failed);
		break;
	case -ENOMEM:
	case -ENOSPC:
		soak_count(&soak->refused);
		break;
	default:
		finding(&soak->board, "%s: error %d (%s)", what, -err, strerror(-err));
		break;
	}
	return false;
}

/* ---- limits of memory --------------------------------------------------------------- */

#define GROUPS	"/tmp/soak-cgroup"

static bool groups;

static void groups_open(void)
{
	mkdir(GROUPS, 0755);
	if (mount("none", GROUPS, "cgroup2", 0, NULL) ||
	    root_sysfs(GROUPS "/cgroup.subtree_control", "+memory") || mkdir(GROUPS "/soak", 0755))
		return;
	groups = !root_sysfs(GROUPS "/soak/memory.max", "48M");
}

static void groups_close(void)
{
	rmdir(GROUPS "/soak");
	umount2(GROUPS, MNT_DETACH);
}

static void confine(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (groups && root_sysfs(GROUPS "/soak/cgroup.procs", pid))
		finding(&soak->board, "a process cannot be put into its memory cgroup");
}

/* ---- who watches -------------------------------------------------------------------- */

struct running {
	const struct role *role;
	uint64_t seed;
	pid_t pid;
};

static void start(struct running *r)
{
	r->pid = fork();
	if (r->pid < 0) {
		finding(&soak->board, "fork: %s", strerror(errno));
		r->pid = 0;
	} else if (!r->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (r->role->confined)
			confine();
		r->role->run(r->seed);
		_exit(0);
	}
}

static uint64_t products(const char *what)
{
	uint64_t sum = 0;

	for (int i = 0; i < PRODUCTS; i++) {
		const struct product_board *p = &soak->product[i];

		sum += !strcmp(what, "verified") ? p->verified : !strcmp(what, "innocent") ?
		       p->innocent : p->failed;
	}
	return sum;
}

static void report(uint64_t begin)
{
	printf("# %5.0f s: verified %llu products, %llu by libaccel, %llu long,\n"
	       "#          %llu in local memory, %llu shared\n",
	       (now() - begin) / 1e9, (unsigned long long)products("verified"),
	       (unsigned long long)soak->gemms, (unsigned long long)soak->longs,
	       (unsigned long long)soak->locals, (unsigned long long)soak->shares);
	printf("#          %llu hangs, %llu faults, %llu resets, %llu failures injected\n",
	       (unsigned long long)soak->hangs, (unsigned long long)soak->faults,
	       (unsigned long long)soak->resets, (unsigned long long)soak->injected);
	printf("#          %llu queues innocent, %llu failed, %llu times no memory\n",
	       (unsigned long long)(soak->innocent + products("innocent")),
	       (unsigned long long)(soak->failed + products("failed")),
	       (unsigned long long)soak->refused);
	printf("#          %llu processes killed, %llu opens and closes, %llu times all memory taken,\n"
	       "#          %llu raw calls\n",
	       (unsigned long long)soak->killed, (unsigned long long)soak->storms,
	       (unsigned long long)soak->hogs, (unsigned long long)soak->board.calls);
}

/* Somebody has ended: because it should, because there was no memory for it, or because of a bug. */
static void ended(struct running *running, unsigned int count, pid_t pid, int status)
{
	for (unsigned int i = 0; i < count; i++) {
		struct running *r = &running[i];

		if (r->pid != pid)
			continue;
		r->pid = 0;
		if (soak_over())
			return;
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
			soak_count(&soak->refused);
			start(r);
		} else {
			finding(&soak->board, "\"%s\" ended with status %#x", r->role->name, status);
		}
	}
}

static bool judge_products(void)
{
	bool good = true;

	for (int i = 0; i < PRODUCTS; i++) {
		const struct product_board *p = &soak->product[i];

		if (!p->wrong && !p->lost)
			continue;
		finding(&soak->board, "%llu products wrong, %llu lost", (unsigned long long)p->wrong,
			(unsigned long long)p->lost);
		good = false;
	}
	return good;
}

/* All clients, until @end or a finding; returns false if one does not stop. */
static bool all(uint64_t end, uint64_t round)
{
	const struct timespec moment = { 0, 20000000 };
	struct running running[MOST];
	uint64_t begin = now(), next = begin + REPORT;
	unsigned int count = 0, left;
	int status;
	pid_t pid;

	__atomic_store_n(&soak->board.stop, soak->board.found, __ATOMIC_RELEASE);
	for (size_t i = 0; i < ROLES; i++)
		for (unsigned int n = 0; n < roles[i].count; n++) {
			running[count] = (struct running){ &roles[i], seed * 1000 + round * 100 + count, 0 };
			start(&running[count++]);
		}
	while (!soak_over() && now() < end) {
		nanosleep(&moment, NULL);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			ended(running, count, pid, status);
		judge_products();
		if (now() > next) {
			report(begin);
			next += REPORT;
		}
	}
	__atomic_store_n(&soak->board.stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < PRODUCTS; i++)
		__atomic_store_n(&soak->product[i].stop, true, __ATOMIC_RELEASE);
	end = now() + STUCK;
	do {
		nanosleep(&moment, NULL);
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			ended(running, count, pid, status);
		for (unsigned int i = left = 0; i < count; i++)
			left += running[i].pid != 0;
	} while (left && now() < end);
	for (unsigned int i = 0; i < count; i++) {
		if (running[i].pid)
			finding(&soak->board, "\"%s\" does not stop", running[i].role->name);
	}
	for (int i = 0; i < PRODUCTS; i++)
		__atomic_store_n(&soak->product[i].stop, false, __ATOMIC_RELEASE);
	report(begin);
	return !left;
}

/* Nobody has lost more than was done to all. */
static void judge(const struct figures *before, const struct figures *after, unsigned int rings)
{
	uint64_t innocent = soak->innocent + products("innocent");
	uint64_t failed = soak->failed + products("failed");
	uint64_t resets = after->resets - before->resets;

	printf("# %llu resets of a ring or the card, %u of them of the card\n",
	       (unsigned long long)resets, after->generation - before->generation);
	if (innocent > (resets + soak->injected) * rings)
		finding(&soak->board, "%llu queues fell to %llu resets", (unsigned long long)innocent,
			(unsigned long long)resets);
	if (failed > soak->injected + resets * rings)
		finding(&soak->board, "%llu queues failed by %llu failures", (unsigned long long)failed,
			(unsigned long long)soak->injected);
	if (!products("verified") || !soak->gemms || !soak->longs || !soak->locals || !soak->shares)
		finding(&soak->board, "somebody has done nothing");
	judge_products();
}

static void parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "minutes", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int name;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (name == 'm')
			minutes = strtod(optarg, NULL);
		else if (name == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			exit(2);
	}
	if (optind < argc || minutes <= 0) {
		fprintf(stderr, "usage: soak [--minutes N] [--seed N]\n");
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct figures before, after;
	struct drm_loom_query_info info;
	uint64_t warm;
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	fd = card_open();
	if (fd < 0 || card_info(fd, &info) || !(info.caps & DRM_LOOM_CAP_DEBUG)) {
		fprintf(stderr, "this needs a card with x-debug=on, and root\n");
		return 2;
	}
	close(fd);
	soak = mmap(NULL, sizeof(*soak), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (soak == MAP_FAILED)
		return 2;
	soak->board.limit = UINT64_MAX;
	for (int i = 0; i < PRODUCTS; i++)
		soak->product[i].rough = true;
	chmod("/dev/accel/accel0", 0666);
	groups_open();
	printf("# seed %llu; memory cgroups: %s\n", (unsigned long long)seed, groups ? "yes" : "no");

	warm = minutes * 60e9 / 6;
	all(now() + (warm > 30 * SEC ? 30 * SEC : warm), 0);
	if (!soak->board.found && figures_take(&before)) {
		finding(&soak->board, "the card does not answer");
	} else if (!soak->board.found) {
		soak->innocent = soak->failed = soak->injected = 0;
		for (int i = 0; i < PRODUCTS; i++)
			soak->product[i].innocent = soak->product[i].failed = 0;
		if (!all(now() + (uint64_t)(minutes * 60e9), 1))
			goto out;
		if (figures_settle(&after, &before)) {
			finding(&soak->board, "the card does not answer");
		} else {
			judge(&before, &after, info.rings);
			if (!figures_compare(&before, &after, 2000))
				finding(&soak->board, "something is left over");
		}
	}
out:
	groups_close();
	if (soak->board.found)
		printf("FAILED: %s\n", soak->board.finding);
	else
		printf("passed: all that was computed is right, nothing is left over\n");
	return soak->board.found;
}
