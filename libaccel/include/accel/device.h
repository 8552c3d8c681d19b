/* SPDX-License-Identifier: MIT */
#ifndef ACCEL_DEVICE_H
#define ACCEL_DEVICE_H

#include "types.h"

struct accel_device_list;

/**
 * struct accel_device_info - a device as enumeration sees it, without opening it
 * @sz: size of the structure in the library that runs
 * @node: "/dev/accel/accel0", "" if the card has no driver bound
 * @pci: PCI address "0000:00:03.0"
 * @serial: serial number, "" if not known
 * @driver: kernel driver bound to it, "" if none
 * @name: vendor and device name from the PCI id database, or its ids
 * @vendor: PCI vendor id
 * @device: PCI device id
 * @revision: PCI revision
 * @pad: zero
 * @numa_node: -1 if none
 * @access: 0: node can be opened by this process; else negative errno
 * @link_speed: current PCIe link, in 10^6 transfers per second; 0: not known
 * @link_width: current lanes; 0: not known
 */
struct accel_device_info {
	size_t sz;
	const char *node;
	const char *pci;
	const char *serial;
	const char *driver;
	const char *name;
	uint16_t vendor;
	uint16_t device;
	uint16_t revision;
	uint16_t pad;
	int32_t numa_node;
	int32_t access;
	uint32_t link_speed;
	uint32_t link_width;
};

/**
 * struct accel_device_opts - how to open a device
 * @sz: ACCEL_INIT
 * @flags: must be zero
 */
struct accel_device_opts {
	size_t sz;
	uint64_t flags;
};

/**
 * enum accel_cap - what a device or its back end can do
 * @ACCEL_CAP_LOCAL_MEMORY: buffers with ACCEL_BUFFER_LOCAL
 * @ACCEL_CAP_DMABUF: accel_buffer_export(), accel_buffer_import()
 * @ACCEL_CAP_SYNC_FILE: fence descriptors are sync_files; accel_fence_import()
 * @ACCEL_CAP_DEBUG: accel_program_hang()
 * @ACCEL_CAP_SIMULATED: there is no card: the device lives in this process
 */
enum accel_cap {
	ACCEL_CAP_LOCAL_MEMORY	= 0,
	ACCEL_CAP_DMABUF	= 1,
	ACCEL_CAP_SYNC_FILE	= 2,
	ACCEL_CAP_DEBUG		= 3,
	ACCEL_CAP_SIMULATED	= 4,
};

/**
 * struct accel_device_props - what an open device is
 * @sz: ACCEL_INIT
 * @caps: bit n set: enum accel_cap n
 * @dtypes: bit n set: enum accel_dtype n
 * @opcodes: bit n set: opcode n of loom_isa.h
 * @local_size: bytes of local memory
 * @va_start: first usable virtual address
 * @va_end: first that is not usable any more
 * @timestamp_hz: ticks of the card clock per second
 * @hw_version: of the card's interface, major << 16 | minor
 * @driver_version: of the kernel driver, major << 16 | minor; of the library on sim:
 * @array_rows: modelled matrix array
 * @array_columns: modelled matrix array
 * @clock_khz: modelled core clock
 * @sram_kib: modelled on-chip memory
 * @local_mbps: modelled bandwidth of local memory, 10^6 bytes per second
 * @host_mbps: modelled bandwidth of the host link, 10^6 bytes per second
 * @rings: queues that can execute at a time
 * @contexts: queues that can exist at a time
 * @jobs_max: jobs in one accel_queue_submit()
 * @queue_depth_max: unfinished jobs of one queue
 * @program_size_max: bytes of one program
 * @generation: changes with every device reset
 * @profile: "loom1", "tpuv1"
 * @model: the card's name
 * @serial: its serial number
 * @id: the name it can be opened by: PCI address, or "sim:..."
 */
struct accel_device_props {
	size_t sz;
	uint64_t caps;
	uint64_t dtypes;
	uint64_t opcodes[4];
	uint64_t local_size;
	uint64_t va_start;
	uint64_t va_end;
	uint64_t timestamp_hz;
	uint32_t hw_version;
	uint32_t driver_version;
	uint32_t array_rows;
	uint32_t array_columns;
	uint32_t clock_khz;
	uint32_t sram_kib;
	uint32_t local_mbps;
	uint32_t host_mbps;
	uint32_t rings;
	uint32_t contexts;
	uint32_t jobs_max;
	uint32_t queue_depth_max;
	uint32_t program_size_max;
	uint32_t generation;
	char profile[16];
	char model[32];
	char serial[32];
	char id[64];
};

/**
 * struct accel_device_counters - what the card has done since power-on
 * @sz: ACCEL_INIT
 * @descriptors: executed
 * @packets: executed
 * @busy_ns: observed time in which an engine worked
 * @cycles: modelled core cycles
 * @macs: multiply-adds
 * @bytes_local: modelled traffic to local memory
 * @bytes_host: modelled traffic to host memory
 * @energy_pj: modelled energy in picojoules
 * @faults: of all jobs
 * @tlb_misses: translations that needed a walk
 * @resets: of rings and of the device
 */
struct accel_device_counters {
	size_t sz;
	uint64_t descriptors;
	uint64_t packets;
	uint64_t busy_ns;
	uint64_t cycles;
	uint64_t macs;
	uint64_t bytes_local;
	uint64_t bytes_host;
	uint64_t energy_pj;
	uint64_t faults;
	uint64_t tlb_misses;
	uint64_t resets;
};

/**
 * struct accel_device_memory - use of memory by all clients of the card
 * @sz: ACCEL_INIT
 * @system_used: bytes of system memory in buffers
 * @local_used: bytes of local memory in buffers
 * @local_free: bytes of local memory that are free, perhaps not in one piece
 */
struct accel_device_memory {
	size_t sz;
	uint64_t system_used;
	uint64_t local_used;
	uint64_t local_free;
};

/**
 * struct accel_timestamp - card clock and CPU clock at one moment
 * @sz: ACCEL_INIT
 * @device: card clock, ticks
 * @cpu: CLOCK_MONOTONIC, ns
 * @uncertainty: at most this many ns between that and any of the others
 * @cpu_raw: CLOCK_MONOTONIC_RAW, ns; 0 if the driver is too old to tell
 * @cpu_boot: CLOCK_BOOTTIME, likewise
 */
struct accel_timestamp {
	size_t sz;
	uint64_t device;
	uint64_t cpu;
	uint64_t uncertainty;
	uint64_t cpu_raw;
	uint64_t cpu_boot;
};

#ifdef __cplusplus
extern "C" {
#endif

/**
 * accel_device_list_create() - look for cards
 * @list: set to the list, to be freed with accel_device_list_free()
 *
 * Reads sysfs; opens no device. sim: is not listed. No card is not an error.
 * Errors: -ENOMEM.
 */
ACCEL_API int accel_device_list_create(struct accel_device_list **list);

/** accel_device_list_count() - number of cards found. */
ACCEL_API size_t accel_device_list_count(const struct accel_device_list *list);

/**
 * accel_device_list_get() - card @i, in order of PCI address
 * @list: the list
 * @i: which, from 0
 * Return: lives as long as the list; NULL if @i is too large.
 */
ACCEL_API const struct accel_device_info *
accel_device_list_get(const struct accel_device_list *list, size_t i);

/** accel_device_list_free() - free a list; NULL is allowed. */
ACCEL_API void accel_device_list_free(struct accel_device_list *list);

/**
 * accel_device_open() - open a device
 * @device: set to the device
 * @name: a PCI address "0000:00:03.0" (or "00:03.0"), a serial number "sn:XYZ", a
 *	node "/dev/accel/accel0", or a simulated card in this process, "sim:"
 *	with options as in "sim:threads=2,isa=avx2,rings=4,local=64M,debug=1".
 *	NULL or "": the environment variable ACCEL_DEVICE, else the only card of
 *	the machine.
 * @opts: NULL for the defaults
 *
 * sim: opens nothing below /dev or /sys. Each accel_device_open("sim:") is a
 * card of its own.
 *
 * Errors: -ENODEV: no such device, or none or several where the only one is
 * asked for; -EACCES: no permission; -EINVAL: @name is malformed; -EPROTO: the
 * node is not driven by loom or speaks another major version; -ENOMEM.
 */
ACCEL_API int accel_device_open(const char *name, const struct accel_device_opts *opts,
				struct accel_device **device);

ACCEL_API struct accel_device *accel_device_ref(struct accel_device *device);
ACCEL_API void accel_device_unref(struct accel_device *device);

/** accel_device_props() - what the device is. Errors: -ENODEV, -E2BIG. */
ACCEL_API int accel_device_props(struct accel_device *device, struct accel_device_props *props);

/** accel_device_has() - whether the device has a capability. */
ACCEL_API bool accel_device_has(struct accel_device *device, enum accel_cap cap);

/** accel_device_counters() - read the card's counters. Errors: -ENODEV, -E2BIG. */
ACCEL_API int accel_device_counters(struct accel_device *device,
				    struct accel_device_counters *counters);

/** accel_device_memory() - how much memory is in use. Errors: -ENODEV, -E2BIG. */
ACCEL_API int accel_device_memory(struct accel_device *device, struct accel_device_memory *memory);

/** accel_device_timestamp() - read all clocks. Errors: -ENODEV, -E2BIG. */
ACCEL_API int accel_device_timestamp(struct accel_device *device, struct accel_timestamp *stamp);

#ifdef __cplusplus
}
#endif

#endif
