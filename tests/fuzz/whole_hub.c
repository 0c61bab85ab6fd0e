/* whole_hub.c - see whole_hub.h. */
#include "whole_hub.h"

#include <stdio.h>
#include <stdlib.h>

#include "auth/sas.h"
#include "base/io_mem.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/say.h"
#include "front/console/console.h"

enum {
    FILES_MAX = 32,
    ANSWER_WAIT_S = 900, /* a method waits 300 s for its device, and as long for its answer */
    KNOWN_MAX = 64 << 10,
    NAME_MAX = 64,
    PLACES_MAX = 32, /* where something stands for what is known; more stand for themselves */
};

struct rig whole;
static struct rig_conn *conn; /* that requests go over; NULL: none yet */
static enum whole_place place;
static struct buf known;           /* name NUL value NUL, of answers */
static struct buf session, cookie; /* lines of a request; empty: nobody has signed in */

/* ---- randomness that comes again */

static uint64_t dice;

static void draw(void *out, size_t len)
{
    uint8_t *bytes = out;
    for (size_t i = 0; i < len; i++) {
        dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (uint8_t)(dice >> 56);
    }
}

/* ---- the disk: files up to their last byte that is not zero */

static struct kept {
    char path[128];
    bool is_dir;
    uint64_t size;
    struct buf bytes;
} files[FILES_MAX];
static unsigned file_count;

static void must(enum err e)
{
    assert(e == OK);
}

static size_t end_of(const uint8_t *bytes, size_t len)
{
    while (len && bytes[len - 1] == 0) len--;
    return len;
}

static void keep_file(struct io_file *f, struct kept *k)
{
    size_t got = 0;
    must(io_size(f, &k->size));
    uint8_t *bytes = mem_new(k->size + 1);
    must(io_read_at(f, 0, bytes, k->size, &got));
    assert(got == k->size);
    buf_put(&k->bytes, bytes, end_of(bytes, got));
    free(bytes);
    io_close(f);
}

struct listing {
    struct io *disk;
    const char *dir; /* "" or "streams/" */
};

static void keep(void *ctx, const char *name)
{
    const struct listing *l = ctx;
    struct io_file *f;
    assert(file_count < FILES_MAX);
    struct kept *k = &files[file_count++];
    snprintf(k->path, sizeof k->path, "%s%s", l->dir, name);
    if (io_open_file(l->disk, k->path, IO_READ, &f) == OK) {
        keep_file(f, k);
        return;
    }
    char below[sizeof k->path + 1];
    k->is_dir = true;
    snprintf(below, sizeof below, "%s/", k->path);
    must(io_list(l->disk, k->path, keep, &(struct listing){l->disk, below}));
}

static struct io *copy_of_disk(void)
{
    struct io *disk = io_mem_new();
    for (unsigned i = 0; i < file_count; i++) {
        struct io_file *f;
        if (files[i].is_dir) {
            must(io_make_dir(disk, files[i].path));
            continue;
        }
        must(io_open_file(disk, files[i].path, IO_WRITE | IO_CREATE, &f));
        must(io_write_at(f, 0, buf_slice(&files[i].bytes)));
        must(io_truncate(f, files[i].size));
        must(io_sync(f));
        io_close(f);
    }
    return disk;
}

/* ---- credentials */

void whole_own_token(struct slice who, struct buf *out)
{
    struct buf resource = {0};
    struct slice rest = who, device;
    slice_split(&rest, '/', &device);
    buf_printf(&resource, "hub.test/devices/%.*s", SLICE_ARG(device));
    if (rest.len) buf_printf(&resource, "/modules/%.*s", SLICE_ARG(rest));
    sas_make(out, buf_slice(&resource), SLICE_LIT(WHOLE_KEY), NULL,
             whole.wall_us / WHOLE_SECOND_US + 3600);
    buf_free(&resource);
}

static void hear_session(const struct work_answer *a)
{
    struct slice line = work_header(a, "set-cookie"), pair;
    slice_split(&line, ';', &pair);
    assert(a->status == 200 && pair.len);
    buf_clear(&session);
    buf_printf(&cookie, "Cookie: %.*s\n", SLICE_ARG(pair));
    buf_printf(&session, "%sx-azimuth-csrf: %.*s\n", buf_cstr(&cookie),
               SLICE_ARG(json_str(a->json, "csrf")));
}

static void sign_in(void)
{
    enum whole_place before = place;
    struct buf link = {0}, request = {0};
    console_put_link(whole.wire.cores[0].console, &link);
    const char *token = strstr(buf_cstr(&link), "#token=");
    assert(token);
    buf_printf(&request, "POST /admin/v1/session HTTP/1.1\n\n{\"token\":\"%s\"}", token + 7);
    whole_go(WHOLE_CONSOLE);
    whole_ask(buf_slice(&request), hear_session);
    whole_go(before);
    buf_free(&request);
    buf_free(&link);
}

static void put_as(struct slice who, struct buf *out)
{
    struct buf token = {0};
    char policy[SAS_POLICY_MAX + 1];
    bool by_session = slice_is(who, "session"), by_cookie = slice_is(who, "cookie");
    if (by_session || by_cookie) {
        buf_put_slice(out, buf_slice(by_session ? &session : &cookie));
        return;
    }
    snprintf(policy, sizeof policy, "%.*s", SLICE_ARG(who));
    if (policies_find(&whole.wire.policies, who))
        rig_token(&whole, policy, "", &token);
    else
        whole_own_token(who, &token);
    buf_printf(out, "Authorization: %s\n", buf_cstr(&token));
    buf_free(&token);
}

/* ---- what answers had */

static void note(struct slice name, struct slice value)
{
    if (buf_size(&known) + name.len + value.len > KNOWN_MAX) return;
    buf_put_slice(&known, name);
    buf_put_u8(&known, 0);
    buf_put_slice(&known, value);
    buf_put_u8(&known, 0);
}

static void note_answer(const struct work_answer *a)
{
    struct slice rest = a->head, line, name;
    slice_split(&rest, '\n', &line);
    while (slice_split(&rest, '\n', &line) && slice_split(&line, ':', &name))
        if (line.len) note(name, slice_trim(line));
    const struct json *j = a->json;
    while (j && j->type == JSON_ARRAY) j = j->child;
    for (j = j && j->type == JSON_OBJECT ? j->child : NULL; j; j = j->next)
        if (j->type == JSON_STRING && !slice_has(j->text, "\n")) note(j->key, j->text);
}

/* The last one's; SLICE_NONE: none. */
static struct slice known_as(struct slice wanted)
{
    struct slice rest = buf_slice(&known), name, value, found = SLICE_NONE;
    while (slice_split(&rest, 0, &name) && slice_split(&rest, 0, &value))
        if (slice_eq_nocase(name, wanted)) found = value;
    return found;
}

static void put_known(struct slice text, struct buf *out)
{
    for (unsigned left = PLACES_MAX; text.len; left -= left > 0) {
        size_t open = left ? slice_find(text, '<') : text.len;
        struct slice name = slice_head(slice_from(text, open + 1), NAME_MAX), value = SLICE_NONE;
        size_t len = slice_find(name, '>'), end = open + 1 + len;
        if (len < name.len) value = known_as(slice_head(name, len));
        buf_put_slice(out, slice_head(text, value.ptr ? open : open + 1));
        buf_put_slice(out, value);
        text = slice_from(text, value.ptr ? end + 1 : open + 1);
    }
}

/* ---- requests */

static void hear(struct slice bytes)
{
    rig_say(conn, bytes);
}

struct rig_conn *whole_dial(enum whole_place to)
{
    struct rig_conn *c = rig_dial(&whole, to == WHOLE_CONSOLE ? WIRE_CONSOLE : WIRE_HTTP);
    snprintf(c->conn.peer, sizeof c->conn.peer, "192.0.2.1:4000");
    c->conn.admin = to == WHOLE_SOCKET;
    return c;
}

static void hang_up(void)
{
    if (conn) rig_free(conn);
    conn = NULL;
    work_anew();
}

void whole_go(enum whole_place to)
{
    hang_up();
    place = to;
}

/* What it is asked for, with all that it stands for. */
static void put_request(struct slice request, struct buf *out)
{
    struct buf whole_text = {0};
    put_known(request, &whole_text);
    struct slice rest = buf_slice(&whole_text), line;
    bool in_head = true;
    while (in_head && slice_split(&rest, '\n', &line)) {
        in_head = line.len > 0;
        if (slice_starts(line, SLICE_LIT("As: "))) {
            put_as(slice_from(line, 4), out);
            continue;
        }
        buf_put_slice(out, line);
        buf_put_u8(out, '\n');
    }
    if (in_head && buf_size(out)) out->len--; /* no body: the head's last line has no end */
    buf_put_slice(out, rest);
    buf_free(&whole_text);
}

/* How many answers have come; of an upgrade nothing more is understood. */
static void read_answers(void (*see)(const struct work_answer *a))
{
    struct work_answer a;
    buf_put_slice(&work.wire.sent, buf_slice(&conn->heard));
    buf_clear(&conn->heard);
    while (work_next_answer(&a)) {
        if (a.status == 101) {
            hang_up();
            return;
        }
        note_answer(&a);
        if (see) see(&a);
    }
}

static void await(void (*see)(const struct work_answer *a))
{
    read_answers(see);
    for (int64_t s = 0, step = 1; conn && work.answers < work.requests; s += step) {
        assert(s < ANSWER_WAIT_S && !conn->shut);
        step = 1 + s / 10;
        rig_wait(&whole, step * WHOLE_SECOND_US);
        read_answers(see);
    }
    if (conn && conn->shut) hang_up();
}

/* The hub takes empty lines before a request for nothing. */
static struct slice without_empty_lines(struct slice text)
{
    while (text.len && (text.ptr[0] == '\n' || text.ptr[0] == '\r')) text = slice_from(text, 1);
    return text;
}

void whole_ask(struct slice request, void (*see)(const struct work_answer *a))
{
    bool chunked = slice_starts(request, SLICE_LIT("+"));
    struct buf text = {0};
    if (work.requests == WORK_REQUESTS_MAX) return;
    if (conn && conn->shut) hang_up(); /* by the hub, meanwhile */
    put_request(without_empty_lines(slice_from(request, chunked)), &text);
    if (conn == NULL) conn = whole_dial(place);
    work_ask(without_empty_lines(buf_slice(&text)), chunked);
    await(see);
    buf_free(&text);
}

/* ---- life */

static void expect_good(const struct work_answer *a)
{
    assert(a->status == 200 || a->status == 201);
}

static void start(struct io *disk, uint64_t seed)
{
    say_level_max = SAY_ERROR;
    dice = seed;
    rand_use(draw);
    whole.disk = disk;
    rig_start(&whole);
    whole.wire.rest.admin_url = "http://127.0.0.1:8080";
    work = (struct work){.carry = hear};
    place = WHOLE_SOCKET;
}

static void stop(void)
{
    hang_up();
    work_forget();
    buf_free(&known);
    buf_free(&session);
    buf_free(&cookie);
    rand_use(NULL);
}

#define KEYS                                                                                       \
    "\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"" WHOLE_KEY_TEXT                       \
    "\",\"secondaryKey\":\"" WHOLE_KEY_TEXT "\"}}"
#define PUT(path, head, id, json)                                                                  \
    "PUT /devices/" path "?api-version=2021-04-12 HTTP/1.1\n" head "\n{" id "," KEYS json "}"
#define PUT_DEVICE(id, json) PUT(id, "", "\"deviceId\":\"" id "\"", json)
#define PUT_MODULE(device, id, head)                                                               \
    PUT(device "/modules/" id, head, "\"deviceId\":\"" device "\",\"moduleId\":\"" id "\"", "")
#define PUT_EDGE_HUB(device) PUT_MODULE(device, "$edgeHub", "If-Match: *\n")
#define EDGE                 ",\"capabilities\":{\"iotEdge\":true}"

static void make_disk(void)
{
    static const char *const requests[] = {
        PUT_DEVICE("d1", ""),
        PUT_MODULE("d1", "m1", ""),
        PUT_DEVICE("d2", ""),
        PUT_DEVICE("stays", ""),
        PUT_DEVICE("top", EDGE),
        PUT_EDGE_HUB("top"),
        "GET /devices/top?api-version=2021-04-12 HTTP/1.1",
        PUT_DEVICE("mid", EDGE ",\"parentScopes\":[\"<deviceScope>\"]"),
        PUT_EDGE_HUB("mid"),
        "GET /devices/mid?api-version=2021-04-12 HTTP/1.1",
        PUT_DEVICE("leaf", ",\"deviceScope\":\"<deviceScope>\""),
        "PUT /admin/v1/users/maria HTTP/1.1\n\n{\"role\":\"reader\",\"password\":\"" WHOLE_PASSWORD
        "\"}",
    };
    start(NULL, 1);
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++)
        whole_ask(slice_str(requests[i]), expect_good);
    stop();
    struct io *disk = rig_stop_keeping(&whole);
    must(io_list(disk, ".", keep, &(struct listing){disk, ""}));
    io_free(disk);
}

void whole_begin(void)
{
    if (file_count == 0) make_disk();
    start(copy_of_disk(), 2);
    sign_in();
    whole_go(WHOLE_API);
}

static void expect_device(const struct work_answer *a)
{
    assert(a->status == 200 && slice_is(json_str(a->json, "deviceId"), "stays"));
}

void whole_end(void)
{
    whole_go(WHOLE_SOCKET);
    work.requests = work.answers = 0;
    work.heads = 0;
    whole_ask(SLICE_LIT("GET /devices/stays?api-version=2021-04-12 HTTP/1.1"), expect_device);
    whole_ask(SLICE_LIT("GET /readyz HTTP/1.1"), expect_good);
    stop();
    rig_stop(&whole);
}
