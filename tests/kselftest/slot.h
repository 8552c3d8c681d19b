/* SPDX-License-Identifier: MIT */
/*
 * The slot that the first card is in, for a machine that was started with --monitor: pulled out without
 * a word, asked to be given free, without power, filled again. Needs root.
 */
#ifndef SLOT_H
#define SLOT_H

#include <stdbool.h>

/* All return 0 or a negative errno. */
/* Find the slot, as long as the card is in it; after root_node(). */
int slot_open(void);
/* No card comes or goes any more. */
void slot_close(void);
/* The card is gone, as it is when somebody has pulled it: nobody was asked. */
int slot_pull(void);
/* The button is pressed beside the slot; returns when the kernel has given the card away, after 5 s. */
int slot_eject(void);
/* A new card of the same kind; the kernel finds it some time later. */
int slot_fill(void);
/* The slot's power, and the kernel is not told. */
int slot_power(bool on);

#endif
