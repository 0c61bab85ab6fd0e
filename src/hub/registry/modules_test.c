/* modules_test.c - modules of devices: their own rules, and what becomes of them with their device. */
#include "base/limit.h"
#include "hub/registry/fixture.h"

#include "auth/sas.h"
#include "base/clock.h"

#define KEY_A "MDEyMzQ1Njc4OWFiY2RlZg=="
#define KEY_B "ZmVkY2JhOTg3NjU0MzIxMA=="
#define KEYS(a, b)                                                                                 \
    "\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":\"" a                   \
    "\",\"secondaryKey\":\"" b "\"}}"

static enum status list(struct fixture *f, struct reply *r, const char *device_id)
{
    registry_list_modules(asking(f, r), slice_str(device_id), &r->wait);
    rig_run(&f->rig);
    assert_int_equal(r->answers, 1);
    return r->status;
}

/* "m1,m2" */
static const char *names(struct fixture *f, const char *device_id)
{
    static char text[2048];
    struct reply r;
    size_t at = 0;
    text[0] = '\0';
    assert_int_equal(list(f, &r, device_id), STATUS_OK);
    for (const struct json *j = r.body->child; j; j = j->next)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", at ? "," : "",
                               text_at(j, "moduleId"));
    reply_free(&r);
    return text;
}

static enum status get_only(struct fixture *f, const char *who)
{
    struct reply r;
    enum status status = get(f, &r, who);
    reply_free(&r);
    return status;
}

static enum status drop_only(struct fixture *f, const char *who)
{
    struct reply r;
    enum status status = drop(f, &r, who, "*");
    reply_free(&r);
    return status;
}

/* ---- one module */

static void a_new_module_has_everything_azure_shows(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    put_only(f, "d1", NULL, "{}");
    assert_int_equal(put(f, &r, "d1/m1", NULL, "{\"deviceId\":\"d1\",\"moduleId\":\"m1\"}"),
                     STATUS_OK);
    static const char *const rows[][2] = {
        {"deviceId", "d1"},
        {"moduleId", "m1"},
        {"managedBy", "null"},
        {"connectionState", "Disconnected"},
        {"connectionStateUpdatedTime", "0001-01-01T00:00:00Z"},
        {"lastActivityTime", "0001-01-01T00:00:00Z"},
        {"cloudToDeviceMessageCount", "0"},
        {"authentication.type", "sas"},
        {"authentication.x509Thumbprint.primaryThumbprint", "null"},
        {"status", "absent"},
        {"statusReason", "absent"},
        {"capabilities", "absent"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(text_at(r.body, rows[i][0]), rows[i][1]);
    assert_int_equal(strlen(text_at(r.body, "generationId")), 18);
    assert_int_equal(strlen(text_at(r.body, "authentication.symmetricKey.primaryKey")), 44);
    for (int restarted = 0; restarted <= 1; restarted++) {
        struct reply again;
        assert_int_equal(get(f, &again, "d1/m1"), STATUS_OK);
        assert_true(slice_eq(again.raw, r.raw));
        assert_string_equal(again.etag, r.etag);
        reply_free(&again);
        fixture_restart(f);
    }
    reply_free(&r);
}

/* Each row finds the module d1/there, whose etag stands for %s, and no d1/absent and no d2. */
static void writes_obey_if_match(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *verb, *who, *if_match;
        enum status status;
    } rows[] = {
        {"GET", "d1/there", NULL, STATUS_OK},
        {"GET", "d1/absent", NULL, STATUS_MODULE_NOT_FOUND},
        {"GET", "d2/m", NULL, STATUS_DEVICE_NOT_FOUND},
        {"PUT", "d1/absent", NULL, STATUS_OK},
        {"PUT", "d1/there", NULL, STATUS_MODULE_ALREADY_EXISTS},
        {"PUT", "d1/there", "*", STATUS_OK},
        {"PUT", "d1/there", "\"%s\"", STATUS_OK},
        {"PUT", "d1/there", "MQ==", STATUS_PRECONDITION_FAILED},
        {"PUT", "d1/absent", "*", STATUS_MODULE_NOT_FOUND},
        {"PUT", "d2/m", NULL, STATUS_DEVICE_NOT_FOUND},
        {"DELETE", "d1/there", NULL, STATUS_PRECONDITION_FAILED},
        {"DELETE", "d1/there", "MQ==", STATUS_PRECONDITION_FAILED},
        {"DELETE", "d1/there", "%s", STATUS_OK},
        {"DELETE", "d1/absent", "*", STATUS_MODULE_NOT_FOUND},
        {"DELETE", "d2/m", "*", STATUS_DEVICE_NOT_FOUND},
        {"PUT", "d1/a/b", NULL, STATUS_ARGUMENT_INVALID},
        {"PUT", "d1/", NULL, STATUS_ARGUMENT_INVALID},
        {"PUT", "d1/a b", NULL, STATUS_ARGUMENT_INVALID},
    };
    put_only(f, "d1", NULL, "{}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r, before;
        char match[64] = "";
        drop_only(f, "d1/absent");
        put_only(f, "d1/there", NULL, "{}");
        get(f, &before, "d1/there");
        if (rows[i].if_match) {
            const char *mark = strstr(rows[i].if_match, "%s");
            snprintf(match, sizeof match, "%.*s%s%s", (int)(mark ? mark - rows[i].if_match : 60),
                     rows[i].if_match, mark ? before.etag : "", mark ? mark + 2 : "");
        }
        const char *if_match = rows[i].if_match ? match : NULL;
        enum status status = rows[i].verb[0] == 'G'   ? get(f, &r, rows[i].who)
                             : rows[i].verb[0] == 'P' ? put(f, &r, rows[i].who, if_match, "{}")
                                                      : drop(f, &r, rows[i].who, if_match);
        if (status != rows[i].status) fail_msg("row %zu: %s, %s", i, status_name(status), r.text);
        reply_free(&r);
        reply_free(&before);
    }
}

static void a_document_of_a_module_is_checked(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *json;
        enum status status;
        const char *path, *value;
    } rows[] = {
        {"{\"managedBy\":\"iotEdge\"}", STATUS_OK, "managedBy", "iotEdge"},
        {"{}", STATUS_OK, "managedBy", "null"}, /* a PUT replaces */
        {"{" KEYS(KEY_A, KEY_B) "}", STATUS_OK, "authentication.symmetricKey.secondaryKey", KEY_B},
        {"{\"authentication\":{\"type\":\"none\"}}", STATUS_OK, "authentication.type", "sas"},
        {"{\"authentication\":{\"type\":\"certificateAuthority\"}}", STATUS_OK,
         "authentication.type", "certificateAuthority"},
        {"{\"authentication\":{\"type\":\"selfSigned\",\"x509Thumbprint\":{\"primaryThumbprint\":"
         "\"0123456789012345678901234567890123456789\"}}}",
         STATUS_OK, "authentication.x509Thumbprint.primaryThumbprint",
         "0123456789012345678901234567890123456789"},
        {"{\"status\":\"nonsense\",\"capabilities\":7}", STATUS_OK, "status", "absent"},
        {"{\"moduleId\":\"m2\"}", STATUS_ARGUMENT_INVALID, NULL, NULL},
        {"{\"deviceId\":\"d2\"}", STATUS_ARGUMENT_INVALID, NULL, NULL},
        {"{\"managedBy\":7}", STATUS_ARGUMENT_INVALID, NULL, NULL},
        {"[]", STATUS_ARGUMENT_INVALID, NULL, NULL},
        {"{", STATUS_DESERIALIZATION_ERROR, NULL, NULL},
    };
    put_only(f, "d1", NULL, "{}");
    put_only(f, "d1/m1", NULL, "{}");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r;
        assert_int_equal(put(f, &r, "d1/m1", "*", rows[i].json), rows[i].status);
        if (rows[i].path) assert_string_equal(text_at(r.body, rows[i].path), rows[i].value);
        reply_free(&r);
    }
}

static void managed_by_has_128_bytes(void **state)
{
    struct fixture *f = *state;
    char json[256];
    put_only(f, "d1", NULL, "{}");
    snprintf(json, sizeof json, "{\"managedBy\":\"%0*d\"}", REGISTRY_MANAGED_BY_MAX, 1);
    assert_int_equal(put_only(f, "d1/m1", NULL, json), STATUS_OK);
    snprintf(json, sizeof json, "{\"managedBy\":\"%0*d\"}", REGISTRY_MANAGED_BY_MAX + 1, 1);
    assert_int_equal(put_only(f, "d1/m2", NULL, json), STATUS_ARGUMENT_INVALID);
}

/* ---- several */

static void a_device_has_50_modules(void **state)
{
    struct fixture *f = *state;
    char who[16];
    int64_t met = limit_reached("modules-of-device");
    put_only(f, "d1", NULL, "{\"capabilities\":{\"iotEdge\":true}}"); /* two more are the hub's */
    for (int i = 1; i <= REGISTRY_MODULES_MAX; i++) {
        snprintf(who, sizeof who, "d1/m%02d", i);
        assert_int_equal(put_only(f, who, NULL, "{}"), STATUS_OK);
    }
    assert_int_equal(limit_reached("modules-of-device"), met);
    assert_int_equal(put_only(f, "d1/m51", NULL, "{}"), STATUS_TOO_MANY_MODULES);
    assert_int_equal(limit_reached("modules-of-device") - met, 1);
    assert_int_equal(get_only(f, "d1/m51"), STATUS_MODULE_NOT_FOUND);
    assert_int_equal(put_only(f, "d1/m50", "*", "{}"), STATUS_OK);
    put_only(f, "d2", NULL, "{}");
    assert_int_equal(put_only(f, "d2/m51", NULL, "{}"), STATUS_OK);
    assert_int_equal(drop_only(f, "d1/m07"), STATUS_OK);
    assert_int_equal(put_only(f, "d1/m51", NULL, "{}"), STATUS_OK);
}

static void a_list_has_the_modules_of_one_device(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    assert_int_equal(list(f, &r, "d1"), STATUS_DEVICE_NOT_FOUND);
    put_only(f, "d1", NULL, "{}");
    put_only(f, "d11", NULL, "{}");
    assert_string_equal(names(f, "d1"), "");
    put_only(f, "d1/b", NULL, "{}");
    put_only(f, "d11/c", NULL, "{}");
    put_only(f, "d1/a", NULL, "{}");
    assert_string_equal(names(f, "d1"), "a,b");
    rig_on(f->rig.cores[0]);
    registry_set_connected(f->registries[0], SLICE_LIT("d1/b"), true, 1);
    assert_int_equal(list(f, &r, "d1"), STATUS_OK);
    assert_string_equal(text_at(r.body->child, "connectionState"), "Disconnected");
    assert_string_equal(text_at(r.body->child->next, "connectionState"), "Connected");
    reply_free(&r);
    assert_int_equal(list(f, &r, "d1/a"), STATUS_ARGUMENT_INVALID);
}

static void lists_and_counts_of_devices_have_no_modules(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    put_only(f, "d1", NULL, "{}");
    put_only(f, "d1/m1", NULL, "{}");
    put_only(f, "d2", NULL, "{\"capabilities\":{\"iotEdge\":true},\"status\":\"disabled\"}");
    registry_list(asking(f, &r), 0, &r.wait);
    rig_run(&f->rig);
    assert_string_equal(text_at(r.body->child, "deviceId"), "d1");
    assert_string_equal(text_at(r.body->child->next, "deviceId"), "d2");
    assert_null(r.body->child->next->next);
    reply_free(&r);
    for (int deleted = 0; deleted <= 1; deleted++) {
        registry_count_devices(asking(f, &r), &r.wait);
        rig_run(&f->rig);
        assert_string_equal(text_at(r.body, "totalDeviceCount"), deleted ? "1" : "2");
        assert_string_equal(text_at(r.body, "disabledDeviceCount"), deleted ? "0" : "1");
        reply_free(&r);
        drop_only(f, "d2");
    }
}

/* ---- what becomes of a device becomes of its modules */

struct heard {
    struct registry_listener listener;
    char text[256];
};

static void hear(struct registry_listener *l, struct slice who, enum registry_change change)
{
    static const char *const words[] = {"created", "enabled", "disabled", "deleted",
                                        "keys",    "moved",   "changed"};
    struct heard *h = CONTAINER_OF(l, struct heard, listener);
    size_t at = strlen(h->text);
    snprintf(h->text + at, sizeof h->text - at, "%s%.*s %s", at ? ", " : "", SLICE_ARG(who),
             words[change]);
}

static void expect_heard(struct heard *h, const char *text)
{
    assert_string_equal(h->text, text);
    h->text[0] = '\0';
}

static void listeners_hear_of_modules_too(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {.listener.changed = hear};
    registry_listen(f->registries[0], &heard.listener);
    put_only(f, "d1", NULL, "{" KEYS(KEY_A, KEY_B) "}");
    put_only(f, "d1/m1", NULL, "{" KEYS(KEY_A, KEY_B) "}");
    put_only(f, "d1/m2", NULL, "{}");
    expect_heard(&heard, "d1 created, d1/m1 created, d1/m2 created");
    put_only(f, "d1/m1", "*", "{" KEYS(KEY_A, KEY_B) ",\"managedBy\":\"x\"}");
    expect_heard(&heard, "");
    put_only(f, "d1/m1", "*", "{" KEYS(KEY_B, KEY_A) "}");
    expect_heard(&heard, "d1/m1 keys");
    put_only(f, "d1", "*", "{\"status\":\"disabled\"," KEYS(KEY_A, KEY_B) "}");
    expect_heard(&heard, "d1/m1 disabled, d1/m2 disabled, d1 disabled");
    put_only(f, "d1", "*", "{" KEYS(KEY_A, KEY_B) "}");
    expect_heard(&heard, "d1/m1 enabled, d1/m2 enabled, d1 enabled");
    drop_only(f, "d1/m2");
    expect_heard(&heard, "d1/m2 deleted");
    fixture_restart(f); /* m1 is in nobody's cache */
    registry_listen(f->registries[0], &heard.listener);
    drop_only(f, "d1");
    expect_heard(&heard, "d1/m1 deleted, d1 deleted");
    put_only(f, "d1", NULL, "{}");
    assert_int_equal(get_only(f, "d1/m1"), STATUS_MODULE_NOT_FOUND);
}

struct loaded {
    struct registry_load load;
    unsigned answers;
    enum err err;
    bool enabled;
};

static void note_loaded(struct registry_load *load, const struct identity *id, enum err e)
{
    struct loaded *l = CONTAINER_OF(load, struct loaded, load);
    l->answers++;
    l->err = e;
    l->enabled = id && id->enabled;
}

static struct loaded load(struct fixture *f, const char *who)
{
    struct loaded l = {0};
    rig_on(f->rig.cores[0]);
    registry_load(f->registries[0], slice_str(who), &l.load, note_loaded);
    rig_run(&f->rig);
    assert_int_equal(l.answers, 1);
    return l;
}

static void a_module_is_enabled_like_its_device(void **state)
{
    struct fixture *f = *state;
    put_only(f, "d1", NULL, "{}");
    put_only(f, "d1/m1", NULL, "{}");
    assert_true(load(f, "d1/m1").enabled);
    put_only(f, "d1", "*", "{\"status\":\"disabled\"}");
    assert_false(load(f, "d1/m1").enabled);
    assert_int_equal(put_only(f, "d1/m2", NULL, "{}"), STATUS_OK);
    assert_int_equal(put_only(f, "d1/m1", "*", "{}"), STATUS_OK);
    assert_false(load(f, "d1/m1").enabled);
    fixture_restart(f);
    assert_false(load(f, "d1/m2").enabled);
    put_only(f, "d1", "*", "{}");
    assert_true(load(f, "d1/m1").enabled);
    assert_true(load(f, "d1/m2").enabled);
}

/* Everything is sent before anything is answered. */
static void what_is_under_way_at_once_is_done_in_order(void **state)
{
    struct fixture *f = *state;
    struct reply r[4];
    struct loaded l = {0};
    put_only(f, "d1", NULL, "{}");
    put_only(f, "d1/m1", NULL, "{}");
    fixture_restart(f);
    struct registry *registry = asking(f, &r[0]);
    registry_put(registry, SLICE_LIT("d1/m2"), SLICE_NONE, SLICE_LIT("{}"), &r[0].wait);
    registry_delete(asking(f, &r[1]), SLICE_LIT("d1"), SLICE_LIT("*"), &r[1].wait);
    registry_put(asking(f, &r[2]), SLICE_LIT("d1/m3"), SLICE_NONE, SLICE_LIT("{}"), &r[2].wait);
    registry_get(asking(f, &r[3]), SLICE_LIT("d1/m2"), &r[3].wait);
    registry_load(registry, SLICE_LIT("d1/m1"), &l.load, note_loaded); /* asks the store now */
    rig_run(&f->rig);
    assert_int_equal(r[0].status, STATUS_OK);
    assert_int_equal(r[1].status, STATUS_OK);
    assert_int_equal(r[2].status, STATUS_DEVICE_NOT_FOUND);
    assert_int_equal(l.answers, 1);
    for (int i = 0; i < 4; i++) reply_free(&r[i]);
    assert_int_equal(load(f, "d1/m1").err, ERR_NOT_FOUND);
    assert_int_equal(load(f, "d1/m2").err, ERR_NOT_FOUND);
    put_only(f, "d1", NULL, "{}");
    assert_string_equal(names(f, "d1"), "");
}

struct subscriber {
    struct registry_subscribe change;
    unsigned answers;
    enum err err;
};

static void note_subscribed(struct registry_subscribe *s, uint32_t subscriptions, enum err e)
{
    struct subscriber *sub = CONTAINER_OF(s, struct subscriber, change);
    (void)subscriptions;
    sub->answers++;
    sub->err = e;
}

static void a_module_that_subscribes_while_its_device_goes_is_gone(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    struct subscriber s = {.change = {.set = 2, .fn = note_subscribed}};
    put_only(f, "d1", NULL, "{}");
    put_only(f, "d1/m1", NULL, "{}");
    registry_delete(asking(f, &r), SLICE_LIT("d1"), SLICE_LIT("*"), &r.wait);
    registry_subscribe(f->registries[0], SLICE_LIT("d1/m1"), &s.change);
    rig_run(&f->rig);
    assert_int_equal(r.status, STATUS_OK);
    assert_int_equal(s.answers, 1);
    assert_int_equal(load(f, "d1/m1").err, ERR_NOT_FOUND);
    reply_free(&r);
}

/* ---- edge devices */

static void an_edge_device_comes_with_two_modules(void **state)
{
    struct fixture *f = *state;
    struct heard heard = {.listener.changed = hear};
    struct reply r;
    registry_listen(f->registries[0], &heard.listener);
    assert_int_equal(get_only(f, "e1/$edgeHub"), STATUS_DEVICE_NOT_FOUND);
    assert_int_equal(load(f, "e1/$edgeHub").err, ERR_NOT_FOUND); /* now it is known to be absent */
    put_only(f, "e1", NULL, "{\"capabilities\":{\"iotEdge\":true}}");
    expect_heard(&heard, "e1 created, e1/$edgeAgent created, e1/$edgeHub created");
    assert_string_equal(names(f, "e1"), "$edgeAgent,$edgeHub");
    assert_int_equal(get(f, &r, "e1/$edgeHub"), STATUS_OK);
    assert_string_equal(text_at(r.body, "managedBy"), "iotEdge");
    assert_string_equal(text_at(r.body, "authentication.type"), "none");
    assert_string_equal(text_at(r.body, "authentication.symmetricKey.primaryKey"), "null");
    reply_free(&r);
    put_only(f, "leaf", NULL, "{}");
    put_only(f, "leaf", "*", "{\"capabilities\":{\"iotEdge\":true}}");
    assert_string_equal(names(f, "leaf"), "$edgeAgent,$edgeHub");
    put_only(f, "leaf", "*", "{\"capabilities\":{\"iotEdge\":false}}");
    put_only(f, "leaf", "*", "{\"capabilities\":{\"iotEdge\":true}}"); /* they are still there */
    assert_string_equal(names(f, "leaf"), "$edgeAgent,$edgeHub");
}

static void the_hubs_own_modules_are_nobodys_to_make_or_delete(void **state)
{
    struct fixture *f = *state;
    put_only(f, "e1", NULL, "{\"capabilities\":{\"iotEdge\":true}}");
    assert_int_equal(put_only(f, "e1/$mine", NULL, "{}"), STATUS_ARGUMENT_INVALID);
    assert_int_equal(put_only(f, "e1/$edgeHub", NULL, "{}"), STATUS_MODULE_ALREADY_EXISTS);
    assert_int_equal(drop_only(f, "e1/$edgeHub"), STATUS_ARGUMENT_INVALID);
    struct reply r;
    assert_int_equal(
        put(f, &r, "e1/$edgeHub", "*", "{\"managedBy\":\"iotEdge\"," KEYS(KEY_A, KEY_B) "}"),
        STATUS_OK);
    assert_string_equal(text_at(r.body, "authentication.type"), "sas");
    reply_free(&r);
    assert_int_equal(drop_only(f, "e1"), STATUS_OK);
    assert_int_equal(load(f, "e1/$edgeHub").err, ERR_NOT_FOUND);
}

/* ---- bulk */

static void a_bulk_has_modules(void **state)
{
    struct fixture *f = *state;
    struct reply r;
    bulk(f, &r,
         "[{\"id\":\"d1\",\"importMode\":\"create\"},"
         "{\"id\":\"d1\",\"moduleId\":\"m1\",\"importMode\":\"create\",\"managedBy\":\"x\"},"
         "{\"id\":\"d1\",\"moduleId\":\"m2\",\"importMode\":\"create\"},"
         "{\"id\":\"d2\",\"moduleId\":\"m1\",\"importMode\":\"create\"},"
         "{\"id\":\"d1\",\"moduleId\":\"m3\",\"importMode\":\"delete\"},"
         "{\"id\":\"d1/x\",\"importMode\":\"create\"},"
         "{\"id\":\"d1\",\"moduleId\":\"y/z\",\"importMode\":\"create\"},"
         "{\"id\":\"d1\",\"moduleId\":\"twice\",\"importMode\":\"create\"},"
         "{\"id\":\"d1\",\"moduleId\":\"twice\",\"importMode\":\"create\"}]");
    assert_int_equal(r.status, STATUS_BULK_REGISTRY_OPERATION_FAILURE);
    static const char *const errors[][3] = {
        {"d2", "m1", "DeviceNotFound"},
        {"d1", "m3", "ModuleNotFound"},
        {"d1/x", "", "ArgumentInvalid"},
        {"d1", "y/z", "ArgumentInvalid"},
        {"d1", "twice", "DeviceDefinedMultipleTimes"},
        {"d1", "twice", "DeviceDefinedMultipleTimes"},
    };
    const struct json *error = at(r.body, "errors")->child;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++, error = error->next) {
        assert_string_equal(text_at(error, "deviceId"), errors[i][0]);
        assert_string_equal(text_at(error, "moduleId"), errors[i][1]);
        assert_string_equal(text_at(error, "errorCode"), errors[i][2]);
    }
    assert_null(error);
    reply_free(&r);
    assert_string_equal(names(f, "d1"), "m1,m2");
}

/* ---- the device itself asks */

/* "SharedAccessSignature ..." for that resource with KEY_A or KEY_B decoded */
static struct buf token(const char *resource, const char *key, const char *policy)
{
    struct buf text = {0};
    sas_make(&text, slice_str(resource), slice_str(key), policy, clock_wall_us() / 1000000 + 60);
    return text;
}

static void a_device_may_read_and_write_its_modules(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(hub_add_host(&f->hub, SLICE_LIT("my.hub")), OK);
    put_only(f, "d1", NULL, "{" KEYS(KEY_A, KEY_B) "}");
    put_only(f, "d2", NULL, "{" KEYS(KEY_A, KEY_B) "}");
    put_only(f, "off", NULL, "{\"status\":\"disabled\"," KEYS(KEY_A, KEY_B) "}");
    static const struct {
        const char *who, *resource, *key;
        bool allowed;
    } rows[] = {
        {"d1/m1", "my.hub/devices/d1", "0123456789abcdef", true},
        {"d1/m1", "my.hub/devices/d1", "fedcba9876543210", true},
        {"d1/m1", "my.hub/devices/d1", "fedcba9876543211", false},
        {"d1/m1", "my.hub/devices/d2", "0123456789abcdef", false},
        {"d2/m1", "my.hub/devices/d1", "0123456789abcdef", false},
        {"d1/m1", "my.hub/devices/d1/modules/m1", "0123456789abcdef", false},
        {"d1/m1", "other.hub/devices/d1", "0123456789abcdef", false},
        {"off/m1", "my.hub/devices/off", "0123456789abcdef", false},
        {"d1", "my.hub/devices/d1", "0123456789abcdef", false}, /* of modules only */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r;
        struct buf text = token(rows[i].resource, rows[i].key, NULL);
        struct registry *registry = asking(f, &r);
        r.wait.token = buf_slice(&text);
        registry_put(registry, slice_str(rows[i].who), SLICE_NONE, SLICE_LIT("{}"), &r.wait);
        rig_run(&f->rig);
        assert_int_equal(r.status == STATUS_UNAUTHORIZED_ACCESS, !rows[i].allowed);
        reply_free(&r);
        registry = asking(f, &r);
        r.wait.token = buf_slice(&text);
        registry_list_modules(registry, hub_device_of(slice_str(rows[i].who)), &r.wait);
        rig_run(&f->rig);
        bool of_module = strchr(rows[i].who, '/') != NULL;
        assert_int_equal(r.status == STATUS_OK, rows[i].allowed || !of_module);
        reply_free(&r);
        buf_free(&text);
    }
    assert_string_equal(names(f, "d1"), "m1");
    assert_string_equal(names(f, "d2"), "");
}

static void modules_live_with_their_devices_on_any_core(void **state)
{
    struct fixture *f = *state;
    char who[32];
    for (int i = 0; i < 12; i++) {
        snprintf(who, sizeof who, "d%d", i);
        put_only(f, who, NULL, "{}");
        snprintf(who, sizeof who, "d%d/m", i);
        assert_int_equal(put_only(f, who, NULL, "{}"), STATUS_OK);
        assert_int_equal(get_only(f, who), STATUS_OK);
    }
    for (int i = 0; i < 12; i++) {
        snprintf(who, sizeof who, "d%d", i);
        assert_string_equal(names(f, who), "m");
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_module_has_everything_azure_shows),
        TEST(writes_obey_if_match),
        TEST(a_document_of_a_module_is_checked),
        TEST(managed_by_has_128_bytes),
        TEST(a_device_has_50_modules),
        TEST(a_list_has_the_modules_of_one_device),
        TEST(lists_and_counts_of_devices_have_no_modules),
        TEST(listeners_hear_of_modules_too),
        TEST(a_module_is_enabled_like_its_device),
        TEST(what_is_under_way_at_once_is_done_in_order),
        TEST(a_module_that_subscribes_while_its_device_goes_is_gone),
        TEST(an_edge_device_comes_with_two_modules),
        TEST(the_hubs_own_modules_are_nobodys_to_make_or_delete),
        TEST(a_bulk_has_modules),
        TEST(a_device_may_read_and_write_its_modules),
        cmocka_unit_test_setup_teardown(modules_live_with_their_devices_on_any_core,
                                        set_up_three_cores, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
