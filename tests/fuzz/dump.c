// SPDX-License-Identifier: MIT
/*
 * fuzz_dump: accelctl's reader of dumps. The input is a dump, but for its length, which is made to
 * fit; one that is taken is shown in both forms, as text to memory and as JSON.
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
