/* description.c - captureDescription read, checked and shown. */
#include "capture/description.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/json.h"
#include "base/text.h"
#include "log/log.h"

#define BLOCK_BLOB "EventHubArchive.AzureBlockBlob"
#define FOLDER     "Azimuth.Folder"

static const struct {
    const char *name;
    enum avro_codec codec;
} encodings[] = {
    {"Avro", AVRO_NULL_CODEC}, {"AvroDeflate", AVRO_DEFLATE}, {"AvroSnappy", AVRO_SNAPPY}};

enum { ENCODINGS = sizeof encodings / sizeof *encodings };

/* ---- members */

static enum err read_bool(const struct json *j, const char *name, bool *out)
{
    const struct json *v = json_given(j, name);
    if (v == NULL) return OK;
    if (v->type != JSON_BOOL) return fail(ERR_INVALID, "%s must be true or false", name);
    *out = v->truth;
    return OK;
}

static enum err read_number(const struct json *j, const char *name, int64_t least, int64_t most,
                            int64_t *out)
{
    const struct json *v = json_given(j, name);
    if (v == NULL) return OK;
    if (v->type != JSON_NUMBER || json_i64(v, out) != OK || *out < least || *out > most)
        return fail(ERR_INVALID, "%s must be a whole number from %" PRId64 " to %" PRId64, name,
                    least, most);
    return OK;
}

static enum err read_text(const struct json *j, const char *name, char *out, size_t size)
{
    const struct json *v = json_given(j, name);
    if (v == NULL) return OK;
    if (v->type != JSON_STRING || v->text.len >= size || !text_is_utf8(v->text) ||
        slice_find(v->text, '\0') < v->text.len)
        return fail(ERR_INVALID, "%s must be text of at most %zu bytes", name, size - 1);
    snprintf(out, size, "%.*s", SLICE_ARG(v->text));
    return OK;
}

static enum err read_encoding(const struct json *j, enum avro_codec *out)
{
    char name[32] = "Avro";
    TRY(read_text(j, "encoding", name, sizeof name));
    for (int i = 0; i < ENCODINGS; i++) {
        if (!slice_is_nocase(slice_str(name), encodings[i].name)) continue;
        *out = encodings[i].codec;
        return OK;
    }
    return fail(ERR_INVALID, "encoding must be Avro, AvroDeflate or AvroSnappy");
}

/* ---- names of files */

static const char *const fields[] = {"{Namespace}", "{EventHub}", "{PartitionId}",
                                     "{Year}",      "{Month}",    "{Day}",
                                     "{Hour}",      "{Minute}",   "{Second}"};

enum { FIELDS = sizeof fields / sizeof *fields };

static size_t put_field(char *out, size_t room, unsigned field,
                        const struct description_place *place, const struct tm *t)
{
    const int times[] = {t->tm_year + 1900, t->tm_mon + 1, t->tm_mday,
                         t->tm_hour,        t->tm_min,     t->tm_sec};
    int len = field == 0   ? snprintf(out, room, "%s", place->space)
              : field == 1 ? snprintf(out, room, "%s", place->event_hub)
              : field == 2 ? snprintf(out, room, "%u", place->partition)
                           : snprintf(out, room, "%0*d", field == 3 ? 4 : 2, times[field - 3]);
    return (size_t)len;
}

static bool field_at(const char *at, unsigned *field)
{
    for (unsigned i = 0; i < FIELDS; i++)
        if (slice_starts_nocase(slice_str(at), slice_str(fields[i]))) {
            *field = i;
            return true;
        }
    return false;
}

enum err description_name(const struct description *d, const struct description_place *place,
                          int64_t wall_us, char *out)
{
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm t;
    size_t len = 0;
    unsigned field;
    gmtime_r(&seconds, &t);
    for (const char *at = d->format; *at;) {
        if (len >= CAPTURE_NAME_MAX) break;
        if (field_at(at, &field)) {
            len += put_field(out + len, CAPTURE_NAME_MAX + 1 - len, field, place, &t);
            at += strlen(fields[field]);
        } else {
            out[len++] = *at++;
        }
    }
    if (len > CAPTURE_NAME_MAX - strlen(".avro"))
        return fail(ERR_INVALID, "archiveNameFormat makes names of more than %d bytes",
                    CAPTURE_NAME_MAX);
    snprintf(out + len, CAPTURE_NAME_MAX + 1 - len, ".avro");
    return OK;
}

/* Leads nowhere but down, in a folder and in a URL. */
static bool is_path(struct slice path)
{
    struct slice part;
    for (size_t i = 0; i < path.len; i++)
        if (path.ptr[i] < ' ' || path.ptr[i] > '~' || strchr("\\?#%\"<>|*:", path.ptr[i]))
            return false;
    while (slice_split(&path, '/', &part))
        if (part.len == 0 || part.ptr[0] == '.') return false;
    return true;
}

static enum err check_format(const struct description *d)
{
    char name[CAPTURE_NAME_MAX + 1], hub[HUB_NAME_LEN_MAX + 1] = "";
    const struct description_place longest = {hub, hub, LOG_PARTITIONS_MAX - 1};
    memset(hub, 'n', HUB_NAME_LEN_MAX);
    for (unsigned i = 0; i < FIELDS; i++)
        if (strcasestr(d->format, fields[i]) == NULL)
            return fail(ERR_INVALID,
                        "archiveNameFormat has no %s: it needs {Namespace}, {EventHub}, "
                        "{PartitionId}, {Year}, {Month}, {Day}, {Hour}, {Minute} and {Second}",
                        fields[i]);
    TRY(description_name(d, &longest, 0, name));
    return is_path(slice_str(d->format))
               ? OK
               : fail(ERR_INVALID, "archiveNameFormat must be a path of printable characters "
                                   "without \\ ? # %% \" < > | * : and without parts that are "
                                   "empty or begin with a dot");
}

/* ---- where to */

/* Of the SDKs' and of ARM's form. */
static const struct json *home_of(const struct json *destination, const char *name)
{
    const struct json *properties = json_given(destination, "properties");
    return json_given(properties, name) ? properties : destination;
}

/* An emulator speaks plain HTTP; the parser of accounts knows only HTTPS. */
static enum err read_account(struct description *d)
{
    const char *plain = strcasestr(d->secret, "BlobEndpoint=http://");
    struct buf text = {0};
    size_t before = plain ? (size_t)(plain - d->secret) + strlen("BlobEndpoint=http") : 0;
    d->plain = plain != NULL;
    buf_put(&text, d->secret, before);
    if (plain) buf_put_u8(&text, 's');
    buf_put_str(&text, d->secret + before);
    enum err e = blob_account_parse(buf_slice(&text), &d->account);
    buf_wipe(&text);
    return e;
}

static enum err read_container(const struct json *to, const struct description *old,
                               struct description *d)
{
    TRY(read_text(home_of(to, "blobContainer"), "blobContainer", d->container,
                  sizeof d->container));
    TRY(read_text(home_of(to, "storageAccountResourceId"), "storageAccountResourceId", d->resource,
                  sizeof d->resource));
    TRY(read_text(home_of(to, "connectionString"), "connectionString", d->secret,
                  sizeof d->secret));
    if (d->container[0] == '\0' || !is_path(slice_str(d->container)) || strchr(d->container, '/'))
        return fail(ERR_INVALID, "destination has no blobContainer, or one that is no name");
    if (d->secret[0] == '\0' && old && strcmp(old->container, d->container) == 0)
        snprintf(d->secret, sizeof d->secret, "%s", old->secret);
    if (d->secret[0] == '\0')
        return fail(ERR_INVALID, "destination has no connectionString of the storage account");
    return read_account(d);
}

static enum err read_folder(const struct json *to, struct description *d)
{
    TRY(read_text(home_of(to, "folder"), "folder", d->folder, sizeof d->folder));
    return d->folder[0] == '\0' || is_path(slice_str(d->folder))
               ? OK
               : fail(ERR_INVALID, "folder must be a path below the server's folder of captures, "
                                   "without parts that begin with a dot");
}

static enum err read_destination(const struct json *to, const struct description *old,
                                 struct description *d)
{
    char name[64] = BLOCK_BLOB;
    if (to == NULL || to->type != JSON_OBJECT) return fail(ERR_INVALID, "there is no destination");
    TRY(read_text(to, "name", name, sizeof name));
    snprintf(d->format, sizeof d->format, "%s", CAPTURE_FORMAT_DEFAULT);
    TRY(read_text(home_of(to, "archiveNameFormat"), "archiveNameFormat", d->format,
                  sizeof d->format));
    TRY(check_format(d));
    d->is_folder = strcmp(name, FOLDER) == 0;
    if (d->is_folder) return read_folder(to, d);
    if (strcmp(name, BLOCK_BLOB) == 0) return read_container(to, old, d);
    return fail(ERR_INVALID, "destination.name must be " BLOCK_BLOB " or " FOLDER);
}

static enum err read_all(const struct json *j, const struct description *old, struct description *d)
{
    int64_t interval = CAPTURE_INTERVAL_DEFAULT_S, size = CAPTURE_SIZE_DEFAULT;
    if (j->type != JSON_OBJECT) return fail(ERR_INVALID, "a captureDescription is an object");
    TRY(read_bool(j, "enabled", &d->enabled));
    TRY(read_bool(j, "skipEmptyArchives", &d->skip_empty));
    TRY(read_encoding(j, &d->codec));
    TRY(read_number(j, "intervalInSeconds", CAPTURE_INTERVAL_MIN_S, CAPTURE_INTERVAL_MAX_S,
                    &interval));
    TRY(read_number(j, "sizeLimitInBytes", CAPTURE_SIZE_MIN, CAPTURE_SIZE_MAX, &size));
    d->interval_s = (unsigned)interval;
    d->size_limit = (uint64_t)size;
    return read_destination(json_given(j, "destination"), old, d);
}

enum err description_parse(struct slice json, const struct description *old,
                           struct description *out)
{
    struct arena arena = {0};
    struct json *j;
    *out = (struct description){.enabled = true};
    enum err e = json_parse(&arena, json, &j);
    if (e == OK) e = read_all(j, old, out);
    arena_wipe(&arena);
    return e == OK ? OK : ERR_INVALID;
}

/* ---- shown */

static void put_text(struct buf *out, const char *name, const char *text)
{
    if (text[0] == '\0') return;
    buf_printf(out, ",\"%s\":", name);
    text_json_string(out, slice_str(text));
}

void description_write(struct buf *out, const struct description *d, bool with_secret)
{
    const char *encoding = encodings[0].name;
    for (int i = 0; i < ENCODINGS; i++)
        if (encodings[i].codec == d->codec) encoding = encodings[i].name;
    buf_printf(out,
               "{\"enabled\":%s,\"encoding\":\"%s\",\"intervalInSeconds\":%u,"
               "\"sizeLimitInBytes\":%" PRIu64 ",\"skipEmptyArchives\":%s,\"destination\":{"
               "\"name\":\"%s\",\"properties\":{\"archiveNameFormat\":",
               d->enabled ? "true" : "false", encoding, d->interval_s, d->size_limit,
               d->skip_empty ? "true" : "false", d->is_folder ? FOLDER : BLOCK_BLOB);
    text_json_string(out, slice_str(d->format));
    put_text(out, "folder", d->folder);
    put_text(out, "blobContainer", d->container);
    put_text(out, "storageAccountResourceId", d->resource);
    put_text(out, "accountName", d->account.name);
    if (with_secret) put_text(out, "connectionString", d->secret);
    buf_put_str(out, "}}}");
}
