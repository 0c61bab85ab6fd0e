/* transfer_test.c - files out and in: what comes back, bad lines, limits, restarts, cancellations. */
#include "auth/blob_sas.h"
#include "base/json.h"
#include "base/limit.h"
#include "base/rand.h"
#include "base/text.h"
#include "blob/blob.h"
#include "hub/configuration/configuration.h"
#include "hub/query/query.h"
#include "hub/transfer/place.h"
#include "hub/transfer/row.h"
#include "hub/transfer/transfer.h"
#include "hub/twin/fleet_rig.h"

#define CONTAINER "azimuth-uploads"

static struct fleet f;

static struct {
    struct lane *blob_lane;
    struct blobs *blobs;
    struct blob_account account;
    struct transfer_config cfg;
    struct queries *queries[RIG_CORES_MAX];
    struct configurations *configurations[RIG_CORES_MAX];
    struct transfers *transfers[RIG_CORES_MAX];
} own;

static struct arena arena;

static void open_all(void)
{
    fleet_open(&f);
    assert_int_equal(hub_add_host(&f.hub, SLICE_LIT("hub.test")), OK);
    own.blob_lane = rig_lane(&f.rig, "blob");
    struct blobs_config blobs = {.io = f.rig.io, .lane = own.blob_lane};
    assert_int_equal(blobs_open(&blobs, &own.blobs), OK);
    own.cfg = (struct transfer_config){own.blobs, &own.account, CONTAINER, NULL};
    for (unsigned i = 0; i < f.rig.core_count; i++) {
        struct lane *lane = f.rig.cores[i];
        blobs_attach(lane);
        own.queries[i] = queries_new(&f.hub, lane, f.registries[i]);
        assert_int_equal(configurations_new(&f.hub, lane, f.registries[i], f.twins[i],
                                            own.queries[i], &own.configurations[i]),
                         OK);
        assert_int_equal(transfers_new(&f.hub, lane, f.registries[i], own.configurations[i],
                                       &own.cfg, &own.transfers[i]),
                         OK);
    }
}

static void close_all(void)
{
    for (unsigned i = 0; i < f.rig.core_count; i++) {
        transfers_free(own.transfers[i]);
        configurations_free(own.configurations[i]);
        queries_free(own.queries[i]);
    }
    fleet_close(&f);
    blobs_close(own.blobs);
}

static int set_up(void **state)
{
    (void)state;
    own.account = (struct blob_account){.name = "azimuth", .key = "key", .key_len = 3};
    rig_init_cores(&f.rig, io_mem_new(), 2);
    open_all();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_all();
    rig_fini(&f.rig);
    arena_free(&arena);
    return 0;
}

static void restart(void)
{
    close_all();
    rig_restart(&f.rig);
    open_all();
}

static void another_hub(void)
{
    tear_down(NULL);
    set_up(NULL);
}

/* ---- blobs */

struct blob_reply {
    struct blobs_wait wait;
    enum err err;
    uint64_t writer, size;
    int64_t modified_us;
    struct buf bytes;
};

static void on_blob(struct blobs_wait *w, const struct blobs_answer *a)
{
    struct blob_reply *r = CONTAINER_OF(w, struct blob_reply, wait);
    r->err = a->err;
    r->writer = a->writer;
    r->size = a->props.size;
    r->modified_us = a->props.modified_us;
    buf_put_slice(&r->bytes, a->bytes);
}

static struct blob_name named(const char *name)
{
    return (struct blob_name){SLICE_LIT(CONTAINER), slice_str(name)};
}

static void put_blob(const char *name, struct slice text)
{
    struct blob_reply r = {.wait.fn = on_blob};
    struct lane *core = rig_on(f.rig.cores[0]);
    blobs_begin(own.blobs, core, &r.wait);
    rig_run(&f.rig);
    uint64_t writer = r.writer;
    while (text.len) {
        struct slice piece = slice_head(text, BLOBS_PIECE_MAX);
        rig_on(core);
        blobs_append(own.blobs, core, writer, piece, &r.wait);
        rig_run(&f.rig);
        assert_int_equal(r.err, OK);
        text = slice_from(text, piece.len);
    }
    rig_on(core);
    blobs_put(own.blobs, core, writer, named(name), &(struct blobs_props){0}, &r.wait);
    rig_run(&f.rig);
    assert_int_equal(r.err, OK);
}

/* Its text, in the arena; ptr NULL: it is not there. */
static struct slice get_blob(const char *name)
{
    struct blob_reply r = {.wait.fn = on_blob};
    struct lane *core = rig_on(f.rig.cores[0]);
    blobs_get(own.blobs, core, named(name), &r.wait);
    rig_run(&f.rig);
    if (r.err != OK) return SLICE_NONE;
    for (uint64_t at = 0, size = r.size; at < size; at = buf_size(&r.bytes)) {
        rig_on(core);
        blobs_read(own.blobs, core, named(name), r.modified_us, at, BLOBS_PIECE_MAX, &r.wait);
        rig_run(&f.rig);
        assert_int_equal(r.err, OK);
    }
    struct slice text =
        arena_copy(&arena, buf_size(&r.bytes) ? buf_slice(&r.bytes) : SLICE_LIT(""));
    buf_free(&r.bytes);
    return text;
}

/* ---- verbs, asked on the core that runs nothing */

static struct reply {
    struct transfer_wait wait;
    unsigned answers;
    enum status status;
    struct json *body; /* NULL: none */
    char text[200];
} reply;

static void on_answer(struct transfer_wait *w, const struct transfer_answer *a)
{
    struct reply *r = CONTAINER_OF(w, struct reply, wait);
    r->answers++;
    r->status = a->status;
    snprintf(r->text, sizeof r->text, "%.*s", SLICE_ARG(a->text));
    if (a->body.len) assert_int_equal(json_parse(&arena, a->body, &r->body), OK);
}

static struct transfers *ask(void)
{
    reply = (struct reply){.wait.fn = on_answer};
    rig_on(f.rig.cores[1]);
    return own.transfers[1];
}

static const char *uri(void)
{
    struct buf b = {0};
    buf_put_str(&b, "https://hub.test/" CONTAINER);
    blob_sas_make_container(&b, &own.account, SLICE_LIT(CONTAINER), rig_wall() - 1000000,
                            rig_wall() + INT64_C(3600000000));
    const char *text = (const char *)arena_copy(&arena, buf_slice(&b)).ptr;
    buf_free(&b);
    return text;
}

static void start(const char *json)
{
    struct transfers *t = ask();
    transfer_create(t, slice_str(json), &reply.wait);
}

static enum status create(const char *json)
{
    start(json);
    rig_run(&f.rig);
    assert_int_equal(reply.answers, 1);
    return reply.status;
}

static const char *request(const char *type, const char *more)
{
    struct buf b = {0};
    buf_printf(&b, "{\"type\":\"%s\",\"inputBlobContainerUri\":\"%s\",", type, uri());
    buf_printf(&b, "\"outputBlobContainerUri\":\"%s\"%s}", uri(), more);
    const char *text = (const char *)arena_copy(&arena, buf_slice(&b)).ptr;
    buf_free(&b);
    return text;
}

static struct json *show(struct slice id)
{
    struct transfers *t = ask();
    transfer_get(t, id, &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(reply.status, STATUS_OK);
    return reply.body;
}

static struct slice id_of_reply(void)
{
    return arena_copy(&arena, json_str(reply.body, "jobId"));
}

/* Lets timers come, so that bulks that wait are said again. */
static struct json *ended(struct slice id)
{
    for (int i = 0; i < 5; i++) rig_pass(&f.rig, 600000);
    return show(id);
}

static void import_text(struct slice text)
{
    put_blob("devices.txt", text);
    assert_int_equal(create(request("import", "")), STATUS_OK);
    struct json *job = ended(id_of_reply());
    assert_true(slice_is(json_str(job, "status"), "completed"));
}

static struct slice export_text(void)
{
    assert_int_equal(create(request("export", "")), STATUS_OK);
    struct json *job = ended(id_of_reply());
    assert_true(slice_is(json_str(job, "status"), "completed"));
    assert_true(slice_is(json_get(job, "progress")->text, "100"));
    return get_blob("devices.txt");
}

static unsigned count_lines(struct slice text)
{
    unsigned count = 0;
    for (size_t i = 0; i < text.len; i++) count += text.ptr[i] == '\n';
    return count;
}

/* ---- what comes back */

/* Without what the hub makes anew. */
static void drop_made(struct json *j)
{
    for (struct json **at = &j->child; *at;) {
        bool made = slice_is((*at)->key, "eTag") || slice_is((*at)->key, "twinETag") ||
                    slice_is((*at)->key, "$metadata") || slice_is((*at)->key, "$version");
        if (made) {
            *at = (*at)->next;
            continue;
        }
        if ((*at)->type == JSON_OBJECT) drop_made(*at);
        at = &(*at)->next;
    }
}

static struct slice plain(struct slice text)
{
    struct buf out = {0};
    struct slice line;
    while (slice_split(&text, '\n', &line)) {
        struct json *j;
        if (line.len == 0) continue;
        assert_int_equal(json_parse(&arena, line, &j), OK);
        drop_made(j);
        json_write(&out, j);
        buf_put_u8(&out, '\n');
    }
    struct slice copy = arena_copy(&arena, buf_slice(&out));
    buf_free(&out);
    return copy;
}

static unsigned dice(unsigned sides)
{
    return (unsigned)(rand_u64() % sides);
}

static void put_words(struct buf *out)
{
    static const char *const words[] = {"a", "Łódź", "\\u0001\\\"", "\xF0\x9F\x9A\x80", "0", ""};
    for (unsigned n = dice(4); n; n--) buf_put_str(out, words[dice(6)]);
}

static void put_value(struct buf *out, unsigned depth)
{
    static const char *const scalars[] = {"1", "1.0", "-4503599627370496", "true", "false", "1e3"};
    unsigned kind = dice(depth ? 4 : 2);
    if (kind == 0) {
        buf_put_str(out, scalars[dice(6)]);
    } else if (kind == 1) {
        buf_put_u8(out, '"');
        put_words(out);
        buf_put_u8(out, '"');
    } else {
        buf_put_u8(out, kind == 2 ? '{' : '[');
        for (unsigned i = 0, n = dice(4); i < n; i++) {
            if (i) buf_put_u8(out, ',');
            if (kind == 2) buf_printf(out, "\"k%u\":", i);
            put_value(out, depth - 1);
        }
        buf_put_u8(out, kind == 2 ? '}' : ']');
    }
}

static void put_section(struct buf *out, const char *name)
{
    buf_printf(out, "\"%s\":{\"k\":", name);
    put_value(out, 3);
    buf_put_u8(out, '}');
}

static void put_twin(struct buf *out)
{
    if (dice(2)) return;
    buf_put_u8(out, ',');
    put_section(out, "tags");
    buf_put_str(out, ",\"properties\":{");
    put_section(out, "desired");
    buf_put_u8(out, ',');
    put_section(out, "reported");
    buf_put_u8(out, '}');
}

static void put_authentication(struct buf *out)
{
    static const char *const kinds[] = {
        "",
        ",\"authentication\":{\"type\":\"certificateAuthority\"}",
        ",\"authentication\":{\"symmetricKey\":{\"primaryKey\":\"AAAAAAAAAAAAAAAAAAAAAA==\","
        "\"secondaryKey\":\"AQAAAAAAAAAAAAAAAAAAAA==\"}}",
        ",\"authentication\":{\"type\":\"selfSigned\",\"x509Thumbprint\":{\"primaryThumbprint\":"
        "\"0123456789abcdef0123456789abcdef01234567\"}}",
    };
    buf_put_str(out, kinds[dice(4)]);
}

static void put_device(struct buf *out, unsigned n)
{
    bool edge = dice(5) == 0;
    buf_printf(out, "{\"id\":\"d%u\",\"status\":\"%s\"", n, dice(3) ? "enabled" : "disabled");
    if (dice(3) == 0) {
        buf_put_str(out, ",\"statusReason\":\"");
        put_words(out);
        buf_put_u8(out, '"');
    }
    put_authentication(out);
    put_twin(out);
    if (edge) buf_put_str(out, ",\"capabilities\":{\"iotEdge\":true}");
    buf_put_str(out, "}\n");
    for (unsigned m = dice(3) == 0 ? dice(4) : 0; m; m--) {
        buf_printf(out, "{\"id\":\"d%u\",\"moduleId\":\"m%u\",\"status\":\"enabled\"", n, m);
        if (dice(2)) buf_put_str(out, ",\"managedBy\":\"me\"");
        put_authentication(out);
        put_twin(out);
        buf_put_str(out, "}\n");
    }
}

static void what_was_exported_imports_equal(void **state)
{
    struct buf file = {0};
    (void)state;
    for (unsigned n = 0; n < 300; n++) put_device(&file, n);
    import_text(buf_slice(&file));
    assert_int_equal(get_blob("importErrors.log").len, 0);
    buf_free(&file);
    struct slice first = export_text();
    struct buf kept = {0};
    buf_put_slice(&kept, first);
    assert_true(count_lines(first) >= 300);
    another_hub();
    import_text(buf_slice(&kept));
    assert_int_equal(get_blob("importErrors.log").len, 0);
    struct slice second = export_text();
    assert_true(slice_eq(plain(second), plain(buf_slice(&kept))));
    buf_free(&kept);
}

static void a_file_without_keys_says_so_first(void **state)
{
    (void)state;
    import_text(SLICE_LIT("{\"id\":\"d\",\"status\":\"enabled\"}"));
    assert_int_equal(create(request("export", ",\"excludeKeysInExport\":true")), STATUS_OK);
    ended(id_of_reply());
    struct slice text = get_blob("devices.txt"), line, rest = text;
    slice_split(&rest, '\n', &line);
    assert_false(slice_starts(line, SLICE_LIT("{")));
    slice_split(&rest, '\n', &line);
    struct json *j;
    assert_int_equal(json_parse(&arena, line, &j), OK);
    struct json *keys = json_get(json_get(j, "authentication"), "symmetricKey");
    assert_int_equal(json_get(keys, "primaryKey")->type, JSON_NULL);
    import_text(text);
    assert_int_equal(get_blob("importErrors.log").len, 0);
}

/* ---- lines that cannot be done */

static void bad_lines_are_told_by_number_and_the_rest_is_done(void **state)
{
    static const struct {
        const char *line;
        const char *error; /* NULL: it is done */
    } rows[] = {
        {"{\"id\":\"d1\",\"status\":\"enabled\"}", NULL},
        {"{\"id\":\"d2\"", "\"errorCode\":400012"},
        {"[]", "\"errorCode\":400004"},
        {"{\"status\":\"enabled\"}", "\"errorCode\":400004"},
        {"{\"id\":\"d1\",\"importMode\":\"create\"}", "\"errorCode\":409001"},
        {"{\"id\":\"d9\",\"importMode\":\"update\"}", "\"errorCode\":404001"},
        {"{\"id\":\"d3\",\"importMode\":\"none\"}", "\"errorCode\":400004"},
        {"{\"id\":\"d9\",\"moduleId\":\"m\"}", "\"moduleId\":\"m\",\"errorCode\":404001"},
        {"{\"id\":\"d1\",\"moduleId\":\"m\"}", NULL},
        {"{\"id\":\"d4\",\"tags\":{\"a b\":1}}", "DeviceRegisteredWithoutTwin"},
        {"{\"id\":\"d5\"}", NULL}, /* no status */
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    struct buf file = {0};
    (void)state;
    for (int i = 0; i < ROWS; i++)
        buf_printf(&file, "%s%s", rows[i].line, i % 2 ? "\r\n\r\n" : "\n");
    import_text(buf_slice(&file));
    buf_free(&file);
    struct slice log = get_blob("importErrors.log");
    struct buf text = {0};
    buf_put_slice(&text, log);
    unsigned bad = 0;
    for (int i = 0, line = 1; i < ROWS; line += i % 2 ? 2 : 1, i++) {
        char number[32];
        snprintf(number, sizeof number, "\"line\":%d}", line);
        const char *at = strstr(buf_cstr(&text), number);
        assert_int_equal(at != NULL, rows[i].error != NULL);
        if (rows[i].error) assert_non_null(strstr(buf_cstr(&text), rows[i].error));
        bad += rows[i].error != NULL;
    }
    assert_int_equal(count_lines(log), bad);
    buf_free(&text);
    assert_int_equal(count_lines(export_text()), 4); /* d1, its module, d4, d5 */
}

static void what_a_file_says_of_one_identity_happens_in_order(void **state)
{
    (void)state;
    import_text(SLICE_LIT("{\"id\":\"d\",\"tags\":{\"n\":1}}\n"
                          "{\"id\":\"d\",\"importMode\":\"updateTwin\",\"tags\":{\"m\":2}}\n"
                          "{\"id\":\"d\",\"importMode\":\"delete\"}\n"
                          "{\"id\":\"d\",\"importMode\":\"create\",\"tags\":{\"n\":3}}\n"
                          "{\"id\":\"d\",\"importMode\":\"updateTwin\",\"tags\":{\"m\":4}}\n"));
    assert_int_equal(get_blob("importErrors.log").len, 0);
    struct json *j;
    assert_int_equal(json_parse(&arena, export_text(), &j), OK);
    assert_true(slice_is(json_get(json_get(j, "tags"), "n")->text, "3"));
    assert_true(slice_is(json_get(json_get(j, "tags"), "m")->text, "4"));
}

struct history_reply {
    struct twin_wait wait;
    struct json *newest;
};

static void on_history(struct twin_wait *w, const struct twin_answer *a)
{
    struct history_reply *r = CONTAINER_OF(w, struct history_reply, wait);
    struct json *body;
    assert_int_equal(json_parse(&arena, a->body, &body), OK);
    r->newest = json_get(body, "history")->child;
}

static void the_history_of_a_twin_names_the_job(void **state)
{
    struct history_reply r = {.wait.fn = on_history};
    (void)state;
    import_text(SLICE_LIT("{\"id\":\"d\"}\n"
                          "{\"id\":\"d\",\"importMode\":\"updateTwin\",\"tags\":{\"m\":2}}\n"));
    rig_on(f.rig.cores[0]);
    twin_history(f.twins[0], SLICE_LIT("d"), &r.wait);
    rig_run(&f.rig);
    assert_non_null(r.newest);
    struct slice by = json_str(r.newest, "by");
    assert_true(slice_starts(by, SLICE_LIT("import job ")));
    assert_true(by.len > strlen("import job "));
}

static void a_line_has_a_limit(void **state)
{
    struct buf file = {0};
    (void)state;
    for (int over = 0; over < 2; over++) {
        size_t from = buf_size(&file);
        buf_printf(&file, "{\"id\":\"d%d\"", over);
        while (buf_size(&file) - from < (size_t)TRANSFER_LINE_MAX - 1 + (size_t)over)
            buf_put_u8(&file, ' ');
        buf_put_str(&file, "}\n");
    }
    buf_put_str(&file, "{\"id\":\"last\"}");
    import_text(buf_slice(&file));
    buf_free(&file);
    struct json *j;
    struct slice log = get_blob("importErrors.log");
    assert_int_equal(count_lines(log), 1);
    assert_int_equal(json_parse(&arena, log, &j), OK);
    assert_true(slice_is(json_get(j, "errorCode")->text, "413001"));
    assert_true(slice_is(json_get(j, "line")->text, "2"));
    assert_int_equal(count_lines(export_text()), 2);
}

static void put_deep_line(struct buf *file, const char *id, int levels)
{
    buf_printf(file, "{\"id\":\"%s\",\"x\":", id);
    for (int i = 1; i < levels; i++) buf_put_u8(file, '[');
    for (int i = 1; i < levels; i++) buf_put_u8(file, ']');
    buf_put_str(file, "}\n");
}

/* The list of a bulk is around it. */
static void a_line_that_is_too_deep_is_refused_alone(void **state)
{
    struct buf file = {0};
    struct json *j;
    (void)state;
    put_deep_line(&file, "first", JSON_DEPTH_MAX - 1);
    put_deep_line(&file, "deep", JSON_DEPTH_MAX);
    put_deep_line(&file, "deeper", JSON_DEPTH_MAX + 1);
    buf_put_str(&file, "{\"id\":\"last\"}");
    import_text(buf_slice(&file));
    buf_free(&file);
    struct slice log = get_blob("importErrors.log");
    assert_int_equal(count_lines(log), 2);
    assert_int_equal(json_parse(&arena, slice_head(log, slice_find(log, '\n')), &j), OK);
    assert_true(slice_is(json_get(j, "errorCode")->text, "400012"));
    assert_true(slice_is(json_get(j, "line")->text, "2"));
    assert_int_equal(count_lines(export_text()), 2);
}

/* Of a line with as much as it may have, the CR is the last byte of a piece. */
static void a_line_may_end_between_two_pieces(void **state)
{
    struct buf file = {0};
    (void)state;
    buf_put_str(&file, "{\"id\":\"d0\"");
    while (buf_size(&file) < PLACE_PIECE - 3) buf_put_u8(&file, ' ');
    buf_put_str(&file, "}\n{\"id\":\"d1\"");
    while (buf_size(&file) < PLACE_PIECE - 1 + (size_t)TRANSFER_LINE_MAX - 1)
        buf_put_u8(&file, ' ');
    buf_put_str(&file, "}\r\n{\"id\":\"last\"}");
    import_text(buf_slice(&file));
    buf_free(&file);
    assert_int_equal(get_blob("importErrors.log").len, 0);
    assert_int_equal(count_lines(export_text()), 3);
}

/* The log of a piece is longer than the piece. */
static void a_file_of_nonsense_is_all_told_of(void **state)
{
    enum { LINES = 20000 };
    struct buf file = {0};
    (void)state;
    buf_put_str(&file, "{\"id\":\"d0\"}\n");
    for (int i = 0; i < LINES; i++) buf_put_str(&file, "x\n");
    buf_put_str(&file, "{\"id\":\"last\"}");
    import_text(buf_slice(&file));
    buf_free(&file);
    assert_int_equal(count_lines(get_blob("importErrors.log")), LINES);
    assert_int_equal(count_lines(export_text()), 2);
}

/* ---- jobs in the middle */

static void put_many(unsigned count)
{
    struct buf file = {0};
    for (unsigned i = 0; i < count; i++) buf_printf(&file, "{\"id\":\"d%05u\"}\n", i);
    put_blob("devices.txt", buf_slice(&file));
    buf_free(&file);
}

/* So far that the job runs, and not to its end. */
static struct slice begin_only(const char *json)
{
    start(json);
    for (int i = 0; i < 1000 && reply.answers == 0; i++) rig_step(&f.rig);
    assert_int_equal(reply.status, STATUS_OK);
    for (int i = 0; i < 3; i++) rig_step(&f.rig);
    return id_of_reply();
}

/* ---- requests */

static void containers_that_do_not_open_are_refused(void **state)
{
    const struct {
        const char *uri;
        enum status status;
    } rows[] = {
        {"", STATUS_ARGUMENT_INVALID},
        {"hub.test/azimuth-uploads", STATUS_ARGUMENT_INVALID},
        {"ftp://hub.test/azimuth-uploads?x", STATUS_ARGUMENT_INVALID},
        {"https://hub.test", STATUS_ARGUMENT_INVALID},
        {"https://hub.test/a b?x", STATUS_ARGUMENT_INVALID},
        {"https://other.test/azimuth-uploads?x", STATUS_ARGUMENT_INVALID}, /* no remote here */
        {"https://hub.test/azimuth-uploads", STATUS_BLOB_CONTAINER_VALIDATION_ERROR},
        {"https://hub.test/azimuth-uploads?sig=x", STATUS_BLOB_CONTAINER_VALIDATION_ERROR},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[300];
        snprintf(json, sizeof json, "{\"type\":\"export\",\"outputBlobContainerUri\":\"%s\"}",
                 rows[i].uri);
        assert_int_equal(create(json), rows[i].status);
    }
    assert_int_equal(create("{\"type\":\"move\"}"), STATUS_ARGUMENT_INVALID);
    assert_int_equal(create("[]"), STATUS_ARGUMENT_INVALID);
    assert_int_equal(create(request("import", "")), STATUS_BLOB_CONTAINER_VALIDATION_ERROR);
    assert_int_equal(create(request("export", ",\"storageAuthenticationType\":\"IdentityBased\"")),
                     STATUS_ARGUMENT_INVALID);
}

static void a_uri_has_a_limit(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct buf b = {0};
        buf_put_str(&b, "{\"type\":\"export\",\"outputBlobContainerUri\":\"https://hub.test/");
        size_t from = buf_size(&b) - strlen("https://hub.test/");
        while (buf_size(&b) - from < (size_t)TRANSFER_URI_MAX + (size_t)over) buf_put_u8(&b, 'x');
        buf_put_str(&b, "\"}");
        assert_int_equal(create(buf_cstr(&b)), STATUS_ARGUMENT_INVALID);
        assert_int_equal(strstr(reply.text, "bytes") != NULL, over);
        buf_free(&b);
    }
}

static void there_is_one_job_at_a_time(void **state)
{
    (void)state;
    int64_t met = limit_reached("transfers");
    put_many(3000);
    struct slice id = begin_only(request("import", ""));
    assert_int_equal(limit_reached("transfers"), met);
    start(request("export", ""));
    for (int i = 0; i < 1000 && reply.answers == 0; i++) rig_step(&f.rig);
    assert_int_equal(reply.status, STATUS_JOB_QUOTA_EXCEEDED);
    assert_int_equal(limit_reached("transfers") - met, 1);
    ended(id);
    assert_int_equal(create(request("export", "")), STATUS_OK);
}

static void on_stored(struct store_wait *w, struct store_answer *a)
{
    (void)w;
    assert_int_equal(a->err, OK);
}

/* Jobs that have ended, each newer than the one before; ids "ROUND-NUMBER". */
static void put_old_jobs(unsigned count, int round)
{
    for (unsigned i = 0; i < count; i++) {
        struct store_request u;
        struct store_wait w = {.fn = on_stored};
        char id[32];
        int len = snprintf(id, sizeof id, "%d-%u", round, i);
        store_begin_unit(&u, STORE_BULK);
        transfer_row_put_insert(
            &u, &(struct transfer_row){.id = slice_of((const uint8_t *)id, (size_t)len),
                                       .type = TRANSFER_EXPORT,
                                       .status = TRANSFER_COMPLETED,
                                       .created_us = rig_wall(),
                                       .end_us = rig_wall(),
                                       .input_uri = SLICE_LIT(""),
                                       .input_blob = SLICE_LIT(""),
                                       .output_uri = SLICE_LIT(""),
                                       .output_blob = SLICE_LIT("b"),
                                       .configurations_blob = SLICE_LIT(""),
                                       .reason = SLICE_LIT("")});
        store_ask(f.rig.store, rig_on(f.rig.cores[0]), &u, &w);
        rig_run(&f.rig);
    }
}

static void jobs_are_shown_and_listed_without_what_opens_containers(void **state)
{
    (void)state;
    export_text();
    export_text();
    struct transfers *t = ask();
    transfer_list(t, &reply.wait);
    rig_run(&f.rig);
    struct json *newest = reply.body->child;
    assert_non_null(newest->next);
    assert_null(newest->next->next);
    assert_null(json_get(newest, "outputBlobContainerUri"));
    assert_true(slice_is(json_str(newest, "type"), "export"));
    t = ask();
    transfer_get(t, SLICE_LIT("none"), &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(reply.status, STATUS_JOB_NOT_FOUND);
    t = ask();
    transfer_cancel(t, json_str(newest, "jobId"), &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(reply.status, STATUS_JOB_NOT_FOUND);
}

static void a_list_has_the_newest_thousand(void **state)
{
    (void)state;
    for (int over = 0; over < 2; over++) {
        put_old_jobs(over ? 1 : TRANSFER_LIST_MAX, over);
        struct transfers *t = ask();
        transfer_list(t, &reply.wait);
        rig_run(&f.rig);
        unsigned count = 0;
        struct json *last = NULL;
        for (struct json *j = reply.body->child; j; j = j->next, count++) last = j;
        assert_int_equal(count, TRANSFER_LIST_MAX);
        assert_true(slice_is(json_str(last, "jobId"), over ? "0-1" : "0-0"));
    }
}

static void so_many_verbs_are_under_way_and_not_one_more(void **state)
{
    (void)state;
    static struct reply replies[TRANSFER_ASKS_MAX + 1];
    int64_t met = limit_reached("transfer-calls");
    memset(replies, 0, sizeof replies);
    rig_on(f.rig.cores[1]);
    for (unsigned i = 0; i <= TRANSFER_ASKS_MAX; i++) {
        replies[i].wait.fn = on_answer;
        transfer_get(own.transfers[1], SLICE_LIT("none"), &replies[i].wait);
    }
    rig_run(&f.rig);
    for (unsigned i = 0; i < TRANSFER_ASKS_MAX; i++)
        assert_int_equal(replies[i].status, STATUS_JOB_NOT_FOUND);
    assert_int_equal(replies[TRANSFER_ASKS_MAX].status, STATUS_THROTTLE_BACKLOG_LIMIT_EXCEEDED);
    assert_int_equal(replies[TRANSFER_ASKS_MAX].answers, 1);
    assert_int_equal(limit_reached("transfer-calls") - met, 1);
    transfer_get(ask(), SLICE_LIT("none"), &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(reply.status, STATUS_JOB_NOT_FOUND);
}

/* ---- configurations */

static enum status configured;

static void on_configured(struct configuration_wait *w, const struct configuration_answer *a)
{
    (void)w;
    configured = a->status;
}

static void put_configuration(const char *id, unsigned priority)
{
    struct configuration_wait w = {.fn = on_configured};
    char json[200];
    snprintf(json, sizeof json,
             "{\"id\":\"%s\",\"priority\":%u,\"targetCondition\":\"tags.a = 1\","
             "\"content\":{\"deviceContent\":{\"properties.desired.%s\":{\"x\":1}}}}",
             id, priority, id);
    rig_on(f.rig.cores[1]);
    configuration_put(own.configurations[1], slice_str(id), SLICE_NONE, slice_str(json), &w);
    rig_run(&f.rig);
    assert_int_equal(configured, STATUS_OK);
}

#define WITH ",\"includeConfigurations\":true"

static struct slice export_configurations(void)
{
    assert_int_equal(create(request("export", WITH)), STATUS_OK);
    struct json *job = ended(id_of_reply());
    assert_true(slice_is(json_str(job, "status"), "completed"));
    assert_true(json_get(job, "includeConfigurations")->truth);
    assert_true(slice_is(json_str(job, "configurationsBlobName"), "configurations.txt"));
    return get_blob("configurations.txt");
}

static struct json *run_import(struct slice text)
{
    put_blob("devices.txt", SLICE_LIT("\n"));
    put_blob("configurations.txt", text);
    assert_int_equal(create(request("import", WITH)), STATUS_OK);
    return ended(id_of_reply());
}

/* What the log says. */
static struct slice import_configurations(struct slice text)
{
    assert_true(slice_is(json_str(run_import(text), "status"), "completed"));
    return get_blob("importErrors.log");
}

static void configurations_go_out_and_come_back(void **state)
{
    (void)state;
    put_configuration("one", 1);
    put_configuration("two", 2);
    struct buf kept = {0};
    buf_put_slice(&kept, export_configurations());
    struct slice text = buf_slice(&kept);
    assert_int_equal(count_lines(text), 2);
    assert_int_equal(import_configurations(text).len, 0); /* they are there */
    another_hub();
    assert_int_equal(export_configurations().len, 0);
    assert_int_equal(import_configurations(text).len, 0);
    struct json *there, *was;
    struct slice line, again = export_configurations();
    assert_int_equal(count_lines(again), 2);
    while (slice_split(&text, '\n', &line) && line.len) {
        assert_int_equal(json_parse(&arena, line, &was), OK);
        slice_split(&again, '\n', &line);
        assert_int_equal(json_parse(&arena, line, &there), OK);
        assert_true(slice_eq(json_str(was, "id"), json_str(there, "id")));
        assert_true(slice_eq(json_get(was, "priority")->text, json_get(there, "priority")->text));
    }
    buf_free(&kept);
}

static void a_job_without_configurations_has_none(void **state)
{
    (void)state;
    put_configuration("one", 1);
    export_text();
    assert_null(get_blob("configurations.txt").ptr);
}

static void a_configuration_that_cannot_be_imported_is_a_line_of_the_log(void **state)
{
    (void)state;
    static const struct {
        const char *line, *error;
    } rows[] = {
        {"{", "{\"configurationId\":\"\",\"errorCode\":400004"},
        {"{\"priority\":1}", "{\"configurationId\":\"\",\"errorCode\":400004"},
        {"{\"id\":\"a\",\"importMode\":\"delete\"}",
         "{\"configurationId\":\"a\",\"errorCode\":400004"},
        {"{\"id\":\"A\",\"content\":{\"deviceContent\":{\"properties.desired.z\":1}}}",
         "{\"configurationId\":\"A\",\"errorCode\":400004"},
        {"{\"id\":\"one\",\"importMode\":\"createOrUpdateIfMatchETag\",\"etag\":\"none\","
         "\"priority\":9,\"content\":{\"deviceContent\":{\"properties.desired.one\":{\"x\":1}}}}",
         "{\"configurationId\":\"one\",\"errorCode\":412001"},
    };
    put_configuration("one", 1);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice log = import_configurations(slice_str(rows[i].line));
        if (!slice_starts(log, slice_str(rows[i].error)) || count_lines(log) != 1)
            fail_msg("%s: %.*s", rows[i].line, SLICE_ARG(log));
    }
    assert_int_equal(count_lines(export_configurations()), 1);
}

/* No list of configurations has more levels than can be read. */
static void a_configuration_is_not_too_deep_for_a_list(void **state)
{
    struct configuration_wait w = {.fn = on_configured};
    (void)state;
    for (int over = 0; over < 2; over++) {
        struct buf text = {0};
        int arrays = JSON_DEPTH_MAX - 1 - 3 + over; /* three objects around them */
        buf_put_str(&text, "{\"content\":{\"deviceContent\":{\"properties.desired.z\":");
        for (int i = 0; i < arrays; i++) buf_put_u8(&text, '[');
        for (int i = 0; i < arrays; i++) buf_put_u8(&text, ']');
        buf_put_str(&text, "}}}");
        rig_on(f.rig.cores[1]);
        configuration_put(own.configurations[1], over ? SLICE_LIT("two") : SLICE_LIT("one"),
                          SLICE_NONE, buf_slice(&text), &w);
        rig_run(&f.rig);
        assert_int_equal(configured, over ? STATUS_DESERIALIZATION_ERROR : STATUS_OK);
        buf_free(&text);
    }
    assert_int_equal(count_lines(export_configurations()), 1);
}

static void a_configuration_has_256_kib(void **state)
{
    (void)state;
    for (size_t over = 0; over < 3; over++) {
        struct buf text = {0};
        size_t len =
            over == 2 ? TRANSFER_LINE_MAX + 2 * PLACE_PIECE : CONFIGURATION_BODY_MAX + over;
        buf_put_str(&text, "{\"id\":\"big\",\"content\":{\"deviceContent\":"
                           "{\"properties.desired.z\":1}},\"labels\":{\"l\":\"");
        while (buf_size(&text) < len - 3) buf_put_u8(&text, 'x');
        buf_put_str(&text, "\"}}\n{\"id\":\"next\",\"content\":{\"deviceContent\":"
                           "{\"properties.desired.y\":1}}}");
        struct slice log = import_configurations(buf_slice(&text));
        assert_int_equal(count_lines(log), over > 0);
        if (over) assert_non_null(strstr((const char *)log.ptr, "\"errorCode\":413001"));
        buf_free(&text);
    }
    assert_int_equal(count_lines(export_configurations()), 2);
}

static void a_file_of_configurations_has_so_many_wrong_lines(void **state)
{
    (void)state;
    for (int over = 0; over <= 1; over++) {
        struct buf text = {0};
        int64_t given_up = rig_metric("azimuth_transfer_configurations_given_up_total");
        for (int i = 0; i < TRANSFER_WRONG_CONFIGURATIONS_MAX + over; i++)
            buf_put_str(&text, "x\n");
        struct json *job = run_import(buf_slice(&text));
        assert_true(slice_is(json_str(job, "status"), over ? "failed" : "completed"));
        assert_int_equal(count_lines(get_blob("importErrors.log")),
                         TRANSFER_WRONG_CONFIGURATIONS_MAX + over);
        assert_int_equal(rig_metric("azimuth_transfer_configurations_given_up_total") - given_up,
                         over);
        buf_free(&text);
    }
}

static void a_file_of_configurations_that_is_not_there_is_refused(void **state)
{
    (void)state;
    put_blob("devices.txt", SLICE_LIT("\n"));
    assert_int_equal(create(request("import", WITH)), STATUS_BLOB_CONTAINER_VALIDATION_ERROR);
}

static void a_job_can_be_cancelled_at_its_configurations(void **state)
{
    (void)state;
    char id[16];
    for (unsigned i = 0; i < 50; i++) {
        snprintf(id, sizeof id, "c%u", i);
        put_configuration(id, i);
    }
    struct buf kept = {0};
    buf_put_slice(&kept, export_configurations());
    another_hub();
    put_blob("devices.txt", SLICE_LIT("\n"));
    put_blob("configurations.txt", buf_slice(&kept));
    buf_free(&kept);
    int64_t before = rig_metric("azimuth_transfer_configurations_imported_total");
    struct slice job_id = begin_only(request("import", WITH));
    while (rig_metric("azimuth_transfer_configurations_imported_total") < before + 10)
        assert_true(rig_step(&f.rig));
    struct transfers *t = ask();
    transfer_cancel(t, job_id, &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(reply.status, STATUS_OK);
    assert_true(slice_is(json_str(show(job_id), "status"), "cancelled"));
    assert_in_range(count_lines(export_configurations()), 10, 20);
}

/* ---- cancelled, stopped in the middle */

static void a_job_that_runs_can_be_cancelled(void **state)
{
    (void)state;
    put_many(3000);
    struct slice id = begin_only(request("import", ""));
    struct transfers *t = ask();
    transfer_cancel(t, id, &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(reply.answers, 1);
    assert_int_equal(reply.status, STATUS_OK);
    struct json *job = show(id);
    assert_true(slice_is(json_str(job, "status"), "cancelled"));
    assert_true(count_lines(export_text()) < 3000);
}

static void an_export_starts_again_after_a_restart(void **state)
{
    (void)state;
    put_many(1000);
    import_text(get_blob("devices.txt"));
    struct slice id = begin_only(request("export", ",\"outputBlobName\":\"out.txt\""));
    restart();
    assert_null(get_blob("out.txt").ptr);
    struct json *job = ended(id);
    assert_true(slice_is(json_str(job, "status"), "completed"));
    assert_int_equal(count_lines(get_blob("out.txt")), 1000);
}

static void an_import_that_had_begun_has_failed_after_a_restart(void **state)
{
    (void)state;
    put_many(3000);
    struct slice id = begin_only(request("import", ""));
    restart();
    struct json *job = ended(id);
    assert_true(slice_is(json_str(job, "status"), "failed"));
    assert_true(slice_starts(json_str(job, "failureReason"), SLICE_LIT("the server stopped")));
    assert_non_null(json_get(job, "endTimeUtc"));
    import_text(get_blob("devices.txt"));
    assert_int_equal(count_lines(export_text()), 3000);
}

static void an_old_job_is_forgotten(void **state)
{
    (void)state;
    export_text();
    struct slice id = id_of_reply();
    for (int day = 0; day < 31; day++) rig_pass(&f.rig, INT64_C(86400000000));
    struct transfers *t = ask();
    transfer_get(t, id, &reply.wait);
    rig_run(&f.rig);
    assert_int_equal(reply.status, STATUS_JOB_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_exported_imports_equal),
        TEST(a_file_without_keys_says_so_first),
        TEST(bad_lines_are_told_by_number_and_the_rest_is_done),
        TEST(what_a_file_says_of_one_identity_happens_in_order),
        TEST(the_history_of_a_twin_names_the_job),
        TEST(a_line_has_a_limit),
        TEST(a_line_that_is_too_deep_is_refused_alone),
        TEST(a_line_may_end_between_two_pieces),
        TEST(a_file_of_nonsense_is_all_told_of),
        TEST(containers_that_do_not_open_are_refused),
        TEST(a_uri_has_a_limit),
        TEST(there_is_one_job_at_a_time),
        TEST(jobs_are_shown_and_listed_without_what_opens_containers),
        TEST(configurations_go_out_and_come_back),
        TEST(a_job_without_configurations_has_none),
        TEST(a_configuration_that_cannot_be_imported_is_a_line_of_the_log),
        TEST(a_configuration_is_not_too_deep_for_a_list),
        TEST(a_configuration_has_256_kib),
        TEST(a_file_of_configurations_has_so_many_wrong_lines),
        TEST(a_file_of_configurations_that_is_not_there_is_refused),
        TEST(a_job_can_be_cancelled_at_its_configurations),
        TEST(a_list_has_the_newest_thousand),
        TEST(so_many_verbs_are_under_way_and_not_one_more),
        TEST(a_job_that_runs_can_be_cancelled),
        TEST(an_export_starts_again_after_a_restart),
        TEST(an_import_that_had_begun_has_failed_after_a_restart),
        TEST(an_old_job_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
