// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "exit.h"

static void print_options(const struct param *params)
{
	for (; params && params->name; params++) {
		printf(" --%s", params->name);
		if (params->letter)
			printf(" -%c", params->letter);
	}
}

/* One case of "what may follow this option". */
static void print_value(const struct param *param, const char *command)
{
	const char *what = NULL;

	switch (param->kind) {
	case VALUE_NONE:
		return;
	case VALUE_CHOICE:
		what = param->choices;
		break;
	default:
		break;
	}
	printf("\t'%s --%s'", command, param->name);
	if (param->letter)
		printf(" | '%s -%c'", command, param->letter);
	printf(") ");
	if (what)
		printf("COMPREPLY=($(compgen -W '%s' -- \"$cur\"))", what);
	else if (param->kind == VALUE_FILE)
		printf("compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\"))");
	else if (param->kind == VALUE_DIRECTORY)
		printf("compopt -o filenames; COMPREPLY=($(compgen -d -- \"$cur\"))");
	else if (param->kind == VALUE_DEVICE)
		printf("_accelctl_devices");
	else
		printf(":");
	printf("; return ;;\n");
}

static void print_verbs(const char *noun)
{
	for (size_t i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->noun, noun) && !commands[i]->hidden)
			printf(" %s", commands[i]->verb);
}

/* Whether commands[@i] is the first of its noun that is shown. */
static bool first_of_noun(size_t i)
{
	if (commands[i]->hidden)
		return false;
	for (size_t k = 0; k < i; k++)
		if (!commands[k]->hidden && !strcmp(commands[k]->noun, commands[i]->noun))
			return false;
	return true;
}

static void print_nouns(void)
{
	for (size_t i = 0; commands[i]; i++)
		if (first_of_noun(i))
			printf(" %s", commands[i]->noun);
}

static int run(const struct args *args)
{
	char name[64];

	(void)args;
	printf("# bash completion for accelctl: source <(accelctl completion bash)\n\n"
	       "_accelctl_devices() {\n"
	       "\tlocal IFS=$'\\n'\n"
	       /* Of words with colons bash hands over only what follows the last one. */
	       "\tCOMPREPLY=($(compgen -W \"sim:\" -- \"$cur\") $(compgen -G \"$cur*\" -- \"$cur\" |"
	       " grep '^/dev/accel/'))\n"
	       "}\n\n"
	       "_accelctl() {\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}"
	       " noun= verb= command= i\n"
	       "\tCOMPREPLY=()\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tcase ${COMP_WORDS[i]} in\n\t\t");
	for (const struct param *p = global_options; p->name; p++) {
		if (p->kind == VALUE_NONE)
			continue;
		printf("%s--%s", p == global_options ? "" : " | ", p->name);
		if (p->letter)
			printf(" | -%c", p->letter);
	}
	printf(") ((i++)) ;;\n"
	       "\t\t-*) ;;\n"
	       "\t\t*)\n"
	       "\t\t\tif [ -z \"$noun\" ]; then noun=${COMP_WORDS[i]}\n"
	       "\t\t\telif [ -z \"$verb\" ]; then verb=${COMP_WORDS[i]}; fi ;;\n"
	       "\t\tesac\n"
	       "\tdone\n"
	       "\tcommand=$noun\n"
	       "\tcase $noun in\n\t");
	for (size_t i = 0, n = 0; commands[i]; i++)
		if (commands[i]->verb && first_of_noun(i))
			printf("%s%s", n++ ? " | " : "", commands[i]->noun);
	printf(") command=\"$noun${verb:+ $verb}\" ;;\n"
	       "\tesac\n\n"
	       "\tcase \"global $prev\" in\n");
	for (const struct param *p = global_options; p->name; p++)
		print_value(p, "global");
	printf("\tesac\n"
	       "\tcase \"$command $prev\" in\n");
	for (size_t i = 0; commands[i]; i++) {
		snprintf(name, sizeof(name), "%s%s%s", commands[i]->noun, commands[i]->verb ? " " : "",
			 commands[i]->verb ? commands[i]->verb : "");
		for (const struct param *p = commands[i]->options; p && p->name; p++)
			if (!commands[i]->hidden)
				print_value(p, name);
	}
	printf("\tesac\n\n"
	       "\tlocal words=\n"
	       "\tif [ \"${cur:0:1}\" = - ]; then\n"
	       "\t\tcase $command in\n");
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->hidden || !commands[i]->options)
			continue;
		printf("\t\t'%s%s%s') words='", commands[i]->noun, commands[i]->verb ? " " : "",
		       commands[i]->verb ? commands[i]->verb : "");
		print_options(commands[i]->options);
		printf("' ;;\n");
	}
	printf("\t\tesac\n\t\twords+='");
	print_options(global_options);
	printf("'\n\telse\n\t\tcase $command in\n\t\t'') words='");
	print_nouns();
	printf("' ;;\n");
	for (size_t i = 0; commands[i]; i++) {
		if (commands[i]->hidden || !commands[i]->args || commands[i]->args->kind != VALUE_FILE)
			continue;
		printf("\t\t'%s%s%s') compopt -o filenames; COMPREPLY=($(compgen -f -- \"$cur\")); "
		       "return ;;\n", commands[i]->noun, commands[i]->verb ? " " : "",
		       commands[i]->verb ? commands[i]->verb : "");
	}
	for (size_t i = 0; commands[i]; i++) {
		if (!commands[i]->verb || !first_of_noun(i))
			continue;
		printf("\t\t%s) words='", commands[i]->noun);
		print_verbs(commands[i]->noun);
		printf("' ;;\n");
	}
	printf("\t\thelp)\n\t\t\tcase $verb in\n\t\t\t'') words='");
	print_nouns();
	printf("' ;;\n");
	for (size_t i = 0; commands[i]; i++) {
		if (!commands[i]->verb || !first_of_noun(i))
			continue;
		printf("\t\t\t%s) words='", commands[i]->noun);
		print_verbs(commands[i]->noun);
		printf("' ;;\n");
	}
	printf("\t\t\tesac ;;\n\t\tesac\n\tfi\n"
	       "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
	       "}\n\n"
	       "complete -F _accelctl accelctl\n");
	return EXIT_OK;
}

const struct command command_completion_bash = {
	.noun = "completion",
	.verb = "bash",
	.summary = "Print a completion script for bash.",
	.text = "Put it into the file accelctl of bash's completion directory, or into ~/.bashrc: "
		"source <(accelctl completion bash)",
	.run = run,
};
