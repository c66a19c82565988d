/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums over the state of the page analysis, and its parts in the order of the tables. */
#ifndef KMA_PLUGINS_PAGE_SUMS_H
#define KMA_PLUGINS_PAGE_SUMS_H

#include "page_report.h"

/* Fills the arrays and totals of @t, which must be given back. 0, or -1 when out of memory. */
int page_work_out(struct page_telling *t);
void page_forget(struct page_telling *t);

uint64_t page_type_allocs(const struct page_type *type);
uint64_t page_type_pages(const struct page_type *type);
uint64_t page_type_outstanding(const struct page_type *type);

#endif
