/* SPDX-License-Identifier: MIT */
/*
 * What each operator of a model cost: as a table, in JSON, and as a trace for a browser.
 */
#ifndef ACCELCTL_PROFILE_H
#define ACCELCTL_PROFILE_H

#include <accel/accel.h>

#include "card.h"
#include "outfile.h"

struct json_object;

void profile_table(const struct accel_profile *profile, const struct card *card);

/* profile_json() - add an array "layers". */
void profile_json(const struct accel_profile *profile, const struct card *card,
		  struct json_object *document);

/* profile_trace() - write Chrome's trace format, without committing it. Return: 0 or an exit code, with a message. */
int profile_trace(const struct accel_profile *profile, const struct card *card,
		  struct outfile *file);

#endif
