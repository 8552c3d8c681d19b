// SPDX-License-Identifier: MIT
#include "text.h"

#include <stdbool.h>

size_t text_utf8(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : (*s & 0xf0) == 0xe0 ? 3 :
		   *s >= 0xf0 && *s < 0xf5 ? 4 : 0;

	for (size_t k = 1; k < n; k++)
		if ((s[k] & 0xc0) != 0x80)
			return 0;
	/* Overlong, surrogates, beyond U+10FFFF. */
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] > 0x9f) ||
	    (*s == 0xf0 && s[1] < 0x90) || (*s == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

size_t text_shown(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = text_utf8(text);
	/* C0, DEL and, as UTF-8, C1: the latter begin sequences as ESC does. */
	bool control = *s < 0x20 || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0);

	return control ? 0 : n;
}

char *text_clean(char *text)
{
	char *c = text;

	while (*c) {
		size_t n = text_shown(c);

		if (n)
			c += n;
		else
			*c++ = '?';
	}
	return text;
}
