/* policy.c - shared access policies: the default ones, finding one, JSON. */
#include <stdio.h>
#include <string.h>

#include "auth/auth.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/text.h"

enum {
    ALL_HUB = AUTH_REGISTRY_READ | AUTH_REGISTRY_WRITE | AUTH_SERVICE_CONNECT | AUTH_DEVICE_CONNECT,
    ALL_DPS = AUTH_SERVICE_CONFIG | AUTH_ENROLLMENT_READ | AUTH_ENROLLMENT_WRITE |
              AUTH_REGISTRATION_READ | AUTH_REGISTRATION_WRITE,
};

/* Names of rights as the management API spells them.  A "write" implies its "read". */
static const struct {
    const char *name;
    unsigned gives;
} rights[] = {
    {"RegistryRead", AUTH_REGISTRY_READ},
    {"RegistryWrite", AUTH_REGISTRY_READ | AUTH_REGISTRY_WRITE},
    {"ServiceConnect", AUTH_SERVICE_CONNECT},
    {"DeviceConnect", AUTH_DEVICE_CONNECT},
    {"ServiceConfig", AUTH_SERVICE_CONFIG},
    {"EnrollmentRead", AUTH_ENROLLMENT_READ},
    {"EnrollmentWrite", AUTH_ENROLLMENT_READ | AUTH_ENROLLMENT_WRITE},
    {"RegistrationStatusRead", AUTH_REGISTRATION_READ},
    {"RegistrationStatusWrite", AUTH_REGISTRATION_READ | AUTH_REGISTRATION_WRITE},
};
enum {
    RIGHTS = sizeof rights / sizeof *rights,
    RIGHT_SHOWN_MAX = 64, /* bytes of one that is none */
};

/* ---- keys */

enum err auth_key_set(struct auth_key *key, struct slice text)
{
    if (text.len > AUTH_KEY_TEXT_MAX) return fail(ERR_INVALID, "a key is too long");
    struct buf bytes = BUF_SECRET;
    enum err e = text_unbase64(&bytes, text);
    size_t len = buf_size(&bytes);
    if (e == OK && (len < AUTH_KEY_MIN || len > AUTH_KEY_MAX)) e = ERR_INVALID;
    if (e == OK) {
        *key = (struct auth_key){.len = len};
        slice_copy(key->bytes, buf_slice(&bytes));
        slice_copy(key->text, text);
    }
    buf_wipe(&bytes);
    return e == OK ? OK
                   : fail(e, "a key is not base64 of %d to %d bytes", AUTH_KEY_MIN, AUTH_KEY_MAX);
}

void auth_key_make(struct auth_key *key)
{
    *key = (struct auth_key){.len = AUTH_KEY_MADE};
    rand_bytes(key->bytes, AUTH_KEY_MADE);
    struct buf text = BUF_SECRET;
    text_base64(&text, slice_of(key->bytes, key->len));
    assert(text.ptr);
    memcpy(key->text, buf_slice(&text).ptr, buf_size(&text));
    buf_wipe(&text);
}

/* ---- policies */

void policies_make(struct policies *p)
{
    static const struct {
        const char *name;
        unsigned rights;
    } defaults[] = {
        {"iothubowner", ALL_HUB},
        {"service", AUTH_SERVICE_CONNECT},
        {"device", AUTH_DEVICE_CONNECT},
        {"registryRead", AUTH_REGISTRY_READ},
        {"registryReadWrite", AUTH_REGISTRY_READ | AUTH_REGISTRY_WRITE},
        {"provisioningserviceowner", ALL_DPS},
    };
    *p = (struct policies){.count = sizeof defaults / sizeof *defaults};
    for (size_t i = 0; i < p->count; i++) {
        snprintf(p->items[i].name, sizeof p->items[i].name, "%s", defaults[i].name);
        p->items[i].rights = defaults[i].rights;
        auth_key_make(&p->items[i].keys[0]);
        auth_key_make(&p->items[i].keys[1]);
    }
}

const struct policy *policies_find(const struct policies *p, struct slice name)
{
    for (size_t i = 0; i < p->count; i++)
        if (slice_is_nocase(name, p->items[i].name)) return &p->items[i];
    return NULL;
}

/* ---- JSON */

static void write_rights(struct buf *out, unsigned has)
{
    const char *gap = "";
    for (size_t i = 0; i < RIGHTS; i++) {
        if ((has & rights[i].gives) != rights[i].gives) continue;
        buf_printf(out, "%s%s", gap, rights[i].name);
        gap = ", ";
    }
}

void policy_write(struct buf *out, const struct policy *p)
{
    buf_put_str(out, "{\"keyName\":");
    text_json_string(out, slice_str(p->name));
    buf_printf(out, ",\"primaryKey\":\"%s\",\"secondaryKey\":\"%s\",\"rights\":\"", p->keys[0].text,
               p->keys[1].text);
    write_rights(out, p->rights);
    buf_put_str(out, "\"}");
}

void policies_write(struct buf *out, const struct policies *p)
{
    buf_put_u8(out, '[');
    for (size_t i = 0; i < p->count; i++) {
        if (i) buf_put_u8(out, ',');
        policy_write(out, &p->items[i]);
    }
    buf_put_u8(out, ']');
}

void policies_write_names(struct buf *out, const struct policies *p)
{
    buf_put_u8(out, '[');
    for (size_t i = 0; i < p->count; i++) {
        buf_put_str(out, i ? ",{\"keyName\":" : "{\"keyName\":");
        text_json_string(out, slice_str(p->items[i].name));
        buf_put_str(out, ",\"rights\":\"");
        write_rights(out, p->items[i].rights);
        buf_put_str(out, "\"}");
    }
    buf_put_u8(out, ']');
}

static enum err unknown_right(struct slice word)
{
    struct buf known = {0};
    for (size_t i = 0; i < RIGHTS; i++) buf_printf(&known, "%s%s", i ? ", " : "", rights[i].name);
    enum err e = fail(ERR_INVALID, "there is no right '%.*s': rights are %s",
                      SLICE_ARG(slice_head(word, RIGHT_SHOWN_MAX)), buf_cstr(&known));
    buf_free(&known);
    return e;
}

enum err rights_read(struct slice text, unsigned *out)
{
    struct slice word;
    *out = 0;
    while (slice_split(&text, ',', &word)) {
        word = slice_trim(word);
        size_t i = 0;
        while (i < RIGHTS && !slice_is_nocase(word, rights[i].name)) i++;
        if (i == RIGHTS) return unknown_right(word);
        *out |= rights[i].gives;
    }
    return *out ? OK : unknown_right(SLICE_LIT(""));
}

static enum err read_policy(const struct json *j, struct policy *out)
{
    struct slice name = json_str(j, "keyName");
    if (name.len == 0 || name.len > SAS_POLICY_MAX || memchr(name.ptr, '\0', name.len))
        return fail(ERR_INVALID, "a policy needs a keyName of 1 to %d characters", SAS_POLICY_MAX);
    *out = (struct policy){0};
    memcpy(out->name, name.ptr, name.len);
    TRY(auth_key_set(&out->keys[0], json_str(j, "primaryKey")));
    TRY(auth_key_set(&out->keys[1], json_str(j, "secondaryKey")));
    return rights_read(json_str(j, "rights"), &out->rights);
}

static enum err read_all(const struct json *list, struct policies *out)
{
    if (list->type != JSON_ARRAY) return fail(ERR_INVALID, "policies are a JSON array");
    for (const struct json *j = list->child; j; j = j->next) {
        if (out->count == AUTH_POLICIES_MAX)
            return fail(ERR_INVALID, "more than %d policies", AUTH_POLICIES_MAX);
        struct policy *p = &out->items[out->count];
        TRY(read_policy(j, p));
        if (policies_find(out, slice_str(p->name)))
            return fail(ERR_INVALID, "there are two policies '%s'", p->name);
        out->count++;
    }
    return OK;
}

enum err policies_read(struct slice text, struct policies *out)
{
    struct arena arena = {0};
    struct json *list;
    *out = (struct policies){0};
    enum err e = json_parse(&arena, text, &list);
    if (e == OK) e = read_all(list, out);
    arena_wipe(&arena);
    return e;
}
