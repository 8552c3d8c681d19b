// SPDX-License-Identifier: MIT
#include "clients.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <accel/accel.h>

#include "exit.h"
#include "message.h"

#define DRIVER	"loom"

/* "123 KiB": what memory is told in. */
static uint64_t bytes_of(const char *text)
{
	static const struct { const char *name; unsigned int shift; } units[] = {
		{ "KiB", 10 }, { "MiB", 20 }, { "GiB", 30 },
	};
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	end += strspn(end, " \t");
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (!strncmp(end, units[i].name, 3))
			return value << units[i].shift;
	return value;
}

bool clients_parse(FILE *file, struct client *client)
{
	static const struct { const char *key; size_t offset; bool bytes; } numbers[] = {
		{ "drm-client-id", offsetof(struct client, id), false },
		{ "drm-engine-compute", offsetof(struct client, engine_ns), false },
		{ "drm-total-memory", offsetof(struct client, system_bytes), true },
		{ "drm-total-local", offsetof(struct client, local_bytes), true },
		{ "loom-queues", offsetof(struct client, queues), false },
		{ "loom-jobs", offsetof(struct client, jobs), false },
		{ "loom-modelled-cycles", offsetof(struct client, cycles), false },
		{ "loom-modelled-energy", offsetof(struct client, energy_pj), false },
	};
	bool ours = false;
	char line[256];

	while (fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (!value)
			continue;
		*value++ = '\0';
		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = '\0';
		if (!strcmp(line, "drm-driver"))
			ours = !strcmp(value, DRIVER);
		else if (!strcmp(line, "drm-pdev"))
			snprintf(client->card, sizeof(client->card), "%.31s", value);
		for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
			if (!strcmp(line, numbers[i].key))
				*(uint64_t *)((char *)client + numbers[i].offset) =
					numbers[i].bytes ? bytes_of(value) : strtoull(value, NULL, 10);
	}
	return ours;
}

static int order(const void *a, const void *b)
{
	const struct client *x = a, *y = b;
	int cards = strcmp(x->card, y->card);

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (cards)
		return cards;
	return x->id < y->id ? -1 : x->id > y->id;
}

static FILE *open_in(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (!file && fd >= 0)
		close(fd);
	return file;
}

static void read_command(int process, struct client *client)
{
	FILE *file = open_in(process, "comm");

	strcpy(client->command, "?");
	if (!file)
		return;
	if (fgets(client->command, sizeof(client->command), file))
		client->command[strcspn(client->command, "\n")] = '\0';
	fclose(file);
}

static bool add(struct clients *clients, const struct client *client)
{
	if (clients->count == clients->room) {
		size_t room = clients->room ? 2 * clients->room : 16;
		struct client *array = realloc(clients->client, room * sizeof(*array));

		if (!array)
			return false;
		clients->client = array;
		clients->room = room;
	}
	clients->client[clients->count++] = *client;
	return true;
}

/* A process may have many descriptors of one file: it counts once. */
static bool is_known(const struct clients *clients, size_t first, const struct client *client)
{
	for (size_t i = first; i < clients->count; i++)
		if (!order(&clients->client[i], client))
			return true;
	return false;
}

/* Processes come and go while they are looked at: what is missing is not there. */
static bool read_process(struct clients *clients, int process, pid_t pid, int files)
{
	struct client client;
	size_t first = clients->count;
	struct dirent *entry;
	struct stat st;
	DIR *list;

	list = fdopendir(files);
	if (!list) {
		close(files);
		return true;
	}
	while ((entry = readdir(list))) {
		char name[sizeof("fdinfo/") + sizeof(entry->d_name)];
		FILE *file;

		/* Only nodes of devices are worth a closer look. */
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    fstatat(dirfd(list), entry->d_name, &st, 0) || !S_ISCHR(st.st_mode))
			continue;
		snprintf(name, sizeof(name), "fdinfo/%s", entry->d_name);
		file = open_in(process, name);
		if (!file)
			continue;
		client = (struct client){ .pid = pid, .when = accel_now() };
		if (clients_parse(file, &client) && !is_known(clients, first, &client)) {
			if (!fstat(process, &st))
				client.uid = st.st_uid;
			read_command(process, &client);
			if (!add(clients, &client)) {
				fclose(file);
				closedir(list);
				return false;
			}
		}
		fclose(file);
	}
	closedir(list);
	return true;
}

int clients_read(struct clients *clients, const char *proc)
{
	DIR *list = opendir(proc);
	struct dirent *entry;
	bool good = true;

	memset(clients, 0, sizeof(*clients));
	if (!list) {
		complain("cannot read %s: %s", proc, strerror(errno));
		return EXIT_FAILED;
	}
	while (good && (entry = readdir(list))) {
		int process, files;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		process = openat(dirfd(list), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (process < 0)
			continue;
		files = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (files >= 0)
			good = read_process(clients, process, (pid_t)strtol(entry->d_name, NULL, 10),
					    files);
		else if (errno == EACCES || errno == EPERM)
			clients->hidden++;
		close(process);
	}
	closedir(list);
	if (!good) {
		complain("out of memory");
		clients_free(clients);
		return EXIT_FAILED;
	}
	if (clients->count)
		qsort(clients->client, clients->count, sizeof(*clients->client), order);
	return 0;
}

const struct client *clients_find(const struct clients *clients, const struct client *client)
{
	return clients->count ? bsearch(client, clients->client, clients->count,
					sizeof(*client), order) : NULL;
}

void clients_free(struct clients *clients)
{
	free(clients->client);
	memset(clients, 0, sizeof(*clients));
}
