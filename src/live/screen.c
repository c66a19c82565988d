/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The terminal; see screen.h. */
#include "live/screen.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* The other screen, so that what stood on the terminal comes back; no cursor; and the reverse. */
#define ENTER "\033[?1049h\033[?25l\033[H\033[2J"
#define LEAVE "\033[?25h\033[?1049l"

int kma_screen_open(struct kma_screen *screen, FILE *out)
{
	struct termios raw;

	if (screen->open)
		return 0;
	screen->out = out;
	screen->keys = isatty(STDIN_FILENO) ? STDIN_FILENO : -1;
	if (screen->keys >= 0) {
		if (tcgetattr(screen->keys, &screen->before) < 0)
			return -1;
		/* keys as they are pressed; Ctrl-C and Ctrl-Z stay signals */
		raw = screen->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		raw.c_cc[VMIN] = 0;
		raw.c_cc[VTIME] = 0;
		if (tcsetattr(screen->keys, TCSADRAIN, &raw) < 0)
			return -1;
	}
	screen->open = true;
	fputs(ENTER, out);
	return fflush(out) ? -1 : 0;
}

void kma_screen_close(struct kma_screen *screen)
{
	if (!screen->open)
		return;
	screen->open = false;
	fputs(LEAVE, screen->out);
	fflush(screen->out);
	if (screen->keys >= 0)
		tcsetattr(screen->keys, TCSAFLUSH, &screen->before);
}

void kma_screen_size(const struct kma_screen *screen, unsigned int *rows, unsigned int *columns)
{
	struct winsize size = { 0 };

	if (ioctl(fileno(screen->out), TIOCGWINSZ, &size) < 0 || !size.ws_row || !size.ws_col)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	*rows = size.ws_row;
	*columns = size.ws_col;
}

int kma_screen_draw(struct kma_screen *screen, const char *text, unsigned int rows)
{
	/* each line in place of the old one: nothing flickers */
	fputs("\033[H", screen->out);
	for (unsigned int row = 0; row < rows && *text; row++) {
		size_t length = strcspn(text, "\n");

		fprintf(screen->out, "%s%.*s\033[K", row ? "\r\n" : "", (int)length, text);
		text += length + (text[length] == '\n');
	}
	fputs("\033[J", screen->out);
	return fflush(screen->out) || ferror(screen->out) ? -1 : 0;
}

size_t kma_screen_keys(struct kma_screen *screen, int *keys, size_t max)
{
	static const struct {
		const char *sequence;
		int key;
	} known[] = {
		{ "\033[A", KMA_KEY_UP },	{ "\033[B", KMA_KEY_DOWN },
		{ "\033[C", KMA_KEY_RIGHT },	{ "\033[D", KMA_KEY_LEFT },
		{ "\033OA", KMA_KEY_UP },	{ "\033OB", KMA_KEY_DOWN },
		{ "\033OC", KMA_KEY_RIGHT },	{ "\033OD", KMA_KEY_LEFT },
		{ "\033[5~", KMA_KEY_PAGE_UP }, { "\033[6~", KMA_KEY_PAGE_DOWN },
		{ "\033[H", KMA_KEY_HOME },	{ "\033[F", KMA_KEY_END },
	};
	char text[65];
	size_t nr = 0;
	ssize_t n = screen->keys >= 0 ? read(screen->keys, text, sizeof(text) - 1) : 0;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	for (const char *p = text; *p && nr < max;) {
		size_t length = 0;

		for (size_t i = 0; i < sizeof(known) / sizeof(*known) && !length; i++) {
			if (strncmp(p, known[i].sequence, strlen(known[i].sequence)))
				continue;
			length = strlen(known[i].sequence);
			keys[nr++] = known[i].key;
		}
		/* of other sequences nothing is taken */
		if (!length && *p == '\033')
			break;
		if (!length)
			keys[nr++] = (unsigned char)*p;
		p += length ? length : 1;
	}
	return nr;
}
