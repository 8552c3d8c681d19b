/* SPDX-License-Identifier: MIT */
/*
 * Inside the engines: the tiles that all vector engines share, over the
 * instruction set's rows and kernels.
 */
#ifndef LOOM_TILES_H
#define LOOM_TILES_H

#include "conv.h"
#include "engine.h"
#include "gemm.h"
#include "rows.h"

/**
 * LOOM_TILE_ELEMENTS - elements in a tile of FILL, COPY, ELTWISE and UNARY
 *
 * Few enough that a tile takes less than a millisecond whatever its strides:
 * these tiles look at stop once, before they write anything, because a result
 * in place of an operand must not be computed twice.
 */
#define LOOM_TILE_ELEMENTS	16384u

/** LOOM_CHUNK - elements that pass through a tile's buffers at a time */
#define LOOM_CHUNK		512u

/** loom_elements_plan() - tiles of LOOM_TILE_ELEMENTS of operand 0, run by @run. */
void loom_elements_plan(struct loom_work *work, loom_tile_fn run);

/** loom_copy_plan() - tiles of COPY: runs of elements, or blocks of a transposition. */
void loom_copy_plan(struct loom_work *work, loom_tile_fn run);

/** loom_fill_plan() - FILL is the same on every instruction set. */
void loom_fill_plan(struct loom_work *work);

/** loom_panels_plan() - tiles of PACK. */
void loom_panels_plan(struct loom_work *work, loom_tile_fn run);

bool loom_panels_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		      struct loom_arena *arena, const atomic_uint *stop);

bool loom_copy_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		    const atomic_uint *stop);

bool loom_eltwise_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		       const atomic_uint *stop);

bool loom_unary_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		     const atomic_uint *stop);

/** loom_reduce_plan() - tiles of results, loom_softmax_plan() - tiles of groups. */
void loom_reduce_plan(struct loom_work *work, loom_tile_fn run);
void loom_softmax_plan(struct loom_work *work, loom_tile_fn run);

bool loom_reduce_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		      const atomic_uint *stop);

bool loom_softmax_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		       struct loom_arena *arena, const atomic_uint *stop);

/** loom_norm_plan() - tiles of groups, or of elements. */
void loom_norm_plan(struct loom_work *work, loom_tile_fn run);

bool loom_norm_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		    struct loom_arena *arena, const atomic_uint *stop);

/** loom_gather_plan() - tiles of rows. */
void loom_gather_plan(struct loom_work *work, loom_tile_fn run);

bool loom_gather_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		      const atomic_uint *stop);

/** loom_resize_plan() - tiles of what lies behind an element of the axis, or of chunks of it. */
void loom_resize_plan(struct loom_work *work, loom_tile_fn run);

bool loom_resize_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		      const atomic_uint *stop);

/** loom_arg_plan() - tiles of results. */
void loom_arg_plan(struct loom_work *work, loom_tile_fn run);

bool loom_arg_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		   const atomic_uint *stop);

bool loom_quant_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		     const atomic_uint *stop);

/** loom_pool_plan() - tiles of results. */
void loom_pool_plan(struct loom_work *work, loom_tile_fn run);

bool loom_pool_tile(const struct loom_rows *rows, const struct loom_work *work, uint64_t tile,
		    struct loom_arena *arena, const atomic_uint *stop);

/** loom_pool_has_panels() - whether a POOL is done by panels of places; what these do. */
bool loom_pool_has_panels(const struct loom_work *work);
void loom_pool_panels_plan(struct loom_work *work);
bool loom_pool_panels_tile(const struct loom_rows *rows, const struct loom_work *work,
			   uint64_t tile, struct loom_arena *arena, const atomic_uint *stop);

/** loom_pool_has_channels() - the same by rows of channels. */
bool loom_pool_has_channels(const struct loom_work *work);
void loom_pool_channels_plan(struct loom_work *work);
bool loom_pool_channels_tile(const struct loom_rows *rows, const struct loom_work *work,
			     uint64_t tile, struct loom_arena *arena, const atomic_uint *stop);

/**
 * LOOM_ENGINE() - define struct loom_engine loom_engine_<id> over @rows and @kern
 */
#define LOOM_ENGINE(id, use, rows, kern)						\
	static bool id##_copy_tile(const struct loom_work *work, uint64_t tile,		\
				   struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		(void)arena;								\
		return loom_copy_tile(rows, work, tile, stop);				\
	}										\
	static bool id##_eltwise_tile(const struct loom_work *work, uint64_t tile,	\
				      struct loom_arena *arena, const atomic_uint *stop) \
	{										\
		(void)arena;								\
		return loom_eltwise_tile(rows, work, tile, stop);			\
	}										\
	static bool id##_unary_tile(const struct loom_work *work, uint64_t tile,	\
				    struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		(void)arena;								\
		return loom_unary_tile(rows, work, tile, stop);				\
	}										\
	static bool id##_reduce_tile(const struct loom_work *work, uint64_t tile,	\
				     struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		(void)arena;								\
		return loom_reduce_tile(rows, work, tile, stop);			\
	}										\
	static bool id##_softmax_tile(const struct loom_work *work, uint64_t tile,	\
				      struct loom_arena *arena, const atomic_uint *stop) \
	{										\
		return loom_softmax_tile(rows, work, tile, arena, stop);		\
	}										\
	static bool id##_norm_tile(const struct loom_work *work, uint64_t tile,		\
				   struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		return loom_norm_tile(rows, work, tile, arena, stop);			\
	}										\
	static bool id##_gather_tile(const struct loom_work *work, uint64_t tile,	\
				     struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		(void)arena;								\
		return loom_gather_tile(rows, work, tile, stop);			\
	}										\
	static bool id##_quant_tile(const struct loom_work *work, uint64_t tile,	\
				    struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		(void)arena;								\
		return loom_quant_tile(rows, work, tile, stop);				\
	}										\
	static bool id##_resize_tile(const struct loom_work *work, uint64_t tile,	\
				    struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		(void)arena;								\
		return loom_resize_tile(rows, work, tile, stop);			\
	}										\
	static bool id##_arg_tile(const struct loom_work *work, uint64_t tile,		\
				    struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		(void)arena;								\
		return loom_arg_tile(rows, work, tile, stop);				\
	}										\
	static bool id##_pool_tile(const struct loom_work *work, uint64_t tile,		\
				   struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		return loom_pool_tile(rows, work, tile, arena, stop);				\
	}										\
	static bool id##_gemm_tile(const struct loom_work *work, uint64_t tile,		\
				   struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		return loom_gemm_tile(kern, work, tile, arena, stop);			\
	}										\
	static bool id##_conv_tile(const struct loom_work *work, uint64_t tile,		\
				   struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		return loom_conv_tile(kern, work, tile, arena, stop);			\
	}										\
	static bool id##_pack_tile(const struct loom_work *work, uint64_t tile,		\
				   struct loom_arena *arena, const atomic_uint *stop)	\
	{										\
		return loom_panels_tile(rows, work, tile, arena, stop);			\
	}										\
	static void id##_plan_pack(struct loom_work *work)				\
	{										\
		loom_panels_plan(work, id##_pack_tile);					\
	}										\
	static void id##_plan_copy(struct loom_work *work)				\
	{										\
		loom_copy_plan(work, id##_copy_tile);					\
	}										\
	static void id##_plan_eltwise(struct loom_work *work)				\
	{										\
		loom_elements_plan(work, id##_eltwise_tile);				\
	}										\
	static void id##_plan_unary(struct loom_work *work)				\
	{										\
		loom_elements_plan(work, id##_unary_tile);				\
	}										\
	static void id##_plan_reduce(struct loom_work *work)				\
	{										\
		loom_reduce_plan(work, id##_reduce_tile);				\
	}										\
	static void id##_plan_softmax(struct loom_work *work)				\
	{										\
		loom_softmax_plan(work, id##_softmax_tile);				\
	}										\
	static void id##_plan_norm(struct loom_work *work)				\
	{										\
		loom_norm_plan(work, id##_norm_tile);					\
	}										\
	static void id##_plan_gather(struct loom_work *work)				\
	{										\
		loom_gather_plan(work, id##_gather_tile);				\
	}										\
	static void id##_plan_quant(struct loom_work *work)				\
	{										\
		loom_elements_plan(work, id##_quant_tile);				\
	}										\
	static void id##_plan_resize(struct loom_work *work)				\
	{										\
		loom_resize_plan(work, id##_resize_tile);				\
	}										\
	static void id##_plan_arg(struct loom_work *work)				\
	{										\
		loom_arg_plan(work, id##_arg_tile);					\
	}										\
	static void id##_plan_pool(struct loom_work *work)				\
	{										\
		loom_pool_plan(work, id##_pool_tile);					\
	}										\
	static void id##_plan_gemm(struct loom_work *work)				\
	{										\
		loom_gemm_plan(kern, work);						\
		work->run = id##_gemm_tile;						\
	}										\
	static void id##_plan_conv(struct loom_work *work)				\
	{										\
		loom_conv_plan(kern, work);						\
		work->run = id##_conv_tile;						\
	}										\
	const struct loom_engine loom_engine_##id = {					\
		.name = #id,								\
		.usable = use,								\
		.gemm = id##_plan_gemm,							\
		.conv = id##_plan_conv,							\
		.pack = id##_plan_pack,							\
		.norm = id##_plan_norm,							\
		.pool = id##_plan_pool,							\
		.gather = id##_plan_gather,						\
		.resize = id##_plan_resize,						\
		.quant = id##_plan_quant,						\
		.arg = id##_plan_arg,							\
		.eltwise = id##_plan_eltwise,						\
		.unary = id##_plan_unary,						\
		.reduce = id##_plan_reduce,						\
		.softmax = id##_plan_softmax,						\
		.copy = id##_plan_copy,							\
		.fill = loom_fill_plan,							\
	}

#endif
