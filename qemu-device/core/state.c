// SPDX-License-Identifier: MIT
/*
 * The state of a card as bytes, to be taken up by another.
 *
 * Memory is not part of it, and neither is what a card can find again there:
 * translations and packed panels. A job in execution goes on at the tile where
 * it was: its commands are saved as the card had copied them. Everything else
 * is fields, little-endian, in the order in which saved_card() visits them.
 *
 * What is loaded comes from a stranger. It is read into a struct saved, which
 * nothing else knows, checked there as a whole, and only then made the card's;
 * commands are validated as those of a guest are. A card that refused a state
 * is as it was before.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core.h"

#define MAGIC		0x54415453454d4f4cull	/* "LOMESTAT" */
#define VERSION		1
#define ENGINE_NAME	16
#define COALESCE_MAX_NS	(UINT32_MAX * 1000ull)

/* What the loader says when a field has a value that it cannot have. */
#define DAMAGED		"the state is damaged"

struct saved_reg {
	uint64_t value;
	uint32_t latch;
	bool latched;
};

struct saved_job {
	uint8_t phase, priority, outcome, stuck;
	bool debug, started;
	uint16_t weight;
	uint32_t client, fault, pos;
	struct report report;
	uint64_t index, t_start, charged;
	struct loom_model total;
	struct loom_desc desc;
	struct loom_ctx_entry ctx;
	uint32_t cmd_size;		/* bytes at @cmd */
	uint8_t *cmd;
	/* of the packet in execution: tiles in all, begun, and those begun and given up */
	uint64_t tiles, next;
	uint32_t nredo;
	uint64_t redo[LOOM_THREADS_MAX + 1];
	/* found out when the commands are validated */
	bool resume;
	struct loom_work work;
};

struct saved_ring {
	struct saved_reg regs[RR_COUNT];
	uint32_t inject;
	bool live, halted;
	uint64_t read, seen;
	struct saved_job job;
};

struct saved_vector {
	uint64_t pending, left;		/* nanoseconds until it is due, 0: never */
	bool lost;
	struct saved_reg coalesce;
};

struct saved {
	/* what card it is */
	uint32_t rings, contexts, vectors, profile;
	uint64_t features, local_size;
	char engine[ENGINE_NAME];
	/* its state */
	struct saved_reg regs[R_COUNT];
	bool dead, irq_check;
	uint64_t stopped[LOOM_CONTEXTS_MAX / 64];
	struct share clients[CLIENTS_MAX];
	int64_t *deficits;
	uint32_t client, context, ring, victim;
	struct saved_vector vector[LOOM_RINGS_MAX + 1];
	struct saved_ring *ring_list;
};

/* ---- bytes -------------------------------------------------------------------- */

/**
 * struct stream - bytes that are written, or read
 * @size: of @data: allocated, or given
 * @pos: the next byte
 * @error: 0, -ENOMEM, or -EINVAL: there were too few bytes or an impossible value
 */
struct stream {
	uint8_t *data;
	size_t size, pos;
	bool load;
	int error;
};

static uint8_t *reach(struct stream *s, size_t n)
{
	uint8_t *more;
	size_t size;

	if (s->error)
		return NULL;
	if (n > s->size - s->pos) {
		if (s->load) {
			s->error = -EINVAL;
			return NULL;
		}
		size = s->size * 2 + n + 4096;
		more = realloc(s->data, size);
		if (!more) {
			s->error = -ENOMEM;
			return NULL;
		}
		s->data = more;
		s->size = size;
	}
	s->pos += n;
	return s->data + s->pos - n;
}

static uint64_t number(struct stream *s, uint64_t value, unsigned int size)
{
	uint8_t *at = reach(s, size);

	if (!at)
		return s->load ? 0 : value;
	if (!s->load) {
		for (unsigned int i = 0; i < size; i++)
			at[i] = (uint8_t)(value >> 8 * i);
		return value;
	}
	value = 0;
	for (unsigned int i = 0; i < size; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

static void damaged(struct stream *s, bool is)
{
	if (s->load && is && !s->error)
		s->error = -EINVAL;
}

/* Write a field, or read it; signed ones keep their bits. */
#define FIELD(s, field)	((field) = (__typeof__(field))number(s, (uint64_t)(field), sizeof(field)))

/* The same for a bool, which has two values. */
static void flag(struct stream *s, bool *field)
{
	uint64_t value = number(s, *field, 1);

	damaged(s, value > 1);
	*field = value == 1;
}

static void bytes(struct stream *s, void *field, size_t size)
{
	uint8_t *at = reach(s, size);

	if (!at)
		return;
	if (s->load)
		memcpy(field, at, size);
	else
		memcpy(at, field, size);
}

static void saved_reg(struct stream *s, struct saved_reg *reg)
{
	FIELD(s, reg->value);
	FIELD(s, reg->latch);
	flag(s, &reg->latched);
}

static void saved_report(struct stream *s, struct report *report)
{
	FIELD(s, report->fault.code);
	FIELD(s, report->fault.level);
	FIELD(s, report->fault.va);
	FIELD(s, report->fault.pte);
	FIELD(s, report->outcome);
	FIELD(s, report->access);
	FIELD(s, report->operand);
	FIELD(s, report->opcode);
	FIELD(s, report->packet);
}

static void saved_commands(struct stream *s, struct saved_job *job)
{
	FIELD(s, job->cmd_size);
	damaged(s, job->cmd_size > LOOM_CMD_SIZE_MAX || job->cmd_size > s->size - s->pos);
	if (s->error || !job->cmd_size)
		return;
	if (s->load) {
		job->cmd = malloc(job->cmd_size);
		if (!job->cmd) {
			s->error = -ENOMEM;
			return;
		}
	}
	bytes(s, job->cmd, job->cmd_size);
}

static void saved_job(struct stream *s, struct saved_job *job)
{
	FIELD(s, job->phase);
	FIELD(s, job->priority);
	FIELD(s, job->outcome);
	FIELD(s, job->stuck);
	flag(s, &job->debug);
	flag(s, &job->started);
	FIELD(s, job->weight);
	FIELD(s, job->client);
	FIELD(s, job->fault);
	FIELD(s, job->pos);
	saved_report(s, &job->report);
	FIELD(s, job->index);
	FIELD(s, job->t_start);
	FIELD(s, job->charged);
	FIELD(s, job->total.cycles);
	FIELD(s, job->total.macs);
	FIELD(s, job->total.bytes_local);
	FIELD(s, job->total.bytes_host);
	FIELD(s, job->total.energy_pj);
	/* as they are in memory */
	bytes(s, &job->desc, sizeof(job->desc));
	bytes(s, &job->ctx, sizeof(job->ctx));
	saved_commands(s, job);
	FIELD(s, job->tiles);
	FIELD(s, job->next);
	FIELD(s, job->nredo);
	damaged(s, job->nredo > LOOM_THREADS_MAX + 1);
	for (uint32_t i = 0; !s->error && i < job->nredo; i++)
		FIELD(s, job->redo[i]);
}

/* Registers by their offsets, so that a later version can have others. */
static void saved_table(struct stream *s, const struct loom_reg *table, unsigned int first,
			unsigned int count, struct saved_reg *regs)
{
	uint32_t n = count - first, offset;
	unsigned int i;

	FIELD(s, n);
	damaged(s, n > count);
	for (uint32_t k = 0; !s->error && k < n; k++) {
		i = first + k;
		offset = s->load ? 0 : table[i].offset;
		FIELD(s, offset);
		if (s->load)
			for (i = first; i < count && table[i].offset != offset; i++)
				;
		damaged(s, i == count);
		if (!s->error)
			saved_reg(s, &regs[i]);
	}
}

static void saved_ring(struct stream *s, struct saved_ring *ring)
{
	saved_table(s, loom_ring_regs, 0, RR_COUNT, ring->regs);
	FIELD(s, ring->inject);
	flag(s, &ring->live);
	flag(s, &ring->halted);
	FIELD(s, ring->read);
	FIELD(s, ring->seen);
	saved_job(s, &ring->job);
}

static void saved_arbiter(struct stream *s, struct saved *saved)
{
	for (unsigned int i = 0; i < CLIENTS_MAX; i++) {
		FIELD(s, saved->clients[i].id);
		flag(s, &saved->clients[i].used);
		FIELD(s, saved->clients[i].deficit);
	}
	for (unsigned int i = 0; i < saved->contexts; i++)
		FIELD(s, saved->deficits[i]);
	FIELD(s, saved->client);
	FIELD(s, saved->context);
	FIELD(s, saved->ring);
	FIELD(s, saved->victim);
}

/* What card it is: before anything that depends on it. */
static void saved_identity(struct stream *s, struct saved *saved)
{
	uint64_t magic = MAGIC;
	uint32_t version = VERSION;

	FIELD(s, magic);
	FIELD(s, version);
	damaged(s, magic != MAGIC || version != VERSION);
	FIELD(s, saved->rings);
	FIELD(s, saved->contexts);
	FIELD(s, saved->vectors);
	FIELD(s, saved->profile);
	FIELD(s, saved->features);
	FIELD(s, saved->local_size);
	bytes(s, saved->engine, sizeof(saved->engine));
}

static void saved_card(struct stream *s, struct saved *saved)
{
	saved_table(s, loom_device_regs, R_FEATURES_ACK, R_COUNT, saved->regs);
	flag(s, &saved->dead);
	flag(s, &saved->irq_check);
	for (unsigned int i = 0; i < LOOM_CONTEXTS_MAX / 64; i++)
		FIELD(s, saved->stopped[i]);
	saved_arbiter(s, saved);
	for (unsigned int i = 0; i < saved->vectors; i++) {
		FIELD(s, saved->vector[i].pending);
		FIELD(s, saved->vector[i].left);
		flag(s, &saved->vector[i].lost);
		saved_reg(s, &saved->vector[i].coalesce);
	}
	for (unsigned int i = 0; !s->error && i < saved->rings; i++)
		saved_ring(s, &saved->ring_list[i]);
	/* nothing may follow */
	damaged(s, s->pos != s->size);
}

/* ---- what may be loaded --------------------------------------------------------- */

static bool reg_ok(const struct loom_reg *reg, const struct saved_reg *saved)
{
	uint64_t most = reg->size == 8 ? UINT64_MAX : UINT32_MAX;

	if (saved->value & ~most || (reg->size == 4 && (saved->latched || saved->latch)))
		return false;
	/* those that the card writes are judged one by one */
	return reg->access == REG_RO || reg->access == REG_CFG || !(saved->value & ~reg->mask);
}

static bool device_ok(const struct loom_core *core, const struct saved *saved)
{
	const struct saved_reg *regs = saved->regs;
	uint64_t ack = regs[R_FEATURES_ACK].value, ctrl = regs[R_CTRL].value;
	uint64_t status = regs[R_STATUS].value;
	uint64_t all = LOOM_IRQ_FAULT | LOOM_IRQ_FAULT_OVERFLOW | LOOM_IRQ_RING_ERROR |
		       LOOM_IRQ_FATAL;

	for (unsigned int i = R_FEATURES_ACK; i < R_COUNT; i++)
		if (!reg_ok(&loom_device_regs[i], &regs[i]))
			return false;
	return !(ctrl & LOOM_CTRL_RESET) && !(regs[R_IRQ_STATUS].value & ~all) &&
	       !(status & ~(LOOM_STATUS_ENABLED | LOOM_STATUS_BAD_FEATURES)) &&
	       !(status & LOOM_STATUS_ENABLED) == !(ctrl & LOOM_CTRL_ENABLE) &&
	       !(status & LOOM_STATUS_BAD_FEATURES) == !(ack & ~core->features) &&
	       status != (LOOM_STATUS_ENABLED | LOOM_STATUS_BAD_FEATURES) && !regs[R_INJECT].value;
}

static bool arbiter_ok(const struct loom_core *core, const struct saved *saved)
{
	for (unsigned int i = 0; i < CLIENTS_MAX; i++)
		if (saved->clients[i].deficit < -DEBT_MAX)
			return false;
	for (unsigned int i = 0; i < core->config.contexts; i++)
		if (saved->deficits[i] < -DEBT_MAX)
			return false;
	return saved->ring < core->config.rings;
}

static bool vector_ok(const struct saved_vector *vector)
{
	return vector->left <= COALESCE_MAX_NS && !vector->left == !vector->pending;
}

static bool ring_ok(const struct loom_core *core, const struct saved_ring *ring)
{
	const struct saved_reg *regs = ring->regs;
	const struct ring_setup setup = {
		.base = regs[RR_BASE].value,
		.cq_base = regs[RR_CQ_BASE].value,
		.write_addr = regs[RR_WRITE_ADDR].value,
		.log2 = regs[RR_LOG2].value,
		.cq_log2 = regs[RR_CQ_LOG2].value,
		.context = regs[RR_CONTEXT].value,
		.vector = regs[RR_VECTOR].value,
	};
	uint64_t ctrl = regs[RR_CTRL].value, status = regs[RR_STATUS].value;
	uint64_t error = regs[RR_ERROR].value;
	bool resetting = ring->job.stuck == LOOM_INJECT_HANG_DEVICE &&
			 status & LOOM_RING_STATUS_RESETTING;

	for (unsigned int i = 0; i < RR_COUNT; i++)
		if (!reg_ok(&loom_ring_regs[i], &regs[i]))
			return false;
	if (status & ~(LOOM_RING_STATUS_ENABLED | LOOM_RING_STATUS_RUNNING |
		       LOOM_RING_STATUS_HALTED | LOOM_RING_STATUS_ERROR |
		       (resetting ? LOOM_RING_STATUS_RESETTING : 0u)) ||
	    ctrl & LOOM_RING_CTRL_RESET || error > LOOM_RING_ERROR_BUS ||
	    !(status & LOOM_RING_STATUS_ERROR) != !error)
		return false;
	if (status & LOOM_RING_STATUS_ENABLED && !loom_ring_setup_ok(core, &setup))
		return false;
	if (ring->live && (!(status & LOOM_RING_STATUS_ENABLED) || error))
		return false;
	if (ring->halted && (!ring->live || !(status & LOOM_RING_STATUS_HALTED)))
		return false;
	if (!(status & LOOM_RING_STATUS_RUNNING) !=
	    !(ring->job.started && ring->job.phase > JOB_HEAD))
		return false;
	return !(ring->inject & ~LOOM_INJECT_RING_MASK);
}

/* Tiles may be begun anew if none of them reads what another wrote. */
static bool repeatable(const struct loom_work *work)
{
	for (unsigned int i = 0; i < work->noperands; i++)
		for (unsigned int k = 0; k < work->noperands; k++) {
			const struct loom_operand *w = &work->operands[i], *r = &work->operands[k];

			if (w->write && !r->write && w->extent && r->extent &&
			    w->va < r->va + r->extent && r->va < w->va + w->extent)
				return false;
		}
	return true;
}

static bool cursor_ok(const struct saved_job *job)
{
	if (job->next > job->tiles)
		return false;
	for (uint32_t i = 0; i < job->nredo; i++) {
		if (job->redo[i] >= job->next)
			return false;
		for (uint32_t k = 0; k < i; k++)
			if (job->redo[k] == job->redo[i])
				return false;
	}
	return true;
}

/* The commands of a job that is past validation, and where it is in them. */
static const char *commands_bad(const struct loom_core *core, const struct saved *saved,
				struct saved_job *job)
{
	bool begun = job->next || job->nredo;

	if (!loom_job_plan(core, job->cmd, job->cmd_size, job->debug, job->pos, &job->work))
		return DAMAGED;
	if (job->phase == JOB_HANG)
		return job->work.opcode == LOOM_OP_HANG && !begun ? NULL : DAMAGED;
	if (begun != (job->phase == JOB_WALK))
		return DAMAGED;
	if (!begun)
		return NULL;
	if (job->work.opcode == LOOM_OP_HANG || !cursor_ok(job))
		return DAMAGED;
	if (!strncmp(saved->engine, core->engine->name, ENGINE_NAME)) {
		job->resume = true;
		return job->tiles == job->work.tiles ? NULL : DAMAGED;
	}
	/* another engine cuts the packet into other tiles */
	return repeatable(&job->work) ? NULL :
	       "a job in execution works in place: it needs the engine that began it";
}

static const char *job_bad(const struct loom_core *core, const struct saved *saved,
			   struct saved_job *job)
{
	bool copied = job->phase >= JOB_VALIDATE && job->phase <= JOB_HANG && !job->stuck;

	if (job->phase == JOB_NONE)
		return job->cmd_size || job->stuck ? DAMAGED : NULL;
	if (job->phase > JOB_DONE || job->phase == JOB_TILES ||
	    job->outcome > LOOM_OUTCOME_HW_ERROR || job->priority > LOOM_PRIORITY_KERNEL ||
	    !job->weight || (job->phase < JOB_FAULT && job->phase > JOB_HEAD && job->outcome) ||
	    (job->phase == JOB_HEAD && job->started) ||
	    (job->phase != JOB_HEAD && job->phase != JOB_DONE && !job->started))
		return DAMAGED;
	if (job->stuck && (job->phase != JOB_HANG || (job->stuck != LOOM_INJECT_HANG &&
						      job->stuck != LOOM_INJECT_HANG_DEVICE)))
		return DAMAGED;
	/* what has started, or will, passed these checks; the rest has no use for the fields */
	if ((job->started || job->outcome == LOOM_OUTCOME_OK) &&
	    (!loom_desc_valid(&job->desc) || !loom_context_valid(&job->ctx) ||
	     le32toh(job->desc.context) >= core->config.contexts))
		return DAMAGED;
	if (job->phase == JOB_FAULT && (job->report.outcome != LOOM_OUTCOME_FAULT &&
					job->report.outcome != LOOM_OUTCOME_BAD_COMMAND))
		return DAMAGED;
	if (job->cmd_size != (copied ? le32toh(job->desc.cmd_size) : 0))
		return DAMAGED;
	if (!copied)
		return job->next || job->nredo ? DAMAGED : NULL;
	if (!job->cmd_size || (job->cmd_size > CMD_INLINE && job->cmd_size > core->command_max))
		return DAMAGED;
	/* not validated yet: begun anew */
	if (job->phase == JOB_VALIDATE)
		return job->next || job->nredo ? DAMAGED : NULL;
	return commands_bad(core, saved, job);
}

static const char *saved_bad(const struct loom_core *core, struct saved *saved)
{
	const char *bad = NULL;

	if (!device_ok(core, saved) || !arbiter_ok(core, saved))
		return DAMAGED;
	for (unsigned int i = 0; i < core->config.vectors; i++)
		if (!vector_ok(&saved->vector[i]))
			return DAMAGED;
	for (unsigned int i = 0; !bad && i < core->config.rings; i++) {
		bad = ring_ok(core, &saved->ring_list[i]) ? NULL : DAMAGED;
		if (!bad)
			bad = job_bad(core, saved, &saved->ring_list[i].job);
	}
	return bad;
}

/* ---- between the card and struct saved; the front end, lock held ------------------- */

static void reg_save(struct saved_reg *saved, const atomic_uint_fast64_t *value, uint32_t latch,
		     bool latched)
{
	*saved = (struct saved_reg){ reg_get(value), latched ? latch : 0, latched };
}

static void job_save(struct saved_job *saved, const struct job *job)
{
	bool copied = job->phase >= JOB_VALIDATE && job->phase <= JOB_HANG && !job->stuck;
	bool walks = job->phase == JOB_WALK || (job->phase == JOB_DECODE && job->restored);
	uint64_t next = atomic_load(&job->tiles.next);
	uint32_t nredo = atomic_load(&job->tiles.nredo);

	if (job->phase == JOB_NONE)
		return;
	*saved = (struct saved_job){
		.phase = (uint8_t)job->phase,
		.priority = job->priority,
		.outcome = job->outcome,
		.stuck = job->stuck,
		.debug = job->debug,
		.started = job->phase > JOB_HEAD && job->started,
		.weight = job->weight,
		.client = job->client,
		.fault = job->fault,
		.pos = copied && job->phase != JOB_VALIDATE ? job->pos : 0,
		.index = job->index,
		.t_start = job->t_start,
		.charged = job->charged,
		.total = job->total,
		.desc = job->desc,
		.ctx = job->ctx,
		.cmd_size = copied ? le32toh(job->desc.cmd_size) : 0,
		.cmd = copied ? job->cmd : NULL,
	};
	if (job->phase == JOB_FAULT)
		saved->report = job->report;
	if (!walks)
		return;
	saved->phase = JOB_DECODE;
	if (!next && !nredo)
		return;
	saved->phase = JOB_WALK;
	saved->tiles = job->tiles.count;
	/* a thread that finds nothing left has counted on */
	saved->next = next < saved->tiles ? next : saved->tiles;
	saved->nredo = nredo;
	memcpy(saved->redo, job->tiles.redo, nredo * sizeof(saved->redo[0]));
}

static void ring_save(struct saved_ring *saved, const struct loom_ring *ring)
{
	for (unsigned int i = 0; i < RR_COUNT; i++)
		reg_save(&saved->regs[i], &ring->regs[i], ring->latch[i], ring->latched[i]);
	saved->inject = atomic_load(&ring->inject);
	saved->live = ring->live;
	saved->halted = ring->halted;
	saved->read = ring->read;
	saved->seen = ring->seen;
	job_save(&saved->job, &ring->job);
}

static void card_save(struct saved *saved, struct loom_core *core)
{
	const struct loom_core_config *config = &core->config;
	struct sensed sensed = loom_sensor_read(&core->sensor, card_now(core));
	uint64_t now = loom_mono_ns();

	saved->rings = config->rings;
	saved->contexts = config->contexts;
	saved->vectors = config->vectors;
	saved->profile = core->profile->id;
	saved->features = core->features;
	saved->local_size = config->local ? config->local_size : 0;
	strncpy(saved->engine, core->engine->name, sizeof(saved->engine) - 1);
	for (unsigned int i = R_FEATURES_ACK; i < R_COUNT; i++)
		reg_save(&saved->regs[i], &core->regs[i], core->latch[i], core->latched[i]);
	saved->regs[R_SENSOR_TEMP_MC].value = sensed.temp_mc;
	saved->regs[R_SENSOR_POWER_MW].value = sensed.power_mw;
	saved->regs[R_SENSOR_ENERGY_UJ].value = sensed.energy_uj;
	saved->dead = atomic_load(&core->dead);
	saved->irq_check = core->irq_check;
	memcpy(saved->stopped, core->stopped, sizeof(saved->stopped));
	memcpy(saved->clients, core->arbiter.clients, sizeof(saved->clients));
	memcpy(saved->deficits, core->arbiter.contexts,
	       config->contexts * sizeof(saved->deficits[0]));
	saved->client = core->arbiter.client;
	saved->context = core->arbiter.context;
	saved->ring = core->arbiter.ring;
	saved->victim = core->arbiter.victim;
	for (unsigned int i = 0; i < config->vectors; i++) {
		const struct vector *v = &core->vectors[i];

		reg_save(&saved->vector[i].coalesce, &core->coalesce[i], core->coalesce_latch[i],
			 core->coalesce_latched[i]);
		saved->vector[i].lost = v->lost;
		saved->vector[i].pending = v->pending;
		if (v->deadline)
			saved->vector[i].left = v->deadline > now ? v->deadline - now : 1;
	}
	for (unsigned int i = 0; i < config->rings; i++)
		ring_save(&saved->ring_list[i], &core->rings[i]);
}

static void job_load(struct loom_ring *ring, struct saved_job *saved)
{
	struct job *job = &ring->job;

	job->phase = saved->phase;
	if (job->phase == JOB_NONE)
		return;
	job->priority = saved->priority;
	job->outcome = saved->outcome;
	job->stuck = saved->stuck;
	job->debug = saved->debug;
	job->started = saved->started;
	job->weight = saved->weight;
	job->client = saved->client;
	job->fault = saved->fault;
	job->pos = saved->pos;
	job->report = saved->report;
	job->index = saved->index;
	job->t_start = saved->t_start;
	job->charged = saved->charged;
	job->total = saved->total;
	job->desc = saved->desc;
	job->ctx = saved->ctx;
	if (saved->cmd_size > CMD_INLINE) {
		free(job->cmd_big);
		job->cmd_big = saved->cmd;
		job->cmd_cap = saved->cmd_size;
		job->cmd = job->cmd_big;
		saved->cmd = NULL;
	} else if (saved->cmd_size) {
		memcpy(job->cmd_small, saved->cmd, saved->cmd_size);
		job->cmd = (uint8_t *)job->cmd_small;
	}
	job->work = saved->work;
	/* its memory is reserved and its operands are translated anew */
	if (job->phase == JOB_WALK) {
		job->phase = JOB_DECODE;
		job->restored = saved->resume;
		job->tiles.count = saved->tiles;
		atomic_store(&job->tiles.next, saved->next);
		atomic_store(&job->tiles.nredo, saved->nredo);
		memcpy(job->tiles.redo, saved->redo, saved->nredo * sizeof(saved->redo[0]));
	}
	ring->claim.active = job->phase > JOB_HEAD && job->started && !job->stuck;
	ring->claim.context = le32toh(job->desc.context);
	ring->claim.tag = le32toh(job->ctx.tag);
}

static void ring_load(struct loom_ring *ring, struct saved_ring *saved)
{
	for (unsigned int i = 0; i < RR_COUNT; i++) {
		reg_set(&ring->regs[i], saved->regs[i].value);
		ring->latch[i] = saved->regs[i].latch;
		ring->latched[i] = saved->regs[i].latched;
	}
	atomic_store(&ring->inject, saved->inject);
	atomic_store(&ring->poke, POKE_PAUSE);
	ring->live = saved->live;
	ring->halted = saved->halted;
	ring->read = saved->read;
	ring->seen = saved->seen;
	job_load(ring, &saved->job);
}

static void card_load(struct loom_core *core, struct saved *saved)
{
	const struct sensed sensed = {
		.temp_mc = (uint32_t)saved->regs[R_SENSOR_TEMP_MC].value,
		.power_mw = (uint32_t)saved->regs[R_SENSOR_POWER_MW].value,
		.energy_uj = saved->regs[R_SENSOR_ENERGY_UJ].value,
	};
	uint64_t now = loom_mono_ns();

	loom_sensor_load(&core->sensor, card_now(core), sensed);
	for (unsigned int i = R_FEATURES_ACK; i < R_COUNT; i++) {
		reg_set(&core->regs[i], saved->regs[i].value);
		core->latch[i] = saved->regs[i].latch;
		core->latched[i] = saved->regs[i].latched;
	}
	atomic_store(&core->dead, saved->dead);
	core->irq_check = saved->irq_check;
	core->timers = false;
	memcpy(core->stopped, saved->stopped, sizeof(core->stopped));
	memcpy(core->arbiter.clients, saved->clients, sizeof(saved->clients));
	memcpy(core->arbiter.contexts, saved->deficits,
	       core->config.contexts * sizeof(saved->deficits[0]));
	core->arbiter.client = saved->client;
	core->arbiter.context = saved->context;
	core->arbiter.ring = saved->ring;
	core->arbiter.victim = saved->victim;
	for (unsigned int i = 0; i < core->config.vectors; i++) {
		const struct saved_vector *from = &saved->vector[i];

		reg_set(&core->coalesce[i], from->coalesce.value);
		core->coalesce_latch[i] = from->coalesce.latch;
		core->coalesce_latched[i] = from->coalesce.latched;
		core->vectors[i] = (struct vector){
			.pending = from->pending,
			.deadline = from->left ? now + from->left : 0,
			.lost = from->lost,
		};
		core->timers |= from->left != 0;
	}
	loom_mmu_flush(core);
	atomic_store(&core->doorbells, 0);
	core->starved = 0;
	for (unsigned int i = 0; i < core->config.rings; i++)
		ring_load(&core->rings[i], &saved->ring_list[i]);
	/* no engine holds anything that an invalidation would have to wait for */
	loom_mmu_settle(core);
	for (unsigned int i = 0; i < core->config.rings; i++)
		loom_ring_ready(&core->rings[i]);
}

/* ---- the front end's part ------------------------------------------------------------ */

static int state_save(struct loom_core *core, struct stream *s, struct saved *saved)
{
	pthread_mutex_lock(&core->lock);
	card_save(saved, core);
	saved_identity(s, saved);
	saved_card(s, saved);
	pthread_mutex_unlock(&core->lock);
	return s->error;
}

/* Nothing can fail here: what was given up could not be brought back. */
static void state_load(struct loom_core *core, struct saved *saved)
{
	for (unsigned int i = 0; i < core->config.rings; i++)
		loom_ring_forget(&core->rings[i]);
	pthread_mutex_lock(&core->lock);
	card_load(core, saved);
	pthread_mutex_unlock(&core->lock);
}

/** loom_state_run() - what loom_core_save() or _load() asked for; the card is quiesced */
void loom_state_run(struct loom_core *core)
{
	struct state_call *call;
	bool now;

	pthread_mutex_lock(&core->lock);
	call = core->state;
	/* first what was asked for before, and what stands in the rings' pokes */
	now = call && !atomic_load(&core->requests);
	if (call && !now)
		loom_front_request(core, REQ_STATE);
	pthread_mutex_unlock(&core->lock);
	if (!now)
		return;
	call->ret = 0;
	if (call->stream->load)
		state_load(core, call->saved);
	else
		call->ret = state_save(core, call->stream, call->saved);
	pthread_mutex_lock(&core->lock);
	core->state = NULL;
	pthread_cond_broadcast(&core->done);
	pthread_mutex_unlock(&core->lock);
}

/* ---- the host's part ------------------------------------------------------------------- */

static int state_call(struct loom_core *core, struct stream *s, struct saved *saved)
{
	struct state_call call = { .stream = s, .saved = saved, .ret = -EBUSY };

	pthread_mutex_lock(&core->lock);
	if (core->quiesced && !core->state) {
		core->state = &call;
		loom_front_request(core, REQ_STATE);
		while (core->state == &call)
			pthread_cond_wait(&core->done, &core->lock);
	}
	pthread_mutex_unlock(&core->lock);
	return call.ret;
}

static struct saved *saved_create(const struct loom_core *core)
{
	struct saved *saved = calloc(1, sizeof(*saved));

	if (!saved)
		return NULL;
	saved->ring_list = calloc(core->config.rings, sizeof(*saved->ring_list));
	saved->deficits = calloc(core->config.contexts, sizeof(*saved->deficits));
	if (saved->ring_list && saved->deficits)
		return saved;
	free(saved->ring_list);
	free(saved->deficits);
	free(saved);
	return NULL;
}

static void saved_free(struct loom_core *core, struct saved *saved, bool commands)
{
	for (unsigned int i = 0; commands && i < core->config.rings; i++)
		free(saved->ring_list[i].job.cmd);
	free(saved->ring_list);
	free(saved->deficits);
	free(saved);
}

int loom_core_save(struct loom_core *core, void **data, size_t *size)
{
	struct stream s = { .load = false };
	struct saved *saved = saved_create(core);
	int ret;

	if (!saved)
		return -ENOMEM;
	ret = state_call(core, &s, saved);
	saved_free(core, saved, false);
	if (ret) {
		free(s.data);
		return ret;
	}
	*data = s.data;
	*size = s.pos;
	return 0;
}

static const char *identity_differs(const struct loom_core *core, const struct saved *saved)
{
	const struct loom_core_config *config = &core->config;

	if (saved->rings != config->rings)
		return "the state is of a card with another number of rings";
	if (saved->contexts != config->contexts)
		return "the state is of a card with another number of contexts";
	if (saved->vectors != config->vectors)
		return "the state is of a card with another number of vectors";
	if (saved->local_size != (config->local ? config->local_size : 0))
		return "the state is of a card with another size of local memory";
	if (saved->profile != core->profile->id)
		return "the state is of a card with another profile";
	if (saved->features != core->features)
		return "the state is of a card with other features";
	if (saved->engine[ENGINE_NAME - 1])
		return DAMAGED;
	return NULL;
}

int loom_core_load(struct loom_core *core, const void *data, size_t size, const char **why)
{
	/* nothing is written where a stream is loaded */
	struct stream s = { .data = (uint8_t *)(uintptr_t)data, .size = size, .load = true };
	struct saved *saved = saved_create(core);
	int ret;

	*why = "no memory";
	if (!saved)
		return -ENOMEM;
	saved_identity(&s, saved);
	ret = s.error;
	*why = ret ? "this is not the state of a card, or of a later version" :
	       identity_differs(core, saved);
	if (!ret && *why)
		ret = -EINVAL;
	if (!ret) {
		saved_card(&s, saved);
		ret = s.error;
		*why = ret == -ENOMEM ? "no memory" : ret ? DAMAGED : saved_bad(core, saved);
		if (!ret && *why)
			ret = -EINVAL;
	}
	if (!ret) {
		ret = state_call(core, &s, saved);
		*why = ret ? "the card is not quiesced" : NULL;
	}
	saved_free(core, saved, true);
	return ret;
}
