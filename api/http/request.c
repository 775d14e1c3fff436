/* api/http/request.c: see request.h. */
#include "api/http/request.h"

#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>

const char *request_query(const struct request *request, const char *key)
{
    for (size_t i = 0; i < request->query_count; i++)
        if (strcmp(request->query[i].key, key) == 0)
            return request->query[i].value;
    return NULL;
}

bool request_digits(const char *text, int64_t *value)
{
    int64_t number = 0;

    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
        return false;
    for (; *text; text++)
        number = number * 10 + (*text - '0');
    *value = number;
    return true;
}

bool request_int(const struct request *request, const char *key, int64_t min, int64_t max, int64_t fallback,
                 int64_t *value, struct err *err)
{
    const char *text = request_query(request, key);
    int64_t number;

    if (!text) {
        *value = fallback;
        return true;
    }
    if (!request_digits(text, &number) || number < min || number > max)
        return err_set(err, ERR_BAD_QUERY, "%s must be a whole number from %" PRId64 " to %" PRId64, key, min, max);
    *value = number;
    return true;
}

bool request_takes_gzip(const struct request *request)
{
    const char *at = request->accept_encoding ? strcasestr(request->accept_encoding, "gzip") : NULL;

    if (!at)
        return false;
    at += strlen("gzip");
    at += strspn(at, " ;");
    return strncasecmp(at, "q=0", 3) != 0 || strspn(at + 3, ".0") < strcspn(at + 3, ", ");
}

const char *request_account(struct arena *arena, uid_t uid)
{
    char text[1024];
    struct passwd entry, *found = NULL;

    if (getpwuid_r(uid, &entry, text, sizeof text, &found) == 0 && found)
        return arena_strdup(arena, found->pw_name);
    return arena_printf(arena, "%ju", (uintmax_t)uid);
}

const char *request_user(const struct request *request)
{
    return request->is_local ? request_account(request->arena, request->uid) : NULL;
}

/* Whether text is name, or name with a port behind it. */
static bool is_host(const char *text, const char *name)
{
    size_t size = strlen(name);

    if (strncasecmp(text, name, size) != 0)
        return false;
    text += size;
    return *text == '\0' || (*text == ':' && text[1] != '\0' && strspn(text + 1, "0123456789") == strlen(text + 1));
}

static bool is_loopback(const char *host)
{
    return is_host(host, "localhost") || is_host(host, "127.0.0.1") || is_host(host, "[::1]");
}

bool request_check_site(const struct request *request, struct err *err)
{
    const char *host = request->host, *origin = request->origin;

    if (!host && !request->is_local)
        return err_set(err, ERR_FORBIDDEN, "a Host header is missing; it must be localhost, 127.0.0.1 or [::1]");
    if (host && !is_loopback(host))
        return err_set(err, ERR_FORBIDDEN, "Host is '%.100s'; only localhost, 127.0.0.1 and [::1] are served", host);
    if (origin && (!host || strncasecmp(origin, "http://", 7) != 0 || strcasecmp(origin + 7, host) != 0))
        return err_set(err, ERR_FORBIDDEN, "Origin is '%.100s'; pages of other sites are not served", origin);
    return true;
}
