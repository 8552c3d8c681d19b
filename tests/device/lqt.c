// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lqt.h"

/* Nothing here takes a second on an idle machine; this is for loaded ones. */
#define PATIENCE_MS	120000

#define BIOS_SIZE	65536

_Noreturn void lqt_bail(const char *format, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	exit(1);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

uint64_t lqt_deadline(void)
{
	return now_ms() + PATIENCE_MS;
}

void lqt_wait(struct lqt *m, uint64_t deadline, const char *what)
{
	int status;

	if (waitpid(m->pid, &status, WNOHANG) == m->pid)
		lqt_bail("QEMU died with wait status 0x%x while waiting for: %s", status, what);
	if (now_ms() > deadline)
		lqt_bail("nothing happened for %d s while waiting for: %s", PATIENCE_MS / 1000, what);
	sched_yield();
}

/* ---- text streams --------------------------------------------------------- */

static bool try_send(struct lqt_stream *s, const char *line)
{
	size_t len = strlen(line);

	while (len) {
		ssize_t n = send(s->fd, line, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		line += n;
		len -= (size_t)n;
	}
	return true;
}

static void send_line(struct lqt *m, struct lqt_stream *s, const char *line)
{
	int status = 0;

	if (try_send(s, line))
		return;
	waitpid(m->pid, &status, 0);
	lqt_bail("QEMU (wait status 0x%x) takes no command: %s", status, line);
}

/* Next line without its end, valid until the next call; NULL if QEMU has ended. */
static const char *try_line(struct lqt_stream *s)
{
	static char line[sizeof(s->buffer) + 1];
	uint64_t deadline = lqt_deadline();

	for (;;) {
		char *end = memchr(s->buffer, '\n', s->fill);
		struct pollfd poller = { .fd = s->fd, .events = POLLIN };
		ssize_t n;

		if (end) {
			size_t len = (size_t)(end - s->buffer);

			memcpy(line, s->buffer, len);
			line[len] = '\0';
			s->fill -= len + 1;
			memmove(s->buffer, end + 1, s->fill);
			return line;
		}
		if (s->fill == sizeof(s->buffer))
			lqt_bail("QEMU sends a line without end");
		if (poll(&poller, 1, 1000) == 0) {
			if (now_ms() > deadline)
				lqt_bail("QEMU does not answer for %d s", PATIENCE_MS / 1000);
			continue;
		}
		n = recv(s->fd, s->buffer + s->fill, sizeof(s->buffer) - s->fill, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return NULL;
		s->fill += (size_t)n;
	}
}

static const char *next_line(struct lqt *m, struct lqt_stream *s)
{
	const char *line = try_line(s);
	int status = 0;

	if (line)
		return line;
	waitpid(m->pid, &status, 0);
	lqt_bail("QEMU ended with wait status 0x%x", status);
}

/* QEMU is about to end: its wait status. */
static int reap(struct lqt *m)
{
	uint64_t deadline = lqt_deadline();
	int status;

	while (waitpid(m->pid, &status, WNOHANG) != m->pid) {
		if (now_ms() > deadline)
			lqt_bail("QEMU does not end");
		sched_yield();
	}
	close(m->qtest.fd);
	close(m->qmp.fd);
	munmap(m->ram, LQT_RAM);
	return status;
}

/* ---- processes --------------------------------------------------------------- */

static const char *setting(const char *name, const char *otherwise)
{
	const char *text = getenv(name);

	return text && *text ? text : otherwise;
}

static const char *qemu_path(void)
{
	return setting("LOOM_QEMU", "build/qemu/qemu-system-x86_64");
}

/* A machine that takes up the state of another's may be of another release. */
static const char *qemu_for(const char *const *args)
{
	for (; *args; args++)
		if (!strcmp(*args, "-incoming"))
			return setting("LOOM_QEMU_TO", qemu_path());
	return qemu_path();
}

static int anonymous_file(const char *name, size_t size)
{
	int fd = memfd_create(name, 0);

	if (fd < 0 || ftruncate(fd, (off_t)size))
		lqt_bail("cannot create a file in memory: %s", strerror(errno));
	return fd;
}

/* Firmware that does nothing: the processor halts at its first instruction. */
static int firmware(void)
{
	static const uint8_t halt[] = { 0xf4, 0xeb, 0xfd };
	int fd = anonymous_file("firmware", BIOS_SIZE);

	if (pwrite(fd, halt, sizeof(halt), BIOS_SIZE - 16) != (ssize_t)sizeof(halt))
		lqt_bail("cannot write firmware: %s", strerror(errno));
	return fd;
}

static void pair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		lqt_bail("cannot create a socket pair: %s", strerror(errno));
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
}

static pid_t spawn(const char *const *argv, int err)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		lqt_bail("cannot fork: %s", strerror(errno));
	if (pid)
		return pid;
	/* whatever happens to the test, no QEMU outlives it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	if (err >= 0)
		dup2(err, STDERR_FILENO);
	execv(argv[0], (char *const *)(uintptr_t)argv);
	fprintf(stderr, "cannot run %s: %s: build it with qemu-device/build\n", argv[0],
		strerror(errno));
	_exit(127);
}

void lqt_start(struct lqt *m, enum lqt_accel accel, const char *const *args)
{
	char ram_arg[128], bios_arg[64], qtest_arg[64], qmp_arg[64], size_arg[16];
	char machine_arg[80];
	const char *argv[64] = {
		qemu_for(args), "-nodefaults", "-no-user-config", "-display", "none", "-accel",
		accel == LQT_QTEST ? "qtest" : "tcg", "-machine", machine_arg,
		"-global", "apic-common.vapic=off", "-m", size_arg, "-object", ram_arg, "-bios", bios_arg, "-chardev", qtest_arg, "-qtest",
		"chardev:qtest", "-qtest-log", "/dev/null", "-chardev", qmp_arg, "-mon",
		"chardev=qmp,mode=control",
	};
	int ram, bios, qtest[2], qmp[2];
	unsigned int n = 0;

	memset(m, 0, sizeof(*m));
	ram = anonymous_file("ram", LQT_RAM);
	m->ram = mmap(NULL, LQT_RAM, PROT_READ | PROT_WRITE, MAP_SHARED, ram, 0);
	if (m->ram == MAP_FAILED)
		lqt_bail("cannot map guest memory: %s", strerror(errno));
	bios = firmware();
	pair(qtest);
	pair(qmp);
	snprintf(machine_arg, sizeof(machine_arg), "%.32s,memory-backend=ram,smm=off",
		 setting("LOOM_MACHINE", "q35"));
	snprintf(size_arg, sizeof(size_arg), "%uM", LQT_RAM >> 20);
	snprintf(ram_arg, sizeof(ram_arg),
		 "memory-backend-file,id=ram,size=%uM,share=on,mem-path=/proc/self/fd/%d",
		 LQT_RAM >> 20, ram);
	snprintf(bios_arg, sizeof(bios_arg), "/proc/self/fd/%d", bios);
	snprintf(qtest_arg, sizeof(qtest_arg), "socket,id=qtest,fd=%d", qtest[1]);
	snprintf(qmp_arg, sizeof(qmp_arg), "socket,id=qmp,fd=%d", qmp[1]);
	while (argv[n])
		n++;
	while (*args && n < sizeof(argv) / sizeof(argv[0]) - 1)
		argv[n++] = *args++;
	m->qtest.fd = qtest[0];
	m->qmp.fd = qmp[0];
	m->pid = spawn(argv, -1);
	close(ram);
	close(bios);
	close(qtest[1]);
	close(qmp[1]);
	if (!strstr(next_line(m, &m->qmp), "QMP"))
		lqt_bail("QEMU's monitor does not greet");
	if (!lqt_qmp(m, "qmp_capabilities", NULL))
		lqt_bail("QEMU's monitor refuses to negotiate");
}

bool lqt_stop(struct lqt *m)
{
	int status;

	send_line(m, &m->qmp, "{\"execute\":\"quit\"}\n");
	status = reap(m);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool lqt_refused(const char *device, const char *what)
{
	char bios_arg[64];
	const char *argv[] = {
		qemu_path(), "-nodefaults", "-no-user-config", "-display", "none", "-accel", "qtest",
		"-machine", "q35", "-bios", bios_arg, "-device", device, NULL,
	};
	uint64_t deadline = lqt_deadline();
	int bios = firmware();
	char text[4096];
	int err = anonymous_file("stderr", 0);
	int status;
	pid_t pid;
	ssize_t n;

	snprintf(bios_arg, sizeof(bios_arg), "/proc/self/fd/%d", bios);
	pid = spawn(argv, err);
	close(bios);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (now_ms() > deadline)
			lqt_bail("QEMU neither starts nor refuses -device %s", device);
		sched_yield();
	}
	n = pread(err, text, sizeof(text) - 1, 0);
	close(err);
	text[n < 0 ? 0 : n] = '\0';
	if (WIFEXITED(status) && WEXITSTATUS(status) == 1 && strstr(text, what))
		return true;
	printf("# -device %s: wait status 0x%x, wanted \"%s\", got: %s\n", device, (unsigned int)status,
	       what, text);
	return false;
}

/* ---- qtest -------------------------------------------------------------------- */

static uint64_t command(struct lqt *m, const char *text)
{
	const char *line;

	send_line(m, &m->qtest, text);
	do
		line = next_line(m, &m->qtest);
	while (!strncmp(line, "IRQ", 3));
	if (strncmp(line, "OK", 2))
		lqt_bail("qtest answers \"%s\" to: %s", line, text);
	return line[2] ? strtoull(line + 3, NULL, 0) : 0;
}

static char suffix(unsigned int size)
{
	return size == 1 ? 'b' : size == 2 ? 'w' : size == 4 ? 'l' : 'q';
}

uint64_t lqt_read(struct lqt *m, unsigned int size, uint64_t addr)
{
	char text[80];

	snprintf(text, sizeof(text), "read%c 0x%" PRIx64 "\n", suffix(size), addr);
	return command(m, text);
}

void lqt_write(struct lqt *m, unsigned int size, uint64_t addr, uint64_t value)
{
	char text[80];

	snprintf(text, sizeof(text), "write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", suffix(size), addr,
		 value);
	command(m, text);
}

uint32_t lqt_in(struct lqt *m, uint16_t port)
{
	char text[80];

	snprintf(text, sizeof(text), "inl 0x%x\n", port);
	return (uint32_t)command(m, text);
}

void lqt_out(struct lqt *m, uint16_t port, uint32_t value)
{
	char text[80];

	snprintf(text, sizeof(text), "outl 0x%x 0x%x\n", port, value);
	command(m, text);
}

void lqt_clock(struct lqt *m, uint64_t ns)
{
	char text[80];

	snprintf(text, sizeof(text), "clock_step %" PRIu64 "\n", ns);
	command(m, text);
}

/* ---- QMP ------------------------------------------------------------------------ */

static void remember(struct lqt *m, const char *line)
{
	if (m->nevents == LQT_EVENTS)
		memmove(m->events, m->events + 1, --m->nevents * sizeof(m->events[0]));
	snprintf(m->events[m->nevents++], sizeof(m->events[0]), "%.255s", line);
}

bool lqt_qmp(struct lqt *m, const char *name, const char *args)
{
	char text[512];
	const char *line;

	snprintf(text, sizeof(text), "{\"execute\":\"%s\"%s%s}\n", name,
		 args ? ",\"arguments\":" : "", args ? args : "");
	send_line(m, &m->qmp, text);
	while (strstr(line = next_line(m, &m->qmp), "\"event\":"))
		remember(m, line);
	if (strstr(line, "\"error\":"))
		printf("# %s: %s\n", name, line);
	snprintf(m->answer, sizeof(m->answer), "%s", line);
	return strstr(line, "\"return\":") != NULL;
}

bool lqt_save(struct lqt *m, const char *file)
{
	char args[512];
	uint64_t limit = lqt_deadline();

	snprintf(args, sizeof(args), "{\"uri\":\"exec:cat > '%s'\"}", file);
	if (!lqt_qmp(m, "migrate", args))
		return false;
	for (;;) {
		if (!lqt_qmp(m, "query-migrate", NULL))
			return false;
		if (strstr(m->answer, "\"status\": \"completed\""))
			return true;
		if (strstr(m->answer, "\"status\": \"failed\"")) {
			printf("# %s\n", m->answer);
			return false;
		}
		lqt_wait(m, limit, "migration completed");
	}
}

int lqt_load(struct lqt *m, const char *file)
{
	char text[512];
	const char *line;
	bool sent;

	snprintf(text, sizeof(text), "{\"execute\":\"migrate-incoming\",\"arguments\":"
		 "{\"uri\":\"exec:cat '%s'\"}}\n", file);
	sent = try_send(&m->qmp, text);
	/* a QEMU that cannot take it up ends: it closes its side */
	while (sent && (line = try_line(&m->qmp))) {
		if (strstr(line, "\"event\":"))
			remember(m, line);
		else if (strstr(line, "\"error\":"))
			lqt_bail("migrate-incoming: %s", line);
		else if (strstr(line, "\"status\":") && !strstr(line, "inmigrate"))
			return 0;
		else
			sent = try_send(&m->qmp, "{\"execute\":\"query-status\"}\n");
	}
	return reap(m);
}

/* An event may come before the answer to the command that causes it. */
void lqt_event(struct lqt *m, const char *event, const char *text)
{
	unsigned int i = 0;

	for (;;) {
		for (; i < m->nevents; i++)
			if (strstr(m->events[i], event) && strstr(m->events[i], text)) {
				memmove(m->events + i, m->events + i + 1,
					(--m->nevents - i) * sizeof(m->events[0]));
				return;
			}
		remember(m, next_line(m, &m->qmp));
		i = m->nevents - 1;
	}
}

/* ---- /proc ------------------------------------------------------------------------ */

static unsigned int count(struct lqt *m, const char *what)
{
	char path[64];
	unsigned int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)m->pid, what);
	dir = opendir(path);
	if (!dir)
		lqt_bail("cannot read %s: %s", path, strerror(errno));
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

unsigned int lqt_threads(struct lqt *m)
{
	return count(m, "task");
}

unsigned int lqt_files(struct lqt *m)
{
	return count(m, "fd");
}
