// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>

#include "args.h"
#include "card.h"
#include "exit.h"
#include "message.h"
#include "output.h"
#include "stats.h"

static const struct {
	unsigned int bit;
	const char *name;
} caps[] = {
	{ ACCEL_CAP_LOCAL_MEMORY, "local-memory" },
	{ ACCEL_CAP_DMABUF, "dma-buf" },
	{ ACCEL_CAP_SYNC_FILE, "sync-file" },
	{ ACCEL_CAP_DEBUG, "debug" },
	{ ACCEL_CAP_SIMULATED, "simulated" },
};

/* Passes of the modelled array for a multiply-add; see the performance model in hardware.rst. */
static const struct {
	enum accel_dtype dtype;
	unsigned int passes;
	const char *unit;
} peaks[] = {
	{ ACCEL_I8, 1, "OP/s" },
	{ ACCEL_U8, 1, "OP/s" },
	{ ACCEL_F16, 2, "FLOP/s" },
	{ ACCEL_BF16, 2, "FLOP/s" },
	{ ACCEL_F32, 8, "FLOP/s" },
};

/* Operations in a second when nothing but the array limits. */
static double peak(const struct accel_device_props *p, size_t i)
{
	return 2.0 * p->array_rows * p->array_columns * p->clock_khz * 1e3 / peaks[i].passes;
}

/* Operations for each byte that memory moves, from which on the array limits. */
static double ridge(const struct accel_device_props *p, size_t i, uint32_t mbps)
{
	return mbps ? peak(p, i) / (mbps * 1e6) : 0;
}

static bool has_peak(const struct accel_device_props *p, size_t i)
{
	return p->dtypes >> peaks[i].dtype & 1;
}

static void describe_peaks(const struct accel_device_props *p, struct json_object *model)
{
	struct json_object *array = doc_array(model, "peaks"), *object;

	for (size_t i = 0; i < sizeof(peaks) / sizeof(*peaks); i++) {
		if (!has_peak(p, i))
			continue;
		object = doc_append_object(array);
		doc_string(object, "dtype", accel_dtype_name(peaks[i].dtype));
		doc_real(object, "ops_per_s", peak(p, i));
		doc_real(object, "ridge_local", ridge(p, i, p->local_mbps));
		doc_real(object, "ridge_host", ridge(p, i, p->host_mbps));
	}
}

static void print_peaks(const struct accel_device_props *p)
{
	char rate[32];

	for (size_t i = 0; i < sizeof(peaks) / sizeof(*peaks); i++)
		if (has_peak(p, i))
			field(i ? "" : "peak", "modelled: %s %s, limited by the array from %.4g "
			      "operations per byte (local), %.4g (host)",
			      accel_dtype_name(peaks[i].dtype),
			      format_rate(rate, peak(p, i), peaks[i].unit),
			      ridge(p, i, p->local_mbps), ridge(p, i, p->host_mbps));
}

static void print_json(const struct args *args, const struct card *card,
		       const struct accel_device_counters *counters,
		       const struct accel_device_memory *memory, const struct accel_timestamp *stamp)
{
	const struct accel_device_props *p = &card->props;
	struct json_object *document = doc_begin(args->command->schema);
	struct json_object *object;
	char text[32];

	card_describe(card, document);
	snprintf(text, sizeof(text), "%u.%u", p->hw_version >> 16, p->hw_version & 0xffff);
	doc_string(document, "hw_version", text);
	snprintf(text, sizeof(text), "%u.%u", p->driver_version >> 16, p->driver_version & 0xffff);
	doc_string(document, "driver_version", text);
	object = doc_array(document, "capabilities");
	for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		if (p->caps & 1ull << caps[i].bit)
			doc_append_string(object, caps[i].name);
	object = doc_array(document, "dtypes");
	for (unsigned int i = 1; i < 64; i++)
		if (p->dtypes & 1ull << i && accel_dtype_name((enum accel_dtype)i))
			doc_append_string(object, accel_dtype_name((enum accel_dtype)i));
	object = doc_array(document, "opcodes");
	for (unsigned int i = 0; i < 256; i++)
		if (p->opcodes[i / 64] & 1ull << i % 64)
			doc_append_number(object, i);
	object = doc_object(document, "limits");
	doc_number(object, "rings", p->rings);
	doc_number(object, "contexts", p->contexts);
	doc_number(object, "jobs_per_submit", p->jobs_max);
	doc_number(object, "queue_depth", p->queue_depth_max);
	doc_number(object, "program_bytes", p->program_size_max);
	doc_number(object, "va_start", p->va_start);
	doc_number(object, "va_end", p->va_end);
	doc_number(object, "local_bytes", p->local_size);
	object = doc_object(document, "memory");
	doc_number(object, "system_used_bytes", memory->system_used);
	doc_number(object, "local_used_bytes", memory->local_used);
	doc_number(object, "local_free_bytes", memory->local_free);
	object = doc_object(document, "performance_model");
	doc_number(object, "array_rows", p->array_rows);
	doc_number(object, "array_columns", p->array_columns);
	doc_number(object, "clock_khz", p->clock_khz);
	doc_number(object, "sram_kib", p->sram_kib);
	doc_number(object, "local_mbps", p->local_mbps);
	doc_number(object, "host_mbps", p->host_mbps);
	describe_peaks(p, object);
	doc_number(document, "timestamp_hz", p->timestamp_hz);
	object = doc_object(document, "time");
	doc_number(object, "device_ticks", stamp->device);
	doc_number(object, "monotonic_ns", stamp->cpu);
	doc_number(object, "monotonic_raw_ns", stamp->cpu_raw);
	doc_number(object, "boottime_ns", stamp->cpu_boot);
	doc_number(object, "uncertainty_ns", stamp->uncertainty);
	doc_number(document, "generation", p->generation);
	object = doc_object(document, "counters");
	doc_number(object, "descriptors", counters->descriptors);
	doc_number(object, "packets", counters->packets);
	doc_number(object, "faults", counters->faults);
	doc_number(object, "tlb_misses", counters->tlb_misses);
	doc_number(object, "resets", counters->resets);
	object = doc_object(document, "observed");
	doc_real(object, "busy_s", (double)counters->busy_ns / 1e9);
	object = doc_object(document, "modelled");
	doc_number(object, "cycles", counters->cycles);
	doc_number(object, "macs", counters->macs);
	doc_number(object, "bytes_local", counters->bytes_local);
	doc_number(object, "bytes_host", counters->bytes_host);
	doc_real(object, "energy_j", (double)counters->energy_pj / 1e12);
	doc_print(document);
}

static void print_text(const struct card *card, const struct accel_device_counters *counters,
		       const struct accel_device_memory *memory, const struct accel_timestamp *stamp)
{
	const struct accel_device_props *p = &card->props;
	char text[512], one[32], two[32], three[32];
	int used = 0;

	card_field(card);
	field("profile", "%s, serial %s", p->profile, *p->serial ? p->serial : "not known");
	field("versions", "card interface %u.%u, driver %u.%u, libaccel %s", p->hw_version >> 16,
	      p->hw_version & 0xffff, p->driver_version >> 16, p->driver_version & 0xffff,
	      accel_version_string());
	text[0] = '\0';
	for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++)
		if (p->caps & 1ull << caps[i].bit)
			used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%s",
					 used ? ", " : "", caps[i].name);
	field("can", "%s", used ? text : "-");
	used = 0;
	text[0] = '\0';
	for (unsigned int i = 1; i < 64; i++)
		if (p->dtypes & 1ull << i && accel_dtype_name((enum accel_dtype)i))
			used += snprintf(text + used, sizeof(text) - (size_t)used, "%s%s",
					 used ? ", " : "", accel_dtype_name((enum accel_dtype)i));
	field("types", "%s", text);
	if (p->local_size)
		field("local", "%s, %s in use, %s free", format_bytes(one, (double)p->local_size),
		      format_bytes(two, (double)memory->local_used),
		      format_bytes(three, (double)memory->local_free));
	else
		field("local", "none");
	field("addresses", "0x%" PRIx64 " to 0x%" PRIx64, p->va_start, p->va_end);
	field("queues", "%" PRIu32 " at a time of %" PRIu32 ", %" PRIu32 " jobs deep", p->rings,
	      p->contexts, p->queue_depth_max);
	field("model", "array %" PRIu32 " x %" PRIu32 " at %.4g MHz, SRAM %s, local %.4g GB/s, "
	      "host %.4g GB/s", p->array_rows, p->array_columns, p->clock_khz / 1e3,
	      format_bytes(one, p->sram_kib * 1024.0), p->local_mbps / 1e3, p->host_mbps / 1e3);
	print_peaks(p);
	field("clock", "%" PRIu64 " Hz, generation %" PRIu32, p->timestamp_hz, p->generation);
	field("time", "%" PRIu64 " ticks at %.6f s of CLOCK_MONOTONIC, %" PRIu64 " ns more or less",
	      stamp->device, (double)stamp->cpu / 1e9, stamp->uncertainty);
	field("executed", "%" PRIu64 " jobs, %" PRIu64 " packets, %" PRIu64 " faults, %" PRIu64
	      " resets", counters->descriptors, counters->packets, counters->faults,
	      counters->resets);
	field("observed", "busy %s", format_time(one, (double)counters->busy_ns / 1e9));
	field("modelled", "%" PRIu64 " cycles, %" PRIu64 " multiply-adds, local %s, host %s, %.4g J",
	      counters->cycles, counters->macs, format_bytes(one, (double)counters->bytes_local),
	      format_bytes(two, (double)counters->bytes_host), (double)counters->energy_pj / 1e12);
}

static int run(const struct args *args)
{
	struct accel_device_counters counters = ACCEL_INIT(counters);
	struct accel_device_memory memory = ACCEL_INIT(memory);
	struct accel_timestamp stamp = ACCEL_INIT(stamp);
	struct card card;
	int err, status;

	status = card_open(&card, args_text(args, "device"));
	if (status)
		return status;
	err = accel_device_counters(card.device, &counters);
	if (err)
		status = fail_call("cannot read the card's counters", err);
	if (!err) {
		err = accel_device_memory(card.device, &memory);
		if (err)
			status = fail_call("cannot ask for the use of memory", err);
	}
	if (!err) {
		err = accel_device_timestamp(card.device, &stamp);
		if (err)
			status = fail_call("cannot read the card's clock", err);
	}
	if (!err && output_json())
		print_json(args, &card, &counters, &memory, &stamp);
	else if (!err)
		print_text(&card, &counters, &memory, &stamp);
	card_close(&card);
	return status;
}

const struct command command_info = {
	.noun = "info",
	.summary = "Show what a device is, can do and has done.",
	.text = "Counters are since power-on. Busy time is observed; cycles, traffic and energy are "
		"those of the performance model.",
	.schema = "accelctl.info/1",
	.examples = "info -d 0000:01:00.0\ninfo -d sim: -o json",
	.run = run,
};
