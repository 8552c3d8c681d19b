// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"

static struct map_entry *find(struct map_entry *entries, size_t room, const char *name)
{
	uint64_t hash = 0xcbf29ce484222325u;
	size_t i;

	for (const char *p = name; *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
	for (i = (hash ^ hash >> 32) & (room - 1); entries[i].name; i = (i + 1) & (room - 1))
		if (!strcmp(entries[i].name, name))
			break;
	return &entries[i];
}

static int grow(struct map *map)
{
	size_t room = map->room ? 2 * map->room : 64;
	struct map_entry *entries = calloc(room, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < map->room; i++)
		if (map->entries[i].name)
			*find(entries, room, map->entries[i].name) = map->entries[i];
	free(map->entries);
	map->entries = entries;
	map->room = room;
	return 0;
}

int map_put(struct map *map, const char *name, void *value)
{
	struct map_entry *e;

	if (2 * map->used >= map->room && grow(map))
		return -ENOMEM;
	e = find(map->entries, map->room, name);
	if (e->name)
		return -EEXIST;
	e->name = name;
	e->value = value;
	map->used++;
	return 0;
}

int map_set(struct map *map, const char *name, void *value)
{
	int ret = map_put(map, name, value);

	if (ret != -EEXIST)
		return ret;
	find(map->entries, map->room, name)->value = value;
	return 0;
}

void *map_get(const struct map *map, const char *name)
{
	return map->room ? find(map->entries, map->room, name)->value : NULL;
}

void map_free(struct map *map)
{
	free(map->entries);
	*map = (struct map){ 0 };
}
