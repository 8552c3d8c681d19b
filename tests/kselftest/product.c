// SPDX-License-Identifier: MIT
#include <errno.h>
#include <math.h>
#include <string.h>

#include "card.h"
#include "product.h"

#define BATCH		4u
#define DIM		20u
#define COMMANDS	0x800u
/* Others may have long jobs of a higher priority, and the machine may be slow. */
#define LONG		(600 * SEC)

/* One product; the card sees it at CLIENT_VA + CLIENT_DATA + its number times its size. */
struct product {
	float a[DIM * DIM], b[DIM * DIM], c[DIM * DIM];
	uint64_t fence;
	uint32_t m, n, k;
};

_Static_assert(CLIENT_DATA + BATCH * sizeof(struct product) < CLIENT_SIZE, "too large");
_Static_assert(BATCH * COMMANDS <= CLIENT_DATA, "too many");

static uint32_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 33;
}

static struct product *product_at(const struct client *c, unsigned int i)
{
	return (struct product *)(c->cpu + CLIENT_DATA) + i;
}

static uint64_t product_va(unsigned int i, size_t offset)
{
	return CLIENT_VA + CLIENT_DATA + i * sizeof(struct product) + offset;
}

/* Numbers of all sizes, so that the order of the sum shows in the last bits. */
static float number(uint64_t *seed)
{
	return ldexpf((int)next(seed) - (1 << 30), (int)(next(seed) % 24) - 42);
}

static int product_submit(const struct client *c, unsigned int i, uint64_t *seed, uint32_t signal,
			  uint64_t *job)
{
	struct drm_loom_sync sync = { .flags = DRM_LOOM_SYNC_SIGNAL, .handle = signal };
	struct product *p = product_at(c, i);
	uint8_t *at = c->cpu + i * COMMANDS, *end;

	p->m = 1 + next(seed) % DIM;
	p->n = 1 + next(seed) % DIM;
	p->k = 1 + next(seed) % DIM;
	for (unsigned int n = 0; n < DIM * DIM; n++) {
		p->a[n] = number(seed);
		p->b[n] = number(seed);
		p->c[n] = -1;
	}
	p->fence = 0;
	end = pkt_gemm_f32(at, product_va(i, offsetof(struct product, c)),
			   product_va(i, offsetof(struct product, a)),
			   product_va(i, offsetof(struct product, b)), p->m, p->n, p->k);
	end = pkt_fence(end, product_va(i, offsetof(struct product, fence)), ~(uint64_t)i);
	return submit(c->fd, c->queue, CLIENT_VA + i * COMMANDS, end - at, &sync, 1, job);
}

/* As hardware.rst specifies it: fused, k from 0 up, starting with +0. */
static bool product_right(const struct client *c, unsigned int i)
{
	const struct product *p = product_at(c, i);

	for (uint32_t m = 0; m < p->m; m++)
		for (uint32_t n = 0; n < p->n; n++) {
			float sum = 0;

			for (uint32_t k = 0; k < p->k; k++)
				sum = fmaf(p->a[m * p->k + k], p->b[k * p->n + n], sum);
			if (memcmp(&sum, &p->c[m * p->n + n], sizeof(sum)))
				return false;
		}
	return p->fence == ~(uint64_t)i;
}

static void count(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static int product_round(const struct client *c, struct product_board *board, uint64_t *seed,
			 uint32_t signal)
{
	uint64_t jobs[BATCH];
	int err;

	for (unsigned int i = 0; i < BATCH; i++) {
		err = product_submit(c, i, seed, signal, &jobs[i]);
		if (err)
			return err;
	}
	err = sync_wait(c->fd, signal, 0, LONG);
	if (err)
		return err;
	for (unsigned int i = 0; i < BATCH; i++) {
		const struct drm_loom_result *r = client_result(c, jobs[i]);

		if (r && board->rough && (r->error == -ECANCELED || r->error == -EIO))
			err = err ? err : r->error;
		else if (!r || r->error)
			count(&board->lost);
		else if (!product_right(c, i))
			count(&board->wrong);
		else
			count(&board->verified);
	}
	return err;
}

/* Until it is told to stop, or its queue is of no use any more. */
static int product_client(struct product_board *board, uint64_t *seed)
{
	struct client c;
	uint32_t signal;
	int err = client_open(&c, 600000, 600000);

	if (!err)
		err = sync_create(c.fd, &signal);
	__atomic_store_n(&board->ready, true, __ATOMIC_RELEASE);
	while (!err && !__atomic_load_n(&board->stop, __ATOMIC_ACQUIRE))
		err = product_round(&c, board, seed, signal);
	client_close(&c);
	return err;
}

int product_work(struct product_board *board, uint64_t seed)
{
	int err;

	do {
		err = product_client(board, &seed);
		if (err == -ECANCELED)
			count(&board->innocent);
		else if (err == -EIO)
			count(&board->failed);
	} while (board->rough && (err == -ECANCELED || err == -EIO || err == -ENOMEM));
	board->error = err;
	return err;
}
