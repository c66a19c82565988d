/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words for the result model's enumerations. It must not know who writes or reads them. */
#include "result/words.h"

#include <kmem-analyze/result.h>

#define END(last) [(last) + 1] = (const char *)0

const char *const kma_unit_words[] = {
	[KMA_UNIT_COUNT] = "count",
	[KMA_UNIT_NS] = "ns",
	[KMA_UNIT_BYTES] = "bytes",
	[KMA_UNIT_PAGES] = "pages",
	[KMA_UNIT_RATIO] = "ratio",
	[KMA_UNIT_COEFFICIENT] = "coefficient",
	[KMA_UNIT_NS_PER_PAGE] = "ns/page",
	[KMA_UNIT_TIMESTAMP] = "timestamp",
	END(KMA_UNIT_TIMESTAMP),
};

const char *const kma_status_words[] = {
	[KMA_EXACT] = "exact",
	[KMA_APPROXIMATE] = "approximate",
	[KMA_LOWER_BOUND] = "lower-bound",
	[KMA_UNAVAILABLE] = "unavailable",
	END(KMA_UNAVAILABLE),
};

const char *const kma_metric_kind_words[] = {
	[KMA_COUNTER] = "counter",
	[KMA_GAUGE] = "gauge",
	[KMA_DISTRIBUTION] = "distribution",
	END(KMA_DISTRIBUTION),
};

const char *const kma_better_words[] = {
	[KMA_BETTER_NONE] = "none",
	[KMA_BETTER_LOWER] = "lower",
	[KMA_BETTER_HIGHER] = "higher",
	END(KMA_BETTER_HIGHER),
};

const char *const kma_severity_words[] = {
	[KMA_INFO] = "info",
	[KMA_WARN] = "warn",
	[KMA_ERROR] = "error",
	END(KMA_ERROR),
};
