// SPDX-License-Identifier: MIT
/*
 * Address translation: page table walks, the TLB, and invalidation.
 *
 * A ring claims the ranges that it is about to translate before it looks at
 * the TLB or a table, and releases them after its engines have let go. An
 * invalidation drops the TLB entries at once; it is complete when every claim
 * that it hit has been released.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "core.h"

/* Operands up to this many pages go through the TLB; larger ones would only flush it. */
#define TLB_PAGES	32

#define PTE_TABLE_BITS	(LOOM_PTE_VALID | LOOM_PTE_ADDR | LOOM_PTE_SOFTWARE)
#define PTE_LEAF_BITS	(PTE_TABLE_BITS | LOOM_PTE_READ | LOOM_PTE_WRITE | LOOM_PTE_LEAF | \
			 LOOM_PTE_LOCAL)

/* ---- TLB, all under the lock ---- */

static struct tlb_entry *tlb_set(struct loom_core *core, uint32_t tag, uint64_t vpn,
				 unsigned int level)
{
	uint64_t key = (vpn >> (9 * level)) ^ (uint64_t)tag * 0x9e3779b1u;

	return core->tlb[key % TLB_SETS];
}

static struct tlb_entry *tlb_find(struct loom_core *core, uint32_t tag, uint64_t vpn,
				  unsigned int level)
{
	struct tlb_entry *set = tlb_set(core, tag, vpn, level);

	for (unsigned int i = 0; i < TLB_WAYS; i++)
		if (set[i].pte && set[i].tag == tag && set[i].level == level &&
		    set[i].vpn >> (9 * level) == vpn >> (9 * level))
			return &set[i];
	return NULL;
}

static void tlb_insert(struct loom_core *core, uint32_t tag, uint64_t vpn, const struct leaf *leaf)
{
	struct tlb_entry *entry = tlb_find(core, tag, vpn, leaf->level);
	struct tlb_entry *set = tlb_set(core, tag, vpn, leaf->level);

	for (unsigned int i = 0; i < TLB_WAYS && !entry; i++)
		if (!set[i].pte)
			entry = &set[i];
	if (!entry)
		entry = &set[core->tlb_victim++ % TLB_WAYS];
	if (!entry->pte)
		core->tlb_used++;
	*entry = (struct tlb_entry){
		.vpn = vpn >> (9 * leaf->level) << (9 * leaf->level),
		.pte = leaf->pte,
		.tag = tag,
		.level = leaf->level,
	};
}

static void tlb_remove(struct loom_core *core, struct tlb_entry *entry)
{
	if (!entry || !entry->pte)
		return;
	entry->pte = 0;
	core->tlb_used--;
}

/* [first, last] in pages */
static void tlb_drop(struct loom_core *core, uint32_t tag, uint64_t first, uint64_t last)
{
	if (!core->tlb_used)
		return;
	if (last - first < 64) {
		for (uint64_t vpn = first; vpn <= last; vpn++) {
			tlb_remove(core, tlb_find(core, tag, vpn, 0));
			tlb_remove(core, tlb_find(core, tag, vpn, 1));
		}
		return;
	}
	for (unsigned int i = 0; i < TLB_SETS * TLB_WAYS; i++) {
		struct tlb_entry *entry = &core->tlb[0][0] + i;
		uint64_t pages = 1ull << (9 * entry->level);

		if (entry->pte && entry->tag == tag && entry->vpn <= last &&
		    entry->vpn + pages > first)
			tlb_remove(core, entry);
	}
}

/* ---- invalidation, under the lock ---- */

void loom_mmu_settle(struct loom_core *core)
{
	uint64_t done = reg_get(&core->regs[R_INV_ISSUED]);

	for (unsigned int i = 0; i < core->config.rings; i++) {
		uint64_t drop = core->rings[i].claim.drop;

		if (drop && drop - 1 < done)
			done = drop - 1;
	}
	reg_set(&core->regs[R_INV_DONE], done);
}

static bool claim_hit(const struct claim *claim, uint32_t tag, uint64_t va, uint64_t last)
{
	if (!claim->holds || claim->tag != tag)
		return false;
	for (unsigned int i = 0; i < claim->nranges; i++)
		if (claim->ranges[i].va <= last &&
		    claim->ranges[i].va + (claim->ranges[i].len - 1) >= va)
			return true;
	return false;
}

/**
 * loom_mmu_invalidate() - forget translations of @tag in [va, va + len), of all if @len is 0
 */
void loom_mmu_invalidate(struct loom_core *core, uint32_t tag, uint64_t va, uint64_t len)
{
	uint64_t seq = reg_get(&core->regs[R_INV_ISSUED]) + 1;
	uint64_t last = UINT64_MAX;
	bool poked = false;

	if (!len)
		va = 0;
	else if (va + (len - 1) >= va)
		last = va + (len - 1);
	reg_set(&core->regs[R_INV_ISSUED], seq);
	core->inv_seq++;
	tlb_drop(core, tag, va >> 12, last >> 12);
	for (unsigned int i = 0; i < core->config.rings; i++) {
		struct loom_ring *ring = &core->rings[i];

		if (!claim_hit(&ring->claim, tag, va, last))
			continue;
		if (!ring->claim.drop)
			ring->claim.drop = seq;
		atomic_fetch_or(&ring->poke, POKE_DROP);
		poked = true;
	}
	loom_mmu_settle(core);
	if (poked)
		loom_front_request(core, REQ_POKE);
}

/** loom_mmu_flush() - forget everything; no claim is left */
void loom_mmu_flush(struct loom_core *core)
{
	memset(core->tlb, 0, sizeof(core->tlb));
	core->tlb_used = 0;
	core->inv_seq++;
}

void loom_mmu_claim(struct loom_ring *ring, const struct range *ranges, unsigned int n)
{
	struct claim *claim = &ring->claim;

	memcpy(claim->ranges, ranges, n * sizeof(*ranges));
	claim->nranges = n;
	claim->holds = true;
}

void loom_mmu_release(struct loom_ring *ring)
{
	struct claim *claim = &ring->claim;

	claim->holds = false;
	atomic_fetch_and(&ring->poke, ~POKE_DROP);
	if (!claim->drop)
		return;
	claim->drop = 0;
	loom_mmu_settle(ring->core);
}

/* ---- walk ---- */

struct walker {
	struct loom_core *core;
	uint64_t root;
	struct {
		bool mapped;
		uint64_t key;		/* which table: the bits of the VA above it */
		struct loom_map map;
	} table[LOOM_PT_LEVELS];
};

static void table_unmap(struct walker *w, unsigned int level)
{
	if (!w->table[level].mapped)
		return;
	w->table[level].mapped = false;
	w->core->ops.unmap(w->core->host, &w->table[level].map, 0);
}

static void walker_end(struct walker *w)
{
	for (unsigned int i = 0; i < LOOM_PT_LEVELS; i++)
		table_unmap(w, i);
}

static bool table_map(struct walker *w, unsigned int level, uint64_t bus, uint64_t key)
{
	struct loom_map *map = &w->table[level].map;

	table_unmap(w, level);
	*map = (struct loom_map){ 0 };
	if (w->core->ops.map(w->core->host, bus, LOOM_PAGE_SIZE, false, map))
		return false;
	w->table[level].mapped = true;
	w->table[level].key = key;
	if (map->len >= LOOM_PAGE_SIZE && (uintptr_t)map->ptr % 8 == 0)
		return true;
	table_unmap(w, level);
	return false;
}

static int stop_at(struct mmu_fault *fault, unsigned int code, uint64_t va, uint64_t pte,
		   unsigned int level)
{
	*fault = (struct mmu_fault){
		.code = (uint8_t)code, .level = (uint8_t)level, .va = va, .pte = pte
	};
	return -EFAULT;
}

/*
 * A host that refuses memory while the card is being quiesced says nothing
 * about the address: what needs it is tried again afterwards.
 */
static int not_memory(struct loom_core *core, struct mmu_fault *fault, unsigned int code,
		      uint64_t va, uint64_t pte, unsigned int level)
{
	if (atomic_load(&core->quiesce))
		return -EAGAIN;
	return stop_at(fault, code, va, pte, level);
}

static int walk(struct walker *w, uint64_t va, struct leaf *leaf, struct mmu_fault *fault)
{
	unsigned int level = 0;
	const uint64_t *table;
	uint64_t pte = 0;

	reg_count(&w->core->regs[R_CNT_TLB_MISSES], 1);
	while (level < LOOM_PT_LEVELS &&
	       !(w->table[level].mapped && w->table[level].key == va >> LOOM_PT_SHIFT(level + 1)))
		level++;
	if (level == LOOM_PT_LEVELS) {
		level = LOOM_PT_LEVELS - 1;
		if (!table_map(w, level, w->root, 0))
			return not_memory(w->core, fault, LOOM_FAULT_TABLE_BUS, va, 0, level);
	}
	for (;;) {
		table = w->table[level].map.ptr;
		pte = le64toh(__atomic_load_n(&table[(va >> LOOM_PT_SHIFT(level)) & 511],
					      __ATOMIC_RELAXED));
		if (!(pte & LOOM_PTE_VALID))
			return stop_at(fault, LOOM_FAULT_NOT_MAPPED, va, pte, level);
		if (pte & LOOM_PTE_LEAF) {
			uint64_t inside = (1ull << LOOM_PT_SHIFT(level)) - 1;

			if (level > 1 || pte & ~PTE_LEAF_BITS || pte & LOOM_PTE_ADDR & inside)
				return stop_at(fault, LOOM_FAULT_BAD_PTE, va, pte, level);
			leaf->pte = pte;
			leaf->level = (uint8_t)level;
			return 0;
		}
		if (!level || pte & ~PTE_TABLE_BITS)
			return stop_at(fault, LOOM_FAULT_BAD_PTE, va, pte, level);
		if (!table_map(w, level - 1, pte & LOOM_PTE_ADDR, va >> LOOM_PT_SHIFT(level)))
			return not_memory(w->core, fault, LOOM_FAULT_TABLE_BUS, va, pte, level);
		level--;
	}
}

/* ---- translation of a range ---- */

/* Adjacent bytes of the bus that are still to be mapped into the span. */
struct extent {
	uint64_t va, bus, len;
	bool local;
};

struct translation {
	struct loom_ring *ring;
	struct span *span;
	struct walker walker;
	struct extent extent;
	uint32_t tag;
	uint64_t first;			/* page of cached[0] */
	unsigned int ncached;
	struct leaf cached[TLB_PAGES + 1];
	uint64_t seq;
};

static void add_run(struct span *span, uint8_t *ptr, uint64_t len, bool host)
{
	struct loom_run *last = span->nruns ? &span->runs[span->nruns - 1] : NULL;

	/* local and host memory are told apart by their runs */
	if (!last || last->ptr + (span->size - last->start) != ptr || span->last_host != host)
		span->runs[span->nruns++] = (struct loom_run){ .start = span->size, .ptr = ptr };
	span->size += len;
	span->last_host = host;
	span->host |= host;
}

/* The page table entry of @va, for the record. */
static int bus_fault(struct translation *t, uint64_t va, struct mmu_fault *fault)
{
	struct leaf leaf;

	if (atomic_load(&t->ring->core->quiesce))
		return -EAGAIN;
	if (walk(&t->walker, va, &leaf, fault))
		return -EFAULT;
	return stop_at(fault, LOOM_FAULT_BUS, va, leaf.pte, leaf.level);
}

/**
 * loom_mmu_bus_error() - the fault of an access to @va that the bus answered with an error
 *
 * Return: -EFAULT with *@fault, or -EAGAIN while the card is quiesced
 */
int loom_mmu_bus_error(struct loom_ring *ring, uint64_t va, struct mmu_fault *fault)
{
	struct translation t = {
		.ring = ring,
		.walker = { .core = ring->core, .root = le64toh(ring->job.ctx.root) },
	};
	int ret = bus_fault(&t, va, fault);

	walker_end(&t.walker);
	return ret;
}

static int extent_local(struct translation *t, struct mmu_fault *fault)
{
	const struct loom_core_config *config = &t->ring->core->config;
	struct extent *e = &t->extent;
	uint64_t size = config->local ? config->local_size : 0;

	if (e->bus >= size)
		return bus_fault(t, e->va, fault);
	if (e->len > size - e->bus)
		return bus_fault(t, e->va + (size - e->bus), fault);
	add_run(t->span, (uint8_t *)config->local + e->bus, e->len, false);
	e->len = 0;
	return 0;
}

static int extent_flush(struct translation *t, struct mmu_fault *fault)
{
	struct loom_core *core = t->ring->core;
	struct extent *e = &t->extent;

	if (e->len && e->local)
		return extent_local(t, fault);
	while (e->len) {
		struct loom_map *map = &t->span->maps[t->span->nmaps];
		uint64_t got;

		*map = (struct loom_map){ 0 };
		if (core->ops.map(core->host, e->bus, e->len, t->span->write, map))
			return bus_fault(t, e->va, fault);
		got = map->len < e->len ? map->len : e->len;
		/* pages are the grain: there is room for one mapping and one run of each */
		if (got < e->len)
			got -= (e->bus + got) % LOOM_PAGE_SIZE < got ?
			       (e->bus + got) % LOOM_PAGE_SIZE : got;
		if (!got) {
			core->ops.unmap(core->host, map, 0);
			return bus_fault(t, e->va, fault);
		}
		t->span->nmaps++;
		add_run(t->span, map->ptr, got, true);
		e->va += got;
		e->bus += got;
		e->len -= got;
	}
	return 0;
}

/* Look the next pages up in the TLB, all under one lock. */
static void lookup(struct translation *t, uint64_t va, uint64_t pages)
{
	struct loom_core *core = t->ring->core;

	t->first = va >> 12;
	t->ncached = (unsigned int)pages;
	pthread_mutex_lock(&core->lock);
	t->seq = core->inv_seq;
	for (unsigned int i = 0; i < pages; i++) {
		struct tlb_entry *entry = tlb_find(core, t->tag, t->first + i, 0);

		if (!entry)
			entry = tlb_find(core, t->tag, t->first + i, 1);
		t->cached[i].pte = entry ? entry->pte : 0;
		t->cached[i].level = entry ? entry->level : 0;
	}
	pthread_mutex_unlock(&core->lock);
}

static int translate(struct translation *t, uint64_t va, struct leaf *leaf,
		     struct mmu_fault *fault)
{
	struct loom_core *core = t->ring->core;
	uint64_t i = (va >> 12) - t->first;
	int ret;

	if (t->ncached && t->cached[i].pte) {
		*leaf = t->cached[i];
		return 0;
	}
	ret = walk(&t->walker, va, leaf, fault);
	if (ret || !t->ncached)
		return ret;
	pthread_mutex_lock(&core->lock);
	/* what was read before an invalidation must not be found after it */
	if (core->inv_seq == t->seq)
		tlb_insert(core, t->tag, va >> 12, leaf);
	pthread_mutex_unlock(&core->lock);
	return 0;
}

static int advance(struct translation *t, uint64_t va, uint64_t left, unsigned int access,
		   uint64_t *step, struct mmu_fault *fault)
{
	uint64_t need = access == LOOM_ACCESS_WRITE ? LOOM_PTE_WRITE : LOOM_PTE_READ;
	struct extent *e = &t->extent;
	uint64_t size, bus;
	struct leaf leaf;
	bool local;
	int ret;

	if (va >> LOOM_VA_BITS)
		return stop_at(fault, LOOM_FAULT_NON_CANONICAL, va, 0, 0xff);
	ret = translate(t, va, &leaf, fault);
	if (ret)
		return ret;
	if (!(leaf.pte & need))
		return stop_at(fault, LOOM_FAULT_PERMISSION, va, leaf.pte, leaf.level);
	size = 1ull << LOOM_PT_SHIFT(leaf.level);
	bus = (leaf.pte & LOOM_PTE_ADDR) + (va & (size - 1));
	local = leaf.pte & LOOM_PTE_LOCAL;
	*step = size - (va & (size - 1)) < left ? size - (va & (size - 1)) : left;
	if (e->len && (e->local != local || e->bus + e->len != bus)) {
		ret = extent_flush(t, fault);
		if (ret)
			return ret;
	}
	if (!e->len)
		*e = (struct extent){ .va = va, .bus = bus, .local = local };
	e->len += *step;
	return 0;
}

static void make_index(struct span *span, uint32_t skew)
{
	uint64_t pages = (skew + span->size + LOOM_PAGE_SIZE - 1) >> 12;
	uint32_t run = 0;

	for (uint64_t page = 0; page < pages; page++) {
		uint64_t start = page ? (page << 12) - skew : 0;

		while (run + 1 < span->nruns && span->runs[run + 1].start <= start)
			run++;
		span->index[page] = run;
	}
}

/**
 * loom_mmu_span() - translate [va, va + len) into @span
 * @access: LOOM_ACCESS_*
 * @yield: when to pause, see loom_front_yield()
 * @view: filled at the end
 *
 * Goes on where an earlier call paused. The range has been claimed.
 *
 * Return: 0, 1 (paused), -EFAULT with *@fault, or -EAGAIN while the card is quiesced
 */
int loom_mmu_span(struct loom_ring *ring, struct span *span, uint64_t va, uint64_t len,
		  unsigned int access, const struct yield *yield, struct loom_view *view,
		  struct mmu_fault *fault)
{
	uint32_t skew = (uint32_t)(va & (LOOM_PAGE_SIZE - 1));
	uint64_t pages = (skew + len + LOOM_PAGE_SIZE - 1) / LOOM_PAGE_SIZE;
	struct translation t = {
		.ring = ring,
		.span = span,
		.walker = { .core = ring->core, .root = le64toh(ring->job.ctx.root) },
		.tag = le32toh(ring->job.ctx.tag),
	};
	unsigned int steps = 0;
	uint64_t off = span->size, step;
	int ret = 0;

	span->write = access == LOOM_ACCESS_WRITE;
	if (pages <= TLB_PAGES && !off)
		lookup(&t, va, pages);
	while (!ret && off < len) {
		if (++steps % 256 == 0 && loom_front_yield(ring, yield)) {
			ret = 1;
			break;
		}
		ret = advance(&t, va + off, len - off, access, &step, fault);
		off += ret ? 0 : step;
	}
	if (ret >= 0) {
		int flushed = extent_flush(&t, fault);

		ret = flushed ? flushed : ret;
	}
	walker_end(&t.walker);
	if (ret)
		return ret;
	if (span->nruns > 1)
		make_index(span, skew);
	*view = (struct loom_view){
		.size = len,
		.nruns = span->nruns,
		.skew = skew,
		.runs = span->runs,
		.index = span->nruns > 1 ? span->index : NULL,
	};
	return 0;
}
