/* SPDX-License-Identifier: MIT */
/*
 * What only root can do to a card: debugfs and the attributes of its PCI
 * function. For the virtual machine.
 */
#ifndef ROOT_H
#define ROOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The card of LOOM_NODE, or accel0. All return 0 or a negative errno. */
/* Set LOOM_NODE to the card's node: it gets a new number as long as somebody has the old one open. */
int root_node(void);
/* The PCI address; it is remembered, so that it is known when the card is gone. */
const char *root_address(void);
/* Write TEXT to a file of the card's directory in debugfs. */
int root_debug(const char *file, const char *text);
/* The same with what printf() would make of the rest. */
int root_debugf(const char *file, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Write TEXT to a file of the PCI function, or with a '/' in front to any file. */
int root_sysfs(const char *file, const char *text);
int root_exists(const char *file);
/* Whether the kernel is configured with LINE, as "CONFIG_PM=y"; false if it does not tell. */
bool root_configured(const char *line);
/* Whether DMA behind an IOMMU has to be synchronised, by what a kernel that checks DMA says. */
bool root_dma_checked(void);
/* The same files: what is in one, without the newline; or the number that is. */
int root_text(const char *file, char *text, size_t size);
int root_number(const char *file, uint64_t *number);

struct root_rings {
	unsigned int generation, resets;
	int error;
	/* Of the first ring that takes user work. */
	unsigned int ring;
	uint64_t written, retired;
};

int root_rings(struct root_rings *rings);
/* Number of BOs in debugfs's list. */
int root_bos(void);
/* Interrupts of all cards so far. */
unsigned long root_interrupts(void);

#endif
