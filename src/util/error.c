/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filling in a failure. It must not print: the text travels up to main().
 */
#include <stdarg.h>
#include <stdio.h>

#include <kmem-analyze/error.h>

int kma_fail(struct kma_error *err, enum kma_error_code code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		err->code = code;
		va_start(ap, fmt);
		if (vsnprintf(err->message, sizeof(err->message), fmt, ap) < 0)
			err->message[0] = '\0';
		va_end(ap);
	}
	return -1;
}
