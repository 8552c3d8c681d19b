/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration and snapshots.
 *
 * The core describes itself in bytes and judges those that it gets; what it
 * cannot know is QEMU's: configuration space, MSI-X, local memory (a RAM block
 * like any other) and the power state. When state is saved the machine stands
 * still, the card is quiesced for that reason, and no interrupt waits in
 * LoomState.irqs.
 */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie_aer.h"
#include "migration/qemu-file-types.h"
#include "migration/vmstate.h"
#include "loom.h"
#include "trace.h"

/* Registers, and the commands of a job of each ring. */
static uint64_t size_max(LoomState *s)
{
	return 4 * MiB + (uint64_t)s->rings * LOOM_CMD_SIZE_MAX;
}

void loom_state_forget(LoomState *s)
{
	g_free(s->saved);
	s->saved = NULL;
	s->saved_size = 0;
}

static int core_put(QEMUFile *file, void *opaque, size_t size, const VMStateField *field,
		    JSONWriter *description)
{
	LoomState *s = opaque;
	void *data;
	int ret;

	ret = loom_core_save(s->core, &data, &size);
	if (ret) {
		error_report("loom %s: its state cannot be saved: %s", s->label, strerror(-ret));
		return ret;
	}
	trace_loom_save(s->label, size);
	qemu_put_be32(file, size);
	qemu_put_buffer(file, data, size);
	free(data);
	return 0;
}

/* Kept until everything else is there: see state_loaded(). */
static int core_get(QEMUFile *file, void *opaque, size_t size, const VMStateField *field)
{
	LoomState *s = opaque;

	loom_state_forget(s);
	size = qemu_get_be32(file);
	if (!size || size > size_max(s)) {
		error_report("loom %s: a state of %zu bytes: there is none", s->label, size);
		return -EINVAL;
	}
	s->saved = g_try_malloc(size);
	if (!s->saved)
		return -ENOMEM;
	s->saved_size = size;
	if (qemu_get_buffer(file, s->saved, size) == size)
		return 0;
	loom_state_forget(s);
	return -EINVAL;
}

static int state_loaded(void *opaque, int version)
{
	LoomState *s = opaque;
	const char *why;
	int ret;

	/* whether there is an IOMMU, and the power state, are in what was loaded before */
	loom_dma_prepare(s);
	loom_power_loaded(s);
	if (!s->held) {
		error_report("loom %s: state can be loaded while the machine stands still only",
			     s->label);
		return -EBUSY;
	}
	ret = loom_core_load(s->core, s->saved, s->saved_size, &why);
	trace_loom_load(s->label, s->saved_size, ret);
	if (ret)
		error_report("loom %s: its state cannot be loaded: %s", s->label, why);
	loom_state_forget(s);
	loom_irq_forget(s);
	return ret;
}

static const VMStateInfo core_info = {
	.name = "loom-core",
	.get = core_get,
	.put = core_put,
};

const VMStateDescription loom_vmstate = {
	.name = TYPE_LOOM,
	.version_id = 1,
	.minimum_version_id = 1,
	.post_load = state_loaded,
	.fields = (VMStateField[]) {
		VMSTATE_PCI_DEVICE(parent_obj, LoomState),
		VMSTATE_MSIX(parent_obj, LoomState),
		VMSTATE_STRUCT(parent_obj.exp.aer_log, LoomState, 0, vmstate_pcie_aer_log,
			       PCIEAERLog),
		{
			.name = "core",
			.info = &core_info,
			.flags = VMS_SINGLE,
		},
		VMSTATE_END_OF_LIST()
	},
};
