/* SPDX-License-Identifier: MIT */
#ifndef LOOM_VM_TSC_H
#define LOOM_VM_TSC_H

/**
 * tsc_khz() - the rate of this processor's time stamp counter
 *
 * Takes 50 ms. An emulated processor of QEMU counts at the same rate.
 *
 * Return: kHz.
 */
long tsc_khz(void);

#endif
