/* SPDX-License-Identifier: MIT */
/*
 * A QEMU machine without a guest: this process plays the processor through
 * QEMU's qtest protocol and shares the guest's memory.
 */
#ifndef TEST_LQT_H
#define TEST_LQT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LQT_RAM		(64u << 20)

#define LQT_EVENTS	16

struct lqt_stream {
	int fd;
	size_t fill;
	char buffer[65536];
};

/**
 * struct lqt - a machine
 * @pid: of QEMU
 * @ram: guest memory, bus address 0 on, LQT_RAM bytes
 * @answer: of the latest lqt_qmp()
 * @events: the latest QMP events that nobody has waited for yet
 */
struct lqt {
	pid_t pid;
	uint8_t *ram;
	struct lqt_stream qtest, qmp;
	char answer[1024];
	char events[LQT_EVENTS][256];
	unsigned int nevents;
};

enum lqt_accel { LQT_QTEST, LQT_TCG };

/*
 * All of these end the test with "Bail out!" when QEMU does not answer as it
 * must: a machine that died or hangs is never taken for a test that passed.
 */

/** lqt_start() - a q35 machine with these further arguments, NULL-terminated */
void lqt_start(struct lqt *m, enum lqt_accel accel, const char *const *args);
/** lqt_stop() - false if QEMU did not end as it was told */
bool lqt_stop(struct lqt *m);
/** lqt_refused() - QEMU refuses to start with -device @device: true if it says @what */
bool lqt_refused(const char *device, const char *what);

uint64_t lqt_read(struct lqt *m, unsigned int size, uint64_t addr);
void lqt_write(struct lqt *m, unsigned int size, uint64_t addr, uint64_t value);
uint32_t lqt_in(struct lqt *m, uint16_t port);
void lqt_out(struct lqt *m, uint16_t port, uint32_t value);
/** lqt_clock() - advance the machine's clock */
void lqt_clock(struct lqt *m, uint64_t ns);

/** lqt_qmp() - execute; @args is JSON or NULL; false if QEMU answers with an error */
bool lqt_qmp(struct lqt *m, const char *command, const char *args);
/**
 * lqt_save() - migrate to @file; QEMU goes on waiting to be stopped
 *
 * Return: whether it ends as completed
 */
bool lqt_save(struct lqt *m, const char *file);
/**
 * lqt_load() - take up @file; the machine was started with -incoming defer
 *
 * Return: 0, or the wait status of a QEMU that ended because of it
 */
int lqt_load(struct lqt *m, const char *file);
/** lqt_event() - wait for a QMP event whose text contains @text */
void lqt_event(struct lqt *m, const char *event, const char *text);

/** lqt_threads(), lqt_files() - what QEMU has at the moment */
unsigned int lqt_threads(struct lqt *m);
unsigned int lqt_files(struct lqt *m);

_Noreturn __attribute__((format(printf, 1, 2))) void lqt_bail(const char *format, ...);

/**
 * LQT_UNTIL() - poll until @condition holds; a machine that hangs ends the test
 */
#define LQT_UNTIL(m, condition) do {						\
	uint64_t lqt_limit_ = lqt_deadline();					\
	while (!(condition))							\
		lqt_wait(m, lqt_limit_, #condition);				\
} while (0)

uint64_t lqt_deadline(void);
void lqt_wait(struct lqt *m, uint64_t deadline, const char *what);

#endif
