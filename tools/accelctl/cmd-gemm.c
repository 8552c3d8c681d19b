// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "card.h"
#include "exit.h"
#include "interrupt.h"
#include "memory.h"
#include "message.h"
#include "npy.h"
#include "outfile.h"
#include "output.h"
#include "product.h"
#include "progress.h"
#include "stats.h"
#include "verify.h"

/* More multiply-adds than a plain engine does in the driver's usual 30 seconds. */
#define LONG_MACS	(1ull << 33)
/* The longest limit that drivers take. */
#define LONG_MS		600000

struct gemm {
	const struct args *args;
	struct card card;
	struct product product;
	struct npy a;
	struct npy b;
	struct npy bias;
	bool files;
	struct outfile out;
	uint64_t deadline;
	uint64_t runs;
	uint64_t *device_ns;
	uint64_t *host_ns;
	struct accel_result result;	/* of the last run */
	bool verified;
	struct verify verify;
};

/* --- Operands ---------------------------------------------------------------------------- */

static enum accel_dtype option_dtype(const struct args *args, const char *name)
{
	const char *text = args_text(args, name);

	return text ? accel_dtype_parse(text) : ACCEL_NONE;
}

static int from_sizes(struct gemm *gemm)
{
	const struct args *args = gemm->args;
	enum accel_dtype dtype = option_dtype(args, "dtype");
	uint32_t m = (uint32_t)args_number(args, "M"), n = (uint32_t)args_number(args, "N");
	uint32_t k = (uint32_t)args_number(args, "K"), batch = (uint32_t)args_number(args, "batch");
	struct product *product = &gemm->product;

	if (dtype == ACCEL_NONE)
		dtype = ACCEL_F32;
	if (args_given(args, "batch")) {
		product->a.shape = (struct shape){ dtype, 3, { batch, m, k } };
		product->b.shape = (struct shape){ dtype, 3, { batch, k, n } };
	} else {
		product->a.shape = (struct shape){ dtype, 2, { m, k } };
		product->b.shape = (struct shape){ dtype, 2, { k, n } };
	}
	return 0;
}

/* open_operand() - header of a file; its type as the card sees it. */
static int open_operand(struct gemm *gemm, const char *name, struct npy *npy,
			struct operand *operand)
{
	enum accel_dtype dtype = option_dtype(gemm->args, "dtype");
	int status = npy_open(npy, args_text(gemm->args, name));

	if (status)
		return status;
	operand->shape.dtype = npy->dtype;
	if (npy->rank > ACCEL_RANK_MAX) {
		complain("cannot use '%s': it has more than %d axes", npy->name, ACCEL_RANK_MAX);
		return EXIT_FAILED;
	}
	operand->shape.rank = npy->rank;
	memcpy(operand->shape.dims, npy->dims, sizeof(operand->shape.dims));
	if (operand == &gemm->product.bias)
		return 0;
	if (npy->dtype == ACCEL_U16) {
		if (dtype != ACCEL_BF16) {
			complain("cannot use '%s': its elements are uint16", npy->name);
			hint("give --dtype bf16 if they are bfloat16 numbers");
			return EXIT_FAILED;
		}
		operand->shape.dtype = ACCEL_BF16;
	} else if (dtype != ACCEL_NONE && dtype != npy->dtype) {
		complain("cannot use '%s': its elements are %s, not %s as --dtype says", npy->name,
			 accel_dtype_name(npy->dtype), accel_dtype_name(dtype));
		return EXIT_FAILED;
	}
	return 0;
}

static int from_files(struct gemm *gemm)
{
	int status = open_operand(gemm, "a", &gemm->a, &gemm->product.a);

	if (!status)
		status = open_operand(gemm, "b", &gemm->b, &gemm->product.b);
	if (!status && args_given(gemm->args, "bias"))
		status = open_operand(gemm, "bias", &gemm->bias, &gemm->product.bias);
	return status;
}

static const char *dims_text(const struct shape *shape, char text[96])
{
	int used = 0;

	for (uint32_t i = 0; i < shape->rank; i++)
		used += snprintf(text + used, 96 - (size_t)used, "%s%" PRIu32, i ? "," : "",
				 shape->dims[i]);
	text[used] = '\0';
	return text;
}

/* Sizes, types and memory: what can be known before a device is opened. */
static int plan(struct gemm *gemm)
{
	struct product *product = &gemm->product;
	enum accel_dtype dtype = product->a.shape.dtype, out = option_dtype(gemm->args, "out-dtype");
	uint64_t bytes, available = memory_available();
	char a[96], b[96], need[32], have[32];
	const char *reason;

	if (out == ACCEL_NONE)
		out = dtype == ACCEL_I8 || dtype == ACCEL_U8 ? ACCEL_I32 : ACCEL_F32;
	product->c.shape.dtype = out;
	reason = product_shape(product);
	if (reason) {
		complain("cannot multiply %s[%s] by %s[%s]: %s", accel_dtype_name(dtype),
			 dims_text(&product->a.shape, a), accel_dtype_name(product->b.shape.dtype),
			 dims_text(&product->b.shape, b), reason);
		return gemm->files ? EXIT_FAILED : EXIT_USAGE;
	}
	if (args_given(gemm->args, "prepack")) {
		if (product->b.shape.rank != 2) {
			complain("--prepack takes a b of two axes, this one has %u",
				 product->b.shape.rank);
			return EXIT_USAGE;
		}
		product->prepack = true;
	}
	if (!product_bytes(product, &bytes))
		bytes = UINT64_MAX;
	if (args_given(gemm->args, "verify") &&
	    __builtin_add_overflow(bytes, product->b.size, &bytes))
		bytes = UINT64_MAX;
	if (bytes > available) {
		complain("the matrices need %s of memory, %s are available",
			 format_bytes(need, (double)bytes), format_bytes(have, (double)available));
		return EXIT_USAGE;
	}
	return 0;
}

static int load(struct gemm *gemm)
{
	int status;

	if (!gemm->files)
		return product_fill(&gemm->product, args_number(gemm->args, "seed"));
	status = npy_read(&gemm->a, gemm->product.a.data);
	if (!status)
		status = npy_read(&gemm->b, gemm->product.b.data);
	if (!status && gemm->product.bias.buffer)
		status = npy_read(&gemm->bias, gemm->product.bias.data);
	return status;
}

/* --- Runs -------------------------------------------------------------------------------- */

static int run_all(struct gemm *gemm)
{
	int status = 0;

	if (gemm->product.pack)
		status = card_run(&gemm->card, gemm->product.pack, gemm->deadline, "packing",
				  &gemm->result);
	if (!status && gemm->product.pack && gemm->result.error)
		status = fail_job("packing", &gemm->result);
	progress_begin("multiplying", gemm->runs);
	for (uint64_t i = 0; i < gemm->runs && !status; i++) {
		uint64_t begin = accel_now();

		status = card_run(&gemm->card, gemm->product.program, gemm->deadline, "gemm",
				  &gemm->result);
		gemm->host_ns[i] = accel_now() - begin;
		if (!status && gemm->result.error)
			status = fail_job("gemm", &gemm->result);
		gemm->device_ns[i] = (uint64_t)(card_seconds(&gemm->card, &gemm->result) * 1e9);
		progress_update(i + 1);
	}
	progress_end();
	stats_sort(gemm->device_ns, gemm->runs);
	stats_sort(gemm->host_ns, gemm->runs);
	return status;
}

static double median(const uint64_t *ns, uint64_t runs)
{
	return (double)stats_percentile(ns, runs, 50) / 1e9;
}

static double utilisation(const struct gemm *gemm)
{
	double peak = (double)gemm->result.cycles * gemm->card.props.array_rows *
		      gemm->card.props.array_columns;

	return peak > 0 ? (double)gemm->product.macs / peak : 0;
}

/* --- Reports ----------------------------------------------------------------------------- */

static void describe_verify(const struct gemm *gemm, struct json_object *document)
{
	const struct verify *verify = &gemm->verify;
	struct json_object *object, *array;
	char bits[24];

	if (!gemm->verified) {
		doc_null(document, "verify");
		return;
	}
	object = doc_object(document, "verify");
	doc_bool(object, "equal", verify->equal);
	doc_string(object, "scope", verify->row ? "rows" : "all");
	doc_number(object, "outputs", verify->outputs);
	doc_number(object, "rows_checked", verify->rows);
	doc_number(object, "rows_total", verify->rows_total);
	if (verify->row) {
		doc_number(object, "seed", verify->seed);
		array = doc_array(object, "rows");
		for (uint64_t i = 0; i < verify->rows; i++)
			doc_append_number(array, verify->row[i]);
	}
	if (verify->equal)
		return;
	object = doc_object(object, "mismatch");
	array = doc_array(object, "index");
	for (uint32_t i = 0; i < gemm->product.c.shape.rank; i++)
		doc_append_number(array, verify->index[i]);
	snprintf(bits, sizeof(bits), "0x%0*" PRIx64,
		 (int)(2 * accel_dtype_size(gemm->product.c.shape.dtype)), verify->got);
	doc_string(object, "got", bits);
	snprintf(bits, sizeof(bits), "0x%0*" PRIx64,
		 (int)(2 * accel_dtype_size(gemm->product.c.shape.dtype)), verify->want);
	doc_string(object, "want", bits);
}

static void print_json(const struct gemm *gemm)
{
	const struct product *product = &gemm->product;
	struct json_object *document = doc_begin(gemm->args->command->schema), *object;
	double seconds = median(gemm->device_ns, gemm->runs);

	card_describe(&gemm->card, document);
	object = doc_object(document, "shape");
	doc_number(object, "m", product->m);
	doc_number(object, "n", product->n);
	doc_number(object, "k", product->k);
	doc_number(object, "batch", product->batch);
	object = doc_object(document, "types");
	doc_string(object, "a", accel_dtype_name(product->a.shape.dtype));
	doc_string(object, "b", accel_dtype_name(product->b.shape.dtype));
	doc_string(object, "c", accel_dtype_name(product->c.shape.dtype));
	doc_string(object, "bias", product->bias.buffer ?
		   accel_dtype_name(product->bias.shape.dtype) : NULL);
	doc_number(document, "macs", product->macs);
	doc_number(document, "runs", gemm->runs);
	object = doc_object(document, "observed");
	doc_real(object, "min_s", (double)gemm->device_ns[0] / 1e9);
	doc_real(object, "median_s", seconds);
	doc_real(object, "host_min_s", (double)gemm->host_ns[0] / 1e9);
	doc_real(object, "host_median_s", median(gemm->host_ns, gemm->runs));
	doc_real(object, "ops_per_s", 2 * (double)product->macs / seconds);
	object = doc_object(document, "modelled");
	doc_number(object, "cycles", gemm->result.cycles);
	doc_number(object, "bytes", gemm->result.bytes);
	doc_real(object, "energy_j", (double)gemm->result.energy_pj / 1e12);
	doc_real(object, "utilisation", utilisation(gemm));
	describe_verify(gemm, document);
	doc_string(document, "out", args_text(gemm->args, "out"));
	doc_print(document);
}

static void print_verify(const struct gemm *gemm)
{
	const struct verify *verify = &gemm->verify;
	char rows[256] = "";
	int used = 0;

	if (!verify->equal)
		return;
	if (!verify->row) {
		field("verified", "%sequal to the bit%s: every output (%" PRIu64 ")", style_good(),
		      style_end(), verify->outputs);
		return;
	}
	for (uint64_t i = 0; i < verify->rows && i < 8; i++)
		used += snprintf(rows + used, sizeof(rows) - (size_t)used, "%s%" PRIu64,
				 i ? ", " : "", verify->row[i]);
	field("verified", "%sequal to the bit%s: %" PRIu64 " of %" PRIu64 " rows, chosen with seed %"
	      PRIu64 ": %s%s", style_good(), style_end(), verify->rows, verify->rows_total,
	      verify->seed, rows, verify->rows > 8 ? ", ..." : "");
}

static void print_text(const struct gemm *gemm)
{
	const struct product *product = &gemm->product;
	bool integers = product->a.shape.dtype == ACCEL_I8 || product->a.shape.dtype == ACCEL_U8;
	double seconds = median(gemm->device_ns, gemm->runs);
	char a[96], b[96], c[96], one[32], two[32];

	card_field(&gemm->card);
	field("product", "%s[%s] x %s[%s]%s = %s[%s]", accel_dtype_name(product->a.shape.dtype),
	      dims_text(&product->a.shape, a), accel_dtype_name(product->b.shape.dtype),
	      dims_text(&product->b.shape, b), product->bias.buffer ? " + bias" : "",
	      accel_dtype_name(product->c.shape.dtype), dims_text(&product->c.shape, c));
	if (gemm->runs == 1)
		field("observed", "%s, %s", format_time(one, seconds),
		      format_rate(two, 2 * (double)product->macs / seconds,
				  integers ? "OP/s" : "FLOP/s"));
	else
		field("observed", "min %s, median %s of %" PRIu64 " runs, %s",
		      format_time(one, (double)gemm->device_ns[0] / 1e9), format_time(a, seconds),
		      gemm->runs, format_rate(two, 2 * (double)product->macs / seconds,
					      integers ? "OP/s" : "FLOP/s"));
	field("on the host", "median %s from submission to result",
	      format_time(one, median(gemm->host_ns, gemm->runs)));
	field("modelled", "%" PRIu64 " cycles, %s moved, %.3g %% of the array's peak, %.4g mJ",
	      gemm->result.cycles, format_bytes(one, (double)gemm->result.bytes),
	      100 * utilisation(gemm), (double)gemm->result.energy_pj / 1e9);
	if (gemm->verified)
		print_verify(gemm);
	if (gemm->out.name)
		field("written", "%s", gemm->out.name);
}

static int mismatch(const struct gemm *gemm)
{
	const struct verify *verify = &gemm->verify;
	int digits = (int)(2 * accel_dtype_size(gemm->product.c.shape.dtype));
	char index[128] = "";
	int used = 0;

	for (uint32_t i = 0; i < gemm->product.c.shape.rank; i++)
		used += snprintf(index + used, sizeof(index) - (size_t)used, "%s%" PRIu64,
				 i ? "," : "", verify->index[i]);
	complain("the result differs from the reference: element [%s] is 0x%0*" PRIx64
		 " and must be 0x%0*" PRIx64, index, digits, verify->got, digits, verify->want);
	return EXIT_MISMATCH;
}

/* --- The command ------------------------------------------------------------------------- */

static int usage(struct gemm *gemm)
{
	const struct args *args = gemm->args;
	bool a = args_given(args, "a"), b = args_given(args, "b");

	gemm->files = a || b;
	if (gemm->files) {
		if (!a || !b)
			return args_usage(args, "--a and --b belong together");
		if (args->arguments)
			return args_usage(args, "sizes come from the files of --a and --b");
		if (args_given(args, "batch") || args_given(args, "seed"))
			return args_usage(args, "--batch and --seed are for products without files");
	} else {
		if (args->arguments != 3)
			return args_usage(args, "give three sizes M N K, or files with --a and --b");
		if (args_given(args, "bias"))
			return args_usage(args, "--bias is for products of files");
	}
	if (output_json() && args_given(args, "out") && outfile_is_stdout(args_text(args, "out")))
		return args_usage(args, "the result and the JSON report cannot both go to standard "
				  "output");
	return 0;
}

static int write_out(struct gemm *gemm)
{
	const struct operand *c = &gemm->product.c;
	int status = npy_write(&gemm->out, c->shape.dtype, c->shape.rank, c->shape.dims, c->data,
			       c->size);

	return status ? status : outfile_commit(&gemm->out);
}

static int work(struct gemm *gemm)
{
	struct accel_queue_opts opts = ACCEL_INIT(opts);
	const char *out = args_text(gemm->args, "out");
	bool report;
	int status = gemm->files ? from_files(gemm) : from_sizes(gemm);

	if (!status)
		status = plan(gemm);
	if (!status && out)
		status = outfile_open(&gemm->out, out);
	/* Who asks for a long job may have it: the usual limit is for those that run away. */
	if (gemm->product.macs > LONG_MACS)
		opts.limit_ms = LONG_MS;
	if (args_given(gemm->args, "dump-contents"))
		opts.flags |= ACCEL_QUEUE_DUMP_CONTENTS;
	if (!status)
		status = card_open_queue(&gemm->card, args_text(gemm->args, "device"), &opts);
	if (!status)
		status = product_create(&gemm->product, &gemm->card);
	if (!status)
		status = load(gemm);
	if (!status)
		status = run_all(gemm);
	if (!status && args_given(gemm->args, "verify")) {
		status = verify_product(&gemm->product, args_number(gemm->args, "seed"),
					gemm->deadline, &gemm->verify);
		gemm->verified = !status;
		if (!status && !gemm->verify.equal)
			status = mismatch(gemm);
	}
	if (!status && out)
		status = write_out(gemm);
	/* The report of a mismatch is worth having; the wrong result is not. */
	report = !(out && outfile_is_stdout(out));
	if ((!status || status == EXIT_MISMATCH) && report) {
		if (output_json())
			print_json(gemm);
		else if (!status)
			print_text(gemm);
	}
	return status;
}

static int run(const struct args *args)
{
	struct gemm gemm = { .args = args, .a.fd = -1, .b.fd = -1, .bias.fd = -1 };
	int status = usage(&gemm);

	if (status)
		return status;
	gemm.deadline = deadline_in(args_seconds(args, "timeout"));
	gemm.runs = args_number(args, "repeat");
	gemm.device_ns = calloc(gemm.runs, sizeof(*gemm.device_ns));
	gemm.host_ns = calloc(gemm.runs, sizeof(*gemm.host_ns));
	if (!gemm.device_ns || !gemm.host_ns) {
		complain("out of memory");
		status = EXIT_FAILED;
	} else {
		status = work(&gemm);
	}
	outfile_abort(&gemm.out);
	verify_free(&gemm.verify);
	product_destroy(&gemm.product);
	card_close(&gemm.card);
	npy_close(&gemm.a);
	npy_close(&gemm.b);
	npy_close(&gemm.bias);
	free(gemm.device_ns);
	free(gemm.host_ns);
	return status;
}

#define SIZE_MAX_TEXT "1 to 2147483647"

const struct command command_gemm = {
	.noun = "gemm",
	.summary = "Multiply matrices on the card: random ones, or those of .npy files.",
	.text = "a is M x K, b is K x N, c is M x N. Observed times are of the card's clock and of "
		"the host; cycles, bytes moved and energy are those of the performance model.\n\n"
		"Files: a and b float32, float16, int8 or uint8, or uint16 with --dtype bf16, little-"
		"endian, C order, 2 to 6 axes of which the ones before the last two are a batch, "
		"broadcast as numpy does. Without --out-dtype c is float32 for floats and int32 for "
		"integers; bf16 is written as uint16. The output file is complete or not there.\n\n"
		"--verify recomputes with the reference engine in this process and demands equal bits: "
		"every output up to 2^27 multiply-adds, beyond that as many whole rows as fit, chosen "
		"with --seed; the report says which. A difference gives status 8, and no output.",
	.args = (const struct param[]){
		{ .name = "M", .kind = VALUE_NUMBER, .optional = true, .min = 1, .max = 0x7fffffff,
		  .help = "rows of a and c, " SIZE_MAX_TEXT },
		{ .name = "N", .kind = VALUE_NUMBER, .optional = true, .min = 1, .max = 0x7fffffff,
		  .help = "columns of b and c, " SIZE_MAX_TEXT },
		{ .name = "K", .kind = VALUE_NUMBER, .optional = true, .min = 1, .max = 0x7fffffff,
		  .help = "columns of a, rows of b, " SIZE_MAX_TEXT },
		{ 0 },
	},
	.options = (const struct param[]){
		{ .name = "dtype", .kind = VALUE_CHOICE, .value = "TYPE",
		  .choices = "f32 f16 bf16 i8 u8", .help = "type of a and b, f32 if not given" },
		{ .name = "out-dtype", .kind = VALUE_CHOICE, .value = "TYPE",
		  .choices = "f32 f16 bf16 i8 u8 i32",
		  .help = "type of c, f32 for floats and i32 for integers if not given" },
		{ .name = "batch", .kind = VALUE_NUMBER, .value = "B", .min = 1, .max = 0x7fffffff,
		  .fallback = "1", .help = "multiply that many pairs of matrices in one job" },
		{ .name = "a", .kind = VALUE_FILE, .value = "FILE", .help = "read a from a .npy file" },
		{ .name = "b", .kind = VALUE_FILE, .value = "FILE", .help = "read b from a .npy file" },
		{ .name = "bias", .kind = VALUE_FILE, .value = "FILE",
		  .help = "add a vector to each row of c: float32 for floats, int32 for integers" },
		{ .name = "out", .kind = VALUE_FILE, .value = "FILE",
		  .help = "write c to a .npy file; - is standard output, which then has no report" },
		{ .name = "prepack", .help = "pack b before the first run, as weights are; b is one matrix" },
		{ .name = "verify", .help = "compare c with the reference engine, to the bit" },
		{ .name = "repeat", .kind = VALUE_NUMBER, .value = "N", .min = 1, .max = 1000000,
		  .fallback = "1", .help = "run the product N times" },
		{ .name = "seed", .kind = VALUE_NUMBER, .value = "S", .min = 0, .max = UINT64_MAX,
		  .fallback = "1", .help = "of the random matrices and of the rows that are verified" },
		{ .name = "timeout", .kind = VALUE_SECONDS, .value = "SECONDS",
		  .help = "stop and end with status 7 when it takes longer" },
		{ .name = "dump-contents",
		  .help = "if the job fails, the driver's dump has the matrices" },
		{ 0 },
	},
	.schema = "accelctl.gemm/1",
	.examples = "gemm 1024 1024 1024 --dtype i8 --verify --repeat 10\n"
		    "gemm --a a.npy --b b.npy --out c.npy",
	.run = run,
};
