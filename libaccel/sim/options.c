// SPDX-License-Identifier: MIT
/*
 * Options of sim:, "name=value,name=value".
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define HINT	"options: threads=N, isa=NAME, rings=N, contexts=N, local=SIZE, debug=0|1, " \
		"profile=loom1|tpuv1, timeout_ms=N, limit_ms=N, spin_us=N, features=MASK, " \
		"serial=TEXT, inject=KIND:ring=N"

static int bad(const char *name, const char *value, const char *want)
{
	return err(-EINVAL, HINT, "sim: option %s=%s: must be %s", name, value, want);
}

static bool number(const char *text, uint64_t most, bool units, uint64_t *out)
{
	unsigned long long n;
	unsigned int shift = 0;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	n = strtoull(text, &end, 0);
	if (errno || end == text)
		return false;
	if (units && *end)
		shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
	if (shift)
		end++;
	if (*end || n > most >> shift)
		return false;
	*out = n << shift;
	return true;
}

static int isa_known(const char *value)
{
	const char *const *names = loom_engine_names();
	char text[160] = "";
	size_t n = 0;

	for (int i = 0; names[i]; i++) {
		if (!strcmp(names[i], value))
			return 0;
		if (n < sizeof(text))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "",
					      names[i]);
	}
	return err(-EINVAL, HINT, "sim: option isa=%s: this processor has %s", value, text);
}

static int inject(struct sim_options *o, const char *value)
{
	enum loom_inject what;
	unsigned int ring;

	if (loom_inject_parse(value, &what, &ring) || what == LOOM_INJECT_NONE ||
	    (what != LOOM_INJECT_DEAD && !ring))
		return bad("inject", value, "hang, hang-device, lost-irq, lost-doorbell, dma-error, "
			   "ecc or ecc-corrected with :ring=N, the first ring being 1, or dead");
	if (o->injections == SIM_INJECT_MAX)
		return err(-EINVAL, HINT, "sim: more than %d options inject=", SIM_INJECT_MAX);
	o->inject[o->injections].what = what;
	o->inject[o->injections++].ring = ring;
	return 0;
}

static int set(struct sim_options *o, const char *name, const char *value)
{
	uint64_t n;

	if (!strcmp(name, "threads")) {
		if (!number(value, 256, false, &n))
			return bad(name, value, "0 to 256");
		o->threads = (unsigned int)n;
	} else if (!strcmp(name, "rings")) {
		if (!number(value, SIM_RINGS_MAX, false, &n) || !n)
			return bad(name, value, "1 to 63");
		o->rings = (unsigned int)n;
	} else if (!strcmp(name, "contexts")) {
		if (!number(value, LOOM_CONTEXTS_MAX, false, &n) || !n)
			return bad(name, value, "1 to 4096");
		o->contexts = (unsigned int)n;
	} else if (!strcmp(name, "local")) {
		if (!number(value, 1ull << 40, true, &n) || n & (n - 1) ||
		    (n && n < HUGE_SIZE))
			return bad(name, value, "0 or a power of two from 2M to 1024G");
		o->local = n;
	} else if (!strcmp(name, "debug")) {
		if (!number(value, 1, false, &n))
			return bad(name, value, "0 or 1");
		o->debug = n;
	} else if (!strcmp(name, "timeout_ms")) {
		if (!number(value, SIM_TIMEOUT_MAX, false, &n) || !n)
			return bad(name, value, "1 to 3600000");
		o->timeout_ms = (uint32_t)n;
	} else if (!strcmp(name, "limit_ms")) {
		if (!number(value, SIM_TIMEOUT_MAX, false, &n) || !n)
			return bad(name, value, "1 to 3600000");
		o->limit_ms = (uint32_t)n;
	} else if (!strcmp(name, "spin_us")) {
		if (!number(value, 1000000, false, &n))
			return bad(name, value, "0 to 1000000");
		o->spin_us = (unsigned int)n;
	} else if (!strcmp(name, "features")) {
		if (!number(value, UINT64_MAX, false, &n) || !n)
			return bad(name, value, "a mask of LOOM_FEATURE_* bits, not zero");
		o->features = n;
	} else if (!strcmp(name, "profile")) {
		if (!strcmp(value, "loom1"))
			o->profile = LOOM_PROFILE_LOOM1;
		else if (!strcmp(value, "tpuv1"))
			o->profile = LOOM_PROFILE_TPUV1;
		else
			return bad(name, value, "loom1 or tpuv1");
	} else if (!strcmp(name, "isa")) {
		if (strlen(value) >= sizeof(o->isa))
			return bad(name, value, "the name of an engine");
		strcpy(o->isa, value);
		return isa_known(value);
	} else if (!strcmp(name, "inject")) {
		return inject(o, value);
	} else if (!strcmp(name, "serial")) {
		if (!value[0] || strlen(value) >= sizeof(o->serial))
			return bad(name, value, "1 to 31 characters");
		strcpy(o->serial, value);
	} else {
		return err(-EINVAL, HINT, "sim: has no option \"%s\"", name);
	}
	return 0;
}

int sim_options_parse(const char *text, struct sim_options *o)
{
	char copy[256], *save = NULL, *item;
	cpu_set_t cpus;
	int n = 1;

	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		n = CPU_COUNT(&cpus);
	*o = (struct sim_options){
		.threads = n > 16 ? 15 : n > 1 ? (unsigned int)n - 1 : 0,
		.rings = 4,
		.contexts = 256,
		.profile = LOOM_PROFILE_LOOM1,
		/* The card looks for work as long as waiters look for results. */
		.spin_us = n > 1 ? 50 : 0,
		.timeout_ms = 2000,
		.limit_ms = 600000,
		.local = 256u << 20,
		.serial = "SIM0",
	};
	if (strlen(text) >= sizeof(copy))
		return err(-EINVAL, HINT, "sim: options of %zu characters, 255 are the most",
			   strlen(text));
	strcpy(copy, text);
	for (item = strtok_r(copy, ",", &save); item; item = strtok_r(NULL, ",", &save)) {
		char *value = strchr(item, '=');
		int ret;

		if (!value)
			return err(-EINVAL, HINT, "sim: option \"%s\" has no value", item);
		*value++ = '\0';
		ret = set(o, item, value);
		if (ret)
			return ret;
	}
	for (unsigned int i = 0; i < o->injections; i++)
		if (o->inject[i].ring > o->rings)
			return err(-EINVAL, HINT, "sim: option inject= for ring %u: there are %u",
				   o->inject[i].ring, o->rings);
	return 0;
}
