// SPDX-License-Identifier: MIT
/* What one user may have in all its files. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

/* Nobody and somebody else; neither has a process on this card besides the test's. */
#define ALICE	65534
#define BOB	65533
#define FILES	64

FIXTURE(user) {
	struct drm_loom_query_info info;
	struct stat node;
};

static const char *node(void)
{
	const char *name = getenv("LOOM_NODE");

	return name ? name : "/dev/accel/accel0";
}

FIXTURE_SETUP(user)
{
	int fd = card_open();

	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, card_info(fd, &self->info));
	close(fd);
	ASSERT_EQ(0, stat(node(), &self->node));
	ASSERT_EQ(0, chmod(node(), 0666));
}

FIXTURE_TEARDOWN(user)
{
	chmod(node(), self->node.st_mode & 07777);
}

/* Some of everything, file after file, until there is no more; returns how many and the error. */
static uint32_t take_queues(const struct drm_loom_query_info *info, int *fds, int *ret, int *last)
{
	uint32_t n = 0, vm, id;

	*ret = 0;
	for (int i = 0; i < FILES && !*ret; i++) {
		fds[i] = card_open();
		*ret = fds[i] < 0 ? fds[i] : vm_create(fds[i], &vm);
		*last = i;
		for (uint32_t k = 0; k < info->queues_max && !*ret; k++) {
			*ret = queue_create(fds[i], vm, 0, 0, 0, 0, &id);
			n += !*ret;
		}
	}
	return n;
}

static uint32_t take_vms(const struct drm_loom_query_info *info, int *fds, int *ret, int *last)
{
	uint32_t n = 0, vm;

	*ret = 0;
	for (int i = 0; i < FILES && !*ret; i++) {
		fds[i] = card_open();
		*ret = fds[i] < 0 ? fds[i] : 0;
		*last = i;
		for (uint32_t k = 0; k < info->vms_max && !*ret; k++) {
			*ret = vm_create(fds[i], &vm);
			n += !*ret;
		}
	}
	return n;
}

static void close_all(int *fds, int last)
{
	while (last >= 0)
		close(fds[last--]);
}

static void join(struct __test_metadata *_metadata, pid_t pid)
{
	int status;

	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_EQ(0, WEXITSTATUS(status));
}

/* One queue of another user. */
static int one_queue(uid_t uid)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct client c;

		_exit(setresuid(uid, uid, uid) || client_open(&c, 0, 0));
	}
	return pid < 0 || waitpid(pid, &status, 0) != pid || status;
}

TEST_F(user, limits_make_sense)
{
	EXPECT_GT(self->info.queues_user, 0);
	EXPECT_LT(self->info.queues_user, self->info.contexts);
	EXPECT_GT(self->info.vms_user, 0);
	EXPECT_LE(self->info.local_user, self->info.local_size);
}

TEST_F_TIMEOUT(user, queues_of_all_files, 120)
{
	int up[2], down[2];
	char x;
	pid_t pid;

	ASSERT_EQ(0, pipe(up));
	ASSERT_EQ(0, pipe(down));
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int fds[FILES], ret, last;
		uint32_t vm, id;

		close(down[1]);
		ASSERT_EQ(0, setresuid(ALICE, ALICE, ALICE));
		EXPECT_EQ(self->info.queues_user, take_queues(&self->info, fds, &ret, &last));
		EXPECT_EQ(-EDQUOT, ret);
		ASSERT_EQ(1, write(up[1], "x", 1));
		ASSERT_EQ(1, read(down[0], &x, 1));
		/* What is given back can be had again, in another file too, and no more than that. */
		ASSERT_EQ(0, queue_destroy(fds[0], 1));
		ASSERT_EQ(0, vm_create(fds[last], &vm));
		EXPECT_EQ(0, queue_create(fds[last], vm, 0, 0, 0, 0, &id));
		EXPECT_EQ(-EDQUOT, queue_create(fds[last], vm, 0, 0, 0, 0, &id));
		close_all(fds, last);
		EXPECT_EQ(self->info.queues_user, take_queues(&self->info, fds, &ret, &last));
		EXPECT_EQ(-EDQUOT, ret);
		_exit(_metadata->exit_code);
	}
	ASSERT_EQ(1, read(up[0], &x, 1));
	/* There is something left for others. */
	EXPECT_EQ(0, one_queue(BOB));
	EXPECT_EQ(0, one_queue(0));
	EXPECT_NE(0, one_queue(ALICE));
	ASSERT_EQ(1, write(down[1], "x", 1));
	join(_metadata, pid);
	EXPECT_EQ(0, one_queue(ALICE));
}

TEST_F_TIMEOUT(user, vms_of_all_files, 120)
{
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (!pid) {
		int fds[FILES], ret, last;
		uint32_t vm;

		ASSERT_EQ(0, setresuid(ALICE, ALICE, ALICE));
		EXPECT_EQ(self->info.vms_user, take_vms(&self->info, fds, &ret, &last));
		EXPECT_EQ(-EDQUOT, ret);
		EXPECT_EQ(-EDQUOT, vm_create(fds[last], &vm));
		close(fds[0]);
		fds[0] = -1;
		EXPECT_EQ(0, vm_create(fds[last], &vm));
		_exit(_metadata->exit_code);
	}
	join(_metadata, pid);
	EXPECT_EQ(0, one_queue(ALICE));
}

/* In two files; the last byte that there may be, and not one page more. */
TEST_F_TIMEOUT(user, local_memory_of_all_files, 120)
{
	pid_t pid;

	ASSERT_TRUE(self->info.caps & DRM_LOOM_CAP_LOCAL_MEMORY);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		uint64_t half = self->info.local_user / 2 & ~4095ull, rest;
		int fds[2];
		uint32_t bo;

		rest = self->info.local_user - half;
		ASSERT_EQ(0, setresuid(ALICE, ALICE, ALICE));
		for (int i = 0; i < 2; i++)
			fds[i] = card_open();
		ASSERT_EQ(0, bo_create(fds[0], half, DRM_LOOM_BO_LOCAL, 0, &bo));
		EXPECT_EQ(-EDQUOT, bo_create(fds[1], rest + 4096, DRM_LOOM_BO_LOCAL, 0, &bo));
		EXPECT_EQ(0, bo_create(fds[1], rest, DRM_LOOM_BO_LOCAL, 0, &bo));
		EXPECT_EQ(-EDQUOT, bo_create(fds[0], 4096, DRM_LOOM_BO_LOCAL, 0, &bo));
		/* Memory of the machine is not the card's. */
		EXPECT_EQ(0, bo_create(fds[0], 4096, 0, 0, &bo));
		close(fds[1]);
		EXPECT_EQ(0, bo_create(fds[0], rest, DRM_LOOM_BO_LOCAL, 0, &bo));
		_exit(_metadata->exit_code);
	}
	join(_metadata, pid);
}

/* A file counts for who opened it, not for who has it. */
TEST_F(user, who_opened_pays)
{
	pid_t pid;
	int fd = card_open();
	uint32_t vm, id;

	ASSERT_GE(fd, 0);
	pid = fork();
	ASSERT_GE(pid, 0);
	if (!pid) {
		int fds[FILES], ret, last;

		ASSERT_EQ(0, setresuid(ALICE, ALICE, ALICE));
		EXPECT_EQ(self->info.vms_user, take_vms(&self->info, fds, &ret, &last));
		EXPECT_EQ(-EDQUOT, ret);
		EXPECT_EQ(0, vm_create(fd, &vm));
		EXPECT_EQ(0, queue_create(fd, vm, 0, 0, 0, 0, &id));
		_exit(_metadata->exit_code);
	}
	join(_metadata, pid);
	close(fd);
}

/* CAP_SYS_RESOURCE goes beyond what is a user's, to what is the card's. */
TEST_F_TIMEOUT(user, with_the_capability, 120)
{
	int fds[FILES], ret, last;
	uint32_t n = take_queues(&self->info, fds, &ret, &last);

	EXPECT_GT(n, self->info.queues_user);
	EXPECT_LE(n, self->info.contexts);
	EXPECT_TRUE(ret == -ENOSPC || (!ret && n == FILES * self->info.queues_max));
	close_all(fds, last);
}

TEST_HARNESS_MAIN
