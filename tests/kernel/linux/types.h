/* SPDX-License-Identifier: MIT */
/*
 * As much of the kernel as kernel/mmu.c uses, for a test in a process of its own.
 */
#ifndef SHIM_LINUX_TYPES_H
#define SHIM_LINUX_TYPES_H

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

typedef uint8_t __u8, u8;
typedef uint16_t __u16, __le16, u16;
typedef uint32_t __u32, __le32, u32;
typedef uint64_t __u64, __le64, u64;
typedef int32_t __s32;
typedef int64_t __s64;
typedef uint64_t dma_addr_t;

#define cpu_to_le64(x)		htole64(x)
#define le64_to_cpu(x)		le64toh(x)
#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)	(*(volatile __typeof__(x) *)&(x) = (v))
/* One thread: the compiler's order is all there is. */
#define wmb()			__asm__ volatile("" : : : "memory")
#define ALIGN_DOWN(x, a)	((x) & ~((__typeof__(x))(a) - 1))
#define IS_ALIGNED(x, a)	(!((x) & ((a) - 1)))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define SZ_1G			0x40000000ull

#define GFP_KERNEL_ACCOUNT	0
void *shim_alloc(size_t size);
#define kzalloc(size, flags)	shim_alloc(size)
#define kcalloc(n, size, flags)	shim_alloc((n) * (size))
#define kfree(p)		free(p)

#endif
