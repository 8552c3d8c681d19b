/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Tracepoints. A job is named by the card, the queue's context on it and the job's number.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM loom

#if !defined(LOOM_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define LOOM_TRACE_H

#include <linux/tracepoint.h>

#include "loom.h"

TRACE_EVENT(loom_submit,
	    TP_PROTO(struct loom_queue *queue, u64 job, u64 cookie),
	    TP_ARGS(queue, job, cookie),
	    TP_STRUCT__entry(__string(dev, dev_name(queue->ldev->drm.dev))
			     __field(u64, client)
			     __field(u32, queue)
			     __field(u32, context)
			     __field(u64, job)
			     __field(u64, cookie)
	    ),
	    TP_fast_assign(__assign_str(dev);
			   __entry->client = queue->client->drm_id;
			   __entry->queue = queue->id;
			   __entry->context = queue->context;
			   __entry->job = job;
			   __entry->cookie = cookie;
	    ),
	    TP_printk("dev=%s client=%llu queue=%u context=%u job=%llu cookie=%#llx",
		      __get_str(dev), __entry->client, __entry->queue, __entry->context,
		      __entry->job, __entry->cookie)
);

TRACE_EVENT(loom_run,
	    TP_PROTO(struct loom_queue *queue, u64 job, u64 cookie, u32 ring),
	    TP_ARGS(queue, job, cookie, ring),
	    TP_STRUCT__entry(__string(dev, dev_name(queue->ldev->drm.dev))
			     __field(u32, queue)
			     __field(u32, context)
			     __field(u64, job)
			     __field(u64, cookie)
			     __field(u32, ring)
	    ),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->id;
			   __entry->context = queue->context;
			   __entry->job = job;
			   __entry->cookie = cookie;
			   __entry->ring = ring;
	    ),
	    TP_printk("dev=%s queue=%u context=%u job=%llu cookie=%#llx ring=%u",
		      __get_str(dev), __entry->queue, __entry->context, __entry->job,
		      __entry->cookie, __entry->ring)
);

TRACE_EVENT(loom_complete,
	    TP_PROTO(struct loom_queue *queue, u64 job, u64 cookie, u32 ring,
		     const struct drm_loom_result *result),
	    TP_ARGS(queue, job, cookie, ring, result),
	    TP_STRUCT__entry(__string(dev, dev_name(queue->ldev->drm.dev))
			     __field(u32, queue)
			     __field(u32, context)
			     __field(u64, job)
			     __field(u64, cookie)
			     __field(u32, ring)
			     __field(u32, outcome)
			     __field(int, error)
			     __field(u64, start)
			     __field(u64, end)
			     __field(u64, cycles)
	    ),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->id;
			   __entry->context = queue->context;
			   __entry->job = job;
			   __entry->cookie = cookie;
			   __entry->ring = ring;
			   __entry->outcome = result->outcome;
			   __entry->error = result->error;
			   __entry->start = result->t_start;
			   __entry->end = result->t_end;
			   __entry->cycles = result->cycles;
	    ),
	    TP_printk("dev=%s queue=%u context=%u job=%llu cookie=%#llx ring=%u outcome=%u error=%d start=%llu end=%llu cycles=%llu",
		      __get_str(dev), __entry->queue, __entry->context, __entry->job,
		      __entry->cookie, __entry->ring, __entry->outcome, __entry->error,
		      __entry->start, __entry->end, __entry->cycles)
);

TRACE_EVENT(loom_fault,
	    TP_PROTO(struct loom_queue *queue, u64 job, u64 cookie, u32 ring,
		     const struct drm_loom_result *result),
	    TP_ARGS(queue, job, cookie, ring, result),
	    TP_STRUCT__entry(__string(dev, dev_name(queue->ldev->drm.dev))
			     __field(u32, queue)
			     __field(u32, context)
			     __field(u64, job)
			     __field(u64, cookie)
			     __field(u32, ring)
			     __field(u32, code)
			     __field(u32, access)
			     __field(u64, va)
			     __field(u32, packet)
			     __field(u32, opcode)
			     __field(u32, operand)
	    ),
	    TP_fast_assign(__assign_str(dev);
			   __entry->queue = queue->id;
			   __entry->context = queue->context;
			   __entry->job = job;
			   __entry->cookie = cookie;
			   __entry->ring = ring;
			   __entry->code = result->fault_code;
			   __entry->access = result->fault_access;
			   __entry->va = result->fault_va;
			   __entry->packet = result->fault_packet;
			   __entry->opcode = result->fault_opcode;
			   __entry->operand = result->fault_operand;
	    ),
	    TP_printk("dev=%s queue=%u context=%u job=%llu cookie=%#llx ring=%u code=%u access=%u va=%#llx packet=%u opcode=%u operand=%u",
		      __get_str(dev), __entry->queue, __entry->context, __entry->job,
		      __entry->cookie, __entry->ring, __entry->code, __entry->access,
		      __entry->va, __entry->packet, __entry->opcode, __entry->operand)
);

TRACE_EVENT(loom_reset,
	    TP_PROTO(struct loom_device *ldev, u32 ring, u32 step, const char *why),
	    TP_ARGS(ldev, ring, step, why),
	    TP_STRUCT__entry(__string(dev, dev_name(ldev->drm.dev))
			     __string(why, why)
			     __field(u32, ring)
			     __field(u32, step)
	    ),
	    TP_fast_assign(__assign_str(dev);
			   __assign_str(why);
			   __entry->ring = ring;
			   __entry->step = step;
	    ),
	    TP_printk("dev=%s ring=%d step=%s why=%s", __get_str(dev), (int)__entry->ring,
		      __print_symbolic(__entry->step,
				       { 0, "queue" }, { 1, "ring" }, { 2, "device" }),
		      __get_str(why))
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
