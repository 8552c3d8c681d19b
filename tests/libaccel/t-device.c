// SPDX-License-Identifier: MIT
/*
 * Devices, error records, versions, types.
 */
#include <math.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

static bool simulated(void)
{
	return !strncmp(test_device(), "sim", 3);
}

static void opens_and_tells_properties(void)
{
	struct accel_device_props p = ACCEL_INIT(p);
	struct accel_device *device;

	REQUIRE(!accel_device_open(test_device(), NULL, &device));
	CHECK(!accel_device_props(device, &p));
	CHECK(p.sz == sizeof(p));
	CHECK(p.dtypes & 1ull << ACCEL_F32);
	CHECK(p.opcodes[1] & 1);	/* GEMM, 0x40 */
	CHECK(p.va_end > p.va_start && p.va_start > 0);
	CHECK(p.timestamp_hz > 0);
	CHECK_EQ(p.hw_version >> 16, 1);
	CHECK(p.rings >= 1 && p.contexts >= 1 && p.jobs_max >= 64 && p.queue_depth_max >= 256);
	CHECK(p.program_size_max >= 0x10000);
	CHECK(p.array_rows && p.array_columns && p.clock_khz);
	CHECK(p.model[0] && p.id[0] && p.profile[0]);
	CHECK_EQ(accel_device_has(device, ACCEL_CAP_SIMULATED), simulated());
	CHECK_EQ(accel_device_has(device, ACCEL_CAP_SYNC_FILE), !simulated());
	CHECK_EQ(accel_device_has(device, ACCEL_CAP_LOCAL_MEMORY), p.caps >> 0 & 1);
	CHECK(!accel_device_has(device, (enum accel_cap)63));
	CHECK(!accel_device_has(device, (enum accel_cap)64));
	CHECK(accel_device_ref(device) == device);
	accel_device_unref(device);
	accel_device_unref(device);
	accel_device_unref(NULL);
}

static void older_and_newer_structures(void)
{
	struct {
		struct accel_device_props p;
		char tail[16];
	} newer = { .p = { .sz = sizeof(newer) } };
	struct {
		size_t sz;
		uint64_t caps;
		uint64_t guard;
	} older = { .sz = 16, .guard = 0x55 };
	struct accel_device_props p = ACCEL_INIT(p);
	struct accel_device *device;

	REQUIRE(!accel_device_open(test_device(), NULL, &device));
	CHECK(!accel_device_props(device, &p));
	CHECK(!accel_device_props(device, (void *)&older));
	CHECK(older.caps == p.caps && older.guard == 0x55 && older.sz == 16);
	CHECK(!accel_device_props(device, &newer.p));
	CHECK_EQ(newer.p.sz, sizeof(newer));
	newer.tail[7] = 1;
	CHECK_ERR(accel_device_props(device, &newer.p), -E2BIG);
	p.sz = 0;
	CHECK_ERR(accel_device_props(device, &p), -EINVAL);
	CHECK_ERR(accel_device_props(device, NULL), -EINVAL);
	CHECK_ERR(accel_device_props(NULL, &p), -EINVAL);
	accel_device_unref(device);
}

static void options_from_the_future(void)
{
	struct {
		struct accel_device_opts o;
		uint64_t unknown;
	} opts = { .o = { .sz = sizeof(opts) } };
	struct accel_device *device;

	REQUIRE(!accel_device_open(test_device(), &opts.o, &device));
	accel_device_unref(device);
	device = NULL;
	opts.unknown = 1;
	CHECK_ERR(accel_device_open(test_device(), &opts.o, &device), -E2BIG);
	opts.o.sz = sizeof(opts.o);
	opts.o.flags = 1;
	CHECK_ERR_TEXT(accel_device_open(test_device(), &opts.o, &device), -EINVAL, "flags");
	CHECK(!device);
}

static void names_that_open_nothing(void)
{
	struct accel_device *device = NULL;

	CHECK_ERR_TEXT(accel_device_open("nonsense", NULL, &device), -EINVAL, "nonsense");
	CHECK_ERR_TEXT(accel_device_open("/dev/null", NULL, &device), -EPROTO, "/dev/null");
	CHECK_ERR_TEXT(accel_device_open("/dev", NULL, &device), -EPROTO, "directory");
	CHECK_ERR_TEXT(accel_device_open("/dev/null/x", NULL, &device), -ENODEV, "/dev/null/x");
	CHECK_ERR_TEXT(accel_device_open("/dev/accel/accel4711", NULL, &device), -ENODEV, "sim:");
	CHECK_ERR_TEXT(accel_device_open("ffff:ff:1f.7", NULL, &device), -ENODEV, "ffff:ff:1f.7");
	CHECK_ERR_TEXT(accel_device_open("sn:NOSUCH", NULL, &device), -ENODEV, "NOSUCH");
	CHECK_ERR(accel_device_open("sn:", NULL, &device), -ENODEV);
	CHECK_ERR(accel_device_open(test_device(), NULL, NULL), -EINVAL);
	CHECK(!device);
	CHECK(!strcmp(accel_last_error()->op, "accel_device_open"));
}

static void options_of_sim(void)
{
	static const char *const good[] = {
		"sim", "sim:", "sim:threads=0", "sim:threads=2,rings=1,contexts=3", "sim:local=0",
		"sim:local=2M,profile=tpuv1", "sim:isa=generic", "sim:debug=1,spin_us=0",
		"sim:serial=X1,timeout_ms=100,limit_ms=1000", "sim:features=0x1",
	};
	static const char *const bad[] = {
		"sim:rings=0", "sim:rings=64", "sim:rings=x", "sim:rings", "sim:rings=",
		"sim:nosuch=1", "sim:local=3M", "sim:local=4K", "sim:local=99999999999G",
		"sim:isa=vax", "sim:debug=2", "sim:threads=-1", "sim:threads=257",
		"sim:contexts=4097", "sim:profile=h100", "sim:serial=", "sim:features=0",
		"sim:timeout_ms=0", "sim:threads=1x", "sim:local=18446744073709551616",
		"sim:serial=0123456789012345678901234567890123456789",
	};
	struct accel_device_props p = ACCEL_INIT(p);
	struct accel_device *device = NULL;
	char text[400] = "sim:";

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (accel_device_open(good[i], NULL, &device)) {
			check_fail(good[i], 0, accel_last_error()->text);
			continue;
		}
		accel_device_unref(device);
	}
	device = NULL;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_ERR_TEXT(accel_device_open(bad[i], NULL, &device), -EINVAL, "sim:");
	memset(text + 4, 'x', 300);
	CHECK_ERR(accel_device_open(text, NULL, &device), -EINVAL);
	CHECK(!device);

	REQUIRE(!accel_device_open("sim:rings=3,contexts=7,local=4M,serial=ABC,profile=tpuv1",
				   NULL, &device));
	CHECK(!accel_device_props(device, &p));
	CHECK(p.rings == 3 && p.contexts == 7 && p.local_size == 4 << 20);
	CHECK(!strcmp(p.serial, "ABC") && !strcmp(p.profile, "tpuv1"));
	CHECK(!strncmp(p.id, "sim:rings=3", 11));
	CHECK(!accel_device_has(device, ACCEL_CAP_DEBUG));
	accel_device_unref(device);
}

static void device_from_the_environment(void)
{
	struct accel_device *device;

	setenv("ACCEL_DEVICE", test_device(), 1);
	CHECK(!accel_device_open(NULL, NULL, &device));
	accel_device_unref(device);
	CHECK(!accel_device_open("", NULL, &device));
	accel_device_unref(device);
	setenv("ACCEL_DEVICE", "neither", 1);
	CHECK_ERR_TEXT(accel_device_open(NULL, NULL, &device), -EINVAL, "neither");
	unsetenv("ACCEL_DEVICE");
}

static void opens_by_all_its_names(void)
{
	struct accel_device_props p = ACCEL_INIT(p), again = ACCEL_INIT(again);
	struct accel_device *device;
	char name[40];

	REQUIRE(!accel_device_open(test_device(), NULL, &device));
	REQUIRE(!accel_device_props(device, &p));
	accel_device_unref(device);
	REQUIRE(!accel_device_open(p.id, NULL, &device));
	CHECK(!accel_device_props(device, &again));
	CHECK(!strcmp(p.serial, again.serial));
	accel_device_unref(device);
	if (simulated())
		return;
	/* The test machine gives its card a serial number. */
	REQUIRE(p.serial[0]);
	snprintf(name, sizeof(name), "sn:%s", p.serial);
	REQUIRE(!accel_device_open(name, NULL, &device));
	CHECK(!accel_device_props(device, &again));
	CHECK(!strcmp(p.id, again.id));
	accel_device_unref(device);
	/* Without the domain, in which the test machine has only one. */
	REQUIRE(!strncmp(p.id, "0000:", 5));
	REQUIRE(!accel_device_open(p.id + 5, NULL, &device));
	accel_device_unref(device);
}

static void enumeration(void)
{
	struct accel_device_list *list = NULL;
	bool found = false;

	REQUIRE(!accel_device_list_create(&list));
	for (size_t i = 0; i < accel_device_list_count(list); i++) {
		const struct accel_device_info *info = accel_device_list_get(list, i);

		CHECK(info->sz == sizeof(*info) && info->pci[0] && info->name[0]);
		CHECK(info->node && info->serial && info->driver);
		found |= !strcmp(info->node, test_device());
	}
	CHECK(found || test_device()[0] != '/');
	CHECK(!accel_device_list_get(list, accel_device_list_count(list)));
	accel_device_list_free(list);
	accel_device_list_free(NULL);
	CHECK_ERR(accel_device_list_create(NULL), -EINVAL);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Differences of clocks that are read one after the other, on a machine that may stand still. */
static bool near(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 10000000000 && (int64_t)(b - a) < 10000000000;
}

static void clocks_and_counters(void)
{
	struct accel_timestamp s = ACCEL_INIT(s), later = ACCEL_INIT(later);
	struct accel_device_counters c = ACCEL_INIT(c), more = ACCEL_INIT(more);
	uint64_t before, after;
	struct accel_program *program;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	before = accel_now();
	CHECK(!accel_device_timestamp(b.device, &s));
	after = accel_now();
	CHECK(s.cpu >= before && s.cpu <= after && s.uncertainty <= after - before + 1);
	/* The clocks differ by what they are set to, and hardly by their rates. */
	CHECK(near(s.cpu_boot - s.cpu, clock_ns(CLOCK_BOOTTIME) - accel_now()));
	CHECK(near(s.cpu_raw - s.cpu, clock_ns(CLOCK_MONOTONIC_RAW) - accel_now()));
	CHECK(!accel_device_timestamp(b.device, &later));
	CHECK(later.device >= s.device && later.cpu >= s.cpu);
	CHECK(!accel_device_counters(b.device, &c));
	program = program_empty(&b);
	CHECK(!accel_queue_run(b.queue, program, soon(), NULL));
	CHECK(!accel_device_counters(b.device, &more));
	CHECK(more.descriptors > c.descriptors);
	CHECK(more.resets == c.resets && more.faults == c.faults);
	accel_program_unref(program);
	bench_close(&b);
}

static void memory_in_use(void)
{
	struct accel_device_memory before = ACCEL_INIT(before), m = ACCEL_INIT(m);
	struct accel_buffer *system, *local = NULL;
	bool has;
	struct bench b;

	REQUIRE(bench_open(&b, NULL));
	has = accel_device_has(b.device, ACCEL_CAP_LOCAL_MEMORY);
	CHECK(!accel_device_memory(b.device, &before));
	REQUIRE(!accel_buffer_alloc(b.context, 3 << 20, 0, &system));
	if (has)
		REQUIRE(!accel_buffer_alloc(b.context, 5 << 20, ACCEL_BUFFER_LOCAL, &local));
	CHECK(!accel_device_memory(b.device, &m));
	CHECK(m.system_used >= before.system_used + (3 << 20));
	CHECK_EQ(m.local_used, before.local_used + (has ? 5 << 20 : 0));
	CHECK_EQ(m.local_used + m.local_free, before.local_used + before.local_free);
	accel_buffer_unref(local);
	accel_buffer_unref(system);
	CHECK(!accel_device_memory(b.device, &m));
	CHECK_EQ(m.local_free, before.local_free);
	CHECK_ERR(accel_device_memory(NULL, &m), -EINVAL);
	CHECK_ERR(accel_device_memory(b.device, NULL), -EINVAL);
	bench_close(&b);
}

static void errors_in_words(void)
{
	CHECK(accel_last_error() != NULL);
	CHECK(!strcmp(accel_errname(-ENODEV), "ENODEV"));
	CHECK(!strcmp(accel_errname(ENODEV), "ENODEV"));
	CHECK(!strcmp(accel_errname(0), "OK"));
	CHECK(!strcmp(accel_errname(-4000), "?"));
	CHECK(!strcmp(accel_errname(INT32_MIN), "?"));
	CHECK(accel_strerror(-EAGAIN)[0] && accel_strerror(12345)[0]);
	CHECK(!strcmp(accel_outcome_name(ACCEL_JOB_TIMEOUT), "timeout"));
	CHECK(accel_outcome_name(99) != NULL && accel_fault_name(99) != NULL);
	CHECK(!strcmp(accel_fault_name(1), "not-mapped"));
	CHECK(!strcmp(accel_opcode_name(0x40), "GEMM") && !strcmp(accel_opcode_name(0xf0), "HANG"));
	CHECK(!strcmp(accel_opcode_name(0x03), "unknown") &&
	      !strcmp(accel_opcode_name(0xffff), "unknown"));
}

static void versions_types_and_deadlines(void)
{
	uint64_t now;

	CHECK_EQ(accel_version(), ACCEL_VERSION_MAJOR << 16 | ACCEL_VERSION_MINOR << 8 |
		 ACCEL_VERSION_PATCH);
	CHECK(!strcmp(accel_version_string(), ACCEL_VERSION_STRING));
	for (int i = ACCEL_F32; i <= ACCEL_F64; i++) {
		enum accel_dtype t = (enum accel_dtype)i;

		CHECK(accel_dtype_size(t) >= 1 && accel_dtype_size(t) <= 8);
		CHECK(accel_dtype_parse(accel_dtype_name(t)) == t);
	}
	CHECK_EQ(accel_dtype_size(ACCEL_NONE), 0);
	CHECK_EQ(accel_dtype_size((enum accel_dtype)13), 0);
	CHECK(!accel_dtype_name(ACCEL_NONE) && !accel_dtype_name((enum accel_dtype)-1));
	CHECK(accel_dtype_parse("f33") == ACCEL_NONE && accel_dtype_parse(NULL) == ACCEL_NONE);
	now = accel_now();
	CHECK(accel_deadline(5) >= now + 5);
	CHECK(accel_deadline(UINT64_MAX) == ACCEL_FOREVER);
	CHECK(accel_deadline(UINT64_MAX - 5) == ACCEL_FOREVER);
}

static const struct check_test tests[] = {
	TEST(opens_and_tells_properties),
	TEST(older_and_newer_structures),
	TEST(options_from_the_future),
	TEST(names_that_open_nothing),
	TEST(options_of_sim),
	TEST(device_from_the_environment),
	TEST(opens_by_all_its_names),
	TEST(enumeration),
	TEST(clocks_and_counters),
	TEST(memory_in_use),
	TEST(errors_in_words),
	TEST(versions_types_and_deadlines),
};

CHECK_MAIN(tests)
