/* diagnostics.c - diagnostic settings: which resource logs go where (hub/diagnostic).
 *
 * Source: ARM Microsoft.Insights/diagnosticSettings and diagnosticSettingsCategories. */
#include "base/json.h"
#include "front/rest/call.h"

static void on_answer(struct diagnostic_wait *w, const struct diagnostic_answer *a)
{
    struct call *c = CONTAINER_OF(w, struct call, diagnostic_wait);
    rest_call_resume(c);
    if (a->status == STATUS_HUB_NOT_FOUND)
        rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION),
                          "there is no diagnostic setting of that name");
    else
        rest_answer_outcome(c, a->status, a->text, a->json);
    rest_call_end(c);
}

static struct diagnostic_wait *wait(struct call *c)
{
    c->diagnostic_wait.fn = on_answer;
    rest_call_wait(c, WAITING_DIAGNOSTICS);
    return &c->diagnostic_wait;
}

static struct diagnostics *home_of(const struct call *c)
{
    return c->service->config->hub->diagnostics;
}

static struct slice name_of(const struct call *c)
{
    return rest_route_param(c, "setting");
}

void rest_diagnostic_list(struct call *c)
{
    diagnostic_setting_list(home_of(c), c->service->lane, wait(c));
}

void rest_diagnostic_get(struct call *c)
{
    diagnostic_setting_get(home_of(c), c->service->lane, name_of(c), wait(c));
}

/* Whatever else is wrong with it the lane says. */
static bool names_no_event_hub(const struct call *c)
{
    struct arena arena = {0};
    struct json *doc;
    bool absent = false;
    if (json_parse(&arena, buf_slice(&c->body), &doc) == OK) {
        struct slice name = json_str(json_get(doc, "properties"), "eventHubName");
        absent = name.len && event_hub_find(c->service->doors.event_hubs, name) == NULL;
    }
    arena_free(&arena);
    return absent;
}

void rest_diagnostic_put(struct call *c)
{
    if (names_no_event_hub(c))
        rest_answer_status(c, STATUS_ARGUMENT_INVALID,
                           "there is no event hub of that name: make it with azimuth eventhub "
                           "create; the built-in one is for devices");
    else
        diagnostic_setting_put(home_of(c), c->service->lane, name_of(c), buf_slice(&c->body),
                               wait(c));
}

void rest_diagnostic_delete(struct call *c)
{
    diagnostic_setting_delete(home_of(c), c->service->lane, name_of(c), wait(c));
}

void rest_diagnostic_categories(struct call *c)
{
    struct buf json = {0};
    for (unsigned i = 0; i < DIAGNOSTIC_CATEGORIES; i++)
        buf_printf(&json,
                   "%s{\"name\":\"%s\",\"properties\":{\"categoryType\":\"Logs\","
                   "\"categoryGroups\":[\"allLogs\"]}}",
                   i ? "," : "[", diagnostic_category_name(i));
    buf_put_u8(&json, ']');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}
