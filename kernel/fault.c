// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The fault ring.
 *
 * A fault stops its context, and a context number is given to another queue only after all of its
 * descriptors have completed. So there is at most one record per context that anyone still wants,
 * and copying records into a table by context loses nothing, whoever comes first: the interrupt of
 * the fault ring or the completion that names the record.
 */
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/string.h>

#include <drm/drm_print.h>

#include "loom.h"
#include "memory.h"
#include "queue.h"

static void fault_drain_locked(struct loom_device *ldev)
{
	u64 start = ldev->fault.read;

	lockdep_assert_held(&ldev->fault.lock);
	if (ldev->dead)
		return;
	/* No more than there can be: a card that writes on and on raises another interrupt. */
	while (ldev->fault.read - start < 1 << LOOM_FAULT_LOG2) {
		u64 read = ldev->fault.read;
		struct loom_fault *entry = &ldev->fault.ring[read & ((1 << LOOM_FAULT_LOG2) - 1)];
		u64 control = le64_to_cpu(READ_ONCE(entry->control));
		u32 context;

		if ((control & LOOM_FAULT_PHASE) == ((read >> LOOM_FAULT_LOG2) & 1))
			break;
		/* Pairs with the card's release of @control. */
		dma_rmb();
		context = le32_to_cpu(READ_ONCE(entry->context));
		if (context < ldev->caps.contexts)
			ldev->fault.last[context] = *entry;
		ldev->fault.read++;
	}
	if (ldev->fault.read != start)
		loom_write64(ldev, LOOM_REG_FAULT_READ, ldev->fault.read);
}

/**
 * loom_fault_drain() - read new records, so that the card has room for more
 * @ldev: the card
 */
void loom_fault_drain(struct loom_device *ldev)
{
	unsigned long flags;

	spin_lock_irqsave(&ldev->fault.lock, flags);
	fault_drain_locked(ldev);
	spin_unlock_irqrestore(&ldev->fault.lock, flags);
}

/**
 * loom_fault_find() - the record that a completion names
 * @ldev: the card
 * @context: of the descriptor
 * @number: low 32 bits of the record's number
 * @record: where to copy it
 *
 * Return: whether there is one.
 */
bool loom_fault_find(struct loom_device *ldev, u32 context, u32 number, struct loom_fault *record)
{
	unsigned long flags;
	bool found;

	spin_lock_irqsave(&ldev->fault.lock, flags);
	fault_drain_locked(ldev);
	*record = ldev->fault.last[context];
	found = le64_to_cpu(record->control) >> LOOM_FAULT_NUMBER_SHIFT == number && record->code;
	spin_unlock_irqrestore(&ldev->fault.lock, flags);
	return found;
}

static const char *const fault_names[] = {
	[LOOM_FAULT_NOT_MAPPED] = "not mapped",
	[LOOM_FAULT_PERMISSION] = "not permitted",
	[LOOM_FAULT_NON_CANONICAL] = "out of range",
	[LOOM_FAULT_BAD_PTE] = "bad page table entry",
	[LOOM_FAULT_TABLE_BUS] = "page table not readable",
	[LOOM_FAULT_BUS] = "not memory",
};

/* The words of a packet that is not valid are in the fault's code; the specification has them. */
static const char *fault_name(u32 code)
{
	return code < ARRAY_SIZE(fault_names) && fault_names[code] ? fault_names[code] :
								    "bad command";
}

/**
 * loom_fault_report() - say in the log which buffer a fault was about
 * @queue: a queue that ended with a fault
 *
 * Runs a little after the fault: if the address was bound or unbound meanwhile, it shows that.
 */
void loom_fault_report(struct loom_queue *queue)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	static const char *const access[] = { "read", "write", "fetch" };
	struct loom_vm *vm = queue->vm;
	struct loom_vm_entry entry;
	char text[sizeof(vm->fault)];
	u64 va = queue->first.va;
	int n;

	n = scnprintf(text, sizeof(text),
		      "job %llu (cookie %#llx), packet at %u, %s of %#llx: %s (%u), ",
		      queue->first.job, queue->first.cookie, queue->first.packet,
		      access[min(queue->first.access, LOOM_ACCESS_FETCH)], va,
		      fault_name(queue->first.code), queue->first.code);
	if (!loom_vm_find(vm, va, &entry))
		scnprintf(text + n, sizeof(text) - n, "nothing is mapped");
	else if (va < entry.va)
		scnprintf(text + n, sizeof(text) - n, "%#llx before \"%*pE\"", entry.va - va,
			  (int)strlen(entry.label), entry.label);
	else
		scnprintf(text + n, sizeof(text) - n, "%#llx %s \"%*pE\"",
			  va - entry.va < entry.size ? va - entry.va + entry.offset :
						       va - entry.va - entry.size,
			  va - entry.va < entry.size ? "into" : "past",
			  (int)strlen(entry.label), entry.label);

	mutex_lock(&vm->lock);
	strscpy(vm->fault, text, sizeof(vm->fault));
	mutex_unlock(&vm->lock);
	if (__ratelimit(&limit))
		drm_notice(&queue->ldev->drm, "%*pE[%d], queue %u: fault of %s\n",
			   (int)strnlen(vm->comm, sizeof(vm->comm)), vm->comm, vm->pid, queue->id,
			   text);
}

/**
 * loom_fault_restart() - program the fault ring of a card that was reset
 * @ldev: the card
 */
void loom_fault_restart(struct loom_device *ldev)
{
	unsigned long flags;

	spin_lock_irqsave(&ldev->fault.lock, flags);
	memset(ldev->fault.ring, 0, sizeof(*ldev->fault.ring) << LOOM_FAULT_LOG2);
	memset(ldev->fault.last, 0, sizeof(*ldev->fault.last) * ldev->caps.contexts);
	ldev->fault.read = 0;
	loom_write64(ldev, LOOM_REG_FAULT_BASE, ldev->fault.bus);
	loom_write32(ldev, LOOM_REG_FAULT_LOG2, LOOM_FAULT_LOG2);
	loom_write64(ldev, LOOM_REG_FAULT_READ, 0);
	spin_unlock_irqrestore(&ldev->fault.lock, flags);
}
