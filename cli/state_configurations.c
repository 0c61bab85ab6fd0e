/* state_configurations.c - configurations and deployments in a hub's state, as az has them there. */
#include "cli/state.h"

#include "base/text.h"
#include "cli/http.h"

static enum err list(struct target *t, struct json **out)
{
    TRY(http_json(t, &(struct http_call){.method = "GET", .path = "/configurations?top=100"},
                  "the configurations", out));
    if (*out && (*out)->type == JSON_ARRAY) return OK;
    return fail(ERR_PROTOCOL, "%s answered with something else than configurations", t->name);
}

/* ---- export */

static bool is_deployment(const struct json *configuration)
{
    const struct json *content = json_get(json_get(configuration, "content"), "modulesContent");
    return content && content->type != JSON_NULL;
}

static bool is_hubs_own(struct slice member)
{
    static const char *const made[] = {"schemaVersion", "createdTimeUtc", "lastUpdatedTimeUtc",
                                       "etag"};
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        if (slice_is(member, made[i])) return true;
    return false;
}

static void put_one(struct buf *out, const struct json *configuration)
{
    bool first = true;
    buf_put_u8(out, '{');
    for (const struct json *m = configuration->child; m; m = m->next) {
        if (is_hubs_own(m->key)) continue;
        if (!first) buf_put_u8(out, ',');
        first = false;
        text_json_string(out, m->key);
        buf_put_u8(out, ':');
        json_write(out, m);
    }
    buf_put_u8(out, '}');
}

static void put_kind(struct buf *out, const struct json *all, bool deployments,
                     unsigned long *count)
{
    bool first = true;
    buf_put_u8(out, '{');
    for (const struct json *j = all->child; j; j = j->next) {
        if (is_deployment(j) != deployments) continue;
        if (!first) buf_put_str(out, ",\n");
        first = false;
        text_json_string(out, json_str(j, "id"));
        buf_put_u8(out, ':');
        put_one(out, j);
        ++*count;
    }
    buf_put_u8(out, '}');
}

enum err state_write_configurations(struct cli *c, struct target *t, FILE *file,
                                    unsigned long *count)
{
    struct json *all;
    struct buf out = {0};
    (void)c;
    TRY(list(t, &all));
    buf_put_str(&out, "{\"admConfigurations\":");
    put_kind(&out, all, false, count);
    buf_put_str(&out, ",\"edgeDeployments\":");
    put_kind(&out, all, true, count);
    buf_put_u8(&out, '}');
    bool wrote = fwrite(out.ptr, 1, out.len, file) == out.len;
    buf_free(&out);
    return wrote ? OK : fail_errno("the file cannot be written");
}

/* ---- import */

/* One that is there is updated. */
static enum err put_on_hub(struct cli *c, struct target *t, const struct json *configuration,
                           unsigned *failed)
{
    struct http_answer a;
    struct buf body = {0};
    struct http_call call = {.method = "PUT",
                             .path = http_path(c, "/configurations/", configuration->key)};
    json_write(&body, configuration);
    call.body = buf_slice(&body);
    enum err e = http_do(t, &call, &a);
    if (e == OK && a.status == 409) {
        http_answer_free(&a);
        call.if_match = "*";
        e = http_do(t, &call, &a);
    }
    buf_free(&body);
    if (e != OK) return e;
    if (a.status >= 300) {
        fprintf(stderr, "configuration %.*s: %.*s\n", SLICE_ARG(configuration->key),
                SLICE_ARG(http_message(t, &a)));
        ++*failed;
    }
    http_answer_free(&a);
    return OK;
}

enum err state_add_configurations(struct cli *c, struct target *t, const struct json *state,
                                  unsigned long *count, unsigned *failed)
{
    static const char *const kinds[] = {"admConfigurations", "edgeDeployments"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct json *kind = json_get(state, kinds[i]);
        for (const struct json *j = kind ? kind->child : NULL; j; j = j->next, ++*count)
            TRY(put_on_hub(c, t, j, failed));
    }
    return OK;
}

enum err state_delete_configurations(struct cli *c, struct target *t)
{
    struct json *all, *nothing;
    TRY(list(t, &all));
    for (const struct json *j = all->child; j; j = j->next)
        TRY(http_json(
            t,
            &(struct http_call){.method = "DELETE",
                                .path = http_path(c, "/configurations/", json_str(j, "id")),
                                .if_match = "*"},
            "a configuration", &nothing));
    return OK;
}
