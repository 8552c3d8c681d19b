// SPDX-License-Identifier: MIT
/* Syncobjs of SUBMIT, sync_files, eventfds, other processes. */
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

/* Linux 6.6; older headers of libdrm lack it. */
#ifndef DRM_IOCTL_SYNCOBJ_EVENTFD
struct drm_syncobj_eventfd {
	__u32 handle;
	__u32 flags;
	__u64 point;
	__s32 fd;
	__u32 pad;
};
#define DRM_IOCTL_SYNCOBJ_EVENTFD	DRM_IOWR(0xCF, struct drm_syncobj_eventfd)
#endif

FIXTURE(sync) {
	struct client c;
	uint32_t size, handle;
	struct drm_loom_query_info info;
};

FIXTURE_SETUP(sync)
{
	ASSERT_EQ(0, client_open(&self->c, 0, 0));
	ASSERT_EQ(0, card_info(self->c.fd, &self->info));
	self->size = client_size(&self->c, pkt_fence(self->c.cpu, CLIENT_VA + CLIENT_DATA, 1));
	ASSERT_EQ(0, sync_create(self->c.fd, &self->handle));
}

FIXTURE_TEARDOWN(sync)
{
	client_close(&self->c);
}

static int submit_sync(struct client *c, uint32_t queue, uint32_t size, uint32_t flags,
		       uint32_t handle, uint64_t point)
{
	struct drm_loom_sync sync = { .flags = flags, .handle = handle, .point = point };

	return submit(c->fd, queue, size ? CLIENT_VA : 0, size, &sync, 1, NULL);
}

TEST_F(sync, binary)
{
	ASSERT_EQ(0, submit_sync(&self->c, self->c.queue, self->size, DRM_LOOM_SYNC_SIGNAL,
				 self->handle, 0));
	ASSERT_EQ(0, sync_wait(self->c.fd, self->handle, 0, PATIENCE));
	EXPECT_EQ(1, self->c.data[0]);
}

TEST_F(sync, timeline)
{
	for (uint64_t point = 1; point <= 5; point++)
		ASSERT_EQ(0, submit_sync(&self->c, self->c.queue, self->size,
					 DRM_LOOM_SYNC_SIGNAL | DRM_LOOM_SYNC_TIMELINE,
					 self->handle, point << 33));
	ASSERT_EQ(0, sync_wait(self->c.fd, self->handle, 5ull << 33, PATIENCE));
}

TEST_F(sync, unknown_flags)
{
	for (int bit = 2; bit < 32; bit++)
		EXPECT_EQ(-EINVAL, submit_sync(&self->c, self->c.queue, self->size,
					       DRM_LOOM_SYNC_SIGNAL | 1u << bit, self->handle, 0));
}

TEST_F(sync, unknown_handle)
{
	EXPECT_EQ(-ENOENT, submit_sync(&self->c, self->c.queue, self->size, DRM_LOOM_SYNC_SIGNAL,
				       0x7fffffff, 0));
	EXPECT_EQ(-ENOENT, submit_sync(&self->c, self->c.queue, self->size, 0, 0x7fffffff, 0));
	EXPECT_EQ(-ENOENT, submit_sync(&self->c, self->c.queue, self->size, 0, 0, 0));
}

TEST_F(sync, points)
{
	EXPECT_EQ(-EINVAL, submit_sync(&self->c, self->c.queue, self->size, DRM_LOOM_SYNC_SIGNAL,
				       self->handle, 1));
	EXPECT_EQ(-EINVAL, submit_sync(&self->c, self->c.queue, self->size,
				       DRM_LOOM_SYNC_SIGNAL | DRM_LOOM_SYNC_TIMELINE,
				       self->handle, 0));
}

TEST_F(sync, wait_without_fence)
{
	struct drm_loom_queue_state state;

	EXPECT_EQ(-ENOENT, submit_sync(&self->c, self->c.queue, self->size, 0, self->handle, 0));
	ASSERT_EQ(0, queue_state(self->c.fd, self->c.queue, &state));
	EXPECT_EQ(0, state.submitted);
}

TEST_F(sync, stride_and_count)
{
	struct drm_loom_sync sync[2] = {
		{ .flags = DRM_LOOM_SYNC_SIGNAL, .handle = self->handle },
	};
	struct drm_loom_job job = {
		.cmd_va = CLIENT_VA, .cmd_size = self->size,
		.syncs = { .stride = sizeof(*sync), .count = self->info.syncs_max + 1,
			   .array = (uintptr_t)sync },
	};
	struct drm_loom_submit args = {
		.queue_id = self->c.queue,
		.jobs = { .stride = sizeof(job), .count = 1, .array = (uintptr_t)&job },
	};

	EXPECT_EQ(-E2BIG, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_SUBMIT, &args));
	job.syncs.count = 1;
	job.syncs.stride = 8;
	EXPECT_EQ(-EINVAL, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_SUBMIT, &args));
	job.syncs.stride = 2 * sizeof(*sync);
	EXPECT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_SUBMIT, &args));
	sync[1].handle = 1;
	EXPECT_EQ(-E2BIG, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_SUBMIT, &args));
}

TEST_F(sync, order_between_queues)
{
	uint64_t data = CLIENT_VA + CLIENT_DATA;
	uint32_t second, size2;
	uint8_t *cmd2 = self->c.cpu + 0x1000;
	struct drm_loom_sync wait = { .handle = self->handle };

	ASSERT_EQ(0, client_queue(&self->c, &second));
	for (int i = 1; i <= 50; i++) {
		struct drm_loom_sync done = { .flags = DRM_LOOM_SYNC_SIGNAL };
		struct drm_loom_sync both[2];

		ASSERT_EQ(0, sync_create(self->c.fd, &done.handle));
		pkt_fence(self->c.cpu, data, i);
		size2 = (uint8_t *)pkt_copy(cmd2, data + 8, data, 1) - cmd2;
		ASSERT_EQ(0, submit_sync(&self->c, self->c.queue, self->size, DRM_LOOM_SYNC_SIGNAL,
					 self->handle, 0));
		both[0] = wait;
		both[1] = done;
		ASSERT_EQ(0, submit(self->c.fd, second, CLIENT_VA + 0x1000, size2, both, 2, NULL));
		ASSERT_EQ(0, sync_wait(self->c.fd, done.handle, 0, PATIENCE));
		ASSERT_EQ((uint64_t)i, self->c.data[1]);
	}
}

TEST_F(sync, later_job_waits_for_earlier_of_the_same_call)
{
	struct drm_loom_sync signal = { .flags = DRM_LOOM_SYNC_SIGNAL, .handle = self->handle };
	struct drm_loom_sync wait[2] = { { .handle = self->handle }, { 0 } };
	struct drm_loom_job jobs[2] = {
		{ .cmd_va = CLIENT_VA, .cmd_size = self->size,
		  .syncs = { sizeof(signal), 1, (uintptr_t)&signal } },
		{ .cmd_va = CLIENT_VA, .cmd_size = self->size,
		  .syncs = { sizeof(signal), 2, (uintptr_t)wait } },
	};
	struct drm_loom_submit args = {
		.queue_id = self->c.queue,
		.jobs = { .stride = sizeof(*jobs), .count = 2, .array = (uintptr_t)jobs },
	};

	wait[1].flags = DRM_LOOM_SYNC_SIGNAL;
	ASSERT_EQ(0, sync_create(self->c.fd, &wait[1].handle));
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_LOOM_SUBMIT, &args));
	EXPECT_EQ(0, sync_wait(self->c.fd, wait[1].handle, 0, PATIENCE));
}

TEST_F(sync, job_without_commands_is_a_point)
{
	ASSERT_EQ(0, submit_sync(&self->c, self->c.queue, self->size, DRM_LOOM_SYNC_SIGNAL,
				 self->handle, 0));
	ASSERT_EQ(0, submit_sync(&self->c, self->c.queue, 0, DRM_LOOM_SYNC_SIGNAL, self->handle, 0));
	ASSERT_EQ(0, sync_wait(self->c.fd, self->handle, 0, PATIENCE));
	EXPECT_EQ(1, self->c.data[0]);
}

TEST_F(sync, sync_file_polls)
{
	struct pollfd p = { .events = POLLIN };

	ASSERT_EQ(0, submit_sync(&self->c, self->c.queue, self->size, DRM_LOOM_SYNC_SIGNAL,
				 self->handle, 0));
	p.fd = sync_export(self->c.fd, self->handle);
	ASSERT_GE(p.fd, 0);
	ASSERT_EQ(1, poll(&p, 1, PATIENCE / 1000000));
	EXPECT_EQ(1, sync_file_status(p.fd));
	close(p.fd);
}

TEST_F(sync, eventfd)
{
	struct pollfd p = { .fd = eventfd(0, EFD_CLOEXEC), .events = POLLIN };
	struct drm_syncobj_eventfd args = { .handle = self->handle, .point = 7, .fd = p.fd };

	ASSERT_GE(p.fd, 0);
	ASSERT_EQ(0, card_ioctl(self->c.fd, DRM_IOCTL_SYNCOBJ_EVENTFD, &args));
	EXPECT_EQ(0, poll(&p, 1, 0));
	ASSERT_EQ(0, submit_sync(&self->c, self->c.queue, self->size,
				 DRM_LOOM_SYNC_SIGNAL | DRM_LOOM_SYNC_TIMELINE, self->handle, 7));
	EXPECT_EQ(1, poll(&p, 1, PATIENCE / 1000000));
	close(p.fd);
}

static int send_fd(int sock, int fd)
{
	char c = 'x', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int recv_fd(int sock)
{
	char c, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

/* In another process, with a client of its own: wait for a syncobj that came by socket. */
static int other_process(int sock, uint64_t point)
{
	struct drm_syncobj_handle import = { 0 };
	struct client c;

	import.fd = recv_fd(sock);
	if (import.fd < 0 || client_open(&c, 0, 0))
		return 1;
	if (card_ioctl(c.fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import))
		return 2;
	pkt_fence(c.cpu, CLIENT_VA + CLIENT_DATA, 5);
	/* Tell that we are ready, then wait on the CPU and on the card. */
	if (write(sock, "r", 1) != 1)
		return 3;
	if (sync_wait(c.fd, import.handle, point, PATIENCE))
		return 4;
	if (submit_sync(&c, c.queue, client_size(&c, c.cpu + sizeof(struct loom_pkt_fence)),
			point ? DRM_LOOM_SYNC_TIMELINE : 0, import.handle, point))
		return 5;
	if (run(c.fd, c.queue, 0, 0))
		return 6;
	return c.data[0] == 5 ? 0 : 7;
}

static void across_processes(struct __test_metadata *_metadata, struct client *c, uint32_t handle,
			     uint64_t point, uint32_t size)
{
	struct drm_syncobj_handle export = { .handle = handle };
	int sock[2], status;
	char ready;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid)
		_exit(other_process(sock[1], point));
	ASSERT_EQ(0, submit_sync(c, c->queue, size,
				 DRM_LOOM_SYNC_SIGNAL | (point ? DRM_LOOM_SYNC_TIMELINE : 0),
				 handle, point));
	ASSERT_EQ(0, card_ioctl(c->fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &export));
	ASSERT_EQ(0, send_fd(sock[0], export.fd));
	ASSERT_EQ(1, read(sock[0], &ready, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
	close(export.fd);
	close(sock[0]);
	close(sock[1]);
}

TEST_F(sync, binary_across_processes)
{
	across_processes(_metadata, &self->c, self->handle, 0, self->size);
}

TEST_F(sync, timeline_across_processes)
{
	across_processes(_metadata, &self->c, self->handle, 3, self->size);
}

TEST_F(sync, failed_job_shows_in_its_sync_file)
{
	int file;

	pkt_fence(self->c.cpu, 0x700000000000ull, 1);	/* not mapped */
	ASSERT_EQ(0, submit_sync(&self->c, self->c.queue, self->size, DRM_LOOM_SYNC_SIGNAL,
				 self->handle, 0));
	file = sync_export(self->c.fd, self->handle);
	ASSERT_GE(file, 0);
	ASSERT_EQ(0, sync_wait(self->c.fd, self->handle, 0, PATIENCE));
	EXPECT_EQ(-EIO, sync_file_status(file));
	close(file);
}

TEST_HARNESS_MAIN
