// SPDX-License-Identifier: MIT
/*
 * How fast are empty jobs? Not a test: prints, for a front end that sleeps at
 * once and for one that spins, the time from the submission of a NOP to its
 * completion as a polling driver sees it, and jobs per second in batches.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "card.h"

#define ROUNDS	20000
#define BATCH	64

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void wait_polling(struct card *card, struct loom_cqe *cqe)
{
	while (!card_poll(card, 1, cqe))
		__asm__ volatile("" ::: "memory");
}

static void measure(unsigned int spin_us)
{
	static uint64_t times[ROUNDS];
	struct loom_core_config config = card_config();
	static struct card card;
	struct loom_desc desc;
	struct loom_cqe cqe;
	struct cmds cmds;
	uint64_t start, jobs = 0;

	config.spin_us = spin_us;
	card_init(&card, &config);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_NORMAL);
	card_enable(&card, 0);
	card_ring(&card, 1, 8, 1, 0);
	cmds = cmds_begin(&card, 1);
	cmds_add(&cmds, LOOM_OP_NOP, 16);
	for (unsigned int i = 0; i < ROUNDS; i++) {
		start = now_ns();
		card_submit(&card, 1, &cmds, 0);
		wait_polling(&card, &cqe);
		times[i] = now_ns() - start;
	}
	qsort(times, ROUNDS, sizeof(times[0]), compare);
	desc = (struct loom_desc){ .cmd_va = cmds.va, .cmd_size = cmds.size, .context = 1 };
	start = now_ns();
	while (now_ns() - start < 500000000) {
		for (unsigned int i = 0; i < BATCH; i++)
			card_queue(&card, 1, &desc);
		card_doorbell(&card, 1);
		for (unsigned int i = 0; i < BATCH; i++)
			wait_polling(&card, &cqe);
		jobs += BATCH;
	}
	printf("spin %2u us: empty job min %.2f median %.2f 99%% %.2f us; batches of %u: %.0f jobs/s\n",
	       spin_us, (double)times[0] / 1e3, (double)times[ROUNDS / 2] / 1e3,
	       (double)times[ROUNDS * 99 / 100] / 1e3, BATCH,
	       (double)jobs * 1e9 / (double)(now_ns() - start));
	card_exit(&card);
}

int main(void)
{
	measure(0);
	measure(50);
	return 0;
}
