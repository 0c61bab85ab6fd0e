/* dev.c - the first five minutes, told in the terminal. */
#include "server/dev.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void show_next_steps(const char *data)
{
    printf("\nNext, in another terminal:\n"
           "  azimuth device send-d2c-message --data %s -d sensor-1 --da '{\"hello\":1}'\n"
           "  azimuth hub device-identity create --data %s -d my-device\n"
           "  azimuth connection-string --data %s --device-id my-device\n"
           "  eval \"$(azimuth env --data %s)\"     # for Azure's SDK samples\n"
           "\nEvents as they arrive (Ctrl-C ends everything):\n",
           data, data, data, data);
}

void dev_start(const char *data)
{
    const char *simulate[] = {"azimuth", "device",  "simulate", "--data", data, "--device-prefix",
                              "sensor",  "--count", "3",        "--rate", "1",  NULL};
    const char *monitor[] = {"azimuth", "hub", "monitor-events", "--data", data, NULL};
    make_devices(data);
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
