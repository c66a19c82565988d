# SPDX-License-Identifier: GPL-2.0-or-later
"""What only the head of a trace tells: the page size, and constants that stand in an event's print format."""

import operator
import re

from records import run

INNERMOST = re.compile(r"\(([^()]*)\)")
CAST = re.compile(r"\s*(?:(?:un)?signed|int|long|short|char|size_t|gfp_t|u?int\d+_t|u\d+|s\d+)"
                  r"(?:\s+(?:(?:un)?signed|int|long|short|char))*\s*")
COMPARISONS = {"<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
               "<": operator.lt, ">": operator.gt}
SUM = re.compile(r"[-+*/\d ]+|[\d ]+(?:<<|>>)[\d ]+")


def page_size(path):
    for line in run("dump", "--summary", "-i", path):
        number, _, what = line.strip().partition("\t")
        if what.startswith("[Page size"):
            return int(number)
    return None


def print_format(path, event):
    """The text of the event's print format, or None."""
    name = None
    for line in run("dump", "--events", "-i", path):
        if line.strip().startswith("name: "):
            name = line.strip()[len("name: "):]
        elif line.strip().startswith("print fmt: ") and name == event:
            return line.strip()[len("print fmt: "):]
    return None


def split_arguments(text):
    """At the commas that stand in no parentheses, braces or string."""
    parts, depth, quoted, before = [""], 0, False, ""
    for char in text:
        if char == '"' and before != "\\":
            quoted = not quoted
        depth += 0 if quoted else (char in "({[") - (char in ")}]")
        if char == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += char
        before = char
    return parts


def flat(text):
    """The value of an expression without parentheses: a choice, a comparison or a sum. None if it is no number."""
    if "?" in text:
        condition, _, rest = text.partition("?")
        yes, _, no = rest.rpartition(":")
        chosen = flat(condition)
        return None if chosen is None else flat(yes if chosen else no)
    for sign in COMPARISONS:
        left, found, right = text.partition(sign)
        if found and not left.endswith("<") and not right.startswith(("<", ">")):
            sides = flat(left), flat(right)
            return None if None in sides else int(COMPARISONS[sign](*sides))
    text = re.sub(r"\b(\d+)[uUlL]+\b", r"\1", text).strip()
    return int(eval(text.replace("/", "//"))) if SUM.fullmatch(text) else None     # digits and signs, nothing else


def constant(text):
    """The value of a C expression of numbers, innermost parentheses first; None if there is more in it."""
    while "(" in text:
        inner = INNERMOST.search(text)
        if inner is None:
            return None
        if CAST.fullmatch(inner[1]):
            value = ""
        else:
            number = flat(inner[1])
            if number is None:
                return None
            value = " %d " % number
        text = text[:inner.start()] + value + text[inner.end():]
    return flat(text)


def printed_constant(path, event, name):
    """The argument that the event's print format prints as name=%d, if it is a number."""
    text = print_format(path, event)
    if text is None:
        return None
    form, *arguments = split_arguments(text)
    printed = re.findall(r"(\w+)=(?:0x)?%", form)
    if name not in printed or len(printed) != len(arguments):
        return None
    return constant(arguments[printed.index(name)])
