// SPDX-License-Identifier: MIT
/*
 * The performance model in Documentation/hardware.rst is that of the card: the
 * constants of the profiles, and the examples, which are decoded and modelled here.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

static int count, failed;

static void ok(bool good, const char *what, const char *detail)
{
	printf("%sok %d - %s%s%s\n", good ? "" : "not ", ++count, what, *detail ? ": " : "", detail);
	failed += !good;
}

/* The line of the manual that begins with @key, its numbers without blanks and commas. */
static bool constants(const char *text, const char *key, uint32_t *loom1, uint32_t *tpuv1)
{
	const char *line = strstr(text, key);

	return line && sscanf(line + strlen(key), " %" SCNu32 " %" SCNu32, loom1, tpuv1) == 2;
}

static void check_constants(const char *text)
{
	const struct loom_profile *a = loom_profile_find(LOOM_PROFILE_LOOM1);
	const struct loom_profile *b = loom_profile_find(LOOM_PROFILE_TPUV1);
	const struct {
		const char *key;
		uint32_t loom1, tpuv1;
	} table[] = {
				{ "\n``CLOCK_KHZ``", a->clock_khz, b->clock_khz },
		{ "\n``SRAM_KIB``", a->sram_kib, b->sram_kib },
		{ "\n``LOCAL_MBPS``", a->local_mbps, b->local_mbps },
		{ "\n``HOST_MBPS``", a->host_mbps, b->host_mbps },
		{ "\nlaunch: least cycles of a packet", a->launch_cycles, b->launch_cycles },
		{ "\nfJ per multiply-add, 8-bit", a->fj_mac_i8, b->fj_mac_i8 },
		{ "\nfJ per multiply-add, F16, BF16", a->fj_mac_f16, b->fj_mac_f16 },
		{ "\nfJ per multiply-add, F32", a->fj_mac_f32, b->fj_mac_f32 },
		{ "\nfJ per vector operation", a->fj_vector_op, b->fj_vector_op },
		{ "\nfJ per byte of SRAM", a->fj_byte_sram, b->fj_byte_sram },
		{ "\nfJ per byte of local memory", a->fj_byte_local, b->fj_byte_local },
		{ "\nfJ per byte over the host link", a->fj_byte_host, b->fj_byte_host },
		{ "\nstatic power in mW", a->static_mw, b->static_mw },
	};

	ok(strstr(text, "\nR, C: rows, columns of the array    256, 256   256, 256\n") &&
	   a->rows == 256 && a->columns == 256 && b->rows == 256 && b->columns == 256,
	   "constants", "array");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		uint32_t loom1, tpuv1;

		ok(constants(text, table[i].key, &loom1, &tpuv1) && loom1 == table[i].loom1 &&
		   tpuv1 == table[i].tpuv1, "constants", table[i].key + 1);
	}
}

static void matrix(struct loom_tensor *t, unsigned int dtype, uint32_t rows, uint32_t columns)
{
	*t = (struct loom_tensor){
		.va = 0x100000, .dtype = (uint8_t)dtype, .rank = 2,
		.dims = { rows, columns }, .strides = { columns, 1 },
	};
}

static unsigned int dtype_named(const char *name)
{
	static const char *const names[] = {
		[LOOM_DTYPE_F32] = "F32", [LOOM_DTYPE_F16] = "F16", [LOOM_DTYPE_BF16] = "BF16",
		[LOOM_DTYPE_I8] = "I8", [LOOM_DTYPE_U8] = "U8", [LOOM_DTYPE_I32] = "I32",
	};

	for (unsigned int i = 1; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i], name))
			return i;
	return LOOM_DTYPE_NONE;
}

/* One row of the examples: "loom1 4096 x 4096 x 4096 I8 I32 cycles bytes energy". */
static bool check_example(const char *row)
{
	char profile[8], in[8], out[8];
	uint32_t m, n, k, size;
	uint64_t cycles, bytes, energy;
	struct loom_pkt_gemm pkt = {
		.header = { .opcode = LOOM_OP_GEMM, .version = LOOM_PKT_VERSION,
			    .size = sizeof(pkt) },
	};
	struct loom_decode_error error;
	struct loom_model model;
	struct loom_work work;

	if (sscanf(row, "%7s %" SCNu32 " x %" SCNu32 " x %" SCNu32 " %7s %7s %" SCNu64
		   " %" SCNu64 " %" SCNu64, profile, &m, &n, &k, in, out, &cycles, &bytes,
		   &energy) != 9)
		return false;
	matrix(&pkt.c, dtype_named(out), m, n);
	matrix(&pkt.a, dtype_named(in), m, k);
	matrix(&pkt.b, dtype_named(in), k, n);
	if (loom_packet_decode(&pkt, sizeof(pkt), false, loom_engine_find("reference"), &work,
			       &size, &error))
		return false;
	loom_model_packet(loom_profile_find(strcmp(profile, "tpuv1") ? LOOM_PROFILE_LOOM1 :
					    LOOM_PROFILE_TPUV1), &work, 0, &model);
	if (model.cycles == cycles && model.bytes_local == bytes && model.energy_pj == energy)
		return true;
	printf("# the card says %" PRIu64 " cycles, %" PRIu64 " bytes, %" PRIu64 " pJ\n",
	       model.cycles, model.bytes_local, model.energy_pj);
	return false;
}

static void check_examples(char *text)
{
	char *line = strstr(text, "Examples, all operands in local memory");
	unsigned int examples = 0;

	for (line = line ? strtok(line, "\n") : NULL; line; line = strtok(NULL, "\n")) {
		if (!strncmp(line, "The first uses", 14))
			break;
		if (strncmp(line, "loom1 ", 6) && strncmp(line, "tpuv1 ", 6))
			continue;
		examples++;
		ok(check_example(line), "example", line);
	}
	ok(examples >= 6, "there are examples", "");
}

int main(void)
{
	static char text[256 << 10];
	FILE *in = fopen("Documentation/hardware.rst", "r");

	if (!in || !fread(text, 1, sizeof(text) - 1, in)) {
		printf("Bail out! Documentation/hardware.rst cannot be read\n");
		return EXIT_FAILURE;
	}
	fclose(in);
	check_constants(text);
	check_examples(text);
	printf("1..%d\n", count);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
