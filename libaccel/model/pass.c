// SPDX-License-Identifier: MIT
#include <string.h>

#include "../sized.h"
#include "pass.h"

const struct pass passes[] = {
	{ "sink", "move integers instead of the numbers that they stand for", false, pass_sink },
	{ "qdq", "multiply integers instead of the numbers that they stand for", true, pass_qdq },
	{ "fold", "compute what depends on constants alone", false, pass_fold },
	{ "norm", "make one operator of what a normalisation consists of", true, pass_norm },
	{ "gelu", "make one operator of what a GELU consists of", true, pass_gelu },
	{ "gather", "look rows up on the card, by indices that are checked before", false, pass_gather },
	{ "pad", "let convolutions and pools see the padding that comes before them", false, pass_pad },
	{ "bias", "let matrix products add their bias", false, pass_bias },
	{ "batchnorm", "make factors and sums for each channel part of weights and bias", true,
	  pass_batchnorm },
	{ "residual", "let products scale their results and add what is added to them", false,
	  pass_residual },
	{ "activation", "let products and sums apply the activation that follows", false,
	  pass_activation },
	{ "weights", "lay weights of convolutions out as the card reads them", false, pass_weights },
	{ "view", "let results that are only another shape share their operand's memory", false,
	  pass_view },
	{ "dead", "drop what no output needs", false, pass_dead },
	{ "place", "compute what is put together where it comes to lie, and read parts where they are",
	  false, pass_place },
	{ "channels", "lay images out with the channels of a place together", false, pass_channels },
	{ 0 },
};

static bool known(const char *name)
{
	for (const struct pass *p = passes; p->name; p++)
		if (!strcmp(p->name, name))
			return true;
	return false;
}

static bool without(const struct accel_session_opts *opts, const char *name)
{
	for (size_t i = 0; i < opts->nwithout; i++)
		if (!strcmp(opts->without[i], name))
			return true;
	return false;
}

int pass_run(struct ir_graph *g, const struct accel_session_opts *opts, const char *after)
{
	for (size_t i = 0; i < opts->nwithout; i++)
		if (!opts->without[i] || !known(opts->without[i]))
			return err(-EINVAL, NULL, "there is no pass '%.64s'",
				   opts->without[i] ? opts->without[i] : "");
	if (after && !after[0])
		return 0;
	if (after && !known(after))
		return err(-EINVAL, NULL, "there is no pass '%.64s'", after);
	for (const struct pass *p = passes; p->name && !g->error; p++) {
		if (!without(opts, p->name))
			p->run(g);
		if (after && !strcmp(after, p->name))
			break;
	}
	pass_uses(g);
	return g->error;
}

void pass_uses(struct ir_graph *g)
{
	for (struct ir_node *n = g->first; n; n = n->next) {
		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i])
				n->in[i]->uses = 0;
		for (uint32_t i = 0; i < n->nout; i++)
			if (n->out[i])
				n->out[i]->uses = 0;
	}
	for (struct ir_node *n = g->first; n; n = n->next)
		for (uint32_t i = 0; i < n->nin; i++)
			if (n->in[i])
				n->in[i]->uses++;
	for (uint32_t i = 0; i < g->noutputs; i++)
		g->outputs[i]->uses++;
}

ACCEL_API int accel_pass_get(uint32_t i, struct accel_pass_info *info)
{
	API_ENTER;
	struct accel_pass_info out = ACCEL_INIT(out);

	if (!info)
		return err(-EINVAL, NULL, "info is NULL");
	for (uint32_t k = 0; passes[k].name; k++) {
		if (k != i)
			continue;
		out.name = passes[k].name;
		out.summary = passes[k].summary;
		out.numeric = passes[k].numeric;
		return sized_out(info, &out, sizeof(out), "struct accel_pass_info");
	}
	return err(-EINVAL, NULL, "there is no pass %u", i);
}
