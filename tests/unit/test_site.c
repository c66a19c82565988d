/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Call sites as numbers: what is told apart, what falls together, and what the limits are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "result/result.h"
#include "site.h"

/* Word 0 stands for "no stack"; each stack is its length and its addresses, leaf first. */
static const uint64_t stacks[] = {
	0, 3,	  0x100, 0x200, 0x300, /* at 1 */
	3, 0x100, 0x200, 0x400,	       /* at 5 */
	1, 0x100,		       /* at 9 */
	0,			       /* at 11: an empty one */
	2, 0x200, 0x100,	       /* at 12 */
};

static uint32_t find(struct kma_sites *sites, uint32_t stack, uint64_t address)
{
	struct kma_event e = { .stack = stack };
	struct kma_batch batch = { .events = &e, .nr = 1, .stacks = stacks };
	uint32_t site = UINT32_MAX;

	assert_int_equal(kma_sites_find(sites, &batch, &e, address, &site), 0);
	return site;
}

static void addresses_are_numbered_as_they_come(void **state)
{
	struct kma_sites *sites = kma_sites_new(0);

	(void)state;
	assert_non_null(sites);
	assert_int_equal(kma_sites_nr(sites), 1);
	assert_int_equal(find(sites, 0, 0x500), 1);
	assert_int_equal(find(sites, 0, UINT64_MAX), 2);
	assert_int_equal(find(sites, 0, 0x500), 1);
	assert_int_equal(find(sites, 0, 0), KMA_SITE_OTHER);
	/* stacks are off: the address counts */
	assert_int_equal(find(sites, 1, 0x500), 1);
	assert_int_equal(kma_sites_nr(sites), 3);
	kma_sites_free(sites);
}

static void stacks_count_down_to_the_depth(void **state)
{
	struct kma_sites *two = kma_sites_new(2), *three = kma_sites_new(3);

	(void)state;
	assert_int_equal(find(two, 1, 0x1), 1);
	assert_int_equal(find(two, 5, 0x2), 1);
	assert_int_equal(find(two, 9, 0x2), 2);
	assert_int_equal(find(two, 12, 0x2), 3); /* the order matters */
	assert_int_equal(find(three, 1, 0x1), 1);
	assert_int_equal(find(three, 5, 0x1), 2);
	kma_sites_free(two);
	kma_sites_free(three);
}

static void without_a_stack_the_address_counts(void **state)
{
	struct kma_sites *sites = kma_sites_new(2);

	(void)state;
	assert_int_equal(find(sites, 0, 0x500), 1);
	assert_int_equal(find(sites, 11, 0x500), 1);
	assert_int_equal(find(sites, 11, 0), KMA_SITE_OTHER);
	/* a stack of one address is that address */
	assert_int_equal(find(sites, 0, 0x100), 2);
	assert_int_equal(find(sites, 9, 0x700), 2);
	kma_sites_free(sites);
}

static void values_name_addresses(void **state)
{
	struct kma_sites *sites = kma_sites_new(2);
	struct kma_result *result = kma_result_new();
	struct kma_report *report = kma_result_report(result, "r", "R");
	struct kma_value value;

	(void)state;
	find(sites, 0, 0x500);
	find(sites, 1, 0);
	value = kma_sites_value(sites, KMA_SITE_OTHER, report);
	assert_int_equal(value.type, KMA_VALUE_STRING);
	assert_string_equal(value.string, "other");
	value = kma_sites_value(sites, 1, report);
	assert_int_equal(value.type, KMA_VALUE_ADDRESS);
	assert_int_equal(value.address, 0x500);
	value = kma_sites_value(sites, 2, report);
	assert_string_equal(value.string, "\001"
					  "100"
					  "\001 < \001"
					  "200"
					  "\001");
	kma_result_free(result);
	kma_sites_free(sites);
}

static void comparing_is_by_addresses(void **state)
{
	struct kma_sites *sites = kma_sites_new(2);
	uint32_t high = find(sites, 0, 0x200), low = find(sites, 0, 0x100);
	uint32_t stack = find(sites, 1, 0);

	(void)state;
	assert_true(kma_sites_compare(sites, high, low) > 0);
	assert_true(kma_sites_compare(sites, low, high) < 0);
	assert_int_equal(kma_sites_compare(sites, low, low), 0);
	assert_true(kma_sites_compare(sites, low, stack) < 0);
	assert_true(kma_sites_compare(sites, stack, low) > 0);
	assert_true(kma_sites_compare(sites, stack, high) < 0);
	assert_true(kma_sites_compare(sites, KMA_SITE_OTHER, low) < 0);
	kma_sites_free(sites);
}

static void too_many_sites_share_one_number(void **state)
{
	struct kma_sites *sites = kma_sites_new(0);

	(void)state;
	for (uint32_t i = 1; i < KMA_MAX_SITES; i++)
		assert_int_equal(find(sites, 0, 16 * (uint64_t)i), i);
	assert_int_equal(kma_sites_nr(sites), KMA_MAX_SITES);
	assert_int_equal(find(sites, 0, 1), KMA_SITE_OTHER);
	assert_int_equal(find(sites, 0, 2), KMA_SITE_OTHER);
	for (uint32_t i = 1; i < KMA_MAX_SITES; i++)
		assert_int_equal(find(sites, 0, 16 * (uint64_t)i), i);
	kma_sites_free(sites);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_numbered_as_they_come),
		cmocka_unit_test(stacks_count_down_to_the_depth),
		cmocka_unit_test(without_a_stack_the_address_counts),
		cmocka_unit_test(values_name_addresses),
		cmocka_unit_test(comparing_is_by_addresses),
		cmocka_unit_test(too_many_sites_share_one_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
