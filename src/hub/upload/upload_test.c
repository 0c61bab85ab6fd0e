/* upload_test.c - how many uploads a device may have under way, and when one ends at the wrong moment. */
#include "base/limit.h"
#include "store/rig.h"

#include "hub/registry/registry.h"
#include "hub/upload/upload.h"

static struct rig rig;
static struct hub hub;
static struct registry *registry;
static struct uploads *uploads;
static const struct upload_config config = {.account = {.name = "hub", .key = "key", .key_len = 3},
                                            .container = "uploads"};

static void on_put(struct registry_wait *w, const struct registry_answer *a)
{
    (void)w;
    assert_int_equal(a->status, STATUS_OK);
}

static int set_up(void **state)
{
    struct registry_wait wait = {.fn = on_put};
    (void)state;
    rig_init(&rig, io_mem_new());
    hub = (struct hub){.office = &rig.office, .core_count = 1, .store = rig.store};
    hub.cores[0] = rig.cores[0]->id;
    registry = registry_new(&hub, rig.cores[0]);
    uploads = uploads_new(&hub, rig.cores[0], &config);
    rig_on(rig.cores[0]);
    registry_put(registry, SLICE_LIT("d"), SLICE_NONE, SLICE_LIT("{}"), &wait);
    rig_run(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    uploads_free(uploads);
    registry_free(registry);
    rig_fini(&rig);
    return 0;
}

struct device {
    struct upload_wait wait;
    unsigned answers;
    enum status status;
};

static void on_answer(struct upload_wait *w, const struct upload_answer *a)
{
    struct device *d = CONTAINER_OF(w, struct device, wait);
    d->answers++;
    d->status = a->status;
}

static void ask(struct device *d, const char *id)
{
    *d = (struct device){.wait.fn = on_answer};
    rig_on(rig.cores[0]);
    assert_int_equal(
        upload_begin(uploads, slice_str(id), SLICE_LIT("file"), SLICE_LIT("my.hub"), &d->wait), OK);
}

static enum status begin(const char *id)
{
    struct device d;
    ask(&d, id);
    rig_run(&rig);
    assert_int_equal(d.answers, 1);
    return d.status;
}

static void a_device_has_ten_under_way(void **state)
{
    (void)state;
    int64_t met = limit_reached("uploads-of-device");
    for (int i = 0; i < UPLOAD_ACTIVE_MAX; i++) assert_int_equal(begin("d"), STATUS_OK);
    assert_int_equal(limit_reached("uploads-of-device"), met);
    assert_int_equal(begin("d"), STATUS_DEVICE_MAXIMUM_ACTIVE_FILE_UPLOADS);
    assert_int_equal(limit_reached("uploads-of-device") - met, 1);
    assert_int_equal(begin("nobody"), STATUS_DEVICE_NOT_FOUND);
}

/* The store has refused the eleventh; by the time its uploads are counted they have ended. */
static void one_that_ends_meanwhile_makes_room(void **state)
{
    (void)state;
    struct device d;
    for (int i = 0; i < UPLOAD_ACTIVE_MAX; i++) assert_int_equal(begin("d"), STATUS_OK);
    ask(&d, "d");
    while (!lane_has_mail(rig.cores[0])) lane_run_once(rig.write, rig_mono_us);
    rig_mono_us += UPLOAD_SAS_US;
    rig_run(&rig);
    assert_int_equal(d.answers, 1);
    assert_int_equal(d.status, STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_has_ten_under_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_ends_meanwhile_makes_room, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
