/* backup.c - /admin/v1/backup: the store writes a copy of itself; backups that the server makes, and what the last one was. */
#include <stdlib.h>

#include "base/text.h"
#include "front/rest/call.h"
#include "hub/backup/backup.h"

struct backup_call {
    struct backup_wait wait;
    struct call *call;
    bool under_way;
};

static void forget(struct call *c)
{
    struct backup_call *b = c->own;
    if (b->under_way) backup_forget(&b->wait);
    free(b);
}

static void answer(struct call *c)
{
    struct buf json = {0}, path = {0};
    buf_printf(&path, "%s/%s", c->service->config->data_path, backup_file());
    buf_put_str(&json, "{\"path\":");
    text_json_string(&json, buf_slice(&path));
    buf_put_u8(&json, '}');
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
    buf_free(&path);
}

static void on_made(struct backup_wait *w, enum err e)
{
    struct backup_call *b = CONTAINER_OF(w, struct backup_call, wait);
    struct call *c = b->call;
    b->under_way = false;
    rest_call_resume(c);
    if (e == OK)
        answer(c);
    else
        rest_answer_status(
            c, e == ERR_FULL ? STATUS_SERVICE_UNAVAILABLE : STATUS_SERVER_ERROR,
            "the store could not write a copy of itself: is there room on the disk?");
    rest_call_end(c);
}

void rest_backup_snapshot(struct call *c)
{
    struct backup_call *b = NEW(struct backup_call);
    b->call = c;
    b->wait.fn = on_made;
    b->under_way = true;
    c->own = b;
    c->forget = forget;
    rest_call_wait_long(c, WAITING_SITE, REST_BACKUP_WAIT_US);
    backup_snapshot(c->service->config->hub, c->service->lane, &b->wait);
}

/* ---- of the server's own */

static bool is_there(struct call *c)
{
    if (c->service->config->backups) return true;
    rest_answer_named(c, 404, status_name(STATUS_INVALID_OPERATION),
                      "this server makes no backups");
    return false;
}

void rest_backup_show(struct call *c)
{
    struct buf json = {0};
    if (!is_there(c)) return;
    backups_put(c->service->config->backups, &json);
    rest_answer_json(c, buf_slice(&json));
    buf_free(&json);
}

void rest_backup_begin(struct call *c)
{
    if (!is_there(c)) return;
    enum err e = backups_begin(c->service->config->backups, c->service->lane);
    if (e == OK)
        rest_answer_accepted(c, SLICE_NONE, SLICE_LIT("/admin/v1/backup"));
    else
        rest_answer_named(c, e == ERR_CONFLICT ? 409 : 400, status_name(STATUS_INVALID_OPERATION),
                          fail_text());
}

void rest_backup_finished(struct call *c)
{
    if (!is_there(c)) return;
    backups_look(c->service->config->backups, c->service->lane);
    rest_answer_nothing(c);
}
