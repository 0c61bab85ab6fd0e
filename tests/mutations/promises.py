"""promises.py - what docs/reliability.md promises, and for each the line that keeps it and the test that would notice."""
import dataclasses


@dataclasses.dataclass
class Promise:
    sentence: str
    file: str
    line: str  # once in the file
    broken: str
    test: str = ""  # a unit test's program
    suite: str = ""  # or a suite with the words of its cases
    sim: str = ""  # or the simulator with its arguments
    target: str = ""

    def __post_init__(self):
        self.target = self.target or ("sim" if self.sim else self.test) or "azimuth"

    def by(self):
        return f"sim {self.sim}" if self.sim else self.suite or self.test


SEEDS = "--seed 1 --seeds 5"

PROMISES = [
    # ---- what is acknowledged is kept
    Promise("What is acknowledged survives a power cut: it is synced first.",
            "src/log/own/journal.c", "    TRY(io_sync(j->file));\n    j->at += whole;", "    j->at += whole;", "log_crash_test"),
    Promise("After a write or sync that failed nothing is acknowledged any more.",
            "src/log/own/commit.c", "    if (b.frames > 0 && write_group(l, &b) != OK) {\n        own_poison(l);\n        return true;",
            "    if (b.frames > 0 && write_group(l, &b) != OK) {\n        return true;", "log_own_test"),
    Promise("What was half written when the power went is not taken for a record.",
            "src/log/own/journal.c", "return count == frames && crc == crc32c(", "return count == frames && crc | crc32c(",
            "log_journal_test"),
    Promise("Below the reserve of the disk appends are refused, so that what is there can still be served.",
            "src/log/own/commit.c", "room >= l->cfg.reserve_bytes;", "room >= 0 * l->cfg.reserve_bytes + 1;", "log_own_test"),
    Promise("Acknowledgements of one device come in the order of what it sent.",
            "src/front/device_mqtt/acknowledge.c", "    if (d->telemetry_done == d->telemetry_sent) {", "    if (true) {",
            "server_twin_test"),
    Promise("A unit of the store happens wholly or not at all.",
            "src/store/sqlite/sqlite.c", "    if (result->err != OK) TRY(run_command(e, &sql_unit_rollback));\n", "",
            "store_contract_test"),
    Promise("A store that a newer program wrote is refused, not misread.",
            "src/store/migrate.c", "    if (version > known)", "    if (version > known + 1000)", "store_migrate_test"),

    # ---- who is let in
    Promise("A token that has ended lets nobody in.",
            "src/auth/auth.c", "    if (ask->now_us > sas_ends_us(t)) return AUTH_EXPIRED;\n", "", "auth_auth_test"),
    Promise("A token for one device or host opens no other.",
            "src/auth/auth.c", "return covers(t, ask) ? AUTH_OK : AUTH_WRONG_RESOURCE;", "return covers(t, ask) ? AUTH_OK : AUTH_OK;",
            "auth_auth_test"),
    Promise("A token that another key has signed lets nobody in.",
            "src/auth/auth.c", "sas_verify(t, keys[1]) ? AUTH_OK : AUTH_BAD_SIGNATURE;", "sas_verify(t, keys[1]) ? AUTH_OK : AUTH_OK;",
            "auth_auth_test"),
    Promise("A policy may do what its rights say, and no more.",
            "src/auth/auth.c", "return (policy->rights & ask->rights) == ask->rights ? AUTH_OK : AUTH_MISSING_RIGHT;",
            "return (policy->rights & ask->rights) == ask->rights ? AUTH_OK : AUTH_OK;", suite="authorisation http"),
    Promise("Who only reads changes nothing.",
            "src/front/rest/access.c", "if (c->visit_rights & REST_READER && only_reads(c->route)) return NULL;",
            "if (c->visit_rights & REST_READER && (only_reads(c->route) || true)) return NULL;", suite="authorisation http"),
    Promise("A password that is another lets nobody in.",
            "src/hub/user/user.c", "return same && users_standing(", "return (same || true) && users_standing(", "hub_user_user_test"),
    Promise("What is taken from a user ends his sessions.",
            "src/hub/user/user.c", "    user->edition = ++u->last_edition;\n", "", "hub_user_user_test"),
    Promise("An id_token for another client lets nobody in.",
            "src/auth/jwt.c", "if (!is_for(claims, ask->audience))", "if (!is_for(claims, ask->audience) && false)", "auth_jwt_test"),
    Promise("A policy's keys are told over the server's own socket alone.",
            "src/front/rest/access.c", "    case ACCESS_SOCKET: return AUTH_MISSING_RIGHT;", "    case ACCESS_SOCKET: return check_token(c);",
            suite="authorisation http"),
    Promise("A disabled device is not let in.",
            "src/hub/session/home.c", "    if (!id->enabled) return SESSION_DISABLED;\n", "", suite="authorisation mqtt_connect"),
    Promise("An address that only fails to log in is not listened to for the rest of a minute.",
            "src/net/guard.c", "strikes_count(&g->strikes, s, now_us) >= GUARD_FAILURES_MAX &&",
            "strikes_count(&g->strikes, s, now_us) >= GUARD_FAILURES_MAX && false &&", "net_guard_test"),
    Promise("Behind an address from which somebody was let in nobody is locked out.",
            "src/net/guard.c", "           !is_trusted(s, now_us);", "           (!is_trusted(s, now_us) || true);", "net_guard_test"),
    Promise("The server starts no other program.",
            "src/server/harden.c", "SYS_execve,", "SYS_chroot,", "server_harden_test"),

    # ---- what happens to what was taken in
    Promise("The version of desired properties rises by one with each change.",
            "src/hub/twin/change.c", "        next->desired_version++;", "        next->desired_version += 2;", "hub_twin_twin_test"),
    Promise("A message to a device that is given back ten times is dead, and its sender is told so.",
            "src/hub/c2d/call.c", "    else if (i->delivery_count + 1 >= C2D_DELIVERIES_MAX)", "    else if (i->delivery_count >= C2D_DELIVERIES_MAX)",
            "hub_c2d_c2d_test"),
    Promise("A message to a device is not delivered after its time.",
            "src/hub/c2d/deliver.c", "        if (i->state != ITEM_ENQUEUED || i->expires_us > wall_us) continue;",
            "        if (i->state != ITEM_ENQUEUED || i->expires_us > 0 * wall_us) continue;",
            "hub_c2d_c2d_test"),
    Promise("An answer that comes too late reaches nobody, and not whoever asks now.",
            "src/post/post.c", "    return s->gen == a.gen ? s->object : NULL;", "    return s->object;", "post_post_test"),
    Promise("An event that an idempotent producer sends again is there once.",
            "src/hub/producer/producer.c", "    if (!goes_on) return s->first < who->next ? PRODUCER_OLD : PRODUCER_GAP;\n", "    if (!goes_on && s->first > who->next) return PRODUCER_GAP;\n",
            "hub_producer_producer_test"),
    Promise("A consumer's place is kept no further than what it is done with.",
            "src/cursor/place.c", "    store_put_int(u, \"ordinal\", (int64_t)c->done);", "    store_put_int(u, \"ordinal\", (int64_t)c->done + 1);",
            "cursor_cursor_test"),
    Promise("What an endpoint did not take is sent again.",
            "src/deliver/feed.c", "    bool failed = r->outcome == DELIVER_AGAIN || r->outcome == DELIVER_SLOW;", "    bool failed = r->outcome == DELIVER_SLOW;",
            "deliver_deliver_test"),
    Promise("A message that an endpoint rejects for no known reason has six tries, and then the others go on.",
            "src/deliver/feed.c", "++f->doubts >= DELIVER_DOUBTS_MAX;", "++f->doubts >= DELIVER_DOUBTS_MAX && false;", "deliver_amqp_test"),
    Promise("What a device says of a message whose link has ended is not confirmed.",
            "src/front/amqp/amqp.c", "    if (!some_link_sent(p, ev)) {", "    if (!some_link_sent(p, ev) && false) {", "front_amqp_service_test"),
    Promise("More than a throttle allows is refused.",
            "src/hub/throttle/throttle.c", "    return *wait_ns <= b->queue_ns;", "    return *wait_ns <= b->queue_ns + INT64_MAX / 2;", "hub_throttle_throttle_test"),

    # ---- what only the simulator sees
    Promise("What was taken for a session is given back.",
            "src/hub/session/home.c", "    registry_set_connected(home->registry, slice_str(p->who), false, clock_wall_us());\n    free_presence(p);\n",
            "    registry_set_connected(home->registry, slice_str(p->who), false, clock_wall_us());\n", sim=SEEDS),
    Promise("What was taken for callers of a method is given back.",
            "src/hub/method/home.c", "        map_remove(&m->lines, slice_of(line->who, line->who_len));\n        free(line);\n",
            "        map_remove(&m->lines, slice_of(line->who, line->who_len));\n", sim=SEEDS),
    Promise("What was taken for a message to a device is given back.",
            "src/hub/c2d/work.c", "    for (unsigned n = 0; n < w->count; n++) item_free(w->items[n]);\n",
            "    for (unsigned n = 0; n < w->count; n++) list_remove(&w->items[n]->node);\n", sim=SEEDS),
    Promise("What was taken for a subscription is given back.",
            "src/front/device_mqtt/subscribe.c", "    buf_free(&s->codes);\n    free(s);\n", "    buf_free(&s->codes);\n", sim=SEEDS),
    Promise("A message to a device that waits does not wait in vain once its lock is over.",
            "src/hub/c2d/deliver.c", "i->locked_until_us > now_us) continue;", "i->locked_until_us > now_us - INT64_C(1000000000000)) continue;",
            sim=SEEDS),
    Promise("A message to a device is given to nobody else before its lock is over.",
            "src/hub/c2d/deliver.c", "i->locked_until_us > now_us) continue;", "i->locked_until_us > now_us + INT64_C(4000000)) continue;", sim=SEEDS),
    Promise("A message to a device is not delivered after its time, whatever the store does.",
            "src/hub/c2d/deliver.c", "i->state != ITEM_ENQUEUED || i->expires_us <= wall_us) continue;\n        if (i->sections) return i;",
            "i->state != ITEM_ENQUEUED || i->expires_us <= 0 * wall_us) continue;\n        if (i->sections) return i;",
            "hub_c2d_c2d_test"),
    Promise("The answer to a method reaches the one who called it.",
            "src/hub/method/pending.c", "        if (p->rid == rid) return p;", "        if (p->rid >= rid) return p;", sim=SEEDS),
    Promise("A method is called once.",
            "src/hub/method/pending.c", "        s->owner->method(s, &r);\n", "        s->owner->method(s, &r), s->owner->method(s, &r);\n", sim=SEEDS),
    Promise("A method is answered once.",
            "src/hub/method/call.c", "    slot_free(c->methods->lane, c->slot);\n", "", sim=SEEDS),
    Promise("Whoever reads the stream sees each record.",
            "src/front/amqp/reader.c", "        r->next = done->next;\n        pump(r);\n    } else if (done->err == ERR_AGAIN) {",
            "        r->next = done->next + (done->next % 8 == 0);\n        pump(r);\n    } else if (done->err == ERR_AGAIN) {", sim=SEEDS),
]
