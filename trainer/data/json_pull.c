/* trainer/data/json_pull.c: see json_pull.h.  The grammar is RFC 8259's; one function a rule. */
#include "trainer/data/json_pull.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pull_fail(struct json_pull *json, const char *pointer, const char *fmt, ...)
{
    char words[512];
    va_list args;

    if (json->failed)
        return;
    va_start(args, fmt);
    (void)vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);
    json->failed = true;
    json->at = json->end; /* the terminating 0 fits no rule */
    (void)err_at(&json->err, ERR_DATASET, pointer, "%s%s%s: %s", json->file, *pointer ? " " : "", pointer, words);
}

static void broken(struct json_pull *json, const char *what)
{
    long line = 1;
    const char *start = json->text;

    for (const char *at = json->text; at < json->at; at++)
        if (*at == '\n') {
            line++;
            start = at + 1;
        }
    pull_fail(json, "", "broken JSON at line %ld, column %ld: %s", line, (long)(json->at - start) + 1, what);
}

static void skip_space(struct json_pull *json)
{
    while (*json->at == ' ' || *json->at == '\n' || *json->at == '\r' || *json->at == '\t')
        json->at++;
}

static bool take(struct json_pull *json, char c)
{
    skip_space(json);
    if (*json->at != c || json->at >= json->end)
        return false;
    json->at++;
    return true;
}

void pull_open(struct json_pull *json, const char *file, const char *text, size_t size)
{
    *json = (struct json_pull){.file = file, .text = text, .at = text, .end = text + size};
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        json->at += 3;
}

enum pull_kind pull_kind(struct json_pull *json)
{
    skip_space(json);
    if (json->failed)
        return PULL_NONE;
    switch (*json->at) {
    case '{':
        return PULL_OBJECT;
    case '[':
        return PULL_ARRAY;
    case '"':
        return PULL_TEXT;
    case 't':
    case 'f':
        return PULL_BOOL;
    case 'n':
        return PULL_NULL;
    default:
        return PULL_NUMBER;
    }
}

void pull_enter(struct json_pull *json, enum pull_kind kind)
{
    char bracket = kind == PULL_ARRAY ? '[' : '{';

    if (json->failed)
        return;
    if (!take(json, bracket))
        broken(json, kind == PULL_ARRAY ? "'[' expected" : "'{' expected");
    else if (json->depth == PULL_DEPTH)
        broken(json, "nested too deeply");
    else
        json->open[json->depth++] = kind == PULL_ARRAY ? ']' : '}';
    json->first = true;
}

/* One UTF-16 unit of a \u escape, or -1. */
static int hex4(const char *at)
{
    int value = 0;

    for (int i = 0; i < 4; i++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF", *found = at[i] ? strchr(digits, at[i]) : NULL;

        if (!found)
            return -1;
        value = value * 16 + (int)((found - digits) % 16);
    }
    return value;
}

/* Writes a code point as UTF-8 and returns how many bytes it has. */
static int put_utf8(char *out, unsigned code)
{
    int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xc0, 0xe0, 0xf0};

    out[0] = (char)(lead[more] | code >> 6 * more);
    for (int i = 1; i <= more; i++)
        out[i] = (char)(0x80 | (code >> 6 * (more - i) & 0x3f));
    return more + 1;
}

/* The bytes of the well-formed UTF-8 sequence at `at`, or 0. */
static int utf8_length(const unsigned char *at)
{
    unsigned code, length = at[0] < 0x80 ? 1 : at[0] >> 5 == 6 ? 2 : at[0] >> 4 == 14 ? 3 : at[0] >> 3 == 30 ? 4 : 0;
    static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};

    code = length < 2 ? at[0] : at[0] & (0x7fu >> length);
    for (unsigned i = 1; i < length; i++) {
        if (at[i] >> 6 != 2)
            return 0;
        code = code << 6 | (at[i] & 0x3f);
    }
    return code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : (int)length;
}

/* Reads the escape behind a backslash into out (up to 4 bytes) and returns how many, or 0. */
static int escape(struct json_pull *json, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = *json->at;
    const char *found = c ? strchr(from, c) : NULL;
    int high, low;

    if (found) {
        json->at++;
        *out = to[found - from];
        return 1;
    }
    if (c != 'u' || (high = hex4(json->at + 1)) <= 0)
        return 0;
    json->at += 5;
    if (high < 0xd800 || high > 0xdfff)
        return put_utf8(out, (unsigned)high);
    if (high > 0xdbff || json->at[0] != '\\' || json->at[1] != 'u' || (low = hex4(json->at + 2)) < 0xdc00 ||
        low > 0xdfff)
        return 0;
    json->at += 6;
    return put_utf8(out, 0x10000u + ((unsigned)(high - 0xd800) << 10) + (unsigned)(low - 0xdc00));
}

/* Passes over a text; checks its escapes only as far as is needed to find its end. */
static void skip_text(struct json_pull *json)
{
    for (const char *at = json->at + 1;; at++) {
        if (*at == '"') {
            json->at = at + 1;
            return;
        }
        if ((unsigned char)*at < 0x20) {
            json->at = at;
            broken(json, at >= json->end ? "the text does not end" : "control character in a text");
            return;
        }
        if (*at == '\\' && at[1])
            at++;
    }
}

/* Unescapes the text that comes next into out, which has room for as many bytes as it has in the file. */
static void read_text(struct json_pull *json, char *out)
{
    for (json->at++; *json->at != '"';) {
        int length = utf8_length((const unsigned char *)json->at);
        bool escaped = *json->at == '\\';

        if (escaped) {
            json->at++;
            length = escape(json, out);
        } else if (length > 0) {
            memcpy(out, json->at, (size_t)length);
            json->at += length;
        }
        if (length == 0) {
            broken(json, escaped ? "an escape that stands for no character" : "text is not UTF-8");
            return;
        }
        out += length;
    }
    json->at++;
    *out = '\0';
}

const char *pull_text(struct json_pull *json, struct arena *arena)
{
    const char *start;
    char *out;

    if (pull_kind(json) != PULL_TEXT)
        broken(json, "a text expected");
    start = json->at;
    if (!json->failed)
        skip_text(json); /* so the length is known, and that the text ends */
    if (json->failed)
        return "";
    out = arena_alloc(arena, (size_t)(json->at - start));
    json->at = start;
    read_text(json, out);
    return json->failed ? "" : out;
}

static void read_key(struct json_pull *json)
{
    const char *start;
    size_t length;

    if (pull_kind(json) != PULL_TEXT) {
        broken(json, "a key in quotes expected");
        return;
    }
    start = json->at + 1;
    skip_text(json);
    if (json->failed)
        return;
    length = (size_t)(json->at - 1 - start) < PULL_KEY_SIZE ? (size_t)(json->at - 1 - start) : PULL_KEY_SIZE - 1;
    memcpy(json->key, start, length);
    json->key[length] = '\0';
    if (!take(json, ':'))
        broken(json, "':' expected");
}

bool pull_more(struct json_pull *json)
{
    char close;

    if (json->failed)
        return false;
    close = json->open[json->depth - 1];
    if (take(json, close)) {
        json->depth--;
        json->first = false;
        return false;
    }
    if (!json->first && !take(json, ',')) {
        broken(json, close == ']' ? "',' or ']' expected" : "',' or '}' expected");
        return false;
    }
    json->first = false;
    if (close == '}')
        read_key(json);
    return !json->failed;
}

static bool digits(const char **at)
{
    const char *start = *at;

    while (**at >= '0' && **at <= '9')
        ++*at;
    return *at > start;
}

/* The end of the number at `at`, or NULL. */
static const char *number_end(const char *at)
{
    if (strncmp(at, "NaN", 3) == 0)
        return at + 3;
    at += *at == '-';
    if (strncmp(at, "Infinity", 8) == 0)
        return at + 8;
    if (*at == '0')
        at++;
    else if (!digits(&at))
        return NULL;
    if (*at == '.' && (at++, !digits(&at)))
        return NULL;
    if (*at == 'e' || *at == 'E') {
        at++;
        at += *at == '+' || *at == '-';
        if (!digits(&at))
            return NULL;
    }
    return at;
}

/* Digits and a point with at most 15 digits: both the digits and the power of ten are exact doubles, so the quotient is
 * the nearest double, as strtod's is, at a tenth of its time. */
static bool short_decimal(const char *text, const char *end, double *value)
{
    static const double power[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const char *at = text + (*text == '-'), *point = NULL;
    int64_t whole = 0;

    if (end - at > 16)
        return false;
    for (; at < end; at++) {
        if (*at == '.')
            point = at;
        else if (*at >= '0' && *at <= '9')
            whole = whole * 10 + (*at - '0');
        else
            return false;
    }
    if (whole >= (int64_t)1e15)
        return false;
    *value = (double)whole / power[point ? end - point - 1 : 0];
    if (*text == '-')
        *value = -*value;
    return true;
}

struct pull_number pull_number(struct json_pull *json)
{
    struct pull_number number = {.text = "", .value = NAN};
    const char *end;

    skip_space(json);
    if (json->failed)
        return number;
    end = number_end(json->at);
    if (!end) {
        broken(json, "a value expected");
        return number;
    }
    number = (struct pull_number){json->at, (int)(end - json->at), 0};
    if (!short_decimal(json->at, end, &number.value))
        number.value = strtod(json->at, NULL);
    json->at = end;
    return number;
}

static void skip_word(struct json_pull *json)
{
    static const char *const words[] = {"true", "false", "null"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strncmp(json->at, words[i], strlen(words[i])) == 0) {
            json->at += strlen(words[i]);
            return;
        }
    broken(json, "a value expected");
}

const char *pull_skip(struct json_pull *json)
{
    enum pull_kind kind = pull_kind(json);
    const char *start = json->at;
    int depth = json->depth;

    switch (kind) {
    case PULL_NONE:
        break;
    case PULL_NULL:
    case PULL_BOOL:
        skip_word(json);
        break;
    case PULL_NUMBER:
        (void)pull_number(json);
        break;
    case PULL_TEXT:
        skip_text(json);
        break;
    case PULL_ARRAY:
    case PULL_OBJECT:
        pull_enter(json, kind);
        while (json->depth > depth) /* without recursion: more inner levels are opened and closed on the way */
            if (pull_more(json)) {
                kind = pull_kind(json);
                if (kind == PULL_ARRAY || kind == PULL_OBJECT)
                    pull_enter(json, kind);
                else
                    (void)pull_skip(json);
            } else if (json->failed)
                break;
        break;
    }
    return start;
}

bool pull_end(struct json_pull *json, struct err *err)
{
    skip_space(json);
    if (!json->failed && json->at != json->end)
        broken(json, "text behind the end");
    if (json->failed)
        *err = json->err;
    return !json->failed;
}
