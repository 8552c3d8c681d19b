// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "gemm-plan.h"
#include "job.h"
#include "loom_core.h"
#include "numerics.h"

uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
	return rng_next(rng) % n;
}

static void *get(size_t size)
{
	void *p = aligned_alloc(4096, (size + 4095) & ~(size_t)4095);

	if (!p) {
		printf("Bail out! no memory\n");
		exit(1);
	}
	return p;
}

void memory_init(struct memory *mem)
{
	memset(mem, 0, sizeof(*mem));
	mem->next = 4096;
}

void memory_commit(struct memory *mem, bool shuffle, uint64_t seed)
{
	uint32_t pages = (uint32_t)(mem->next / 4096 + 1);
	struct rng rng = { seed };

	mem->pages = pages;
	mem->host = get((size_t)pages * 4096);
	mem->map = get(pages * sizeof(*mem->map));
	for (uint32_t i = 0; i < pages; i++)
		mem->map[i] = i;
	/* leave some neighbours together: runs are of several lengths */
	for (uint32_t i = pages; shuffle && i > 1; i--) {
		uint32_t j = (uint32_t)rng_below(&rng, i), page = mem->map[i - 1];

		if (rng_below(&rng, 4) == 0)
			continue;
		mem->map[i - 1] = mem->map[j];
		mem->map[j] = page;
	}
	for (size_t i = 0; i < (size_t)pages * 4096; i += 8) {
		uint64_t r = rng_next(&rng);

		memcpy(mem->host + i, &r, 8);
	}
}

void memory_free(struct memory *mem)
{
	free(mem->host);
	free(mem->map);
}

void memory_copy(struct memory *to, const struct memory *from)
{
	to->pages = from->pages;
	to->next = from->next;
	to->host = get((size_t)from->pages * 4096);
	to->map = get(from->pages * sizeof(*to->map));
	memcpy(to->host, from->host, (size_t)from->pages * 4096);
	memcpy(to->map, from->map, from->pages * sizeof(*to->map));
}

bool memory_equal(const struct memory *a, const struct memory *b)
{
	return !memcmp(a->host, b->host, (size_t)a->pages * 4096);
}

static uint8_t *at(const struct memory *mem, uint64_t va)
{
	return mem->host + (size_t)mem->map[va >> 12] * 4096 + (va & 4095);
}

void memory_read(const struct memory *mem, uint64_t va, void *to, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		((uint8_t *)to)[i] = *at(mem, va + i);
}

void memory_write(struct memory *mem, uint64_t va, const void *from, uint64_t len)
{
	for (uint64_t i = 0; i < len; i++)
		*at(mem, va + i) = ((const uint8_t *)from)[i];
}

static void place(struct memory *mem, struct loom_tensor *tensor)
{
	unsigned int size = loom_dtype_size(tensor->dtype);
	int64_t low = 0, high = 0;

	for (unsigned int i = 0; i < tensor->rank; i++) {
		int64_t reach = ((int64_t)tensor->dims[i] - 1) * (int64_t)tensor->strides[i];

		if (!tensor->dims[i])
			low = high = reach = 0;
		if (reach < 0)
			low += reach;
		else
			high += reach;
	}
	tensor->va = (mem->next + size - 1) / size * size + (uint64_t)-low * size;
	mem->next = tensor->va + (uint64_t)(high + 1) * size;
}

void tensor_plain(struct memory *mem, struct loom_tensor *tensor, unsigned int dtype,
		  unsigned int rank, const uint32_t *dims)
{
	int64_t stride = 1;

	memset(tensor, 0, sizeof(*tensor));
	tensor->dtype = (uint8_t)dtype;
	tensor->rank = (uint8_t)rank;
	for (unsigned int i = rank; i-- > 0;) {
		tensor->dims[i] = dims[i];
		tensor->strides[i] = (uint64_t)stride;
		stride *= dims[i];
	}
	for (unsigned int i = 0; i < rank; i++)
		if (tensor->dims[i] > 1 && !tensor->strides[i])
			tensor->strides[i] = 1;
	place(mem, tensor);
}

void tensor_random(struct memory *mem, struct loom_tensor *tensor, unsigned int dtype,
		   unsigned int rank, const uint32_t *dims, bool write, struct rng *rng)
{
	unsigned int order[LOOM_RANK_MAX];
	int64_t stride = 1;

	memset(tensor, 0, sizeof(*tensor));
	tensor->dtype = (uint8_t)dtype;
	tensor->rank = (uint8_t)rank;
	for (unsigned int i = 0; i < rank; i++) {
		tensor->dims[i] = dims[i];
		order[i] = i;
	}
	if (rng_below(rng, 2))
		for (unsigned int i = rank; i > 1; i--) {
			unsigned int j = (unsigned int)rng_below(rng, i), o = order[i - 1];

			order[i - 1] = order[j];
			order[j] = o;
		}
	if (rng_below(rng, 4) == 0)
		stride = 1 + (int64_t)rng_below(rng, 3);
	for (unsigned int i = rank; i-- > 0;) {
		unsigned int axis = order[i];
		bool back = rng_below(rng, 8) == 0, repeat = !write && rng_below(rng, 16) == 0;

		tensor->strides[axis] = repeat ? 0 : (uint64_t)(back ? -stride : stride);
		stride *= dims[axis] ? dims[axis] : 1;
		if (rng_below(rng, 4) == 0)
			stride += (int64_t)rng_below(rng, 5);
	}
	/* anywhere in a page, often close to its end */
	mem->next += rng_below(rng, 3) ? rng_below(rng, 200) : (4088 - mem->next) % 4096;
	place(mem, tensor);
}

void tensor_panels(struct memory *mem, struct loom_tensor *tensor, unsigned int dtype,
		   unsigned int rank, const uint32_t *dims)
{
	uint64_t bytes = loom_panel_bytes(dtype, dims[rank - 2]);

	memset(tensor, 0, sizeof(*tensor));
	tensor->dtype = (uint8_t)dtype;
	tensor->rank = (uint8_t)rank;
	tensor->flags = LOOM_TENSOR_PANELS;
	memcpy(tensor->dims, dims, rank * sizeof(*dims));
	bytes *= dims[rank - 1] / LOOM_PANEL_COLUMNS + (dims[rank - 1] % LOOM_PANEL_COLUMNS != 0);
	bytes = (bytes + LOOM_PANEL_ALIGN - 1) / LOOM_PANEL_ALIGN * LOOM_PANEL_ALIGN;
	tensor->va = (mem->next + LOOM_PANEL_ALIGN - 1) / LOOM_PANEL_ALIGN * LOOM_PANEL_ALIGN;
	for (unsigned int i = rank - 2; i-- > 0; bytes *= dims[i])
		tensor->strides[i] = (bytes ? bytes : LOOM_PANEL_ALIGN) / loom_dtype_size(dtype);
	mem->next = tensor->va + bytes;
}

unsigned int dims_broadcast(const uint32_t *dims, unsigned int rank, unsigned int keep,
			    uint32_t *out, struct rng *rng)
{
	unsigned int drop = rank > keep && rng_below(rng, 3) == 0 ?
			    (unsigned int)rng_below(rng, rank - keep + 1) : 0;

	for (unsigned int i = drop; i < rank; i++) {
		out[i - drop] = dims[i];
		if (i + keep < rank && rng_below(rng, 4) == 0)
			out[i - drop] = 1;
	}
	return rank - drop;
}

static uint64_t value(unsigned int dtype, unsigned int wild, struct rng *rng)
{
	static const uint32_t specials[] = {
		0x00000000, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001,
		0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x7f7fffff, 0xff7fffff, 0x3f800000,
		0xbf800000, 0x477fe000, 0x477ff000, 0x33000000, 0x33000001, 0x38800000, 0x387fffff,
		0x4effffff, 0x4f000000, 0xcf000000, 0x42ff0000, 0xc3008000, 0x3f000000, 0x40200000,
	};
	uint64_t r = rng_next(rng);
	uint32_t u;
	float x;

	if (!loom_dtype_is_float(dtype))
		return r;
	if (wild >= WILD)
		return r;
	if (rng_below(rng, 256) < wild) {
		u = specials[r % (sizeof(specials) / sizeof(specials[0]))];
		if (dtype == LOOM_DTYPE_F32)
			return u;
		return dtype == LOOM_DTYPE_BF16 ? u >> 16 : (u >> 13 & 0x3fff) | (u >> 31 << 15);
	}
	x = (float)((double)(int64_t)r * 0x1p-62);
	if (dtype == LOOM_DTYPE_F16)
		return loom_f16_from_f32(x);
	return dtype == LOOM_DTYPE_BF16 ? loom_bf16_from_f32(x) : loom_f32_bits(x);
}

void tensor_fill(struct memory *mem, const struct loom_tensor *tensor, unsigned int wild,
		 struct rng *rng)
{
	unsigned int size = loom_dtype_size(tensor->dtype);
	uint64_t idx[LOOM_RANK_MAX] = { 0 };

	for (unsigned int i = 0; i < tensor->rank; i++)
		if (!tensor->dims[i])
			return;
	for (;;) {
		uint64_t va = tensor->va, v = value(tensor->dtype, wild, rng);
		unsigned int i = tensor->rank;

		for (unsigned int j = 0; j < tensor->rank; j++)
			va += idx[j] * tensor->strides[j] * size;
		memory_write(mem, va, &v, size);
		while (i-- > 0) {
			if (++idx[i] < tensor->dims[i])
				break;
			idx[i] = 0;
		}
		if (i == (unsigned int)-1)
			return;
	}
}

unsigned int shape_random(uint32_t *dims, struct rng *rng)
{
	unsigned int rank = (unsigned int)rng_below(rng, LOOM_RANK_MAX + 1);
	uint32_t most = rank <= 1 ? 40000 : rank == 2 ? 150 : rank == 3 ? 25 : 7;

	for (unsigned int i = 0; i < rank; i++)
		dims[i] = 1 + (uint32_t)rng_below(rng, most);
	if (rank && rng_below(rng, 40) == 0)
		dims[rng_below(rng, rank)] = 0;
	return rank;
}

void act_random(uint32_t *act, uint32_t *param, bool integer, struct rng *rng)
{
	float a = (float)rng_below(rng, 8) * 0.375f - 1.5f, b = (float)rng_below(rng, 4);

	*act = (uint32_t)rng_below(rng, integer ? LOOM_ACT_RELU + 1 : LOOM_ACT_HARD_SWISH + 1);
	switch (*act) {
	case LOOM_ACT_CLIP:
		a = (float)rng_below(rng, 100) - 90.0f;
		b = a + (float)rng_below(rng, 100);
		break;
	case LOOM_ACT_SELU:
	case LOOM_ACT_HARD_SIGMOID:
		break;
	case LOOM_ACT_LEAKY:
	case LOOM_ACT_ELU:
		b = 0.0f;
		break;
	default:
		a = b = 0.0f;
		break;
	}
	param[0] = loom_f32_bits(a);
	param[1] = loom_f32_bits(b);
}

void header_init(struct loom_pkt_header *header, unsigned int opcode, size_t size)
{
	memset(header, 0, size);
	header->opcode = (uint16_t)opcode;
	header->version = LOOM_PKT_VERSION;
	header->size = (uint32_t)size;
}

static void view_build(const struct memory *mem, struct loom_operand *op)
{
	uint64_t first = op->va >> 12, last = (op->va + op->extent - 1) >> 12, n = last - first + 1;
	struct loom_run *runs = get(n * sizeof(*runs));
	uint32_t *index = get(n * sizeof(*index)), nruns = 0;

	for (uint64_t page = first; page <= last; page++) {
		uint64_t va = page == first ? op->va : page << 12;
		uint8_t *ptr = at(mem, va);

		/* neighbours in the host are one run only now and then: both must work */
		if (page == first || page % 3 == 0 ||
		    at(mem, (page << 12) - 1) + 1 != ptr) {
			runs[nruns].start = va - op->va;
			runs[nruns].ptr = ptr;
			nruns++;
		}
		index[page - first] = nruns - 1;
	}
	op->view.size = op->extent;
	op->view.nruns = nruns;
	op->view.skew = (uint32_t)(op->va & 4095);
	op->view.runs = runs;
	op->view.index = nruns == 1 ? NULL : index;
	if (nruns == 1)
		free(index);
}

static void views_build(const struct memory *mem, struct loom_work *work)
{
	for (unsigned int i = 0; i < work->noperands; i++)
		if (work->operands[i].extent)
			view_build(mem, &work->operands[i]);
}

static void views_free(const struct loom_work *work)
{
	for (unsigned int i = 0; i < work->noperands; i++) {
		free((void *)work->operands[i].view.runs);
		free((void *)work->operands[i].view.index);
	}
}

struct pool {
	const struct loom_work *work;
	const uint64_t *order;
	atomic_uint_fast64_t next;
	atomic_uint stop;
	atomic_bool end, bad;
	bool disturb;
	atomic_uint *claimed;
	unsigned int duty;
};

static void *pool_thread(void *arg)
{
	struct pool *pool = arg;
	const struct loom_work *work = pool->work;
	struct loom_arena arena = { get(work->arena ? work->arena : 1), work->arena };
	static atomic_uint halt = 1, go = 0;
	uint64_t i;

	while ((i = atomic_fetch_add(&pool->next, 1)) < work->tiles) {
		if (work->run(work, pool->order[i], &arena, &halt))
			atomic_store(&pool->bad, true);
		/* after many stops in a row the disturber is ignored: it might never let go */
		for (int n = 0; n < 200; n++)
			if (work->run(work, pool->order[i], &arena, &pool->stop))
				goto next;
		if (!work->run(work, pool->order[i], &arena, &go))
			atomic_store(&pool->bad, true);
next:
		;
	}
	free(arena.mem);
	return NULL;
}

static void *disturber(void *arg)
{
	struct pool *pool = arg;

	while (!atomic_load(&pool->end))
		for (int i = 0; i < 10000; i++)
			atomic_store(&pool->stop, (unsigned int)i <= pool->duty);
	return NULL;
}

/*
 * Lets go of the first panels of a, as who is stopped, once whoever needs them has
 * packed the next ones: then nothing is left for it to do but wait.
 */
static void *claimant(void *arg)
{
	struct pool *pool = arg;

	while (!atomic_load(&pool->end) && atomic_load(&pool->claimed[1]) != LOOM_GEMM_READY)
		sched_yield();
	atomic_store(&pool->claimed[0], LOOM_GEMM_EMPTY);
	return NULL;
}

static void run_tiles(struct loom_work *work, struct pool *pool, const struct job_options *options)
{
	pthread_t threads[16], other, owner;
	unsigned int n = options->threads;

	if (pool->claimed) {
		atomic_store(&pool->claimed[0], LOOM_GEMM_BUSY);
		pthread_create(&owner, NULL, claimant, pool);
	}
	if (options->disturb)
		pthread_create(&other, NULL, disturber, pool);
	for (unsigned int i = 1; i < n; i++)
		pthread_create(&threads[i], NULL, pool_thread, pool);
	pool_thread(pool);
	for (unsigned int i = 1; i < n; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&pool->end, true);
	if (options->disturb)
		pthread_join(other, NULL);
	if (pool->claimed)
		pthread_join(owner, NULL);
	(void)work;
}

bool job_run(struct memory *mem, const char *name, const void *packet, struct rng *rng,
	     const struct job_options *options)
{
	const struct loom_pkt_header *header = packet;
	struct pool pool = { .disturb = options->disturb, .duty = options->duty };
	struct loom_decode_error error;
	struct loom_work work;
	uint64_t *order;
	uint32_t size;

	if (loom_packet_decode(packet, header->size, true, loom_engine_find(name), &work, &size,
			       &error)) {
		printf("# %s: not decoded: code %u operand %u\n", name, error.code, error.operand);
		return false;
	}
	if (work.arena > LOOM_ARENA_MAX) {
		printf("# %s: arena of %zu bytes\n", name, work.arena);
		return false;
	}
	views_build(mem, &work);
	/* the front end may have none to give */
	if (work.shared && (options->claim || options->disturb || rng_below(rng, 4))) {
		work.shared_mem = get(work.shared);
		memset(work.shared_mem, 0xa5, work.shared);
		memset(work.shared_mem, 0, work.shared_zero);
	}
	order = get(work.tiles ? work.tiles * sizeof(*order) : 1);
	for (uint64_t i = 0; i < work.tiles; i++) {
		uint64_t j = rng_below(rng, i + 1);

		order[i] = order[j];
		order[j] = i;
	}
	if (options->claim && work.shared_mem && work.u.gemm.share_a) {
		/* the first tile needs the first panels */
		for (uint64_t i = 0; i < work.tiles; i++)
			order[i] = i;
		pool.claimed = work.shared_mem;
	}
	pool.work = &work;
	pool.order = order;
	if (work.tiles)
		run_tiles(&work, &pool, options);
	free(order);
	free(work.shared_mem);
	views_free(&work);
	if (atomic_load(&pool.bad))
		printf("# %s: a tile ignored stop, or stopped by itself\n", name);
	return !atomic_load(&pool.bad);
}

bool job_stops(struct memory *mem, const char *name, const void *packet, uint64_t va)
{
	const struct loom_pkt_header *header = packet;
	atomic_uint *stop = (atomic_uint *)(void *)at(mem, va);
	struct loom_decode_error error;
	struct loom_arena arena;
	struct loom_work work;
	uint32_t size;
	bool done;

	if (loom_packet_decode(packet, header->size, true, loom_engine_find(name), &work, &size,
			       &error)) {
		printf("# %s: not decoded: code %u operand %u\n", name, error.code, error.operand);
		return false;
	}
	views_build(mem, &work);
	arena = (struct loom_arena){ get(work.arena ? work.arena : 1), work.arena };
	atomic_store(stop, 0);
	done = work.run(&work, 0, &arena, stop);
	if (done)
		printf("# %s: a tile of %llu did not stop\n", name, (unsigned long long)work.tiles);
	if (!atomic_load(stop))
		printf("# %s: nothing told it to stop\n", name);
	free(arena.mem);
	views_free(&work);
	return !done;
}

const char *job_compare(const struct memory *mem, const void *packet, struct rng *rng)
{
	static const struct job_options options = { .threads = 1 };
	const char *bad = NULL, *const *names = loom_engine_names();
	struct memory expect, got;

	memory_copy(&expect, mem);
	if (!job_run(&expect, "reference", packet, rng, &options))
		bad = "reference";
	for (unsigned int i = 0; !bad && names[i]; i++) {
		if (!strcmp(names[i], "reference"))
			continue;
		memory_copy(&got, mem);
		if (!job_run(&got, names[i], packet, rng, &options) || !memory_equal(&expect, &got))
			bad = names[i];
		memory_free(&got);
	}
	memory_free(&expect);
	return bad;
}
