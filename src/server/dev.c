/* dev.c - the first five minutes, told in the terminal. */
#include "server/dev.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/slice.h"
#include "server/ports.h"

enum { DEV_DEVICES = 3, DEV_CHILDREN = 2, DEV_WORDS_MAX = 16 };

static pid_t children[DEV_CHILDREN]; /* simulate, monitor-events */

static const char *const device_names[DEV_DEVICES] = {"sensor-1", "sensor-2", "sensor-3"};

/* ---- our own command line, in a child */

static void quiet(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0) dup2(null, fd);
}

/* The child dies with us, hears signals again, and reads nothing. */
static void become(const char *const *words, bool show)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    quiet(STDIN_FILENO);
    if (!show) {
        quiet(STDOUT_FILENO);
        quiet(STDERR_FILENO);
    }
    execv("/proc/self/exe", (char *const *)(const void *)words);
    _exit(127);
}

static pid_t start(const char *const *words, bool show)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) become(words, show);
    return pid;
}

static void run(const char *const *words, bool show)
{
    pid_t pid = start(words, show);
    if (pid > 0) waitpid(pid, NULL, 0);
}

/* ---- what a newcomer sees */

static void make_devices(const char *data)
{
    for (int i = 0; i < DEV_DEVICES; i++) {
        const char *words[] = {"azimuth", "hub",         "device-identity",
                               "create",  "--device-id", device_names[i],
                               "--data",  data,          NULL};
        run(words, false); /* there already: fine */
    }
}

static void show_connection_string(const char *title, const char *data, const char *option,
                                   const char *value)
{
    const char *words[] = {"azimuth", "connection-string", "--data", data, option, value, NULL};
    printf("%s\n  ", title);
    run(words, true);
}

/* Is that the program which a shell finds under its name? */
static bool is_found_as_azimuth(const char *program)
{
    struct slice rest = slice_str(getenv("PATH")), folder;
    while (slice_split(&rest, ':', &folder)) {
        char path[PATH_MAX], *whole;
        snprintf(path, sizeof path, "%.*s/azimuth", SLICE_ARG(slice_head(folder, PATH_MAX - 16)));
        whole = realpath(path, NULL);
        if (whole == NULL) continue;
        bool same = strcmp(whole, program) == 0;
        free(whole);
        return same;
    }
    return false;
}

/* What to type to run this very program. */
static const char *program_to_type(void)
{
    static char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0) return "azimuth";
    path[n] = '\0';
    return is_found_as_azimuth(path) ? "azimuth" : path;
}

static void show_next_steps(const char *data)
{
    const char *program = program_to_type();
    printf("\nNext, in another terminal:\n"
           "  %s device send-d2c-message --data %s -d sensor-1 --da '{\"hello\":1}'\n"
           "  %s hub device-identity create --data %s -d my-device\n"
           "  %s connection-string --data %s --device-id my-device\n"
           "  eval \"$(%s env --data %s)\"     # for Azure's SDK samples\n"
           "\nEvents as they arrive (Ctrl-C ends everything):\n",
           program, data, program, data, program, data, program, data);
}

/* SDKs dial fixed ports: which of their transports find nobody now. */
static void show_replaced_ports(const struct ports *p)
{
    static const struct {
        const char *name, *fails;
        unsigned standard;
    } kinds[PORT_KINDS] = {
        [PORT_MQTT] = {"MQTT", "device SDKs over MQTT", 8883},
        [PORT_AMQP] = {"AMQP",
                       "device and service SDKs over AMQP, the redirect to the events (Event "
                       "Hubs SDKs take the port from their string; Python's does not, it wants "
                       "custom_endpoint_address)",
                       5671},
        [PORT_HTTPS] = {"HTTPS",
                        "service SDKs (identities), and device SDKs over HTTPS or WebSocket", 443},
    };
    for (unsigned kind = 0; kind < PORT_KINDS; kind++) {
        if (!p->replaced[kind] || kinds[kind].name == NULL) continue;
        printf("\n%s is on port %u, because %u could not be had (see above). "
               "These know no other port and fail:\n  %s\n",
               kinds[kind].name, p->number[kind], kinds[kind].standard, kinds[kind].fails);
    }
}

void dev_start(const char *data, const char *console, const struct ports *ports)
{
    const char *simulate[] = {"azimuth", "device",  "simulate", "--data", data, "--device-prefix",
                              "sensor",  "--count", "3",        "--rate", "1",  NULL};
    const char *monitor[] = {"azimuth", "hub", "monitor-events", "--data", data, NULL};
    show_replaced_ports(ports);
    make_devices(data);
    if (console[0])
        printf("\nThe console, in a browser (this link signs in once; 'azimuth console link' makes "
               "another):\n  %s\n",
               console);
    printf("\nA device's connection string:\n");
    show_connection_string("  sensor-1", data, "--device-id", device_names[0]);
    show_connection_string("A back end's connection string (Azure IoT Hub SDKs):", data, "--policy",
                           "iothubowner");
    show_connection_string("A consumer's connection string (Azure Event Hubs SDKs):", data,
                           "--event-hub", NULL);
    show_next_steps(data);
    children[0] = start(monitor, true);
    children[1] = start(simulate, false);
}

void dev_stop(void)
{
    for (int i = 0; i < DEV_CHILDREN; i++)
        if (children[i] > 0) kill(children[i], SIGTERM);
    for (int i = 0; i < DEV_CHILDREN; i++)
        if (children[i] > 0) waitpid(children[i], NULL, 0);
}
