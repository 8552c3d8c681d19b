// SPDX-License-Identifier: MIT
#include "progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <accel/accel.h>

#include "message.h"

#define DELAY_NS	1000000000ull
#define INTERVAL_NS	100000000ull
#define WIDTH		30

static struct {
	const char *title;
	uint64_t total;
	uint64_t done;
	uint64_t next;
	bool active;
	bool drawn;
} bar;

void progress_begin(const char *title, uint64_t total)
{
	const char *term = getenv("TERM");

	memset(&bar, 0, sizeof(bar));
	bar.title = title;
	bar.total = total ? total : 1;
	bar.next = accel_now() + DELAY_NS;
	bar.active = !message_quiet() && isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

void progress_tick(void)
{
	uint64_t done = bar.done < bar.total ? bar.done : bar.total;
	unsigned int filled, percent;
	uint64_t now;

	if (!bar.active)
		return;
	now = accel_now();
	if (now < bar.next)
		return;
	bar.next = now + INTERVAL_NS;
	filled = (unsigned int)((double)done / (double)bar.total * WIDTH);
	percent = (unsigned int)((double)done / (double)bar.total * 100);
	fprintf(stderr, "\r%s [%.*s%*s] %3u %%\033[K", bar.title, (int)filled,
		"##############################", (int)(WIDTH - filled), "", percent);
	fflush(stderr);
	bar.drawn = true;
}

void progress_update(uint64_t done)
{
	bar.done = done;
	progress_tick();
}

void progress_clear(void)
{
	if (!bar.drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	bar.drawn = false;
}

void progress_end(void)
{
	progress_clear();
	bar.active = false;
}
