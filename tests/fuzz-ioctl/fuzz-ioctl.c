// SPDX-License-Identifier: MIT
/*
 * Calls of the driver, with arguments that are nearly right, in processes that live and die, while
 * another one computes and verifies. Needs root; meant for the virtual machine.
 *
 *	fuzz-ioctl [--calls N] [--seed N] [--processes N] [--tap] [--trace] [--corpus]
 *	fuzz-ioctl --replay FILE
 *
 * --trace writes the calls of every life to $LOOM_OUT/trace.N before they are made, --corpus takes
 * programs from $LOOM_OUT/corpus and leaves there what showed something new. --replay makes the
 * calls of such a file, in one life.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../kselftest/card.h"
#include "../kselftest/figures.h"
#include "../kselftest/product.h"
#include "../kselftest/root.h"

#include "life.h"

/* A process that does nothing for that long does nothing any more. */
#define STUCK		(300 * SEC)
/* Programs of a life at most. */
#define PROGRAMS	160u

static struct {
	uint64_t calls, seed;
	uint32_t processes;
	bool tap, trace, corpus;
	const char *replay;
} options = { .calls = 100000, .seed = 1, .processes = 4 };

static struct board *board;
static struct product_board *product;

static const char *out_path(const char *name, int number)
{
	static char path[256];
	const char *dir = getenv("LOOM_OUT");

	if (number < 0)
		snprintf(path, sizeof(path), "%s/%s", dir ? dir : ".", name);
	else
		snprintf(path, sizeof(path), "%s/%s.%d", dir ? dir : ".", name, number);
	return path;
}

static bool over(void)
{
	return __atomic_load_n(&board->stop, __ATOMIC_ACQUIRE) ||
	       __atomic_load_n(&board->calls, __ATOMIC_RELAXED) >= board->limit;
}

/* ---- processes that fuzz ------------------------------------------------------------ */

/* What there is too little of for one process more, or for a user that is not root. */
static bool refused(int err)
{
	return err == -EDQUOT || err == -ENOSPC || err == -ENOMEM || err == -EMFILE || err == -ENFILE;
}

static void trace(int file, const struct program *program)
{
	char text[PROGRAM_TEXT];
	size_t size;

	if (file < 0)
		return;
	size = program_print(program, text);
	while (write(file, text, size) < 0 && errno == EINTR)
		;
}

/* Half of the processes are a user's, for whom there are limits. */
static void live(unsigned int number, uint64_t seed)
{
	static struct life life;
	struct slot *slot = &board->slot[number];
	int kcov = cover_open(), file = -1, err;
	uint32_t programs;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (options.trace)
		file = open(out_path("trace", number), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			    0666);
	err = life_begin(&life, board, slot, kcov, number % 2 == 0);
	if (err && !refused(err))
		finding(board, "a life cannot begin: error %d", -err);
	if (err)
		_exit(0);
	for (programs = 1 + rng_below(&seed, PROGRAMS); programs && !over(); programs--) {
		struct program program;

		program_next(&program, &slot->corpus, &seed);
		trace(file, &program);
		if (life_run(&life, &program))
			corpus_add(&slot->corpus, &program, &seed);
	}
	_exit(0);
}

static void fuzzer(unsigned int number)
{
	struct slot *slot = &board->slot[number];
	uint64_t rng = options.seed * 1000003 + number;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!over()) {
		bool killed = !rng_below(&rng, 4);
		struct timespec time = { 0, rng_below(&rng, 1u << (16 + rng_below(&rng, 13))) };
		uint64_t seed = rng_next(&rng);
		pid_t pid = fork();
		int status = 0;

		if (pid < 0) {
			finding(board, "fork: %s", strerror(errno));
			break;
		}
		if (!pid)
			live(number, seed);
		__atomic_store_n(&slot->pid, pid, __ATOMIC_RELAXED);
		slot->lives++;
		if (killed) {
			nanosleep(&time, NULL);
			kill(pid, SIGKILL);
			slot->killed++;
		}
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		/* The kernel kills, too, when memory runs out; nothing else may end a life. */
		if (WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status) != SIGKILL)
			finding(board, "a life ended with status %#x, in %s", status,
				calls[slot->call].name);
	}
	_exit(0);
}

/* ---- who watches them --------------------------------------------------------------- */

static void show(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		printf("#   %s", line);
	if (f)
		fclose(f);
}

static void stuck(struct slot *slot)
{
	char path[64];

	finding(board, "process %d does not come back from %s", slot->pid, calls[slot->call].name);
	snprintf(path, sizeof(path), "/proc/%d/stack", slot->pid);
	show(path);
}

/* How far it is, each time that another tenth is done: a million calls take an hour. */
static void tell(uint64_t begin, uint64_t *tenths)
{
	uint64_t calls = __atomic_load_n(&board->calls, __ATOMIC_RELAXED);

	if (calls >= board->limit || calls * 10 / board->limit <= *tenths)
		return;
	*tenths = calls * 10 / board->limit;
	printf("# %.0f s: %llu calls, %u places, %llu products verified\n", (now() - begin) / 1e9,
	       (unsigned long long)calls, board->places.count,
	       (unsigned long long)__atomic_load_n(&product->verified, __ATOMIC_RELAXED));
}

/* Until all have ended, or one of them does not. */
static void watch(pid_t *pids, uint64_t begin)
{
	uint64_t progress[FUZZERS_MAX] = { 0 }, since[FUZZERS_MAX];
	const struct timespec moment = { 0, 50000000 };
	uint32_t left = options.processes;
	uint64_t tenths = 0;

	for (uint32_t i = 0; i < options.processes; i++)
		since[i] = now();
	while (left) {
		nanosleep(&moment, NULL);
		tell(begin, &tenths);
		for (uint32_t i = 0; i < options.processes; i++) {
			struct slot *slot = &board->slot[i];
			uint64_t at = __atomic_load_n(&slot->progress, __ATOMIC_RELAXED);

			if (pids[i] && waitpid(pids[i], NULL, WNOHANG) == pids[i]) {
				pids[i] = 0;
				left--;
			}
			if (at != progress[i]) {
				progress[i] = at;
				since[i] = now();
			} else if (pids[i] && now() - since[i] > STUCK) {
				stuck(slot);
				return;
			}
		}
		/* Who is wrong need not go on, and neither need the others. */
		if (product->wrong || product->lost || product->error)
			finding(board, "%llu products wrong, %llu lost, error %d",
				(unsigned long long)product->wrong,
				(unsigned long long)product->lost, -product->error);
	}
}

static unsigned int tests, failures;

static bool verdict(bool good, const char *what)
{
	tests++;
	failures += !good;
	if (options.tap)
		printf("%sok %u - %s\n", good ? "" : "not ", tests, what);
	else if (!good)
		printf("FAILED: %s\n", what);
	return good;
}

static void report_call(unsigned int i)
{
	printf("# %-26s %9llu %9llu ", calls[i].name, (unsigned long long)board->call[i].tried,
	       (unsigned long long)board->call[i].good);
	for (unsigned int error = 0; error < ERRORS_MAX; error++)
		if (board->call[i].errors[error])
			printf(" %s %u", strerrorname_np(error), board->call[i].errors[error]);
	printf("\n");
}

static void report(double seconds)
{
	uint64_t lives = 0, killed = 0, good = 0, corpus = 0;

	for (uint32_t i = 0; i < options.processes; i++) {
		lives += board->slot[i].lives;
		killed += board->slot[i].killed;
		corpus += board->slot[i].corpus.count;
	}
	printf("# %-26s %9s %9s  %s\n", "call", "made", "succeeded", "else");
	for (unsigned int i = 0; i < calls_count; i++) {
		report_call(i);
		good += board->call[i].good;
	}
	printf("# %llu calls, %llu of them succeeded, in %.1f s; %u processes, %llu lives, %llu killed\n",
	       (unsigned long long)board->calls, (unsigned long long)good, seconds,
	       options.processes, (unsigned long long)lives, (unsigned long long)killed);
	if (board->places.available)
		printf("# coverage: %u places in the driver; corpus: %llu programs\n",
		       board->places.count, (unsigned long long)corpus);
	else
		printf("# coverage: this kernel has no KCOV, answers alone guide; corpus: %llu programs\n",
		       (unsigned long long)corpus);
	printf("# %llu products verified beside them\n", (unsigned long long)product->verified);
	printf("# seed %llu\n", (unsigned long long)options.seed);
}

static void *shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

/* ---- programs in files -------------------------------------------------------------- */

static char *text_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *text = NULL;
	ssize_t at = 0, n = 0;

	if (fd >= 0 && !fstat(fd, &st)) {
		text = malloc(st.st_size + 1);
		while (text && at < st.st_size && (n = read(fd, text + at, st.st_size - at)) > 0)
			at += n;
		if (text)
			text[at] = 0;
	}
	if (fd >= 0)
		close(fd);
	return text;
}

static void corpus_load(void)
{
	char *text = text_read(out_path("corpus", -1));
	const char *at = text;
	struct program program;
	uint64_t rng = 1;

	while (at && (at = program_parse(&program, at)))
		for (uint32_t i = 0; i < options.processes; i++)
			corpus_add(&board->slot[i].corpus, &program, &rng);
	free(text);
}

static void corpus_save(void)
{
	FILE *f = fopen(out_path("corpus", -1), "we");
	char text[PROGRAM_TEXT];

	if (!f)
		return;
	for (uint32_t i = 0; i < options.processes; i++)
		for (uint32_t n = 0; n < board->slot[i].corpus.count; n++) {
			program_print(&board->slot[i].corpus.at[n], text);
			fputs(text, f);
		}
	fclose(f);
}

static int replay(void)
{
	static struct life life;
	char *text = text_read(options.replay);
	const char *at = text;
	struct program program;
	int err;

	if (!text) {
		perror(options.replay);
		return 2;
	}
	err = life_begin(&life, board, &board->slot[0], cover_open(), true);
	if (err) {
		fprintf(stderr, "a life cannot begin: error %d\n", -err);
		return 2;
	}
	while ((at = program_parse(&program, at)))
		life_run(&life, &program);
	report(0);
	if (board->found)
		printf("found: %s\n", board->finding);
	free(text);
	return board->found;
}

/* ---- beginning and end -------------------------------------------------------------- */

static void parse(int argc, char **argv)
{
	static const struct option names[] = {
		{ "calls", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 's' },
		{ "processes", required_argument, NULL, 'p' },
		{ "tap", no_argument, NULL, 't' },
		{ "trace", no_argument, NULL, 'T' },
		{ "corpus", no_argument, NULL, 'C' },
		{ "replay", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int name;

	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (name) {
		case 'c':
			options.calls = strtoull(optarg, NULL, 0);
			break;
		case 's':
			options.seed = strtoull(optarg, NULL, 0);
			break;
		case 'p':
			options.processes = strtoul(optarg, NULL, 0);
			break;
		case 't':
			options.tap = true;
			break;
		case 'T':
			options.trace = true;
			break;
		case 'C':
			options.corpus = true;
			break;
		case 'r':
			options.replay = optarg;
			break;
		default:
			exit(2);
		}
	}
	if (optind < argc || !options.processes || options.processes > FUZZERS_MAX ||
	    !options.calls) {
		fprintf(stderr, "usage: see the head of tests/fuzz-ioctl/fuzz-ioctl.c\n");
		exit(2);
	}
}

/* Everybody may open the node: who is not root is another user for the driver. */
static void node_open_to_all(void)
{
	const char *node = getenv("LOOM_NODE");

	chmod("/dev/accel", 0755);
	chmod(node ? node : "/dev/accel/accel0", 0666);
}

static pid_t product_start(void)
{
	const struct timespec moment = { 0, 1000000 };
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Else it and the card's answers to it would take a third of the processors. */
		(void)!nice(10);
		_exit(product_work(product, options.seed) ? 1 : 0);
	}
	while (pid > 0 && !__atomic_load_n(&product->ready, __ATOMIC_ACQUIRE))
		nanosleep(&moment, NULL);
	return pid;
}

int main(int argc, char **argv)
{
	struct figures before, after;
	pid_t worker, pids[FUZZERS_MAX] = { 0 };
	uint64_t begin;
	char what[700];

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	board = shared(sizeof(*board));
	product = shared(sizeof(*product));
	board->limit = options.calls;
	places_init(&board->places);
	node_open_to_all();
	if (options.replay)
		return replay();
	if (options.corpus)
		corpus_load();
	if (figures_take(&before)) {
		fprintf(stderr, "the card's figures cannot be read: is it there, and is this root?\n");
		return 2;
	}
	worker = product_start();
	begin = now();
	for (uint32_t i = 0; i < options.processes; i++) {
		pids[i] = fork();
		if (!pids[i])
			fuzzer(i);
	}
	watch(pids, begin);
	__atomic_store_n(&product->stop, true, __ATOMIC_RELEASE);
	waitpid(worker, NULL, 0);
	report((now() - begin) / 1e9);
	if (options.corpus)
		corpus_save();

	snprintf(what, sizeof(what), "%llu calls find nothing%s%s",
		 (unsigned long long)options.calls, board->found ? ": " : "", board->finding);
	verdict(!board->found, what);
	verdict(product->verified && !product->wrong && !product->lost && !product->error,
		"who computes beside them loses nothing");
	if (verdict(!figures_settle(&after, &before), "the card answers"))
		verdict(figures_compare(&before, &after, 1000 + options.calls / 100),
			"nothing is left of them");
	if (options.tap)
		printf("1..%u\n", tests);
	return failures ? 1 : 0;
}
