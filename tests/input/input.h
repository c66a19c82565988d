/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Trace files in memory for the tests of bad input: made by the trace.dat writer, or read from a
 * directory. Also random numbers that are the same in every run, and a watch over each case.
 */
#ifndef KMA_TESTS_INPUT_H
#define KMA_TESTS_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXIT_SKIP 77

struct input {
	char name[64];
	uint8_t *data;
	size_t size;
};

/* The forms of the small file that the tests break, by name; ends with a NULL name. */
struct input_form {
	const char *name;
	const char *sets[4];		/* key=value words of a scenario's file line */
};

extern const struct input_form input_forms[];

/*
 * A file with 3 CPUs and two buffers, with lost, discarded and long records, stacks and time
 * stamps, in the form @form. Ends the test when it cannot be made.
 */
void input_make(struct input *input, const struct input_form *form);
/* False when it cannot be read. */
bool input_read(struct input *input, const char *path);
void input_free(struct input *input);

/* Calls @each for every *.dat file below @dir, sorted; returns how many there were. */
unsigned int input_each(const char *dir, void (*each)(const char *path));

uint64_t input_random(uint64_t *state);

/* Ends the test with a message that names the case, unless case_end() comes in time. */
void case_begin(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The seconds since. */
double case_end(void);
/* Ends the test, naming the case. */
void case_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
