/* SPDX-License-Identifier: MIT */
/*
 * Queues, jobs, fences and results.
 *
 * A queue runs its jobs one after the other. Every job has a number, from 1, in
 * the order of submission. A fence stands for one job; a result says how it went. The call
 * that waits and the job that it waits for have outcomes of their own.
 */
#ifndef ACCEL_QUEUE_H
#define ACCEL_QUEUE_H

#include "types.h"

/**
 * enum accel_priority - priority of a queue
 * @ACCEL_PRIORITY_NORMAL: the default
 * @ACCEL_PRIORITY_LOW: runs when nothing else does
 * @ACCEL_PRIORITY_HIGH: needs CAP_SYS_NICE
 */
enum accel_priority {
	ACCEL_PRIORITY_NORMAL	= 0,
	ACCEL_PRIORITY_LOW	= 1,
	ACCEL_PRIORITY_HIGH	= 2,
};

/**
 * ACCEL_QUEUE_DUMP_CONTENTS - if a job of the queue faults or hangs, the dump that the driver
 * makes has the contents of the context's buffers, as far as there is room, but not of those that
 * were imported or exported. Root can read it. Without this option it has the program alone.
 */
#define ACCEL_QUEUE_DUMP_CONTENTS	(1ull << 0)

/**
 * struct accel_queue_opts - options of accel_queue_create()
 * @sz: ACCEL_INIT
 * @flags: ACCEL_QUEUE_*
 * @priority: see there
 * @timeout_ms: a job without progress for that long is stopped; 0: the driver's default
 * @limit_ms: a job that runs longer is stopped in any case; 0: the driver's default. Of sim: both
 *	count time in which the simulated card could work: not while it waits for processors
 * @depth: unfinished and unreaped jobs at a time, rounded up to a power of two; 0: 256
 * @spin_ns: how long waits look for the job's end before they sleep; 0: 50 us;
 *	ACCEL_NO_SPIN: not at all
 */
struct accel_queue_opts {
	size_t sz;
	uint64_t flags;
	enum accel_priority priority;
	uint32_t timeout_ms;
	uint32_t limit_ms;
	uint32_t depth;
	uint64_t spin_ns;
};

#define ACCEL_NO_SPIN		UINT64_MAX

/**
 * struct accel_job - one job to submit
 * @sz: ACCEL_INIT; that of the first element is the stride of an array
 * @program: a finished program; NULL: nothing to run, a point to wait for
 * @cookie: comes back in the result
 * @waits: fences that must be done before the job starts, of any queue of the device
 * @nwaits: number of them
 * @flags: must be zero
 */
struct accel_job {
	size_t sz;
	struct accel_program *program;
	uint64_t cookie;
	struct accel_fence *const *waits;
	uint32_t nwaits;
	uint32_t flags;
};

/**
 * enum accel_outcome - how a job ended
 * @ACCEL_JOB_OK: done
 * @ACCEL_JOB_FAULT: it touched memory that it may not (error -EIO)
 * @ACCEL_JOB_BAD_PROGRAM: the card refused a packet (-EIO)
 * @ACCEL_JOB_TIMEOUT: stopped because it hung (-ETIME)
 * @ACCEL_JOB_CANCELED: never run or stopped: an earlier job of the queue failed, the
 *	queue was destroyed, or another's reset took it (-ECANCELED)
 * @ACCEL_JOB_DEVICE_LOST: the card is gone (-ENODEV)
 * @ACCEL_JOB_HOST: of a session's run: an operator on the processor failed (its error)
 */
enum accel_outcome {
	ACCEL_JOB_OK		= 0,
	ACCEL_JOB_FAULT		= 1,
	ACCEL_JOB_BAD_PROGRAM	= 2,
	ACCEL_JOB_TIMEOUT	= 3,
	ACCEL_JOB_CANCELED	= 4,
	ACCEL_JOB_DEVICE_LOST	= 5,
	ACCEL_JOB_HOST		= 6,
};

/**
 * struct accel_result - outcome and costs of a job
 * @number: the job's
 * @cookie: the job's
 * @t_start: observed start on the card clock, ticks
 * @t_end: observed end on the card clock, ticks
 * @cycles: modelled core cycles
 * @bytes: modelled memory traffic
 * @energy_pj: modelled energy in picojoules
 * @fault_va: faulting address or that of the refused packet
 * @error: 0 or a negative errno
 * @outcome: enum accel_outcome
 * @fault_code: enum loom_fault_code of loom_hw.h, see accel_fault_name()
 * @fault_packet: byte offset of the packet in the program
 * @fault_opcode: its opcode, see accel_opcode_name()
 * @fault_operand: its operand, 0xff if none
 * @fault_access: 0 read, 1 write, 2 fetch of the program
 * @pad: zero
 * @reserved: zero
 *
 * The layout of this structure is final: 128 bytes.
 */
struct accel_result {
	uint64_t number;
	uint64_t cookie;
	uint64_t t_start;
	uint64_t t_end;
	uint64_t cycles;
	uint64_t bytes;
	uint64_t energy_pj;
	uint64_t fault_va;
	int32_t error;
	uint32_t outcome;
	uint32_t fault_code;
	uint32_t fault_packet;
	uint32_t fault_opcode;
	uint32_t fault_operand;
	uint32_t fault_access;
	uint32_t pad;
	uint64_t reserved[4];
};

/**
 * enum accel_queue_status - state of a queue
 * @ACCEL_QUEUE_OK: takes jobs
 * @ACCEL_QUEUE_FAULTED: a job of it failed; submissions give -EIO
 * @ACCEL_QUEUE_BANNED: a job of it hung; submissions give -ETIME
 * @ACCEL_QUEUE_INNOCENT: it lost a job to another's reset; -ECANCELED
 * @ACCEL_QUEUE_LOST: the card is gone; -ENODEV
 *
 * A queue that is not OK stays so: create another one.
 */
enum accel_queue_status {
	ACCEL_QUEUE_OK		= 0,
	ACCEL_QUEUE_FAULTED	= 1,
	ACCEL_QUEUE_BANNED	= 2,
	ACCEL_QUEUE_INNOCENT	= 3,
	ACCEL_QUEUE_LOST	= 4,
};

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_queue_create() - a queue in a context
 * @context: whose programs it will run
 * @opts: NULL for the defaults
 * @queue: set to the new queue
 * Errors: -EINVAL, -E2BIG, -EACCES: priority; -EOPNOTSUPP: ACCEL_QUEUE_DUMP_CONTENTS, and the driver
 * cannot; -ENOSPC: no context left on the card; -ENOMEM, -ENODEV.
 */
ACCEL_API int accel_queue_create(struct accel_context *context,
				 const struct accel_queue_opts *opts, struct accel_queue **queue);
ACCEL_API struct accel_queue *accel_queue_ref(struct accel_queue *queue);

/**
 * accel_queue_unref() - drop a reference
 * @queue: the queue; NULL is allowed
 *
 * With the last one, unfinished jobs are stopped: their results are
 * ACCEL_JOB_CANCELED. Fences of the queue stay usable.
 */
ACCEL_API void accel_queue_unref(struct accel_queue *queue);

/** accel_queue_context() - the context of a queue; not a new reference. */
ACCEL_API struct accel_context *accel_queue_context(struct accel_queue *queue);

/**
 * accel_queue_submit() - submit jobs, all or none
 * @queue: where
 * @jobs: @n elements, each jobs[0].sz bytes long
 * @n: number of jobs
 * @fence: of the last job; may be NULL
 *
 * One system call for any number of jobs. Jobs without waits that follow each other
 * cost least. Does not block.
 *
 * Return: 0. Errors: -EINVAL: no job, an unfinished program, or one of another context;
 * -E2BIG: more than jobs_max or the queue's whole depth; -EAGAIN: more than the
 * queue's depth would be unfinished or unreaped; -EIO/-ETIME/-ECANCELED/-ENODEV: the queue's
 * status; -ENOMEM.
 */
ACCEL_API int accel_queue_submit(struct accel_queue *queue, const struct accel_job *jobs,
				 size_t n, struct accel_fence **fence);

/**
 * accel_queue_run() - submit one program and wait for its end
 * @queue: where
 * @program: a finished program
 * @deadline: see accel_fence_wait()
 * @result: may be NULL
 *
 * Return: 0 if the job ran well; the errors of submit and wait; the job's
 * error. The job goes on if the deadline passes.
 */
ACCEL_API int accel_queue_run(struct accel_queue *queue, struct accel_program *program,
			      uint64_t deadline, struct accel_result *result);

/** accel_queue_submitted() - number of the last job submitted, 0 if none. */
ACCEL_API uint64_t accel_queue_submitted(struct accel_queue *queue);

/**
 * accel_queue_drain() - wait until every job submitted so far is finished
 * @queue: the queue
 * @deadline: see accel_fence_wait()
 * Errors: -ETIME: the deadline passed; -EINTR: a signal handler ran.
 */
ACCEL_API int accel_queue_drain(struct accel_queue *queue, uint64_t deadline);

/** accel_queue_status() - state of the queue: enum accel_queue_status, or a negative errno. */
ACCEL_API int accel_queue_status(struct accel_queue *queue);

/**
 * accel_queue_event_fd() - one descriptor for all completions of a queue
 * @queue: the queue
 * @fd: set to the descriptor
 *
 * An eventfd of the queue, not to be closed by the caller; readable while
 * there is something to reap, at times also when there is nothing. Jobs of one
 * submission may show only when the last of them is finished. From this call on
 * finished jobs count against the queue's depth until accel_queue_reap() has
 * delivered them.
 * Errors: -EOPNOTSUPP, -ENOMEM, -EMFILE.
 */
ACCEL_API int accel_queue_event_fd(struct accel_queue *queue, int *fd);

/**
 * accel_queue_reap() - results of jobs that finished since accel_queue_event_fd()
 * @queue: the queue
 * @results: room for @n
 * @n: at most so many
 *
 * Each result is delivered once, in order of number. Does not block.
 * Return: how many, 0 if none. Errors: -EINVAL: accel_queue_event_fd() was not called.
 */
ACCEL_API int accel_queue_reap(struct accel_queue *queue, struct accel_result *results, size_t n);

ACCEL_API struct accel_fence *accel_fence_ref(struct accel_fence *fence);
ACCEL_API void accel_fence_unref(struct accel_fence *fence);

/** accel_fence_number() - number of the fence's job; 0 for an imported fence or one of a run. */
ACCEL_API uint64_t accel_fence_number(const struct accel_fence *fence);

/**
 * accel_fence_wait() - wait for the end of a job, however it ends
 * @fence: whose job
 * @deadline: CLOCK_MONOTONIC ns, see accel_deadline(); 0: do not wait
 *
 * Return: 0 when the job is finished; see accel_fence_result() for how.
 * Errors: -ETIME: the deadline passed; -EINTR: a signal handler ran.
 */
ACCEL_API int accel_fence_wait(struct accel_fence *fence, uint64_t deadline);

/**
 * accel_fence_poll() - whether the job is finished; async-signal-safe
 * @fence: whose job
 *
 * No system call, but one for an imported fence.
 */
ACCEL_API bool accel_fence_poll(const struct accel_fence *fence);

/**
 * accel_fence_result() - how a finished job ended and what it cost
 * @fence: whose job
 * @result: may be NULL
 *
 * Return: the job's error: 0 or negative. -EBUSY: not finished.
 */
ACCEL_API int accel_fence_result(struct accel_fence *fence, struct accel_result *result);

/**
 * accel_fence_fd() - a descriptor that becomes readable when the job is finished
 * @fence: whose job
 * @fd: set to the descriptor
 *
 * The caller's to close; stays readable. It may show a moment after accel_fence_poll() or
 * accel_fence_wait() told the end. That of a job which was canceled while it
 * waited for other fences may become readable only when those are finished. A
 * sync_file with ACCEL_CAP_SYNC_FILE, which other drivers take, else, and always of the run of a
 * session that is more than one submission (see accel_session_start()), only good for poll(),
 * epoll and io_uring.
 * Errors: -EMFILE, -ENOMEM.
 */
ACCEL_API int accel_fence_fd(struct accel_fence *fence, int *fd);

/**
 * accel_fence_import() - a fence from another driver's sync_file; @fd stays the caller's
 * @device: who will wait for it
 * @fd: sync_file, stays the caller's
 * @fence: set to the new fence
 * Errors: -EOPNOTSUPP without ACCEL_CAP_SYNC_FILE; -EINVAL: not a sync_file; -ENOMEM.
 */
ACCEL_API int accel_fence_import(struct accel_device *device, int fd, struct accel_fence **fence);

/** accel_outcome_name() - "ok", "fault", ... for enum accel_outcome. */
ACCEL_API const char *accel_outcome_name(uint32_t outcome);

/** accel_fault_name() - "not-mapped", "permission", ... for result.fault_code. */
ACCEL_API const char *accel_fault_name(uint32_t code);

/** accel_opcode_name() - "GEMM", "COPY", ... for result.fault_opcode; "unknown" for any other. */
ACCEL_API const char *accel_opcode_name(uint32_t opcode);

/**
 * accel_result_describe() - one sentence on a failed job, for people
 * @result: of the job
 * @text: where to write
 * @size: bytes at @text
 * Return: what snprintf() returns.
 */
ACCEL_API int accel_result_describe(const struct accel_result *result, char *text, size_t size);

#ifdef __cplusplus
}
#endif

#endif
