/* way.c - see way.h. */
#include "cli/way.h"

#include "auth/sas.h"
#include "base/clock.h"
#include "base/text.h"

/* As Event Hubs clients sign: for sb://host/hub, with the text of the key. */
static enum err event_hubs_token(struct target *t, const char *audience, struct buf *token)
{
    struct connstr as;
    struct buf policy = {0};
    TRY(target_policy(t, NULL, &as));
    if (as.signature.len) {
        buf_put_slice(token, as.signature);
        return OK;
    }
    buf_put_slice(&policy, as.policy);
    sas_make(token, slice_str(audience), as.key, buf_cstr(&policy),
             clock_wall_us() / 1000000 + TARGET_TOKEN_S);
    buf_free(&policy);
    return OK;
}

enum err way_sign(struct target *t, bool sent_on, struct events_config *cfg)
{
    struct buf token = BUF_SECRET, audience = {0};
    bool event_hubs = sent_on || t->login.kind == CONNSTR_EVENT_HUBS;
    buf_put_str(&audience, "sb://");
    text_url_host(&audience, cfg->host);
    buf_printf(&audience, "/%s", cfg->entity);
    cfg->audience = cli_keep(t->cli, &audience);
    TRY(event_hubs ? event_hubs_token(t, cfg->audience, &token) : target_token(t, "", &token));
    cfg->token = slice_str(cli_keep(t->cli, &token));
    return OK;
}

/* An Azure IoT hub takes a login and names its event hub; our own is read where it is. */
enum err way_choose(struct target *t, const char *entity, struct events_config *cfg,
                    struct line_to *to)
{
    struct buf user = {0};
    bool event_hubs = t->login.kind == CONNSTR_EVENT_HUBS && t->data == NULL;
    cfg->host = t->name;
    cfg->entity = entity ? entity : (event_hubs || t->data) ? t->hub_name : EVENTS_IOT_NAME;
    if (event_hubs && t->login.entity.len == 0 && entity == NULL)
        return fail(ERR_INVALID, "the connection string has no EntityPath");
    if (target_is_azure(t) && !event_hubs) {
        buf_printf(&user, "%.*s@sas.root.%s", SLICE_ARG(t->login.policy), t->hub_name);
        cfg->login = cli_keep(t->cli, &user);
    }
    TRY(way_sign(t, false, cfg));
    return target_way(t, t->amqp_port, to);
}

enum err way_follow(struct target *t, const struct events_event *ev, unsigned *redirects,
                    struct events_config *cfg, struct line_to *to)
{
    struct buf host = {0}, entity = {0};
    if (++*redirects > WAY_REDIRECTS_MAX)
        return fail(ERR_PROTOCOL, "%s sends us round in circles", cfg->host);
    buf_put_slice(&host, ev->host);
    buf_put_slice(&entity, ev->entity);
    cfg->host = cli_keep(t->cli, &host);
    cfg->entity = cli_keep(t->cli, &entity);
    cfg->login = NULL;
    to->name = cfg->host;
    TRY(way_sign(t, true, cfg));
    return line_resolve(cfg->host, ev->port, to);
}
