// SPDX-License-Identifier: MIT
/*
 * Process 1 of the test guest: brings the guest up, runs one command, sends its output and exit
 * status to the host, takes the driver out again and powers off.
 *
 * There is no udev in the guest, so this also gives the nodes of accelerators the owner and mode
 * that the project's udev rule gives them on a real system.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <dirent.h>
#include <unistd.h>

#include "frame.h"

#define RUN	"/run/loom/"

static int port_fd = -1;
static int uevent_fd = -1;
static int child_fd = -1;

static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

/* Nothing can be told through the port: the host reads this from the console. */
static void give_up(const char *what)
{
	int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		dprintf(fd, "loom-vm: %s: %s\n", what, strerror(errno));
	power_off();
}

static void send_bytes(const void *data, size_t length)
{
	const char *at = data;

	while (length) {
		ssize_t n = write(port_fd, at, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			give_up("cannot write to the host");
		at += n;
		length -= n;
	}
}

static void send_frame(enum frame_type type, const void *data, size_t length)
{
	struct {
		struct frame_header header;
		char data[FRAME_MAX];
	} frame = { .header = { .type = type, .length = length } };

	memcpy(frame.data, data, length);
	send_bytes(&frame, sizeof(frame.header) + length);
}

static void send_status(enum frame_type type, uint32_t status)
{
	send_frame(type, &status, sizeof(status));
}

static void open_port(void)
{
	char path[320], name[64];
	struct dirent *entry;
	DIR *dir = opendir("/sys/class/virtio-ports");

	while (dir && (entry = readdir(dir))) {
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", entry->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, name, sizeof(name) - 1);
		close(fd);
		name[n > 0 ? n : 0] = '\0';
		name[strcspn(name, "\n")] = '\0';
		if (strcmp(name, FRAME_PORT))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		port_fd = open(path, O_RDWR | O_CLOEXEC);
		break;
	}
	if (dir)
		closedir(dir);
	if (port_fd < 0)
		give_up("the port to the host is missing");
}

static void open_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };

	uevent_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			   NETLINK_KOBJECT_UEVENT);
	if (uevent_fd < 0 || bind(uevent_fd, (struct sockaddr *)&address, sizeof(address)))
		give_up("cannot listen for uevents");
}

/* Group render of /etc/group; the C library's own lookup wants shared libraries. */
static gid_t render_group(void)
{
	FILE *file = fopen("/etc/group", "re");
	char text[1024];
	unsigned int gid = 0;

	while (file && fgets(text, sizeof(text), file))
		if (sscanf(text, "render:%*[^:]:%u:", &gid) == 1)
			break;
	if (file)
		fclose(file);
	return gid;
}

static void read_uevents(void)
{
	static const char failed[] = "cannot set the mode of an accelerator's node\n";
	char event[8192], path[sizeof(event) + 8];
	ssize_t n;

	while ((n = recv(uevent_fd, event, sizeof(event) - 1, 0)) > 0) {
		const char *name = NULL;
		bool accel = false;

		event[n] = '\0';
		if (strncmp(event, "add@", 4))
			continue;
		for (char *at = event; at < event + n; at += strlen(at) + 1) {
			if (!strcmp(at, "SUBSYSTEM=accel"))
				accel = true;
			else if (!strncmp(at, "DEVNAME=", 8))
				name = at + 8;
		}
		if (!accel || !name)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", name);
		if (chown(path, 0, render_group()) || chmod(path, 0660))
			send_frame(FRAME_MESSAGE, failed, sizeof(failed) - 1);
	}
}

/* A file of strings, each ended by a zero byte. */
static char **read_strings(const char *path)
{
	FILE *file = fopen(path, "re");
	char **strings = NULL, *line = NULL;
	size_t count = 0, room = 0;

	if (!file)
		give_up(path);
	for (;;) {
		ssize_t n = getdelim(&line, &room, '\0', file);

		strings = realloc(strings, (count + 1) * sizeof(*strings));
		if (!strings)
			give_up(path);
		strings[count] = n > 0 ? strdup(line) : NULL;
		if (!strings[count++])
			break;
	}
	free(line);
	fclose(file);
	return strings;
}

static void __attribute__((noreturn)) start(char **argv, char **envp, int out, int err)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, 0);
	dup2(out, 1);
	dup2(err, 2);
	if (null > 2)
		close(null);
	environ = envp;
	if (chdir("/tmp") == 0)
		execvp(argv[0], argv);
	dprintf(2, "tests/vm/run: cannot run '%s' in the guest: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

/* One read's worth of a pipe; false when there is no more to come. */
static bool forward(int fd, enum frame_type type)
{
	char data[FRAME_MAX];
	ssize_t n = read(fd, data, sizeof(data));

	if (n > 0)
		send_frame(type, data, n);
	return n > 0;
}

/* Process 1 inherits every orphan: reap them all, return when it was the one waited for. */
static bool reap(pid_t pid, int *status)
{
	struct signalfd_siginfo info;
	bool found = false;
	int each;
	pid_t got;

	while (read(child_fd, &info, sizeof(info)) > 0)
		;
	while ((got = waitpid(-1, &each, WNOHANG)) > 0) {
		if (got == pid) {
			*status = WIFSIGNALED(each) ? 128 + WTERMSIG(each) : WEXITSTATUS(each);
			found = true;
		}
	}
	return found;
}

/*
 * Run a command to its end.  A process it leaves in the background may keep the pipes open, so
 * the end is the exit of the command, followed by what is in the pipes at that time.
 */
static int run(char **argv, char **envp, enum frame_type out, enum frame_type err)
{
	int pipes[2][2], status = 0;
	struct pollfd poll_fds[4];
	bool done = false;
	pid_t pid;

	for (int i = 0; i < 2; i++)
		if (pipe2(pipes[i], O_CLOEXEC | O_NONBLOCK))
			give_up("pipe");
	pid = fork();
	if (pid < 0)
		give_up("fork");
	if (!pid) {
		/* Only this end is the command's, and it must block as programs expect. */
		fcntl(pipes[0][1], F_SETFL, 0);
		fcntl(pipes[1][1], F_SETFL, 0);
		start(argv, envp, pipes[0][1], pipes[1][1]);
	}
	close(pipes[0][1]);
	close(pipes[1][1]);
	poll_fds[0] = (struct pollfd){ .fd = pipes[0][0], .events = POLLIN };
	poll_fds[1] = (struct pollfd){ .fd = pipes[1][0], .events = POLLIN };
	poll_fds[2] = (struct pollfd){ .fd = child_fd, .events = POLLIN };
	poll_fds[3] = (struct pollfd){ .fd = uevent_fd, .events = POLLIN };
	while (!done) {
		if (poll(poll_fds, 4, -1) < 0 && errno != EINTR)
			give_up("poll");
		if (poll_fds[0].revents && !forward(pipes[0][0], out))
			poll_fds[0].fd = -1;
		if (poll_fds[1].revents && !forward(pipes[1][0], err))
			poll_fds[1].fd = -1;
		if (poll_fds[3].revents)
			read_uevents();
		if (poll_fds[2].revents)
			done = reap(pid, &status);
	}
	while (forward(pipes[0][0], out))
		;
	while (forward(pipes[1][0], err))
		;
	read_uevents();
	close(pipes[0][0]);
	close(pipes[1][0]);
	return status;
}

/* With the console as controlling terminal: a shell needs no frames. */
static void run_on_console(char **argv, char **envp)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		sigset_t none;
		int fd;

		setsid();
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		fd = open("/dev/ttyS0", O_RDWR);
		ioctl(fd, TIOCSCTTY, 1);
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
		if (fd > 2)
			close(fd);
		environ = envp;
		if (chdir("/tmp") == 0)
			execvp(argv[0], argv);
		dprintf(2, "cannot run '%s': %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	for (;;) {
		struct pollfd poll_fds[] = {
			{ .fd = child_fd, .events = POLLIN },
			{ .fd = uevent_fd, .events = POLLIN },
		};

		if (poll(poll_fds, 2, -1) < 0 && errno != EINTR)
			give_up("poll");
		if (poll_fds[1].revents)
			read_uevents();
		if (poll_fds[0].revents && reap(pid, &status))
			return;
	}
}

int main(void)
{
	static char *begin[] = { RUN "guest", "begin", NULL };
	static char *end[] = { RUN "guest", "end", NULL };
	char **argv, **envp;
	sigset_t mask;
	int status, failed;

	umask(022);
	open_uevents();
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	child_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (child_fd < 0)
		give_up("signalfd");
	argv = read_strings(RUN "argv");
	envp = read_strings(RUN "env");
	/* execvp searches this process's PATH. */
	environ = envp;

	if (access(RUN "shell", F_OK) == 0) {
		run_on_console(begin, envp);
		run_on_console(argv, envp);
		power_off();
	}
	open_port();
	send_status(FRAME_BOOTED, 0);
	failed = run(begin, envp, FRAME_MESSAGE, FRAME_MESSAGE);
	if (failed) {
		send_status(FRAME_BROKEN, failed);
		power_off();
	}
	send_status(FRAME_READY, 0);
	status = run(argv, envp, FRAME_STDOUT, FRAME_STDERR);
	kill(-1, SIGKILL);
	failed = run(end, envp, FRAME_MESSAGE, FRAME_MESSAGE);
	if (failed)
		send_status(FRAME_BROKEN, failed);
	send_status(FRAME_STATUS, status);
	power_off();
}
