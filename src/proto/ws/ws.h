/* ws.h - WebSocket (RFC 6455), both roles: a byte stream inside binary frames.
 *
 * Who speaks MQTT or AMQP over a WebSocket does not care where frames and messages begin, so this
 * engine hands out the content of binary frames as one stream, piece by piece, as it arrives, and
 * frames what it is given.  Pings are answered here, the closing handshake is ws_close().  No
 * extension is ever agreed upon.
 *
 * A server may speak text instead (ws_config.text): then messages matter, and each ends with
 * WS_TEXT_END in the stream, which no JSON has, in both directions.  What is not UTF-8 is refused as
 * soon as it shows.
 *
 * Runs on: the thread that feeds it.
 * Life:    after the upgrade: ws_init(), then per piece of input ws_feed(), ws_next() until it is not
 *          OK; ws_fini().  Output is appended to config.out (docs/decisions/0001).
 * Memory:  an engine between two frames owns nothing: wslay, which reads frames, keeps 4 KiB, and all
 *          engines of a thread take turns with one of it (struct ws_spare).
 * Errors:  all but ERR_AGAIN are final; ws_close() then says the code that the standard wants.
 * Limits:  the constants below.
 */
#ifndef PROTO_WS_WS_H
#define PROTO_WS_WS_H

#include "base/buf.h"

enum {
    /* Nothing of a message is stored, so these bound nonsense and not memory.  The largest that SDKs
     * send in one frame is an MQTT PUBLISH, or what an AMQP sender had in its queue. */
    WS_FRAME_MAX = 4 << 20,    /* payload of a frame: Close 1009 */
    WS_MESSAGE_MAX = 16 << 20, /* all frames of a message together: Close 1009 */
    WS_CONTROL_MAX = 125,      /* payload of a control frame, section 5.5: Close 1002 */
    WS_PIECE_MAX = 4096,       /* what ws_next() hands out at once */
    WS_FRAME_SEND_MAX = 65535, /* payload of a frame of ours: the most with a 16 bit length */
    WS_RESPONSE_MAX = 8 << 10, /* client: head of the answer to the upgrade */
    WS_TEXT_END = 0x1e,        /* ASCII's record separator */
};

/* Section 7.4.1. */
enum ws_code {
    WS_NO_CODE = 0, /* a Close without body */
    WS_NORMAL = 1000,
    WS_BROKE_RULES = 1002,
    WS_NOT_TAKEN = 1003,
    WS_NOT_TEXT = 1007,
    WS_TOO_BIG = 1009,
};

/* ---- the stream */

enum ws_role { WS_SERVER, WS_CLIENT };

struct ws_reader; /* wslay's, with what it keeps */

/* The reader that a thread's engines share while they are between frames; all zero at first. */
struct ws_spare {
    struct ws_reader *reader;
};

void ws_spare_fini(struct ws_spare *s);

struct ws_config {
    enum ws_role role;
    struct buf *out;        /* outlives the engine */
    struct ws_spare *spare; /* outlives the engine, same thread */
    bool text;              /* messages of text and no others */
};

/* All fields are the engine's. */
struct ws {
    struct buf *out;
    struct ws_spare *spare;
    struct ws_reader *reader; /* while ws_next() is pulled, and while a frame is unfinished */
    struct slice in;          /* fed and not yet read: borrowed */
    uint64_t message_len;     /* of the message that is being read */
    const char *why;          /* goes with `code` */
    uint16_t code;            /* what the Close of ours says, once `error` is set */
    uint8_t role, error;      /* enum ws_role, enum err; not OK: nothing more is read */
    bool in_message;          /* a frame without FIN came */
    bool closed;              /* our Close is sent */
    bool text;                /* as in ws_config */
    bool ended;               /* text: the end of a message is to be told */
    bool in_output;           /* text: a message of ours has begun */
    uint8_t cut_len, cut[3];  /* text: the beginning of a character whose rest has not come */
};

void ws_init(struct ws *w, const struct ws_config *config);
void ws_fini(struct ws *w);

/* The next bytes of the peer, borrowed until ws_next() is not OK. */
void ws_feed(struct ws *w, struct slice bytes);

/* The next piece of the stream: never empty, valid until the next ws_next().  Pongs are written as it
 * goes.  ERR_AGAIN: the fed bytes are read.  ERR_CLOSED: the peer's Close came.  ERR_PROTOCOL,
 * ERR_TOO_BIG: it broke a rule or a limit, fail_text() says which. */
enum err ws_next(struct ws *w, struct slice *piece) MUST_USE;

/* Some of the stream, in as few binary frames as possible; nothing for nothing.  Not after
 * ws_close(). */
void ws_send(struct ws *w, struct slice bytes);

/* Server: only the head of a frame; `len` bytes (1 .. WS_FRAME_SEND_MAX) that the caller sends behind
 * it are its payload. */
void ws_send_head(struct ws *w, size_t len);

/* The same with text: `last` if the message ends there, and only then may `len` be 0. */
void ws_send_text_head(struct ws *w, size_t len, bool last);

/* Sends Close, once: the answer to the peer's, or what ended ws_next(), or else `code`. */
void ws_close(struct ws *w, enum ws_code code);

bool ws_is_closed(const struct ws *w); /* our Close is sent */
bool ws_over(const struct ws *w);      /* and nothing of the peer is awaited any more */

/* After ERR_CLOSED: the peer's code, WS_NO_CODE if it gave none. */
unsigned ws_peer_code(const struct ws *w);

/* ---- the upgrade, section 4; HTTP is somebody else's */

enum { WS_VERSION = 13, WS_KEY_LEN = 24, WS_ACCEPT_LEN = 28 };

bool ws_key_is_valid(struct slice key); /* Sec-WebSocket-Key: base64 of 16 bytes */

/* Sec-WebSocket-Accept for that key. */
void ws_accept(struct slice key, char accept[WS_ACCEPT_LEN + 1]);

/* Cuts the next name off a Sec-WebSocket-Protocol list ("mqtt, amqp"); false at its end. */
bool ws_next_protocol(struct slice *list, struct slice *name);

/* Client: a new key, the request, and the judgement of its answer. */
void ws_make_key(char key[WS_KEY_LEN + 1]);
void ws_put_request(struct buf *out, const char *host, const char *path, const char *protocol,
                    const char *key);

/* `bytes`: all that came so far.  OK: accepted, the stream begins at *len.  ERR_AGAIN: incomplete.
 * ERR_TOO_BIG, ERR_PROTOCOL: fail_text() has the answer's first line or what is wrong with it. */
enum err ws_read_response(struct slice bytes, const char *protocol, const char *key,
                          size_t *len) MUST_USE;

#endif
