/* SPDX-License-Identifier: MIT */
/*
 * What a figure depends on: the machine and the software that it was measured with.
 */
#ifndef ACCELCTL_FACTS_H
#define ACCELCTL_FACTS_H

struct card;
struct json_object;

/* facts_describe() - the "machine" member; facts_fields() - the lines for people. */
void facts_describe(const struct card *card, struct json_object *document);
void facts_fields(const struct card *card);

#endif
