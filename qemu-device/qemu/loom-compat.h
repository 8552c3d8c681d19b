/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What differs between the QEMU releases that the card is built in: 7.2 and
 * 10.0 are those of Debian; headers and signatures of later ones are here as
 * far as they are known. No other file of the device asks for a version.
 */
#ifndef HW_MISC_LOOM_COMPAT_H
#define HW_MISC_LOOM_COMPAT_H

/* Moved headers. */
#if __has_include("hw/pci/pci_device.h")
#include "hw/pci/pci_device.h"			/* 8.0 */
#else
#include "hw/pci/pci.h"
#endif
#if __has_include("hw/core/qdev-properties.h")
#include "hw/core/qdev-properties.h"		/* 11.0 */
#else
#include "hw/qdev-properties.h"
#endif
#if __has_include("hw/core/boards.h")
#include "hw/core/boards.h"			/* 11.0 */
#else
#include "hw/boards.h"
#endif
#if __has_include("system/memory.h")
#include "system/memory.h"			/* 10.1 */
#include "system/address-spaces.h"
#else
#include "exec/memory.h"
#include "exec/address-spaces.h"
#endif
#if __has_include("system/dma.h")
#include "system/dma.h"				/* 10.0 */
#include "system/kvm.h"
#include "system/replay.h"
#include "system/runstate.h"
#else
#include "sysemu/dma.h"
#include "sysemu/kvm.h"
#include "sysemu/replay.h"
#include "sysemu/runstate.h"
#endif

#define LOOM_QEMU(major, minor)	(QEMU_VERSION_MAJOR > (major) || \
				 (QEMU_VERSION_MAJOR == (major) && QEMU_VERSION_MINOR >= (minor)))

/* Property arrays lost their terminator and may be constant. */
#if LOOM_QEMU(10, 0)
#define LOOM_PROPERTIES		const Property
#define LOOM_PROPERTIES_END
#else
#define LOOM_PROPERTIES		Property
#define LOOM_PROPERTIES_END	DEFINE_PROP_END_OF_LIST(),
#endif

#if LOOM_QEMU(10, 1)
#define LOOM_CLASS_DATA		const void *
#define LOOM_INTERFACES		const InterfaceInfo
#else
#define LOOM_CLASS_DATA		void *
#define LOOM_INTERFACES		InterfaceInfo
#endif

/* Arguments of a reset phase. */
#if LOOM_QEMU(9, 1)
#define LOOM_RESET_ARGS		Object *obj, ResetType type
#else
#define LOOM_RESET_ARGS		Object *obj
#endif

/* Before 8.1, but for the updates of 7.2, nothing keeps a device's registers from leading to others. */
#if LOOM_QEMU(8, 1) || !LOOM_QEMU(8, 0)
#define LOOM_LEADS_ON(region)	((region)->disable_reentrancy_guard = true)
#else
#define LOOM_LEADS_ON(region)	((void)(region))
#endif

/* From 8.2 on every KVM that QEMU accepts has ioeventfds. */
#ifndef kvm_eventfds_enabled
#define kvm_eventfds_enabled()	kvm_enabled()
#endif

#endif
