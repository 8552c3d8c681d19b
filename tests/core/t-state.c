// SPDX-License-Identifier: MIT
/*
 * Saved and restored: work goes on in another card, with the same results to the
 * bit; what is damaged is refused and changes nothing.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "card.h"
#include "core.h"
#include "tap.h"

#define N		97u
#define A		0x10000000ull
#define B		0x11000000ull
#define C		0x12000000ull
#define SUM		0x13000000ull
#define SUM_SIZE	(3u << 20)
#define ROUNDS		24u
#define BIG		0x20000000ull
#define BIG_SIZE	(32u << 20)

static struct loom_core_config config;

static void fail(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

static void *save(struct card *card, size_t *size)
{
	void *data;

	if (loom_core_save(card->core, &data, size))
		fail("cannot save");
	return data;
}

/* The card that is quiesced is replaced by another that takes up its state. */
static void replace(struct card *card, unsigned int threads, bool same)
{
	const char *why = "?";
	struct loom_core *core;
	void *data, *again;
	size_t size, size2;

	/* as that of a machine that does */
	atomic_store(&card->host.stopped, host_ops.now_ns(&card->host));
	data = save(card, &size);
	config.threads = threads;
	config.local = card->local;
	if (loom_core_create(&config, &host_ops, &card->host, &core, &why))
		fail(why);
	loom_core_quiesce(core);
	loom_core_destroy(card->core);
	card->core = core;
	if (loom_core_load(core, data, size, &why))
		fail(why);
	/* nothing is lost, nothing is added */
	again = save(card, &size2);
	if (same && (size != size2 || memcmp(data, again, size))) {
		size_t at = 0;

		while (at < size && ((char *)data)[at] == ((char *)again)[at])
			at++;
		printf("# %zu and %zu bytes, different from byte %zu on\n", size, size2, at);
		fail("a state that was loaded is saved differently");
	}
	free(again);
	free(data);
	atomic_store(&card->host.stopped, 0);
}

static void registers(struct card *card, uint64_t *out)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < R_COUNT; i++)
		if (i != R_TIMESTAMP)
			out[n++] = card_read64(card, loom_device_regs[i].offset);
	for (unsigned int r = 0; r < CARD_RINGS; r++)
		for (unsigned int i = 0; i < RR_COUNT; i++)
			out[n++] = card_read64(card, LOOM_REG_RING(r) + loom_ring_regs[i].offset);
}

#define REGISTERS	(R_COUNT + CARD_RINGS * RR_COUNT)

static void prepare(struct card *card)
{
	for (uint32_t i = 0; i < N * N; i++) {
		*(float *)card_at(card, 1, A + 4 * i) = (float)(int)(i % 97 - 48) / 7;
		*(float *)card_at(card, 1, B + 4 * i) = (float)(int)(i % 89 - 44) / 5;
	}
	for (uint32_t i = 0; i < SUM_SIZE; i += 4)
		*(float *)card_at(card, 1, SUM + i) = (float)(i % 1000);
}

/* Not to be done twice: in place, x = x * x + ..., by products and by sums of all elements. */
static struct cmds job(struct card *card)
{
	struct cmds cmds = cmds_begin(card, 1);
	struct loom_pkt_eltwise *pkt;
	struct loom_tensor sum = {
		.va = SUM, .dtype = LOOM_DTYPE_F32, .rank = 1, .dims = { SUM_SIZE / 4 },
		.strides = { 1 },
	};

	for (unsigned int i = 0; i < 12; i++) {
		pkt = cmds_add(&cmds, LOOM_OP_ELTWISE, sizeof(*pkt));
		pkt->op = LOOM_ELTWISE_ADD;
		pkt->dst = sum;
		pkt->a = sum;
		pkt->b = sum;
		cmds_gemm(&cmds, C, A, B, N);
		cmds_copy(&cmds, A + 64, C, 4096);
	}
	return cmds;
}

static void results(struct card *card, uint8_t *out)
{
	for (uint32_t at = 0; at < SUM_SIZE; at += 4096)
		memcpy(out + at, card_at(card, 1, SUM + at), 4096);
	for (uint32_t at = 0; at < N * N * 4; at += 4) {
		memcpy(out + SUM_SIZE + at, card_at(card, 1, A + at), 4);
		memcpy(out + SUM_SIZE + 65536 + at, card_at(card, 1, C + at), 4);
	}
}

#define RESULTS		(SUM_SIZE + 131072)

static uint64_t progress(struct card *card)
{
	return card_read64(card, LOOM_REG_RING(1) + LOOM_RING_PROGRESS);
}

/* A moment that differs from the last. */
static void go_on(struct card *card, unsigned int tiles)
{
	uint64_t from = progress(card);

	while (progress(card) - from < tiles &&
	       !(__atomic_load_n(&card->ring[1].cqe[0].control, __ATOMIC_RELAXED) & 1))
		sched_yield();
}

static void test_jobs(struct card *card)
{
	static uint8_t want[RESULTS], have[RESULTS];
	struct cmds cmds = job(card);
	unsigned int moved = 0, bad = 0, outcome = 0;
	struct loom_cqe cqe, first = { 0 };

	for (unsigned int round = 0; round < ROUNDS; round++) {
		unsigned int hops = 0;

		prepare(card);
		memset(card->ring[1].cqe, 0, 16 * sizeof(cqe));
		card_write32(card, LOOM_REG_RING(1) + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
		card_until32(card, LOOM_REG_RING(1) + LOOM_RING_STATUS, ~0u, 0);
		card_ring_config(card, 1, 1, 0);
		card_submit(card, 1, &cmds, LOOM_DESC_IRQ);
		while (round && hops < 4 && !(card->ring[1].cqe[0].control & 1)) {
			go_on(card, 1 + (round * 7 + hops * 3) % 60);
			loom_core_quiesce(card->core);
			atomic_store(&card->host.silent, true);
			replace(card, (round + hops) % 4, true);
			atomic_store(&card->host.silent, false);
			loom_core_resume(card->core);
			hops++;
		}
		moved += hops;
		card_wait(card, 1, &cqe);
		outcome += cqe_outcome(&cqe) != LOOM_OUTCOME_OK;
		results(card, round ? have : want);
		bad += round && memcmp(want, have, RESULTS);
		if (!round)
			first = cqe;
		bad += cqe.cycles != first.cycles || cqe.bytes != first.bytes ||
		       cqe.energy_pj != first.energy_pj;
	}
	tap_ok(!outcome, "%u jobs end well, moved %u times", ROUNDS, moved);
	tap_ok(!bad, "with the same bits and the same modelled cost");
	tap_ok(moved > ROUNDS, "they were moved in execution");
}

/* So many elements that it is hard to come too late. */
static struct cmds long_job(struct card *card, bool in_place)
{
	struct loom_pkt_eltwise *pkt;
	struct cmds cmds;

	card->ctx[1].cmd_next = 0;
	cmds = cmds_begin(card, 1);
	for (unsigned int i = 0; i < 40; i++) {
		pkt = cmds_add(&cmds, LOOM_OP_ELTWISE, sizeof(*pkt));
		pkt->op = LOOM_ELTWISE_MUL;
		pkt->a = (struct loom_tensor){
			.va = BIG, .dtype = LOOM_DTYPE_BF16, .rank = 1,
			.dims = { BIG_SIZE / 4 }, .strides = { 1 },
		};
		pkt->b = pkt->a;
		pkt->dst = pkt->a;
		pkt->dst.va += in_place ? 0 : BIG_SIZE / 2;
	}
	return cmds;
}

/* Ring 1, with nothing in it. */
static void begin_anew(struct card *card)
{
	memset(card->ring[1].cqe, 0, 16 * sizeof(struct loom_cqe));
	card_write32(card, LOOM_REG_RING(1) + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
	card_until32(card, LOOM_REG_RING(1) + LOOM_RING_STATUS, ~0u, 0);
	card_ring_config(card, 1, 1, 0);
}

/* A packet at hand is begun anew by another engine, unless it works in place. */
static void test_engines(struct card *card)
{
	struct loom_core *other;
	unsigned int refused = 0, taken = 0, bad = 0;
	const char *why;

	config.isa = "reference";
	config.local = card->local;
	if (loom_core_create(&config, &host_ops, &card->host, &other, &why))
		fail(why);
	loom_core_quiesce(other);
	for (unsigned int round = 0; (!refused || !taken) && round < 200; round++) {
		bool in_place = round % 2, begun;
		struct cmds cmds = long_job(card, in_place);
		struct loom_cqe cqe;
		size_t size;
		void *data;
		int ret;

		card_submit(card, 1, &cmds, 0);
		go_on(card, 3);
		loom_core_quiesce(card->core);
		data = save(card, &size);
		begun = card->core->rings[1].job.phase == JOB_WALK &&
			atomic_load(&card->core->rings[1].job.tiles.next);
		ret = loom_core_load(other, data, size, &why);
		if ((ret != 0) != (begun && in_place)) {
			printf("# in place %d, begun %d: %s\n", in_place, begun, ret ? why : "taken");
			bad++;
		}
		refused += ret && strstr(why, "engine");
		taken += !ret && begun;
		free(data);
		loom_core_resume(card->core);
		card_write32(card, LOOM_REG_CTX_STOP, 1);
		card_wait(card, 1, &cqe);
		card_write32(card, LOOM_REG_CTX_START, 1);
		begin_anew(card);
	}
	tap_ok(!bad && refused, "another engine does not go on with a packet in place");
	tap_ok(taken, "it begins any other anew");
	loom_core_destroy(other);
	config.isa = NULL;
}

/* A job that was taken up amid a packet, and is over before it could go on: it can be saved again. */
static void test_aborted(struct card *card, bool hang)
{
	const uint64_t ctrl = LOOM_REG_RING(1) + LOOM_RING_CTRL;
	bool begun = false, stuck;
	struct loom_cqe cqe;

	for (unsigned int round = 0; !begun && round < 200; round++) {
		struct cmds cmds = long_job(card, false);

		begin_anew(card);
		card_submit(card, 1, &cmds, 0);
		go_on(card, 3);
		card_write32(card, ctrl, LOOM_RING_CTRL_ENABLE | LOOM_RING_CTRL_HALT);
		card_until32(card, LOOM_REG_RING(1) + LOOM_RING_STATUS, LOOM_RING_STATUS_HALTED,
			     LOOM_RING_STATUS_HALTED);
		loom_core_quiesce(card->core);
		begun = card->core->rings[1].job.phase == JOB_WALK &&
			atomic_load(&card->core->rings[1].job.tiles.next);
		replace(card, 1, true);
		loom_core_resume(card->core);
	}
	if (hang)
		loom_core_inject(card->core, LOOM_INJECT_HANG, 1);
	else
		card_write32(card, LOOM_REG_CTX_STOP, 1);
	loom_core_quiesce(card->core);
	replace(card, 1, true);
	stuck = card->core->rings[1].job.stuck;
	loom_core_resume(card->core);
	card_write32(card, ctrl, LOOM_RING_CTRL_ENABLE);
	if (!hang) {
		card_wait(card, 1, &cqe);
		tap_ok(begun && cqe_outcome(&cqe) == LOOM_OUTCOME_ABORTED,
		       "one that was stopped before it went on is saved as such");
		card_write32(card, LOOM_REG_CTX_START, 1);
	} else {
		tap_ok(begun && stuck, "so is one that hangs");
	}
	begin_anew(card);
}

/* Whatever the card is doing, its registers are the same afterwards. */
static void test_everything(struct card *card)
{
	static uint64_t before[REGISTERS], after[REGISTERS];
	struct cmds hang = cmds_begin(card, 2), busy = cmds_begin(card, 3), bad, fence;
	struct loom_cqe cqe;
	unsigned long irqs;

	cmds_add(&hang, LOOM_OP_NOP, 16);
	cmds_hang(&hang, false);
	cmds_hang(&busy, true);
	bad = cmds_begin(card, 4);
	cmds_fence(&bad, 0x7770000000, 1);
	fence = cmds_begin(card, 6);
	cmds_fence(&fence, A, 77);
	card_submit(card, 2, &hang, 0);
	card_submit(card, 2, &hang, 0);
	card_submit(card, 3, &busy, 0);
	card_submit(card, 4, &bad, LOOM_DESC_IRQ);
	card_wait(card, 4, &cqe);
	/* ring 5 in error, 6 halted with something to do, 7 never enabled and half written */
	card_write64(card, LOOM_REG_IRQ_COALESCE(6), 3600000000ull << 32 | 2);
	__atomic_store_n(card->ring[5].index, 99, __ATOMIC_RELEASE);
	card_write32(card, LOOM_DOORBELL(5), 0);
	card_until32(card, LOOM_REG_RING(5) + LOOM_RING_ERROR, ~0u, LOOM_RING_ERROR_INDEX);
	card_submit(card, 6, &fence, LOOM_DESC_IRQ);
	card_wait(card, 6, &cqe);
	irqs = host_irqs(&card->host, 6);
	card_write32(card, LOOM_REG_RING(6) + LOOM_RING_CTRL,
		     LOOM_RING_CTRL_ENABLE | LOOM_RING_CTRL_HALT);
	card_until32(card, LOOM_REG_RING(6) + LOOM_RING_STATUS, LOOM_RING_STATUS_HALTED,
		     LOOM_RING_STATUS_HALTED);
	card_submit(card, 6, &fence, LOOM_DESC_IRQ);
	card_write32(card, LOOM_REG_RING(7) + LOOM_RING_BASE, 0x1000);
	card_write32(card, LOOM_REG_CTX_STOP, 9);
	loom_core_inject(card->core, LOOM_INJECT_LOST_DOORBELL, 7);
	card_until32(card, LOOM_REG_RING(2) + LOOM_RING_CURRENT_PACKET, ~0u, 16);

	loom_core_quiesce(card->core);
	registers(card, before);
	/* but for the time until an interrupt is due */
	replace(card, 1, false);
	registers(card, after);
	tap_ok(!memcmp(before, after, sizeof(before)), "all registers are the same");
	loom_core_resume(card->core);

	card_write32(card, LOOM_REG_RING(7) + LOOM_RING_BASE + 4, 0);
	tap_ok(card_read64(card, LOOM_REG_RING(7) + LOOM_RING_BASE) == 0x1000,
	       "a low half still waits for its high half");
	tap_ok(card->core->rings[7].inject == 1u << LOOM_INJECT_LOST_DOORBELL,
	       "an armed fault stays armed");
	tap_ok(card->core->stopped[0] == (1ull << 9 | 1ull << 4), "stopped contexts stay stopped");
	tap_ok(!card_poll(card, 6, &cqe), "a halted ring stays halted");
	card_write32(card, LOOM_REG_RING(6) + LOOM_RING_CTRL, LOOM_RING_CTRL_ENABLE);
	card_wait(card, 6, &cqe);
	tap_ok(cqe.index == 1 && cqe_outcome(&cqe) == LOOM_OUTCOME_OK, "and goes on when told so");
	host_wait_irq(&card->host, 6, irqs + 1);
	tap_ok(true, "an interrupt that was being coalesced comes");
	before[0] = card_read64(card, LOOM_REG_RING(3) + LOOM_RING_PROGRESS);
	while (card_read64(card, LOOM_REG_RING(3) + LOOM_RING_PROGRESS) == before[0])
		;
	card_write32(card, LOOM_REG_CTX_STOP, 3);
	card_wait(card, 3, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_ABORTED, "a busy hang goes on and can be stopped");
	card_write32(card, LOOM_REG_CTX_STOP, 2);
	card_wait(card, 2, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_ABORTED && cqe.index == 0, "so can a quiet one");
	card_wait(card, 2, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_CONTEXT_STOPPED, "what follows it was queued");
	for (unsigned int i = 2; i < 10; i++)
		card_write32(card, LOOM_REG_CTX_START, i);
}

static void test_stuck(struct card *card)
{
	struct cmds fence = cmds_begin(card, 2);
	struct loom_cqe cqe;

	cmds_fence(&fence, A, 3);
	loom_core_inject(card->core, LOOM_INJECT_HANG, 2);
	card_submit(card, 2, &fence, 0);
	card_until32(card, LOOM_REG_RING(2) + LOOM_RING_STATUS, LOOM_RING_STATUS_RUNNING,
		     LOOM_RING_STATUS_RUNNING);
	loom_core_inject(card->core, LOOM_INJECT_HANG_DEVICE, 3);
	card_submit(card, 3, &fence, 0);
	card_until32(card, LOOM_REG_RING(3) + LOOM_RING_STATUS, LOOM_RING_STATUS_RUNNING,
		     LOOM_RING_STATUS_RUNNING);
	card_write32(card, LOOM_REG_RING(3) + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
	loom_core_quiesce(card->core);
	replace(card, 2, true);
	loom_core_resume(card->core);
	card_write32(card, LOOM_REG_RING(2) + LOOM_RING_CTRL, LOOM_RING_CTRL_RESET);
	card_until32(card, LOOM_REG_RING(2) + LOOM_RING_STATUS, ~0u, 0);
	card_ring_config(card, 2, 2, 0);
	memset(card->ring[2].cqe, 0, 16 * sizeof(cqe));
	card_submit(card, 2, &fence, 0);
	card_wait(card, 2, &cqe);
	tap_ok(cqe_outcome(&cqe) == LOOM_OUTCOME_OK, "an injected hang ends by a ring reset");
	tap_ok(card_read32(card, LOOM_REG_RING(3) + LOOM_RING_STATUS) & LOOM_RING_STATUS_RESETTING,
	       "one of the device does not");
	loom_core_inject(card->core, LOOM_INJECT_DEAD, 0);
	loom_core_quiesce(card->core);
	replace(card, 0, true);
	tap_ok(card_read32(card, 0) == UINT32_MAX, "a dead card is dead");
	loom_core_resume(card->core);
	loom_core_reset(card->core);
}

static void test_refused(struct card *card)
{
	static uint64_t before[REGISTERS], after[REGISTERS];
	struct cmds cmds = job(card);
	unsigned int accepted = 0, changed = 0;
	struct loom_cqe cqe;
	const char *why;
	uint8_t *data, *copy;
	void *none;
	size_t size;

	tap_ok(loom_core_save(card->core, &none, &size) == -EBUSY, "a card at work is not saved");
	card_submit(card, 1, &cmds, 0);
	go_on(card, 30);
	loom_core_quiesce(card->core);
	data = save(card, &size);
	copy = malloc(size + 1);
	if (!copy)
		fail("no memory");
	loom_core_resume(card->core);
	tap_ok(loom_core_load(card->core, data, size, &why) == -EBUSY, "nor is it replaced");
	card_wait(card, 1, &cqe);
	loom_core_quiesce(card->core);
	registers(card, before);
	for (size_t n = 0; n < size; n += 1 + n / 64)
		accepted += !loom_core_load(card->core, data, n, &why);
	memcpy(copy, data, size);
	copy[size] = 0;
	accepted += !loom_core_load(card->core, copy, size + 1, &why);
	tap_ok(!accepted, "a state of another length is refused");
	/* identity: from the magic number to the features */
	for (size_t at = 0; at < 44; at++) {
		memcpy(copy, data, size);
		copy[at] ^= 0x40;
		accepted += !loom_core_load(card->core, copy, size, &why);
	}
	tap_ok(!accepted, "so is that of another version, or of another card");
	registers(card, after);
	changed = memcmp(before, after, sizeof(before)) != 0;
	tap_ok(!changed, "and changes nothing");
	/* bits anywhere: never a crash, and what is taken can be reset */
	for (size_t at = 44; at < size; at += 1 + at / 512) {
		memcpy(copy, data, size);
		copy[at] ^= (uint8_t)(1u << at % 8);
		accepted += !loom_core_load(card->core, copy, size, &why);
	}
	tap_ok(true, "damaged bits: refused or harmless");
	tap_ok(!loom_core_load(card->core, data, size, &why), "the original is taken");
	free(copy);
	free(data);
	loom_core_reset(card->core);
	loom_core_resume(card->core);
}

/* A cause is enabled while the card stands still: whoever takes it up has to look. */
static void test_enabled_meanwhile(struct card *card)
{
	struct cmds cmds = cmds_begin(card, 1);
	unsigned long irqs = host_irqs(&card->host, 0);
	struct loom_cqe cqe;

	cmds_fence(&cmds, 0x1000, 1);
	card_write64(card, LOOM_REG_IRQ_ENABLE, 0);
	card_submit(card, 1, &cmds, 0);
	card_wait(card, 1, &cqe);
	loom_core_quiesce(card->core);
	card_write64(card, LOOM_REG_IRQ_ENABLE, LOOM_IRQ_FAULT);
	replace(card, 1, true);
	tap_ok(host_irqs(&card->host, 0) == irqs, "an interrupt that was enabled meanwhile waits");
	loom_core_resume(card->core);
	host_wait_irq(&card->host, 0, irqs + 1);
	tap_ok(true, "... and comes from the card that took the state up");
	loom_core_reset(card->core);
}

static void set_up(struct card *card)
{
	card_enable(card, LOOM_FEATURE_DEBUG | LOOM_FEATURE_COALESCE);
	for (unsigned int r = 1; r < 7; r++) {
		card_ring(card, r, 4, r, 0);
		memset(card->ring[r].cqe, 0, 16 * sizeof(struct loom_cqe));
	}
}

int main(void)
{
	static struct card card;

	config = card_config();
	card_init(&card, &config);
	for (unsigned int i = 1; i < 10; i++) {
		card_context(&card, i, i, i, 1, LOOM_PRIORITY_NORMAL);
		card_buffer(&card, i, A, N * N * 4);
	}
	card_buffer(&card, 1, B, N * N * 4);
	card_buffer(&card, 1, C, N * N * 4);
	card_buffer(&card, 1, SUM, SUM_SIZE);
	card_linear(&card, 1, BIG, BIG_SIZE);
	set_up(&card);
	test_jobs(&card);
	test_engines(&card);
	test_aborted(&card, false);
	test_aborted(&card, true);
	test_everything(&card);
	test_stuck(&card);
	set_up(&card);
	test_enabled_meanwhile(&card);
	set_up(&card);
	prepare(&card);
	test_refused(&card);
	card_exit(&card);
	return tap_done();
}
