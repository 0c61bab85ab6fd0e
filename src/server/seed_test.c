/* seed_test.c - what a seed may say, and what becomes of it. */
#include "base/test.h"

#include <stdio.h>
#include <unistd.h>

#include "base/yaml.h"
#include "server/rig.h"
#include "server/seed.h"

static char path[64];

static void write_file(struct slice text)
{
    snprintf(path, sizeof path, "/tmp/seed-test-XXXXXX");
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text.ptr, text.len), text.len);
    close(fd);
}

static enum err load(struct seed *s, const char *yaml)
{
    write_file(slice_str(yaml));
    enum err e = seed_load(s, path);
    unlink(path);
    return e;
}

/* ---- reading */

static void a_device_is_a_name_or_what_the_service_api_calls_one(void **state)
{
    (void)state;
    struct seed s;
    assert_int_equal(load(&s, "# what the line has\n"
                              "devices:\n"
                              "  - sensor-1\n"
                              "  - deviceId: 'null'\n"
                              "    status: disabled\n"
                              "    statusReason: says \"no\"\n"
                              "    deviceScope:\n"
                              "    authentication:\n"
                              "      type: sas\n"
                              "      symmetricKey: {primaryKey: a, secondaryKey: b}\n"
                              "    capabilities: {iotEdge: true}\n"),
                     OK);
    assert_int_equal(s.ids.count, 2);
    assert_string_equal(s.devices->json.ptr, "{\"deviceId\":\"sensor-1\"}");
    assert_int_equal(s.devices->next->line, 4);
    assert_string_equal(
        s.devices->next->json.ptr,
        "{\"deviceId\":\"null\",\"status\":\"disabled\",\"statusReason\":\"says \\\"no\\\"\","
        "\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{\"primaryKey\":\"a\","
        "\"secondaryKey\":\"b\"}},\"capabilities\":{\"iotEdge\":true}}");
    seed_free(&s);
}

static void nothing_is_a_seed_too(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "devices:\n", "devices: []\n", "{}\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct seed s;
        assert_int_equal(load(&s, texts[i]), OK);
        assert_null(s.devices);
        seed_free(&s);
    }
}

static void what_is_wrong_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *why;
    } rows[] = {
        {"device: []\n", ":1: device: there is no such section"},
        {"devices: []\n\ntwins: []\n", ":3: twins: tags and properties are said with each device"},
        {"devices: []\nrouting: []\n", ":2: routing: names and values were expected"},
        {"devices:\n  - deviceId: a\n    colour: red\n", ":3: colour: there is no such setting"},
        {"devices:\n  - deviceId: a\n    tags: []\n", ":3: tags: names and values were expected"},
        {"devices:\n  - deviceId: a\n    tags:\n      x:\n", ":4: x: a value was expected"},
        {"enrollments: {}\n", ":1: enrollments: a list was expected"},
        {"enrollments:\n  - deviceId: a\n", ":2: registrationId is missing"},
        {"enrollments: [r]\nenrollmentGroups: [r,\n r]\n",
         ":3: enrollment group 'r' is there already on line 2"},
        {"enrollments: [r,\n R]\n", ":2: enrollment 'R' is there already on line 1"},
        {"enrollmentGroups:\n  - enrollmentGroupId: g\n    deviceId: a\n",
         ":3: deviceId: there is no such setting"},
        {"devices:\n  - deviceId: a\n    properties: 1\n", ":3: properties: names and values"},
        {"devices:\n  - deviceId: a\n    properties: {reported: {}}\n",
         ":3: reported: there is no such setting"},
        {"devices:\n  - deviceId: a\n    authentication:\n      symmetricKey:\n        key: x\n",
         ":5: key: there is no such setting"},
        {"devices:\n  - deviceId: a\n    authentication: sas\n", ":3: authentication: names and"},
        {"devices:\n  - deviceId: a\n    status: [enabled]\n", ":3: status: a plain value"},
        {"devices:\n  - deviceId: a\n    capabilities: {iotEdge: yes}\n", ":3: iotEdge: true or"},
        {"devices:\n  - status: enabled\n", ":2: deviceId is missing"},
        {"devices:\n  -\n", ":2: deviceId is missing"},
        {"devices:\n  - a b\n", ":2: 'a b' is not a device id"},
        {"devices:\n  - deviceId: [a]\n", ":2: '' is not a device id"},
        {"devices:\n  - a\n  - b\n  - deviceId: a\n", ":4: device 'a' is there already on line 2"},
        {"devices: {a: 1}\n", ":1: devices: a list was expected"},
        {"- a\n", ":1: the file is no map of sections, such as 'devices:' or 'eventHubs:'"},
        {"devices: []\ndevices: []\n", ":2: devices: there already on line 1"},
        {"devices:\n  - &x a\n", ":2: anchors, aliases and tags"},
        {"devices:\n  - *x\n", ":2: "},
        {"devices: [a\n", ":2: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct seed s;
        if (load(&s, rows[i].yaml) != ERR_INVALID) fail_msg("%s: accepted", rows[i].yaml);
        if (!strstr(fail_text(), rows[i].why)) fail_msg("%s: %s", rows[i].yaml, fail_text());
        seed_free(&s);
    }
    struct seed s;
    assert_int_equal(seed_load(&s, "/nonexistent/seed.yaml"), ERR_NOT_FOUND);
    seed_free(&s);
}

static void a_seed_has_so_many_devices_and_no_more(void **state)
{
    (void)state;
    struct seed s;
    struct buf text = {0};
    buf_put_str(&text, "devices:\n");
    for (int i = 0; i < SEED_DEVICES_MAX; i++) buf_printf(&text, "- d%d\n", i);
    assert_int_equal(load(&s, buf_cstr(&text)), OK);
    assert_int_equal(s.ids.count, SEED_DEVICES_MAX);
    seed_free(&s);
    buf_put_str(&text, "- last\n");
    assert_int_equal(load(&s, buf_cstr(&text)), ERR_INVALID);
    assert_non_null(strstr(fail_text(), ":10002: more than 10000 devices"));
    seed_free(&s);
    buf_free(&text);
}

static void a_file_has_so_many_bytes_and_levels_and_no_more(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct arena a = {0};
        struct yaml *top;
        write_file(SLICE_LIT("# twenty-one bytes..\n"));
        assert_int_equal(yaml_read(&a, path, 21 - (size_t)more, &top), more ? ERR_INVALID : OK);
        unlink(path);
        struct buf text = {0};
        for (int i = 0; i < YAML_DEPTH_MAX + more; i++) buf_put_u8(&text, '[');
        for (int i = 0; i < YAML_DEPTH_MAX + more; i++) buf_put_u8(&text, ']');
        write_file(buf_slice(&text));
        assert_int_equal(yaml_read(&a, path, 1000, &top), more ? ERR_INVALID : OK);
        unlink(path);
        buf_clear(&text);
        for (int i = 0; i < YAML_NAME_MAX + more; i++) buf_put_u8(&text, 'n');
        buf_put_str(&text, ": 1");
        write_file(buf_slice(&text));
        assert_int_equal(yaml_read(&a, path, 1000, &top), more ? ERR_INVALID : OK);
        unlink(path);
        buf_free(&text);
        arena_free(&a);
    }
}

/* "devices: [a]" and a comment to the end, that long in all. */
static void write_long_file(size_t size)
{
    static const char begin[] = "devices: [a]\n#";
    struct buf text = {0};
    buf_put_str(&text, begin);
    size_t rest = size - strlen(begin);
    memset(buf_reserve(&text, rest), 'x', rest);
    buf_commit(&text, rest);
    write_file(buf_slice(&text));
    buf_free(&text);
}

static enum err count_value(void *ctx, struct slice name, struct slice value, size_t line)
{
    (void)name, (void)value, (void)line;
    ++*(unsigned *)ctx;
    return OK;
}

static void seeds_and_configurations_have_so_many_bytes_and_no_more(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct seed s;
        unsigned values = 0;
        write_long_file(SEED_FILE_MAX + more);
        assert_int_equal(seed_load(&s, path), more ? ERR_INVALID : OK);
        assert_int_equal(s.ids.count, 1 - more);
        seed_free(&s);
        unlink(path);
        write_long_file(YAML_FILE_MAX + more);
        assert_int_equal(yaml_read_map(path, count_value, &values), more ? ERR_INVALID : OK);
        assert_int_equal(values, 1 - more);
        unlink(path);
    }
}

/* ---- planting */

static struct rig rig;
static int done_count;

static int hub_start(void **state)
{
    (void)state;
    done_count = 0;
    rig_start(&rig);
    return 0;
}

static int hub_stop(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

static void on_done(void *ctx)
{
    (void)ctx;
    done_count++;
}

static enum err plant(struct seed *s, const char *yaml)
{
    assert_int_equal(load(s, yaml), OK);
    lane_running = &rig.core;
    struct seed_doors doors;
    wire_seed_doors(&rig.wire, &doors);
    seed_plant(s, &doors, on_done, NULL);
    rig_run(&rig);
    return seed_result(s);
}

struct look {
    struct registry_wait wait;
    char json[1024];
    enum status status;
};

static void on_look(struct registry_wait *w, const struct registry_answer *a)
{
    struct look *l = CONTAINER_OF(w, struct look, wait);
    l->status = a->status;
    snprintf(l->json, sizeof l->json, "%.*s", SLICE_ARG(a->body));
}

static struct look look_at(const char *id)
{
    struct look l = {.wait.fn = on_look};
    lane_running = &rig.core;
    registry_get(rig.wire.cores[0].registry, slice_str(id), &l.wait);
    rig_run(&rig);
    return l;
}

#define KEY  "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
#define KEY2 "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="

static void absent_devices_are_made_and_others_stay_as_they_are(void **state)
{
    (void)state;
    struct seed s;
    rig_create_device(&rig, "old");
    struct look before = look_at("old");
    assert_int_equal(plant(&s,
                           "devices:\n"
                           "  - {deviceId: old, status: disabled}\n"
                           "  - deviceId: new\n"
                           "    authentication:\n"
                           "      symmetricKey: {primaryKey: " KEY ", secondaryKey: " KEY2 "}\n"),
                     OK);
    assert_int_equal(done_count, 1);
    assert_int_equal(s.created, 1);
    struct look made = look_at("new");
    assert_non_null(strstr(made.json, "\"primaryKey\":\"" KEY "\""));
    assert_non_null(strstr(made.json, "\"status\":\"enabled\""));
    assert_string_equal(look_at("old").json, before.json);
    seed_free(&s);
}

static void more_devices_than_the_window_are_made(void **state)
{
    (void)state;
    struct seed s;
    struct buf text = {0};
    buf_put_str(&text, "devices:\n");
    for (int i = 0; i < 3 * SEED_WINDOW + 1; i++) buf_printf(&text, "- d%d\n", i);
    assert_int_equal(plant(&s, buf_cstr(&text)), OK);
    assert_int_equal(s.created, 3 * SEED_WINDOW + 1);
    assert_int_equal(done_count, 1);
    assert_int_equal(look_at("d192").status, STATUS_OK);
    seed_free(&s);
    buf_free(&text);
}

static void what_the_registry_refuses_is_named_with_its_line(void **state)
{
    (void)state;
    struct seed s;
    assert_int_equal(plant(&s, "devices:\n"
                               "  - good\n"
                               "  - deviceId: bad\n"
                               "    authentication: {symmetricKey: {primaryKey: " KEY "}}\n"),
                     ERR_INVALID);
    assert_non_null(strstr(fail_text(), ":3: device 'bad': Either no keys or both keys"));
    assert_int_equal(done_count, 1);
    seed_free(&s);
}

/* ---- twins */

struct twin_look {
    struct twin_wait wait;
    char json[2048];
};

static void on_twin_look(struct twin_wait *w, const struct twin_answer *a)
{
    struct twin_look *l = CONTAINER_OF(w, struct twin_look, wait);
    snprintf(l->json, sizeof l->json, "%.*s", SLICE_ARG(a->body));
}

static struct twin_look twin_of(const char *id)
{
    struct twin_look l = {.wait.fn = on_twin_look};
    lane_running = &rig.core;
    twin_get(rig.wire.cores[0].twins, slice_str(id), &l.wait);
    rig_run(&rig);
    return l;
}

static void twins_are_written_where_nobody_wrote_them(void **state)
{
    (void)state;
    struct seed s;
    rig_create_device(&rig, "bare");
    enum err e = plant(&s, "devices:\n"
                           "  - {deviceId: bare, tags: {site: north}}\n"
                           "  - deviceId: new\n"
                           "    tags: {floor: 3, at: {hall: '3', lines: [1, 2]}}\n"
                           "    properties: {desired: {period: 10}}\n");
    if (e != OK) fail_msg("%s", fail_text());
    assert_int_equal(done_count, 1);
    assert_int_equal(s.created, 1);
    seed_free(&s);
    assert_non_null(strstr(twin_of("bare").json, "\"tags\":{\"site\":\"north\"}"));
    struct twin_look made = twin_of("new");
    assert_non_null(strstr(made.json, "\"at\":{\"hall\":\"3\",\"lines\":[1,2]}"));
    assert_non_null(strstr(made.json, "\"desired\":{\"period\":10,"));
    assert_int_equal(
        plant(&s, "devices: [{deviceId: new, tags: {floor: 4}, properties: {desired: {a: 1}}}]\n"),
        OK);
    seed_free(&s);
    assert_string_equal(twin_of("new").json, made.json);
}

static void what_a_twin_refuses_is_named_with_its_line(void **state)
{
    (void)state;
    struct seed s;
    for (int more = 0; more < 2; more++) { /* TWIN_DEPTH_MAX and one more */
        struct buf yaml = {0};
        buf_put_str(&yaml, "devices:\n  - good\n  - {deviceId: deep, tags: ");
        for (int i = 0; i < TWIN_DEPTH_MAX + more; i++) buf_put_str(&yaml, "{a: ");
        buf_put_str(&yaml, "{b: 1}");
        for (int i = 0; i < TWIN_DEPTH_MAX + more; i++) buf_put_u8(&yaml, '}');
        buf_put_str(&yaml, "}\n");
        enum err e = plant(&s, buf_cstr(&yaml));
        assert_int_equal(e, more ? ERR_INVALID : OK);
        if (more) assert_non_null(strstr(fail_text(), ":3: device 'deep': "));
        assert_int_equal(done_count, 1);
        seed_free(&s);
        buf_free(&yaml);
        hub_stop(NULL);
        hub_start(NULL);
    }
}

/* ---- enrollments */

struct dps_look {
    struct dps_wait wait;
    unsigned code;
    char json[2048];
};

static void on_dps_look(struct dps_wait *w, const struct dps_answer *a)
{
    struct dps_look *l = CONTAINER_OF(w, struct dps_look, wait);
    l->code = a->code;
    snprintf(l->json, sizeof l->json, "%.*s", SLICE_ARG(a->body));
}

static struct dps_look enrollment_of(enum dps_kind kind, const char *id)
{
    struct dps_look l = {.wait.fn = on_dps_look};
    lane_running = &rig.core;
    dps_enrollment_get(rig.wire.cores[0].dps, kind, slice_str(id), &l.wait);
    rig_run(&rig);
    assert_int_equal(l.code, DPS_OK);
    return l;
}

static void absent_enrollments_are_made_and_others_stay_as_they_are(void **state)
{
    (void)state;
    struct seed s;
    enum err e =
        plant(&s, "enrollments:\n"
                  "  - plain\n"
                  "  - registrationId: keyed\n"
                  "    deviceId: 48\n"
                  "    provisioningStatus: disabled\n"
                  "    attestation: {type: symmetricKey, symmetricKey: {primaryKey: " KEY
                  ", secondaryKey: " KEY2 "}}\n"
                  "    initialTwin: {tags: {name: 5}, properties: {desired: {period: 10}}}\n"
                  "enrollmentGroups: [line]\n");
    if (e != OK) fail_msg("%s", fail_text());
    assert_int_equal(done_count, 1);
    seed_free(&s);
    struct dps_look keyed = enrollment_of(DPS_INDIVIDUAL, "keyed");
    assert_non_null(strstr(keyed.json, "\"deviceId\":\"48\""));
    assert_non_null(strstr(keyed.json, "\"name\":5"));
    assert_non_null(strstr(keyed.json, "\"provisioningStatus\":\"disabled\""));
    struct dps_look line = enrollment_of(DPS_GROUP, "line");
    enrollment_of(DPS_INDIVIDUAL, "plain");
    e = plant(&s, "enrollments: [{registrationId: keyed, provisioningStatus: enabled}]\n"
                  "enrollmentGroups: [{enrollmentGroupId: line, provisioningStatus: disabled}]\n");
    if (e != OK) fail_msg("%s", fail_text());
    seed_free(&s);
    assert_string_equal(enrollment_of(DPS_INDIVIDUAL, "keyed").json, keyed.json);
    assert_string_equal(enrollment_of(DPS_GROUP, "line").json, line.json);
}

static void what_dps_refuses_is_named_with_its_line(void **state)
{
    (void)state;
    struct seed s;
    assert_int_equal(plant(&s, "enrollments: [good]\n"
                               "enrollmentGroups:\n"
                               "  - {enrollmentGroupId: g, attestation: {type: tpm}}\n"),
                     ERR_INVALID);
    assert_non_null(strstr(fail_text(), ":3: enrollment group 'g': "));
    assert_int_equal(done_count, 1);
    seed_free(&s);
}

static void so_many_enrollments_and_groups_and_no_more(void **state)
{
    (void)state;
    static const struct {
        const char *section;
        unsigned max;
    } rows[] = {{"enrollments", SEED_ENROLLMENTS_MAX}, {"enrollmentGroups", DPS_GROUPS_MAX}};
    for (unsigned i = 0; i < 4; i++) {
        struct seed s;
        struct buf yaml = {0};
        buf_printf(&yaml, "%s:\n", rows[i / 2].section);
        for (unsigned n = 0; n < rows[i / 2].max + i % 2; n++) buf_printf(&yaml, "  - e%u\n", n);
        assert_int_equal(load(&s, buf_cstr(&yaml)), i % 2 ? ERR_INVALID : OK);
        if (i % 2) assert_non_null(strstr(fail_text(), ": more than "));
        seed_free(&s);
        buf_free(&yaml);
    }
}

static const char *routing_now(void)
{
    static char text[4096];
    struct buf json = {0};
    routing_put_document(rig.wire.cores[0].routing, &json);
    snprintf(text, sizeof text, "%s", buf_cstr(&json));
    buf_free(&json);
    return text;
}

static void routes_are_made_once(void **state)
{
    (void)state;
    struct seed s;
    assert_int_equal(
        plant(&s, "routing:\n  routes:\n  - {name: all, source: DeviceMessages, condition: true,\n"
                  "     endpointNames: [events], isEnabled: false}\n"
                  "  enrichments: [{key: k, value: 7, endpointNames: [events]}]\n"),
        OK);
    assert_int_equal(done_count, 1);
    assert_non_null(strstr(routing_now(), "\"name\":\"all\",\"source\":\"DeviceMessages\","
                                          "\"condition\":\"true\",\"endpointNames\":[\"events\"],"
                                          "\"isEnabled\":false}"));
    assert_non_null(strstr(routing_now(), "\"value\":\"7\""));
    seed_free(&s);
    assert_int_equal(plant(&s, "routing: {routes: []}\n"), OK);
    assert_non_null(strstr(routing_now(), "\"name\":\"all\""));
    seed_free(&s);
}

static void routes_that_are_none_are_named_with_their_line(void **state)
{
    (void)state;
    struct seed s;
    assert_int_equal(plant(&s, "devices: [a]\nrouting: {routes: [{name: x}]}\n"), ERR_INVALID);
    assert_non_null(strstr(fail_text(), ":2: routing: route 'x': source is missing"));
    seed_free(&s);
}

static void an_empty_seed_is_planted_at_once(void **state)
{
    (void)state;
    struct seed s;
    assert_int_equal(plant(&s, ""), OK);
    assert_int_equal(done_count, 1);
    seed_free(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, hub_start, hub_stop)

static void event_hubs_groups_and_captures_are_made_and_stay_as_they_are(void **state)
{
    (void)state;
    struct seed s;
    const struct wire_core *c = &rig.wire.cores[0];
    for (int round = 0; round < 2; round++) {
        enum err e = plant(&s, "eventHubs:\n"
                               "  - plain\n"
                               "  - name: alarms\n"
                               "    partitionCount: 2\n"
                               "    retentionTimeInHours: 48\n"
                               "    retentionSizeInBytes: 1000\n"
                               "    consumerGroups: [readers, others]\n"
                               "consumerGroups: [dashboard]\n"
                               "routing:\n"
                               "  endpoints:\n"
                               "    eventHubs:\n"
                               "    - {name: a, entityPath: alarms}\n"
                               "  routes:\n"
                               "  - {name: all, source: DeviceMessages, endpointNames: [a]}\n");
        if (e != OK) fail_msg("%s", fail_text());
        const struct event_hub *h = event_hub_find(c->event_hubs, SLICE_LIT("alarms"));
        assert_non_null(event_hub_find(c->event_hubs, SLICE_LIT("plain")));
        assert_int_equal(h->partitions, 2);
        assert_int_equal(h->keep.age_us, 48 * EVENT_HUB_HOUR_US);
        assert_int_equal(h->keep.bytes, 1000);
        assert_true(consumer_group_exists(c->groups, h->stream, SLICE_LIT("others")));
        assert_true(consumer_group_exists(c->groups, 0, SLICE_LIT("dashboard")));
        assert_false(consumer_group_exists(c->groups, 0, SLICE_LIT("readers")));
        assert_non_null(routing_endpoint_find(c->routing, SLICE_LIT("a")));
        seed_free(&s);
    }
    assert_int_equal(plant(&s, "eventHubs: [{name: alarms, partitionCount: 8}]\n"), OK);
    assert_int_equal(event_hub_find(c->event_hubs, SLICE_LIT("alarms"))->partitions, 2);
    seed_free(&s);
}

static void what_is_wrong_with_event_hubs_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *why;
    } rows[] = {
        {"eventHubs: {a: 1}\n", ":1: eventHubs: a list was expected"},
        {"eventHubs:\n  - partitionCount: 1\n", ":2: name is missing"},
        {"eventHubs:\n  - name: a\n    partitionCount: 257\n", ":3: partitionCount: a number"},
        {"eventHubs:\n  - name: a\n    partitionCount: 0\n",
         ":3: partitionCount: a number from 1 to 256 was expected"},
        {"eventHubs:\n  - name: a\n    retentionTimeInHours: x\n",
         ":3: retentionTimeInHours: a number"},
        {"eventHubs:\n  - name: a\n    color: red\n", ":3: color: there is no such setting"},
        {"eventHubs:\n  - name: a\n    capture: []\n", ":3: capture: names and values"},
        {"eventHubs:\n  - a\n  - {name: A, partitionCount: 8}\n",
         ":3: event hub 'A' is there already on line 2"},
        {"diagnosticSettings:\n  - name: audit\n  - name: Audit\n",
         ":3: diagnostic setting 'Audit' is there already on line 2"},
        {"consumerGroups: a\n", ":1: consumerGroups: a list was expected"},
        {"capture: []\n", ":1: capture: names and values"},
        {"eventHubs:\n  - a b\n", ":2: event hub 'a b': its name is too long, or has"},
        {"eventHubs:\n  - messages\n", ":2: event hub 'messages': its name is taken"},
        {"consumerGroups:\n  - a b\n", ":2: consumer group 'a b': its name"},
        {"capture: {intervalInSeconds: 1}\n", ":1: capture '"},
        {"capture: {destination: {name: Azimuth.Folder}, intervalInSecond: 60}\n",
         ":1: capture 'hub': a captureDescription has no member 'intervalInSecond'"},
        {"capture: {destination: {name: Azimuth.Folder}}\n",
         ":1: capture 'hub': an ephemeral server"},
        {"eventHubs:\n  - name: a\n    capture: {destination: {name: Azimuth.Folder}}\n",
         ":3: capture 'a': an ephemeral server"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct seed s;
        enum err e = load(&s, rows[i].yaml);
        seed_free(&s);
        if (e == OK) e = plant(&s, rows[i].yaml);
        if (e != ERR_INVALID) fail_msg("%s: accepted", rows[i].yaml);
        if (!strstr(fail_text(), rows[i].why)) fail_msg("%s: %s", rows[i].yaml, fail_text());
        seed_free(&s);
    }
}

static void a_seed_has_so_many_event_hubs_and_groups_and_no_more(void **state)
{
    (void)state;
    struct seed s;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct buf yaml = {0};
        buf_put_str(&yaml, "consumerGroups:\n");
        for (unsigned i = 0; i < SEED_STEPS_MAX + extra; i++) buf_printf(&yaml, "  - g%u\n", i);
        assert_int_equal(load(&s, buf_cstr(&yaml)), extra ? ERR_INVALID : OK);
        seed_free(&s);
        buf_free(&yaml);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_a_name_or_what_the_service_api_calls_one),
        cmocka_unit_test(nothing_is_a_seed_too),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
        cmocka_unit_test(a_seed_has_so_many_devices_and_no_more),
        cmocka_unit_test(a_file_has_so_many_bytes_and_levels_and_no_more),
        cmocka_unit_test(seeds_and_configurations_have_so_many_bytes_and_no_more),
        TEST(absent_devices_are_made_and_others_stay_as_they_are),
        TEST(more_devices_than_the_window_are_made),
        TEST(what_the_registry_refuses_is_named_with_its_line),
        TEST(twins_are_written_where_nobody_wrote_them),
        TEST(what_a_twin_refuses_is_named_with_its_line),
        TEST(absent_enrollments_are_made_and_others_stay_as_they_are),
        TEST(what_dps_refuses_is_named_with_its_line),
        cmocka_unit_test(so_many_enrollments_and_groups_and_no_more),
        cmocka_unit_test(a_seed_has_so_many_event_hubs_and_groups_and_no_more),
        TEST(event_hubs_groups_and_captures_are_made_and_stay_as_they_are),
        TEST(what_is_wrong_with_event_hubs_is_named_with_its_line),
        TEST(routes_are_made_once),
        TEST(routes_that_are_none_are_named_with_their_line),
        TEST(an_empty_seed_is_planted_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
