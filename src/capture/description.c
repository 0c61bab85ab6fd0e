/* description.c - captureDescription read, checked and shown. */
#include "capture/description.h"

#include <inttypes.h>
#include <stdio.h>

#include "archive/template.h"
#include "base/member.h"
#include "base/text.h"
#include "log/log.h"

#define BLOCK_BLOB "EventHubArchive.AzureBlockBlob"
#define FOLDER     "Azimuth.Folder"

enum { UNKNOWN_SHOWN_MAX = 64 };

static const struct {
    const char *name;
    enum avro_codec codec;
} encodings[] = {
    {"Avro", AVRO_NULL_CODEC}, {"AvroDeflate", AVRO_DEFLATE}, {"AvroSnappy", AVRO_SNAPPY}};

enum { ENCODINGS = sizeof encodings / sizeof *encodings };

/* ---- members */

/* Of the SDKs' and of ARM's form; what is shown has accountName, too. */
#define DESTINATION_MEMBERS                                                                        \
    "folder", "blobContainer", "storageAccountResourceId", "accountName", "connectionString",      \
        "archiveNameFormat", NULL

static const char *const members[] = {
    "enabled",     "encoding", "intervalInSeconds", "sizeLimitInBytes", "skipEmptyArchives",
    "destination", NULL};
static const char *const destination_members[] = {"name", "properties", DESTINATION_MEMBERS};
static const char *const property_members[] = {DESTINATION_MEMBERS};

static enum err check_members(const struct json *j)
{
    const struct json *destination = json_given(j, "destination");
    const struct json *properties = json_given(destination, "properties");
    if (j->type != JSON_OBJECT) return fail(ERR_INVALID, "a captureDescription is an object");
    if (destination == NULL || destination->type != JSON_OBJECT)
        return fail(ERR_INVALID, "there is no destination");
    TRY(member_only(j, "a captureDescription", members));
    TRY(member_only(destination, "destination", destination_members));
    return properties ? member_only(properties, "destination.properties", property_members) : OK;
}

static enum err read_encoding(const struct json *j, enum avro_codec *out)
{
    char name[32] = "Avro";
    TRY(member_read_text(j, "encoding", name, sizeof name));
    for (int i = 0; i < ENCODINGS; i++) {
        if (!slice_is_nocase(slice_str(name), encodings[i].name)) continue;
        *out = encodings[i].codec;
        return OK;
    }
    return fail(ERR_INVALID, "encoding must be Avro, AvroDeflate or AvroSnappy");
}

/* ---- names of files */

static void fill(struct template_fields *f, const struct description_place *place, int64_t wall_us)
{
    static const char *const times[] = {"{Year}", "{Month}",  "{Day}",
                                        "{Hour}", "{Minute}", "{Second}"};
    *f = (struct template_fields){0};
    template_text(f, "{Namespace}", place->space);
    template_text(f, "{EventHub}", place->event_hub);
    template_number(f, "{PartitionId}", 1, (int)place->partition);
    template_time(f, times, wall_us);
}

enum err description_name(const struct description *d, const struct description_place *place,
                          int64_t wall_us, char *out)
{
    struct template_fields f;
    fill(&f, place, wall_us);
    if (template_write(&f, d->format, out, CAPTURE_NAME_MAX + 1 - strlen(".avro")) != OK)
        return fail(ERR_INVALID, "archiveNameFormat makes names of more than %d bytes",
                    CAPTURE_NAME_MAX);
    memcpy(out + strlen(out), ".avro", sizeof ".avro");
    return OK;
}

static enum err check_fields(const struct description *d, const struct description_place *place)
{
    struct template_fields f;
    fill(&f, place, 0);
    struct slice unknown = template_unknown(&f, d->format);
    if (unknown.len == 0) return OK;
    return fail(ERR_INVALID,
                "archiveNameFormat has '%.*s': it knows {Namespace}, {EventHub}, {PartitionId}, "
                "{Year}, {Month}, {Day}, {Hour}, {Minute} and {Second} only",
                SLICE_ARG(slice_head(unknown, UNKNOWN_SHOWN_MAX)));
}

enum err description_check(const struct description *d, const struct description_place *place)
{
    char name[CAPTURE_NAME_MAX + 1];
    const struct archive_target *t = &d->archive.target;
    if (!t->is_folder && !archive_is_container(slice_str(t->container)))
        return fail(ERR_INVALID, "blobContainer has " ARCHIVE_CONTAINER_RULE);
    TRY(check_fields(d, place));
    TRY(description_name(d, place, 0, name));
    struct slice rest = slice_str(name), part;
    while (t->is_folder && slice_split(&rest, '/', &part))
        if (part.len > CAPTURE_PART_MAX)
            return fail(ERR_INVALID,
                        "archiveNameFormat makes names with parts of more than %d bytes, which no "
                        "folder takes",
                        CAPTURE_PART_MAX);
    return OK;
}

static enum err check_format(const struct description *d)
{
    char name[CAPTURE_NAME_MAX + 1], hub[HUB_NAME_LEN_MAX + 1] = "";
    const struct description_place longest = {hub, hub, LOG_PARTITIONS_MAX - 1};
    struct template_fields f;
    memset(hub, 'n', HUB_NAME_LEN_MAX);
    fill(&f, &longest, 0);
    if (template_missing(&f, d->format))
        return fail(ERR_INVALID,
                    "archiveNameFormat has no %s: it needs {Namespace}, {EventHub}, "
                    "{PartitionId}, {Year}, {Month}, {Day}, {Hour}, {Minute} and {Second}",
                    template_missing(&f, d->format));
    TRY(description_name(d, &longest, 0, name));
    return archive_is_path(slice_str(d->format))
               ? OK
               : fail(ERR_INVALID, "archiveNameFormat must be a path of printable characters "
                                   "without \\ ? # %% \" < > | * : and without parts that are "
                                   "empty or begin with a dot");
}

/* ---- where to */

static const struct json *home_of(const struct json *destination, const char *name)
{
    const struct json *properties = json_given(destination, "properties");
    return json_given(properties, name) ? properties : destination;
}

static enum err read_container(const struct json *to, const struct description *old,
                               struct description *d)
{
    struct archive_target *t = &d->archive.target;
    TRY(member_read_text(home_of(to, "blobContainer"), "blobContainer", t->container,
                         sizeof t->container));
    TRY(member_read_text(home_of(to, "storageAccountResourceId"), "storageAccountResourceId",
                         d->resource, sizeof d->resource));
    TRY(member_read_text(home_of(to, "connectionString"), "connectionString", t->secret,
                         sizeof t->secret));
    if (!archive_is_part(slice_str(t->container)))
        return fail(ERR_INVALID, "destination has no blobContainer, or one that is no name");
    if (t->secret[0] == '\0' && old && strcmp(old->archive.target.container, t->container) == 0)
        snprintf(t->secret, sizeof t->secret, "%s", old->archive.target.secret);
    if (t->secret[0] == '\0')
        return fail(ERR_INVALID, "destination has no connectionString of the storage account");
    return archive_target_read_account(t);
}

static enum err read_folder(const struct json *to, struct archive_target *t)
{
    TRY(member_read_text(home_of(to, "folder"), "folder", t->folder, sizeof t->folder));
    return t->folder[0] == '\0' || archive_is_path(slice_str(t->folder))
               ? OK
               : fail(ERR_INVALID, "folder must be a path below the server's folder of captures, "
                                   "without parts that begin with a dot");
}

static enum err read_destination(const struct json *to, const struct description *old,
                                 struct description *d)
{
    char name[64] = BLOCK_BLOB;
    TRY(member_read_text(to, "name", name, sizeof name));
    snprintf(d->format, sizeof d->format, "%s", CAPTURE_FORMAT_DEFAULT);
    TRY(member_read_text(home_of(to, "archiveNameFormat"), "archiveNameFormat", d->format,
                         sizeof d->format));
    TRY(check_format(d));
    d->archive.target.is_folder = strcmp(name, FOLDER) == 0;
    if (d->archive.target.is_folder) return read_folder(to, &d->archive.target);
    if (strcmp(name, BLOCK_BLOB) == 0) return read_container(to, old, d);
    return fail(ERR_INVALID, "destination.name must be " BLOCK_BLOB " or " FOLDER);
}

static enum err read_all(const struct json *j, const struct description *old, struct description *d)
{
    int64_t interval = CAPTURE_INTERVAL_DEFAULT_S, size = CAPTURE_SIZE_DEFAULT;
    TRY(check_members(j));
    TRY(member_read_truth(j, "enabled", &d->enabled));
    TRY(member_read_truth(j, "skipEmptyArchives", &d->archive.skip_empty));
    TRY(read_encoding(j, &d->archive.codec));
    TRY(member_read_number(j, "intervalInSeconds", CAPTURE_INTERVAL_MIN_S, CAPTURE_INTERVAL_MAX_S,
                           &interval));
    TRY(member_read_number(j, "sizeLimitInBytes", CAPTURE_SIZE_MIN, CAPTURE_SIZE_MAX, &size));
    d->archive.interval_s = (unsigned)interval;
    d->archive.size_limit = (uint64_t)size;
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
    const struct archive_settings *a = &d->archive;
    const char *encoding = encodings[0].name;
    for (int i = 0; i < ENCODINGS; i++)
        if (encodings[i].codec == a->codec) encoding = encodings[i].name;
    buf_printf(out,
               "{\"enabled\":%s,\"encoding\":\"%s\",\"intervalInSeconds\":%u,"
               "\"sizeLimitInBytes\":%" PRIu64 ",\"skipEmptyArchives\":%s,\"destination\":{"
               "\"name\":\"%s\",\"properties\":{\"archiveNameFormat\":",
               d->enabled ? "true" : "false", encoding, a->interval_s, a->size_limit,
               a->skip_empty ? "true" : "false", a->target.is_folder ? FOLDER : BLOCK_BLOB);
    text_json_string(out, slice_str(d->format));
    put_text(out, "folder", a->target.folder);
    put_text(out, "blobContainer", a->target.container);
    put_text(out, "storageAccountResourceId", d->resource);
    put_text(out, "accountName", a->target.account.name);
    if (with_secret) put_text(out, "connectionString", a->target.secret);
    buf_put_str(out, "}}}");
}
