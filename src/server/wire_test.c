/* wire_test.c - what no hub is opened on. */
#include "base/test.h"

#include "base/io_mem.h"
#include "server/wire.h"
#include "store/store.h"

/* Nobody can say whether there is a stream, as without descriptors; a new store beside one would hide its devices for
 * good. */
static void a_stream_that_cannot_be_opened_gets_no_new_store(void **state)
{
    static const char *const hosts[] = {"hub.test"};
    static struct wire wire;
    struct lane core, *cores[] = {&core};
    struct wire_config cfg = {.io = io_mem_new(),
                              .hub_name = "hub",
                              .hosts = hosts,
                              .host_count = 1,
                              .partitions = 1,
                              .ephemeral = true};
    (void)state;
    assert_int_equal(io_store(cfg.io, "log.meta", SLICE_LIT("azimuth-log 2\n")), OK);
    wire_init(&wire);
    lane_init(&core, &wire.office, "core");
    io_mem_fail(cfg.io, IO_CALL_OPEN, 1, ERR_FULL, false);
    assert_int_equal(wire_open(&wire, &cfg, cores, 1), ERR_CORRUPT);
    assert_non_null(strstr(fail_text(), STORE_FILE " is missing"));
    assert_false(io_exists(cfg.io, STORE_FILE));
    wire_close(&wire);
    lane_fini(&core);
    io_free(cfg.io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_that_cannot_be_opened_gets_no_new_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
