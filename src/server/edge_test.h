/* edge_test.h - a hierarchy for tests of fronts: top, an edge device; mid, another one below it; leaf,
 * a device below that; other, an edge device beside them. */
#ifndef SERVER_EDGE_TEST_H
#define SERVER_EDGE_TEST_H

#include <inttypes.h>

#include "base/test.h"

#include "auth/sas.h"
#include "server/rig.h"

enum { EDGE_SCOPE_LEN = 128 };

/* Of their $edgeHubs; 16 bytes of text, so that tests can sign with it. */
#define EDGE_KEY "fedcba9876543210"
#define EDGE_KEYS(key)                                                                             \
    "{\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"" key "\",\"secondaryKey\":\"" key    \
    "\"}}}"

#define LEAF_KEY "MDEyMzQ1Njc4OWFiY2RlZg=="

struct hierarchy {
    char top[EDGE_SCOPE_LEN], mid[EDGE_SCOPE_LEN], other[EDGE_SCOPE_LEN]; /* scopes */
};

/* The scope that the hub makes has the time in it. */
static inline void put_edge(struct rig *r, const char *id, const char *parent, char *scope)
{
    char json[512], who[64];
    snprintf(json, sizeof json, "{\"capabilities\":{\"iotEdge\":true},\"parentScopes\":[\"%s\"]}",
             parent);
    if (*parent == '\0') snprintf(json, sizeof json, "{\"capabilities\":{\"iotEdge\":true}}");
    rig_put_device(r, id, json, NULL);
    snprintf(scope, EDGE_SCOPE_LEN, "ms-azure-iot-edge://%s-%" PRId64, id,
             (r->now_us + r->wall_us) * 10);
    snprintf(who, sizeof who, "%s/$edgeHub", id);
    rig_put_device(r, who, EDGE_KEYS("ZmVkY2JhOTg3NjU0MzIxMA=="), "*");
}

/* Its keys stay whatever else becomes of it. */
static inline void put_leaf(struct rig *r, const char *scope, const char *if_match)
{
    char json[512];
    snprintf(json, sizeof json,
             "{\"deviceScope\":\"%s\",\"authentication\":{\"symmetricKey\":"
             "{\"primaryKey\":\"" LEAF_KEY "\",\"secondaryKey\":\"" LEAF_KEY "\"}}}",
             scope);
    rig_put_device(r, "leaf", json, if_match);
}

static inline struct hierarchy put_hierarchy(struct rig *r)
{
    struct hierarchy h;
    put_edge(r, "top", "", h.top);
    put_edge(r, "mid", h.top, h.mid);
    put_edge(r, "other", "", h.other);
    put_leaf(r, h.mid, NULL);
    return h;
}

static inline void edge_token(const struct rig *r, const char *edge, struct buf *out)
{
    char resource[256];
    snprintf(resource, sizeof resource, "hub.test/devices/%s/modules/$edgeHub", edge);
    sas_make(out, slice_str(resource), SLICE_LIT(EDGE_KEY), NULL, r->wall_us / 1000000 + 3600);
}

/* What may happen to it.  After each of the first ones top speaks for leaf no longer, or has to say
 * again that it does. */
enum hierarchy_change {
    LEAF_MOVES,
    LEAF_IS_DETACHED,
    MID_IS_DETACHED,
    MID_IS_DELETED,
    TOP_IS_DISABLED,
    TOP_GETS_OTHER_KEYS,
    TOP_IS_DELETED,
    TOP_IS_NO_EDGE,
    HIERARCHY_CHANGES,
    OTHER_IS_DELETED = HIERARCHY_CHANGES,
};

static inline void change_hierarchy(struct rig *r, const struct hierarchy *h,
                                    enum hierarchy_change change)
{
    char json[512];
    switch (change) {
    case LEAF_MOVES: put_leaf(r, h->other, "*"); break;
    case LEAF_IS_DETACHED: put_leaf(r, "", "*"); break;
    case MID_IS_DETACHED:
        snprintf(json, sizeof json, "{\"capabilities\":{\"iotEdge\":true},\"deviceScope\":\"%s\"}",
                 h->mid);
        rig_put_device(r, "mid", json, "*");
        break;
    case MID_IS_DELETED: rig_delete(r, "mid"); break;
    case TOP_IS_DISABLED:
        snprintf(json, sizeof json,
                 "{\"status\":\"disabled\",\"capabilities\":{\"iotEdge\":true},"
                 "\"deviceScope\":\"%s\"}",
                 h->top);
        rig_put_device(r, "top", json, "*");
        break;
    case TOP_GETS_OTHER_KEYS:
        rig_put_device(r, "top/$edgeHub", EDGE_KEYS("MDEyMzQ1Njc4OWFiY2RlZg=="), "*");
        break;
    case TOP_IS_DELETED: rig_delete(r, "top"); break;
    case TOP_IS_NO_EDGE: rig_put_device(r, "top", "{}", "*"); break;
    case OTHER_IS_DELETED: rig_delete(r, "other"); break;
    }
    rig_run(r);
}

#endif
