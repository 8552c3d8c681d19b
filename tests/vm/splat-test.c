// SPDX-License-Identifier: MIT
/* Which lines of a kernel log fail a run, and which must not. */
#include <stddef.h>
#include <stdio.h>

#include "splat.h"

static const struct {
	const char *line;
	bool splat;
} lines[] = {
	{ "[    1.000000] WARNING: CPU: 0 PID: 1 at drivers/accel/loom/job.c:1 f+0x1/0x2", true },
	{ "[    1.000000] WARNING: drivers/accel/loom/job.c:1 at f+0x1/0x2, CPU#1: a/2", true },
	{ "[    1.000000][   T12] WARNING: possible circular locking dependency detected", true },
	{ "[12345.678901][   C1] ------------[ cut here ]------------", true },
	{ "[    1.000000] BUG: KASAN: slab-use-after-free in loom_job_free+0x1/0x2", true },
	{ "[    1.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008", true },
	{ "[    1.000000] BUG: unable to handle page fault for address: ffff8880", true },
	{ "[    1.000000] BUG: sleeping function called from invalid context at x.c:1", true },
	{ "[    1.000000] BUG kmalloc-64 (Not tainted): Poison overwritten", true },
	{ "[    1.000000] BUG kmalloc-64 (Tainted: G           OE     ): Redzone", true },
	{ "[    1.000000] Oops: Oops: 0000 [#1] PREEMPT SMP NOPTI", true },
	{ "[    1.000000] Oops: general protection fault, probably for address 0x1", true },
	{ "[    1.000000] general protection fault: 0000 [#1] SMP", true },
	{ "[    1.000000] kernel BUG at mm/slub.c:300!", true },
	{ "[    1.000000] Kernel panic - not syncing: sysrq triggered crash", true },
	{ "[  243.000000] INFO: task kworker/0:1:10 blocked for more than 30 seconds.", true },
	{ "[    1.000000] INFO: possible recursive locking detected", true },
	{ "[   61.000000] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", true },
	{ "[   61.000000] rcu: INFO: rcu_preempt self-detected stall on CPU", true },
	{ "[   22.000000] watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [a:1]", true },
	{ "[    1.000000] UBSAN: array-index-out-of-bounds in x.c:1:2", true },
	{ "[    1.000000] refcount_t: underflow; use-after-free.", true },
	{ "[    1.000000] list_del corruption. prev->next should be x", true },
	{ "[    1.000000] kmemleak: 2 new suspected memory leaks (see /sys)", true },
	{ "[    1.000000] kmemleak: unreferenced object 0xffff888003ff3000 (size 96):", true },
	{ "[    1.000000] ODEBUG: free active (active state 0) object: 0 object type: timer_list", true },
	{ "[    1.000000] DMA-API: loom 0000:01:00.0: device driver has pending DMA allocations", true },
	{ "[    1.000000] irq 11: nobody cared (try booting with the \"irqpoll\" option)", true },
	{ "[    1.000000] BUG: KASAN: double-free in loom_ioctl_submit+0x1/0x2 [loom]", true },
	{ "[    1.000000] BUG: KCSAN: data-race in loom_job_complete [loom] / queue_poll", true },
	{ "[    1.000000] UBSAN: shift-out-of-bounds in x.c:1:2", true },
	{ "[    1.000000] WARNING: suspicious RCU usage", true },
	{ "[    1.000000] WARNING: inconsistent lock state", true },
	{ "[    1.000000] WARNING: lock held when returning to user space!", true },
	{ "[    1.000000] refcount_t: addition on 0; use-after-free.", true },
	{ "[    1.000000] DMA-API: debugging out of memory - disabling", true },
	{ "[    1.000000] ODEBUG: Out of memory. ODEBUG disabled", true },
	{ "[    1.000000] kmemleak: Kernel memory leak detector disabled", true },
	{ "[    1.000000] Disabling lock debugging due to kernel taint", true },
	{ "[    1.000000] sysfs: cannot create duplicate filename '/class/accel/accel0'", true },

	{ "[    1.000000] loom 0000:01:00.0: fault: WARNING: not a report", false },
	{ "[    1.000000] loom 0000:01:00.0: BUG: in the middle of a line", false },
	{ "[    1.000000] rcu: Hierarchical RCU implementation.", false },
	{ "[    1.000000] kmemleak: Kernel memory leak detector initialized", false },
	{ "[    1.000000] DMA-API: preallocated 65536 debug entries", false },
	{ "[    1.000000] DMA-API: debugging disabled on kernel command line", false },
	{ "[    1.000000] UBSAN", false },
	{ "[    1.000000] INFO: task", false },
	{ "[    1.000000] irq 11: affinity broken", false },
	{ "WARNING: without a time stamp this is no kernel message", false },
	{ "[WARNING] BUG: ", false },
	{ "[", false },
	{ "", false },
};

int main(void)
{
	size_t count = sizeof(lines) / sizeof(lines[0]);
	int failed = 0;

	printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		bool ok = splat_line(lines[i].line) == lines[i].splat;

		printf("%sok %zu - %s '%s'\n", ok ? "" : "not ", i + 1,
		       lines[i].splat ? "reported" : "let pass", lines[i].line);
		failed += !ok;
	}
	return failed != 0;
}
