/* cmd_query.c - azimuth hub query. */
#include "cli/cmd.h"

#include "base/num.h"
#include "base/text.h"
#include "cli/http.h"

enum { PAGE = 1000 };

const struct cli_option query_options[] = {
    {"query-command q", "SQL", "the query"},
    {"top", "N", "so many rows at most"},
    {"", NULL, NULL},
};

const struct cli_option twin_list_options[] = {
    {"top", "N", "so many at most"},
    {"edge-enabled ee", NULL, "edge devices only"},
    {"", NULL, NULL},
};

const char query_help[] =
    "    azimuth hub query -q \"SELECT * FROM devices WHERE tags.floor = 3\" --top 10\n"
    "    azimuth hub query -q \"SELECT deviceId, properties.reported.firmware FROM devices\" -o "
    "tsv\n"
    "    azimuth hub query -q \"SELECT status, COUNT() AS devices FROM devices GROUP BY "
    "status\"\n\n"
    "-o jsonl prints each page as it comes.";

struct rows {
    struct json *all; /* an array */
    struct json **end;
    uint64_t left; /* of --top */
    struct buf next;
};

static enum err read_top(struct cli *c, uint64_t *out)
{
    const char *top = cli_value(c, "top");
    *out = UINT64_MAX;
    if (top == NULL || strcmp(top, "-1") == 0) return OK; /* az: all of them */
    if (num_u64(slice_str(top), out) == OK && *out > 0) return OK;
    return fail(ERR_INVALID, "--top %s: a number from 1 on was expected", top);
}

static enum err ask_page(struct target *t, struct slice body, struct rows *rows)
{
    struct http_answer a;
    struct http_call call = {.method = "POST",
                             .path = "/devices/query",
                             .body = body,
                             .max_items = (unsigned)MIN(rows->left, PAGE),
                             .continuation = buf_size(&rows->next) ? buf_cstr(&rows->next) : NULL};
    TRY(http_do(t, &call, &a));
    enum err e = a.status >= 300 ? http_refusal(t, &a, "the query") : OK;
    if (e == OK && (a.json == NULL || a.json->type != JSON_ARRAY))
        e = fail(ERR_PROTOCOL, "%s answered the query with something else than rows", t->name);
    buf_clear(&rows->next);
    buf_put_slice(&rows->next, http_answer_header(&a, "x-ms-continuation"));
    http_answer_free(&a);
    for (struct json *j = e == OK ? a.json->child : NULL; j && rows->left > 0; j = j->next) {
        *rows->end = j;
        rows->end = &j->next;
        rows->left--;
    }
    *rows->end = NULL;
    return e;
}

static enum err print(struct cli *c, struct rows *rows)
{
    TRY(output_value(&c->output, &c->arena, rows->all, NULL));
    rows->all->child = NULL;
    rows->end = &rows->all->child;
    return OK;
}

/* Lines need not wait for the last page. */
static enum err ask_pages(struct cli *c, struct target *t, struct slice body, struct rows *rows)
{
    do {
        TRY(ask_page(t, body, rows));
        if (c->output.format == OUTPUT_JSONL) TRY(print(c, rows));
    } while (buf_size(&rows->next) && rows->left > 0);
    return c->output.format == OUTPUT_JSONL ? OK : print(c, rows);
}

static void put_body(struct buf *out, struct slice query)
{
    buf_put_str(out, "{\"query\":");
    text_json_string(out, query);
    buf_put_u8(out, '}');
}

enum err query_rows(struct cli *c, struct target *t, struct slice query, struct json **out)
{
    struct buf body = {0};
    struct rows rows = {.all = json_new(&c->arena, JSON_ARRAY), .left = UINT64_MAX};
    enum err e;
    rows.end = &rows.all->child;
    put_body(&body, query);
    do e = ask_page(t, buf_slice(&body), &rows);
    while (e == OK && buf_size(&rows.next));
    *out = rows.all;
    buf_free(&body);
    buf_free(&rows.next);
    return e;
}

static enum err show_rows(struct cli *c, struct slice query)
{
    struct target t;
    struct buf body = {0};
    struct rows rows = {.all = json_new(&c->arena, JSON_ARRAY)};
    rows.end = &rows.all->child;
    TRY(read_top(c, &rows.left));
    TRY(target_find(c, &t));
    put_body(&body, query);
    enum err e = ask_pages(c, &t, buf_slice(&body), &rows);
    buf_free(&body);
    buf_free(&rows.next);
    return e;
}

enum err query_hub(struct cli *c)
{
    struct slice query;
    TRY(cli_need(c, "query-command", &query));
    return show_rows(c, query);
}

enum err twin_list(struct cli *c)
{
    return show_rows(c, cli_given(c, "edge-enabled")
                            ? SLICE_LIT("SELECT * FROM devices WHERE capabilities.iotEdge = true")
                            : SLICE_LIT("SELECT * FROM devices"));
}
