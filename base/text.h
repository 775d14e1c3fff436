/* base/text.h: text of unknown origin. */
#pragma once

/* Replaces by '?' each byte of text that is not part of valid UTF-8, in place. */
void text_make_utf8(char *text);
