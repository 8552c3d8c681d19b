// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "root.h"

const char *root_address(void)
{
	static char address[64];
	const char *node = getenv("LOOM_NODE");
	char link[128], target[512];
	ssize_t n;

	if (address[0])
		return address;
	node = node ? strrchr(node, '/') + 1 : "accel0";
	snprintf(link, sizeof(link), "/sys/class/accel/%.32s/device", node);
	n = readlink(link, target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = 0;
		snprintf(address, sizeof(address), "%.60s", strrchr(target, '/') + 1);
	}
	return address;
}

int root_node(void)
{
	glob_t found;
	int err = glob("/sys/bus/pci/drivers/loom/*/accel/accel*", 0, NULL, &found) ? -ENOENT : 0;
	char node[64];

	if (!err) {
		snprintf(node, sizeof(node), "/dev/accel%.32s", strrchr(found.gl_pathv[0], '/'));
		setenv("LOOM_NODE", node, 1);
	}
	globfree(&found);
	return err;
}

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int root_debug(const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/%s", root_address(), file);
	return put(path, text);
}

int root_debugf(const char *file, const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return root_debug(file, text);
}

static void sysfs_path(char *path, size_t size, const char *file)
{
	if (file[0] == '/')
		snprintf(path, size, "%s", file);
	else
		snprintf(path, size, "/sys/bus/pci/devices/%s/%s", root_address(), file);
}

int root_sysfs(const char *file, const char *text)
{
	char path[256];

	sysfs_path(path, sizeof(path), file);
	return put(path, text);
}

int root_exists(const char *file)
{
	char path[256];

	sysfs_path(path, sizeof(path), file);
	return access(path, F_OK) ? -errno : 0;
}

bool root_configured(const char *line)
{
	char command[128];

	snprintf(command, sizeof(command), "zcat /proc/config.gz 2>&1 | grep -qx '%s'", line);
	return !system(command);
}

bool root_dma_checked(void)
{
	return !access("/sys/kernel/iommu_groups/0", F_OK) &&
	       root_configured("CONFIG_DMA_API_DEBUG=y");
}

int root_text(const char *file, char *text, size_t size)
{
	char path[256];
	ssize_t n;
	int fd, err;

	sysfs_path(path, sizeof(path), file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, text, size - 1);
	err = n < 0 ? -errno : 0;
	close(fd);
	text[n < 0 ? 0 : n] = 0;
	text[strcspn(text, "\n")] = 0;
	return err;
}

int root_number(const char *file, uint64_t *number)
{
	char text[64], *end;
	int err = root_text(file, text, sizeof(text));

	if (err)
		return err;
	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno || end == text || *end ? -EINVAL : 0;
}

static FILE *debug_open(const char *file)
{
	char path[256];

	snprintf(path, sizeof(path), "/sys/kernel/debug/accel/%s/%s", root_address(), file);
	return fopen(path, "re");
}

int root_rings(struct root_rings *rings)
{
	FILE *f = debug_open("rings");
	unsigned int ring, vector;
	uint64_t written, retired;
	int n;

	if (!f)
		return -errno;
	memset(rings, 0, sizeof(*rings));
	n = fscanf(f, "generation %u resets %u error %d ", &rings->generation, &rings->resets,
		   &rings->error);
	if (n == 3 && !fscanf(f, "%*[^\n]"))
		n = 0;
	/* Ring 0 is the kernel's, unless it is the only one. */
	while (fscanf(f, "%u %u %" SCNu64 " %" SCNu64 "%*[^\n]", &ring, &vector, &written,
		      &retired) == 4) {
		if (n++ && rings->ring)
			continue;
		rings->ring = ring;
		rings->written = written;
		rings->retired = retired;
	}
	fclose(f);
	return n ? 0 : -EIO;
}

int root_bos(void)
{
	FILE *f = debug_open("bos");
	int c, lines = 0;

	if (!f)
		return -errno;
	while ((c = getc(f)) != EOF)
		lines += c == '\n';
	fclose(f);
	/* One is the heading. */
	return lines - 1;
}

unsigned long root_interrupts(void)
{
	char line[4096];
	unsigned long sum = 0;
	FILE *in = fopen("/proc/interrupts", "re");

	while (in && fgets(line, sizeof(line), in)) {
		char *at = strchr(line, ':'), *end;

		if (!at || !strstr(at, " loom\n"))
			continue;
		for (;;) {
			unsigned long count = strtoul(++at, &end, 10);

			if (end == at)
				break;
			sum += count;
			at = end;
		}
	}
	if (in)
		fclose(in);
	return sum;
}
