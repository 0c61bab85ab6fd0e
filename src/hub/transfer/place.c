/* place.c - addresses of containers, and who is asked about them. */
#include "hub/transfer/place.h"

#include "auth/blob_sas.h"
#include "base/clock.h"
#include "base/text.h"
#include "blob/remote.h"

/* ---- addresses */

struct uri {
    struct slice scheme, authority, path, query; /* path with its slash, query without '?' */
};

static bool split(struct slice text, struct uri *out)
{
    size_t at = slice_find(text, ':');
    if (!slice_starts(slice_from(text, at), SLICE_LIT("://"))) return false;
    out->scheme = slice_head(text, at);
    text = slice_from(text, at + 3);
    at = slice_find(text, '?');
    out->query = slice_from(text, at + 1);
    text = slice_head(text, at);
    at = slice_find(text, '/');
    out->authority = slice_head(text, at);
    out->path = slice_from(text, at);
    while (out->path.len && out->path.ptr[out->path.len - 1] == '/') out->path.len--;
    return out->authority.len > 0 && out->path.len > 1;
}

static bool is_clean(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7f) return false;
    return true;
}

static bool is_own(const struct hub *hub, const struct transfer_config *cfg, const struct uri *u)
{
    return cfg->blobs && hub_is_host(hub, u->authority) &&
           slice_is(slice_from(u->path, 1), cfg->container);
}

static enum err check_own(const struct transfer_config *cfg, const struct uri *u, struct slice name,
                          unsigned wanted)
{
    unsigned rights = 0;
    enum blob_sas_cause cause = blob_sas_check(u->query, cfg->account, slice_str(cfg->container),
                                               name, clock_wall_us(), &rights);
    if (cause != BLOB_SAS_OK) return fail(ERR_DENIED, "%s", blob_sas_cause_text(cause));
    if ((rights & wanted) != wanted)
        return fail(ERR_DENIED, "the signature does not allow to %s the container",
                    wanted & BLOB_READ ? "read from" : "write to");
    return OK;
}

/* Its slashes stay. */
static void put_name(struct buf *out, struct slice name)
{
    struct slice segment;
    while (slice_split(&name, '/', &segment)) {
        buf_put_u8(out, '/');
        text_percent(out, segment);
    }
}

static enum err set_remote(struct arena *a, const struct uri *u, struct slice name,
                           struct place *out)
{
    struct buf uri = {0};
    if (out->cfg->remote == NULL)
        return fail(ERR_INVALID, "this hub writes to its own container only");
    buf_printf(&uri, "%.*s://%.*s%.*s", SLICE_ARG(u->scheme), SLICE_ARG(u->authority),
               SLICE_ARG(u->path));
    put_name(&uri, name);
    buf_printf(&uri, "?%.*s", SLICE_ARG(u->query));
    out->uri = arena_copy(a, buf_slice(&uri));
    buf_free(&uri);
    return OK;
}

enum err place_read(struct arena *a, const struct hub *hub, const struct transfer_config *cfg,
                    struct lane *lane, struct slice uri, struct slice name, unsigned rights,
                    struct place *out)
{
    struct uri u;
    *out = (struct place){.cfg = cfg, .lane = lane, .name = arena_copy(a, name)};
    if (!is_clean(uri) || !split(uri, &u) ||
        !(slice_is_nocase(u.scheme, "https") || slice_is_nocase(u.scheme, "http")))
        return fail(ERR_INVALID, "a container's URI is https://ACCOUNT/CONTAINER?SIGNATURE");
    if (name.len > BLOBS_NAME_MAX || !text_is_utf8(name))
        return fail(ERR_INVALID, "a blob's name is UTF-8 of up to %d bytes", BLOBS_NAME_MAX);
    out->own = is_own(hub, cfg, &u);
    return out->own ? check_own(cfg, &u, name, rights) : set_remote(a, &u, name, out);
}

/* ---- writing */

static struct blob_name name_of(const struct place *p)
{
    return (struct blob_name){slice_str(p->cfg->container), p->name};
}

void sink_begin(struct sink *s, const struct place *place, struct blobs_wait *w)
{
    *s = (struct sink){.place = place};
    if (place->own)
        blobs_begin(place->cfg->blobs, place->lane, w);
    else
        remote_probe(place->cfg->remote, place->lane, place->uri, w);
}

void sink_begun(struct sink *s, const struct blobs_answer *a)
{
    s->writer = a->writer;
}

void sink_append(struct sink *s, struct slice piece, struct blobs_wait *w)
{
    const struct place *p = s->place;
    if (p->own)
        blobs_append(p->cfg->blobs, p->lane, s->writer, piece, w);
    else
        remote_stage(p->cfg->remote, p->lane, p->uri, s->blocks++, piece, w);
}

void sink_end(struct sink *s, struct blobs_wait *w)
{
    const struct place *p = s->place;
    struct blobs_props props = {.text[BLOBS_TYPE] = SLICE_LIT("text/plain")};
    if (p->own)
        blobs_put(p->cfg->blobs, p->lane, s->writer, name_of(p), &props, w);
    else
        remote_commit(p->cfg->remote, p->lane, p->uri, s->blocks, w);
    s->writer = 0;
}

void sink_abort(struct sink *s)
{
    const struct place *p = s->place;
    if (p && p->own && s->writer) blobs_abort(p->cfg->blobs, p->lane, s->writer);
    s->writer = 0;
}

/* ---- reading */

void source_open(const struct place *p, bool probes, struct blobs_wait *w)
{
    if (p->own)
        blobs_get(p->cfg->blobs, p->lane, name_of(p), w);
    else
        remote_get(p->cfg->remote, p->lane, p->uri, probes, w);
}

void source_read(const struct place *p, int64_t modified_us, uint64_t offset, uint32_t len,
                 struct blobs_wait *w)
{
    if (p->own)
        blobs_read(p->cfg->blobs, p->lane, name_of(p), modified_us, offset, len, w);
    else
        remote_read(p->cfg->remote, p->lane, p->uri, modified_us, offset, len, w);
}
