// SPDX-License-Identifier: MIT
/*
 * Starts QEMU, passes on what the guest's command writes, keeps and judges the kernel's log, and
 * ends with the command's exit status.  QEMU never outlives this program.
 *
 *	host --log FILE --qemu-log FILE --timeout SECONDS --boot-timeout SECONDS -- QEMU ARG...
 *
 * @FRAMES@ and @CONSOLE@ in an argument become the numbers of the descriptors of the two streams,
 * @MONITOR@ and @PORT@ those of the two ends of one that leads from QEMU to itself, @TSC_KHZ@ becomes
 * the rate of the processor's time stamp counter.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"
#include "splat.h"
#include "tsc.h"

/* The guest's kernel failed before anything that is tested ran in it. */
#define EXIT_NO_BOOT	122
#define EXIT_SPLAT	123
#define EXIT_TIMEOUT	124
#define EXIT_RUNNER	125

/* A report is printed over some time; it is complete when the console has been silent so long. */
#define SPLAT_QUIET_MS	500
#define SPLAT_MAX_MS	5000
#define POWEROFF_MS	60000

#define LINE_MAX_BYTES	4096
#define TAIL_LINES	400
#define SHOWN_LINES	80

static const char *log_path, *qemu_log_path;
static long timeout_ms, boot_timeout_ms;

static pid_t qemu;
static int log_fd = -1;
static bool booted, ready, broken, output_lost;
static int status = -1;
static char *splat;
static long long splat_since, console_last;

static char line[LINE_MAX_BYTES];
static size_t line_length;
static char *tail[TAIL_LINES];
static size_t tail_count, splat_at;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	va_list args;

	fputs("tests/vm/run: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void __attribute__((noreturn)) fail(const char *what)
{
	say("%s: %s", what, strerror(errno));
	exit(EXIT_RUNNER);
}

static long long now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void put(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			/* A reader that left early, like head, is its own business. */
			if (errno != EPIPE && !output_lost)
				say("cannot write the command's output: %s", strerror(errno));
			output_lost = true;
			return;
		}
		data += n;
		length -= n;
	}
}

static void end_line(void)
{
	line[line_length] = '\0';
	line_length = strcspn(line, "\r");
	line[line_length] = '\0';
	free(tail[tail_count % TAIL_LINES]);
	tail[tail_count % TAIL_LINES] = strdup(line);
	tail_count++;
	line_length = 0;
	if (!splat && splat_line(line)) {
		splat = strdup(line);
		splat_since = now_ms();
		/* Some reports begin with a line of their own before the telling one. */
		splat_at = tail_count > 3 ? tail_count - 3 : 0;
	}
	if (!ready && strstr(line, "loom-vm: "))
		say("guest: %s", strstr(line, "loom-vm: ") + 9);
}

static void print_tail(size_t from)
{
	size_t oldest = tail_count > TAIL_LINES ? tail_count - TAIL_LINES : 0;
	size_t first = from > oldest ? from : oldest;
	size_t end = tail_count - first > SHOWN_LINES ? first + SHOWN_LINES : tail_count;

	for (size_t i = first; i < end; i++)
		fprintf(stderr, "  | %s\n", tail[i % TAIL_LINES]);
}

static bool read_console(int fd)
{
	char data[4096];
	ssize_t n = read(fd, data, sizeof(data));

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	console_last = now_ms();
	if (write(log_fd, data, n) != n)
		fail(log_path);
	for (ssize_t i = 0; i < n; i++) {
		if (data[i] == '\n' || line_length == sizeof(line) - 1)
			end_line();
		if (data[i] != '\n')
			line[line_length++] = data[i];
	}
	return true;
}

static void take_frame(uint32_t type, const char *data, uint32_t length)
{
	uint32_t value = 0;

	if (length >= sizeof(value))
		memcpy(&value, data, sizeof(value));
	switch (type) {
	case FRAME_BOOTED:
		booted = true;
		break;
	case FRAME_READY:
		ready = true;
		break;
	case FRAME_STDOUT:
		put(1, data, length);
		break;
	case FRAME_STDERR:
	case FRAME_MESSAGE:
		put(2, data, length);
		break;
	case FRAME_STATUS:
		status = value & 0xff;
		break;
	case FRAME_BROKEN:
		broken = true;
		break;
	default:
		say("the guest sent a frame of unknown type %u", type);
		broken = true;
	}
}

static bool read_frames(int fd)
{
	static char data[sizeof(struct frame_header) + FRAME_MAX];
	static size_t have;
	ssize_t n = read(fd, data + have, sizeof(data) - have);

	if (n <= 0)
		return n < 0 && (errno == EINTR || errno == EAGAIN);
	have += n;
	for (;;) {
		struct frame_header header;

		if (have < sizeof(header))
			return true;
		memcpy(&header, data, sizeof(header));
		if (header.length > FRAME_MAX) {
			say("the guest sent a frame of %u bytes", header.length);
			broken = true;
			return false;
		}
		if (have < sizeof(header) + header.length)
			return true;
		take_frame(header.type, data + sizeof(header), header.length);
		have -= sizeof(header) + header.length;
		memmove(data, data + sizeof(header) + header.length, have);
	}
}

/* Replace one mark in an argument by a number. */
static char *fill(char *arg, const char *mark, long number)
{
	char *at = strstr(arg, mark), *filled;

	if (!at)
		return arg;
	if (asprintf(&filled, "%.*s%ld%s", (int)(at - arg), arg, number, at + strlen(mark)) < 0)
		fail("memory");
	return filled;
}

static void start_qemu(char **argv, int frames, int console, const int *monitor)
{
	pid_t parent = getpid();
	long khz = tsc_khz();

	qemu = fork();
	if (qemu < 0)
		fail("fork");
	if (!qemu) {
		sigset_t none;
		int null = open("/dev/null", O_RDONLY);
		int out = open(qemu_log_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

		/* Out of the terminal's reach: this program decides when QEMU ends. */
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_RUNNER);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		signal(SIGINT, SIG_DFL);
		signal(SIGPIPE, SIG_DFL);
		dup2(null, 0);
		dup2(out, 1);
		dup2(out, 2);
		fcntl(frames, F_SETFD, 0);
		fcntl(console, F_SETFD, 0);
		fcntl(monitor[0], F_SETFD, 0);
		fcntl(monitor[1], F_SETFD, 0);
		for (char **arg = argv; *arg; arg++) {
			*arg = fill(fill(*arg, "@FRAMES@", frames), "@CONSOLE@", console);
			*arg = fill(fill(*arg, "@MONITOR@", monitor[0]), "@PORT@", monitor[1]);
			*arg = fill(*arg, "@TSC_KHZ@", khz);
		}
		execv(argv[0], argv);
		dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
		_exit(EXIT_RUNNER);
	}
}

static void kill_qemu(void)
{
	if (qemu <= 0)
		return;
	kill(qemu, SIGKILL);
	while (waitpid(qemu, NULL, 0) < 0 && errno == EINTR)
		;
	qemu = 0;
}

static void print_qemu_log(void)
{
	char data[4096];
	ssize_t n;
	int fd = open(qemu_log_path, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && (n = read(fd, data, sizeof(data))) > 0)
		put(2, data, n);
	if (fd >= 0)
		close(fd);
}

/* The earliest of the times at which something must happen, and what. */
enum due { DUE_NOTHING, DUE_BOOT, DUE_TIMEOUT, DUE_POWEROFF, DUE_SPLAT };

static enum due next_due(long long start, long long ended, long long *when)
{
	enum due due = DUE_TIMEOUT;

	*when = start + timeout_ms;
	if (!ready && start + boot_timeout_ms < *when) {
		*when = start + boot_timeout_ms;
		due = DUE_BOOT;
	}
	if (ended) {
		*when = ended + POWEROFF_MS;
		due = DUE_POWEROFF;
	}
	if (splat) {
		long long quiet = console_last + SPLAT_QUIET_MS;
		long long most = splat_since + SPLAT_MAX_MS;
		long long end = quiet < most ? quiet : most;

		if (end < *when) {
			*when = end;
			due = DUE_SPLAT;
		}
	}
	return due;
}

static int splat_exit(void)
{
	say("the guest's kernel reported: %s", splat);
	print_tail(splat_at);
	say("the whole log is %s", log_path);
	return booted ? EXIT_SPLAT : EXIT_NO_BOOT;
}

static int gone_exit(void)
{
	if (splat)
		return splat_exit();
	if (broken) {
		say("the guest could not be set up or taken down: the log is %s", log_path);
		return EXIT_RUNNER;
	}
	if (status >= 0)
		return status;
	say("the guest ended without running the command to its end; its last lines:");
	print_tail(tail_count > 15 ? tail_count - 15 : 0);
	print_qemu_log();
	say("the whole log is %s", log_path);
	return EXIT_RUNNER;
}

static int watch(int frames, int console, int signals)
{
	struct pollfd fds[] = {
		{ .fd = frames, .events = POLLIN },
		{ .fd = console, .events = POLLIN },
		{ .fd = signals, .events = POLLIN },
	};
	long long start = now_ms(), ended = 0, when;
	bool exited = false;

	while (!exited || fds[0].fd >= 0 || fds[1].fd >= 0) {
		enum due due = next_due(start, ended, &when);
		long long left = when - now_ms();

		if (poll(fds, 3, left > 0 ? left : 0) < 0 && errno != EINTR)
			fail("poll");
		if (fds[0].revents && !read_frames(frames))
			fds[0].fd = -1;
		if (fds[1].revents && !read_console(console))
			fds[1].fd = -1;
		if (fds[2].revents) {
			struct signalfd_siginfo info;

			if (read(signals, &info, sizeof(info)) != sizeof(info))
				continue;
			if (info.ssi_signo != SIGCHLD) {
				kill_qemu();
				return 128 + info.ssi_signo;
			}
			if (waitpid(qemu, NULL, WNOHANG) == qemu) {
				qemu = 0;
				exited = true;
			}
		}
		if (status >= 0 && !ended)
			ended = now_ms();
		if (exited || now_ms() < when || next_due(start, ended, &when) != due ||
		    now_ms() < when)
			continue;
		kill_qemu();
		if (splat)
			return splat_exit();
		if (due == DUE_TIMEOUT) {
			say("stopped after %ld s: the log is %s", timeout_ms / 1000, log_path);
			return EXIT_TIMEOUT;
		}
		if (due == DUE_BOOT)
			say("the guest was not ready after %ld s; its last lines:",
			    boot_timeout_ms / 1000);
		else
			say("the guest did not power off; its last lines:");
		print_tail(tail_count > 15 ? tail_count - 15 : 0);
		print_qemu_log();
		say("the whole log is %s", log_path);
		return EXIT_RUNNER;
	}
	if (line_length)
		end_line();
	return gone_exit();
}

static int option(int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc && strcmp(argv[i], "--"); i += 2) {
		if (!strcmp(argv[i], "--log"))
			log_path = argv[i + 1];
		else if (!strcmp(argv[i], "--qemu-log"))
			qemu_log_path = argv[i + 1];
		else if (!strcmp(argv[i], "--timeout"))
			timeout_ms = atol(argv[i + 1]) * 1000;
		else if (!strcmp(argv[i], "--boot-timeout"))
			boot_timeout_ms = atol(argv[i + 1]) * 1000;
		else
			break;
	}
	if (i + 1 >= argc || strcmp(argv[i], "--") || !log_path || !qemu_log_path ||
	    timeout_ms <= 0 || boot_timeout_ms <= 0) {
		say("wrong arguments to %s", argv[0]);
		exit(EXIT_RUNNER);
	}
	return i + 1;
}

int main(int argc, char **argv)
{
	int first = option(argc, argv);
	int frames[2], console[2], monitor[2], signals;
	sigset_t mask;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGHUP);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	/* A shell starts background commands with SIGINT ignored, which would never be queued. */
	signal(SIGINT, SIG_DFL);
	signals = signalfd(-1, &mask, SFD_CLOEXEC);
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (log_fd < 0)
		fail(log_path);
	if (signals < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, frames) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, console) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, monitor))
		fail("cannot set up");
	start_qemu(argv + first, frames[1], console[1], monitor);
	close(frames[1]);
	close(console[1]);
	close(monitor[0]);
	close(monitor[1]);
	return watch(frames[0], console[0], signals);
}
