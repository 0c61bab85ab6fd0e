/* parsed.c KIND - reads inputs from stdin, each behind its length (4 bytes, big-endian), and says in a line for each
 * what our parser of that kind made of it. */
#include "parsed.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static const struct kind {
    const char *name;
    parsed_fn *parse;
} kinds[] = {
    {"mqtt-server", parsed_mqtt_server}, {"mqtt-client", parsed_mqtt_client},
    {"ws-server", parsed_ws_server},     {"ws-client", parsed_ws_client},
    {"ws-text", parsed_ws_text},         {"http1", parsed_http1},
    {"amqp-value", parsed_amqp_value},   {"amqp-frames", parsed_amqp_frames},
};

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
    return NULL;
}

void parsed_refused(struct buf *line, const char *reason)
{
    buf_printf(line, " refused # %s", reason);
}

/* In a block of exactly its size, so that a read past its end is caught. */
static bool read_input(uint8_t **bytes, size_t *len)
{
    uint8_t head[4];
    if (fread(head, sizeof head, 1, stdin) != 1) return false;
    *len = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
    *bytes = mem_new(*len);
    return *len == 0 || fread(*bytes, *len, 1, stdin) == 1;
}

int main(int argc, char **argv)
{
    const struct kind *kind = argc == 2 ? kind_of(argv[1]) : NULL;
    uint8_t *bytes;
    size_t len;
    if (kind == NULL) return fprintf(stderr, "usage: parsed KIND\n"), 2;
    while (read_input(&bytes, &len)) {
        struct buf line = {0};
        kind->parse(slice_of(bytes, len), &line);
        free(bytes);
        puts(buf_cstr(&line));
        fflush(stdout);
        buf_free(&line);
    }
    return 0;
}
