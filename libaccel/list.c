// SPDX-License-Identifier: MIT
/*
 * Enumeration: what sysfs says of cards, without opening one.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pci/pci.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "list.h"
#include "loom_hw.h"

#define PATH_SIZE	640

struct card {
	struct accel_device_info info;
	char node[128];
	char pci[32];
	char serial[64];
	char driver[32];
	char name[256];
};

struct accel_device_list {
	struct card **cards;
	size_t count;
};

static bool __attribute__((format(printf, 3, 4)))
read_attr(char *text, size_t size, const char *fmt, ...)
{
	char path[512];
	va_list ap;
	ssize_t n;
	int fd;

	text[0] = '\0';
	va_start(ap, fmt);
	n = vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(path))
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n > 0;
}

static unsigned long read_number(const char *dir, const char *attr)
{
	char text[64];

	return read_attr(text, sizeof(text), "%s/%s", dir, attr) ? strtoul(text, NULL, 0) : 0;
}

static void find_driver(struct card *card, const char *dir)
{
	char path[PATH_SIZE], target[PATH_SIZE];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/driver", dir);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	base = strrchr(target, '/');
	snprintf(card->driver, sizeof(card->driver), "%.31s", base ? base + 1 : target);
}

static void find_node(struct card *card, const char *dir, const char *dev)
{
	struct dirent *entry;
	char path[PATH_SIZE];
	DIR *d;

	card->info.access = -ENODEV;
	snprintf(path, sizeof(path), "%s/accel", dir);
	d = opendir(path);
	if (!d)
		return;
	while ((entry = readdir(d))) {
		if (strncmp(entry->d_name, "accel", 5))
			continue;
		snprintf(card->node, sizeof(card->node), "%.80s/accel/%.32s", dev, entry->d_name);
		card->info.access = access(card->node, R_OK | W_OK) ? -errno : 0;
		break;
	}
	closedir(d);
}

/* "16.0 GT/s PCIe", "Unknown" */
static uint32_t link_speed(const char *dir)
{
	char text[64];

	if (!read_attr(text, sizeof(text), "%s/current_link_speed", dir))
		return 0;
	return (uint32_t)(strtod(text, NULL) * 1000 + 0.5);
}

/* libpci's own handler prints and ends the process, over a broken id database for one. */
static _Thread_local jmp_buf names_failed;

static void __attribute__((noreturn)) names_error(char *msg, ...)
{
	(void)msg;
	longjmp(names_failed, 1);
}

static void names_warning(char *msg, ...)
{
	(void)msg;
}

static struct pci_access *names_open(void)
{
	struct pci_access *access = pci_alloc();

	if (access) {
		access->error = names_error;
		access->warning = names_warning;
		access->debug = names_warning;
	}
	return access;
}

static void find_name(struct card *card, struct pci_access *access)
{
	if (access && !setjmp(names_failed))
		pci_lookup_name(access, card->name, sizeof(card->name),
				PCI_LOOKUP_VENDOR | PCI_LOOKUP_DEVICE | PCI_LOOKUP_NO_HWDB,
				card->info.vendor, card->info.device);
	else
		card->name[0] = '\0';
	if (!card->name[0])
		snprintf(card->name, sizeof(card->name), "%04x:%04x", card->info.vendor,
			 card->info.device);
}

static bool is_ours(const struct card *card)
{
	return !strcmp(card->driver, "loom") ||
	       (card->info.vendor == LOOM_PCI_VENDOR && card->info.device == LOOM_PCI_DEVICE);
}

static struct card *read_card(const char *dir, const char *pci)
{
	struct card *card = calloc(1, sizeof(*card));
	char text[64];

	if (!card)
		return NULL;
	card->info.sz = sizeof(card->info);
	card->info.node = card->node;
	card->info.pci = card->pci;
	card->info.serial = card->serial;
	card->info.driver = card->driver;
	card->info.name = card->name;
	snprintf(card->pci, sizeof(card->pci), "%.31s", pci);
	card->info.vendor = (uint16_t)read_number(dir, "vendor");
	card->info.device = (uint16_t)read_number(dir, "device");
	card->info.revision = (uint16_t)read_number(dir, "revision");
	card->info.numa_node = -1;
	if (read_attr(text, sizeof(text), "%s/numa_node", dir))
		card->info.numa_node = atoi(text);
	find_driver(card, dir);
	return card;
}

static int compare(const void *a, const void *b)
{
	const struct card *const *x = a, *const *y = b;

	return strcmp((*x)->pci, (*y)->pci);
}

int list_scan(const char *sys, const char *dev, struct accel_device_list **result)
{
	struct accel_device_list *list = calloc(1, sizeof(*list));
	struct pci_access *access = NULL;
	struct dirent *entry;
	char path[256], dir[512];
	DIR *d;

	if (!list)
		return err_nomem("the list of devices");
	snprintf(path, sizeof(path), "%.200s/bus/pci/devices", sys);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		struct card *card, **cards;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(dir, sizeof(dir), "%s/%.200s", path, entry->d_name);
		/* Most of a machine is something else: one read settles it. */
		if (read_number(dir, "class") >> 8 != LOOM_PCI_CLASS)
			continue;
		card = read_card(dir, entry->d_name);
		if (card && !is_ours(card)) {
			free(card);
			continue;
		}
		cards = card ? realloc(list->cards, (list->count + 1) * sizeof(*cards)) : NULL;
		if (!cards) {
			free(card);
			closedir(d);
			accel_device_list_free(list);
			if (access)
				pci_cleanup(access);
			return err_nomem("the list of devices");
		}
		list->cards = cards;
		list->cards[list->count++] = card;
		find_node(card, dir, dev);
		read_attr(card->serial, sizeof(card->serial), "%s/serial", dir);
		card->info.link_speed = link_speed(dir);
		card->info.link_width = (uint32_t)read_number(dir, "current_link_width");
		/* Not initialised: names need the id database only, no access to the bus. */
		if (!access)
			access = names_open();
		find_name(card, access);
	}
	if (d)
		closedir(d);
	if (access)
		pci_cleanup(access);
	if (list->count)
		qsort(list->cards, list->count, sizeof(*list->cards), compare);
	*result = list;
	return 0;
}

ACCEL_API int accel_device_list_create(struct accel_device_list **list)
{
	API_ENTER;

	if (!list)
		return err(-EINVAL, NULL, "list is NULL");
	return list_scan("/sys", "/dev", list);
}

ACCEL_API size_t accel_device_list_count(const struct accel_device_list *list)
{
	return list ? list->count : 0;
}

ACCEL_API const struct accel_device_info *
accel_device_list_get(const struct accel_device_list *list, size_t i)
{
	return list && i < list->count ? &list->cards[i]->info : NULL;
}

ACCEL_API void accel_device_list_free(struct accel_device_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->cards[i]);
	free(list->cards);
	free(list);
}
