/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zstd and zlib blocks; see compress.h. */
#include "source/compress.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>
#include <zstd.h>

#define MAX_IDLE                                                                         \
	8 /* contexts kept; more than the threads that decompress at once would be waste \
	   */

struct kma_compress {
	bool zstd;
	pthread_mutex_t lock;
	ZSTD_DCtx *idle[MAX_IDLE];
	unsigned int nr_idle;
};

struct kma_compress *kma_compress_new(const char *name, bool *known)
{
	struct kma_compress *compress;

	*known = !strcmp(name, "zstd") || !strcmp(name, "zlib");
	if (!*known)
		return NULL;
	compress = calloc(1, sizeof(*compress));
	if (!compress)
		return NULL;
	compress->zstd = !strcmp(name, "zstd");
	pthread_mutex_init(&compress->lock, NULL);
	return compress;
}

void kma_compress_free(struct kma_compress *compress)
{
	if (!compress)
		return;
	while (compress->nr_idle)
		ZSTD_freeDCtx(compress->idle[--compress->nr_idle]);
	pthread_mutex_destroy(&compress->lock);
	free(compress);
}

static ZSTD_DCtx *take(struct kma_compress *compress)
{
	ZSTD_DCtx *context = NULL;

	pthread_mutex_lock(&compress->lock);
	if (compress->nr_idle)
		context = compress->idle[--compress->nr_idle];
	pthread_mutex_unlock(&compress->lock);
	return context ? context : ZSTD_createDCtx();
}

static void give_back(struct kma_compress *compress, ZSTD_DCtx *context)
{
	pthread_mutex_lock(&compress->lock);
	if (compress->nr_idle < MAX_IDLE) {
		compress->idle[compress->nr_idle++] = context;
		context = NULL;
	}
	pthread_mutex_unlock(&compress->lock);
	ZSTD_freeDCtx(context);
}

int kma_decompress(struct kma_compress *compress, const uint8_t *from, size_t size, uint8_t *to,
		   size_t to_size)
{
	if (compress->zstd) {
		ZSTD_DCtx *context = take(compress);
		size_t n;

		if (!context)
			return -1;
		n = ZSTD_decompressDCtx(context, to, to_size, from, size);
		give_back(compress, context);
		return ZSTD_isError(n) || n != to_size ? -1 : 0;
	}
	uLongf n = to_size;

	return uncompress(to, &n, from, size) != Z_OK || n != to_size ? -1 : 0;
}
