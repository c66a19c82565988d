/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of options; see option_values.h. */
#include "cli/option_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/config.h"

int kma_parse_count(const char *text, const char *option, unsigned int *value,
		    struct kma_error *err)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n > 1000000)
		return kma_fail(err, KMA_ERR_USAGE, "--%s takes a number up to 1000000, not \"%s\"",
				option, text);
	*value = n;
	return 0;
}

/* "500M": a number with a unit of 1024; without one it counts 1 << @plain bytes. */
static bool parse_bytes(const char *text, unsigned int plain, uint64_t *bytes)
{
	static const char units[] = "KMGTkmgt";
	unsigned int shift = plain;
	const char *unit;
	uint64_t n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		shift = 10 * ((unit - units) % 4 + 1);
		end++;
	}
	if (*text < '0' || *text > '9' || *end || errno || n > UINT64_MAX >> shift)
		return false;
	*bytes = n << shift;
	return true;
}

int kma_parse_size(const char *text, const char *option, uint64_t *value, struct kma_error *err)
{
	if (parse_bytes(text, 0, value) && *value)
		return 0;
	return kma_fail(err, KMA_ERR_USAGE, "--%s takes a size like 500M or 20G, not \"%s\"",
			option, text);
}

/* "12.5" or "+0.25": seconds, to the nanosecond */
int kma_parse_time(const char *text, const char *option, struct kma_time_limit *limit,
		   struct kma_error *err)
{
	const char *p = text;
	uint64_t seconds = 0, ns = 0, unit = 1000000000;
	bool digits = false;

	*limit = (struct kma_time_limit){ .set = true, .relative = *p == '+' };
	if (limit->relative)
		p++;
	for (; *p >= '0' && *p <= '9' && seconds < UINT64_MAX / 20000000000; p++, digits = true)
		seconds = 10 * seconds + (*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, digits = true)
			ns += (*p - '0') * (unit /= 10);
	if (*p || !digits)
		return kma_fail(
			err, KMA_ERR_USAGE,
			"--%s takes seconds, like 12.5, or +2.5 from the trace's start, not \"%s\"",
			option, text);
	limit->ns = seconds * 1000000000 + ns;
	return 0;
}

/* "10s", "500ms", "5m", "10": seconds when nothing else is said */
int kma_parse_duration(const char *text, const char *option, uint64_t *ns, struct kma_error *err)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "s", 1e9 }, { "", 1e9 }, { "ms", 1e6 }, { "m", 6e10 }, { "h", 3.6e12 } };
	double value;
	char *end;

	value = strtod(text, &end);
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		double all = value * units[i].ns;

		if (strcmp(end, units[i].name) || *text < '0' || *text > '9' || !(all >= 1e6) ||
		    all > 3.6e15)
			continue;
		*ns = (uint64_t)all;
		return 0;
	}
	return kma_fail(err, KMA_ERR_USAGE,
			"--%s takes a time from 1ms to 1000h, like 10s, 500ms or 5m, not \"%s\"",
			option, text);
}

/* KiB when nothing else is said, as in trace-cmd record -b */
int kma_parse_buffer_size(const char *text, uint32_t *kbytes, struct kma_error *err)
{
	uint64_t bytes;

	if (!parse_bytes(text, 10, &bytes) || bytes < UINT64_C(8) << 10 ||
	    bytes > UINT64_C(16) << 30)
		return kma_fail(err, KMA_ERR_USAGE,
				"--buffer-size takes 8K to 16G for each CPU, like 8M or 512K, not "
				"\"%s\"",
				text);
	*kbytes = (uint32_t)(bytes >> 10);
	return 0;
}

static int compare_cpus(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* "0,2-5" */
int kma_parse_cpus(const char *text, struct kma_config *config, struct kma_error *err)
{
	const char *p = text;

	free(config->cpus);
	config->cpus = NULL;
	config->nr_cpus = 0;
	do {
		unsigned long first, last;
		uint32_t *cpus;
		char *end;

		if (*p < '0' || *p > '9')
			goto bad;
		first = last = strtoul(p, &end, 10);
		if (*end == '-') {
			p = end + 1;
			if (*p < '0' || *p > '9')
				goto bad;
			last = strtoul(p, &end, 10);
		}
		if (last < first || last > UINT16_MAX || (*end && *end != ',') ||
		    config->nr_cpus > UINT16_MAX)
			goto bad;
		cpus = realloc(config->cpus, (config->nr_cpus + last - first + 1) * sizeof(*cpus));
		if (!cpus)
			return kma_fail(err, KMA_ERR_INTERNAL, "out of memory");
		config->cpus = cpus;
		for (; first <= last; first++)
			cpus[config->nr_cpus++] = first;
		p = *end ? end + 1 : end;
	} while (*p);
	qsort(config->cpus, config->nr_cpus, sizeof(*config->cpus), compare_cpus);
	return 0;
bad:
	return kma_fail(err, KMA_ERR_USAGE, "--cpu takes a list like 0,2-5, not \"%s\"", text);
}

static bool parse_hex_or_decimal(const char **text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(*text, &end, strncmp(*text, "0x", 2) ? 10 : 16);
	if (**text < '0' || **text > '9' || end == *text || errno)
		return false;
	*text = end;
	return true;
}

/* "0x1000aa", "0x100000-0x1007ff" or "0x100000+2048" */
int kma_parse_pfns(const char *text, struct kma_pfn_range *range, struct kma_error *err)
{
	const char *p = text;
	uint64_t first, last;
	bool good = parse_hex_or_decimal(&p, &first);

	last = first;
	if (good && (*p == '-' || *p == '+')) {
		bool count = *p++ == '+';

		good = parse_hex_or_decimal(&p, &last);
		if (good && count) {
			good = last && first + last > first;
			last += first - 1;
		}
	}
	if (!good || *p || last < first || last == UINT64_MAX)
		return kma_fail(err, KMA_ERR_USAGE,
				"--pfn takes a page frame number or a range, like 0x1000aa, "
				"0x100000-0x1007ff or 0x100000+2048, not \"%s\"",
				text);
	*range = (struct kma_pfn_range){ .start = first, .end = last + 1 };
	return 0;
}

/* With or without 0x: addresses are never decimal. */
int kma_parse_address(const char *text, uint64_t *address, struct kma_error *err)
{
	const char *p = text + 2 * !strncmp(text, "0x", 2);

	if (!*p || strlen(p) > 16 || strspn(p, "0123456789abcdefABCDEF") != strlen(p))
		return kma_fail(err, KMA_ERR_USAGE,
				"--ptr takes a kernel address, like 0xffff888003c41500, not \"%s\"",
				text);
	*address = strtoull(p, NULL, 16);
	return 0;
}

int kma_parse_reports(const char *text, struct kma_config *config, struct kma_error *err)
{
	size_t nr = 0;

	config->reports_picked = true;
	/* in the order of the static list, each once, whatever order was asked for */
	for (size_t i = 0; kma_analyses[i]; i++) {
		size_t length = strlen(kma_analyses[i]->name);

		for (const char *p = text; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
			if (strcspn(p, ",") == length &&
			    !memcmp(p, kma_analyses[i]->name, length)) {
				config->analyses[nr++] = kma_analyses[i];
				break;
			}
	}
	config->analyses[nr] = NULL;
	for (const char *p = text; p; p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL) {
		bool known = false;

		for (size_t i = 0; i < nr; i++)
			known |= strlen(config->analyses[i]->name) == strcspn(p, ",") &&
				 !strncmp(p, config->analyses[i]->name, strcspn(p, ","));
		if (!known)
			return kma_fail(err, KMA_ERR_USAGE, "no report \"%.*s\"; --list names them",
					(int)strcspn(p, ","), p);
	}
	return 0;
}
