/* random_test.c - delivery to targets that fail in any way, from a hub that is changed, stopped and cut off.
 *
 * Two endpoints of a simulated kind take, refuse, hang, throttle, want other credentials, break in the middle
 * of a batch, take half of it and say no, take all of it and say nothing.  What was acknowledged to a device
 * and is wanted by an endpoint arrives there, its first arrivals in the device's order; what the target
 * refuses for good does not.
 *
 * By hand: deliver_random_test FIRST LAST runs these seeds; a failure names its seed. */
#include "cursor/cursor_rig.h"

#include "base/metrics.h"
#include "base/rand.h"
#include "deliver/kind.h"

enum {
    S = 1000000,
    ENDPOINTS = 2,
    DEVICES = 6,
    PARTITIONS = 3,
    LIVES = 4,
    ACTS = 30,
    BATCH_MAX = 9,      /* messages */
    TARGET_MAX = 2500,  /* bytes of a message, for the simulated targets */
    MESSAGE_MAX = 3000, /* of those that are sent: some are too large */
    HEAL_S = 2 * 3600,  /* of virtual time, at most */
    CALLS_MAX = PARTITIONS + 1,
};

static uint64_t dice_state;

static unsigned dice(unsigned sides)
{
    dice_state ^= dice_state << 13;
    dice_state ^= dice_state >> 7;
    dice_state ^= dice_state << 17;
    return (unsigned)(dice_state >> 20) % sides;
}

static void random_bytes(void *out, size_t len)
{
    for (uint8_t *p = out; len--; p++) *p = (uint8_t)dice(256);
}

/* ---- what is sent: all of a message follows from its device and number */

static uint64_t id_of(unsigned device, unsigned n)
{
    return (uint64_t)(device + 1) << 32 | n;
}

static unsigned mix(uint64_t id, unsigned what)
{
    return (unsigned)((id * 0x9E3779B97F4A7C15u + what * 0xBF58476D1CE4E5B9u) >> 33);
}

static size_t size_of(uint64_t id)
{
    return RIG_BODY_MIN + mix(id, 1) % (MESSAGE_MAX - RIG_BODY_MIN);
}

static uint64_t destinations_of(uint64_t id)
{
    return UINT64_C(2) << mix(id, 2) % 3 | (mix(id, 3) % 2 ? 4 : 1);
}

static bool is_poison(unsigned endpoint, uint64_t id)
{
    return mix(id, 4 + endpoint) % 29 == 0;
}

/* Does it have to arrive? */
static bool is_wanted(unsigned endpoint, uint64_t id)
{
    return destinations_of(id) >> (endpoint + 1) & 1 && size_of(id) <= TARGET_MAX &&
           !is_poison(endpoint, id);
}

/* ---- the targets' side; outlives the hub */

static struct world {
    bool calm;                         /* everything is well from now on */
    unsigned next[ENDPOINTS][DEVICES]; /* the first that has not arrived */
    unsigned arrived, again;
    const char *wrong;
} world;

static unsigned wanted_from(unsigned endpoint, unsigned device, unsigned n)
{
    while (!is_wanted(endpoint, id_of(device, n))) n++;
    return n;
}

static void arrive(unsigned endpoint, uint64_t id)
{
    unsigned device = (unsigned)(id >> 32) - 1, n = (unsigned)id;
    unsigned *next = &world.next[endpoint][device];
    if (!is_wanted(endpoint, id)) world.wrong = "what nobody wants arrived";
    if (n > *next) world.wrong = "a message was left out, or came too early";
    world.arrived++;
    if (n == *next)
        *next = wanted_from(endpoint, device, n + 1);
    else
        world.again++;
}

/* ---- the simulated kind */

struct sim_call {
    struct timer timer;
    struct sim *sim;
    struct deliver_call *call; /* NULL: free */
    struct deliver_result result;
    uint64_t ids[BATCH_MAX];
    unsigned late; /* of them arrive with the answer */
};

struct sim {
    struct deliver_target target;
    unsigned endpoint, calls_now;
    struct sim_call calls[CALLS_MAX];
};

static struct sim *of(struct deliver_target *t)
{
    return CONTAINER_OF(t, struct sim, target);
}

static void on_time(struct timer *t, int64_t now_us)
{
    struct sim_call *sc = CONTAINER_OF(t, struct sim_call, timer);
    struct deliver_call *c = sc->call;
    struct deliver_result r = sc->result;
    (void)now_us;
    for (unsigned i = 0; i < sc->late; i++) arrive(sc->sim->endpoint, sc->ids[i]);
    sc->call = NULL;
    sc->sim->calls_now--;
    deliver_call_end(c, &r);
}

static struct sim_call *call_new(struct sim *s, struct deliver_call *c)
{
    struct sim_call *sc = s->calls;
    while (sc->call) sc++;
    assert_true(sc < s->calls + CALLS_MAX);
    s->calls_now++;
    sc->sim = s;
    sc->call = c;
    sc->late = 0;
    timer_init(&sc->timer, on_time);
    return sc;
}

static void answer_in(struct sim_call *sc, int64_t us, enum deliver_outcome outcome,
                      const char *text)
{
    sc->result = (struct deliver_result){.outcome = outcome, .text = text};
    timer_set(&sc->sim->target.place.lane->timers, &sc->timer, rig_mono_us + 1 + us);
}

static struct deliver_target *sim_open(const struct deliver_place *place,
                                       const struct json *endpoint)
{
    struct sim *s = NEW(struct sim);
    (void)endpoint;
    s->target.place = *place;
    s->endpoint = place->bit - 1;
    return &s->target;
}

static void sim_close(struct deliver_target *t)
{
    assert_int_equal(of(t)->calls_now, 0);
    free(of(t));
}

static void sim_connect(struct deliver_target *t, struct deliver_call *c)
{
    static const enum deliver_outcome ways[] = {DELIVER_AGAIN, DELIVER_SLOW, DELIVER_TAKEN,
                                                DELIVER_TAKEN};
    unsigned way = world.calm ? 3 : dice(4);
    answer_in(call_new(of(t), c), dice(2 * S), ways[way], "no connection");
}

static enum err sim_add(struct deliver_target *t, const struct record *r, struct buf *batch,
                        unsigned count)
{
    uint64_t id = rig_id(r);
    (void)t;
    assert_int_not_equal(id, 0);
    if (count == BATCH_MAX) return ERR_FULL;
    if (r->sections.len > TARGET_MAX) return fail(ERR_TOO_BIG, "too large");
    buf_put(batch, &id, sizeof id);
    return OK;
}

/* How many of these come before what is refused for good. */
static unsigned good_of(const struct sim_call *sc, unsigned count)
{
    unsigned good = 0;
    while (good < count && !is_poison(sc->sim->endpoint, sc->ids[good])) good++;
    return good;
}

enum way { TAKES, LATE, NOT_NOW, HANGS, THROTTLES, BREAKS, LOCKS, TOO_MANY, WAYS };

/* `good` arrive at most. */
static void misbehave(struct sim_call *sc, enum way way, unsigned count, unsigned good)
{
    unsigned part = dice(good + 1);
    switch (way) {
    case NOT_NOW: answer_in(sc, dice(S), DELIVER_AGAIN, "not now"); return;
    case LOCKS: answer_in(sc, dice(S), DELIVER_SLOW, "wrong password"); return;
    case TOO_MANY:
        answer_in(sc, dice(S), count > 1 ? DELIVER_REFUSED : DELIVER_AGAIN, "too many");
        return;
    case THROTTLES:
        answer_in(sc, dice(S), DELIVER_AGAIN, "slower");
        sc->result.pause_us = (int64_t)dice(40) * S;
        return;
    default: break;
    }
    /* Half of a batch, none of it or all: before the answer or with it. */
    if (dice(2))
        sc->late = part;
    else
        for (unsigned i = 0; i < part; i++) arrive(sc->sim->endpoint, sc->ids[i]);
    answer_in(sc, way == HANGS ? 30 * S : dice(S), DELIVER_AGAIN, "gone");
}

static void sim_send(struct deliver_target *t, struct buf *batch, struct deliver_call *c)
{
    struct sim_call *sc = call_new(of(t), c);
    unsigned count = (unsigned)(buf_size(batch) / sizeof *sc->ids), good;
    enum way way = world.calm ? TAKES : (enum way)dice(WAYS);
    assert_in_range(count, 1, BATCH_MAX);
    memcpy(sc->ids, batch->ptr, buf_size(batch));
    good = good_of(sc, count);
    if (way > LATE) {
        misbehave(sc, way, count, good);
        return;
    }
    sc->late = good;
    answer_in(sc, way == LATE ? dice(5 * S) : 0, good == count ? DELIVER_TAKEN : DELIVER_REFUSED,
              "no such thing");
}

static void sim_forget(struct deliver_target *t, struct deliver_call *c)
{
    struct sim_call *sc = of(t)->calls;
    while (sc->call != c) sc++;
    timer_stop(&sc->timer);
    sc->call = NULL;
    of(t)->calls_now--;
}

static enum err sim_check(const struct hub *hub, struct arena *a, struct json *endpoint,
                          const struct json *before)
{
    (void)hub, (void)a, (void)endpoint, (void)before;
    return OK;
}

static const struct deliver_kind sim_kind = {.routing = {.list = "simulated", .check = sim_check},
                                             .open = sim_open,
                                             .close = sim_close,
                                             .connect = sim_connect,
                                             .add = sim_add,
                                             .send = sim_send,
                                             .forget = sim_forget};

/* ---- the hub */

static struct fixture {
    struct cursor_rig rig;
    struct hub hub;
    struct routing *routing;
    struct deliver *deliver;
    unsigned version;
    unsigned sent[DEVICES], acked[DEVICES];
    size_t heard; /* answers of the log that were looked at */
} f;

static void open_hub(void)
{
    static const struct routing_kind *const kinds[] = {&sim_kind.routing};
    static const struct routing_config config = {.kinds = kinds, .kind_count = 1};
    assert_int_equal(cursor_rig_open(&f.rig), OK);
    f.hub = (struct hub){.office = &f.rig.rig->office,
                         .core_count = 1,
                         .cores = {f.rig.lane.id},
                         .log = f.rig.rig->log,
                         .store = f.rig.store,
                         .name = "plant"};
    assert_int_equal(routing_new(&f.hub, &f.rig.lane, &config, &f.routing), OK);
    f.deliver =
        deliver_new(&f.hub, &f.rig.lane,
                    &(struct deliver_doors){.routing = f.routing, .cursors = f.rig.cursors});
    for (unsigned d = 0; d < DEVICES; d++) f.sent[d] = f.acked[d];
}

static void close_hub(void)
{
    deliver_free(f.deliver);
    if (dice(3) == 0) cursors_store(f.rig.cursors, f.rig.store);
    routing_free(f.routing);
    cursor_rig_close(&f.rig);
}

static void on_put(struct routing_wait *w, enum err e, const char *text)
{
    (void)w, (void)e, (void)text; /* without power it fails */
}

/* Another version of one of the endpoints. */
static void change_document(void)
{
    static struct routing_wait wait = {.fn = on_put};
    struct buf text = {0};
    cursor_rig_on(&f.rig);
    buf_printf(&text,
               "{\"endpoints\":{\"simulated\":[{\"name\":\"a\",\"v\":%u},{\"name\":\"b\"}]}}",
               ++f.version);
    routing_put(f.routing, SLICE_LIT("*"), buf_slice(&text), &wait);
    cursor_rig_run(&f.rig, 0);
    buf_free(&text);
}

/* ---- the devices: each sends on when it has heard that everything before is safe */

static void hear(void)
{
    for (; f.heard < rig_done_count(f.rig.rig); f.heard++) {
        const struct rig_done *done = rig_done_at(f.rig.rig, f.heard);
        unsigned device = (unsigned)(done->id >> 32) - 1;
        if (done->result == OK) f.acked[device] = MAX(f.acked[device], (unsigned)done->id);
    }
}

static void send_some(void)
{
    unsigned device = dice(DEVICES);
    for (unsigned count = 1 + dice(12); count; count--) {
        uint64_t id = id_of(device, ++f.sent[device]);
        rig_append(f.rig.rig, 0, device % PARTITIONS, id, size_of(id), destinations_of(id));
    }
    rig_run(f.rig.rig);
    hear();
}

/* ---- lives */

static void live(void)
{
    if (dice(2)) io_mem_cut_power(f.rig.io, 1 + dice(150));
    for (unsigned i = 0; i < ACTS; i++) {
        if (dice(5) < 3 && log_healthy(f.rig.rig->log)) send_some();
        if (dice(40) == 0) change_document();
        cursor_rig_run(&f.rig, dice(8) ? dice(2 * S) : dice(60 * S));
    }
}

static bool all_arrived(void)
{
    for (unsigned e = 0; e < ENDPOINTS; e++)
        for (unsigned d = 0; d < DEVICES; d++)
            if (world.next[e][d] <= f.acked[d]) return false;
    return true;
}

static void heal(void)
{
    world.calm = true;
    for (unsigned s = 0; s < HEAL_S && !all_arrived(); s++) rig_advance(f.rig.rig, S);
    cursor_rig_run(&f.rig, 10 * S);
    if (!all_arrived()) world.wrong = "what was acknowledged did not arrive";
}

static void start(uint64_t seed)
{
    memset(&f, 0, sizeof f);
    world = (struct world){0};
    dice_state = seed * 0x9E3779B97F4A7C15u;
    for (unsigned e = 0; e < ENDPOINTS; e++)
        for (unsigned d = 0; d < DEVICES; d++) world.next[e][d] = wanted_from(e, d, 1);
    cursor_rig_init(&f.rig, PARTITIONS);
    f.rig.log.journal_bytes = 1 << 20;
    say_level_max = SAY_ERROR;
    open_hub();
    cursor_rig_run(&f.rig, 0);
    change_document();
}

static void play(uint64_t seed)
{
    start(seed);
    for (unsigned i = 0; i < LIVES; i++) {
        live();
        close_hub();
        hear();
        io_mem_cut_power(f.rig.io, 0);
        io_mem_crash(f.rig.io, dice(UINT32_MAX));
        open_hub();
    }
    heal();
    close_hub();
    cursor_rig_fini(&f.rig);
}

/* ---- */

static uint64_t first_seed = 1, last_seed = 30;

static void what_was_acknowledged_arrives_in_order_whatever_happens(void **state)
{
    unsigned arrived = 0, again = 0;
    (void)state;
    rand_use(random_bytes);
    for (uint64_t seed = first_seed; seed <= last_seed; seed++) {
        play(seed);
        if (world.wrong) fail_msg("seed %llu: %s", (unsigned long long)seed, world.wrong);
        arrived += world.arrived;
        again += world.again;
    }
    rand_use(NULL);
    print_message("%u messages arrived, %u of them again\n", arrived, again);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        last_seed = strtoull(argv[2], NULL, 10);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_arrives_in_order_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
