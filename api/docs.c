/* api/docs.c: see docs.h. */
#include "api/docs.h"

#include "api/http/reply.h"
#include "api/resources/job_view.h"
#include "api/routes.h"
#include "spec/job_spec.h"
#include "spec/job_state.h"
#include "spec/metric.h"

#include <string.h>

static const char intro[] =
    "# The HTTP API\n\n"
    "This page is printed from detrd's own tables; a test compares it.\n\n"
    "JSON in and out, UTF-8, the top level an object. A body needs `Content-Type: application/json` (`curl --json` "
    "sends\n"
    "it) and may have 1 MiB and 16 levels of nesting; a key given twice, a number that is not finite and anything "
    "behind the\n"
    "value are refused, with line and column. Times are RFC 3339 in UTC; durations end in `_s`, sizes in `_bytes`; ids "
    "are\n"
    "integers that only grow. HEAD works where GET does. Unknown query parameters are refused. Long JSON goes "
    "compressed\n"
    "to who sends `Accept-Encoding: gzip`.\n\n"
    "detrd listens on loopback and UNIX sockets. `Host` must be `localhost`, `127.0.0.1` or `[::1]`, and an `Origin` "
    "the\n"
    "same. Over a UNIX socket the kernel tells who submits (`curl --unix-socket PATH http://localhost/v1/jobs`).\n";

static const char first_calls[] =
    "\n## From a spec to a model\n\n"
    "```sh\n"
    "url=http://127.0.0.1:8474\n"
    "spec='{\"model\": \"nano\", \"dataset_dir\": \"/srv/data/bccd\", \"epochs\": 50}'\n"
    "# the data set is read, nothing is queued\n"
    "curl --json \"$spec\" \"$url/v1/jobs?validate=true\"\n"
    "# queued; sent again within 24 h it is the same job\n"
    "id=$(curl -sS --json \"$spec\" -H 'Idempotency-Key: cells-1' $url/v1/jobs | jq .id)\n"
    "# what happens, as it happens, to its end\n"
    "curl -N $url/v1/jobs/$id/events\n"
    "# a curve, and the model\n"
    "curl \"$url/v1/jobs/$id/metrics?name=val/mAP_50_95\"\n"
    "curl -f -C - -O $url/v1/jobs/$id/checkpoints/best.safetensors\n"
    "```\n";

static void print_routes(FILE *out)
{
    fputs(first_calls, out);
    fputs("\n## Addresses\n", out);
    for (const struct route *route = routes; route->path; route++) {
        fprintf(out, "\n### %s %s\n\n%s\n", route->method, route->path, route->help);
        if (*route->query)
            fprintf(out, "\nParameters: `%s`.\n", route->query);
        if (*route->later)
            fprintf(out, "\nComing later, refused until then: `%s`.\n", route->later);
    }
}

static void print_job(FILE *out)
{
    fputs("\n## A job\n\n"
          "Every member is always there, but for those marked with *, which lists leave out.\n\n"
          "| member | type | meaning |\n|---|---|---|\n",
          out);
    for (size_t i = 0; job_view_member(i); i++) {
        const struct job_member *member = job_view_member(i);

        fprintf(out, "| `%s`%s | %s | %s |\n", member->name, member->is_alone ? " *" : "", member->type, member->help);
    }
}

/* What the data of an event is, beside job and attempt; NULL: as docs/protocol.md has it. */
static const char *const event_data[EVENT_TYPE_COUNT] = {
    [EVENT_STATE] = "`state`, `cause`, `detail`, `reason`, as of a job",
    [EVENT_DELETED] = "nothing more: the job and its other events are gone",
};

static void print_events(FILE *out)
{
    fputs("\n## Events\n\n"
          "```\n"
          "id: 4711\n"
          "event: metric\n"
          "data: "
          "{\"seq\":9,\"time_ms\":1795629762007,\"type\":\"metric\",\"step\":3,\"epoch\":1,\"values\":{\"train/"
          "loss\":9.25},"
          "\"job\":17,\"attempt\":1}\n"
          "```\n\n"
          "Ids are of all jobs together and only grow: the stream of one topic has gaps in its ids, and every event of "
          "that topic\n"
          "once, in order. `data` is one line of JSON with `job` and `attempt`, and beside them:\n\n"
          "| event | data |\n|---|---|\n",
          out);
    for (int type = EVENT_NONE + 1; type < EVENT_TYPE_COUNT; type++)
        fprintf(out, "| `%s` | %s |\n", event_type_name((enum event_type)type),
                event_data[type] ? event_data[type] : "the worker's message ([protocol.md](protocol.md))");
    fputs("| `log` | no id; `size_bytes`, how long the log is now |\n"
          "| `gpu` | no id, no `job` and `attempt` of an event; a card as `/v1/gpus` shows it |\n"
          "| `reset` | no id; `after`: the position asked for never was, what follows is behind this one |\n"
          "| `ping` | no id; `{}`, every 15 s |\n",
          out);
}

static void print_problems(FILE *out)
{
    fputs("\n## Errors\n\n"
          "`application/problem+json`: `type`, `title`, `status`, `detail` (one sentence), `request_id`, and for a job "
          "spec\n"
          "`errors: [{\"pointer\", \"detail\", \"value\"}]`, one for each fault.\n\n"
          "| type | status | title |\n|---|---|---|\n",
          out);
    for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
        struct problem problem;

        if (reply_problem_of((enum err_code)code, &problem))
            fprintf(out, "| `urn:detrd:%s` | %u | %s |\n", problem.word, problem.status, problem.title);
    }
}

static void print_values(FILE *out, const struct field *field)
{
    const char *comma = "";

    switch (field->type) {
    case FIELD_BOOL:
        fputs("`true`, `false`", out);
        return;
    case FIELD_INT:
    case FIELD_REAL:
        fprintf(out, "%s, %.15g to %.15g", field->type == FIELD_INT ? "integer" : "number", field->min, field->max);
        return;
    case FIELD_TEXT:
        fprintf(out, "text, at most %.0f characters", field->max);
        return;
    case FIELD_CHOICE:
        for (const struct field_choice *choice = field->choices; choice->json; choice++, comma = ", ")
            fprintf(out, "%s`%s`", comma, choice->json);
        return;
    case FIELD_PAIRS:
        fprintf(out, "object of at most %.0f text pairs", field->max);
        return;
    }
}

static void print_fields(FILE *out)
{
    fputs("\n## The job spec\n\n"
          "The smallest one is `{\"model\": \"nano\", \"dataset_dir\": \"/srv/data/bccd\"}`. What is stored is the "
          "effective spec:\n"
          "every key, defaults filled in. Keys that Python `rfdetr` has keep its names, meaning and defaults; those "
          "that detrd\n"
          "does not have are refused with what to use instead.\n\n"
          "| pointer | values | default | meaning |\n|---|---|---|---|\n",
          out);
    for (const struct field *field = job_fields; field->pointer; field++) {
        const char *fallback = !field->fallback ? "computed" : *field->fallback ? field->fallback : "required";
        const char *quote = field->fallback && *field->fallback ? "`" : "";

        fprintf(out, "| `%s` | ", field->pointer);
        print_values(out, field);
        fprintf(out, " | %s%s%s | %s |\n", quote, fallback, quote, field->help);
    }
}

static void print_names(FILE *out)
{
    fputs("\n## States and causes\n\nStates:", out);
    for (int state = JOB_NONE + 1; state < JOB_STATE_COUNT; state++)
        fprintf(out, " `%s`%s", job_state_name((enum job_state)state),
                job_state_is_final((enum job_state)state) ? " (final)" : "");
    fputs(".\n\nCauses of `failed`, with `detail` in words:", out);
    for (int cause = CAUSE_NONE + 1; cause < CAUSE_COUNT; cause++)
        fprintf(out, " `%s`", job_cause_name((enum job_cause)cause));
    fputs(".\n\n## Series\n\n| name | meaning |\n|---|---|\n", out);
    for (const struct metric_info *info = metric_infos; info->name; info++)
        fprintf(out, "| `%s%s` | %s |\n", info->name, info->name[strlen(info->name) - 1] == '/' ? "<class name>" : "",
                info->definition);
    fputs("\nA `val/` series counts 100 detections an image; `@500` behind its name says another number.\n", out);
}

void docs_print_api(FILE *out)
{
    fputs(intro, out);
    print_routes(out);
    print_job(out);
    print_events(out);
    print_problems(out);
    print_fields(out);
    print_names(out);
}
