// SPDX-License-Identifier: MIT
#include <errno.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "card.h"
#include "figures.h"
#include "root.h"

/* What is counted: small memory of any kind, fences, jobs, dma-bufs and the files behind them. */
static const char *const cache_names[] = {
	"kmalloc-", "dma_fence", "drm_sched_fence", "dma-", "shmem_inode_cache", "filp",
};

static bool cache_counts(const char *name)
{
	for (size_t i = 0; i < sizeof(cache_names) / sizeof(cache_names[0]); i++)
		if (!strncmp(name, cache_names[i], strlen(cache_names[i])))
			return true;
	return false;
}

/* What each processor keeps for later would count as objects. */
static void caches_shrink(void)
{
	glob_t found;

	root_sysfs("/proc/sys/vm/drop_caches", "3");
	if (!glob("/sys/kernel/slab/*/shrink", 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			root_sysfs(found.gl_pathv[i], "1");
	globfree(&found);
}

static void caches_take(struct figures *figures)
{
	char line[256], name[40];
	uint64_t objects;
	FILE *f;

	figures->caches = 0;
	/* A kernel that looks for leaks itself keeps what is freed for a while (KASAN). */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		return;
	caches_shrink();
	f = fopen("/proc/slabinfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%39s %" SCNu64, name, &objects) != 2 || !cache_counts(name) ||
		    figures->caches == FIGURES_CACHES)
			continue;
		memcpy(figures->cache[figures->caches].name, name, sizeof(name));
		figures->cache[figures->caches++].objects = objects;
	}
	if (f)
		fclose(f);
}

static int64_t dmabufs(void)
{
	FILE *f = fopen("/sys/kernel/debug/dma_buf/bufinfo", "re");
	char line[512];
	int count = -1;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Total %d objects", &count);
	if (f)
		fclose(f);
	return count;
}

/* As many queues as there can be; each file has a VM for them. */
static int64_t contexts(const struct drm_loom_query_info *info)
{
	int fds[64], err = 0;
	int64_t count = 0;
	unsigned int files = 0;

	while (!err && files < sizeof(fds) / sizeof(fds[0])) {
		uint32_t vm, queue, n = 0;
		int fd = card_open();

		if (fd < 0)
			break;
		fds[files++] = fd;
		err = vm_create(fd, &vm);
		while (!err && n++ < info->queues_max) {
			err = queue_create(fd, vm, 0, 0, 0, 0, &queue);
			count += !err;
		}
	}
	while (files)
		close(fds[--files]);
	return err == -ENOSPC ? count : err;
}

/* What has failed is written down, and kept for some minutes. */
static void dumps_drop(void)
{
	glob_t found;

	if (!glob("/sys/class/devcoredump/devcd*/data", 0, NULL, &found))
		for (size_t i = 0; i < found.gl_pathc; i++)
			root_sysfs(found.gl_pathv[i], "1");
	globfree(&found);
}

static int64_t vms(int fd)
{
	char *text = debug_read(fd, "vms"), *at = text;
	int64_t n = 0;

	if (!text)
		return -1;
	while ((at = strstr(at, " faults "))) {
		n++;
		at++;
	}
	free(text);
	return n;
}

static int take(struct figures *figures)
{
	struct drm_loom_query_memory memory = { 0 };
	struct drm_loom_dev_query query = {
		.type = DRM_LOOM_QUERY_MEMORY, .size = sizeof(memory),
		.pointer = (uintptr_t)&memory,
	};
	struct root_rings rings;
	int fd = card_open(), err;

	memset(figures, 0, sizeof(*figures));
	if (fd < 0)
		return fd;
	err = card_ioctl(fd, DRM_IOCTL_LOOM_DEV_QUERY, &query);
	if (!err)
		err = root_rings(&rings);
	if (!err) {
		figures->system_used = memory.system_used;
		figures->local_used = memory.local_used;
		figures->local_free = memory.local_free;
		figures->bos = root_bos();
		figures->vms = vms(fd);
		figures->dmabufs = dmabufs();
		figures->unfinished = rings.written - rings.retired;
		figures->generation = rings.generation;
		figures->resets = rings.resets;
		if (figures->bos < 0 || figures->vms < 0)
			err = -EIO;
	}
	close(fd);
	return err;
}

static int rest_take(struct figures *figures)
{
	struct drm_loom_query_info info;
	int fd = card_open(), err;

	if (fd < 0)
		return fd;
	err = card_info(fd, &info);
	close(fd);
	figures->contexts = err ? err : contexts(&info);
	dumps_drop();
	caches_take(figures);
	return figures->contexts < 0 ? figures->contexts : 0;
}

int figures_take(struct figures *figures)
{
	int err = take(figures);

	return err ? err : rest_take(figures);
}

/* But for what grows and shrinks with the rest of the machine. */
static bool same(const struct figures *a, const struct figures *b)
{
	return a->system_used == b->system_used && a->local_used == b->local_used &&
	       a->local_free == b->local_free && a->bos == b->bos && a->vms == b->vms &&
	       a->dmabufs == b->dmabufs && a->unfinished == b->unfinished;
}

int figures_settle(struct figures *figures, const struct figures *before)
{
	uint64_t end = now() + PATIENCE;
	int err;

	for (;;) {
		err = take(figures);
		if (err)
			return err;
		if (same(figures, before) || now() > end)
			break;
		usleep(10000);
	}
	return rest_take(figures);
}

static bool equal(const char *what, int64_t before, int64_t after)
{
	if (before == after)
		return true;
	printf("# %s: %" PRId64 " before, %" PRId64 " after\n", what, before, after);
	return false;
}

bool figures_compare(const struct figures *before, const struct figures *after, uint64_t allowed)
{
	bool good = true;

	good &= equal("bytes of BOs in system memory", before->system_used, after->system_used);
	good &= equal("bytes of local memory in use", before->local_used, after->local_used);
	good &= equal("bytes of local memory that are free", before->local_free, after->local_free);
	good &= equal("BOs", before->bos, after->bos);
	good &= equal("VMs", before->vms, after->vms);
	good &= equal("contexts that can be had", before->contexts, after->contexts);
	good &= equal("dma-bufs", before->dmabufs, after->dmabufs);
	good &= equal("descriptors not retired", before->unfinished, after->unfinished);
	for (uint32_t i = 0; i < after->caches && i < before->caches; i++) {
		int64_t grown = after->cache[i].objects - before->cache[i].objects;

		if (strcmp(before->cache[i].name, after->cache[i].name) ||
		    grown <= (int64_t)allowed)
			continue;
		printf("# objects of %s: %" PRIu64 " before, %" PRIu64 " after\n",
		       after->cache[i].name, before->cache[i].objects, after->cache[i].objects);
		good = false;
	}
	return good;
}
