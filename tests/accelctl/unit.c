// SPDX-License-Identifier: MIT
/*
 * Parts of accelctl that need no command line: numbers, statistics, headers of .npy files, and
 * that verification finds what is wrong.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "card.h"
#include "clients.h"
#include "compare.h"
#include "digits.h"
#include "exit.h"
#include "npy.h"
#include "number.h"
#include "model.h"
#include "outfile.h"
#include "product.h"
#include "random.h"
#include "stats.h"
#include "tap.h"
#include "text.h"
#include "verify.h"

static void test_numbers(void)
{
	static const char *const bad[] = {
		"", "-1", "+1", " 1", "1 ", "0x10", "1e3", "1.0", "18446744073709551616",
		"99999999999999999999999", "abc", "9", "101",
	};
	uint64_t value, factors[] = { 1ull << 32, 1ull << 31, 0 };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		tap_ok(!number_parse(bad[i], 10, 100, &value), bad[i][0] ? bad[i] : "empty number");
	tap_ok(number_parse("10", 10, 100, &value) && value == 10, "smallest number");
	tap_ok(number_parse("100", 10, 100, &value) && value == 100, "largest number");
	tap_ok(number_parse("18446744073709551615", 0, UINT64_MAX, &value) && value == UINT64_MAX,
	       "64-bit number");
	tap_ok(number_seconds("0.25", &value) && value == 250000000, "a quarter second");
	tap_ok(number_seconds("2", &value) && value == 2000000000, "two seconds");
	tap_ok(number_seconds(".5", &value) && value == 500000000, "no digit before the point");
	tap_ok(!number_seconds("0", &value) && !number_seconds("", &value) &&
	       !number_seconds(".", &value) && !number_seconds("-1", &value) &&
	       !number_seconds("1s", &value) && !number_seconds("1000001", &value) &&
	       !number_seconds("nan", &value) && !number_seconds("0.0000000001", &value),
	       "seconds that are none");
	tap_ok(number_product(factors, 2, &value) && value == 1ull << 63, "a product that fits");
	factors[2] = 2;
	tap_ok(!number_product(factors, 3, &value), "a product that does not fit");
	factors[2] = 0;
	tap_ok(number_product(factors, 3, &value) && value == 0, "a zero in any place");
}

static void test_stats(void)
{
	uint64_t values[] = { 50, 10, 40, 30, 20 };
	char text[32];

	stats_sort(values, 5);
	tap_ok(stats_percentile(values, 5, 0) == 10 && stats_percentile(values, 5, 50) == 30 &&
	       stats_percentile(values, 5, 90) == 50 && stats_percentile(values, 5, 20) == 10 &&
	       stats_percentile(values, 5, 21) == 20 && stats_percentile(values, 5, 100) == 50,
	       "percentiles by nearest rank");
	tap_ok(!strcmp(format_time(text, 0.0012), "1.2 ms") &&
	       !strcmp(format_bytes(text, 1536), "1.5 KiB") &&
	       !strcmp(format_rate(text, 2.5e9, "OP/s"), "2.5 GOP/s"), "units");
	tap_ok(crc32_of("123456789", 9) == 0xcbf43926, "CRC-32 of the check string");
}

static void test_random(void)
{
	uint16_t f16[256];
	uint32_t f32[256];
	struct random random = random_begin(1, 2), again = random_begin(1, 2);
	bool same = true, finite = true;

	for (int i = 0; i < 100; i++)
		same = same && random_next(&random) == random_next(&again);
	tap_ok(same, "the same seed gives the same numbers");
	random_fill(&random, ACCEL_F16, f16, 256);
	random_fill(&random, ACCEL_F32, f32, 256);
	for (int i = 0; i < 256; i++) {
		uint32_t half = f16[i] >> 10 & 31, full = f32[i] >> 23 & 255;

		finite = finite && half >= 7 && half <= 15 && full >= 119 && full <= 127;
	}
	tap_ok(finite, "random floats have magnitudes from 2^-8 to 2");
}

static void test_exits(void)
{
	tap_ok(exit_from_error(0) == EXIT_OK && exit_from_error(-ETIME) == EXIT_TIMELIMIT &&
	       exit_from_error(-EIO) == EXIT_FAULT && exit_from_error(-ECANCELED) == EXIT_FAULT &&
	       exit_from_error(-ENODEV) == EXIT_FAULT && exit_from_error(-EPROTO) == EXIT_SKEW &&
	       exit_from_error(-EACCES) == EXIT_PERMISSION &&
	       exit_from_error(-EPERM) == EXIT_PERMISSION && exit_from_error(-ENOMEM) == EXIT_FAILED,
	       "exit codes of errors");
	tap_ok(exit_from_open(-ENODEV) == EXIT_NODEVICE && exit_from_open(-EINVAL) == EXIT_USAGE &&
	       exit_from_open(-EACCES) == EXIT_PERMISSION && exit_from_open(-EPROTO) == EXIT_SKEW,
	       "exit codes of devices that do not open");
}

/* --- .npy headers ------------------------------------------------------------------------ */

static const char *parse(const char *text, struct npy *npy)
{
	memset(npy, 0, sizeof(*npy));
	return npy_parse_header(npy, text, strlen(text));
}

static void test_headers(void)
{
	static const char *const bad[] = {
		"", "{", "}", "[]", "{}", "{'descr': '<f4'}",
		"{'descr': '<f4', 'fortran_order': False}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': }",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2,,2)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2 2)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, 2)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 2)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2147483648, 1)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 1)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 4)}",
		"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2)}",
		"{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 2)}",
		"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 2)}",
		"{'descr': '|O', 'fortran_order': False, 'shape': (2, 2)}",
		"{'descr': '<c8', 'fortran_order': False, 'shape': (2, 2)}",
		"{'descr': '|f4', 'fortran_order': False, 'shape': (2, 2)}",
		"{'descr': '<f44', 'fortran_order': False, 'shape': (2, 2)}",
		"{'descr': '', 'fortran_order': False, 'shape': (2, 2)}",
		"{'descr': '<', 'fortran_order': False, 'shape': (2, 2)}",
		"{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (2, 2)}",
		"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), 'more': 1}",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2)} x",
		"{'descr': '<f4' 'fortran_order': False, 'shape': (2, 2)}",
		"{'descr': '<f4, 'fortran_order': False, 'shape': (2, 2)}",
		"{'a very long key that does not fit anywhere at all': 1}",
	};
	struct npy npy;
	char name[160];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(name, sizeof(name), "header refused: %s", bad[i]);
		tap_ok(parse(bad[i], &npy) != NULL, name);
	}
	/* Every prefix of a good header is refused, and read no further than it goes. */
	{
		const char *good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
		bool refused = true;

		for (size_t i = 0; i < strlen(good); i++) {
			char *copy = malloc(i ? i : 1);

			memcpy(copy, good, i);
			refused = refused && npy_parse_header(&npy, copy, i) != NULL;
			free(copy);
		}
		tap_ok(refused, "every prefix of a header is refused");
	}
	tap_ok(!parse("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }  \n", &npy) &&
	       npy.dtype == ACCEL_F32 && npy.rank == 2 && npy.dims[0] == 2 && npy.dims[1] == 3 &&
	       npy.count == 6 && npy.size == 24, "numpy's own form");
	tap_ok(!parse("{\"shape\":(5,),\"fortran_order\":True,\"descr\":\"|i1\"}", &npy) &&
	       npy.dtype == ACCEL_I8 && npy.rank == 1 && npy.size == 5,
	       "any order, any quotes, no blanks; a vector has no order");
	tap_ok(!parse("{'descr': '<u2', 'fortran_order': False, 'shape': ()}", &npy) &&
	       npy.dtype == ACCEL_U16 && npy.rank == 0 && npy.size == 2, "a scalar");
	tap_ok(!parse("{'descr': '<f8', 'fortran_order': False, 'shape': (2147483647, 0, 2147483647)}",
		      &npy) && npy.count == 0 && npy.size == 0, "an empty array of any shape");
}

/* Damaged headers are refused or describe an array whose size fits its shape. */
static void test_damage(void)
{
	static const char good[] =
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3, 1), }    \n";
	static const char pieces[] = "'\"{}()[],: 0123456789<>=|Lfiu\n\\xTF";
	struct random random = random_begin(11, 0);
	bool sound = true;

	for (unsigned int round = 0; round < 50000; round++) {
		size_t length = sizeof(good) - 1 - random_below(&random, 8);
		char *text = malloc(length);
		struct npy npy = { 0 };

		memcpy(text, good, length);
		for (uint64_t n = 1 + random_below(&random, 4); n; n--)
			text[random_below(&random, length)] =
				random_below(&random, 8) ? pieces[random_below(&random,
									       sizeof(pieces))] :
							   (char)random_next(&random);
		if (!npy_parse_header(&npy, text, length)) {
			uint64_t count = 1;

			for (uint32_t i = 0; i < npy.rank; i++)
				count *= npy.dims[i];
			sound = sound && npy.rank <= NPY_RANK_MAX && npy.count == count &&
				npy.size == count * accel_dtype_size(npy.dtype);
		}
		free(text);
	}
	tap_ok(sound, "50000 damaged headers");
}

/* --- Verification ------------------------------------------------------------------------ */

static void test_compare(void)
{
	static const uint16_t a[] = { 1, 2, 3, 0x8000 }, b[] = { 1, 2, 3, 0x0000 };

	tap_ok(compare_bits(a, a, 4, 2) == 4, "equal arrays");
	tap_ok(compare_bits(a, b, 4, 2) == 3, "zeros of different sign differ");
	tap_ok(compare_bits(a, b, 0, 2) == 0, "nothing equals nothing");
	tap_ok(element_bits(a, 3, 2) == 0x8000, "bits of an element");
}

static void flip(struct product *product, uint64_t index)
{
	((unsigned char *)product->c.data)[index * accel_dtype_size(product->c.shape.dtype)] ^= 1;
}

static void test_verify(struct card *card, const struct shape *a, const struct shape *b,
			enum accel_dtype out, const char *name)
{
	struct product product = { 0 };
	struct accel_result result;
	struct verify verify;
	uint64_t row, columns;
	char text[128];

	product.a.shape = *a;
	product.b.shape = *b;
	product.c.shape.dtype = out;
	snprintf(text, sizeof(text), "%s: shapes fit", name);
	if (!tap_ok(!product_shape(&product), text))
		return;
	snprintf(text, sizeof(text), "%s: runs", name);
	tap_ok(!product_create(&product, card) && !product_fill(&product, 3) &&
	       !card_run(card, product.program, ACCEL_FOREVER, name, &result) && !result.error, text);
	snprintf(text, sizeof(text), "%s: is verified", name);
	tap_ok(!verify_product(&product, 5, ACCEL_FOREVER, &verify) && verify.equal &&
	       verify.outputs == verify.rows * product.n, text);
	/* The last element that verification looks at. */
	row = verify.row ? verify.row[verify.rows - 1] : verify.rows - 1;
	columns = product.n;
	verify_free(&verify);
	flip(&product, row * columns + columns - 1);
	snprintf(text, sizeof(text), "%s: one flipped bit is found where it is", name);
	tap_ok(!verify_product(&product, 5, ACCEL_FOREVER, &verify) && !verify.equal &&
	       verify.index[product.c.shape.rank - 1] == columns - 1 &&
	       verify.index[product.c.shape.rank - 2] == row % product.m &&
	       (verify.got ^ verify.want) == 1, text);
	verify_free(&verify);
	product_destroy(&product);
}

static void test_rows(void)
{
	struct product product = { 0 };

	product.a.shape = (struct shape){ ACCEL_F32, 2, { 512, 512 } };
	product.b.shape = (struct shape){ ACCEL_F32, 2, { 512, 512 } };
	product.c.shape.dtype = ACCEL_F32;
	product_shape(&product);
	tap_ok(verify_rows(&product) == 512, "2^27 multiply-adds are verified whole");
	product.a.shape.dims[0] = 513;
	product_shape(&product);
	tap_ok(verify_rows(&product) == 512, "more are verified by rows");
	product.a.shape = (struct shape){ ACCEL_F32, 2, { 3, 0x7fffffff } };
	product.b.shape = (struct shape){ ACCEL_F32, 2, { 0x7fffffff, 1 } };
	product_shape(&product);
	tap_ok(verify_rows(&product) == 1, "at least one row is verified");
}

static void test_shapes(void)
{
	struct product p = { 0 };

	p.a.shape = (struct shape){ ACCEL_F32, 3, { 4, 2, 3 } };
	p.b.shape = (struct shape){ ACCEL_F32, 4, { 5, 1, 3, 7 } };
	p.c.shape.dtype = ACCEL_F32;
	tap_ok(!product_shape(&p) && p.c.shape.rank == 4 && p.c.shape.dims[0] == 5 &&
	       p.c.shape.dims[1] == 4 && p.c.shape.dims[2] == 2 && p.c.shape.dims[3] == 7 &&
	       p.batch == 20 && p.macs == 20 * 2 * 7 * 3, "batches broadcast as numpy does");
	p.b.shape.dims[1] = 2;
	tap_ok(product_shape(&p) != NULL, "batches that do not fit");
	p.b.shape.dims[1] = 1;
	p.b.shape.dims[2] = 4;
	tap_ok(product_shape(&p) != NULL, "inner sizes that do not fit");
	p.b.shape.dims[2] = 3;
	p.b.shape.dtype = ACCEL_F16;
	tap_ok(product_shape(&p) != NULL, "types that do not fit");
	p.b.shape.dtype = ACCEL_F32;
	p.c.shape.dtype = ACCEL_I32;
	tap_ok(product_shape(&p) != NULL, "integer output of floats");
	p.c.shape.dtype = ACCEL_F32;
	p.bias.shape = (struct shape){ ACCEL_F32, 1, { 6 } };
	tap_ok(product_shape(&p) != NULL, "a bias that does not fit");
	p.bias.shape = (struct shape){ ACCEL_F32, 1, { 7 } };
	tap_ok(!product_shape(&p), "a bias that fits");
	p.bias.shape.dtype = ACCEL_I32;
	tap_ok(product_shape(&p) != NULL, "a bias of the wrong type");
}

static struct client parse_fdinfo(const char *text, bool *ours)
{
	struct client client = { 0 };
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	*ours = file && clients_parse(file, &client);
	if (file)
		fclose(file);
	return client;
}

static void test_fdinfo(void)
{
	struct client c;
	bool ours;

	c = parse_fdinfo("pos:\t0\nflags:\t02100002\ndrm-driver:\tloom\ndrm-client-id:\t7\n"
		  "drm-pdev:\t0000:01:00.0\ndrm-engine-compute:\t123456789 ns\n"
		  "drm-engine-capacity-compute:\t7\ndrm-total-memory:\t3 MiB\n"
		  "drm-total-local:\t8 KiB\ndrm-shared-memory:\t9\nloom-queues:\t2\nloom-jobs:\t40\n"
		  "loom-modelled-cycles:\t5000\nloom-modelled-energy:\t6000 pJ\n", &ours);
	tap_ok(ours && c.id == 7 && !strcmp(c.card, "0000:01:00.0") && c.engine_ns == 123456789 &&
	       c.system_bytes == 3 << 20 && c.local_bytes == 8 << 10 && c.queues == 2 &&
	       c.jobs == 40 && c.cycles == 5000 && c.energy_pj == 6000, "what fdinfo says");
	c = parse_fdinfo("drm-driver:\tloom\ndrm-total-memory:\t4096\n", &ours);
	tap_ok(ours && c.system_bytes == 4096 && !c.jobs, "bytes without unit, keys that are not there");
	parse_fdinfo("drm-driver:\ti915\ndrm-engine-compute:\t1 ns\n", &ours);
	tap_ok(!ours, "another driver");
	parse_fdinfo("drm-driver:\tloomy\n", &ours);
	tap_ok(!ours, "a driver of a similar name");
	parse_fdinfo("pos:\t0\n\n:\ngarbage\ndrm-driver\n", &ours);
	tap_ok(!ours, "no driver at all");
}

static bool put_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	bool good = file && fputs(text, file) >= 0;

	return file && !fclose(file) && good;
}

/* A directory like /proc: a process is a number, its descriptors are links. */
static bool put_process(const char *proc, int pid, const char *command, int fd, const char *target,
			const char *fdinfo)
{
	char path[128];
	bool good;

	snprintf(path, sizeof(path), "%s/%d", proc, pid);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%d/fd", proc, pid);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%d/fd/%d", proc, pid, fd);
	good = !symlink(target, path);
	snprintf(path, sizeof(path), "%s/%d/fdinfo", proc, pid);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%d/fdinfo/%d", proc, pid, fd);
	good &= put_file(path, fdinfo);
	snprintf(path, sizeof(path), "%s/%d/comm", proc, pid);
	return good && put_file(path, command);
}

#define LOOM(id, card, jobs)	"drm-driver:\tloom\ndrm-client-id:\t" id "\ndrm-pdev:\t" card \
				"\nloom-jobs:\t" jobs "\n"

static void test_processes(void)
{
	char proc[] = "/tmp/accelctl-unit-XXXXXX", command[64];
	struct clients clients;
	bool good = mkdtemp(proc);

	good = good && put_process(proc, 900, "late\n", 4, "/dev/null", LOOM("5", "0000:02:00.0", "1"));
	good = good && put_process(proc, 77, "serve r\n", 4, "/dev/null", LOOM("3", "0000:02:00.0", "2"));
	good = good && put_process(proc, 77, "serve r\n", 5, "/dev/null", LOOM("2", "0000:01:00.0", "3"));
	/* The same file once more, something that is no device, another driver's. */
	good = good && put_process(proc, 77, "serve r\n", 6, "/dev/null", LOOM("3", "0000:02:00.0", "2"));
	good = good && put_process(proc, 77, "serve r\n", 7, "/etc/passwd",
				   LOOM("9", "0000:03:00.0", "9"));
	good = good && put_process(proc, 77, "serve r\n", 8, "/dev/null", "drm-driver:\tother\n");
	good = good && put_process(proc, 78, "idle\n", 0, "/dev/null", "pos:\t0\n");
	snprintf(command, sizeof(command), "%s/self", proc);
	good = good && !mkdir(command, 0755);
	tap_ok(good, "a directory of processes");
	tap_ok(!clients_read(&clients, proc) && clients.count == 3 && !clients.hidden,
	       "three files of two processes");
	tap_ok(clients.count == 3 && clients.client[0].pid == 77 &&
	       !strcmp(clients.client[0].card, "0000:01:00.0") && clients.client[0].jobs == 3 &&
	       clients.client[1].id == 3 && !strcmp(clients.client[1].command, "serve r") &&
	       clients.client[2].pid == 900 && clients.client[2].uid == getuid(),
	       "by process and card, with name and owner");
	tap_ok(clients.count == 3 &&
	       clients_find(&clients, &clients.client[1]) == &clients.client[1] &&
	       !clients_find(&clients, &(struct client){ .pid = 77, .card = "0000:02:00.0", .id = 4 }),
	       "found again, and only what is there");
	clients_free(&clients);
	tap_ok(clients_read(&clients, "/nowhere") == EXIT_FAILED, "no such directory");
	snprintf(command, sizeof(command), "rm -rf %s", proc);
	tap_ok(!system(command), "cleaned up");
}

/* The names of passes are the library's, in its order. */
static void test_passes(void)
{
	struct accel_pass_info pass = ACCEL_INIT(pass);
	char names[400] = "";

	for (uint32_t i = 0; !accel_pass_get(i, &pass); i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%s", i ? " " : "",
			 pass.name);
	tap_ok(!strcmp(names, MODEL_PASSES), names);
}

/* What a terminal would act on, in one byte or two, and what is no text. */
static void test_texts(void)
{
	static const char *const texts[][2] = {
		{ "plain", "plain" }, { "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
		{ "a\033[31mb\n\x7f", "a?[31mb??" }, { "a\xc2\x9b" "31mb", "a??31mb" },
		{ "a\x9b" "31m", "a?31m" }, { "\xc2", "?" }, { "\xe2\x82", "??" }, { "\xed\xa0\x80", "???" },
		{ "\xc2\xa0", "\xc2\xa0" }, { "\xc0\x9b", "??" }, { "", "" },
	};
	char text[32];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		strcpy(text, texts[i][0]);
		tap_ok(!strcmp(text_clean(text), texts[i][1]), texts[i][1]);
	}
}

int main(void)
{
	struct card card;

	test_texts();
	test_numbers();
	test_stats();
	test_random();
	test_exits();
	test_headers();
	test_damage();
	test_compare();
	test_shapes();
	test_rows();
	test_fdinfo();
	test_processes();
	test_passes();
	if (!tap_ok(!card_open_queue(&card, "sim:", NULL), "a simulated card opens"))
		return tap_done();
	test_verify(&card, &(struct shape){ ACCEL_F32, 2, { 33, 17 } },
		    &(struct shape){ ACCEL_F32, 2, { 17, 29 } }, ACCEL_F32, "f32");
	test_verify(&card, &(struct shape){ ACCEL_BF16, 4, { 3, 1, 5, 7 } },
		    &(struct shape){ ACCEL_BF16, 3, { 4, 7, 9 } }, ACCEL_BF16, "bf16, batches");
	test_verify(&card, &(struct shape){ ACCEL_I8, 2, { 40, 31 } },
		    &(struct shape){ ACCEL_U8, 2, { 31, 11 } }, ACCEL_I32, "i8 x u8");
	/* Just beyond what is verified whole. */
	test_verify(&card, &(struct shape){ ACCEL_I8, 2, { 1100, 512 } },
		    &(struct shape){ ACCEL_I8, 2, { 512, 256 } }, ACCEL_I32, "rows of a large one");
	card_close(&card);
	return tap_done();
}
