/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Loom card as a PCIe device: configuration space, BARs, properties,
 * resets and power.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qemu/main-loop.h"
#include "qemu/module.h"
#include "qemu/range.h"
#include "qemu/units.h"
#include "hw/pci/msix.h"
#include "hw/pci/pcie.h"
#include "hw/pci/pcie_aer.h"
#include "migration/misc.h"
#include "loom.h"
#include "trace.h"

#define CAP_PM			0x40
#define CAP_PCIE		0x80
#define CAP_AER			0x100

#define THREADS_MAX		256
#define SPIN_US_MAX		1000000
#define LOCAL_SIZE_MIN		MiB
#define LOCAL_SIZE_MAX		TiB
#define SCRATCH_SIZE_MIN	(16 * MiB)

#define POWER_D0		0
#define POWER_D3HOT		3

/*
 * ---- registers ------------------------------------------------------------
 *
 * A processor that has been on its way here while the card was unplugged finds no core any more.
 */

static uint64_t regs_read(void *opaque, hwaddr offset, unsigned int size)
{
	LoomState *s = opaque;
	uint64_t value = s->core ? loom_core_mmio_read(s->core, offset, size) : UINT64_MAX;

	trace_loom_mmio_read(s->label, offset, size, value);
	return value;
}

static void regs_write(void *opaque, hwaddr offset, uint64_t value, unsigned int size)
{
	LoomState *s = opaque;

	trace_loom_mmio_write(s->label, offset, size, value);
	if (s->core)
		loom_core_mmio_write(s->core, offset, value, size);
}

static const MemoryRegionOps regs_ops = {
	.read = regs_read,
	.write = regs_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min_access_size = 4, .max_access_size = 8 },
	.impl = { .min_access_size = 4, .max_access_size = 8 },
};

/*
 * ---- registers of interrupts -------------------------------------------------
 *
 * Those of MSI-X are QEMU's, and QEMU ends with an assertion when a processor comes late to them.
 * So these lie in front of them.
 */

static MemTxResult guard_read(void *opaque, hwaddr offset, uint64_t *value, unsigned int size,
			      MemTxAttrs attrs)
{
	LoomGuard *guard = opaque;

	if (!guard->card->core) {
		*value = UINT64_MAX;
		return MEMTX_OK;
	}
	return memory_region_dispatch_read(guard->behind, offset, value, size_memop(size) | MO_LE,
					   attrs);
}

static MemTxResult guard_write(void *opaque, hwaddr offset, uint64_t value, unsigned int size,
			       MemTxAttrs attrs)
{
	LoomGuard *guard = opaque;

	if (!guard->card->core)
		return MEMTX_OK;
	return memory_region_dispatch_write(guard->behind, offset, value, size_memop(size) | MO_LE,
					    attrs);
}

static const MemoryRegionOps guard_ops = {
	.read_with_attrs = guard_read,
	.write_with_attrs = guard_write,
	.endianness = DEVICE_LITTLE_ENDIAN,
	.valid = { .min_access_size = 4, .max_access_size = 8 },
	.impl = { .min_access_size = 4, .max_access_size = 8 },
};

static void guard_init(LoomState *s, LoomGuard *guard, MemoryRegion *behind, const char *name)
{
	guard->behind = behind;
	guard->card = s;
	memory_region_init_io(&guard->region, OBJECT(s), &guard_ops, guard, name,
			      memory_region_size(behind));
	LOOM_LEADS_ON(&guard->region);
	memory_region_add_subregion_overlap(behind->container, behind->addr, &guard->region, 1);
}

static bool msix_setup(LoomState *s, Error **errp)
{
	PCIDevice *pdev = PCI_DEVICE(s);
	unsigned int i;

	if (msix_init_exclusive_bar(pdev, s->vectors, LOOM_BAR_MSIX, errp) < 0)
		return false;
	for (i = 0; i < s->vectors; i++)
		msix_vector_use(pdev, i);
	guard_init(s, &s->msix[0], &pdev->msix_table_mmio, "loom-msix-table");
	guard_init(s, &s->msix[1], &pdev->msix_pba_mmio, "loom-msix-pba");
	return true;
}

/* The core is gone. */
static void msix_teardown(LoomState *s)
{
	PCIDevice *pdev = PCI_DEVICE(s);
	unsigned int i;

	if (!msix_present(pdev))
		return;
	for (i = 0; i < ARRAY_SIZE(s->msix); i++)
		memory_region_del_subregion(&pdev->msix_exclusive_bar, &s->msix[i].region);
	msix_unuse_all_vectors(pdev);
	msix_uninit_exclusive_bar(pdev);
}

/* ---- standstill, power, bus master ------------------------------------------ */

static void hold(LoomState *s, unsigned int reason, bool on)
{
	unsigned int before = s->held;

	s->held = on ? before | reason : before & ~reason;
	if (s->held != before)
		trace_loom_hold(s->label, before, s->held);
	if (!before && s->held)
		loom_dma_call(s, loom_core_quiesce);
	else if (before && !s->held)
		loom_core_resume(s->core);
}

static void vm_state_changed(void *opaque, bool running, RunState state)
{
	LoomState *s = opaque;

	hold(s, LOOM_HOLD_STOPPED, !running);
	/* Raised after this, an interrupt would change a machine that stands still. */
	if (!running)
		loom_irq_deliver(s);
}

/* In D3hot a function answers configuration requests only. */
static void power_set(LoomState *s, unsigned int state)
{
	PCIDevice *pdev = PCI_DEVICE(s);
	bool on = state == POWER_D0;

	if (s->pm_state == state)
		return;
	s->pm_state = state;
	trace_loom_power(s->label, state);
	memory_region_transaction_begin();
	memory_region_set_enabled(&s->regs, on);
	memory_region_set_enabled(&pdev->msix_exclusive_bar, on);
	if (s->local_size)
		memory_region_set_enabled(&s->local, on);
	memory_region_transaction_commit();
	hold(s, LOOM_HOLD_POWER, !on);
}

static void power_written(LoomState *s)
{
	uint8_t *ctrl = PCI_DEVICE(s)->config + s->pm_cap + PCI_PM_CTRL;
	unsigned int state = pci_get_word(ctrl) & PCI_PM_CTRL_STATE_MASK;

	/* D1 and D2 are not supported: such a write is completed and ignored. */
	if (state != POWER_D0 && state != POWER_D3HOT)
		pci_set_word(ctrl, (pci_get_word(ctrl) & ~PCI_PM_CTRL_STATE_MASK) | s->pm_state);
	else
		power_set(s, state);
}

/* Configuration space came with a state. */
void loom_power_loaded(LoomState *s)
{
	power_written(s);
}

static void config_write(PCIDevice *pdev, uint32_t addr, uint32_t value, int len)
{
	LoomState *s = LOOM(pdev);
	bool was_master = pci_get_word(pdev->config + PCI_COMMAND) & PCI_COMMAND_MASTER;

	loom_dma_prepare(s);
	pci_default_write_config(pdev, addr, value, len);
	pcie_cap_flr_write_config(pdev, addr, value, len);
	pcie_aer_write_config(pdev, addr, value, len);
	if (was_master && !(pci_get_word(pdev->config + PCI_COMMAND) & PCI_COMMAND_MASTER)) {
		/* Let go of all memory; what is asked for from now on is refused. */
		trace_loom_bus_master_off(s->label);
		if (!s->held) {
			loom_dma_call(s, loom_core_quiesce);
			loom_core_resume(s->core);
		}
	}
	if (ranges_overlap(addr, len, s->pm_cap + PCI_PM_CTRL, 2))
		power_written(s);
}

/* ---- resets ------------------------------------------------------------------- */

/*
 * Pages that are given back take no memory of the host. But an assigned device may have them pinned, and
 * a snapshot or a postcopy migration that is under way has to see whoever changes them.
 */
static void local_clear(LoomState *s)
{
	if (ram_block_discard_is_disabled() || migration_in_incoming_postcopy() ||
	    migration_in_bg_snapshot() ||
	    ram_block_discard_range(s->local.ram_block, 0, s->local_size) < 0)
		memset(memory_region_get_ram_ptr(&s->local), 0, s->local_size);
}

/* Bus reset and FLR: the caller may reuse the guest's memory as soon as this returns. */
static void reset_hold(LOOM_RESET_ARGS)
{
	LoomState *s = LOOM(obj);
	PCIDevice *pdev = PCI_DEVICE(s);

	trace_loom_reset(s->label);
	loom_dma_call(s, loom_core_reset);
	loom_irq_forget(s);
	/* What drivers may not rely on is not there: as if the power had been off. */
	if (s->local_size) {
		local_clear(s);
		memory_region_set_dirty(&s->local, 0, s->local_size);
	}
	pcie_cap_deverr_reset(pdev);
	pci_word_test_and_clear_mask(pdev->config + s->pm_cap + PCI_PM_CTRL,
				     PCI_PM_CTRL_STATE_MASK);
	power_set(s, POWER_D0);
}

/* ---- properties ---------------------------------------------------------------- */

static unsigned int profile_id(const char *name)
{
	if (!name || !strcmp(name, "loom1"))
		return LOOM_PROFILE_LOOM1;
	if (!strcmp(name, "tpuv1"))
		return LOOM_PROFILE_TPUV1;
	return 0;
}

static bool serial_ok(const char *serial)
{
	size_t i;

	for (i = 0; serial && serial[i]; i++)
		if (serial[i] <= ' ' || serial[i] > '~')
			return false;
	return i < LOOM_REG_MODEL - LOOM_REG_SERIAL;
}

static bool isa_check(const char *isa, Error **errp)
{
	g_autoptr(GString) names = g_string_new(NULL);
	const char *const *name;

	if (!isa)
		return true;
	for (name = loom_engine_names(); *name; name++) {
		if (!strcmp(*name, isa))
			return true;
		g_string_append_printf(names, "%s%s", names->len ? ", " : "", *name);
	}
	error_setg(errp, "isa=%s: this host can run: %s", isa, names->str);
	return false;
}

static bool properties_check(LoomState *s, Error **errp)
{
	if (s->rings < 1 || s->rings > LOOM_RINGS_MAX) {
		error_setg(errp, "rings=%u: must be 1 to %d", s->rings, LOOM_RINGS_MAX);
	} else if (s->contexts < 1 || s->contexts > LOOM_CONTEXTS_MAX) {
		error_setg(errp, "contexts=%u: must be 1 to %d", s->contexts, LOOM_CONTEXTS_MAX);
	} else if (s->vectors > s->rings + 1) {
		error_setg(errp, "vectors=%u: must be 1 to rings + 1, which is %u; 0 for as many",
			   s->vectors, s->rings + 1);
	} else if (s->local_size && (!is_power_of_2(s->local_size) ||
				     s->local_size < LOCAL_SIZE_MIN ||
				     s->local_size > LOCAL_SIZE_MAX)) {
		error_setg(errp, "local-size=%" PRIu64 ": must be a power of two from 1M to 1T, "
			   "or 0 for a card without local memory", s->local_size);
	} else if (s->scratch_size < SCRATCH_SIZE_MIN) {
		error_setg(errp, "scratch-size=%" PRIu64 ": must be at least 16M", s->scratch_size);
	} else if (s->threads < -1 || s->threads > THREADS_MAX) {
		error_setg(errp, "threads=%d: must be 0 to %d, or -1 for one less than the host "
			   "has processors", s->threads, THREADS_MAX);
	} else if (s->spin_us < -1 || s->spin_us > SPIN_US_MAX) {
		error_setg(errp, "spin-us=%d: must be 0 to %d, or -1 to choose by the host",
			   s->spin_us, SPIN_US_MAX);
	} else if (!serial_ok(s->serial)) {
		error_setg(errp, "serial=%s: must be at most 31 printable ASCII characters "
			   "without blanks", s->serial);
	} else if (!profile_id(s->profile)) {
		error_setg(errp, "profile=%s: must be loom1 or tpuv1", s->profile);
	} else if (s->vendor_id == 0 || s->vendor_id == 0xffff) {
		error_setg(errp, "x-vendor-id=0x%04x: no device has this", s->vendor_id);
	} else {
		return isa_check(s->isa, errp);
	}
	return false;
}

/* ---- realize -------------------------------------------------------------------- */

static bool capabilities_init(LoomState *s, Error **errp)
{
	PCIDevice *pdev = PCI_DEVICE(s);
	uint8_t *config = pdev->config;
	int pos;

	pci_config_set_vendor_id(config, s->vendor_id);
	pci_config_set_device_id(config, s->device_id);
	pci_set_word(config + PCI_SUBSYSTEM_VENDOR_ID, s->vendor_id);
	pci_set_word(config + PCI_SUBSYSTEM_ID, s->device_id);

	pos = pci_add_capability(pdev, PCI_CAP_ID_PM, CAP_PM, PCI_PM_SIZEOF, errp);
	if (pos < 0)
		return false;
	s->pm_cap = pos;
	pci_set_word(config + pos + PCI_PM_PMC, 3);	/* PCI PM 1.2, no PME */
	pci_set_word(config + pos + PCI_PM_CTRL, PCI_PM_CTRL_NO_SOFT_RESET);
	pci_set_word(pdev->wmask + pos + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);

	if (pcie_endpoint_cap_init(pdev, CAP_PCIE) < 0) {
		error_setg(errp, "cannot add the PCI Express capability");
		return false;
	}
	pcie_cap_deverr_init(pdev);
	pcie_cap_flr_init(pdev);
	if (pcie_aer_init(pdev, PCI_ERR_VER, CAP_AER, PCI_ERR_SIZEOF, errp) < 0) {
		pcie_cap_exit(pdev);
		return false;
	}
	return true;
}

static void capabilities_exit(LoomState *s)
{
	pcie_aer_exit(PCI_DEVICE(s));
	pcie_cap_exit(PCI_DEVICE(s));
}

static bool bars_init(LoomState *s, Error **errp)
{
	ERRP_GUARD();
	PCIDevice *pdev = PCI_DEVICE(s);

	memory_region_init_io(&s->regs, OBJECT(s), &regs_ops, s, "loom-regs", LOOM_BAR_REGS_SIZE);
	pci_register_bar(pdev, LOOM_BAR_REGS, PCI_BASE_ADDRESS_SPACE_MEMORY |
			 PCI_BASE_ADDRESS_MEM_TYPE_64, &s->regs);
	if (s->local_size) {
		memory_region_init_ram(&s->local, OBJECT(s), "loom-local", s->local_size, errp);
		if (*errp) {
			error_prepend(errp, "local-size=%" PRIu64 ": ", s->local_size);
			return false;
		}
		pci_register_bar(pdev, LOOM_BAR_LOCAL, PCI_BASE_ADDRESS_SPACE_MEMORY |
				 PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH,
				 &s->local);
	}
	return msix_setup(s, errp);
}

static bool core_init(LoomState *s, Error **errp)
{
	struct loom_core_config config = {
		.rings = s->rings,
		.contexts = s->contexts,
		.vectors = s->vectors,
		.threads = s->threads,
		.local = s->local_size ? memory_region_get_ram_ptr(&s->local) : NULL,
		.local_size = s->local_size,
		.scratch_max = s->scratch_size,
		.profile = profile_id(s->profile),
		.debug = s->debug,
		/* Zero would mean all: a bit that is no feature leaves none. */
		.features_mask = s->features_mask ?: 1ull << 63,
		.spin_us = s->spin_us,
		.isa = s->isa,
		.serial = s->serial,
	};
	const char *why = NULL;
	int ret = loom_core_create(&config, &loom_host_ops, s, &s->core, &why);

	if (ret == -EINVAL && why)
		error_setg(errp, "the card cannot be built: %s", why);
	else if (ret)
		error_setg_errno(errp, -ret, "the card cannot be built with %d threads",
				 s->threads);
	return !ret;
}

/* What depends on the host stays what the user said, or is chosen here. */
static void defaults_choose(LoomState *s)
{
	unsigned int cpus = g_get_num_processors();

	if (!s->vectors)
		s->vectors = s->rings + 1;
	if (s->threads < 0)
		s->threads = MIN(cpus - 1, THREADS_MAX);
	/* Looking for work pays if the vCPU that brings it runs meanwhile. */
	if (s->spin_us < 0)
		s->spin_us = cpus >= 4 ? 50 : cpus > 1 ? 20 : 0;
}

static void loom_realize(PCIDevice *pdev, Error **errp)
{
	LoomState *s = LOOM(pdev);
	bool ioeventfd;

	if (!properties_check(s, errp))
		return;
	if (!pci_bus_is_express(pci_get_bus(pdev))) {
		error_setg(errp, "the card needs a PCI Express slot: use -machine q35 and a "
			   "pcie-root-port");
		return;
	}
	if (replay_mode != REPLAY_MODE_NONE) {
		error_setg(errp, "the card computes on threads of its own and cannot be recorded "
			   "or replayed");
		return;
	}
	defaults_choose(s);
	/* Without KVM a plain write reaches the core with one thread switch less. */
	ioeventfd = s->ioeventfd == ON_OFF_AUTO_ON ||
		    (s->ioeventfd == ON_OFF_AUTO_AUTO && kvm_eventfds_enabled());

	s->label = DEVICE(s)->id ? g_strdup(DEVICE(s)->id) :
		   g_path_get_basename(DEVICE(s)->canonical_path ?: TYPE_LOOM);
	if (!capabilities_init(s, errp))
		goto free_label;
	if (!bars_init(s, errp))
		goto exit_bars;
	loom_irq_init(s);
	loom_dma_init(s);
	if (!core_init(s, errp))
		goto exit_dma;
	if (ioeventfd && !loom_doorbells_init(s, errp))
		goto destroy_core;
	loom_dma_prepare(s);
	hold(s, LOOM_HOLD_STOPPED, !runstate_is_running());
	s->vm_state = qdev_add_vm_change_state_handler(DEVICE(s), vm_state_changed, s);
	trace_loom_realize(s->label, s->rings, s->vectors, s->threads, ioeventfd);
	return;

destroy_core:
	loom_core_destroy(s->core);
	s->core = NULL;
exit_dma:
	loom_dma_exit(s);
	loom_irq_exit(s);
exit_bars:
	msix_teardown(s);
	capabilities_exit(s);
free_label:
	g_free(s->label);
	s->label = NULL;
}

static void loom_exit(PCIDevice *pdev)
{
	LoomState *s = LOOM(pdev);

	trace_loom_exit(s->label);
	qemu_del_vm_change_state_handler(s->vm_state);
	loom_doorbells_exit(s);
	/* Afterwards no thread of the core asks for a translation. */
	if (!s->held)
		loom_dma_call(s, loom_core_quiesce);
	loom_core_destroy(s->core);
	s->core = NULL;
	loom_dma_exit(s);
	loom_irq_exit(s);
	msix_teardown(s);
	capabilities_exit(s);
	loom_state_forget(s);
	g_free(s->label);
	s->label = NULL;
}

/* ---- fault injection ---------------------------------------------------------------- */

static char *inject_get(Object *obj, Error **errp)
{
	LoomState *s = LOOM(obj);
	char text[4096] = "";

	if (s->core)
		loom_core_injected(s->core, text, sizeof(text));
	return g_strdup(text);
}

/* From the monitor: whatever features the guest has acknowledged. */
static void inject_set(Object *obj, const char *value, Error **errp)
{
	LoomState *s = LOOM(obj);
	enum loom_inject what;
	unsigned int ring;

	if (!s->core) {
		error_setg(errp, "x-inject: there is no card yet: use qom-set");
		return;
	}
	if (loom_inject_parse(value, &what, &ring) < 0) {
		error_setg(errp, "x-inject=%s: must be hang, hang-device, lost-irq, lost-doorbell, "
			   "dma-error, ecc or ecc-corrected with :ring=N, or dead, or none", value);
		return;
	}
	if (loom_core_inject(s->core, what, ring) < 0) {
		error_setg(errp, "x-inject=%s: the card has %u rings", value, s->rings);
		return;
	}
	trace_loom_inject(s->label, value);
}

/* ---- class ----------------------------------------------------------------------- */

static LOOM_PROPERTIES loom_properties[] = {
	DEFINE_PROP_UINT32("rings", LoomState, rings, 8),
	DEFINE_PROP_UINT32("contexts", LoomState, contexts, 1024),
	DEFINE_PROP_UINT32("vectors", LoomState, vectors, 0),
	DEFINE_PROP_SIZE("local-size", LoomState, local_size, 256 * MiB),
	DEFINE_PROP_SIZE("scratch-size", LoomState, scratch_size, 256 * MiB),
	DEFINE_PROP_INT32("threads", LoomState, threads, -1),
	DEFINE_PROP_INT32("spin-us", LoomState, spin_us, -1),
	DEFINE_PROP_STRING("serial", LoomState, serial),
	DEFINE_PROP_STRING("profile", LoomState, profile),
	DEFINE_PROP_STRING("isa", LoomState, isa),
	DEFINE_PROP_ON_OFF_AUTO("ioeventfd", LoomState, ioeventfd, ON_OFF_AUTO_AUTO),
	DEFINE_PROP_BOOL("x-debug", LoomState, debug, false),
	DEFINE_PROP_UINT64("x-features-mask", LoomState, features_mask, UINT64_MAX),
	DEFINE_PROP_UINT16("x-vendor-id", LoomState, vendor_id, LOOM_PCI_VENDOR),
	DEFINE_PROP_UINT16("x-device-id", LoomState, device_id, LOOM_PCI_DEVICE),
	LOOM_PROPERTIES_END
};

static const struct {
	const char *name, *text;
} descriptions[] = {
	{ "rings", "Rings, the admin ring included: 1 to 64" },
	{ "contexts", "Contexts: 1 to 4096" },
	{ "vectors", "MSI-X vectors: 1 to rings + 1; 0: rings + 1" },
	{ "local-size", "Local memory: a power of two from 1M, or 0 for none" },
	{ "scratch-size", "Most host memory that jobs may use besides: at least 16M" },
	{ "threads", "Engine threads besides the front end, which computes too: 0 to 256; "
		     "-1: one less than the host has processors" },
	{ "spin-us", "Microseconds for which an idle card looks for work before it sleeps; "
		     "-1: 50 with four host processors, 20 with two, 0 with one" },
	{ "serial", "Serial number: at most 31 printable ASCII characters" },
	{ "profile", "Performance model: loom1 or tpuv1; default: loom1" },
	{ "isa", "Engine: avx2, generic, reference ...; default: the best that the host can run" },
	{ "ioeventfd", "Doorbells by ioeventfd: on, off, or auto: with KVM" },
	{ "x-debug", "Offer the HANG packet to the guest" },
	{ "x-features-mask", "Offer these features only, for tests" },
	{ "x-vendor-id", "PCI vendor, for tests" },
	{ "x-device-id", "PCI device, for tests" },
	{ "x-inject", "Have something fail, by qom-set: hang:ring=1, dead ..." },
};

static void loom_class_init(ObjectClass *class, LOOM_CLASS_DATA data)
{
	DeviceClass *dc = DEVICE_CLASS(class);
	PCIDeviceClass *pc = PCI_DEVICE_CLASS(class);
	ResettableClass *rc = RESETTABLE_CLASS(class);
	unsigned int i;

	pc->realize = loom_realize;
	pc->exit = loom_exit;
	pc->config_write = config_write;
	pc->vendor_id = LOOM_PCI_VENDOR;
	pc->device_id = LOOM_PCI_DEVICE;
	pc->class_id = LOOM_PCI_CLASS;
	pc->revision = LOOM_VERSION_MAJOR;
	rc->phases.hold = reset_hold;
	dc->desc = "Loom matrix and inference accelerator";
	dc->vmsd = &loom_vmstate;
	set_bit(DEVICE_CATEGORY_MISC, dc->categories);
	device_class_set_props(dc, loom_properties);
	object_class_property_add_str(class, "x-inject", inject_get, inject_set);
	for (i = 0; i < ARRAY_SIZE(descriptions); i++)
		object_class_property_set_description(class, descriptions[i].name,
						      descriptions[i].text);
}

static const TypeInfo loom_types[] = {
	{
		.name = TYPE_LOOM,
		.parent = TYPE_PCI_DEVICE,
		.instance_size = sizeof(LoomState),
		.class_init = loom_class_init,
		.interfaces = (LOOM_INTERFACES[]) {
			{ INTERFACE_PCIE_DEVICE },
			{ }
		},
	},
};

DEFINE_TYPES(loom_types)
