/* SPDX-License-Identifier: MIT */
/*
 * What can be called, and with what: one table, of which all else knows nothing but what it says.
 *
 * A call on the node, on a dma-buf or on a sync_file has an argument, whose fields are of the
 * kinds below; life.c knows what a good value of each kind is, and what bad ones are. What is no
 * ioctl, or has more to it, is a function.
 */
#ifndef CALL_H
#define CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct life;
struct file;
struct choices;

enum kind {
	K_END,
	/* Plain values. */
	K_OUT,			/* the kernel's answer; what is there before does not matter */
	K_PAD,			/* zero */
	K_NUMBER,		/* 0 .. limit - 1 */
	K_FIXED,		/* limit */
	K_FLAGS,		/* some of the bits of limit */
	K_MOST_FLAGS,		/* rather all of them */
	K_ANY,			/* anything is good */
	/* Objects of the file. */
	K_BO,
	K_VM,
	K_VM_OR_NONE,
	K_QUEUE,
	K_SYNC,
	/* Descriptors. */
	K_DMABUF,
	K_SYNC_FILE,
	K_SYNC_FD,		/* of a whole syncobj */
	K_EVENTFD,
	/* Memory of the process. */
	K_BUFFER,		/* address of room */
	K_LENGTH,		/* of such room */
	K_STRING,		/* address of a string */
	K_ARRAY,		/* struct drm_loom_array of layout, usually with up to limit elements */
	K_LIST,			/* address of an array of layout; its count is at offset limit */
	K_LIST_TOO,		/* another of the same count */
	/* What depends on what was chosen before it in the same structure. */
	K_SIZE,			/* of a new BO */
	K_BIND_FLAGS,
	K_BIND_BO,
	K_BIND_OFFSET,
	K_BIND_SIZE,
	K_VA,
	K_TIMEOUT_MS,		/* short: nobody waits long for a job that hangs */
	K_RESULTS_BO,
	K_RESULTS_OFFSET,
	K_RESULTS_COUNT,
	K_CMD_VA,
	K_CMD_SIZE,
	K_SYNC_FLAGS,
	K_POINT,
	K_POINT_ANY,		/* 0 as well */
	K_JOB,			/* number of a job */
	K_DEADLINE,		/* soon */
};

struct field {
	const char *name;
	uint16_t offset;
	uint16_t size;
	enum kind kind;
	uint64_t limit;
	const struct layout *layout;
};

/* A structure; the last field is K_END. */
struct layout {
	uint32_t size;
	const struct field *fields;
};

/* What a call makes or takes away. */
enum object_kind {
	OBJ_NONE,
	OBJ_BO,
	OBJ_VM,
	OBJ_QUEUE,
	OBJ_SYNC,
	OBJ_FILE_KINDS,		/* so many belong to a file */
	OBJ_DMABUF = OBJ_FILE_KINDS,
	OBJ_SYNC_FILE,
	OBJ_SYNC_FD,
	OBJ_EVENTFD,
	OBJ_KINDS,
};

enum target {
	ON_NODE,
	ON_DMABUF,
	ON_SYNC_FILE,
};

#define CALL_ERRORS	10

struct call {
	const char *name;
	unsigned long request;
	const struct layout *layout;
	/* Instead of these: returns 0 or a negative errno. */
	int (*act)(struct life *life, struct file *file, struct choices *choices);
	enum target target;
	enum object_kind makes, takes;
	uint16_t at;		/* where in the argument its handle is */
	/*
	 * Of the driver's own calls: the errors that its header lists. Others of all calls are in
	 * call_error_is_listed(). Empty: errors of this call are not judged.
	 */
	int errors[CALL_ERRORS];
	unsigned int weight;	/* how often it is tried when anything will do */
};

extern const struct call calls[];
extern const unsigned int calls_count;

/* Sequences of calls that get somewhere; each ends with a negative number. */
#define SEQUENCE_MAX	12
extern const short sequences[][SEQUENCE_MAX];
extern const unsigned int sequences_count;

int call_find(const char *name);
/* Whether a call may say that; @altered: its number is not quite that of the call. */
bool call_error_is_listed(const struct call *call, int error, bool altered);

#endif
