/* notify_test.c - against a socket of a manager of our own. */
#include "server/notify.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/test.h"

enum { NAME_MAX_LEN = sizeof((struct sockaddr_un *)0)->sun_path };

static int manager = -1;

/* The kernel chooses an abstract name, which nobody else has. */
static int listen_here(void **state)
{
    char name[NAME_MAX_LEN + 1] = "@";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t len = sizeof address;
    (void)state;
    manager = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (bind(manager, (struct sockaddr *)&address, sizeof(sa_family_t))) return -1;
    if (getsockname(manager, (struct sockaddr *)&address, &len)) return -1;
    size_t used = len - sizeof(sa_family_t) - 1;
    memcpy(name + 1, address.sun_path + 1, used);
    name[used + 1] = '\0';
    return setenv("NOTIFY_SOCKET", name, 1);
}

static int hang_up(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    return close(manager);
}

static const char *heard(void)
{
    static char text[200];
    ssize_t n = recv(manager, text, sizeof text - 1, MSG_DONTWAIT);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void the_manager_hears_what_is_said(void **state)
{
    (void)state;
    assert_int_equal(notify_manager("READY=1"), OK);
    assert_string_equal(heard(), "READY=1");
    assert_int_equal(notify_reloading(), OK);
    assert_non_null(strstr(heard(), "RELOADING=1\nMONOTONIC_USEC="));
}

static void a_path_is_as_good_as_an_abstract_name(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "/tmp/azm-notify-%d", getpid());
    unlink(address.sun_path); /* one of that number may have ended before it did */
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    enum err e = notify_manager("STOPPING=1");
    unlink(address.sun_path);
    assert_int_equal(e, OK);
    close(manager);
    manager = fd;
    assert_string_equal(heard(), "STOPPING=1");
}

static void without_a_manager_nothing_happens(void **state)
{
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    assert_int_equal(notify_manager("READY=1"), OK);
    assert_string_equal(heard(), "");
}

static void a_manager_that_is_gone_is_an_error(void **state)
{
    (void)state;
    setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
    assert_int_equal(notify_manager("READY=1"), ERR_IO);
    assert_non_null(strstr(fail_text(), "/nonexistent/socket"));
}

/* One byte less than the address holds is the most: SUN_LEN wants room for an end. */
static void names_are_paths_or_abstract_and_not_too_long(void **state)
{
    char name[NAME_MAX_LEN + 1];
    (void)state;
    memset(name, 'a', sizeof name);
    name[0] = '/';
    name[NAME_MAX_LEN - 1] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(notify_manager("READY=1"), ERR_IO); /* nobody is there */
    name[NAME_MAX_LEN - 1] = 'a';
    name[NAME_MAX_LEN] = '\0';
    setenv("NOTIFY_SOCKET", name, 1);
    assert_int_equal(notify_manager("READY=1"), ERR_INVALID);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(notify_manager("READY=1"), ERR_INVALID);
}

#define HEARD(name) cmocka_unit_test_setup_teardown(name, listen_here, hang_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEARD(the_manager_hears_what_is_said),
        HEARD(a_path_is_as_good_as_an_abstract_name),
        HEARD(without_a_manager_nothing_happens),
        HEARD(a_manager_that_is_gone_is_an_error),
        HEARD(names_are_paths_or_abstract_and_not_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
