/* cmd_replay.c - azimuth hub replay: events of Capture files, or of an event hub, into another one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/cmd.h"
#include "cli/http.h"
#include "cli/identity.h"
#include "cli/replay_files.h"
#include "cli/replay_run.h"
#include "cli/way.h"

const struct cli_option replay_options[] = {
    {"source s", "WHERE",
     "Capture files: a file, a folder, a container's URL with its SAS; or a connection string of a "
     "hub or event hub"},
    {"source-event-hub", "NAME", "an event hub of the source; without --source one of this hub"},
    {"source-consumer-group", "NAME", "[$Default]"},
    {"source-ca", "FILE", "certificates to trust, if the source is elsewhere"},
    {"source-amqp-port", "N", "[5671]"},
    {"event-hub-name n", "NAME", "into that event hub [EntityPath of the login]"},
    {"as-devices", NULL, "into the hub, each event sent as the device that it is of"},
    {"create-devices", NULL, "with --as-devices: devices that are not there are made"},
    {"device-id d", "IDS", "only of these devices, separated by commas; * stands for anything"},
    {"from", "WHERE", "a time, 10m (ago) or a sequence number [the beginning]"},
    {"to", "WHERE", "likewise, included [the end, as it is when the run begins]"},
    {"where", "CONDITION", "in the language of routes: temperature > 30 AND $body.line = 'A'"},
    {"speed", "N", "so many times faster than it happened; max: as fast as it goes [1]"},
    {"time-shift", "BY", "now or a duration (7d, -1h): times of messages move by it, bodies stay"},
    {"dry-run", NULL, "nothing is sent: counts, and shows the first events"},
    {"resume", "PATH", "keeps there how far it came, and goes on from there"},
    {"give-up-after", CLI_DURATION, "a lost connection is made anew for so long [5m]"},
    {"force", NULL, "also into the event hub that the events are of"},
    {"", NULL, NULL}};

const char replay_help[] =
    "    azimuth hub replay --source archive -n staging --speed max\n"
    "    azimuth hub replay --source-event-hub orders -n again --from 2026-01-31T12:00:00Z --to "
    "2026-01-31T12:10:00Z\n"
    "    azimuth hub replay --login \"$STAGING\" --source archive --as-devices --create-devices -d "
    "'press-*' "
    "--speed 10\n\n"
    "Events carry the application properties azimuth-replay, azimuth-replay-sequence-number and\n"
    "azimuth-replay-enqueued-time.";

struct replay {
    struct cli *cli;
    struct target target;
    struct replay_files *files;
    struct replay_stream stream;
    struct replay_target to;
    struct replay_run run;
    struct map made; /* devices that are there; keys in the arena */
    bool same_server, creates;
};

/* ---- options */

static enum err read_speed(struct replay_run *run, const char *text)
{
    char *end;
    run->speed = 1;
    if (text == NULL) return OK;
    run->speed = 0;
    if (strcmp(text, "max") == 0) return OK;
    run->speed = strtod(text, &end);
    if (*end == '\0' && run->speed >= 0.001 && run->speed <= 1e6) return OK;
    return fail(ERR_INVALID, "--speed %s: a number from 0.001 to 1000000, or max", text);
}

static enum err read_shift(struct replay_run *run, const char *text)
{
    if (text == NULL) return OK;
    run->shift = REPLAY_SHIFT_NOW;
    if (strcmp(text, "now") == 0) return OK;
    run->shift = REPLAY_SHIFT_BY;
    bool back = *text == '-';
    if (num_duration_us(slice_str(text + back), &run->shift_us) != OK)
        return fail(ERR_INVALID, "--time-shift %s: now, or a duration (7d, -1h)", text);
    if (back) run->shift_us = -run->shift_us;
    return OK;
}

static enum err read_patience(const struct cli *c, struct replay_run *run)
{
    int64_t us;
    TRY(cli_duration(c, "give-up-after", 1, CLI_LONG_US, REPLAY_GIVE_UP_US, &us));
    run->target_back.give_up_us = run->stream_back.give_up_us = us;
    return OK;
}

static enum err read_options(struct replay *r)
{
    struct cli *c = r->cli;
    struct replay_run *run = &r->run;
    r->creates = cli_given(c, "create-devices");
    r->to.devices = cli_given(c, "as-devices");
    if (r->creates && !r->to.devices)
        return fail(ERR_INVALID, "--create-devices goes with --as-devices");
    if (r->to.devices && cli_given(c, "event-hub-name"))
        return fail(ERR_INVALID, "--as-devices or --event-hub-name, not both");
    if (!cli_given(c, "source") && !cli_given(c, "source-event-hub"))
        return fail(ERR_INVALID, "--source or --source-event-hub is needed");
    run->quiet = cli_given(c, "quiet");
    TRY(read_speed(run, cli_value(c, "speed")));
    TRY(read_shift(run, cli_value(c, "time-shift")));
    TRY(read_patience(c, run));
    TRY(replay_filter_init(&run->filter, cli_value(c, "device-id"), cli_value(c, "from"),
                           cli_value(c, "to"), cli_value(c, "where")));
    run->filter.no_events = r->to.devices;
    TRY(replay_resume_load(c, cli_value(c, "resume"), &run->resume));
    run->mark.run = slice_str(run->resume.run);
    return OK;
}

/* ---- the source */

static enum err open_files(struct replay *r, const char *path)
{
    TRY(replay_files_open(path, cli_value(r->cli, "source-ca"), &r->files));
    replay_files_source(r->files, &r->run.source);
    const struct replay_source *s = &r->run.source;
    for (unsigned i = 0; i < replay_files_count(r->files); i++) {
        int64_t next;
        if (replay_resume_lane(&r->run.resume, s->lane_name(s->ctx, i), &next))
            replay_files_skip(r->files, i, next);
    }
    return OK;
}

static enum err open_stream(struct replay *r)
{
    struct replay_stream *s = &r->stream;
    const char *elsewhere = cli_value(r->cli, "source"), *ca = cli_value(r->cli, "source-ca");
    const char *group = cli_value(r->cli, "source-consumer-group");
    int64_t port;
    if (elsewhere) {
        TRY(target_login(r->cli, elsewhere, "--source", &s->target));
        if (ca) s->target.ca = ca;
        unsigned usual = s->target.login.port ? s->target.login.port : 5671;
        TRY(cli_number(r->cli, "source-amqp-port", 1, 65535, usual, &port));
        s->target.amqp_port = (unsigned)port;
    } else
        s->target = r->target;
    s->cfg.group = group ? group : "$Default";
    s->filter = &r->run.filter;
    s->resume = &r->run.resume;
    TRY(way_choose(&s->target, cli_value(r->cli, "source-event-hub"), &s->cfg, &s->to));
    r->run.stream = s;
    replay_stream_source(s, &r->run.source);
    return replay_stream_open(s);
}

static enum err open_source(struct replay *r)
{
    const char *source = cli_value(r->cli, "source");
    if (source && strstr(source, "AccountName="))
        return fail(ERR_UNSUPPORTED,
                    "a container is named by its URL with a signature for reading and "
                    "listing (az storage container generate-sas)");
    bool login = source && (strstr(source, "HostName=") || strstr(source, "Endpoint="));
    return source && !login ? open_files(r, source) : open_stream(r);
}

/* ---- the target */

/* Events that are read and written again and again: the same event hub, or as devices the same server. */
static enum err check_loop(const struct replay *r, const char *source)
{
    struct slice from = slice_str(source), to = slice_str(r->to.identity);
    if (r->to.devices) {
        from = slice_head(from, slice_find(from, '/'));
        to = slice_head(to, slice_find(to, '/'));
    }
    if (from.len == 0 || !slice_eq(from, to)) return OK;
    return fail(
        ERR_CONFLICT,
        "the events are of '%s', and would be replayed into %s: name another target, or --force",
        source, r->to.devices ? "the same hub" : "itself");
}

/* What --resume knows it by; in the arena. */
static struct slice source_identity(const struct replay *r)
{
    const char *given = cli_value(r->cli, "source");
    if (r->run.stream) return arena_copy(&r->cli->arena, slice_str(r->stream.events.identity));
    if (strstr(given, "://")) /* with a signature, which is nobody's business */
        return slice_head(slice_str(given), slice_find(slice_str(given), '?'));
    char *whole = realpath(given, NULL);
    struct slice identity = arena_copy(&r->cli->arena, slice_str(whole ? whole : given));
    free(whole);
    return identity;
}

static enum err on_ready(void *ctx)
{
    struct replay *r = ctx;
    const char *target = r->run.target ? r->to.identity : NULL;
    TRY(replay_resume_begin(&r->run.resume, source_identity(r), target));
    if (target == NULL || cli_given(r->cli, "force")) return OK;
    if (r->run.stream) return check_loop(r, r->stream.events.identity);
    for (unsigned i = 0; replay_files_identity(r->files, i); i++)
        TRY(check_loop(r, replay_files_identity(r->files, i)));
    return OK;
}

/* Both tokens, long before they end. */
static enum err renew(void *ctx)
{
    struct replay *r = ctx;
    struct replay_stream *s = &r->stream;
    if (r->run.target) {
        TRY(way_sign(&r->target, false, &r->to.cfg));
        events_renew(&r->to.events, r->to.cfg.token);
    }
    if (r->run.stream && s->cfg.login == NULL) {
        TRY(way_sign(&s->target, s->redirects > 0, &s->cfg));
        events_renew(&s->events, s->cfg.token);
    }
    return OK;
}

static enum err make_device(void *ctx, const struct replay_event *e)
{
    struct replay *r = ctx;
    if (e->head.device.len == 0 || map_get(&r->made, e->head.device)) return OK;
    struct slice id = arena_copy(&r->cli->arena, e->head.device);
    map_put(&r->made, id, r);
    return identity_make(&r->target, id, 1);
}

static enum err open_target(struct replay *r)
{
    const char *name = cli_value(r->cli, "event-hub-name");
    if (!r->to.devices && name == NULL && r->target.login.entity.len == 0)
        return fail(ERR_INVALID, "--event-hub-name says into which event hub, or --as-devices");
    if (r->to.devices && target_is_azure(&r->target))
        return fail(ERR_UNSUPPORTED,
                    "--as-devices is for hubs of ours: replay into an event hub of Azure");
    r->to.mark = &r->run.mark;
    TRY(way_choose(&r->target, name, &r->to.cfg, &r->to.to));
    r->run.target = &r->to;
    r->run.before = r->creates ? make_device : NULL;
    return replay_target_open(&r->to);
}

/* ---- the summary */

static void set(struct cli *c, struct json *object, const char *name, int64_t number)
{
    json_set(&c->arena, object, slice_str(name), json_new_i64(&c->arena, number));
}

static void set_time(struct cli *c, struct json *object, const char *name, int64_t wall_us)
{
    char text[CLOCK_ISO_LEN + 1];
    clock_iso(wall_us, text);
    json_set(&c->arena, object, slice_str(name), json_new_string(&c->arena, slice_str(text)));
}

static enum err print(struct replay *r)
{
    static const char *const columns =
        "Read=read Matched=matched Replayed=replayed Refused=refused "
        "Seconds=seconds Rate=perSecond From=firstEnqueuedTime "
        "To=lastEnqueuedTime";
    struct cli *c = r->cli;
    const struct replay_result *result = &r->run.result;
    const struct replay_target *t = r->run.target;
    struct json *all = json_new(&c->arena, JSON_OBJECT), *done = json_new(&c->arena, JSON_BOOL);
    double seconds = (double)result->elapsed_us / 1e6;
    char text[32];
    set(c, all, "read", result->read);
    set(c, all, "matched", result->matched);
    set(c, all, "bytes", result->bytes);
    if (t) set(c, all, "replayed", t->acked);
    if (t) set(c, all, "refused", t->refused);
    if (result->reconnects) set(c, all, "reconnects", result->reconnects);
    if (r->run.resume.events) set(c, all, "replayedBefore", r->run.resume.events);
    if (result->matched) set_time(c, all, "firstEnqueuedTime", result->first_us);
    if (result->matched) set_time(c, all, "lastEnqueuedTime", result->last_us);
    struct json *took =
        json_set(&c->arena, all, SLICE_LIT("seconds"), json_new(&c->arena, JSON_NUMBER));
    snprintf(text, sizeof text, "%.3f", seconds);
    took->text = arena_copy(&c->arena, slice_str(text));
    if (t && seconds > 0) set(c, all, "perSecond", (int64_t)((double)t->acked / seconds));
    if (t) cli_set_text(c, all, "run", r->run.mark.run);
    done->truth = result->complete;
    json_set(&c->arena, all, SLICE_LIT("complete"), done);
    if (t == NULL) json_set(&c->arena, all, SLICE_LIT("sample"), r->run.sample);
    return output_value(&c->output, &c->arena, all, columns);
}

/* ---- the verb */

/* A run that goes on may have replayed all of it before. */
static void remark(const struct replay *r)
{
    struct buf text = {0};
    bool goes_on = r->run.resume.lanes != NULL;
    if (!goes_on && !r->run.quiet && replay_filter_missed(&r->run.filter, &text))
        fprintf(stderr, "%s\n", buf_cstr(&text));
    buf_free(&text);
}

static enum err verdict(struct replay *r, enum err e)
{
    char why[512];
    bool tell = e == OK || r->run.began;
    snprintf(why, sizeof why, "%s", fail_text());
    if (tell) TRY(print(r));
    if (e == OK) remark(r);
    if (e != OK && r->run.began && r->run.resume.path)
        return fail(e, "%s; the same command goes on from there", why);
    if (replay_back_is_loss(e) && r->run.began)
        return fail(e, "%s; with --resume FILE the same command can go on from there", why);
    if (e != OK) return fail(e, "%s", why);
    if (r->to.refused)
        return fail(ERR_PROTOCOL, "%lld events were refused: %s%s", (long long)r->to.refused,
                    r->to.why,
                    r->to.devices && !r->creates ? " (--create-devices makes devices)" : "");
    return OK;
}

static enum err replay(struct replay *r)
{
    bool dry = cli_given(r->cli, "dry-run");
    bool needs_target = !dry || !cli_given(r->cli, "source");
    TRY(read_options(r));
    r->run.renew = renew;
    r->run.ready = on_ready;
    r->run.ctx = r;
    if (needs_target) TRY(target_find(r->cli, &r->target));
    TRY(open_source(r));
    if (!dry) TRY(open_target(r));
    return replay_run(&r->run);
}

/* What closing says is no news. */
enum err hub_replay(struct cli *c)
{
    char why[512];
    struct replay r = {.cli = c, .stream.line.fd = -1, .to.line.fd = -1};
    r.run.cli = c;
    r.run.sample = json_new(&c->arena, JSON_ARRAY);
    enum err e = verdict(&r, replay(&r));
    snprintf(why, sizeof why, "%s", fail_text());
    if (r.run.target) replay_target_close(&r.to);
    if (r.run.stream) replay_stream_close(&r.stream);
    tls_context_drop(r.to.to.tls);
    tls_context_drop(r.stream.to.tls);
    replay_files_free(r.files);
    replay_run_fini(&r.run);
    map_free(&r.made);
    return e == OK ? OK : fail(e, "%s", why);
}
