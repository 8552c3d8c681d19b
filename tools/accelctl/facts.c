// SPDX-License-Identifier: MIT
#include "facts.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <accel/accel.h>

#include "card.h"
#include "output.h"

static void cpu_model(char *text, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(text, size, "unknown");
	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !value)
			continue;
		value += strspn(value, ": \t");
		value[strcspn(value, "\n")] = '\0';
		snprintf(text, size, "%s", value);
		break;
	}
	fclose(file);
}

static void version_text(char text[16], uint32_t version)
{
	snprintf(text, 16, "%u.%u", version >> 16, version & 0xffff);
}

void facts_describe(const struct card *card, struct json_object *document)
{
	struct json_object *machine = doc_object(document, "machine");
	struct utsname name = { 0 };
	char text[256];

	uname(&name);
	doc_string(machine, "kernel", name.release);
	doc_string(machine, "architecture", name.machine);
	cpu_model(text, sizeof(text));
	doc_string(machine, "cpu", text);
	doc_number(machine, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	doc_string(machine, "library", accel_version_string());
	version_text(text, card->props.driver_version);
	doc_string(machine, "driver", text);
	version_text(text, card->props.hw_version);
	doc_string(machine, "card", text);
}

void facts_fields(const struct card *card)
{
	struct utsname name = { 0 };
	char text[256], driver[16], hardware[16];

	uname(&name);
	cpu_model(text, sizeof(text));
	version_text(driver, card->props.driver_version);
	version_text(hardware, card->props.hw_version);
	card_field(card);
	field("machine", "%s, %ld CPUs, Linux %s", text, sysconf(_SC_NPROCESSORS_ONLN), name.release);
	field("software", "libaccel %s, driver %s, card interface %s", accel_version_string(), driver,
	      hardware);
}
