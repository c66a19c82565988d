/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Constant C expressions; see expression.h. Recursive descent, bounded in length and depth; reads
 * every character once and must not know where the text comes from.
 */
#include "decode/expression.h"

/* Parentheses, operators and casts inside one another: the kernel's own reach about 20. */
#define MAX_DEPTH      100
#define MAX_EXPRESSION 4096

/* ---- values ---- */

/* An integer as C has it: extended to 64 bits by its own sign. */
struct number {
	uint64_t bits;
	bool wide; /* 64 bits, else 32; long counts as wide, which no flag or order can tell */
	bool is_unsigned;
};

static struct number as_type(struct number n, bool wide, bool is_unsigned)
{
	n.wide = wide;
	n.is_unsigned = is_unsigned;
	if (!wide)
		n.bits = is_unsigned ? (uint32_t)n.bits
				     : (uint64_t)(int64_t)(int32_t)(uint32_t)n.bits;
	return n;
}

static struct number truth(bool value)
{
	return (struct number){ .bits = value };
}

static bool is_less(const struct number *a, const struct number *b)
{
	return a->is_unsigned ? a->bits < b->bits : (int64_t)a->bits < (int64_t)b->bits;
}

enum operation {
	OP_OR_ELSE,
	OP_AND_ALSO,
	OP_OR,
	OP_XOR,
	OP_AND,
	OP_EQUAL,
	OP_NOT_EQUAL,
	OP_AT_MOST,
	OP_AT_LEAST,
	OP_LESS,
	OP_MORE,
	OP_LEFT,
	OP_RIGHT,
	OP_PLUS,
	OP_MINUS,
	OP_TIMES,
	OP_DIVIDE,
	OP_MODULO,
	NR_OPS,
};

/* Tried in this order: a token stands before those it begins with. */
static const struct {
	const char *token;
	enum operation op;
	unsigned int binds; /* tighter when larger */
} operators[] = {
	{ "||", OP_OR_ELSE, 1 }, { "&&", OP_AND_ALSO, 2 },  { "<<", OP_LEFT, 8 },
	{ ">>", OP_RIGHT, 8 },	 { "<=", OP_AT_MOST, 7 },   { ">=", OP_AT_LEAST, 7 },
	{ "==", OP_EQUAL, 6 },	 { "!=", OP_NOT_EQUAL, 6 }, { "|", OP_OR, 3 },
	{ "^", OP_XOR, 4 },	 { "&", OP_AND, 5 },	    { "<", OP_LESS, 7 },
	{ ">", OP_MORE, 7 },	 { "+", OP_PLUS, 9 },	    { "-", OP_MINUS, 9 },
	{ "*", OP_TIMES, 10 },	 { "/", OP_DIVIDE, 10 },    { "%", OP_MODULO, 10 },
};

_Static_assert(sizeof(operators) / sizeof(operators[0]) == NR_OPS, "each operation has a token");

static bool shift(enum operation op, const struct number *a, const struct number *b,
		  struct number *result)
{
	uint64_t bits;

	if (b->bits >= (a->wide ? 64 : 32))
		return false;
	if (op == OP_LEFT)
		bits = a->bits << b->bits;
	else if (a->is_unsigned)
		bits = a->bits >> b->bits;
	else
		bits = (uint64_t)((int64_t)a->bits >> b->bits);
	*result = as_type((struct number){ .bits = bits }, a->wide, a->is_unsigned);
	return true;
}

static bool divide(enum operation op, const struct number *a, const struct number *b,
		   uint64_t *bits)
{
	int64_t x = (int64_t)a->bits, y = (int64_t)b->bits;

	if (!b->bits)
		return false;
	if (a->is_unsigned) {
		*bits = op == OP_DIVIDE ? a->bits / b->bits : a->bits % b->bits;
		return true;
	}
	if (x == INT64_MIN && y == -1)
		return false;
	*bits = (uint64_t)(op == OP_DIVIDE ? x / y : x % y);
	return true;
}

/* False where C leaves the outcome open. */
static bool apply(enum operation op, struct number a, struct number b, struct number *result)
{
	bool wide = a.wide || b.wide;
	bool is_unsigned = (a.is_unsigned && a.wide == wide) || (b.is_unsigned && b.wide == wide);
	uint64_t bits;

	if (op == OP_LEFT || op == OP_RIGHT)
		return shift(op, &a, &b, result);
	if (op == OP_OR_ELSE || op == OP_AND_ALSO) {
		*result = truth(op == OP_OR_ELSE ? a.bits || b.bits : a.bits && b.bits);
		return true;
	}
	a = as_type(a, wide, is_unsigned);
	b = as_type(b, wide, is_unsigned);
	switch (op) {
	case OP_EQUAL:
		*result = truth(a.bits == b.bits);
		return true;
	case OP_NOT_EQUAL:
		*result = truth(a.bits != b.bits);
		return true;
	case OP_LESS:
		*result = truth(is_less(&a, &b));
		return true;
	case OP_MORE:
		*result = truth(is_less(&b, &a));
		return true;
	case OP_AT_MOST:
		*result = truth(!is_less(&b, &a));
		return true;
	case OP_AT_LEAST:
		*result = truth(!is_less(&a, &b));
		return true;
	case OP_OR:
		bits = a.bits | b.bits;
		break;
	case OP_XOR:
		bits = a.bits ^ b.bits;
		break;
	case OP_AND:
		bits = a.bits & b.bits;
		break;
	case OP_PLUS:
		bits = a.bits + b.bits;
		break;
	case OP_MINUS:
		bits = a.bits - b.bits;
		break;
	case OP_TIMES:
		bits = a.bits * b.bits;
		break;
	default:
		if (!divide(op, &a, &b, &bits))
			return false;
		break;
	}
	*result = as_type((struct number){ .bits = bits }, wide, is_unsigned);
	return true;
}

/* ---- expressions ---- */

static bool conditional(struct text *text, unsigned int depth, struct number *result);

static unsigned int digit_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return 16;
}

/* Every mix of u and l that a suffix can be, and then nothing that belongs to a word. */
static bool skip_suffix(struct text *text, unsigned int *us, unsigned int *ls)
{
	*us = *ls = 0;
	for (;; text->at++) {
		char c = peek(text);

		if (c == 'u' || c == 'U')
			++*us;
		else if (c == 'l' || c == 'L')
			++*ls;
		else
			return *us <= 1 && *ls <= 2 && !is_letter(c) && !is_digit(c);
	}
}

static bool literal(struct text *text, struct number *result)
{
	unsigned int base = 10, us, ls;
	uint64_t bits = 0;
	bool wide, is_unsigned;

	if (skip(text, "0x") || skip(text, "0X"))
		base = 16;
	else if (peek(text) == '0')
		base = 8;
	if (digit_value(peek(text)) >= base)
		return false;
	for (; digit_value(peek(text)) < base; text->at++)
		if (__builtin_mul_overflow(bits, base, &bits) ||
		    __builtin_add_overflow(bits, digit_value(peek(text)), &bits))
			return false;
	if (!skip_suffix(text, &us, &ls))
		return false;
	/* the first of int, unsigned, long, unsigned long that holds it; a decimal one is signed */
	wide = ls || bits > UINT32_MAX || (bits > INT32_MAX && base == 10 && !us);
	is_unsigned = us || bits > INT64_MAX || (base != 10 && !wide && bits > INT32_MAX);
	*result = (struct number){ bits, wide, is_unsigned };
	return true;
}

struct type {
	bool wide, is_unsigned;
	unsigned int narrow; /* 8 or 16 bits */
};

static bool type_word(const struct text *word, struct type *type)
{
	static const struct {
		const char *name;
		struct type type;
	} types[] = {
		{ "int", { 0 } },
		{ "signed", { 0 } },
		{ "const", { 0 } },
		{ "unsigned", { .is_unsigned = true } },
		{ "long", { .wide = true } },
		{ "char", { .narrow = 8 } },
		{ "short", { .narrow = 16 } },
		{ "gfp_t", { .is_unsigned = true } },
		{ "size_t", { .wide = true, .is_unsigned = true } },
		{ "u8", { .narrow = 8, .is_unsigned = true } },
		{ "u16", { .narrow = 16, .is_unsigned = true } },
		{ "u32", { .is_unsigned = true } },
		{ "u64", { .wide = true, .is_unsigned = true } },
		{ "s32", { 0 } },
		{ "s64", { .wide = true } },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (word_is(word, types[i].name)) {
			type->wide |= types[i].type.wide;
			type->is_unsigned |= types[i].type.is_unsigned;
			type->narrow |= types[i].type.narrow;
			return true;
		}
	return false;
}

/* "( unsigned long)": the parenthesis included. */
static bool skip_cast(struct text *text, struct type *type)
{
	struct text rest = *text, word;
	unsigned int words = 0;

	*type = (struct type){ 0 };
	if (!skip_token(&rest, "("))
		return false;
	for (; next_word(&rest, &word); words++)
		if (!type_word(&word, type))
			return false;
	if (!words || !skip_token(&rest, ")"))
		return false;
	*text = rest;
	return true;
}

static void cast(struct number *n, const struct type *type)
{
	if (type->narrow) {
		n->bits &= (UINT64_C(1) << type->narrow) - 1;
		if (!type->is_unsigned && n->bits >> (type->narrow - 1))
			n->bits -= UINT64_C(1) << type->narrow;
		/* what is narrower than an int becomes one */
		*n = as_type(*n, false, false);
		return;
	}
	*n = as_type(*n, type->wide, type->is_unsigned);
}

static bool unary(struct text *text, unsigned int depth, struct number *result)
{
	static const struct number zero = { 0 };
	struct type type;

	if (!depth)
		return false;
	if (skip_cast(text, &type)) {
		if (!unary(text, depth - 1, result))
			return false;
		cast(result, &type);
		return true;
	}
	if (skip_token(text, "("))
		return conditional(text, depth - 1, result) && skip_token(text, ")");
	if (skip_token(text, "+"))
		return unary(text, depth - 1, result);
	if (skip_token(text, "-"))
		return unary(text, depth - 1, result) && apply(OP_MINUS, zero, *result, result);
	if (skip_token(text, "~")) {
		if (!unary(text, depth - 1, result))
			return false;
		result->bits = ~result->bits;
		*result = as_type(*result, result->wide, result->is_unsigned);
		return true;
	}
	if (skip_token(text, "!")) {
		if (!unary(text, depth - 1, result))
			return false;
		*result = truth(!result->bits);
		return true;
	}
	skip_blanks(text);
	return literal(text, result);
}

/* The next binary operator if it binds at least as tight as @binds. */
static bool skip_operator(struct text *text, unsigned int binds, size_t *which)
{
	struct text rest = *text;

	skip_blanks(&rest);
	for (size_t i = 0; i < NR_OPS; i++) {
		if (!skip(&rest, operators[i].token))
			continue;
		if (operators[i].binds < binds)
			return false;
		*text = rest;
		*which = i;
		return true;
	}
	return false;
}

/* Recursion is bounded by the number of precedences between one unary() and the next. */
static bool binary(struct text *text, unsigned int depth, unsigned int binds, struct number *result)
{
	struct number right;
	size_t which;

	if (!unary(text, depth, result))
		return false;
	while (skip_operator(text, binds, &which))
		if (!binary(text, depth, operators[which].binds + 1, &right) ||
		    !apply(operators[which].op, *result, right, result))
			return false;
	return true;
}

/* Both branches are evaluated: what is not constant there makes the whole not constant. */
static bool conditional(struct text *text, unsigned int depth, struct number *result)
{
	struct number yes, no;
	bool wide;

	if (!depth || !binary(text, depth - 1, 1, result))
		return false;
	if (!skip_token(text, "?"))
		return true;
	if (!conditional(text, depth - 1, &yes) || !skip_token(text, ":") ||
	    !conditional(text, depth - 1, &no))
		return false;
	wide = yes.wide || no.wide;
	*result = as_type(result->bits ? yes : no, wide,
			  (yes.is_unsigned && yes.wide == wide) ||
				  (no.is_unsigned && no.wide == wide));
	return true;
}

bool kma_evaluate(struct text text, uint64_t *value)
{
	struct number result;

	if (text.end - text.at > MAX_EXPRESSION || !conditional(&text, MAX_DEPTH, &result))
		return false;
	skip_blanks(&text);
	*value = result.bits;
	return text.at == text.end;
}
