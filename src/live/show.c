/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the live screen shows; see show.h. */
#include "live/show.h"

#include <stdlib.h>
#include <string.h>

#include "render/format.h"
#include "result/result.h"

#define FRAME_ROWS    3 /* the head, the views, the keys */
#define LEAST_ROWS    8
#define LEAST_COLUMNS 40

static void turn_to(struct kma_show *show, size_t view)
{
	show->view = view % (show->nr_views ? show->nr_views : 1);
	show->scroll = 0;
}

bool kma_show_key(struct kma_show *show, int key, bool *quit)
{
	unsigned int rows, columns;

	kma_screen_size(&show->screen, &rows, &columns);
	switch (key) {
	case 'q':
	case 'Q':
		*quit = true;
		return false;
	case 'p':
	case ' ':
		show->paused = !show->paused;
		return true;
	case '\t':
	case KMA_KEY_RIGHT:
		turn_to(show, show->view + 1);
		return true;
	case KMA_KEY_LEFT:
		turn_to(show, show->view + show->nr_views - 1);
		return true;
	case 'j':
	case KMA_KEY_DOWN:
		show->scroll++;
		return true;
	case 'k':
	case KMA_KEY_UP:
		show->scroll -= show->scroll > 0;
		return true;
	case KMA_KEY_PAGE_DOWN:
		show->scroll += rows / 2;
		return true;
	case KMA_KEY_PAGE_UP:
		show->scroll -= show->scroll > rows / 2 ? rows / 2 : show->scroll;
		return true;
	case KMA_KEY_HOME:
		show->scroll = 0;
		return true;
	case KMA_KEY_END:
		show->scroll = SIZE_MAX;
		return true;
	}
	if (key < '0' || key > '9' || (size_t)(key - '0') >= show->nr_views)
		return false;
	turn_to(show, (size_t)(key - '0'));
	return true;
}

/* A line that ends at the screen's edge; colours take no room. */
struct line {
	FILE *out;
	size_t left;
	bool color;
};

static void put(struct line *line, const char *style, const char *text)
{
	int n = (int)strnlen(text, line->left);

	if (line->color && *style)
		fprintf(line->out, "\033[%sm%.*s\033[0m", style, n, text);
	else
		fprintf(line->out, "%.*s", n, text);
	line->left -= (size_t)n;
}

static void put_head(struct line *line, const struct kma_show *show,
		     const struct kma_overview *overview, const struct kma_show_head *head)
{
	uint64_t seconds = head->elapsed_ns / 1000000000;
	char text[120], rate[KMA_RATE_TEXT];
	const struct kma_quality *quality = &overview->now->quality;

	snprintf(text, sizeof(text), "kmem-analyze %02llu:%02llu:%02llu",
		 (unsigned long long)(seconds / 3600), (unsigned long long)(seconds / 60 % 60),
		 (unsigned long long)(seconds % 60));
	put(line, "1", text);
	snprintf(text, sizeof(text), "  %s events/s  own CPU %.1f %%  ",
		 kma_overview_rate(overview, "trace", "trace.events_total", rate),
		 100 * head->own_cpu);
	put(line, "", text);
	snprintf(text, sizeof(text), "lost %s%s", quality->lost_counted ? "" : ">= ",
		 kma_format_uint(KMA_UNIT_COUNT, quality->lost).digits);
	put(line, head->lossy ? "1;31" : "", text);
	if (show->paused) {
		put(line, "", "  ");
		put(line, "1;33", "PAUSED");
	}
	putc('\n', line->out);
}

/* The one that is shown stands in brackets. Returns the length. */
static size_t view_text(const struct kma_show *show, const struct kma_result *result, size_t i,
			char *text, size_t size)
{
	snprintf(text, size, i == show->view ? "[%zu %s]" : " %zu %s ", i,
		 i ? result->reports[i - 1].name : "overview");
	return strlen(text);
}

/* Where there is no room for all of them, the first ones give way to the one that is shown, and the
 * last ones are left out. */
static void put_views(struct line *line, const struct kma_show *show,
		      const struct kma_result *result)
{
	size_t first = 0, length = 0;
	char text[80];

	for (size_t i = 0; i <= show->view && i < show->nr_views; i++)
		length += view_text(show, result, i, text, sizeof(text));
	while (first < show->view && length > line->left)
		length -= view_text(show, result, first++, text, sizeof(text));
	for (size_t i = first; i < show->nr_views; i++) {
		bool empty = i && result->reports[i - 1].status.code == KMA_UNAVAILABLE;

		if (view_text(show, result, i, text, sizeof(text)) > line->left && i > show->view)
			break;
		put(line, i == show->view ? "1" : empty ? "2" : "", text);
	}
	putc('\n', line->out);
}

static size_t count_lines(const char *text)
{
	size_t nr = 0;

	for (; (text = strchr(text, '\n')); text++)
		nr++;
	return nr;
}

/* The part of the report that is scrolled to. */
static void put_body(FILE *out, struct kma_show *show, const char *text, size_t rows)
{
	size_t lines = count_lines(text), row = 0;

	if (show->scroll > (lines > rows ? lines - rows : 0))
		show->scroll = lines > rows ? lines - rows : 0;
	for (size_t i = 0; i < show->scroll; i++)
		text = strchr(text, '\n') + 1;
	for (; row < rows && *text; row++) {
		size_t length = strcspn(text, "\n");

		fprintf(out, "%.*s\n", (int)length, text);
		text += length + (text[length] == '\n');
	}
	for (; row < rows; row++)
		putc('\n', out);
}

static int body_text(struct kma_show *show, const struct kma_overview *overview, FILE *out)
{
	if (!show->view)
		return kma_render_overview(overview, &show->options, out);
	return kma_render_report(overview->now, &overview->now->reports[show->view - 1],
				 &show->options, out);
}

static int frame_text(struct kma_show *show, struct kma_overview *overview,
		      const struct kma_show_head *head, size_t columns, FILE *out)
{
	struct line line = { .out = out, .left = columns, .color = show->options.color };
	char *body = NULL;
	size_t size;
	FILE *memory = open_memstream(&body, &size);
	int ret = memory ? body_text(show, overview, memory) : -1;

	if (memory && fclose(memory))
		ret = -1;
	if (!ret) {
		put_head(&line, show, overview, head);
		line.left = columns;
		put_views(&line, show, overview->now);
		put_body(out, show, body + strspn(body, "\n"), overview->rows);
		line.left = columns;
		put(&line, "2", "q quit  p pause  0-9 TAB <- -> report  j k PgUp PgDn scroll");
	}
	free(body);
	return ret;
}

int kma_show_draw(struct kma_show *show, const struct kma_overview *overview,
		  const struct kma_show_head *head)
{
	struct kma_overview sized = *overview;
	unsigned int rows, columns;
	char *text = NULL;
	size_t size;
	FILE *memory;
	int ret = -1;

	kma_screen_size(&show->screen, &rows, &columns);
	show->nr_views = 1 + overview->now->nr_reports;
	show->options.columns = columns > LEAST_COLUMNS ? columns : LEAST_COLUMNS;
	sized.rows = rows > FRAME_ROWS + LEAST_ROWS ? rows - FRAME_ROWS : LEAST_ROWS;
	memory = open_memstream(&text, &size);
	if (memory) {
		ret = frame_text(show, &sized, head, columns, memory);
		if (fclose(memory))
			ret = -1;
	}
	if (!ret)
		ret = kma_screen_draw(&show->screen, text, rows);
	free(text);
	return ret;
}
