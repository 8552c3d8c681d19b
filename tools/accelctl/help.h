/* SPDX-License-Identifier: MIT */
/*
 * Help and the manual page's lists, from the table of commands.
 */
#ifndef ACCELCTL_HELP_H
#define ACCELCTL_HELP_H

/*
 * help_command() - help on a command, on all commands of a noun, or (@noun NULL) on all:
 * 0, or -1 if there is no such command.
 */
int help_command(const char *noun, const char *verb);

/* help_roff() - sections COMMANDS, OPTIONS and EXIT STATUS of accelctl(1). */
void help_roff(void);

#endif
