// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "card.h"
#include "digits.h"
#include "exit.h"
#include "interrupt.h"
#include "message.h"
#include "network.h"
#include "output.h"
#include "progress.h"
#include "stats.h"
#include "table.h"

struct outcome {
	const char *name;
	uint32_t correct;
	uint32_t expected_correct;
	uint32_t differing;	/* answers that are not numpy's */
	bool logits_checked;
	bool logits_equal;
	uint32_t crc32;
	uint64_t passes;
	double seconds;
	bool good;
};

static int measure(struct network *network, uint64_t seconds_ns, uint64_t deadline,
		   struct outcome *outcome)
{
	uint64_t begin = accel_now(), now = begin;
	int status = 0;

	progress_begin("classifying", seconds_ns);
	while (!status && now - begin < seconds_ns) {
		status = network_run(network, deadline);
		outcome->passes++;
		now = accel_now();
		progress_update(now - begin);
	}
	progress_end();
	outcome->seconds = (double)(now - begin) / 1e9;
	return status;
}

static int classify(const struct args *args, struct card *card, const struct digits *digits,
		    bool integers, uint64_t deadline, uint8_t *answers, struct outcome *outcome)
{
	const uint8_t *wanted = integers ? digits->i8_predicted : digits->f32_predicted;
	struct network network;
	int status;

	outcome->name = integers ? "i8" : "f32";
	outcome->expected_correct = integers ? digits->i8_correct : digits->f32_correct;
	status = network_create(&network, card, digits, integers,
				(uint32_t)args_number(args, "batch"));
	if (!status)
		status = network_run(&network, deadline);
	if (!status) {
		for (uint32_t i = 0; i < digits->images; i++) {
			answers[i] = network_answer(&network, i);
			outcome->correct += answers[i] == digits->label[i];
			outcome->differing += answers[i] != wanted[i];
		}
		outcome->crc32 = crc32_of(network.logits, (size_t)digits->images *
					  digits->classes * sizeof(float));
		/* Only the integer network's logits are the same bits in numpy. */
		outcome->logits_checked = integers;
		outcome->logits_equal = integers && outcome->crc32 == digits->i8_crc32;
		outcome->good = !outcome->differing &&
				outcome->correct == outcome->expected_correct &&
				(!integers || outcome->logits_equal);
		status = measure(&network, args_seconds(args, "seconds"), deadline, outcome);
	}
	network_destroy(&network);
	return status;
}

static double rate(const struct digits *digits, const struct outcome *outcome)
{
	return outcome->seconds > 0 ?
	       (double)outcome->passes * digits->images / outcome->seconds : 0;
}

/* Up to four images side by side, two columns of a terminal for each of their pixels. */
static void show(const struct digits *digits, const uint8_t *answers, uint32_t count)
{
	static const char ink[] = " .:-=+*#%@";
	/* The images are 8 x 8 dots of 0..16. */
	const uint32_t side = 8;

	for (uint32_t first = 0; first < count; first += 4) {
		uint32_t end = first + 4 < count ? first + 4 : count;

		for (uint32_t y = 0; y < side; y++) {
			for (uint32_t i = first; i < end; i++) {
				printf("  ");
				for (uint32_t x = 0; x < side; x++) {
					uint32_t dot = digits->pixel[i * digits->pixels + y * side + x];
					char c = ink[dot >= 16 ? 9 : dot * 9 / 16];

					printf("%c%c", c, c);
				}
			}
			putchar('\n');
		}
		for (uint32_t i = first; i < end; i++) {
			bool right = answers[i] == digits->label[i];

			printf("  %sread as %u%s%s", right ? style_good() : style_bad(), answers[i],
			       right ? "       " : ", wrong", style_end());
		}
		printf("\n\n");
	}
}

static void print_json(const struct args *args, const struct card *card,
		       const struct digits *digits, const struct outcome *outcomes)
{
	struct json_object *document = doc_begin(args->command->schema);
	struct json_object *array;

	card_describe(card, document);
	doc_string(document, "data", digits->path);
	doc_number(document, "images", digits->images);
	doc_number(document, "batch", args_number(args, "batch"));
	array = doc_array(document, "networks");
	for (unsigned int i = 0; i < 2; i++) {
		struct json_object *network = doc_append_object(array), *object;

		doc_string(network, "dtype", outcomes[i].name);
		doc_number(network, "correct", outcomes[i].correct);
		doc_number(network, "expected_correct", outcomes[i].expected_correct);
		doc_real(network, "accuracy", (double)outcomes[i].correct / digits->images);
		doc_number(network, "predictions_differing", outcomes[i].differing);
		if (outcomes[i].logits_checked)
			doc_bool(network, "logits_equal", outcomes[i].logits_equal);
		else
			doc_null(network, "logits_equal");
		doc_bool(network, "good", outcomes[i].good);
		object = doc_object(network, "observed");
		doc_number(object, "images", outcomes[i].passes * digits->images);
		doc_real(object, "seconds", outcomes[i].seconds);
		doc_real(object, "images_per_s", rate(digits, &outcomes[i]));
	}
	doc_print(document);
}

static void print_text(const struct card *card, const struct digits *digits,
		       const struct outcome *outcomes)
{
	static const char *const heads[] = { "NETWORK", ">CORRECT", ">ACCURACY", "ANSWERS", "LOGITS",
					     ">IMAGES/S" };
	struct table table;

	card_field(card);
	field("images", "%" PRIu32 " handwritten digits, held out of the training", digits->images);
	table_begin(&table, heads, sizeof(heads) / sizeof(*heads));
	for (unsigned int i = 0; i < 2; i++) {
		char number[32];

		table_cell(&table, "%s", outcomes[i].name);
		table_cell(&table, "%" PRIu32 "/%" PRIu32, outcomes[i].correct, digits->images);
		table_cell(&table, "%.2f %%", 100.0 * outcomes[i].correct / digits->images);
		if (outcomes[i].differing)
			table_cell(&table, "%" PRIu32 " differ", outcomes[i].differing);
		else
			table_cell(&table, "as numpy's");
		table_cell(&table, "%s", !outcomes[i].logits_checked ? "-" :
			   outcomes[i].logits_equal ? "equal to the bit" : "differ");
		table_cell(&table, "%s", outcomes[i].passes ?
			   format_rate(number, rate(digits, &outcomes[i]), "") : "-");
	}
	table_end(&table);
}

static int judge(const struct outcome *outcomes)
{
	int status = EXIT_OK;

	for (unsigned int i = 0; i < 2; i++) {
		if (outcomes[i].good)
			continue;
		complain("%s: %" PRIu32 " images right where %" PRIu32 " are expected, %" PRIu32
			 " answers differ from numpy's%s", outcomes[i].name, outcomes[i].correct,
			 outcomes[i].expected_correct, outcomes[i].differing,
			 outcomes[i].logits_checked && !outcomes[i].logits_equal ?
			 ", logits differ" : "");
		status = EXIT_MISMATCH;
	}
	return status;
}

static int run(const struct args *args)
{
	uint64_t deadline = deadline_in(args_seconds(args, "timeout"));
	uint64_t count = args_number(args, "show");
	const char *data = args_text(args, "data");
	struct outcome outcomes[2] = { 0 };
	struct card card = { 0 };
	struct digits digits;
	uint8_t *answers;
	int status;

	if (!data && getenv("ACCELCTL_DATA") && *getenv("ACCELCTL_DATA"))
		data = getenv("ACCELCTL_DATA");
	status = digits_load(&digits, data);
	if (status)
		return status;
	answers = calloc(digits.images, 1);
	if (!answers) {
		complain("out of memory");
		status = EXIT_FAILED;
	}
	if (!status)
		status = card_open_queue(&card, args_text(args, "device"), NULL);
	for (unsigned int i = 0; i < 2 && !status; i++)
		status = classify(args, &card, &digits, i, deadline, answers, &outcomes[i]);
	if (!args_given(args, "show"))
		count = output_terminal() ? 4 : 0;
	if (count > digits.images)
		count = digits.images;
	if (!status && output_json()) {
		print_json(args, &card, &digits, outcomes);
	} else if (!status) {
		if (count && digits.pixels == 64)
			show(&digits, answers, (uint32_t)count);
		print_text(&card, &digits, outcomes);
	}
	if (!status)
		status = judge(outcomes);
	free(answers);
	card_close(&card);
	digits_free(&digits);
	return status;
}

const struct command command_demo_digits = {
	.noun = "demo",
	.verb = "digits",
	.summary = "Classify 450 images of handwritten digits on the card.",
	.text = "A network of three layers (64-64-32-10) in f32 and in i8. The answers must be those "
		"that numpy gives with the same weights, and the i8 logits the same bits; else the "
		"status is 8. The images are real: UCI's handwritten digits.",
	.options = (const struct param[]){
		{ .name = "data", .kind = VALUE_DIRECTORY, .value = "DIR",
		  .help = "directory of images and weights, or $ACCELCTL_DATA (default: as installed)" },
		{ .name = "batch", .kind = VALUE_NUMBER, .value = "N", .min = 1, .max = 1000000,
		  .fallback = "64", .help = "images per job" },
		{ .name = "seconds", .kind = VALUE_SECONDS, .value = "SECONDS", .fallback = "0.5",
		  .help = "measure throughput for that long, for each network" },
		{ .name = "show", .kind = VALUE_NUMBER, .value = "N", .min = 0, .max = 1000000,
		  .help = "draw the first N images; 4 if not given and on a terminal" },
		{ .name = "timeout", .kind = VALUE_SECONDS, .value = "SECONDS",
		  .help = "stop and end with status 7 when it takes longer" },
		{ 0 },
	},
	.schema = "accelctl.demo.digits/1",
	.examples = "demo digits\ndemo digits -d sim: --show 8",
	.run = run,
};
