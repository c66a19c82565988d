// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Counting allocations: through AddressSanitizer's hooks where it is there, else by standing
 * between the program with all its libraries and glibc's allocator. One total for all threads.
 */
#include "peak.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

static atomic_llong now, most;

/* not used where nothing counts */
static __attribute__((unused)) void count(long long bytes)
{
	long long total = atomic_fetch_add(&now, bytes) + bytes;
	long long before = atomic_load(&most);

	while (total > before && !atomic_compare_exchange_weak(&most, &before, total))
		;
}

static void begin(void)
{
	atomic_store(&now, 0);
	atomic_store(&most, 0);
}

size_t peak_end(void)
{
	return (size_t)atomic_load(&most);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN
#endif
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define OTHER_SANITIZER
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define ASAN
#endif
#ifdef __SANITIZE_THREAD__
#define OTHER_SANITIZER
#endif

#if defined(ASAN)

/* Hundreds of thousands of allocations: their origin is worth less than the time. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "malloc_context_size=5:quarantine_size_mb=16";
}

int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *, size_t),
					      void (*free_hook)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *p);

static void on_malloc(const volatile void *p, size_t size)
{
	(void)p;
	count((long long)size);
}

static void on_free(const volatile void *p)
{
	if (p)
		count(-(long long)__sanitizer_get_allocated_size(p));
}

bool peak_begin(void)
{
	static bool installed;

	if (!installed)
		installed = __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0;
	begin();
	return installed;
}

#elif defined(__GLIBC__) && !defined(OTHER_SANITIZER)

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t nr, size_t size);
void *__libc_realloc(void *p, size_t size);
void *__libc_memalign(size_t align, size_t size);
void __libc_free(void *p);

static void *counted(void *p)
{
	if (p)
		count((long long)malloc_usable_size(p));
	return p;
}

void *malloc(size_t size)
{
	return counted(__libc_malloc(size));
}

void *calloc(size_t nr, size_t size)
{
	return counted(__libc_calloc(nr, size));
}

void *realloc(void *p, size_t size)
{
	long long before = p ? (long long)malloc_usable_size(p) : 0;
	void *to = __libc_realloc(p, size);

	if (to || !size)
		count(-before);
	return counted(to);
}

void *aligned_alloc(size_t align, size_t size)
{
	return counted(__libc_memalign(align, size));
}

void free(void *p)
{
	if (p)
		count(-(long long)malloc_usable_size(p));
	__libc_free(p);
}

bool peak_begin(void)
{
	begin();
	return true;
}

#else

bool peak_begin(void)
{
	begin();
	return false;
}

#endif
