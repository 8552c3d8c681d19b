// SPDX-License-Identifier: MIT
/* Quiesce and resume under work, with a host that gives no memory in between. */
#include <math.h>
#include <string.h>
#include <time.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "card.h"
#include "tap.h"

#define A	0x20000000ull
#define B	0x21000000ull
#define C	0x22000000ull
#define N	200

#define RESULTS	12
#define STEP	0x40000ull

static float a[N * N], b[N * N], expected[N * N];

static void prepare(struct card *card)
{
	for (unsigned int i = 0; i < N * N; i++) {
		a[i] = (float)((i * 7919) % 201) - 100;
		b[i] = (float)((i * 104729) % 401) / 16;
		memcpy(card_at(card, 1, A + 4 * i), &a[i], 4);
		memcpy(card_at(card, 1, B + 4 * i), &b[i], 4);
	}
}

static void reference(void)
{
	for (unsigned int m = 0; m < N; m++)
		for (unsigned int n = 0; n < N; n++) {
			float acc = 0;

			for (unsigned int k = 0; k < N; k++)
				acc = fmaf(a[m * N + k], b[k * N + n], acc);
			expected[m * N + n] = acc;
		}
}

/* Every result was written once: a tile that was forgotten is missing. */
static unsigned int check(struct card *card)
{
	unsigned int bad = 0;

	for (unsigned int r = 0; r < RESULTS; r++)
		for (unsigned int i = 0; i < N * N; i++) {
			float *at = card_at(card, 1, C + r * STEP + 4 * i);

			bad += *at != expected[i];
			*at = -1;
		}
	return bad;
}

/* Until the card got somewhere, or completed job @i. */
static void let_go_on(struct card *card, unsigned int i)
{
	uint64_t reg = LOOM_REG_RING(1) + LOOM_RING_PROGRESS, before = card_read64(card, reg);

	while (card_read64(card, reg) == before &&
	       !__atomic_load_n(&card->ring[1].cqe[i].control, __ATOMIC_RELAXED))
		;
}

static void test_cycles(struct card *card)
{
	unsigned int cycles = 0, mapped = 0, bad = 0;
	struct cmds cmds = cmds_begin(card, 1);
	struct loom_cqe cqe;

	for (unsigned int i = 0; i < RESULTS; i++)
		cmds_gemm(&cmds, C + i * STEP, A, B, N);
	for (unsigned int i = 0; i < 15; i++) {
		card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
		while (!card_poll(card, 1, &cqe)) {
			loom_core_quiesce(card->core);
			mapped += atomic_load(&card->host.maps) != 0;
			atomic_store(&card->host.master, false);
			atomic_store(&card->host.silent, true);
			card_write32(card, LOOM_DOORBELL(1), 0);
			card_invalidate(card, 1, 0, 0);
			atomic_store(&card->host.silent, false);
			atomic_store(&card->host.master, true);
			loom_core_resume(card->core);
			cycles++;
			let_go_on(card, i);
		}
		bad += cqe_outcome(&cqe) != LOOM_OUTCOME_OK;
		bad += check(card);
	}
	tap_ok(!mapped && !atomic_load(&card->host.late), "nothing is mapped or done in between");
	tap_ok(!bad, "the results are right after %u interruptions", cycles);
	tap_ok(card_read64(card, LOOM_REG_CNT_FAULTS) == 0, "no fault");
}

static void test_nested(struct card *card)
{
	struct cmds cmds = cmds_begin(card, 1);
	struct loom_cqe cqe;

	cmds_fence(&cmds, C, 5);
	loom_core_quiesce(card->core);
	loom_core_quiesce(card->core);
	card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
	loom_core_resume(card->core);
	tap_ok(!card_poll(card, 1, &cqe), "quiesced twice, resumed once");
	loom_core_resume(card->core);
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK, "resumed twice");
	/* a doorbell that got lost: resume looks at every ring */
	loom_core_quiesce(card->core);
	card_queue(card, 1, &(struct loom_desc){ .context = 1 });
	__atomic_store_n(card->ring[1].index, card->ring[1].write, __ATOMIC_RELEASE);
	loom_core_resume(card->core);
	card_wait(card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK, "resume finds what no doorbell announced");
	loom_core_quiesce(card->core);
	card_write32(card, LOOM_REG_RING(1) + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
	card_until32(card, LOOM_REG_RING(1) + LOOM_RING_STATUS, ~0u, 0);
	tap_ok(true, "a ring is reset in quiesce");
	loom_core_reset(card->core);
	loom_core_resume(card->core);
	tap_ok(card_read32(card, LOOM_REG_STATUS) == 0, "and the device");
}

#if defined(__SSE__)
/* Flush-to-zero of the application must not reach the card's threads. */
static void test_mxcsr(void)
{
	struct loom_core_config config = card_config();
	unsigned int saved = _mm_getcsr();
	static struct card card;
	struct loom_pkt_eltwise *pkt;
	struct loom_cqe cqe;
	struct cmds cmds;
	uint32_t *word;

	_mm_setcsr(saved | 0x8040 | 0x6000);
	card_init(&card, &config);
	_mm_setcsr(saved);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_NORMAL);
	card_enable(&card, 0);
	card_ring(&card, 1, 4, 1, 0);
	word = card_linear(&card, 1, A, 4096);
	word[0] = 3;			/* subnormal */
	word[1] = 0x3f800000;
	cmds = cmds_begin(&card, 1);
	pkt = cmds_add(&cmds, LOOM_OP_ELTWISE, sizeof(*pkt));
	pkt->op = LOOM_ELTWISE_MUL;
	pkt->dst = (struct loom_tensor){ .va = A + 8, .dtype = LOOM_DTYPE_F32 };
	pkt->a = (struct loom_tensor){ .va = A, .dtype = LOOM_DTYPE_F32 };
	pkt->b = (struct loom_tensor){ .va = A + 4, .dtype = LOOM_DTYPE_F32 };
	card_submit(&card, 1, &cmds, 0);
	card_wait(&card, 1, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK && word[2] == 3, "subnormals are kept");
	card_exit(&card);
}
#endif

int main(void)
{
	struct loom_core_config config = card_config();
	static struct card card;

	card_init(&card, &config);
	card_context(&card, 1, 1, 1, 1, LOOM_PRIORITY_NORMAL);
	card_enable(&card, 0);
	card_ring(&card, 1, 4, 1, 0);
	card_buffer(&card, 1, A, N * N * 4);
	card_buffer(&card, 1, B, N * N * 4);
	for (unsigned int i = 0; i < RESULTS; i++)
		card_buffer(&card, 1, C + i * STEP, N * N * 4);
	prepare(&card);
	reference();
	test_cycles(&card);
	test_nested(&card);
	card_exit(&card);
#if defined(__SSE__)
	test_mxcsr();
#endif
	return tap_done();
}
