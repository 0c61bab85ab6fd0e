/* wire.c - one BIO per thread, without memory of its own.
 *
 * A BIO costs about 220 bytes with its lock, and it is only ever looked at during a call into
 * OpenSSL: so there is one per thread and a pointer to the connection being served.  A connection
 * lives on one thread, hence no two threads write the same BIO's flags; its reference count is
 * atomic, so the object outlives the thread as long as a connection still holds it.
 *
 * During a handshake OpenSSL puts a buffering BIO of its own on top of ours, one per connection.
 * That sets our `prev_bio`, which nobody reads. */
#include "proto/tls/wire.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>

#include "base/num.h"

static _Thread_local struct tls *current;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static BIO_METHOD *method;
static pthread_key_t thread_bio;

static int wire_read(BIO *bio, char *to, size_t len, size_t *got)
{
    BIO_clear_retry_flags(bio);
    *got = MIN(len, current->in.len);
    if (*got == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(to, current->in.ptr, *got);
    current->in = slice_from(current->in, *got);
    return 1;
}

static int wire_write(BIO *bio, const char *from, size_t len, size_t *put)
{
    BIO_clear_retry_flags(bio);
    buf_put(current->out, from, len);
    *put = len;
    return 1;
}

static long wire_ctrl(BIO *bio, int command, long number, void *ptr)
{
    (void)bio, (void)number, (void)ptr;
    return command == BIO_CTRL_FLUSH; /* written is sent, as far as we are concerned */
}

static void drop_bio(void *bio)
{
    BIO_free(bio);
}

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "fed slice");
    assert(method != NULL);
    BIO_meth_set_read_ex(method, wire_read);
    BIO_meth_set_write_ex(method, wire_write);
    BIO_meth_set_ctrl(method, wire_ctrl);
    int made = pthread_key_create(&thread_bio, drop_bio);
    assert(made == 0);
}

void tls_wire_attach(struct ssl_st *ssl)
{
    pthread_once(&once, make_method);
    BIO *bio = pthread_getspecific(thread_bio);
    if (bio == NULL) {
        bio = BIO_new(method);
        assert(bio != NULL);
        BIO_set_init(bio, 1);
        pthread_setspecific(thread_bio, bio);
    }
    BIO_up_ref(bio); /* one reference serves both directions when they are the same BIO */
    SSL_set_bio(ssl, bio, bio);
}

void tls_wire_use(struct tls *t)
{
    current = t;
    if (ERR_peek_error()) ERR_clear_error();
}

struct tls *tls_wire_current(void)
{
    return current;
}
