/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the text of an option's value to what it means, or -1 with one line that says what the
 * option takes. It must not know what other options say.
 */
#ifndef KMA_CLI_OPTION_VALUES_H
#define KMA_CLI_OPTION_VALUES_H

#include <stdint.h>

#include <kmem-analyze/error.h>

struct kma_config;
struct kma_pfn_range;
struct kma_time_limit;

int kma_parse_count(const char *text, const char *option, unsigned int *value,
		    struct kma_error *err);
int kma_parse_size(const char *text, const char *option, uint64_t *value, struct kma_error *err);
int kma_parse_time(const char *text, const char *option, struct kma_time_limit *limit,
		   struct kma_error *err);
int kma_parse_duration(const char *text, const char *option, uint64_t *ns, struct kma_error *err);
int kma_parse_buffer_size(const char *text, uint32_t *kbytes, struct kma_error *err);
int kma_parse_cpus(const char *text, struct kma_config *config, struct kma_error *err);
int kma_parse_pfns(const char *text, struct kma_pfn_range *range, struct kma_error *err);
int kma_parse_address(const char *text, uint64_t *address, struct kma_error *err);
int kma_parse_reports(const char *text, struct kma_config *config, struct kma_error *err);

#endif
