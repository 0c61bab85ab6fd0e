/* backup.c - asks the store for its snapshot. */
#include "hub/backup/backup.h"

#include "base/metrics.h"

COUNTER(snapshots, "azimuth_backup_snapshots_total", "Copies of itself that the store made");

static void on_made(struct store_wait *store, struct store_answer *a)
{
    struct backup_wait *w = CONTAINER_OF(store, struct backup_wait, store);
    if (a->err == OK) metric_inc(&snapshots);
    w->fn(w, a->err);
}

void backup_snapshot(const struct hub *hub, struct lane *lane, struct backup_wait *w)
{
    w->lane = lane;
    w->store.fn = on_made;
    store_snapshot(hub->store, lane, &w->store);
}

void backup_forget(struct backup_wait *w)
{
    store_forget(w->lane, &w->store);
}

const char *backup_file(void)
{
    return STORE_SNAPSHOT;
}
