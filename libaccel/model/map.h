/* SPDX-License-Identifier: MIT */
/*
 * Names to pointers. Names are referenced, not copied.
 */
#ifndef ACCEL_PRIV_MAP_H
#define ACCEL_PRIV_MAP_H

#include <stdbool.h>
#include <stddef.h>

struct map {
	struct map_entry {
		const char *name;
		void *value;
	} *entries;
	size_t used;
	size_t room;	/* 0 or a power of two */
};

/** map_put() - set a name's value. Return: 0, -EEXIST: it has one; -ENOMEM. */
int map_put(struct map *map, const char *name, void *value);
/** map_set() - set a name's value, whether it has one or not. Return: 0, -ENOMEM. */
int map_set(struct map *map, const char *name, void *value);
/** map_get() - NULL if the name has no value. */
void *map_get(const struct map *map, const char *name);
void map_free(struct map *map);

#endif
