/* http_work.c - see http_work.h. */
#include "http_work.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/say.h"

#define FIRST_DAY_US (INT64_C(1767225600) * 1000000)

struct work work;
int64_t work_mono_us;
static struct arena arena;
static struct buf answered; /* the last answer, which slices borrow from */

static int64_t read_mono(void)
{
    return work_mono_us;
}

static int64_t read_wall(void)
{
    return FIRST_DAY_US + work_mono_us;
}

static const struct clock_source source = {read_mono, read_wall};

/* ---- life */

void work_begin(void)
{
    say_level_max = SAY_ERROR;
    work = (struct work){0};
    work_mono_us = INT64_C(1000000);
    clock_use(&source);
    lane_init(&work.lane, &work.office, "core");
    conn_host_init(&work.host, &work.lane);
    lane_running = &work.lane;
}

void work_connect(const struct front *front, void *ctx)
{
    conn_init(&work.wire.conn, &work.host, &rig_transport, front, ctx, NULL);
    work.wire.shut = false;
    work_anew();
    snprintf(work.wire.conn.peer, sizeof work.wire.conn.peer, "192.0.2.1:4000");
    work.wire.conn.local_port = 8443;
    conn_begin(&work.wire.conn, work_mono_us);
}

void work_anew(void)
{
    work.answers = work.requests;
    buf_clear(&work.wire.sent);
}

void work_hear(struct slice bytes)
{
    if (work.carry) {
        work.carry(bytes);
        return;
    }
    lane_running = &work.lane;
    if (bytes.len && !work.wire.shut) conn_received(&work.wire.conn, bytes, work_mono_us);
    work_run();
}

void work_run(void)
{
    do lane_run_once(&work.lane, work_mono_us);
    while (lane_has_mail(&work.lane));
    lane_running = &work.lane;
}

void work_pass(int64_t us)
{
    work_mono_us += us;
    work_run();
}

void work_hang_up(void)
{
    lane_running = &work.lane;
    if (!work.wire.shut) conn_ended(&work.wire.conn, ERR_CLOSED);
    conn_gone(&work.wire.conn, work_mono_us);
    work_run();
}

void work_end(void)
{
    conn_host_fini(&work.host);
    lane_fini(&work.lane);
    work_forget();
}

void work_forget(void)
{
    buf_free(&work.wire.sent);
    buf_free(&answered);
    arena_free(&arena);
}

/* ---- requests */

struct slice work_block(struct slice *text)
{
    struct slice whole = *text, line;
    const uint8_t *end = whole.ptr;
    while (slice_split(text, '\n', &line) && !slice_is(line, "~")) end = line.ptr + line.len;
    return slice_head(whole, (size_t)(end - whole.ptr));
}

static void put_head(struct buf *wire, struct slice head)
{
    struct slice line;
    while (slice_split(&head, '\n', &line)) {
        buf_put_slice(wire, line);
        buf_put_str(wire, "\r\n");
    }
}

/* Where the body begins; `head` ends before the empty line. */
static struct slice cut_body(struct slice *head)
{
    for (size_t i = 0; i + 1 < head->len; i++) {
        if (head->ptr[i] != '\n' || head->ptr[i + 1] != '\n') continue;
        struct slice body = slice_from(*head, i + 2);
        *head = slice_head(*head, i);
        return body;
    }
    return SLICE_NONE;
}

static void put_chunks(struct buf *wire, struct slice body)
{
    buf_put_str(wire, "Transfer-Encoding: chunked\r\n\r\n");
    while (body.len) {
        struct slice piece = slice_head(body, 1 + body.len / 2);
        buf_printf(wire, "%zx\r\n", piece.len);
        buf_put_slice(wire, piece);
        buf_put_str(wire, "\r\n");
        body = slice_from(body, piece.len);
    }
    buf_put_str(wire, "0\r\n\r\n");
}

void work_ask(struct slice request, bool chunked)
{
    struct buf wire = {0};
    struct slice head = request, body = cut_body(&head);
    if (work.requests == WORK_REQUESTS_MAX) return;
    put_head(&wire, head);
    buf_put_str(&wire, "Host: 127.0.0.1:8443\r\n");
    if (chunked) {
        put_chunks(&wire, body);
    } else {
        buf_printf(&wire, "Content-Length: %zu\r\n\r\n", body.len);
        buf_put_slice(&wire, body);
    }
    if (slice_starts(request, SLICE_LIT("HEAD "))) work.heads |= UINT64_C(1) << work.requests;
    work.requests++;
    work_hear(buf_slice(&wire));
    buf_free(&wire);
}

/* ---- answers */

struct slice work_header(const struct work_answer *a, const char *name)
{
    struct slice rest = a->head, line, key;
    while (slice_split(&rest, '\n', &line)) {
        slice_split(&line, ':', &key);
        if (slice_is_nocase(key, name)) return slice_trim(line);
    }
    return SLICE_NONE;
}

static size_t find_end_of_head(struct slice said)
{
    for (size_t i = 0; i + 3 < said.len; i++)
        if (memcmp(said.ptr + i, "\r\n\r\n", 4) == 0) return i + 4;
    return 0;
}

static bool is_token(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] <= ' ' || name.ptr[i] >= 0x7f || strchr("()<>@,;\\\"/[]?={}", name.ptr[i]))
            return false;
    return name.len > 0;
}

/* Each line but the first has a name, and no control character but its end. */
static void check_head(struct slice head)
{
    struct slice line, name;
    bool first = true;
    while (slice_split(&head, '\n', &line) && line.len > 1) {
        assert(line.ptr[line.len - 1] == '\r');
        line.len--;
        for (size_t i = 0; i < line.len; i++) assert(line.ptr[i] >= ' ' || line.ptr[i] == '\t');
        slice_split(&line, ':', &name);
        assert(first || is_token(name));
        first = false;
    }
}

static unsigned status_of(struct slice head)
{
    uint64_t status = 0;
    enum err e = num_u64(slice_head(slice_from(head, 9), 3), &status);
    assert(e == OK && status >= 100 && status < 600);
    return (unsigned)status;
}

static uint64_t size_of_chunk(struct slice line)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t size = 0;
    for (size_t i = 0; i + 1 < line.len; i++) {
        const char *digit = strchr(digits, line.ptr[i]);
        assert(digit);
        size = size * 16 + (uint64_t)(digit - digits);
    }
    return size;
}

/* A body in chunks, of which `rest` begins with the first; the body is put together in `out`.  False: more comes. */
static bool take_chunks(struct slice *rest, struct buf *out)
{
    for (;;) {
        struct slice line, said = *rest;
        uint64_t size;
        if (slice_find(said, '\n') == said.len) return false;
        slice_split(&said, '\n', &line);
        size = size_of_chunk(line);
        if (said.len < size + 2) return false;
        buf_put_slice(out, slice_head(said, size));
        *rest = slice_from(said, size + 2);
        if (size == 0) return true;
    }
}

static bool is_bare(const struct work_answer *a)
{
    return a->status == 204 || a->status == 304 || a->status < 200 ||
           work.heads >> work.answers & 1;
}

/* Appends the body to `answered`; false: it has not come yet. */
static bool take_body(const struct work_answer *a, struct slice *rest)
{
    uint64_t length = 0;
    if (is_bare(a)) return true;
    if (slice_is(work_header(a, "transfer-encoding"), "chunked"))
        return take_chunks(rest, &answered);
    enum err e = num_u64(work_header(a, "content-length"), &length);
    assert(e == OK);
    if (rest->len < length) return false;
    buf_put_slice(&answered, slice_head(*rest, length));
    *rest = slice_from(*rest, length);
    return true;
}

static void read_json(struct work_answer *a)
{
    a->json = NULL;
    if (is_bare(a) || !slice_starts(work_header(a, "content-type"), SLICE_LIT("application/json")))
        return;
    enum err e = json_parse(&arena, a->body, &a->json);
    assert(e == OK || e == ERR_TOO_BIG);
}

bool work_next_answer(struct work_answer *a)
{
    struct slice rest = buf_slice(&work.wire.sent);
    size_t head = find_end_of_head(rest);
    assert(rest.len < 9 || slice_starts(rest, SLICE_LIT("HTTP/1.1 ")));
    if (head == 0) return false;
    arena_free(&arena);
    buf_clear(&answered);
    buf_put_slice(&answered, slice_head(rest, head));
    *a = (struct work_answer){.head = buf_slice(&answered), .status = status_of(rest)};
    rest = slice_from(rest, head);
    check_head(a->head);
    if (!take_body(a, &rest)) return false; /* of which more comes */
    a->head = slice_head(buf_slice(&answered), head);
    a->body = slice_from(buf_slice(&answered), head);
    buf_consume(&work.wire.sent, buf_size(&work.wire.sent) - rest.len);
    read_json(a);
    if (a->status >= 200) work.answers++;
    assert(work.answers <= work.requests);
    return true;
}
