/* interrupt.c - see interrupt.h. */
#include "cli/interrupt.h"

static volatile sig_atomic_t came;

static void on_signal(int number)
{
    (void)number;
    came = 1;
}

void interrupt_catch(struct sigaction old[2])
{
    const struct sigaction once = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    came = 0;
    sigaction(SIGINT, &once, &old[0]);
    sigaction(SIGTERM, &once, &old[1]);
}

void interrupt_release(const struct sigaction old[2])
{
    sigaction(SIGINT, &old[0], NULL);
    sigaction(SIGTERM, &old[1], NULL);
}

bool interrupt_came(void)
{
    return came;
}
