// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "../kselftest/card.h"

#include "acts.h"
#include "life.h"
#include "packet.h"

int act_packets(struct life *life, struct file *file, struct choices *choices)
{
	const struct packet_range own = { CLIENT_VA + CLIENT_DATA, CLIENT_SIZE - CLIENT_DATA };
	const struct packet_range other = { life_va(choices), 0x4000 };
	uint32_t slot = choose(choices, SLOTS);

	file->cmd_size[slot] = packets_write(file->cpu + slot * SLOT_SIZE, SLOT_SIZE,
					     1 + choose(choices, 4),
					     choose(choices, 20) ? &own : &other, life->hang,
					     choices);
	return 0;
}

static int map_keep(struct life *life, void *at, uint64_t size)
{
	uint32_t i = life->map_count;

	if (at == MAP_FAILED)
		return -errno;
	if (i == MAPS_MAX) {
		i = (uintptr_t)at / 4096 % MAPS_MAX;
		munmap((void *)life->maps[i].at, life->maps[i].size);
	} else {
		life->map_count++;
	}
	life->maps[i].at = at;
	life->maps[i].size = size;
	return 0;
}

static int map(struct life *life, int fd, uint64_t offset, uint64_t size, struct choices *choices)
{
	int prot = choose(choices, 4) ? PROT_READ | PROT_WRITE : choose(choices, 8);
	int flags = one_in(choices, 12) ? MAP_PRIVATE : MAP_SHARED;

	if (!size || size > 8 << 20)
		return -EINVAL;
	if (one_in(choices, 8))
		size = 4096 * (1 + choose(choices, 40));
	if (one_in(choices, 8))
		offset += 4096ull * choose(choices, 16);
	if (one_in(choices, 8))
		flags |= MAP_POPULATE;
	return map_keep(life, mmap(NULL, size, prot, flags, fd, offset), size);
}

int act_mmap(struct life *life, struct file *file, struct choices *choices)
{
	struct object *bo = pool_pick(&file->pools[OBJ_BO], choices);
	struct drm_loom_bo_mmap_offset args = { .handle = bo ? bo->id : 0 };

	if (ioctl(file->fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args))
		return -errno;
	return map(life, file->fd, args.offset, bo ? bo->size : 4096, choices);
}

int act_mmap_dmabuf(struct life *life, struct file *file, struct choices *choices)
{
	struct object *buf = pool_pick(life_pool(life, file, OBJ_DMABUF), choices);
	off_t size;

	if (!buf)
		return -EBADF;
	size = lseek(buf->id, 0, SEEK_END);
	if (size < 0)
		return -errno;
	lseek(buf->id, 0, SEEK_SET);
	return map(life, buf->id, 0, size, choices);
}

int act_munmap(struct life *life, struct file *file, struct choices *choices)
{
	uint32_t i;

	(void)file;
	if (!life->map_count)
		return -EINVAL;
	i = choose(choices, life->map_count);
	/* In part: the rest stays until the process ends. */
	if (one_in(choices, 4) && life->maps[i].size > 3 * 4096)
		return munmap((void *)(life->maps[i].at + 4096), 4096) ? -errno : 0;
	if (one_in(choices, 6))
		return mprotect((void *)life->maps[i].at, life->maps[i].size, PROT_READ) ? -errno : 0;
	if (munmap((void *)life->maps[i].at, life->maps[i].size))
		return -errno;
	life->maps[i] = life->maps[--life->map_count];
	return 0;
}

int act_touch(struct life *life, struct file *file, struct choices *choices)
{
	volatile uint8_t *at;
	uint64_t offset;
	uint32_t i, pages;

	(void)file;
	if (!life->map_count)
		return -EINVAL;
	i = choose(choices, life->map_count);
	offset = choose(choices, UINT32_MAX) % life->maps[i].size;
	pages = 1 + choose(choices, 4);
	at = life->maps[i].at;
	/* The file of the memory may be shorter, or the memory not be writable. */
	if (sigsetjmp(life->trap, 1)) {
		life->trapped = false;
		return -EFAULT;
	}
	life->trapped = true;
	for (; pages-- && offset < life->maps[i].size; offset += 4096) {
		if (choose(choices, 2))
			at[offset] = offset;
		else
			(void)at[offset];
	}
	life->trapped = false;
	return 0;
}

int act_poll(struct life *life, struct file *file, struct choices *choices)
{
	struct object *sync_file = pool_pick(life_pool(life, file, OBJ_SYNC_FILE), choices);
	struct object *buf = pool_pick(life_pool(life, file, OBJ_DMABUF), choices);
	struct pollfd fds[3] = {
		{ .fd = file->fd, .events = POLLIN },
		{ .fd = sync_file ? (int)sync_file->id : -1, .events = POLLIN },
		{ .fd = buf ? (int)buf->id : -1, .events = choose(choices, 2) ? POLLIN : POLLOUT },
	};

	return poll(fds, 3, choose(choices, 4)) < 0 ? -errno : 0;
}

int act_read(struct life *life, struct file *file, struct choices *choices)
{
	uint8_t events[512];
	ssize_t n = read(file->fd, events, choose(choices, 2) ? sizeof(events) :
			 choose(choices, sizeof(events)));
	ssize_t at = 0;

	(void)life;
	if (n < 0)
		return -errno;
	while (at < n) {
		struct drm_event *event = (void *)(events + at);

		if (n - at < (ssize_t)sizeof(*event) || event->length > n - at ||
		    event->length != sizeof(struct drm_loom_event) ||
		    event->type < DRM_LOOM_EVENT_FAULT || event->type > DRM_LOOM_EVENT_RESET) {
			finding(life->board, "read() gave an event of type %#x and %u bytes",
				event->type, event->length);
			break;
		}
		at += event->length;
	}
	return 0;
}

int act_open(struct life *life, struct file *file, struct choices *choices)
{
	(void)file;
	(void)choices;
	return life_open(life);
}

/* A descriptor of any kind, perhaps while its objects are in use. */
int act_close(struct life *life, struct file *file, struct choices *choices)
{
	static const enum object_kind kinds[] = { OBJ_DMABUF, OBJ_SYNC_FILE, OBJ_SYNC_FD, OBJ_EVENTFD };
	struct object *object;
	enum object_kind kind;
	uint32_t id;

	if (one_in(choices, 3) && life->file_count > 2 && file != life->files) {
		life_close(life, file - life->files);
		return 0;
	}
	kind = kinds[choose(choices, 4)];
	object = pool_pick(life_pool(life, file, kind), choices);
	if (!object)
		return -EBADF;
	id = object->id;
	pool_forget(life_pool(life, file, kind), id);
	return close(id) ? -errno : 0;
}

/* The same open file under two numbers: either may go first. */
int act_dup(struct life *life, struct file *file, struct choices *choices)
{
	int fd = dup(file->fd);

	(void)life;
	if (fd < 0)
		return -errno;
	if (choose(choices, 2)) {
		close(fd);
		return 0;
	}
	close(file->fd);
	file->fd = fd;
	return 0;
}

/* The rest of the program runs twice at the same time, on the same open files. */
int act_fork(struct life *life, struct file *file, struct choices *choices)
{
	struct itimerval often = { { 0, 7000 }, { 0, 7000 } };
	pid_t pid;

	(void)file;
	(void)choices;
	if (life->child || life->is_child)
		return -EAGAIN;
	pid = fork();
	if (pid < 0)
		return -errno;
	life->child = pid;
	if (!pid) {
		life->child = getppid();
		life->is_child = true;
		life->cover.buffer = NULL;
		setitimer(ITIMER_REAL, &often, NULL);
		/* It is counted once. */
		return -EAGAIN;
	}
	return 0;
}

int act_fdinfo(struct life *life, struct file *file, struct choices *choices)
{
	char path[64], text[4096];
	int fd, err;

	(void)life;
	(void)choices;
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", file->fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = read(fd, text, sizeof(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

int act_eventfd(struct life *life, struct file *file, struct choices *choices)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	(void)choices;
	if (fd < 0)
		return -errno;
	life_keep(life, file, OBJ_EVENTFD, fd);
	return 0;
}
