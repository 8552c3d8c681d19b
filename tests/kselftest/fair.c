// SPDX-License-Identifier: MIT
/*
 * Two clients that always have work, one of short jobs and one of long ones, get the same from the
 * card, by modelled cycles. FAIR_SECONDS says for how long they are watched, else it is as long as
 * it takes for some hundred jobs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest_harness.h>

#include "card.h"

#define N		64u		/* of the products */
#define SHORT		4u		/* products of a job */
#define LONG		20u
#define AHEAD		4000u		/* products that wait for the card */
#define ENOUGH		2000u		/* of each, without FAIR_SECONDS: what has been there from the start */

struct party {
	struct client c;
	uint32_t products, size;
	uint64_t submitted, completed;
};

static int party_open(struct party *p, uint32_t products)
{
	void *at;
	int err;

	memset(p, 0, sizeof(*p));
	err = client_open(&p->c, 60000, 600000);
	if (err)
		return err;
	p->products = products;
	at = p->c.cpu;
	for (uint32_t i = 0; i < products; i++)
		at = pkt_gemm_f32(at, CLIENT_VA + CLIENT_DATA, CLIENT_VA + CLIENT_DATA + 4 * N * N,
				  CLIENT_VA + CLIENT_DATA + 8 * N * N, N, N, N);
	p->size = client_size(&p->c, at);
	return 0;
}

/* Gives it work ahead; returns whether it had still some. */
static int party_feed(struct party *p)
{
	struct drm_loom_queue_state state;
	int err = queue_state(p->c.fd, p->c.queue, &state), busy;

	if (err)
		return err;
	p->completed = state.completed;
	busy = p->completed != p->submitted;
	while (!err && (p->submitted - p->completed) * p->products < AHEAD)
		err = submit(p->c.fd, p->c.queue, CLIENT_VA, p->size, NULL, 0, &p->submitted);
	return err ? err : busy;
}

static uint64_t cycles(const struct party *p)
{
	char path[64], line[256];
	uint64_t value = 0;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", p->c.fd);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "loom-modelled-cycles: %lu", &value) == 1)
			break;
	if (in)
		fclose(in);
	return value;
}

TEST(equal_shares)
{
	const char *seconds = getenv("FAIR_SECONDS");
	uint64_t watch = seconds ? strtoull(seconds, NULL, 10) * SEC : 0;
	uint64_t begin = 0, first[2] = { 0 }, from[2] = { 0 }, got[2] = { 0 }, dry = 0;
	struct drm_loom_query_info info;
	struct party p[2];
	double ratio;

	ASSERT_EQ(0, party_open(&p[0], SHORT));
	ASSERT_EQ(0, party_open(&p[1], LONG));
	ASSERT_EQ(0, card_info(p[0].c.fd, &info));
	for (;;) {
		int a = party_feed(&p[0]), b = party_feed(&p[1]);

		ASSERT_GE(a, 0);
		ASSERT_GE(b, 0);
		if (!p[0].completed || !p[1].completed)
			continue;
		/* Who had nothing to do has no claim for that time: it is counted anew. */
		if (!begin || !a || !b) {
			dry += begin != 0;
			begin = now();
			for (int i = 0; i < 2; i++) {
				first[i] = cycles(&p[i]);
				from[i] = p[i].completed;
			}
			continue;
		}
		for (int i = 0; i < 2; i++)
			got[i] = cycles(&p[i]) - first[i];
		if (watch ? now() - begin >= watch :
		    (p[0].completed - from[0]) * SHORT > ENOUGH &&
		    (p[1].completed - from[1]) * LONG > ENOUGH)
			break;
		usleep(500);
	}
	ratio = (double)got[0] / (double)got[1];
	TH_LOG("%.0f and %.0f cycles: %.3f; %d times somebody was idle", (double)got[0],
	       (double)got[1], ratio, (int)dry);
	EXPECT_GT(ratio, 0.9);
	EXPECT_LT(ratio, 1.1);
	client_close(&p[1].c);
	client_close(&p[0].c);
}

TEST_HARNESS_MAIN
