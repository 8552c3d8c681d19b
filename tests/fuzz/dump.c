// SPDX-License-Identifier: MIT
/*
 * fuzz_dump: accelctl's reader of dumps. The input is a dump, but for its length, which is made to
 * fit; one that is taken is shown in both forms, as text to memory and as JSON, and its replay is
 * prepared: all but the simulated card, which has fuzz targets of its own.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "dump-show.h"
#include "dump.h"
#include "message.h"
#include "output.h"
#include "progress.h"
#include "replay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What output needs of the rest of the program. */
void complain(const char *format, ...)
{
	fprintf(stderr, "finding: %s\n", format);
	abort();
}

void progress_clear(void)
{
}

void progress_end(void)
{
}

/* More would only be slow. */
#define MEMORY_MAX	(1ull << 20)

static void check(bool good, const char *what)
{
	if (!good)
		complain("%s", what);
}

/* What accel_replay_map() and the rest of a replay rely on. */
static void prepare(const struct dump *dump)
{
	struct replay_plan plan;
	uint64_t total = 0, end = 0;

	if (replay_plan(&plan, dump)) {
		replay_plan_end(&plan);
		return;
	}
	for (uint32_t i = 0; i < plan.memories; i++) {
		check(plan.memory[i].size && !(plan.memory[i].size % 4096), "memory of no pages");
		total += plan.memory[i].size;
	}
	check(total <= REPLAY_BYTES_MAX, "too much memory");
	for (uint32_t i = 0; i < plan.mappings; i++) {
		const struct replay_mapping *m = &plan.mapping[i];

		check(m->va >= end && m->size && m->va + m->size <= 1ull << 48, "a wrong address");
		check(m->memory < plan.memories &&
		      m->offset + m->size <= plan.memory[m->memory].size, "beyond its memory");
		end = m->va + m->size;
	}
	for (uint32_t i = 0; i < plan.memories && total <= MEMORY_MAX; i++)
		plan.memory[i].ptr = calloc(1, plan.memory[i].size);
	if (total <= MEMORY_MAX)
		replay_fill(&plan);
	for (uint32_t i = 0; i < plan.memories; i++)
		free(plan.memory[i].ptr);
	replay_plan_end(&plan);
}

static void show(const uint8_t *data, size_t size)
{
	struct json_object *document;
	FILE *terminal = stdout;
	struct dump dump;
	char *text = NULL;
	size_t length;

	if (dump_parse(&dump, data, size))
		return;
	stdout = open_memstream(&text, &length);
	dump_print(&dump, true);
	dump_print(&dump, false);
	fclose(stdout);
	stdout = terminal;
	free(text);
	document = doc_begin("");
	dump_describe(&dump, document);
	json_object_put(document);
	prepare(&dump);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loom_dump_header head;
	uint8_t *copy = malloc(size ? size : 1);

	memcpy(copy, data, size);
	if (size >= sizeof(head)) {
		memcpy(&head, data, sizeof(head));
		head.total = size;
		memcpy(copy, &head, sizeof(head));
	}
	show(copy, size);
	free(copy);
	return 0;
}
