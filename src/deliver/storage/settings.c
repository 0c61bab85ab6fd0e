/* settings.c - what a storage endpoint may be, and what its files are called.
 *
 * Names tell minutes.  Of files of one minute the second gets "-1" at its end, before an ending such as
 * ".json", the third "-2": Azure says nothing of them, and nothing may be written over.
 *
 * The account's key is not shown.  A document that comes back with the mask keeps it. */
#include "deliver/storage/settings.h"

#include <inttypes.h>
#include <stdio.h>

#include "archive/template.h"
#include "base/member.h"
#include "base/num.h"
#include "base/text.h"
#include "deliver/check.h"

#define MINUTE_US INT64_C(60000000)

enum { UNKNOWN_SHOWN_MAX = 64 };

static const char *const encodings[STORAGE_ENCODINGS] = {"Avro", "AvroDeflate", "JSON"};

/* ---- members */

static const char *const members[] = {CHECK_MEMBERS_OF_ALL,
                                      "authenticationType",
                                      "identity",
                                      "endpointUri",
                                      "connectionString",
                                      "containerName",
                                      "folder",
                                      "fileNameFormat",
                                      "batchFrequencyInSeconds",
                                      "maxChunkSizeInBytes",
                                      "encoding",
                                      "skipEmptyBlobs",
                                      NULL};

static enum err read_encoding(const struct json *e, enum storage_encoding *out)
{
    char text[16] = "Avro";
    TRY(member_read_text(e, "encoding", text, sizeof text));
    for (unsigned i = 0; i < STORAGE_ENCODINGS; i++) {
        if (!slice_is_nocase(slice_str(text), encodings[i])) continue;
        *out = (enum storage_encoding)i;
        return OK;
    }
    return fail(ERR_INVALID, "encoding is Avro, AvroDeflate or JSON");
}

/* ---- names of files */

static void fill(struct template_fields *f, const char *hub, unsigned partition, int64_t wall_us)
{
    static const char *const times[] = {"{YYYY}", "{MM}", "{DD}", "{HH}", "{mm}", NULL};
    *f = (struct template_fields){.exact = true};
    template_text(f, "{iothub}", hub);
    template_number(f, "{partition}", 1, (int)partition);
    template_time(f, times, wall_us);
}

int64_t storage_next_us(int64_t wall_us, int64_t before_us)
{
    int64_t minute = wall_us / MINUTE_US * MINUTE_US;
    return MAX(minute, before_us + 1);
}

/* Before the ending of its last part, if that has one. */
static void add_suffix(char name[ARCHIVE_NAME_MAX + 1], int64_t nth)
{
    char ending[ARCHIVE_NAME_MAX + 1], *slash = strrchr(name, '/');
    char *dot = strrchr(slash ? slash : name, '.');
    char *at = dot ? dot : name + strlen(name);
    snprintf(ending, sizeof ending, "%s", at);
    snprintf(at, (size_t)(name + ARCHIVE_NAME_MAX + 1 - at), "-%" PRId64 "%s", nth, ending);
}

enum err storage_name(const struct storage_settings *s, const char *hub, unsigned partition,
                      int64_t named_us, char out[ARCHIVE_NAME_MAX + 1])
{
    struct template_fields f;
    fill(&f, hub, partition, named_us);
    if (template_write(&f, s->format, out, ARCHIVE_NAME_MAX + 1 - STORAGE_SUFFIX_MAX) != OK)
        return fail(ERR_INVALID, "fileNameFormat makes names of more than %d bytes",
                    ARCHIVE_NAME_MAX - STORAGE_SUFFIX_MAX);
    if (named_us % MINUTE_US) add_suffix(out, named_us % MINUTE_US);
    return OK;
}

/* Not of what was kept before this was asked. */
static enum err check_fields(const struct storage_settings *s)
{
    struct template_fields f;
    fill(&f, "", 0, 0);
    struct slice unknown = template_unknown(&f, s->format);
    if (unknown.len == 0) return OK;
    return fail(ERR_INVALID,
                "fileNameFormat has '%.*s': it knows {iothub}, {partition}, {YYYY}, {MM}, {DD}, "
                "{HH} and {mm} only",
                SLICE_ARG(slice_head(unknown, UNKNOWN_SHOWN_MAX)));
}

static enum err check_format(const struct storage_settings *s)
{
    char name[ARCHIVE_NAME_MAX + 1], hub[HUB_NAME_LEN_MAX + 1] = "";
    struct template_fields f;
    memset(hub, 'n', HUB_NAME_LEN_MAX);
    fill(&f, hub, LOG_PARTITIONS_MAX - 1, 0);
    const char *missing = template_missing(&f, s->format);
    if (missing)
        return fail(ERR_INVALID,
                    "fileNameFormat has no %s: it needs {iothub}, {partition}, {YYYY}, {MM}, {DD}, "
                    "{HH} and {mm}",
                    missing);
    TRY(storage_name(s, hub, LOG_PARTITIONS_MAX - 1, 0, name));
    if (archive_is_path(slice_str(s->format))) return OK;
    return fail(ERR_INVALID,
                "fileNameFormat is a path of printable characters without \\ ? # %% \" "
                "< > | * : and without parts that are empty or begin with a dot");
}

/* ---- the mask */

/* What a part of a connection string says in secret, whoever reads it; ptr NULL: nothing. */
static struct slice secret_of(struct slice part)
{
    struct slice key;
    slice_split(&part, '=', &key);
    key = slice_trim(key);
    bool secret =
        slice_is_nocase(key, "AccountKey") || slice_is_nocase(key, "SharedAccessSignature");
    return secret ? part : SLICE_NONE;
}

static bool has_secret(struct slice text)
{
    struct slice part;
    bool found = false;
    while (slice_split(&text, ';', &part)) found = found || secret_of(part).ptr;
    return found;
}

/* All of them: of two keys the last counts, and the first may be one, too. */
static void mask_parts(struct buf *out, struct slice text)
{
    struct slice part;
    while (slice_split(&text, ';', &part)) {
        struct slice secret = secret_of(part);
        buf_put_slice(out, slice_head(part, part.len - secret.len));
        if (secret.ptr) buf_put_str(out, CHECK_MASK);
        if (text.ptr) buf_put_u8(out, ';');
    }
}

static void put_masked(struct buf *out, struct slice text)
{
    if (has_secret(text))
        mask_parts(out, text);
    else if (archive_is_emulator(text))
        buf_put_slice(out, text);
    else if (text.len)
        buf_put_str(out, CHECK_MASK);
}

void storage_mask(struct arena *a, struct json *endpoint)
{
    check_mask_part(a, endpoint, "connectionString", put_masked);
}

/* The string that a masked one stands for. */
static struct slice unmasked(struct slice text, const struct json *before)
{
    struct slice kept = json_str(before, "connectionString");
    return check_is_masked(text, kept, put_masked) ? kept : text;
}

static bool is_masked(struct slice text)
{
    struct slice part;
    bool found = false;
    while (slice_split(&text, ';', &part))
        found = found || slice_is(slice_trim(secret_of(part)), CHECK_MASK);
    return found;
}

/* ---- where to */

static enum err read_folder(const struct json *e, struct archive_target *t)
{
    if (json_given(e, "connectionString") || json_given(e, "containerName"))
        return fail(ERR_INVALID, "folder is instead of connectionString and containerName");
    TRY(member_read_text(e, "folder", t->folder, sizeof t->folder));
    t->is_folder = true;
    return t->folder[0] == '\0' || archive_is_path(slice_str(t->folder))
               ? OK
               : fail(ERR_INVALID, "folder is a path below the server's folder of storage "
                                   "endpoints, without parts that begin with a dot");
}

static enum err read_container(const struct json *e, struct archive_target *t)
{
    TRY(member_read_text(e, "connectionString", t->secret, sizeof t->secret));
    TRY(member_read_text(e, "containerName", t->container, sizeof t->container));
    if (t->secret[0] == '\0') return fail(ERR_INVALID, "connectionString is missing");
    if (is_masked(slice_str(t->secret)))
        return fail(ERR_INVALID, "connectionString is masked: this account was not there before");
    if (!archive_is_part(slice_str(t->container)))
        return fail(ERR_INVALID, "containerName is missing, or is no name of a container");
    return archive_target_read_account(t);
}

static enum err read_target(const struct json *e, struct archive_target *t)
{
    char how[32] = "keyBased";
    TRY(member_read_text(e, "authenticationType", how, sizeof how));
    if (!slice_is_nocase(slice_str(how), "keyBased"))
        return fail(ERR_INVALID, "authenticationType is keyBased: there are no identities here");
    return json_given(e, "folder") ? read_folder(e, t) : read_container(e, t);
}

/* ---- all of it */

enum err storage_settings_read(const struct json *e, struct storage_settings *out)
{
    int64_t frequency = STORAGE_FREQUENCY_DEFAULT_S, chunk = STORAGE_CHUNK_DEFAULT;
    *out = (struct storage_settings){.format = STORAGE_FORMAT_DEFAULT};
    TRY(member_only(e, "a storage container", members));
    TRY(read_target(e, &out->archive.target));
    TRY(read_encoding(e, &out->encoding));
    TRY(member_read_text(e, "fileNameFormat", out->format, sizeof out->format));
    TRY(check_format(out));
    TRY(member_read_number(e, "batchFrequencyInSeconds", STORAGE_FREQUENCY_MIN_S,
                           STORAGE_FREQUENCY_MAX_S, &frequency));
    TRY(member_read_number(e, "maxChunkSizeInBytes", STORAGE_CHUNK_MIN, STORAGE_CHUNK_MAX, &chunk));
    TRY(member_read_truth(e, "skipEmptyBlobs", &out->archive.skip_empty));
    out->archive.interval_s = (unsigned)frequency;
    out->archive.size_limit = (uint64_t)chunk;
    out->archive.codec = out->encoding == STORAGE_AVRO_DEFLATE ? AVRO_DEFLATE : AVRO_NULL_CODEC;
    return OK;
}

/* Readers of what is there already would stumble. */
static enum err check_encoding(const struct storage_settings *s, const struct json *before)
{
    if (before == NULL || slice_is_nocase(json_str(before, "encoding"), encodings[s->encoding]))
        return OK;
    return fail(ERR_INVALID, "encoding cannot be changed, it is %.*s: make another endpoint",
                SLICE_ARG(json_str(before, "encoding")));
}

/* A hub that does not listen yet reads what it has kept, from before there were these rules, too. */
static enum err check_names(const struct hub *hub, const struct storage_settings *s)
{
    const struct archive_target *t = &s->archive.target;
    if (hub->https_port == 0) return OK;
    if (!t->is_folder && !archive_is_container(slice_str(t->container)))
        return fail(ERR_INVALID, "containerName has " ARCHIVE_CONTAINER_RULE);
    return check_fields(s);
}

static void complete(struct arena *a, struct json *e, const struct storage_settings *s)
{
    json_set(a, e, SLICE_LIT("encoding"), json_new_string(a, slice_str(encodings[s->encoding])));
    json_set(a, e, SLICE_LIT("fileNameFormat"), json_new_string(a, slice_str(s->format)));
    json_set(a, e, SLICE_LIT("batchFrequencyInSeconds"), json_new_i64(a, s->archive.interval_s));
    json_set(a, e, SLICE_LIT("maxChunkSizeInBytes"),
             json_new_i64(a, (int64_t)s->archive.size_limit));
}

enum err storage_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                       const struct json *before)
{
    struct storage_settings s;
    const struct json *given = json_given(endpoint, "connectionString");
    if (given && given->type == JSON_STRING)
        json_set(a, endpoint, SLICE_LIT("connectionString"),
                 json_new_string(a, unmasked(given->text, before)));
    enum err e = storage_settings_read(endpoint, &s);
    if (e == OK) e = check_names(hub, &s);
    if (e == OK) e = check_encoding(&s, before);
    if (e == OK) complete(a, endpoint, &s);
    mem_wipe(&s, sizeof s);
    return e == OK ? OK : ERR_INVALID;
}
