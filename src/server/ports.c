/* ports.c - binding all listeners before anything else starts. */
#include "server/ports.h"

#include <stdio.h>

#include "base/say.h"

/* What is listened on when nobody says: the machine itself, by IPv6 too where it has it. */
static void choose_addresses(struct ports *p, const struct config *cfg)
{
    for (p->binds = 0; p->binds < cfg->bind_count; p->binds++)
        p->addresses[p->binds] = cfg->binds[p->binds];
    if (p->binds) return;
    p->addresses[p->binds++] = "127.0.0.1";
    if (net_has_address("::1")) p->addresses[p->binds++] = "::1";
}

/* The sentence that names the port ends with "choose another port". */
static enum err add_option(enum err e, const char *option)
{
    char why[400];
    snprintf(why, sizeof why, "%s", fail_text());
    return fail(e, "%s (--%s)", why, option);
}

/* The first address picks the port when any will do; the others follow it. */
static enum err bind_kind(struct ports *p, enum port_kind kind, unsigned wanted, unsigned cores)
{
    for (unsigned i = 0; i < p->binds; i++) {
        TRY(net_bind(p->addresses[i], wanted, cores, &p->bound[kind][i]));
        wanted = p->bound[kind][i].port;
    }
    p->number[kind] = wanted;
    return OK;
}

/* One core is enough for administrators. */
static enum err bind_console(struct ports *p, const struct config *cfg, bool take_free)
{
    const char *address = cfg->console_address;
    if (address == NULL) return OK;
    enum err e = net_bind(address, cfg->console_port, 1, &p->console);
    if (e == OK) return OK;
    if (!take_free || cfg->console_port == 0) return add_option(e, "console");
    say_warn("port.replaced", "protocol=console port=%u reason=\"%s\"", cfg->console_port,
             fail_text());
    return net_bind(address, 0, 1, &p->console);
}

enum err ports_bind(struct ports *p, const struct config *cfg, const char *socket_path,
                    unsigned cores, bool take_free)
{
    const struct {
        bool on;
        unsigned port;
        const char *name, *option;
    } wanted[PORT_KINDS] = {
        [PORT_MQTT] = {true, cfg->mqtt_port, "mqtt", "mqtt-port"},
        [PORT_AMQP] = {true, cfg->amqp_port, "amqp", "amqp-port"},
        [PORT_HTTPS] = {true, cfg->https_port, "https", "https-port"},
        [PORT_PLAIN_MQTT] = {cfg->plain_mqtt, cfg->plain_mqtt_port, "plain mqtt",
                             "plain-mqtt-port"},
        [PORT_PLAIN_AMQP] = {cfg->plain_amqp, cfg->plain_amqp_port, "plain amqp",
                             "plain-amqp-port"},
    };
    *p = (struct ports){0};
    choose_addresses(p, cfg);
    for (unsigned kind = 0; kind < PORT_KINDS; kind++) {
        if (!wanted[kind].on) continue;
        enum err e = bind_kind(p, kind, wanted[kind].port, cores);
        if (e == OK) continue;
        if (!take_free || wanted[kind].port == 0) return add_option(e, wanted[kind].option);
        say_warn("port.replaced", "protocol=%s port=%u reason=\"%s\"", wanted[kind].name,
                 wanted[kind].port, fail_text());
        TRY(bind_kind(p, kind, 0, cores));
        p->replaced[kind] = true;
    }
    TRY(bind_console(p, cfg, take_free));
    return net_bind_unix(socket_path, &p->admin);
}
