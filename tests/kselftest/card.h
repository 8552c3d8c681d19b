/* SPDX-License-Identifier: MIT */
/*
 * What the kselftests share: the raw interface of the driver, without
 * libaccel, so that every test sends exactly the bytes that it means to.
 */
#ifndef CARD_H
#define CARD_H

#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <errno.h>
#include <sys/types.h>

#include "drm/loom_accel.h"
#include "loom_isa.h"

#define SEC		1000000000ull
/* Waits that must succeed end by then, however slow the machine is. */
#define PATIENCE	(60 * SEC)

/* The time that the harness gives a test must be longer than that. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120

/* All return a negative errno on failure. */
int card_open(void);
int card_ioctl(int fd, unsigned long request, void *arg);
int card_info(int fd, struct drm_loom_query_info *info);
bool card_debug(int fd);

/* Files of debugfs: what is in one, for free(), or NULL; write to one. */
char *debug_read(int fd, const char *name);
int debug_write(int fd, const char *name, const char *text);
/* Has card_open() open the card that is not accel0; 0, or -ENODEV if there is none. */
int card_other(void);
/* Address of the card on the PCI bus. */
int card_address(int fd, char *address, size_t size);
/* Reset of the card's PCI function through sysfs. */
int card_function_reset(int fd);

int bo_create(int fd, uint64_t size, uint32_t flags, uint32_t vm, uint32_t *handle);
void *bo_map(int fd, uint32_t handle, uint64_t size);
int bo_close(int fd, uint32_t handle);

int vm_create(int fd, uint32_t *id);
/* Leaves of 2 MiB in the first VM of this process. */
unsigned long long vm_large_pages(int fd);
int vm_bind(int fd, uint32_t vm, uint32_t flags, uint32_t handle, uint64_t offset, uint64_t va,
	    uint64_t size);

int queue_create(int fd, uint32_t vm, uint32_t timeout_ms, uint32_t limit_ms, uint32_t results,
		 uint32_t count, uint32_t *id);
int queue_destroy(int fd, uint32_t id);
int queue_state(int fd, uint32_t id, struct drm_loom_queue_state *state);

/* One job; sync may be NULL. Returns 0 and the job's number in *number. */
int submit(int fd, uint32_t queue, uint64_t va, uint32_t size, const struct drm_loom_sync *syncs,
	   uint32_t nsyncs, uint64_t *number);
/* The same with a binary syncobj that signals at the end, and a wait for it. */
int run(int fd, uint32_t queue, uint64_t va, uint32_t size);

uint64_t now(void);
int sync_create(int fd, uint32_t *handle);
int sync_wait(int fd, uint32_t handle, uint64_t point, uint64_t timeout_ns);
int sync_export(int fd, uint32_t handle);
/* Status of a sync_file: 1 signalled, 0 not, negative error of the fence. */
int sync_file_status(int sync_file);

/* Packets: each appends at p and returns what follows. */
void *pkt_fence(void *p, uint64_t va, uint64_t value);
void *pkt_timestamp(void *p, uint64_t va);
void *pkt_copy(void *p, uint64_t dst, uint64_t src, uint32_t words);
void *pkt_fill(void *p, uint64_t dst, uint64_t value, uint32_t words);
void *pkt_hang(void *p, bool busy);
void *pkt_gemm_f32(void *p, uint64_t c, uint64_t a, uint64_t b, uint32_t m, uint32_t n, uint32_t k);

/*
 * A client with everything that a job needs: a VM, a queue with results, and
 * one BO for commands and data.
 */
#define CLIENT_VA	0x10000000ull
#define CLIENT_SIZE	0x10000ull
#define CLIENT_DATA	0x4000ull	/* offset of data */
#define CLIENT_SLOTS	64u

struct client {
	int fd;
	uint32_t vm, queue, bo, bo_results;
	uint8_t *cpu;			/* the BO */
	uint64_t *data;			/* cpu + CLIENT_DATA */
	struct drm_loom_result *results;
};

int client_open(struct client *client, uint32_t timeout_ms, uint32_t limit_ms);
void client_close(struct client *client);
/* Another queue, without results, in the client's VM. */
int client_queue(struct client *client, uint32_t *queue);
/* End of the command buffer that was written up to p, as a size. */
uint32_t client_size(const struct client *client, const void *p);
const struct drm_loom_result *client_result(const struct client *client, uint64_t number);

#endif
