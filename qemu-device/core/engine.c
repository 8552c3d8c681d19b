// SPDX-License-Identifier: MIT
/* Which engines there are, and which this processor can run. */
#include <pthread.h>

#include "engines.h"
#include "loom_core.h"

/* Best first. */
static const struct loom_engine *const engines[] = {
#if defined(__x86_64__)
	&loom_engine_avx512vnni,
	&loom_engine_avx512,
	&loom_engine_avx2,
#endif
	&loom_engine_generic,
	&loom_engine_reference,
};

#define NENGINES	(sizeof(engines) / sizeof(engines[0]))

static const char *names[NENGINES + 1];
static pthread_once_t names_once = PTHREAD_ONCE_INIT;

const struct loom_engine *loom_engine_find(const char *name)
{
	for (size_t i = 0; i < NENGINES; i++)
		if ((!name || !strcmp(name, engines[i]->name)) && engines[i]->usable())
			return engines[i];
	return NULL;
}

static void names_init(void)
{
	size_t n = 0;

	for (size_t i = 0; i < NENGINES; i++)
		if (engines[i]->usable())
			names[n++] = engines[i]->name;
}

const char *const *loom_engine_names(void)
{
	pthread_once(&names_once, names_init);
	return names;
}
