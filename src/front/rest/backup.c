/* backup.c - POST /admin/v1/backup/snapshot: the store writes a copy of itself; the answer says where. */
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
