// SPDX-License-Identifier: MIT
#include <stdio.h>

#include <accel/accel.h>

#include "args.h"
#include "card.h"
#include "exit.h"
#include "output.h"

static int run(const struct args *args)
{
	struct card card = { 0 };
	bool device = args_given(args, "device");
	int status;

	if (device) {
		status = card_open(&card, args_text(args, "device"));
		if (status)
			return status;
	}
	if (output_json()) {
		struct json_object *document = doc_begin(args->command->schema);
		char text[32];

		doc_string(document, "accelctl", ACCEL_VERSION_STRING);
		doc_string(document, "libaccel", accel_version_string());
		if (device) {
			card_describe(&card, document);
			snprintf(text, sizeof(text), "%u.%u", card.props.driver_version >> 16,
				 card.props.driver_version & 0xffff);
			doc_string(document, "driver", text);
			snprintf(text, sizeof(text), "%u.%u", card.props.hw_version >> 16,
				 card.props.hw_version & 0xffff);
			doc_string(document, "card", text);
		}
		doc_print(document);
	} else {
		printf("accelctl %s\nlibaccel %s\n", ACCEL_VERSION_STRING, accel_version_string());
		if (device)
			printf("driver   %u.%u\ncard     %u.%u (%s)\n", card.props.driver_version >> 16,
			       card.props.driver_version & 0xffff, card.props.hw_version >> 16,
			       card.props.hw_version & 0xffff, card.props.model);
	}
	card_close(&card);
	return EXIT_OK;
}

const struct command command_version = {
	.noun = "version",
	.summary = "Show the versions of accelctl and libaccel, and with -d of driver and card.",
	.text = "They need not be equal: features are negotiated.",
	.schema = "accelctl.version/1",
	.examples = "version\nversion -d sim:",
	.run = run,
};
