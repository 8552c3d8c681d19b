/* SPDX-License-Identifier: MIT */
/*
 * Between the front end and the engines.
 *
 * The front end decodes a packet (packet*.c) into a struct loom_work: operands
 * with checked shapes, the byte range that each touches, and a number of
 * independent tiles. It then translates the ranges into views and has tiles run
 * on the card's threads, in any order and on any number of them. The result
 * does not depend on either.
 */
#ifndef LOOM_ENGINE_H
#define LOOM_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loom_isa.h"
#include "view.h"

#define LOOM_OPERANDS_MAX	6

/**
 * struct loom_operand - a validated tensor
 * @dtype: enum loom_dtype; LOOM_DTYPE_NONE if the operand is absent
 * @size: bytes of an element
 * @rank, @dims, @strides: as in the packet, decoded; strides in elements
 * @write: the packet writes it (otherwise it reads it)
 * @panels: its last two axes are stored as panels; their strides are zero
 * @va: first byte that it touches: with negative strides below the tensor's va
 * @extent: bytes that it touches, from the first to the last; 0: none
 * @origin: offset of element [0, 0, ...] from @va
 * @view: set by the front end before a tile runs, if @extent is not zero
 */
struct loom_operand {
	uint8_t dtype;
	uint8_t size;
	uint8_t rank;
	bool write;
	bool panels;
	uint32_t dims[LOOM_RANK_MAX];
	int64_t strides[LOOM_RANK_MAX];
	uint64_t va;
	uint64_t extent;
	uint64_t origin;
	struct loom_view view;
};

/**
 * struct loom_axis - a window along one spatial axis, see struct loom_window
 */
struct loom_axis {
	uint32_t stride, dilation, spacing;
	int32_t before;
};

/**
 * loom_axis_at() - the element along an axis of @dim elements at tap @k of output @o
 *
 * Return: false if there is a hole
 */
static inline bool loom_axis_at(const struct loom_axis *axis, uint32_t dim, uint64_t o, uint64_t k,
				uint64_t *at)
{
	/* below 2 * 2^62 + 2^31: it fits */
	int64_t p = (int64_t)(o * axis->stride) + (int64_t)(k * axis->dilation) - axis->before;

	if (p < 0)
		return false;
	*at = (uint64_t)p;
	if (axis->spacing != 1) {
		if (*at % axis->spacing)
			return false;
		*at /= axis->spacing;
	}
	return *at < dim;
}

/**
 * struct loom_model - what the performance model says of a packet
 * @cycles: core clock cycles
 * @macs: multiply-adds
 * @bytes_local, @bytes_host: memory traffic by place
 * @energy_pj: picojoules
 */
struct loom_model {
	uint64_t cycles;
	uint64_t macs;
	uint64_t bytes_local;
	uint64_t bytes_host;
	uint64_t energy_pj;
};

struct loom_work;
struct loom_gemm_source;

/**
 * struct loom_arena - private memory of one engine thread
 * @mem: 64-byte aligned
 * @size: bytes, at least the work's @arena
 */
struct loom_arena {
	uint8_t *mem;
	size_t size;
};

/**
 * typedef loom_tile_fn - run one tile
 * @stop: polled at least once per millisecond of work; when it reads non-zero
 *	the tile returns false at once and will be run again from its start.
 *	A tile that has to be repeatable therefore writes nothing that it reads,
 *	except element by element in place.
 *
 * Return: true if the tile is done
 */
typedef bool (*loom_tile_fn)(const struct loom_work *work, uint64_t tile,
			     struct loom_arena *arena, const atomic_uint *stop);

/**
 * struct loom_work - a decoded packet
 * @opcode: of the packet
 * @noperands: operands in the order of the packet's structure
 * @operands: see struct loom_operand
 * @tiles: number of tiles; 0: nothing to compute
 * @run: runs a tile
 * @arena: bytes of arena that @run needs, bounded by LOOM_ARENA_MAX
 * @shared: bytes of memory common to all tiles of the work that the front end
 *	allocates before the first and frees after the last, 0 if none (packed panels)
 * @shared_zero: of which so many, from the first on, are zero before the first tile
 * @shared_mem: that memory; NULL if there was too little: the tiles do without
 * @model: performance model of the packet
 * @window: of CONV and POOL, one for each spatial axis
 * @u: what only the operation knows
 */
struct loom_work {
	uint16_t opcode;
	uint16_t noperands;
	struct loom_operand operands[LOOM_OPERANDS_MAX];
	uint64_t tiles;
	loom_tile_fn run;
	size_t arena;
	size_t shared, shared_zero;
	void *shared_mem;
	struct loom_model model;
	struct loom_axis window[LOOM_WINDOW_AXES];
	union {
		struct {
			uint64_t value;
		} fill, fence;
		struct {
			uint64_t flags;
		} hang;
		struct {
			uint32_t op;
			uint32_t act;
			float param[2];
		} eltwise, unary;
		struct {
			uint32_t op;	/* REDUCE, NORM */
			bool log;	/* SOFTMAX */
			uint32_t axes;
			float epsilon;	/* NORM */
			uint64_t per;	/* results or groups of a tile */
		} reduce, softmax, norm, fold;
		struct {
			uint64_t batch, m, n, k;
			int32_t a_zero, b_zero;
			uint32_t act;
			int32_t zero;
			float param[2];
			/* the engine's: panels in a tile, tiles, what they share */
			uint64_t tile_m, tile_n, tiles_m, tiles_n;
			bool share_a, share_b, ones;
			/* of a CONV that has become a product, see struct loom_gemm_source */
			const struct loom_gemm_source *source[2];
			bool by_row;
		} gemm;
		struct {
			uint32_t op;
		} quant;
		struct {
			uint32_t op;
			uint32_t axis;
			uint64_t per;	/* the engine's: rows or pieces of a tile */
		} gather;
		struct {
			uint32_t axis;
			uint64_t value;
			uint64_t per;	/* the engine's: rows or chunks of a tile */
		} resize;
		struct {
			uint32_t op;
			uint32_t axis;
			bool last;
			uint64_t per;	/* the engine's: rows or chunks of a tile */
		} arg;
		struct {
			uint32_t op;
			bool count_holes;
			uint32_t taps[LOOM_WINDOW_AXES], after[LOOM_WINDOW_AXES];
			uint64_t all_taps;
			/* the engine's: a tile's outputs, and whether these are neighbouring channels */
			uint64_t per;
			bool by_channel;
		} pool;
	} u;
};

#define LOOM_ARENA_MAX		(4u << 20)

/**
 * struct loom_decode_error - why a packet is not valid
 * @code: enum loom_fault_code
 * @operand: index of the operand, 0xff if none
 */
struct loom_decode_error {
	uint8_t code;
	uint8_t operand;
};

/**
 * struct loom_engine - one way to compute, chosen at run time
 * @name: "reference", "generic", "avx2", "avx512", ...
 * @usable: this processor can run it
 * @gemm, @conv, @pack, @pool, @gather, @resize, @quant, @arg, @eltwise, @unary, @reduce, @softmax,
 *	@norm, @copy, @fill: choose tile geometry, @run, @arena and @shared of a decoded packet
 *
 * "reference" states the numerics contract in the plainest C; every other
 * engine equals it bit for bit.
 */
struct loom_engine {
	const char *name;
	bool (*usable)(void);
	void (*gemm)(struct loom_work *work);
	void (*conv)(struct loom_work *work);
	void (*pack)(struct loom_work *work);
	void (*pool)(struct loom_work *work);
	void (*gather)(struct loom_work *work);
	void (*resize)(struct loom_work *work);
	void (*quant)(struct loom_work *work);
	void (*arg)(struct loom_work *work);
	void (*eltwise)(struct loom_work *work);
	void (*unary)(struct loom_work *work);
	void (*reduce)(struct loom_work *work);
	void (*softmax)(struct loom_work *work);
	void (*norm)(struct loom_work *work);
	void (*copy)(struct loom_work *work);
	void (*fill)(struct loom_work *work);
};

/** loom_engine_find() - engine by name, NULL name: the best; NULL if unknown or not usable. */
const struct loom_engine *loom_engine_find(const char *name);

/**
 * loom_packet_decode() - validate one packet of a private copy and plan its work
 * @packet: the header and what follows, 8 aligned
 * @avail: bytes from @packet to the end of the command buffer, at least 16
 * @debug: the HANG packet is accepted
 * @engine: who will compute
 * @size: set to the packet's size, always when 0 is returned
 *
 * An unknown packet that may be ignored becomes LOOM_OP_NOP. Pure: looks at
 * nothing but its arguments.
 *
 * Return: 0, or -EINVAL with *@error filled
 */
int loom_packet_decode(const void *packet, uint64_t avail, bool debug,
		       const struct loom_engine *engine, struct loom_work *work, uint32_t *size,
		       struct loom_decode_error *error);

/** loom_opcode_bitmap() - LOOM_REG_OPCODES, four words. */
void loom_opcode_bitmap(bool debug, uint64_t bitmap[4]);

/** loom_dtype_bitmap() - LOOM_REG_DTYPES. */
uint64_t loom_dtype_bitmap(void);

/**
 * struct loom_profile - constants of the performance model
 * @id: LOOM_PROFILE_*
 */
struct loom_profile {
	uint32_t id;
	const char *name;
	uint32_t rows, columns;
	uint32_t clock_khz;
	uint32_t sram_kib;
	uint32_t local_mbps, host_mbps;
	uint32_t launch_cycles;
	/* femtojoules per multiply-add and per byte, milliwatts */
	uint32_t fj_mac_i8, fj_mac_f16, fj_mac_f32, fj_vector_op;
	uint32_t fj_byte_sram, fj_byte_local, fj_byte_host;
	uint32_t static_mw;
};

/** loom_profile_find() - constants of a profile, NULL if unknown. */
const struct loom_profile *loom_profile_find(uint32_t id);

/**
 * loom_model_packet() - cycles, traffic and energy of a decoded packet
 * @host_operands: bit i set: operand i lives in host memory
 *
 * Integer arithmetic, saturating; a pure function of the packet and the profile.
 */
void loom_model_packet(const struct loom_profile *profile, const struct loom_work *work,
		       uint32_t host_operands, struct loom_model *model);

/** loom_model_static() - static energy, in picojoules, of a packet that takes @cycles. */
uint64_t loom_model_static(const struct loom_profile *profile, uint64_t cycles);

#endif
