/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include <linux/sync_file.h>

#include "card.h"

int card_open(void)
{
	const char *node = getenv("LOOM_NODE");
	int fd = open(node ? node : "/dev/accel/accel0", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int card_ioctl(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

int card_info(int fd, struct drm_loom_query_info *info)
{
	struct drm_loom_dev_query query = {
		.type = DRM_LOOM_QUERY_INFO,
		.size = sizeof(*info),
		.pointer = (uintptr_t)info,
	};

	memset(info, 0, sizeof(*info));
	return card_ioctl(fd, DRM_IOCTL_LOOM_DEV_QUERY, &query);
}

bool card_debug(int fd)
{
	struct drm_loom_query_info info;

	return !card_info(fd, &info) && (info.caps & DRM_LOOM_CAP_DEBUG);
}

int card_other(void)
{
	DIR *dir = opendir("/dev/accel");
	struct dirent *entry;
	char node[300] = "";

	/* Its number changes when it is bound again while somebody holds it. */
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "accel0"))
			snprintf(node, sizeof(node), "/dev/accel/%s", entry->d_name);
	if (dir)
		closedir(dir);
	return node[0] && !setenv("LOOM_NODE", node, 1) ? 0 : -ENODEV;
}

int card_address(int fd, char *address, size_t size)
{
	char link[64], target[PATH_MAX];
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st))
		return -errno;
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	len = readlink(link, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = 0;
	snprintf(address, size, "%s", strrchr(target, '/') + 1);
	return 0;
}

int card_function_reset(int fd)
{
	char address[32], path[96];
	int ret = card_address(fd, address, sizeof(address)), file;

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", address);
	file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -errno;
	ret = write(file, "1", 1) < 0 ? -errno : 0;
	close(file);
	return ret;
}

static int debug_open(int fd, const char *name, int flags)
{
	char path[PATH_MAX], address[32];
	int ret = card_address(fd, address, sizeof(address));

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/%s", address, name);
	ret = open(path, flags | O_CLOEXEC);
	return ret < 0 ? -errno : ret;
}

char *debug_read(int fd, const char *name)
{
	int file = debug_open(fd, name, O_RDONLY);
	size_t size = 4 << 20, at = 0;
	char *text;
	ssize_t n;

	if (file < 0)
		return NULL;
	text = malloc(size);
	while (text && at < size - 1 && (n = read(file, text + at, size - 1 - at)) > 0)
		at += n;
	if (text)
		text[at] = 0;
	close(file);
	return text;
}

int debug_write(int fd, const char *name, const char *text)
{
	int file = debug_open(fd, name, O_WRONLY), ret;

	if (file < 0)
		return file;
	ret = write(file, text, strlen(text)) < 0 ? -errno : 0;
	close(file);
	return ret;
}

int bo_create(int fd, uint64_t size, uint32_t flags, uint32_t vm, uint32_t *handle)
{
	struct drm_loom_bo_create args = { .size = size, .flags = flags, .vm_id = vm };
	int ret = card_ioctl(fd, DRM_IOCTL_LOOM_BO_CREATE, &args);

	if (!ret)
		*handle = args.handle;
	return ret;
}

void *bo_map(int fd, uint32_t handle, uint64_t size)
{
	struct drm_loom_bo_mmap_offset args = { .handle = handle };
	void *p;

	if (card_ioctl(fd, DRM_IOCTL_LOOM_BO_MMAP_OFFSET, &args))
		return NULL;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, args.offset);
	return p == MAP_FAILED ? NULL : p;
}

int bo_close(int fd, uint32_t handle)
{
	struct drm_gem_close args = { .handle = handle };

	return card_ioctl(fd, DRM_IOCTL_GEM_CLOSE, &args);
}

int vm_create(int fd, uint32_t *id)
{
	struct drm_loom_vm_create args = { 0 };
	int ret = card_ioctl(fd, DRM_IOCTL_LOOM_VM_CREATE, &args);

	if (!ret)
		*id = args.id;
	return ret;
}

unsigned long long vm_large_pages(int fd)
{
	char *text = debug_read(fd, "vms"), *line, me[32];
	unsigned long long n = 0;

	if (!text)
		return 0;
	snprintf(me, sizeof(me), "[%d]:", getpid());
	line = strstr(text, me);
	if (line)
		line = strstr(line, "large ");
	if (line)
		sscanf(line, "large %llu", &n);
	free(text);
	return n;
}

int vm_bind(int fd, uint32_t vm, uint32_t flags, uint32_t handle, uint64_t offset, uint64_t va,
	    uint64_t size)
{
	struct drm_loom_bind op = {
		.flags = flags, .handle = handle, .offset = offset, .va = va, .size = size,
	};
	struct drm_loom_vm_bind args = {
		.vm_id = vm,
		.ops = { .stride = sizeof(op), .count = 1, .array = (uintptr_t)&op },
	};

	return card_ioctl(fd, DRM_IOCTL_LOOM_VM_BIND, &args);
}

int queue_create(int fd, uint32_t vm, uint32_t timeout_ms, uint32_t limit_ms, uint32_t results,
		 uint32_t count, uint32_t *id)
{
	struct drm_loom_queue_create args = {
		.vm_id = vm,
		.priority = DRM_LOOM_PRIORITY_NORMAL,
		.timeout_ms = timeout_ms,
		.limit_ms = limit_ms,
		.results_handle = results,
		.results_count = count,
	};
	int ret = card_ioctl(fd, DRM_IOCTL_LOOM_QUEUE_CREATE, &args);

	if (!ret)
		*id = args.id;
	return ret;
}

int queue_destroy(int fd, uint32_t id)
{
	struct drm_loom_queue_destroy args = { .id = id };

	return card_ioctl(fd, DRM_IOCTL_LOOM_QUEUE_DESTROY, &args);
}

int queue_state(int fd, uint32_t id, struct drm_loom_queue_state *state)
{
	memset(state, 0, sizeof(*state));
	state->id = id;
	return card_ioctl(fd, DRM_IOCTL_LOOM_QUEUE_STATE, state);
}

int submit(int fd, uint32_t queue, uint64_t va, uint32_t size, const struct drm_loom_sync *syncs,
	   uint32_t nsyncs, uint64_t *number)
{
	struct drm_loom_job job = {
		.cmd_va = va,
		.cmd_size = size,
		.cookie = 0xc00c1e,
		.syncs = {
			.stride = sizeof(*syncs), .count = nsyncs, .array = (uintptr_t)syncs,
		},
	};
	struct drm_loom_submit args = {
		.queue_id = queue,
		.jobs = { .stride = sizeof(job), .count = 1, .array = (uintptr_t)&job },
	};
	int ret = card_ioctl(fd, DRM_IOCTL_LOOM_SUBMIT, &args);

	if (!ret && number)
		*number = args.first;
	return ret;
}

int run(int fd, uint32_t queue, uint64_t va, uint32_t size)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL };
	struct drm_syncobj_destroy destroy = { 0 };
	int ret = sync_create(fd, &sync.handle);

	if (ret)
		return ret;
	ret = submit(fd, queue, va, size, &sync, 1, NULL);
	if (!ret)
		ret = sync_wait(fd, sync.handle, 0, PATIENCE);
	destroy.handle = sync.handle;
	card_ioctl(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &destroy);
	return ret;
}

uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * SEC + ts.tv_nsec;
}

int sync_create(int fd, uint32_t *handle)
{
	struct drm_syncobj_create args = { 0 };
	int ret = card_ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &args);

	if (!ret)
		*handle = args.handle;
	return ret;
}

int sync_wait(int fd, uint32_t handle, uint64_t point, uint64_t timeout_ns)
{
	uint64_t deadline = now() + timeout_ns;
	struct drm_syncobj_timeline_wait timeline = {
		.handles = (uintptr_t)&handle,
		.points = (uintptr_t)&point,
		.timeout_nsec = deadline,
		.count_handles = 1,
	};
	struct drm_syncobj_wait binary = {
		.handles = (uintptr_t)&handle,
		.timeout_nsec = deadline,
		.count_handles = 1,
	};

	if (point)
		return card_ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &timeline);
	return card_ioctl(fd, DRM_IOCTL_SYNCOBJ_WAIT, &binary);
}

int sync_export(int fd, uint32_t handle)
{
	struct drm_syncobj_handle args = {
		.handle = handle, .flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	int ret = card_ioctl(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &args);

	return ret ? ret : args.fd;
}

int sync_file_status(int sync_file)
{
	struct sync_file_info info = { 0 };
	int ret = card_ioctl(sync_file, SYNC_IOC_FILE_INFO, &info);

	return ret ? ret : info.status;
}

static void *pkt_header(void *p, uint16_t opcode, uint32_t size)
{
	struct loom_pkt_header *header = p;

	memset(p, 0, size);
	header->opcode = opcode;
	header->version = LOOM_PKT_VERSION;
	header->size = size;
	return (uint8_t *)p + size;
}

void *pkt_fence(void *p, uint64_t va, uint64_t value)
{
	struct loom_pkt_fence *pkt = p;
	void *next = pkt_header(p, LOOM_OP_FENCE, sizeof(*pkt));

	pkt->va = va;
	pkt->value = value;
	return next;
}

void *pkt_timestamp(void *p, uint64_t va)
{
	struct loom_pkt_timestamp *pkt = p;
	void *next = pkt_header(p, LOOM_OP_TIMESTAMP, sizeof(*pkt));

	pkt->va = va;
	return next;
}

static void tensor(struct loom_tensor *t, uint64_t va, uint8_t dtype, uint8_t rank, uint32_t d0,
		   uint32_t d1)
{
	t->va = va;
	t->dtype = dtype;
	t->rank = rank;
	t->dims[0] = d0;
	t->strides[0] = rank > 1 ? d1 : 1;
	if (rank > 1) {
		t->dims[1] = d1;
		t->strides[1] = 1;
	}
}

void *pkt_copy(void *p, uint64_t dst, uint64_t src, uint32_t words)
{
	struct loom_pkt_copy *pkt = p;
	void *next = pkt_header(p, LOOM_OP_COPY, sizeof(*pkt));

	tensor(&pkt->dst, dst, LOOM_DTYPE_U64, 1, words, 0);
	tensor(&pkt->src, src, LOOM_DTYPE_U64, 1, words, 0);
	return next;
}

void *pkt_fill(void *p, uint64_t dst, uint64_t value, uint32_t words)
{
	struct loom_pkt_fill *pkt = p;
	void *next = pkt_header(p, LOOM_OP_FILL, sizeof(*pkt));

	pkt->value = value;
	tensor(&pkt->dst, dst, LOOM_DTYPE_U64, 1, words, 0);
	return next;
}

void *pkt_hang(void *p, bool busy)
{
	struct loom_pkt_hang *pkt = p;
	void *next = pkt_header(p, LOOM_OP_HANG, sizeof(*pkt));

	pkt->flags = busy ? LOOM_HANG_BUSY : 0;
	return next;
}

void *pkt_gemm_f32(void *p, uint64_t c, uint64_t a, uint64_t b, uint32_t m, uint32_t n, uint32_t k)
{
	struct loom_pkt_gemm *pkt = p;
	void *next = pkt_header(p, LOOM_OP_GEMM, sizeof(*pkt));

	tensor(&pkt->c, c, LOOM_DTYPE_F32, 2, m, n);
	tensor(&pkt->a, a, LOOM_DTYPE_F32, 2, m, k);
	tensor(&pkt->b, b, LOOM_DTYPE_F32, 2, k, n);
	return next;
}

int client_open(struct client *client, uint32_t timeout_ms, uint32_t limit_ms)
{
	int ret;

	memset(client, 0, sizeof(*client));
	client->fd = card_open();
	if (client->fd < 0)
		return client->fd;
	ret = vm_create(client->fd, &client->vm);
	if (!ret)
		ret = bo_create(client->fd, CLIENT_SIZE, 0, 0, &client->bo);
	if (!ret)
		ret = vm_bind(client->fd, client->vm, DRM_LOOM_BIND_MAP, client->bo, 0, CLIENT_VA,
			      CLIENT_SIZE);
	if (!ret)
		ret = bo_create(client->fd, CLIENT_SLOTS * sizeof(*client->results), 0, 0,
				&client->bo_results);
	if (!ret)
		ret = queue_create(client->fd, client->vm, timeout_ms, limit_ms,
				   client->bo_results, CLIENT_SLOTS, &client->queue);
	if (ret)
		goto fail;
	client->cpu = bo_map(client->fd, client->bo, CLIENT_SIZE);
	client->results = bo_map(client->fd, client->bo_results,
				 CLIENT_SLOTS * sizeof(*client->results));
	ret = -ENOMEM;
	if (!client->cpu || !client->results)
		goto fail;
	client->data = (uint64_t *)(client->cpu + CLIENT_DATA);
	return 0;
fail:
	client_close(client);
	return ret;
}

void client_close(struct client *client)
{
	if (client->cpu)
		munmap(client->cpu, CLIENT_SIZE);
	if (client->results)
		munmap(client->results, CLIENT_SLOTS * sizeof(*client->results));
	if (client->fd >= 0)
		close(client->fd);
	memset(client, 0, sizeof(*client));
	client->fd = -1;
}

int client_queue(struct client *client, uint32_t *queue)
{
	return queue_create(client->fd, client->vm, 0, 0, 0, 0, queue);
}

uint32_t client_size(const struct client *client, const void *p)
{
	return (const uint8_t *)p - client->cpu;
}

const struct drm_loom_result *client_result(const struct client *client, uint64_t number)
{
	const struct drm_loom_result *r = &client->results[number % CLIENT_SLOTS];

	return __atomic_load_n(&r->number, __ATOMIC_ACQUIRE) == number ? r : NULL;
}
