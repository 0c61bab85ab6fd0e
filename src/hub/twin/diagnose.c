/* diagnose.c - reads and updates of twins as resource logs have them.  What configurations and imports write is
 * not among them, as it does not count among the metrics. */
#include "hub/diagnostic/diagnostic.h"
#include "hub/twin/home.h"

static bool is_own_work(const struct ask *ask)
{
    return ask->verb == ASK_WRITE && (ask->how == TWIN_IMPORT || ask->how == TWIN_CONFIGURE);
}

/* Called so in records of twins only. */
static void put_login(struct buf *properties, const struct twins *t, struct slice who)
{
    struct session_link link;
    struct slice auth = session_home_auth(t->sessions, who);
    bool open = session_home_find(t->sessions, who, &link);
    diagnostic_put_text(properties, "protocol",
                        open ? slice_str(hub_protocol_name(link.protocol)) : SLICE_NONE);
    if (auth.len)
        buf_printf(properties, ",%.*s", SLICE_ARG(auth));
    else
        diagnostic_put_text(properties, "authenticationType", SLICE_NONE);
}

void twin_diagnose(const struct twins *t, const struct ask *ask, const struct twin_answer *a)
{
    bool by_device = ask->verb == ASK_READ || ask->verb == ASK_REPORT;
    bool read = ask->verb != ASK_REPORT && ask->verb != ASK_WRITE;
    struct buf properties = {0};
    struct diagnostic d = {.category = by_device ? DIAGNOSTIC_D2C_TWIN_OPERATIONS
                                                 : DIAGNOSTIC_C2D_TWIN_OPERATIONS,
                           .operation = read ? "read" : "update",
                           .properties = &properties};
    if (is_own_work(ask) || !diagnostic_wanted(t->hub, d.category)) return;
    struct slice sdk = session_home_sdk(t->sessions, ask->who);
    diagnostic_put_who(&properties, ask->who);
    if (by_device) put_login(&properties, t, ask->who);
    if (sdk.len) diagnostic_put_text(&properties, "sdkVersion", sdk);
    if (!by_device)
        diagnostic_put_digits(&properties, "messageSize",
                              (int64_t)(read ? a->body.len : ask->json.len));
    diagnostic_set_status(&d, a->status);
    diagnostic_note(t->hub, t->lane, &d);
    buf_free(&properties);
}
