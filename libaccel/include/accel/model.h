/* SPDX-License-Identifier: MIT */
/*
 * Models and sessions: trained networks in ONNX files, run on the card.
 *
 * A model is a file, read and checked. A session is a model compiled for one queue with all
 * its sizes known, with memory of its own; it runs any number of times, one run at a time.
 *
 * What the compiler made of a model can be kept in a file, see accel_model_save(), and is kept by
 * the library itself, see struct accel_model_opts.
 */
#ifndef ACCEL_MODEL_H
#define ACCEL_MODEL_H

#include "queue.h"

struct accel_model;
struct accel_session;
struct accel_graph;
struct accel_profile;
struct accel_batcher;

/** ACCEL_VALUE_RANK_MAX - axes of a model's values; the card's tensors have ACCEL_RANK_MAX. */
#define ACCEL_VALUE_RANK_MAX	8

/**
 * struct accel_value_info - an input, an output or a value in between
 * @sz: ACCEL_INIT
 * @name: its name; "" for an operand that is absent
 * @dtype: type of its elements
 * @rank: number of axes
 * @dims: elements along each axis; -1: not known before a session is made
 * @symbols: name of an axis that is not known, as "N" or "batch"; "" if it has none
 * @size: bytes of all elements; 0 while an axis is not known
 * @constant: its elements are part of the model
 * @bounded: an output whose shape each run decides: @dims and @size are the most that it may have, see
 *	accel_session_shape()
 *
 * The strings live as long as the object that was asked.
 */
struct accel_value_info {
	size_t sz;
	const char *name;
	enum accel_dtype dtype;
	uint32_t rank;
	int64_t dims[ACCEL_VALUE_RANK_MAX];
	const char *symbols[ACCEL_VALUE_RANK_MAX];
	uint64_t size;
	bool constant;
	bool bounded;
};

/** ACCEL_MODEL_NO_CACHE - compile the model each time, and keep nothing of it. */
#define ACCEL_MODEL_NO_CACHE	(1ull << 0)

/**
 * struct accel_model_opts - how to load a model
 * @sz: ACCEL_INIT
 * @flags: ACCEL_MODEL_*
 * @directory: where files that the model refers to are; NULL: the model file's own
 *	directory, or, for a model from memory or a descriptor, none: such a model is refused
 * @cache: directory of the cache of compiled models; "off": none; NULL: what ACCEL_CACHE says, else
 *	loom/models in XDG_CACHE_HOME, else in ~/.cache
 * @cache_size: bytes that the files of the cache may have together; 0: what ACCEL_CACHE_SIZE says
 *	(K, M and G are understood), else 4 GiB. Those that were not used for longest go
 * @cache_least: models of fewer bytes are compiled each time; 0: 1 MiB
 *
 * Sessions of a model that was compiled before, by any process of the user, for a card with the same
 * features, with the same options and by the same build of the library, begin with what was kept.
 * Results are the same to the bit. A damaged file is removed and made anew; a directory that is not the
 * user's alone to write, that cannot be written, or that is full, is none: nothing of the cache makes a
 * call fail. What it did is in struct accel_session_info.
 */
struct accel_model_opts {
	size_t sz;
	uint64_t flags;
	const char *directory;
	const char *cache;
	uint64_t cache_size;
	uint64_t cache_least;
};

/**
 * struct accel_model_info - what a model says of itself
 * @sz: ACCEL_INIT
 * @name: of its graph, or ""
 * @producer: the program that wrote it, or ""
 * @ir_version: version of the file format
 * @opset: version of the operators of ONNX
 * @inputs: number of inputs; constants with default values are none
 * @outputs: number of outputs
 * @nodes: operators in the file
 * @parameters: elements of all its constants
 * @compiled: it is a compiled model, see accel_model_save(): all sizes are known
 */
struct accel_model_info {
	size_t sz;
	const char *name;
	const char *producer;
	int64_t ir_version;
	int64_t opset;
	uint32_t inputs;
	uint32_t outputs;
	uint32_t nodes;
	uint64_t parameters;
	bool compiled;
};

/**
 * struct accel_model_dim - the size of an axis that a model leaves open
 * @name: a symbol of the model, as "N"; or an input and an axis, as "x:0"
 * @size: elements, 0 is allowed
 *
 * The layout of this structure is final.
 */
struct accel_model_dim {
	const char *name;
	int64_t size;
};

/** ACCEL_SESSION_SYSTEM - keep constants in system memory, even if the card has room for them. */
#define ACCEL_SESSION_SYSTEM	(1ull << 0)

/**
 * struct accel_model_fixed - the elements of an input, given when a model is compiled
 * @name: of the input
 * @data: its elements, the last axis innermost; they are copied
 * @size: bytes; exactly the input's, with all its sizes
 *
 * Shapes must be known when a model is compiled. If the model computes one from an input, as axes,
 * a shape, a number of elements, that input is given here.
 *
 * The layout of this structure is final.
 */
struct accel_model_fixed {
	const char *name;
	const void *data;
	size_t size;
};

/**
 * struct accel_session_opts - how to compile a model
 * @sz: ACCEL_INIT
 * @flags: ACCEL_SESSION_*
 * @dims: sizes of open axes; those that are not named are 1
 * @ndims: number of them
 * @without: names of passes that are left out, see accel_pass_get()
 * @nwithout: number of them
 * @fixed: inputs whose elements are known now; all runs have these
 * @nfixed: number of them
 */
struct accel_session_opts {
	size_t sz;
	uint64_t flags;
	const struct accel_model_dim *dims;
	size_t ndims;
	const char *const *without;
	size_t nwithout;
	const struct accel_model_fixed *fixed;
	size_t nfixed;
};

/**
 * enum accel_cache_use - what the cache of compiled models did for a session
 * @ACCEL_CACHE_UNUSED: nothing: it is off, the model is small, or compiled already
 * @ACCEL_CACHE_HIT: the compiled model was there
 * @ACCEL_CACHE_STORED: it was not there; now it is
 * @ACCEL_CACHE_FAILED: it was not there, and could not be kept
 */
enum accel_cache_use {
	ACCEL_CACHE_UNUSED	= 0,
	ACCEL_CACHE_HIT		= 1,
	ACCEL_CACHE_STORED	= 2,
	ACCEL_CACHE_FAILED	= 3,
};

/**
 * struct accel_cache_info - a cache of compiled models
 * @sz: ACCEL_INIT
 * @files: number of its files
 * @size: bytes of all of them
 * @size_max: what they may have together, unless accel_model_opts.cache_size says something else
 * @directory: where they are
 */
struct accel_cache_info {
	size_t sz;
	uint32_t files;
	uint64_t size;
	uint64_t size_max;
	char directory[1024];
};

/**
 * struct accel_session_info - what a session is made of
 * @sz: ACCEL_INIT
 * @inputs: number of inputs
 * @outputs: number of outputs
 * @card_nodes: operators that run on the card
 * @host_nodes: operators that run on the processor, within accel_session_run()
 * @view_nodes: operators that cost nothing: another shape of the same memory
 * @programs: programs that one run submits
 * @constant_bytes: memory of constants, of those that are shared as well
 * @arena_bytes: memory of inputs, outputs and all values in between
 * @live_bytes: largest sum of values that are needed at a time: the least that @arena_bytes
 *	could be
 * @local_bytes: of @constant_bytes, those in local memory of the card
 * @shared_bytes: of @constant_bytes, those that other sessions of the context had brought before
 * @cache: what the cache of compiled models did
 * @cache_note: what it could not do and why, as that a damaged file was removed, or ""; lives as long
 *	as the session
 */
struct accel_session_info {
	size_t sz;
	uint32_t inputs;
	uint32_t outputs;
	uint32_t card_nodes;
	uint32_t host_nodes;
	uint32_t view_nodes;
	uint32_t programs;
	uint64_t constant_bytes;
	uint64_t arena_bytes;
	uint64_t live_bytes;
	uint64_t local_bytes;
	uint64_t shared_bytes;
	enum accel_cache_use cache;
	const char *cache_note;
};

/** ACCEL_RUN_CANCELABLE - accel_session_cancel() can end the run. */
#define ACCEL_RUN_CANCELABLE	(1ull << 0)

/**
 * struct accel_run_opts - how to run
 * @sz: ACCEL_INIT
 * @flags: ACCEL_RUN_*
 * @deadline: CLOCK_MONOTONIC ns, see accel_deadline(); a run that is not finished by then fails
 *	with -ETIME; 0 or ACCEL_FOREVER: none
 * @cookie: comes back in the result
 */
struct accel_run_opts {
	size_t sz;
	uint64_t flags;
	uint64_t deadline;
	uint64_t cookie;
};

/** ACCEL_BATCHER_AHEAD - compile all sizes of batches at once, not when they are first needed. */
#define ACCEL_BATCHER_AHEAD	(1ull << 0)

/**
 * struct accel_batcher_opts - how requests are put together
 * @sz: ACCEL_INIT
 * @flags: ACCEL_BATCHER_*
 * @session: how to compile, without sizes of the batch axes; NULL for the defaults
 * @max_rows: largest batch, at most 4096; 0: 16
 * @max_waiting: rows that may wait at a time; 0: 64 times @max_rows
 * @max_delay_ns: how long the first of a batch waits for others; 0: not at all, only those that
 *	wait already are taken
 */
struct accel_batcher_opts {
	size_t sz;
	uint64_t flags;
	const struct accel_session_opts *session;
	uint32_t max_rows;
	uint32_t max_waiting;
	uint64_t max_delay_ns;
};

/**
 * struct accel_batch_request - one request
 * @sz: ACCEL_INIT
 * @inputs: elements of each input of the model, @rows times
 * @outputs: room for each output; NULL or a NULL in it: not wanted
 * @rows: elements of the batch, 1 for most; 0: 1
 * @deadline: CLOCK_MONOTONIC ns; if it has not begun by then, it fails with -ETIME; 0: none
 * @cookie: comes back in the result
 *
 * The memory is in use until the fence is done.
 */
struct accel_batch_request {
	size_t sz;
	const void *const *inputs;
	void *const *outputs;
	uint32_t rows;
	uint64_t deadline;
	uint64_t cookie;
};

/**
 * struct accel_batcher_info - what a batcher has done
 * @sz: ACCEL_INIT
 * @inputs: number of inputs
 * @outputs: number of outputs
 * @sizes: sizes of batches that are compiled
 * @requests: requests that were run
 * @rows: rows of these
 * @batches: runs
 * @padding: rows that were computed for nothing, as no size fitted better
 */
struct accel_batcher_info {
	size_t sz;
	uint32_t inputs;
	uint32_t outputs;
	uint32_t sizes;
	uint64_t requests;
	uint64_t rows;
	uint64_t batches;
	uint64_t padding;
};

/**
 * enum accel_place - where an operator runs
 * @ACCEL_PLACE_CARD: on the card
 * @ACCEL_PLACE_HOST: on the processor
 * @ACCEL_PLACE_VIEW: nowhere: its result is its operand's memory
 * @ACCEL_PLACE_MISSING: nowhere: neither can do it, and the model cannot run
 */
enum accel_place {
	ACCEL_PLACE_CARD	= 0,
	ACCEL_PLACE_HOST	= 1,
	ACCEL_PLACE_VIEW	= 2,
	ACCEL_PLACE_MISSING	= 3,
};

/**
 * struct accel_node_info - an operator of a compiled graph
 * @sz: ACCEL_INIT
 * @name: name of the node of the file that it came from, or ""
 * @origin: operator of the file that it came from, as "BatchNormalization"
 * @op: what is computed, as "matmul" or "add"
 * @detail: parameters, as "axes=[1] log", or ""
 * @place: where it runs
 * @reason: why it does not run on the card, or ""
 * @inputs: number of operands
 * @outputs: number of results
 */
struct accel_node_info {
	size_t sz;
	const char *name;
	const char *origin;
	const char *op;
	const char *detail;
	enum accel_place place;
	const char *reason;
	uint32_t inputs;
	uint32_t outputs;
};

/**
 * struct accel_layer_profile - what an operator of a run cost
 * @sz: ACCEL_INIT
 * @name: name of the node of the file that it came from, or ""
 * @origin: operator of the file that it came from
 * @op: what was computed
 * @place: ACCEL_PLACE_CARD or ACCEL_PLACE_HOST
 * @begin_ns: observed begin, since that of the run
 * @end_ns: observed end, since the begin of the run; with submission and waiting
 * @device_ticks: observed time on the card, in ticks of its clock (props.timestamp_hz)
 * @cycles: modelled core cycles
 * @bytes: modelled memory traffic
 * @energy_pj: modelled energy in picojoules
 * @macs: multiply-adds that it asked of the card
 * @utilization: of what the array could multiply in @cycles, the part that @macs are; 0 to 1
 *
 * Observed and modelled figures must not be compared. The strings live as long as the profile.
 */
struct accel_layer_profile {
	size_t sz;
	const char *name;
	const char *origin;
	const char *op;
	enum accel_place place;
	uint64_t begin_ns;
	uint64_t end_ns;
	uint64_t device_ticks;
	uint64_t cycles;
	uint64_t bytes;
	uint64_t energy_pj;
	uint64_t macs;
	double utilization;
};

/**
 * struct accel_pass_info - a step of the compiler
 * @sz: ACCEL_INIT
 * @name: for accel_session_opts.without
 * @summary: what it does
 * @numeric: results may differ in rounding with it; else they are equal to the bit
 */
struct accel_pass_info {
	size_t sz;
	const char *name;
	const char *summary;
	bool numeric;
};

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_model_load() - read a model from a file
 * @path: an ONNX model, or a compiled one, see accel_model_save()
 * @opts: NULL for the defaults
 * @model: set to the new model
 *
 * The file is read and checked once; it may change afterwards. Whether each operator can run is
 * told by accel_session_create() and accel_graph_create().
 *
 * A file that the cache knows is but compared with it, and kept open. If something is asked for that the
 * cache does not have, it is read then; that it was overwritten in the meantime, and not replaced by
 * another file, is -ESTALE.
 * Errors: -EINVAL: not a model, or a malformed one; -EOPNOTSUPP: a version or a kind of type
 * that the library does not know; -E2BIG: nested too deeply, or larger than 2 GiB; -ENOMEM, and
 * those of open().
 */
ACCEL_API int accel_model_load(const char *path, const struct accel_model_opts *opts,
			       struct accel_model **model);

/** accel_model_load_memory() - the same from memory, which is not needed afterwards. */
ACCEL_API int accel_model_load_memory(const void *data, size_t size,
				      const struct accel_model_opts *opts,
				      struct accel_model **model);

/** accel_model_load_fd() - the same from a descriptor, from its position to its end. */
ACCEL_API int accel_model_load_fd(int fd, const struct accel_model_opts *opts,
				  struct accel_model **model);
ACCEL_API struct accel_model *accel_model_ref(struct accel_model *model);
ACCEL_API void accel_model_unref(struct accel_model *model);

/**
 * accel_model_save() - compile a model and keep the result in a file
 * @model: what to compile
 * @device: the card that it is for; NULL: one that can do everything that libaccel knows
 * @opts: how, as for accel_session_create(); NULL for the defaults; flags do not matter
 * @path: the file; it is written beside it and renamed when it is whole, and on the disk
 *
 * accel_model_load() and its like take the file, from any machine. The model has then the sizes and the
 * fixed inputs that it was compiled with; a session of it may be told the same ones once more, and no
 * others but the first axis of all inputs: that may have another size, where it is proved that rows do not
 * depend on each other, as for a batcher. Constants that were spread over the rows are in the way of that,
 * so one row is the best size for it. It runs on a card of other features as far as these allow it, with the
 * same bits. What needs the operators of ONNX, as quantisation or the graph between two passes, refuses it.
 * Nothing in the file is trusted when it is read.
 * Errors: -EOPNOTSUPP: operators that neither card nor processor can do; those of
 * accel_graph_create(); those of open(), write() and rename().
 */
ACCEL_API int accel_model_save(struct accel_model *model, struct accel_device *device,
			       const struct accel_session_opts *opts, const char *path);

/** accel_model_save_fd() - the same to a descriptor, from its position on. */
ACCEL_API int accel_model_save_fd(struct accel_model *model, struct accel_device *device,
				  const struct accel_session_opts *opts, int fd);

/**
 * accel_cache_info() - look at the cache of compiled models
 * @directory: as accel_model_opts.cache
 * @info: filled in; a directory that is not there has no files
 * Errors: -ENOENT: the cache is off, or has no place; -EACCES: the directory is not the user's
 * alone; -EINVAL, -E2BIG.
 */
ACCEL_API int accel_cache_info(const char *directory, struct accel_cache_info *info);

/**
 * accel_cache_clear() - remove all compiled models from the cache
 * @directory: as accel_model_opts.cache
 *
 * Sessions and models that came from it go on. Other processes may use the cache at the same time.
 * Errors: as accel_cache_info(), and those of unlink().
 */
ACCEL_API int accel_cache_clear(const char *directory);

/** accel_model_info() - what the model says of itself. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_model_info(struct accel_model *model, struct accel_model_info *info);

/** accel_model_input() - input @i, from 0. Errors: -EINVAL: no such input; -E2BIG. */
ACCEL_API int accel_model_input(struct accel_model *model, uint32_t i,
				struct accel_value_info *info);

/** accel_model_output() - output @i; its shape as the file says. Errors: as for inputs. */
ACCEL_API int accel_model_output(struct accel_model *model, uint32_t i,
				 struct accel_value_info *info);

/**
 * accel_session_create() - compile a model for a queue
 * @model: what to run
 * @queue: where; the session's memory is in its context
 * @opts: NULL for the defaults
 * @session: set to the new session
 *
 * Sessions of one context share their constants: equal ones are on the card once, in its local
 * memory if they fit there, and go with the last session that uses them.
 * Errors: -EOPNOTSUPP: operators that neither card nor processor can do; the text names them,
 * and accel_graph_create() tells of each; -EINVAL: shapes that do not fit, an unknown
 * name in @opts, or something that a compiled model was not compiled with; -E2BIG: larger than the
 * card's limits; -ESTALE, see accel_model_load(); -ENOMEM, -ENOSPC, -ENODEV.
 */
ACCEL_API int accel_session_create(struct accel_model *model, struct accel_queue *queue,
				   const struct accel_session_opts *opts,
				   struct accel_session **session);
ACCEL_API struct accel_session *accel_session_ref(struct accel_session *session);
ACCEL_API void accel_session_unref(struct accel_session *session);

/** accel_session_info() - what the session is made of. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_session_info(struct accel_session *session, struct accel_session_info *info);

/** accel_session_input() - input @i with all sizes known. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_session_input(struct accel_session *session, uint32_t i,
				  struct accel_value_info *info);

/**
 * accel_session_output() - output @i with all sizes known
 *
 * Of one whose shape each run decides they are the largest that it may have, and info.bounded is set: as much
 * memory is enough for any run.
 * Errors: -EINVAL, -E2BIG.
 */
ACCEL_API int accel_session_output(struct accel_session *session, uint32_t i,
				   struct accel_value_info *info);

/**
 * accel_session_shape() - output @i with the shape that the last run gave it
 * @session: of which no run is under way
 * @i: which output
 * @info: filled in
 *
 * That is the shape of accel_session_output() unless the output is bounded: then what comes of the elements, as
 * how many boxes NonMaxSuppression left. Any thread may ask, until the next run is started.
 * Errors: -EINVAL: also before the first run; -EBUSY: a run is under way; the last run's error; -E2BIG.
 */
ACCEL_API int accel_session_shape(struct accel_session *session, uint32_t i, struct accel_value_info *info);

/**
 * accel_session_write() - set an input
 * @session: of which no run is under way
 * @i: which input
 * @data: its elements, the last axis innermost
 * @size: bytes; exactly the input's
 *
 * It holds for all runs that follow until it is written again. An input that is fixed, see
 * struct accel_model_fixed, takes the same elements only.
 * Errors: -EINVAL; -EBUSY: a run is under way.
 */
ACCEL_API int accel_session_write(struct accel_session *session, uint32_t i, const void *data,
				  size_t size);

/**
 * accel_session_read() - get an output of the last run
 * @session: of which no run is under way
 * @i: which output
 * @data: room for its elements
 * @size: bytes; exactly the output's, or, of one that is bounded, as many as accel_session_shape() tells or more:
 *	those behind are left as they are
 * Errors: -EINVAL: also before the first run; -EBUSY: a run is under way; the last run's error.
 */
ACCEL_API int accel_session_read(struct accel_session *session, uint32_t i, void *data,
				 size_t size);

/**
 * accel_session_bind_input() - let an input be a buffer of the caller, without a copy
 * @session: of which no run is under way
 * @i: which input
 * @buffer: of the queue's context, NULL: memory of the session's own again
 * @offset: bytes, a multiple of 64
 *
 * The session holds the buffer. Programs are built anew at the next run: bind once, run often.
 * Errors: -EINVAL: too small, misplaced or of another context; -EBUSY: a run is under way.
 */
ACCEL_API int accel_session_bind_input(struct accel_session *session, uint32_t i,
				       struct accel_buffer *buffer, uint64_t offset);

/** accel_session_bind_output() - the same for an output; one that is bounded takes as much as it may need. */
ACCEL_API int accel_session_bind_output(struct accel_session *session, uint32_t i,
					struct accel_buffer *buffer, uint64_t offset);

/**
 * accel_session_run() - run once and wait
 * @session: what to run
 * @deadline: see accel_fence_wait()
 * @result: sums over the programs of the run, times from the first to the last; may be NULL
 *
 * A run whose deadline passed goes on to the end of its current program; until then the
 * session is busy.
 * Errors: -EBUSY: a run is under way; those of accel_queue_run().
 */
ACCEL_API int accel_session_run(struct accel_session *session, uint64_t deadline,
				struct accel_result *result);

/**
 * accel_session_start() - start a run
 * @session: what to run
 * @opts: NULL for the defaults
 * @fence: set to the end of the run
 *
 * The session is busy until the fence is done; its outputs are read then. Operators on the
 * processor that come before the first on the card run within the call. The rest is one
 * submission, whose fence other jobs can wait for, if all of it is one program of the card (which holds
 * some two thousand operators) and @opts ask for nothing. Otherwise a thread of the session does it step by step: jobs cannot wait for its
 * fence, and its descriptor is good for poll() and the like.
 *
 * A run whose deadline passes, or that is canceled, fails at once and starts nothing more; the
 * session stays busy until what is on the card is finished. The priority of runs is that of the
 * queue. The last accel_session_unref() lets a run go on to its end.
 * Errors: -EBUSY: a run is under way; -EINVAL, -E2BIG, -ENOMEM, -EAGAIN and others of
 * accel_queue_submit(). Those of the run itself are the fence's result.
 */
ACCEL_API int accel_session_start(struct accel_session *session, const struct accel_run_opts *opts,
				  struct accel_fence **fence);

/** accel_session_run_async() - accel_session_start() without options. */
ACCEL_API int accel_session_run_async(struct accel_session *session, struct accel_fence **fence);

/**
 * accel_session_cancel() - end the run that is under way
 * @session: whose run was started with a deadline or ACCEL_RUN_CANCELABLE
 *
 * Its fence is done with -ECANCELED.
 * Errors: -EALREADY: it is finished, or there is none; -EOPNOTSUPP: it is one submission that
 * cannot be taken back.
 */
ACCEL_API int accel_session_cancel(struct accel_session *session);

/**
 * accel_batcher_create() - put requests of any threads together into batches
 * @model: whose inputs all have the batch as their first axis, of an open size; or a compiled one, of
 *	whatever size
 * @queue: where to run; its priority is that of the batches
 * @opts: NULL for the defaults
 * @batcher: set to the new batcher, to be freed with accel_batcher_free()
 *
 * Sizes of batches are 1, 2, 4 and so on; all share one copy of the constants. Results have the
 * bits of a run alone. So that this is so, the library proves for each size that an element's
 * results depend on nothing else of the batch; a model for which it cannot is refused. Results of a compiled
 * model are, row by row, those that it has at the size that it was compiled with.
 * Errors: -EOPNOTSUPP: no such proof, the text names the operator and why; -EINVAL: options, or an
 * input whose first axis has a fixed size; those of accel_session_create().
 */
ACCEL_API int accel_batcher_create(struct accel_model *model, struct accel_queue *queue,
				   const struct accel_batcher_opts *opts,
				   struct accel_batcher **batcher);

/**
 * accel_batcher_free() - end it; NULL is allowed
 *
 * The batch under way is finished, requests that wait end with -ECANCELED. No other thread may be
 * in a call on it.
 */
ACCEL_API void accel_batcher_free(struct accel_batcher *batcher);

/** accel_batcher_info() - what it has done so far. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_batcher_info(struct accel_batcher *batcher, struct accel_batcher_info *info);

/** accel_batcher_input() - input @i of one row. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_batcher_input(struct accel_batcher *batcher, uint32_t i,
				  struct accel_value_info *info);

/** accel_batcher_output() - output @i of one row. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_batcher_output(struct accel_batcher *batcher, uint32_t i,
				   struct accel_value_info *info);

/**
 * accel_batcher_submit() - hand in a request; any thread
 * @batcher: where
 * @request: copied; its memory is in use until the fence is done
 * @fence: set to the end of the request; jobs cannot wait for it
 *
 * The result's times and costs are those of the whole batch. A request that fails on the
 * processor, as for an index out of range, fails alone: the others of its batch are run again.
 * Errors: -EINVAL; -E2BIG: more rows than a batch; -EAGAIN: too many wait; -ENOMEM.
 */
ACCEL_API int accel_batcher_submit(struct accel_batcher *batcher,
				   const struct accel_batch_request *request,
				   struct accel_fence **fence);

/** accel_batcher_run() - the same, and wait. Errors: those and the request's. */
ACCEL_API int accel_batcher_run(struct accel_batcher *batcher,
				const struct accel_batch_request *request,
				struct accel_result *result);

/**
 * accel_profile_create() - run once, operator by operator, and keep what each cost
 * @session: of which no run is under way
 * @deadline: see accel_fence_wait()
 * @profile: set to the new profile, to be freed with accel_profile_free()
 *
 * The outputs are those of any run. Each operator of the card is a job of its own, so the whole
 * takes longer than accel_session_run(); views cost nothing and are left out. As there, the session
 * is busy until what the card began before the deadline is finished.
 * Errors: those of accel_session_run().
 */
ACCEL_API int accel_profile_create(struct accel_session *session, uint64_t deadline,
				   struct accel_profile **profile);

/** accel_profile_free() - free a profile; NULL is allowed. */
ACCEL_API void accel_profile_free(struct accel_profile *profile);

/** accel_profile_layers() - number of its operators. */
ACCEL_API uint32_t accel_profile_layers(const struct accel_profile *profile);

/** accel_profile_layer() - operator @i, in order of execution. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_profile_layer(const struct accel_profile *profile, uint32_t i,
				  struct accel_layer_profile *info);

/** accel_profile_value() - the first result of operator @i. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_profile_value(const struct accel_profile *profile, uint32_t i,
				  struct accel_value_info *info);

/** accel_pass_get() - step @i of the compiler, in order. Errors: -EINVAL: no such step; -E2BIG. */
ACCEL_API int accel_pass_get(uint32_t i, struct accel_pass_info *info);

/**
 * accel_graph_create() - a model as the compiler sees it
 * @model: what to look at
 * @device: for which; NULL: a card that can do everything that libaccel knows
 * @opts: NULL for the defaults
 * @after: name of a pass: the graph after it; "": before the first; NULL: after the last
 * @graph: set to the new graph, to be freed with accel_graph_free()
 *
 * Operators that cannot run are part of it, with the reason.
 * Errors: -EINVAL: shapes that do not fit, unknown names; -EOPNOTSUPP: @after of a compiled model;
 * -ESTALE, see accel_model_load(); -ENOMEM.
 */
ACCEL_API int accel_graph_create(struct accel_model *model, struct accel_device *device,
				 const struct accel_session_opts *opts, const char *after,
				 struct accel_graph **graph);

/** accel_graph_free() - free a graph; NULL is allowed. */
ACCEL_API void accel_graph_free(struct accel_graph *graph);

/** accel_graph_nodes() - number of its operators. */
ACCEL_API uint32_t accel_graph_nodes(const struct accel_graph *graph);

/** accel_graph_node() - operator @i, in order of execution. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_graph_node(const struct accel_graph *graph, uint32_t i,
			       struct accel_node_info *info);

/** accel_graph_operand() - operand @j of operator @i. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_graph_operand(const struct accel_graph *graph, uint32_t i, uint32_t j,
				  struct accel_value_info *info);

/** accel_graph_result() - result @j of operator @i. Errors: -EINVAL, -E2BIG. */
ACCEL_API int accel_graph_result(const struct accel_graph *graph, uint32_t i, uint32_t j,
				 struct accel_value_info *info);

/**
 * accel_model_tensor() - read a tensor from an ONNX .pb file
 * @path: a serialised TensorProto
 * @info: set to its name, type and shape; the name lives as long as @data
 * @data: set to its elements, to be freed with accel_model_tensor_free()
 * Errors: as accel_model_load().
 */
ACCEL_API int accel_model_tensor(const char *path, struct accel_value_info *info, void **data);

/** accel_model_tensor_free() - free what accel_model_tensor() gave; NULL is allowed. */
ACCEL_API void accel_model_tensor_free(void *data);

#ifdef __cplusplus
}
#endif

#endif
