/* harden_test.c - each in a child, which gives up what it cannot get back. */
#include "server/harden.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"

/* The status of a child that runs `fn`. */
static int in_child(int (*fn)(void))
{
    int status = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) _exit(fn());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int try_core_file(void)
{
    struct rlimit core;
    harden_memory();
    getrlimit(RLIMIT_CORE, &core);
    return prctl(PR_GET_DUMPABLE) == 0 && core.rlim_max == 0 ? 0 : 1;
}

static void memory_goes_into_no_file(void **state)
{
    (void)state;
    assert_int_equal(in_child(try_core_file), 0);
}

static int try_to_run(void)
{
    char *const words[] = {"false", NULL};
    if (!harden_calls()) return 77;
    execv("/bin/false", words); /* whose status would be 1 */
    return errno == EPERM ? 0 : 1;
}

static void no_program_can_be_started(void **state)
{
    (void)state;
    int status = in_child(try_to_run);
    if (status == 77) skip();
    assert_int_equal(status, 0);
}

/* What a server does all day. */
static int try_daily_work(void)
{
    int pair[2];
    char byte = 1;
    if (!harden_calls()) return 77;
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 1;
    if (write(pair[0], &byte, 1) != 1 || read(pair[1], &byte, 1) != 1) return 2;
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? 3 : 0;
}

static void what_a_server_needs_still_works(void **state)
{
    (void)state;
    int status = in_child(try_daily_work);
    if (status == 77) skip();
    assert_int_equal(status, 0);
}

static int become_nobody(void)
{
    if (harden_user("nobody") != OK) return 1;
    if (geteuid() == 0 || getuid() == 0 || getegid() == 0) return 2;
    harden_ports_bound();
    return setuid(0) == 0 ? 3 : 0;
}

static void root_becomes_somebody_else_for_good(void **state)
{
    (void)state;
    if (geteuid() != 0) skip();
    assert_int_equal(in_child(become_nobody), 0);
}

static void a_user_who_is_not_there_is_an_error(void **state)
{
    (void)state;
    assert_int_equal(harden_user("azimuth-nobody-at-all"), ERR_NOT_FOUND);
    assert_non_null(strstr(fail_text(), "azimuth-nobody-at-all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_goes_into_no_file),
        cmocka_unit_test(no_program_can_be_started),
        cmocka_unit_test(what_a_server_needs_still_works),
        cmocka_unit_test(root_becomes_somebody_else_for_good),
        cmocka_unit_test(a_user_who_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
